//! Every line of `-f ndjson` is held against the schema that is handed out for it, whatever is in the event.

use boon::{Compiler, SchemaIndex, Schemas};
use hubctl::protocol::amqp::event::Event;
use hubctl::protocol::amqp::message::MessageWriter;
use hubctl::protocol::amqp::writer::Writer;
use hubctl::render::{BodyFormat, EventWriter, Format};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{Emulator, Hubctl};

struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn new() -> Self {
        let text = include_str!("../../src/render/event.schema.json");
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler
            .add_resource("http://hubctl/event", serde_json::from_str(text).unwrap())
            .unwrap();
        let index = compiler
            .compile("http://hubctl/event", &mut schemas)
            .unwrap();
        Self { schemas, index }
    }

    /// The event of a line, if the line is as the schema says.
    fn check(&self, line: &str) -> Result<Value, String> {
        let value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        self.schemas
            .validate(&value, self.index)
            .map_err(|error| format!("{error}: {line}"))?;
        Ok(value)
    }
}

/// A value of AMQP, of any type.
#[derive(Debug, Clone)]
enum Any {
    Null,
    Bool(bool),
    Long(i64),
    Ulong(u64),
    Float(f32),
    Double(f64),
    Char(char),
    Timestamp(i64),
    Uuid([u8; 16]),
    Binary(Vec<u8>),
    Text(String),
    Symbol(String),
    List(Vec<Any>),
    Map(Vec<(Any, Any)>),
    Described(u64, Box<Any>),
    Symbols(Vec<String>),
}

impl Any {
    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Self::Null => w.null(),
            Self::Bool(value) => w.bool(*value),
            Self::Long(value) => w.long(*value),
            Self::Ulong(value) => w.ulong(*value),
            Self::Float(value) => w.float(*value),
            Self::Double(value) => w.double(*value),
            Self::Char(value) => w.char(*value),
            Self::Timestamp(value) => w.timestamp(*value),
            Self::Uuid(value) => w.uuid(*value),
            Self::Binary(value) => w.binary(value),
            Self::Text(value) => w.string(value),
            Self::Symbol(value) => w.symbol(value),
            Self::List(items) => w.list(|w| items.iter().for_each(|item| item.write(w))),
            Self::Map(entries) => w.map(|w| {
                for (key, value) in entries {
                    key.write(w);
                    value.write(w);
                }
            }),
            Self::Described(code, value) => w.described(*code, |w| value.write(w)),
            Self::Symbols(symbols) => w.symbols(symbols.iter().map(String::as_str)),
        }
    }
}

fn any_value() -> impl Strategy<Value = Any> {
    let doubles = prop_oneof![
        any::<f64>(),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, -0.0, 1e300, 5e-324]),
    ];
    let leaf = prop_oneof![
        Just(Any::Null),
        any::<bool>().prop_map(Any::Bool),
        any::<i64>().prop_map(Any::Long),
        any::<u64>().prop_map(Any::Ulong),
        any::<f32>().prop_map(Any::Float),
        doubles.prop_map(Any::Double),
        any::<char>().prop_map(Any::Char),
        any::<i64>().prop_map(Any::Timestamp),
        any::<[u8; 16]>().prop_map(Any::Uuid),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Any::Binary),
        any::<String>().prop_map(Any::Text),
        "[ -~\\x00\\x7f]{0,9}".prop_map(Any::Symbol),
        prop::collection::vec("[a-z]{0,3}", 0..3).prop_map(Any::Symbols),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Any::List),
            prop::collection::vec((inner.clone(), inner.clone()), 0..4).prop_map(Any::Map),
            (any::<u64>(), inner).prop_map(|(code, value)| Any::Described(code, Box::new(value))),
        ]
    })
}

/// A body of bytes that is made to hurt.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let depth = prop_oneof![0_usize..130, Just(100_000)];
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        "[\\[\\]{}:,\"\\\\ud80e1. \n-]{0,30}".prop_map(String::into_bytes),
        any::<String>().prop_map(String::into_bytes),
        depth.prop_map(|depth| ("[".repeat(depth) + &"]".repeat(depth)).into_bytes()),
        (0_usize..130)
            .prop_map(|depth| ("{\"a\":".repeat(depth) + "1" + &"}".repeat(depth)).into_bytes()),
        (290_usize..320).prop_map(|digits| "9".repeat(digits).into_bytes()),
    ]
}

fn event(time: i64, properties: &[(String, Any)], annotation: &Any, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = MessageWriter::new(&mut out);
    message.message_annotations(|w| {
        w.symbol("x-opt-sequence-number");
        w.long(1 << 60);
        w.symbol("x-opt-offset");
        w.string("1:2:3");
        w.symbol("x-opt-enqueued-time");
        w.timestamp(time);
        w.symbol("iothub-connection-device-id");
        w.string("device1");
        w.symbol("strange");
        annotation.write(w);
    });
    message.application_properties(|w| {
        for (name, value) in properties {
            w.string(name);
            value.write(w);
        }
    });
    message.data(body);
    out
}

