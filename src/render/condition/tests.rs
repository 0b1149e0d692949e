use super::*;
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::message::{MessageWriter, PropertyFields};
use crate::protocol::amqp::writer::Writer;
use crate::render::BodyFormat;
use crate::render::decode::BodyReader;
use chrono::Utc;
use proptest::prelude::*;

const TIME: i64 = 1_525_338_803_008;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(TIME + 60_000).unwrap()
}

fn payload(body: &[u8], properties: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = MessageWriter::new(&mut out);
    message.message_annotations(|w| {
        w.symbol("x-opt-sequence-number");
        w.long(7);
        w.symbol("x-opt-offset");
        w.string("4096");
        w.symbol("x-opt-enqueued-time");
        w.timestamp(TIME);
        w.symbol("iothub-connection-device-id");
        w.string("0123");
        w.symbol("iothub-message-source");
        w.string("Telemetry");
    });
    message.properties(&PropertyFields {
        message_id: Some(Value::String("m1")),
        content_encoding: Some("utf-8"),
        ..PropertyFields::default()
    });
    message.application_properties(properties);
    message.data(body);
    out
}

fn holds_of(payload: &[u8], condition: &str) -> bool {
    let condition =
        Condition::parse(condition, now()).unwrap_or_else(|error| panic!("{condition}: {error}"));
    let event = Event::parse(payload).unwrap();
    let mut bodies = BodyReader::new(BodyFormat::Auto);
    let body = bodies.read(&event.message.body);
    condition.holds(&View {
        partition: "3",
        event: &event,
        body,
    })
}

const BODY: &[u8] = br#"{"t": 24.5, "n": 12345678901234567890123, "on": true, "off": false, "none": null,
 "s": "a \"b\" c", "at": "2018-05-03T11:00:00+02:00", "deep": {"list": [1, "two", {"x": 3}]}, "num": "42", "a.b": 1}"#;

fn holds(condition: &str) -> bool {
    let payload = payload(BODY, |w| {
        w.string("alert");
        w.string("true");
        w.string("level");
        w.string("10");
        w.string("my key");
        w.string("x");
        w.string("typed");
        w.bool(false);
        w.string("real");
        w.double(0.5);
    });
    holds_of(&payload, condition)
}

#[test]
fn sources_go_by_their_short_names_too() {
    let of = |source: Option<&str>| {
        let mut out = Vec::new();
        let mut message = MessageWriter::new(&mut out);
        message.message_annotations(|w| {
            w.symbol("x-opt-sequence-number");
            w.long(7);
            if let Some(source) = source {
                w.symbol("iothub-message-source");
                w.string(source);
            }
        });
        message.data(b"{}");
        out
    };
    for (source, condition, expected) in [
        (Some("twinChangeEvents"), "source = twin", true),
        (Some("twinChangeEvents"), "source = twinchangeevents", true),
        (Some("twinChangeEvents"), "source = telemetry", false),
        (Some("moduleLifecycleEvents"), "source = Lifecycle", true),
        (
            Some("deviceLifecycleEvents"),
            "source = moduleLifecycleEvents",
            false,
        ),
        (
            Some("deviceConnectionStateEvents"),
            "source = connection",
            true,
        ),
        (Some("mqttBrokerEvents"), "source = telemetry", false),
        (None, "source = telemetry", true),
        (None, "source != telemetry", false),
        (None, "source = null", true),
        (None, "source exists", false),
        (None, "source ~ tele", false),
        (Some("Telemetry"), "source ~ ''", true),
        (Some("Telemetry"), "source = true", false),
    ] {
        assert_eq!(
            holds_of(&of(source), condition),
            expected,
            "{source:?} {condition}"
        );
    }
}

