use super::*;
use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::message::{MessageWriter, PropertyFields};
use crate::protocol::amqp::reference;
use crate::protocol::amqp::value::Value;
use crate::protocol::amqp::writer::Writer;
use proptest::prelude::*;

const TIME: i64 = 1_525_338_803_008;

/// The sections in front of the body of an event of `device1`.
fn head(properties: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
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
        w.string("device1");
        w.symbol("iothub-message-source");
        w.string("Telemetry");
        w.symbol("iothub-connection-auth-method");
        w.string("{\"scope\":\"device\"}");
    });
    message.properties(&PropertyFields {
        message_id: Some(Value::String("m1")),
        content_type: Some("application/json"),
        content_encoding: Some("utf-8"),
        ..PropertyFields::default()
    });
    message.application_properties(properties);
    out
}

fn with_data(sections: &[&[u8]]) -> Vec<u8> {
    let mut out = head(|_| {});
    for section in sections {
        MessageWriter::new(&mut out).data(section);
    }
    out
}

fn written(payload: &[u8], format: Format) -> String {
    let event = Event::parse(payload).unwrap();
    let mut out = Vec::new();
    EventWriter::new(format, BodyFormat::Auto).write("3", &event, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn text(payload: &[u8]) -> String {
    written(payload, Format::Text { is_verbose: false })
}

fn line(payload: &[u8]) -> serde_json::Value {
    let text = written(payload, Format::Ndjson);
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    assert!(text.ends_with('\n'));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_block_is_as_the_walk_shows_it() {
    let mut payload = head(|w| {
        w.string("alert");
        w.string("true");
    });
    MessageWriter::new(&mut payload).data(b"{\"temperature\": 24.5}");
    assert_eq!(
        text(&payload),
        "==== From: 'device1' at '2018-05-03T09:13:23.008Z' ====\n\
         {\"temperature\": 24.5}\n\
         ---- application properties ----\n\
         {\n  \"alert\": \"true\"\n}\n\
         ====================\n"
    );
    assert_eq!(
        written(
            &payload,
            Format::Raw {
                with_properties: true
            }
        ),
        "{\"temperature\": 24.5}\n{\"alert\":\"true\"}\n"
    );
}

#[test]
fn without_properties_there_is_no_section_for_them() {
    assert_eq!(
        text(&with_data(&[b"hello"])),
        "==== From: 'device1' at '2018-05-03T09:13:23.008Z' ====\nhello\n====================\n"
    );
}

#[test]
fn verbose_shows_what_the_service_says() {
    let text = written(&with_data(&[b"x"]), Format::Text { is_verbose: true });
    assert!(text.contains("---- system properties ----\n{\n  \"message-id\": \"m1\",\n"));
    assert!(text.contains("---- annotations ----\n{\n  \"x-opt-sequence-number\": 7,\n"));
}

#[test]
fn a_line_has_the_documented_keys() {
    let text = written(
        &with_data(&[b"{\"t\": 1.50,\n\"n\":12345678901234567890}"]),
        Format::Ndjson,
    );
    assert_eq!(
        text,
        "{\"partition\":\"3\",\"sequenceNumber\":7,\"offset\":\"4096\",\"enqueuedTime\":\"2018-05-03T09:13:23.008Z\",\
         \"deviceId\":\"device1\",\"source\":\"Telemetry\",\"contentType\":\"application/json\",\"messageId\":\"m1\",\
         \"properties\":{},\"systemProperties\":{\"iothub-connection-auth-method\":\"{\\\"scope\\\":\\\"device\\\"}\",\
         \"content-encoding\":\"utf-8\"},\"body\":{\"t\":1.50,\"n\":12345678901234567890}}\n"
    );
}

#[test]
fn every_kind_of_body_has_its_place() {
    assert_eq!(line(&with_data(&[b"{\"a\":", b"1}"]))["body"]["a"], 1);
    assert_eq!(line(&with_data(&[b"plain"]))["body"], "plain");
    assert_eq!(line(&with_data(&[b""]))["body"], "");
    let not_text = line(&with_data(&[b"\xff\x00"]));
    assert_eq!(not_text["bodyBase64"], "/wA=");
    assert!(not_text.get("body").is_none());
    let empty = line(&head(|_| {}));
    assert!(empty["body"].is_null() && empty.get("body").is_some());
    let value = |write: &dyn Fn(&mut Writer<'_>)| {
        let mut payload = head(|_| {});
        MessageWriter::new(&mut payload).value(write);
        payload
    };
    assert_eq!(line(&value(&|w| w.string("text")))["body"], "text");
    assert_eq!(line(&value(&|w| w.string("[1]")))["body"][0], 1);
    assert_eq!(line(&value(&|w| w.binary(b"bytes")))["body"], "bytes");
    assert_eq!(line(&value(&|w| w.ulong(5)))["body"], 5);
    assert_eq!(
        text(&value(&|w| w.string("text"))).lines().nth(1),
        Some("text")
    );
    let mut lists = head(|_| {});
    for number in [1, 2] {
        Writer::new(&mut lists).described(descriptor::AMQP_SEQUENCE, |w| {
            w.list(|w| w.int(number));
        });
    }
    assert_eq!(line(&lists)["body"], serde_json::json!([1, 2]));
    assert_eq!(
        written(
            &lists,
            Format::Raw {
                with_properties: true
            }
        ),
        "[1,2]\n"
    );
}

#[test]
fn a_real_event_is_shown() {
    let payload = reference::bytes(reference::MESSAGE_D2C_RHEA);
    let value = line(&payload);
    assert_eq!(value["deviceId"], "sim000001");
    assert_eq!(value["body"]["t"], 21.5);
    assert_eq!(value["systemProperties"]["x-opt-sequence-number-epoch"], -1);
    assert!(
        text(&payload).starts_with("==== From: 'sim000001' at '2024-05-01T07:14:37.956Z' ====\n")
    );
}

#[test]
fn hostile_bodies_give_lines_that_parse() {
    let digits = vec![b'9'; 100_000];
    let bodies: [&[u8]; 8] = [
        b"{\"a\":\"\\ud800\"}",
        b"\x00\x1b[2J",
        &[b'['; 5000],
        &digits,
        b"{\"a\":1,\"a\":2}",
        b"1e400",
        b"\xed\xa0\x80",
        "\u{2028}\u{feff}".as_bytes(),
    ];
    for body in bodies {
        let value = line(&with_data(&[body]));
        assert!(value.get("body").is_some() != value.get("bodyBase64").is_some());
    }
}

proptest! {
    #[test]
    fn any_event_gives_a_line_that_parses(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            "[\\[\\]{}:,\"\\\\ud80e1. \n-]{0,30}".prop_map(String::into_bytes),
        ],
        name in any::<String>(),
        text in any::<String>(),
        number: f64,
    ) {
        let mut payload = head(|w| {
            w.string(&name);
            w.string(&text);
            w.string("number");
            w.double(number);
        });
        MessageWriter::new(&mut payload).data(&body);
        let value = line(&payload);
        let shown = match std::str::from_utf8(&body) {
            Ok(text) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
            Err(_) => serde_json::Value::Null,
        };
        prop_assert_eq!(value.get("body").cloned().unwrap_or_default(), shown);
        let pretty = written(&payload, Format::Json);
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&pretty).unwrap(), value);
    }

    #[test]
    fn changed_bytes_can_be_shown(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut payload = reference::bytes(reference::MESSAGE_D2C_RHEA);
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        if Event::parse(&payload).is_ok() {
            line(&payload);
            written(&payload, Format::Raw { with_properties: true });
            written(&payload, Format::Text { is_verbose: true });
        }
    }
}
