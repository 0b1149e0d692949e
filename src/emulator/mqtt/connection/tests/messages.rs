//! Messages from the cloud.

use uuid::Uuid;

use super::*;
use crate::emulator::hub::command::{
    Ack, CloudMessage, CloudToDeviceOperation, GivenMessage, Outcome,
};
use crate::emulator::mqtt::effect::Sequel;

fn given(lock: u128) -> GivenMessage {
    GivenMessage {
        identity: crate::model::device::IdentityId {
            device: "d1".to_owned(),
            module: None,
        },
        lock: Uuid::from_u128(lock),
        sequence_number: 1,
        enqueued: clock(),
        delivery_count: 0,
        content: Arc::new(CloudMessage {
            message: DeviceMessage {
                body: lock.to_string().into(),
                message_id: Some("m 1".to_owned()),
                properties: [("level".to_owned(), "high".to_owned())].into(),
                ..DeviceMessage::default()
            },
            ..CloudMessage::default()
        }),
    }
}

/// How many messages the hub is asked for next, and where the answer belongs.
fn taken(machine: &mut Connection) -> (usize, Origin) {
    match machine.next_effect() {
        Some(Effect::Ask {
            origin,
            command: Command::CloudToDevice(CloudToDeviceOperation::Take { session, max }),
        }) => {
            assert_eq!(session, SESSION);
            assert!(matches!(origin.sequel, Sequel::Messages));
            (max, origin)
        }
        other => panic!("no messages are asked for: {other:?}"),
    }
}

fn give(machine: &mut Connection, locks: &[u128]) {
    let (_, origin) = taken(machine);
    let messages = locks.iter().map(|lock| given(*lock)).collect();
    machine.answer(origin, &Ok(Reply::Messages(messages)));
}

/// What the hub hears next of a message.
fn settled(machine: &mut Connection) -> (u128, Outcome) {
    match machine.next_effect() {
        Some(Effect::Ask {
            origin,
            command:
                Command::CloudToDevice(CloudToDeviceOperation::SettleTaken { lock, outcome, .. }),
        }) => {
            machine.answer(origin, &Ok(Reply::Done));
            (lock.as_u128(), outcome)
        }
        other => panic!("nothing is settled: {other:?}"),
    }
}

fn subscribed(qos: QoS) -> Connection {
    let mut machine = open(connect());
    let filter = SubscribeFilter::new("devices/d1/messages/devicebound/#".to_owned(), qos);
    let subscribe = Subscribe {
        pkid: 1,
        filters: vec![filter],
    };
    feed(&mut machine, &[Packet::Subscribe(subscribe)]);
    assert!(matches!(said(&mut machine)[..], [Packet::SubAck(_)]));
    machine
}

fn ids(packets: &[Packet]) -> Vec<u16> {
    let id = |packet: &Packet| {
        let Packet::Publish(publish) = packet else {
            panic!("no message: {packet:?}")
        };
        publish.pkid
    };
    packets.iter().map(id).collect()
}

#[test]
fn the_topic_says_what_the_sender_said_it_wants_to_hear() {
    for (ack, expected) in [
        (Ack::Unsaid, ""),
        (Ack::None, "&iothub-ack=none"),
        (Ack::Full, "&iothub-ack=full"),
    ] {
        let mut machine = subscribed(QoS::AtLeastOnce);
        let (_, origin) = taken(&mut machine);
        let plain = given(10);
        let content = CloudMessage {
            ack,
            ..plain.content.as_ref().clone()
        };
        let message = GivenMessage {
            content: Arc::new(content),
            ..plain
        };
        machine.answer(origin, &Ok(Reply::Messages(vec![message])));
        let told = said(&mut machine);
        let [Packet::Publish(publish)] = &told[..] else {
            panic!("no message: {told:?}")
        };
        let end = format!("%2Fmessages%2Fdevicebound{expected}&level=high");
        assert!(publish.topic.ends_with(&end), "{}", publish.topic);
    }
}