#[test]
fn what_is_required_cannot_be_missing() {
    for (condition, expected) in [
        (
            "body.x > 1 and (body.y = 2 and body.z exists)",
            &["body.x", "body.y", "body.z"][..],
        ),
        ("body.x = true and (body.y = 2 or body.z = 3)", &["body.x"]),
        ("properties.x and not body.y = 1", &["properties.x"]),
        ("body.x != 1 and body.y = null and not body.z", &[]),
        ("source = telemetry and source exists", &["source"]),
        ("source = telemetry and source ~ tele", &[]),
    ] {
        let condition = Condition::parse(condition, now()).unwrap();
        let required: Vec<String> = condition
            .required()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(required, expected);
    }
}

#[test]
fn what_is_true_holds() {
    for condition in [
        "body.t > 24",
        "body.t = 24.50",
        "body.t<=24.5",
        "$body.t <> 25",
        "body.n > 12345678901234567890122",
        "body.n = 12345678901234567890123",
        "body.on",
        "body.on = true",
        "body.on == TRUE",
        "body.off = false",
        "not body.off",
        "body.none = null",
        "body.missing = null",
        "body.none exists",
        "exists body.none",
        "exists(body.none)",
        "is_defined($body.t)",
        "not body.missing exists",
        "not body.none",
        "body.missing != 5",
        "body.s = 'a \"b\" c'",
        "body.s ~ '\"b\"'",
        "body.s contains b",
        "body.at < 2018-05-03T09:00:00.001Z",
        "body.at = '2018-05-03T09:00:00Z'",
        "body.deep.list[0] = 1",
        "body.deep.list[1] = two",
        "body.deep.list[2].x >= 3",
        "body.deep ~ two",
        "body['a.b'] = 1",
        "body.num = 42",
        "body.num < 100",
        "body ~ '24.5'",
        "properties.alert = true",
        "properties.alert = 'true'",
        "properties.alert",
        "properties.level > 9",
        "properties.level = 10.0",
        "properties['my key'] = x",
        "properties.typed = false",
        "not properties.typed",
        "properties.real < 1",
        "systemProperties.content-encoding = utf-8",
        "$contentEncoding = utf-8",
        "systemProperties.iothub-message-source = Telemetry",
        "deviceId = 0123",
        "$connectionDeviceId = '0123'",
        "deviceId != 123",
        "deviceid ~ 12",
        "partition = 3",
        "sequenceNumber = 7",
        "offset > 1000",
        "enqueuedTime = 2018-05-03T09:13:23.008Z",
        "enqueuedTime > 2m",
        "enqueuedTime < 30s",
        "enqueuedTime >= 1525338803008",
        "source = Telemetry",
        "source = telemetry",
        "source = 'TELEMETRY'",
        "source != twin",
        "source != null",
        "source ~ tele",
        "source exists",
        "messageId = m1",
        "moduleId = null",
        "body.t > 30 or body.on and properties.alert = true",
        "(body.t > 30 OR body.on) AND NOT body.off",
        "body.t > 20 && !(body.t > 30) || body.off",
        "  body.on  ",
    ] {
        assert!(holds(condition), "{condition}");
    }
}

#[test]
fn what_is_false_does_not_hold() {
    for condition in [
        "body.t > 24.5",
        "body.n > 12345678901234567890123",
        "body.missing",
        "body.missing < 5",
        "body.missing >= 5",
        "body.none exists and body.none",
        "body.s > 5",
        "body.on = false",
        "body.on = null",
        "body.deep = null",
        "body.deep < 5",
        "body.t.x exists",
        "deviceId = 123",
        "properties.alert = false",
        "properties.level < 9",
        "properties.nothing exists",
        "systemProperties.x = 1",
        "body.on and body.off",
        "not body.on or body.off",
    ] {
        assert!(!holds(condition), "{condition}");
    }
}

