//! Events: sent, kept apart by partition, and read.

use std::sync::Arc;

use super::*;
use crate::emulator::hub::command::StoredEvent;
use crate::protocol::amqp::message::Message;
use crate::protocol::amqp::value::Value;
use crate::protocol::rest::MAX_MESSAGE_BYTES;

fn open(
    hub: &mut Hub,
    reader: u64,
    partition: usize,
    position: Position,
) -> Result<Reply, Refusal> {
    let command = Command::OpenReader {
        reader: ListenerId(reader),
        group: "$default".to_owned(),
        partition: partition.to_string(),
        position,
        epoch: None,
        name: None,
    };
    ask(hub, command)
}

/// An annotation of every event that has it.
pub(super) fn annotation_of_all(hub: &mut Hub, name: &str) -> Vec<String> {
    text_of_all(hub, |message| message.annotation(name))
}

/// The same of a property.
pub(super) fn property_of_all(hub: &mut Hub, name: &str) -> Vec<String> {
    text_of_all(hub, |message| message.application_property(name))
}

fn text_of_all(
    hub: &mut Hub,
    find: impl for<'m> Fn(&Message<'m>) -> Option<Value<'m>>,
) -> Vec<String> {
    let mut texts = Vec::new();
    for partition in 0..hub.events.partition_count() {
        open(hub, 900, partition, Position::Earliest).unwrap();
        for event in read(hub, 900, 100) {
            let message = Message::parse(&event.encoded).unwrap();
            texts.extend(
                find(&message)
                    .and_then(|value| value.as_str())
                    .map(str::to_owned),
            );
        }
    }
    texts
}

fn read(hub: &mut Hub, reader: u64, max: usize) -> Vec<Arc<StoredEvent>> {
    let reader = ListenerId(reader);
    match ask(hub, Command::Read { reader, max }) {
        Ok(Reply::Events(events)) => events,
        other => panic!("{other:?}"),
    }
}

#[test]
fn readers_get_what_lies_behind_their_position_and_hear_of_more() {
    let mut hub = hub();
    let key = primary(&hub.register(now(), "d1").unwrap());
    let own = Some(token(&decoded(&key), "localhost/devices/d1", None));
    let partition = hub.events.partition_of("d1");
    for _ in 0..3 {
        send(&mut hub, own.clone(), "d1").unwrap();
    }
    let number = |number, inclusive| Position::SequenceNumber { number, inclusive };
    for (reader, (position, expected)) in [
        (Position::Earliest, vec![0, 1, 2]),
        (number(1, true), vec![1, 2]),
        (number(1, false), vec![2]),
        (number(900, false), vec![]),
        (Position::Latest, vec![]),
    ]
    .into_iter()
    .enumerate()
    {
        let reader = reader as u64;
        open(&mut hub, reader, partition, position).unwrap();
        let got: Vec<i64> = read(&mut hub, reader, 10)
            .iter()
            .map(|e| e.sequence_number)
            .collect();
        assert_eq!(got, expected);
    }
    let command = Command::SendEvents {
        credential: own.map(Credential::token),
        device: "d1".to_owned(),
        messages: vec![DeviceMessage::default(); 2],
    };
    let mut woken = hub.apply(now(), command).notices;
    woken.sort_by_key(|(reader, _)| *reader);
    let everyone: Vec<_> = (0..5)
        .map(|id| (ListenerId(id), Notice::Available))
        .collect();
    assert_eq!(woken, everyone);
    assert_eq!(read(&mut hub, 4, 1).len(), 1);
    assert_eq!(read(&mut hub, 4, 10).len(), 1);
    assert!(matches!(
        ask(&mut hub, Command::DescribePartition { partition: partition.to_string() }),
        Ok(Reply::Partition(state)) if state.last_sequence_number == 4 && !state.is_empty
    ));
}

#[test]
fn unknown_groups_and_partitions_are_not_found() {
    let mut hub = hub();
    for (group, partition, found) in [
        ("$DEFAULT", "0", true),
        ("audit", "3", true),
        ("nobody", "0", false),
        ("$Default", "4", false),
        ("$Default", "+1", false),
        ("$Default", "", false),
    ] {
        let command = Command::OpenReader {
            reader: ListenerId(1),
            group: group.to_owned(),
            partition: partition.to_owned(),
            position: Position::Latest,
            epoch: None,
            name: None,
        };
        match ask(&mut hub, command) {
            Ok(_) => assert!(found, "{group} {partition}"),
            Err(refusal) => {
                assert!(!found, "{group} {partition}");
                assert_eq!(refusal.condition, "amqp:not-found");
                assert!(refusal.message.contains("could not be found"));
            }
        }
    }
}

#[test]
fn a_message_has_its_limit() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    let mut of = |length: usize| {
        let command = Command::SendEvents {
            credential: policy_token("device").map(Credential::token),
            device: "d1".to_owned(),
            messages: vec![DeviceMessage {
                body: Bytes::from(vec![0; length]),
                ..DeviceMessage::default()
            }],
        };
        ask(&mut hub, command)
    };
    assert!(of(MAX_MESSAGE_BYTES).is_ok());
    assert_eq!(code(of(MAX_MESSAGE_BYTES + 1)), 413_001);
}

proptest! {
    /// Whatever is sent and read in whatever order: a reader from the start sees each event of its partition once, in
    /// order, and is woken exactly when it had read everything and something comes.
    #[test]
    fn no_event_is_lost_or_seen_twice(steps in proptest::collection::vec((any::<bool>(), 0_usize..4), 1..60)) {
        let mut hub = hub();
        hub.register(now(), "d1").unwrap();
        let partition = hub.events.partition_of("d1");
        open(&mut hub, 0, partition, Position::Earliest).unwrap();
        let (mut sent, mut seen, mut drained) = (0, Vec::new(), false);
        for (is_send, count) in steps {
            if is_send {
                let command = Command::SendEvents {
                    credential: policy_token("device").map(Credential::token),
                    device: "d1".to_owned(),
                    messages: vec![DeviceMessage::default(); count],
                };
                let woken = !hub.apply(now(), command).notices.is_empty();
                prop_assert_eq!(woken, drained && count > 0);
                drained &= count == 0;
                sent += count;
            } else {
                let events = read(&mut hub, 0, count);
                prop_assert!(events.len() <= count);
                seen.extend(events.iter().map(|event| event.sequence_number));
                drained = seen.len() == sent;
            }
        }
        let expected: Vec<i64> = (0..).take(seen.len()).collect();
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn whoever_watches_is_told_of_the_next_change_once() {
    let mut hub = hub();
    let watcher = ListenerId(77);
    let changed = [(watcher, Notice::Available)];
    let mut told = |command| hub.apply(now(), command).notices;
    let delete = || Command::Registry {
        token: policy_token("iothubowner"),
        operation: RegistryOperation::Delete {
            device: "d1".to_owned(),
            module: None,
            if_match: None,
        },
    };
    let write = || Command::Registry {
        token: policy_token("iothubowner"),
        operation: RegistryOperation::Write {
            device: "d1".to_owned(),
            module: None,
            identity: Box::new(body("d1")),
            if_match: None,
        },
    };
    told(Command::Watch { watcher });
    assert_eq!(told(delete()), [], "there is nothing to delete");
    assert_eq!(told(Command::DescribeEventHub), []);
    assert_eq!(told(write()), changed);
    assert_eq!(told(delete()), [], "told already");
    told(Command::Watch { watcher });
    told(Command::CloseReader { reader: watcher });
    assert_eq!(told(write()), []);
}
