//! Events as they are sent: encoded once, with places in which the numbers are changed.

use hubctl::protocol::amqp::frame::{FrameKind, begin_frame, end_frame};
use hubctl::protocol::amqp::message::{MessageWriter, PropertyFields};
use hubctl::protocol::amqp::performative::{Performative, Transfer};

/// What events look like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Four annotations, two properties: about 500 bytes a transfer.
    EventHub,
    /// As IoT Hub sends them, with more and longer annotations: about 900 bytes.
    IotHub,
}

// Numbers that nothing else in a frame looks like, and whose encodings are of full width.
const DELIVERY: u32 = 0x71d3_5a91;
const TAG: [u8; 4] = [0x93, 0xe1, 0x57, 0xc4];
const SEQUENCE_NUMBER: i64 = 0x6a5b_91e3_c7d2_f408;
const ENQUEUED: i64 = 0x0000_51d7_93b2_e84c;
const OFFSET: &str = "700000000000";

/// One event, ready to be sent over one link. Its offset stays as it is: nobody places himself by it here.
pub struct Template {
    frame: Vec<u8>,
    delivery: usize,
    tag: usize,
    sequence_number: usize,
    enqueued: Vec<usize>,
}

impl Template {
    pub fn new(profile: Profile, channel: u16, handle: u32) -> Self {
        let mut frame = Vec::new();
        let start = begin_frame(&mut frame, FrameKind::Amqp, channel);
        let transfer = Transfer {
            handle,
            delivery_id: Some(DELIVERY),
            delivery_tag: Some(&TAG),
            message_format: Some(0),
            settled: Some(true),
            ..Transfer::default()
        };
        Performative::Transfer(transfer).encode(&mut frame);
        write_message(profile, &mut frame);
        end_frame(&mut frame, start);
        Self {
            delivery: place(&frame, &DELIVERY.to_be_bytes())[0],
            tag: place(&frame, &TAG)[0],
            sequence_number: place(&frame, &SEQUENCE_NUMBER.to_be_bytes())[0],
            enqueued: place(&frame, &ENQUEUED.to_be_bytes()),
            frame,
        }
    }

    pub fn append(&self, delivery: u32, number: i64, enqueued_ms: i64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = &mut out[start..];
        put(frame, self.delivery, &delivery.to_be_bytes());
        put(frame, self.tag, &delivery.to_be_bytes());
        put(frame, self.sequence_number, &number.to_be_bytes());
        for at in &self.enqueued {
            put(frame, *at, &enqueued_ms.to_be_bytes());
        }
    }
}

fn put(frame: &mut [u8], at: usize, bytes: &[u8]) {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Where these bytes stand.
fn place(frame: &[u8], bytes: &[u8]) -> Vec<usize> {
    let places: Vec<usize> = frame
        .windows(bytes.len())
        .enumerate()
        .filter(|(_, window)| *window == bytes)
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty());
    places
}

fn write_message(profile: Profile, out: &mut Vec<u8>) {
    let mut message = MessageWriter::new(out);
    message.message_annotations(|w| {
        w.symbol("x-opt-sequence-number");
        w.long(SEQUENCE_NUMBER);
        w.symbol("x-opt-offset");
        w.string(OFFSET);
        w.symbol("x-opt-enqueued-time");
        w.timestamp(ENQUEUED);
        if profile == Profile::EventHub {
            w.symbol("iothub-connection-device-id");
            w.string("sim000001");
            return;
        }
        w.symbol("x-opt-sequence-number-epoch");
        w.int(-1);
        for (name, value) in [
            ("iothub-connection-device-id", "greenhouse-7-sensor-000001"),
            (
                "iothub-connection-auth-method",
                "{\"scope\":\"device\",\"type\":\"sas\",\"issuer\":\"iothub\",\"acceptingIpFilterRule\":null}",
            ),
            ("iothub-connection-auth-generation-id", "638501443865961375"),
            ("iothub-message-source", "Telemetry"),
            ("x-opt-partition-key", "greenhouse-7-sensor-000001"),
        ] {
            w.symbol(name);
            w.string(value);
        }
        w.symbol("iothub-enqueuedtime");
        w.timestamp(ENQUEUED);
    });
    if profile == Profile::IotHub {
        message.properties(&PropertyFields {
            content_type: Some("application/json"),
            content_encoding: Some("utf-8"),
            ..PropertyFields::default()
        });
    }
    message.application_properties(|w| {
        for (name, value) in [("alert", "false"), ("site", "greenhouse-7")] {
            w.string(name);
            w.string(value);
        }
    });
    message.data(&body());
}

/// 256 bytes of JSON.
fn body() -> Vec<u8> {
    let mut body = String::from(
        "{\"deviceId\":\"sim000001\",\"temperature\":24.53,\"humidity\":61.2,\"pressure\":1013.25,\"battery\":3.71,\
         \"position\":{\"lat\":52.520008,\"lon\":13.404954,\"alt\":34},\"status\":\"ok\",\"counters\":[1,2,3,4,5,6,7,8],\"note\":\"",
    );
    while body.len() < 254 {
        body.push('x');
    }
    body.push_str("\"}");
    assert_eq!(body.len(), 256);
    body.into_bytes()
}
