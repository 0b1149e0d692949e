//! Conditions, templates and paths of any spelling, held against events with any body.
#![no_main]

use chrono::DateTime;
use hubctl::model::glob::Glob;
use hubctl::protocol::amqp::event::Event;
use hubctl::protocol::amqp::message::MessageWriter;
use hubctl::render::condition::Condition;
use hubctl::render::decode::BodyReader;
use hubctl::render::field::View;
use hubctl::render::template::Template;
use hubctl::render::{BodyFormat, EventWriter, Format};

libfuzzer_sys::fuzz_target!(|input: (&str, bool, &[u8])| {
    let (text, is_cbor, body) = input;
    let mut payload = Vec::new();
    let mut message = MessageWriter::new(&mut payload);
    message.message_annotations(|w| {
        w.symbol("x-opt-sequence-number");
        w.long(1);
    });
    message.data(body);
    let Ok(event) = Event::parse(&payload) else {
        return;
    };
    let format = if is_cbor {
        BodyFormat::Cbor
    } else {
        BodyFormat::Auto
    };
    let mut bodies = BodyReader::new(format);
    let view = View {
        partition: "0",
        event: &event,
        body: bodies.read(&event.message.body),
    };
    if let Ok(condition) = Condition::parse(text, DateTime::UNIX_EPOCH) {
        let _ = condition.holds(&view);
    }
    if let Ok(template) = Template::parse(text) {
        template.write(&view, &mut Vec::new());
    }
    assert!(Glob::new(text).is_ok_and(|glob| glob.matches(text)) || text.contains('['));
    let mut line = Vec::new();
    EventWriter::new(Format::Ndjson, format).write("0", &event, &mut line);
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    EventWriter::new(Format::Csv, format).write("0", &event, &mut line);
});