#[test]
fn a_message_is_complete_when_it_is_acknowledged() {
    let mut machine = subscribed(QoS::AtLeastOnce);
    give(&mut machine, &[10, 11]);
    let told = said(&mut machine);
    assert_eq!(ids(&told), [1, 2]);
    let Packet::Publish(first) = &told[0] else {
        panic!("no message")
    };
    assert_eq!(
        first.topic,
        "devices/d1/messages/devicebound/%24.mid=m%201&%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound&level=high"
    );
    assert_eq!(
        (first.qos, &first.payload[..]),
        (QoS::AtLeastOnce, &b"10"[..])
    );
    // More is asked for as long as there is room; none comes now.
    let (room, origin) = taken(&mut machine);
    assert_eq!(room, 14);
    machine.answer(origin, &Ok(Reply::Messages(Vec::new())));
    assert!(machine.next_effect().is_none());

    feed(&mut machine, &[Packet::PubAck(PubAck::new(2))]);
    assert_eq!(settled(&mut machine), (11, Outcome::Complete));
    give(&mut machine, &[]);
    // Once more, and one that was never given: neither is anything.
    feed(
        &mut machine,
        &[
            Packet::PubAck(PubAck::new(2)),
            Packet::PubAck(PubAck::new(9)),
        ],
    );
    assert!(machine.next_effect().is_none());

    machine.notice(Notice::Message);
    give(&mut machine, &[12]);
    assert_eq!(ids(&said(&mut machine)), [3]);
}

#[test]
fn no_more_is_taken_than_a_client_may_hold() {
    let mut machine = subscribed(QoS::AtLeastOnce);
    let all: Vec<u128> = (0..16).collect();
    give(&mut machine, &all);
    assert_eq!(said(&mut machine).len(), 16);
    machine.notice(Notice::Message);
    assert!(machine.next_effect().is_none());
    feed(&mut machine, &[Packet::PubAck(PubAck::new(1))]);
    assert_eq!(settled(&mut machine), (0, Outcome::Complete));
    assert_eq!(taken(&mut machine).0, 1);
}

#[test]
fn word_that_comes_while_the_hub_is_asked_is_not_lost() {
    let mut machine = subscribed(QoS::AtLeastOnce);
    let (_, origin) = taken(&mut machine);
    machine.notice(Notice::Message);
    assert!(machine.next_effect().is_none());
    machine.answer(origin, &Ok(Reply::Messages(Vec::new())));
    give(&mut machine, &[5]);
    assert_eq!(said(&mut machine).len(), 1);
}

#[test]
fn without_acknowledgements_a_message_is_complete_when_it_is_sent() {
    let mut machine = subscribed(QoS::AtMostOnce);
    give(&mut machine, &[7]);
    assert_eq!(ids(&said(&mut machine)), [0]);
    assert_eq!(settled(&mut machine), (7, Outcome::Complete));
    give(&mut machine, &[]);
}

#[test]
fn messages_wait_in_the_hub_while_the_client_does_not_listen() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let mut machine = subscribed(qos);
        let (_, origin) = taken(&mut machine);
        let mut large = given(1);
        Arc::make_mut(&mut large.content).message.body = vec![b'x'; 256 * 1024].into();
        machine.answer(origin, &Ok(Reply::Messages(vec![large])));
        if qos == QoS::AtMostOnce {
            assert_eq!(settled(&mut machine), (1, Outcome::Complete));
        }
        for second in 0..3 {
            machine.notice(Notice::Message);
            machine.tick(moment(second));
            assert!(machine.next_effect().is_none());
        }
        // Once it takes in what it was told, it is given the rest.
        machine.output().clear();
        machine.tick(moment(3));
        give(&mut machine, &[2]);
        assert_eq!(said(&mut machine).len(), 1);
    }
}

#[test]
fn who_wants_no_messages_is_given_none() {
    let mut machine = open(connect());
    machine.notice(Notice::Message);
    assert!(machine.next_effect().is_none());

    let mut machine = subscribed(QoS::AtLeastOnce);
    let (_, origin) = taken(&mut machine);
    let topics = vec!["devices/d1/messages/devicebound/#".to_owned()];
    feed(
        &mut machine,
        &[Packet::Unsubscribe(Unsubscribe { pkid: 2, topics })],
    );
    assert_eq!(said(&mut machine).len(), 1);
    machine.answer(origin, &Ok(Reply::Messages(vec![given(3)])));
    assert!(said(&mut machine).is_empty());
    assert_eq!(settled(&mut machine), (3, Outcome::Abandon));
}

#[test]
fn who_comes_back_is_given_what_waits() {
    let mut machine = machine();
    feed(&mut machine, &[Packet::Connect(connect())]);
    assert!(matches!(machine.next_effect(), Some(Effect::Open(_))));
    let mut known = Subscriptions::default();
    known.add(
        crate::protocol::mqtt::topic::Filter::Messages,
        QoS::AtLeastOnce,
    );
    machine.opened(Ok((SESSION, session())), Some(known));
    assert!(matches!(said(&mut machine)[..], [Packet::ConnAck(_)]));
    give(&mut machine, &[1]);
    assert_eq!(ids(&said(&mut machine)), [1]);
}