const FORMATS: [BodyFormat; 6] = [
    BodyFormat::Auto,
    BodyFormat::Text,
    BodyFormat::Json,
    BodyFormat::Hex,
    BodyFormat::Base64,
    BodyFormat::Cbor,
];

/// The lines of an event, with its body read in every way.
fn lines(payload: &[u8]) -> Vec<String> {
    let event = Event::parse(payload).unwrap();
    let line = |format| {
        let mut out = Vec::new();
        EventWriter::new(Format::Ndjson, format).write("0", &event, &mut out);
        String::from_utf8(out).unwrap()
    };
    FORMATS.map(line).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn every_line_is_as_the_schema_says(
        time: i64,
        properties in prop::collection::vec((any::<String>(), any_value()), 0..4),
        annotation in any_value(),
        body in hostile(),
    ) {
        let schema = Schema::new();
        for line in lines(&event(time, &properties, &annotation, &body)) {
            prop_assert_eq!(line.matches('\n').count(), 1);
            let checked = schema.check(&line);
            prop_assert!(checked.is_ok(), "{:?}", checked);
        }
    }

    #[test]
    fn every_value_has_its_line(value in any_value()) {
        let schema = Schema::new();
        let mut payload = event(0, &[], &Any::Null, b"");
        let mut out = Vec::new();
        Writer::new(&mut out).described(0x77, |w| value.write(w));
        // The value stands behind the empty section of bytes, and takes its place.
        payload.extend(out);
        for line in lines(&payload) {
            let checked = schema.check(&line);
            prop_assert!(checked.is_ok(), "{:?}", checked);
        }
    }
}

#[test]
fn the_schema_is_no_rubber_stamp() {
    let schema = Schema::new();
    let payload = event(0, &[], &Any::Null, b"{}");
    let line = &lines(&payload)[0];
    let value = schema.check(line).unwrap();
    for key in [
        "partition",
        "sequenceNumber",
        "offset",
        "enqueuedTime",
        "properties",
        "body",
    ] {
        let mut without = value.clone();
        without.as_object_mut().unwrap().remove(key);
        assert!(schema.check(&without.to_string()).is_err(), "{key}");
        let mut other = value.clone();
        other[key] = serde_json::json!({ "x": [] });
        assert_eq!(
            schema.check(&other.to_string()).is_ok(),
            matches!(key, "properties" | "body"),
            "{key}"
        );
    }
    let mut both = value.clone();
    both["bodyBase64"] = "AA==".into();
    assert!(schema.check(&both.to_string()).is_err());
    let mut more = value;
    more["surprise"] = 1.into();
    assert!(schema.check(&more.to_string()).is_err());
}

#[test]
fn hostile_bodies_come_through_the_whole_way_as_lines() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let digits = "9".repeat(200_000);
    let deep = "[".repeat(100_000);
    let at_the_limit = "[".repeat(100) + &"]".repeat(100);
    let bodies: [(&[u8], Option<&str>); 12] = [
        (b"\xff\xfe\x00", None),
        (b"\0", Some("\"\\u0000\"")),
        (
            b"{\"a\":\"\\ud800\"}",
            Some("\"{\\\"a\\\":\\\"\\\\ud800\\\"}\""),
        ),
        (digits.as_bytes(), None),
        (deep.as_bytes(), None),
        (at_the_limit.as_bytes(), Some(&at_the_limit)),
        (b"{\"a\":1,\"a\":2}", Some("{\"a\":1,\"a\":2}")),
        (b"[9007199254740993, 1.10]", Some("[9007199254740993,1.10]")),
        (b"NaN", Some("\"NaN\"")),
        (b"\"\\ud83d\\ude00\"", Some("\"\\ud83d\\ude00\"")),
        (b"", Some("\"\"")),
        (b"\x7f\x1b[2J", Some("\"\\u007f\\u001b[2J\"")),
    ];
    for (body, _) in bodies {
        hub.owner(&["send", "device1", "-", "-p", "alert=true"])
            .stdin(body)
            .run()
            .success();
    }
    let schema = Schema::new();
    for format in ["auto", "text", "json", "hex", "base64", "cbor"] {
        let read = hub
            .owner(&[
                "monitor-events",
                "-s",
                "0",
                "--exit-at-end",
                "-f",
                "ndjson",
                "--body",
                format,
            ])
            .run()
            .success();
        assert_eq!(read.lines().count(), bodies.len());
        for (line, (_, expected)) in read.lines().zip(bodies) {
            let value = schema.check(line).unwrap();
            assert_eq!(value["properties"]["alert"], "true");
            if let Some(expected) = expected.filter(|_| format == "auto") {
                let end = format!("\"body\":{expected}}}");
                assert!(line.ends_with(&end), "{line} does not end with {end}");
            }
        }
    }
}

#[test]
fn the_schema_is_handed_out() {
    let schema = Hubctl::new(&["monitor-events", "--schema"]).run().success();
    assert_eq!(schema, include_str!("../../src/render/event.schema.json"));
}
