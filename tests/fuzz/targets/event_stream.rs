//! Whatever a service sends: frames are cut and read without harm, and an event that is one becomes a line that parses.
#![no_main]

use hubctl::client::amqp::input::Input;
use hubctl::protocol::amqp::event::Event;
use hubctl::protocol::amqp::performative::Performative;
use hubctl::protocol::amqp::performative::delivery::TransferHead;
use hubctl::render::{BodyFormat, EventWriter, Format};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    show(bytes);
    let mut input = Input::new(1024);
    let mut rest = bytes;
    while !rest.is_empty() {
        let room = input.room();
        let length = room.len().min(rest.len()).min(100);
        room[..length].copy_from_slice(&rest[..length]);
        input.filled(length);
        rest = &rest[length..];
        loop {
            let place = match input.next_frame() {
                Ok(Some(place)) => place,
                Ok(None) => break,
                Err(_) => return,
            };
            read(input.body(&place));
        }
    }
});

/// Both ways to read a transfer see the same.
fn read(body: &[u8]) {
    let whole = Performative::decode(body);
    let Some((head, payload)) = TransferHead::decode(body) else {
        return;
    };
    if let Ok((Performative::Transfer(transfer), rest)) = whole {
        assert_eq!((head, payload), (TransferHead::from(&transfer), rest));
    }
    show(payload);
}

fn show(payload: &[u8]) {
    let Ok(event) = Event::parse(payload) else {
        return;
    };
    let mut out = Vec::new();
    for body in [
        BodyFormat::Auto,
        BodyFormat::Text,
        BodyFormat::Json,
        BodyFormat::Cbor,
        BodyFormat::Hex,
    ] {
        for format in [
            Format::Ndjson,
            Format::Json,
            Format::Recording,
            Format::Csv,
            Format::Text { is_verbose: true },
        ] {
            out.clear();
            EventWriter::new(format.clone(), body).write("0", &event, &mut out);
            if matches!(format, Format::Ndjson | Format::Json | Format::Recording) {
                let value: serde_json::Value = serde_json::from_slice(&out).expect("it is JSON");
                assert!(value["sequenceNumber"].is_i64());
            }
            if matches!(format, Format::Ndjson | Format::Recording) {
                assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
            }
        }
    }
}
