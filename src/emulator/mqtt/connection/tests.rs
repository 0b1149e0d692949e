//! The machine alone: bytes in, bytes and effects out, with the time in hand.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;
use crate::emulator::driver::Clock;
use crate::emulator::hub::command::{Credential, Feed, Notice, Refusal, Reply};
use crate::emulator::mqtt::effect::Opening;
use crate::protocol::mqtt::packet::{
    ConnAck, Connect, LastWill, PubAck, Publish, QoS, SubAck, Subscribe, SubscribeFilter,
    SubscribeReasonCode, UnsubAck, Unsubscribe, read, write,
};
use crate::protocol::rest::MAX_MESSAGE_BYTES;
use crate::protocol::rest::error_code;

mod ending;
mod greeting;
mod messages;
mod traffic;
mod twin;

const SESSION: ListenerId = ListenerId(7);
const EVENTS: &str = "devices/d1/messages/events/";
const USER: &str = "localhost/d1/?api-version=2021-04-12";

fn clock() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn moment(seconds: u64) -> Moment {
    let elapsed = Duration::from_secs(seconds);
    Moment {
        elapsed,
        utc: clock() + elapsed,
    }
}

fn machine() -> Connection {
    let options = Options::new(vec!["localhost".to_owned()], Clock::new(clock));
    Connection::new(Arc::new(options), None, 7, moment(0))
}

fn connect() -> Connect {
    let mut connect = Connect::new("d1");
    connect.keep_alive = 60;
    connect.set_login(USER, "SharedAccessSignature x");
    connect
}

fn bytes(packets: &[Packet]) -> BytesMut {
    let mut bytes = BytesMut::new();
    for packet in packets {
        write(packet, &mut bytes).unwrap();
    }
    bytes
}

fn feed(machine: &mut Connection, packets: &[Packet]) {
    machine.hear();
    machine.receive(&mut bytes(packets));
}

/// What the machine says.
fn said(machine: &mut Connection) -> Vec<Packet> {
    let mut out = std::mem::take(machine.output());
    let mut packets = Vec::new();
    while let Some(packet) = read(&mut out, 1024).unwrap() {
        packets.push(packet);
    }
    packets
}

fn session() -> Reply {
    let expires = clock().timestamp() + 3600;
    Reply::Session {
        expires: Some(expires),
    }
}

/// A client that was let in, after its CONNACK.
fn open(connect: Connect) -> Connection {
    let mut machine = machine();
    feed(&mut machine, &[Packet::Connect(connect)]);
    assert!(matches!(machine.next_effect(), Some(Effect::Open(_))));
    machine.opened(Ok((SESSION, session())), None);
    let welcome = ConnAck::new(ConnectReturnCode::Success, false);
    assert_eq!(said(&mut machine), [Packet::ConnAck(welcome)]);
    machine
}

fn publish(qos: QoS, id: u16, topic: &str, payload: &str) -> Packet {
    Packet::Publish(Publish {
        pkid: id,
        ..Publish::new(topic, qos, payload)
    })
}

/// The messages of the next effect, which has to be a publish, and where the answer belongs.
fn published(machine: &mut Connection) -> (Vec<DeviceMessage>, Origin) {
    match machine.next_effect() {
        Some(Effect::Ask {
            origin,
            command: Command::Publish { session, messages },
        }) => {
            assert_eq!(session, SESSION);
            (messages, origin)
        }
        other => panic!("no publish: {other:?}"),
    }
}

/// The hub hears next that the client wants this, or no longer; it is done then.
fn listens(machine: &mut Connection, wanted: Feed, wish: bool) {
    match machine.next_effect() {
        Some(Effect::Ask {
            origin,
            command: Command::Listen { session, feed, on },
        }) => {
            assert_eq!((session, feed, on), (SESSION, wanted, wish));
            machine.answer(origin, &Ok(Reply::Done));
        }
        other => panic!("no listening: {other:?}"),
    }
}

fn bodies(messages: &[DeviceMessage]) -> Vec<&[u8]> {
    messages.iter().map(|message| &*message.body).collect()
}

fn refusal(code: crate::protocol::rest::error_code::ErrorCode) -> Refusal {
    Refusal {
        code,
        condition: "amqp:internal-error",
        message: String::new(),
    }
}

proptest! {
    #[test]
    fn no_bytes_do_harm(
        is_in in any::<bool>(),
        mut noise in prop::collection::vec(any::<u8>(), 0..80),
        kind in 0..16u8,
        cut in 1..30usize,
    ) {
        let mut machine = if is_in { open(connect()) } else { machine() };
        if let Some(first) = noise.first_mut() {
            *first = kind << 4 | *first & 0x0F;
        }
        let mut input = BytesMut::new();
        for chunk in noise.chunks(cut) {
            input.extend_from_slice(chunk);
            machine.receive(&mut input);
            while let Some(effect) = machine.next_effect() {
                if let Effect::Ask { origin, .. } = effect {
                    machine.answer(origin, &Ok(Reply::Done));
                }
            }
        }
        machine.tick(moment(4000));
        prop_assert!(machine.is_closed() || !is_in);
    }
}