#[test]
fn bodies_of_every_kind_can_be_asked() {
    let of = |body: &[u8], condition: &str| holds_of(&payload(body, |_| {}), condition);
    assert!(of(b"error 5", "body ~ error"));
    assert!(of(b"42", "body > 41"));
    assert!(of(b"\xff", "not body ~ x and body exists"));
    assert!(!of(b"{\"t\":1", "body.t = 1"));
    assert!(of(b"{\"t\":1,\"t\":2}", "body.t = 2"));
    assert!(of(br#"{"t":"\u0061\n"}"#, "body.t ~ a and body.t > 'a'"));
}

fn error(condition: &str) -> (usize, String) {
    let error = Condition::parse(condition, now()).unwrap_err();
    (error.column, error.to_string())
}

#[test]
fn mistakes_are_told_with_their_column() {
    for (condition, column, part) in [
        ("", 1, "where it ends: partition"),
        ("body.t >", 9, "where it ends: a number"),
        ("body.t > > 5", 10, "\">\""),
        ("temperature > 5", 1, "body.PATH"),
        ("body. > 5", 6, "a key"),
        ("body.t 5", 8, "\"5\": and, or, or the end"),
        ("(body.t > 5", 12, ") is expected"),
        ("body.s = 'x", 12, "closing quote"),
        ("body.t < true", 14, "less or greater"),
        ("é = 1", 1, "body.PATH"),
        ("enqueuedTime > 2018-05-03T09:13:23", 16, "lacks its zone"),
        ("enqueuedTime > soon", 16, "not a time"),
        ("body.a and", 11, "where it ends"),
        ("not", 4, "where it ends"),
        ("body[x] = 1", 6, "an index"),
    ] {
        let (at, text) = error(condition);
        assert_eq!(at, column, "{condition}: {text}");
        assert!(text.contains(part), "{condition}: {text}");
    }
    assert!(error(&"(".repeat(100_000)).1.contains("too deep"));
    assert!(error(&"not ".repeat(100_000)).1.contains("too deep"));
    let long = vec!["body.on"; 10_000].join(" and ");
    assert!(holds(&long));
}

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "body",
        ".",
        "a",
        "[",
        "0",
        "]",
        "properties",
        "deviceId",
        "=",
        "!=",
        "<",
        ">=",
        "~",
        "(",
        ")",
        "and",
        "or",
        "not",
        "exists",
        "true",
        "null",
        "5",
        "'x'",
        "\"",
        "'",
        " ",
        "é",
        "!",
        "2018-05-03T09:13:23.008Z",
        "enqueuedTime",
        "&&",
    ]);
    prop::collection::vec(word, 0..12).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn any_text_can_be_tried(text in prop_oneof![words(), ".{0,20}"]) {
        match Condition::parse(&text, now()) {
            Ok(condition) => {
                let event = payload(BODY, |_| {});
                let event = Event::parse(&event).unwrap();
                let mut bodies = BodyReader::new(BodyFormat::Auto);
                let body = bodies.read(&event.message.body);
                let view = View { partition: "", event: &event, body };
                let is_there = |field: &&Field| field.of(&view).is_some();
                prop_assert!(!condition.holds(&view) || condition.required().iter().all(is_there));
            }
            Err(error) => prop_assert!(error.column <= text.chars().count() + 1, "{}", error),
        }
    }

    #[test]
    fn numbers_compare_as_numbers(a: i64, b: i64, is_text: bool) {
        let quote = if is_text { "\"" } else { "" };
        let payload = payload(format!("{{\"x\":{quote}{a}{quote}}}").as_bytes(), |_| {});
        for (operator, expected) in [("<", a < b), ("<=", a <= b), (">", a > b), ("=", a == b), ("!=", a != b)] {
            prop_assert_eq!(holds_of(&payload, &format!("body.x {operator} {b}")), expected);
        }
    }

    #[test]
    fn a_negation_is_the_other_truth(a in "[ab]{1,2}", b in "[ab]{1,2}") {
        let payload = payload(format!("{{\"x\":\"{a}\"}}").as_bytes(), |_| {});
        for operator in ["=", "<", "~"] {
            let condition = format!("body.x {operator} {b}");
            let negated = format!("not ({condition})");
            prop_assert_ne!(holds_of(&payload, &condition), holds_of(&payload, &negated));
        }
        prop_assert_eq!(holds_of(&payload, &format!("body.x < {b}")), a < b);
        prop_assert_eq!(holds_of(&payload, &format!("body.x ~ {b}")), a.contains(&b));
    }
}
