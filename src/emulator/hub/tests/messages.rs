//! Messages to devices: sent, given out, settled, counted, and what their senders hear.

use chrono::TimeDelta;
use uuid::Uuid;

use super::command::{
    Ack, CloudMessage, CloudToDeviceOperation, FeedbackOperation, GivenFeedback, GivenMessage,
    Outcome as Settlement,
};
use super::sessions::{ONE, TWO, connect, device};
use super::*;
use crate::model::feedback::FeedbackStatus;

const TO: &str = "/devices/d1/messages/devicebound";
const READER: ListenerId = ListenerId(9);

fn later(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

fn with_device() -> Hub {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    hub
}

fn message(id: &str, ack: Ack) -> CloudMessage {
    CloudMessage {
        message: DeviceMessage {
            body: Bytes::from(id.to_owned()),
            message_id: Some(id.to_owned()),
            ..DeviceMessage::default()
        },
        expiry: None,
        ack,
    }
}

fn work(hub: &mut Hub, at: DateTime<Utc>, operation: CloudToDeviceOperation) -> Effects {
    hub.pass_time(at);
    hub.apply(at, Command::CloudToDevice(operation))
}

fn post(hub: &mut Hub, to: &str, message: CloudMessage) -> Effects {
    let (to, message) = (to.to_owned(), Box::new(message));
    work(hub, now(), CloudToDeviceOperation::Send { to, message })
}

fn given(effects: Effects) -> Vec<GivenMessage> {
    match effects.reply {
        Ok(Reply::Messages(given)) => given,
        other => panic!("{other:?}"),
    }
}

fn receive(hub: &mut Hub, at: DateTime<Utc>) -> Option<GivenMessage> {
    let operation = CloudToDeviceOperation::Receive {
        credential: policy_token("device").map(Credential::token),
        device: "d1".to_owned(),
    };
    given(work(hub, at, operation)).pop()
}

fn settle(
    hub: &mut Hub,
    at: DateTime<Utc>,
    lock: Uuid,
    outcome: Settlement,
) -> Result<Reply, Refusal> {
    let operation = CloudToDeviceOperation::Settle {
        credential: policy_token("device").map(Credential::token),
        device: "d1".to_owned(),
        lock: Some(lock),
        outcome,
    };
    work(hub, at, operation).reply
}

fn take(hub: &mut Hub, session: ListenerId) -> Vec<GivenMessage> {
    let operation = CloudToDeviceOperation::Take { session, max: 10 };
    given(work(hub, now(), operation))
}

fn feedback(hub: &mut Hub, at: DateTime<Utc>) -> Option<GivenFeedback> {
    let command = FeedbackOperation::Take { listener: READER };
    match hub.apply(at, Command::Feedback(command)).reply {
        Ok(Reply::Feedback(given)) => given,
        other => panic!("{other:?}"),
    }
}

fn statuses(given: &GivenFeedback) -> Vec<(String, FeedbackStatus)> {
    let records = given.records.iter();
    records
        .map(|record| {
            let id = record.original_message_id.clone().unwrap();
            (id, record.status_code)
        })
        .collect()
}

fn count(hub: &mut Hub) -> i64 {
    let device = "d1".to_owned();
    let module = None;
    match registry(hub, RegistryOperation::Read { device, module }) {
        Ok(Reply::Identity(identity)) => identity.cloud_to_device_message_count,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_device_takes_holds_and_settles() {
    let mut hub = with_device();
    for id in ["a", "b"] {
        post(&mut hub, TO, message(id, Ack::None)).reply.unwrap();
    }
    let first = receive(&mut hub, now()).unwrap();
    let second = receive(&mut hub, now()).unwrap();
    assert_eq!(first.content.message.body, "a");
    assert_eq!(second.content.message.body, "b");
    assert!(first.sequence_number < second.sequence_number);
    assert_ne!(first.lock, second.lock);
    assert!(receive(&mut hub, now()).is_none());
    assert_eq!(count(&mut hub), 2);
    settle(&mut hub, now(), second.lock, Settlement::Complete).unwrap();
    settle(&mut hub, now(), first.lock, Settlement::Abandon).unwrap();
    assert_eq!(
        code(settle(&mut hub, now(), first.lock, Settlement::Complete)),
        412_002
    );
    let again = receive(&mut hub, now()).unwrap();
    assert_eq!(
        (again.sequence_number, again.delivery_count),
        (first.sequence_number, 1)
    );
    // A minute later the lock is lost, and the message is there again.
    let late = settle(&mut hub, later(60), again.lock, Settlement::Complete);
    assert_eq!(code(late), 412_002);
    let last = receive(&mut hub, later(60)).unwrap();
    assert_eq!(last.delivery_count, 2);
    settle(&mut hub, later(61), last.lock, Settlement::Reject).unwrap();
    assert_eq!(count(&mut hub), 0);
    let no_token = CloudToDeviceOperation::Receive {
        credential: policy_token("service").map(Credential::token),
        device: "d1".to_owned(),
    };
    assert_eq!(code(work(&mut hub, now(), no_token).reply), 401_003);
}

#[test]
fn what_cannot_be_taken_in_is_refused() {
    let mut hub = with_device();
    let plain = || message("m", Ack::None);
    for (to, expected) in [
        ("/devices/nobody/messages/devicebound", 404_001),
        ("/devices/d1/modules/m/messages/devicebound", 404_010),
        ("/devices/d1/messages/events", 400_004),
        ("", 400_004),
    ] {
        assert_eq!(code(post(&mut hub, to, plain()).reply), expected, "{to}");
    }
    let mut large = plain();
    large.message.body = Bytes::from(vec![0; 65_536]);
    assert_eq!(code(post(&mut hub, TO, large.clone()).reply), 413_001);
    large.message.body.truncate(65_535);
    post(&mut hub, TO, large).reply.unwrap();
    for _ in 1..50 {
        post(&mut hub, TO, plain()).reply.unwrap();
    }
    let full = post(&mut hub, TO, plain()).reply.unwrap_err();
    assert_eq!(
        (full.code.number, full.condition),
        (403_004, "amqp:resource-limit-exceeded")
    );
    // What the device holds counts too.
    let held = receive(&mut hub, now()).unwrap();
    assert_eq!(code(post(&mut hub, TO, plain()).reply), 403_004);
    settle(&mut hub, now(), held.lock, Settlement::Complete).unwrap();
    post(&mut hub, TO, plain()).reply.unwrap();
}

#[test]
fn an_id_is_found_encoded_or_as_it_is() {
    let mut hub = hub();
    for device in ["a b", "c%41"] {
        hub.registry
            .write(
                now(),
                (&device.replace(' ', ":"), None),
                body(&device.replace(' ', ":")),
                None,
            )
            .unwrap();
    }
    for to in [
        "/devices/a%3Ab/messages/deviceBound",
        "/devices/a:b/messages/devicebound",
        "amqps://localhost/devices/c%2541/messages/devicebound",
        "/devices/c%41/messages/devicebound",
    ] {
        post(&mut hub, to, message("m", Ack::None)).reply.unwrap();
    }
    let depth = |id: &str| hub.outbox.depth(&device(id));
    assert_eq!((depth("a:b"), depth("c%41")), (2, 2));
}

#[test]
fn senders_hear_of_what_they_asked_for() {
    let mut hub = with_device();
    let acks = [
        ("unsaid", Ack::Unsaid),
        ("none", Ack::None),
        ("positive", Ack::Positive),
        ("negative", Ack::Negative),
        ("full", Ack::Full),
    ];
    let mut at = now();
    for (outcome, status, who) in [
        (
            Settlement::Complete,
            FeedbackStatus::Success,
            ["positive", "full"],
        ),
        (
            Settlement::Reject,
            FeedbackStatus::Rejected,
            ["negative", "full"],
        ),
    ] {
        for (id, ack) in acks {
            post(&mut hub, TO, message(id, ack)).reply.unwrap();
        }
        for _ in acks {
            let held = receive(&mut hub, at).unwrap();
            settle(&mut hub, at, held.lock, outcome).unwrap();
        }
        at += TimeDelta::seconds(15);
        let told = feedback(&mut hub, at).unwrap();
        assert_eq!(statuses(&told), who.map(|id| (id.to_owned(), status)));
        assert_eq!(told.records[0].device_id, "d1");
        assert!(!told.records[0].device_generation_id.is_empty());
        let done = Command::Feedback(FeedbackOperation::SettleTaken {
            listener: READER,
            lock: told.lock,
            outcome: Settlement::Complete,
        });
        hub.apply(at, done).reply.unwrap();
    }
    assert!(feedback(&mut hub, later(3600)).is_none());
}

#[test]
fn what_goes_stale_is_exhausted_or_purged_is_told_too() {
    let mut hub = with_device();
    let stale = CloudMessage {
        expiry: Some(later(10).timestamp_millis()),
        ..message("stale", Ack::Negative)
    };
    post(&mut hub, TO, stale.clone()).reply.unwrap();
    let past = CloudMessage {
        expiry: Some(later(-10).timestamp_millis()),
        ..message("past", Ack::Full)
    };
    post(&mut hub, TO, past).reply.unwrap();
    post(&mut hub, TO, message("tried", Ack::Full))
        .reply
        .unwrap();
    post(&mut hub, TO, message("purged", Ack::Full))
        .reply
        .unwrap();
    assert_eq!(hub.due(), Some(later(10)));
    hub.pass_time(later(10));
    for _ in 0..10 {
        let held = receive(&mut hub, later(10)).unwrap();
        assert_eq!(held.content.message.body, "tried");
        settle(&mut hub, later(10), held.lock, Settlement::Abandon).unwrap();
    }
    let purge = |hub: &mut Hub, policy: &str| {
        let (token, device) = (policy_token(policy), "d1".to_owned());
        work(
            hub,
            later(10),
            CloudToDeviceOperation::Purge { token, device },
        )
        .reply
    };
    assert_eq!(code(purge(&mut hub, "device")), 401_003);
    assert!(matches!(
        purge(&mut hub, "service"),
        Ok(Reply::Purged { count: 1, .. })
    ));
    let told = feedback(&mut hub, later(10)).unwrap();
    let expected = [
        ("past", FeedbackStatus::Expired),
        ("stale", FeedbackStatus::Expired),
        ("tried", FeedbackStatus::DeliveryCountExceeded),
        ("purged", FeedbackStatus::Purged),
    ];
    let expected = expected.map(|(id, status)| (id.to_owned(), status));
    assert_eq!(statuses(&told), expected);
    // Unless told otherwise a message waits for an hour.
    post(&mut hub, TO, message("usual", Ack::None))
        .reply
        .unwrap();
    assert!(receive(&mut hub, later(3600)).is_none());
}

#[test]
fn a_connected_device_is_woken_and_what_it_held_comes_again() {
    let mut hub = with_device();
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    assert_eq!(post(&mut hub, TO, message("a", Ack::None)).notices, []);
    assert_eq!(take(&mut hub, ONE).len(), 1);
    assert_eq!(take(&mut hub, ONE).len(), 0);
    let woken = post(&mut hub, TO, message("b", Ack::None)).notices;
    assert_eq!(woken, [(ONE, Notice::Message)]);
    let second = take(&mut hub, ONE).remove(0);
    let done = |session| CloudToDeviceOperation::SettleTaken {
        session,
        lock: second.lock,
        outcome: Settlement::Complete,
    };
    work(&mut hub, now(), done(ONE)).reply.unwrap();
    // The newer connection gets what the older one held.
    let notices = connect(&mut hub, TWO, device("d1")).notices;
    assert_eq!(notices, [(ONE, Notice::Superseded)]);
    let refused = CloudToDeviceOperation::Take {
        session: ONE,
        max: 1,
    };
    assert_eq!(code(work(&mut hub, now(), refused).reply), 404_103);
    let held = take(&mut hub, TWO);
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].delivery_count, 1);
    assert!(receive(&mut hub, later(120)).is_none());
    ask(&mut hub, Command::CloseSession { session: TWO }).unwrap();
    let freed = receive(&mut hub, now()).unwrap();
    assert_eq!(freed.delivery_count, 2);
    // A lock that ends wakes whoever is connected.
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    assert_eq!(take(&mut hub, ONE).len(), 0);
    assert_eq!(hub.due(), Some(later(60)));
    assert_eq!(hub.pass_time(later(60)), [(ONE, Notice::Message)]);
}

#[test]
fn feedback_comes_in_messages_of_several_records() {
    let mut hub = with_device();
    let complete = |hub: &mut Hub, count: usize| {
        let mut notices = Vec::new();
        for _ in 0..count {
            post(hub, TO, message("m", Ack::Full)).reply.unwrap();
            let held = receive(hub, now()).unwrap();
            let operation = CloudToDeviceOperation::Settle {
                credential: policy_token("device").map(Credential::token),
                device: "d1".to_owned(),
                lock: Some(held.lock),
                outcome: Settlement::Complete,
            };
            notices.extend(work(hub, now(), operation).notices);
        }
        notices
    };
    assert!(feedback(&mut hub, now()).is_none());
    // The first one goes at once; those after it wait for each other.
    assert_eq!(complete(&mut hub, 1), [(READER, Notice::Message)]);
    assert_eq!(feedback(&mut hub, now()).unwrap().records.len(), 1);
    assert!(feedback(&mut hub, now()).is_none());
    assert_eq!(complete(&mut hub, 63), []);
    assert!(feedback(&mut hub, now()).is_none());
    assert_eq!(complete(&mut hub, 1), [(READER, Notice::Message)]);
    let held = feedback(&mut hub, now()).unwrap();
    assert_eq!(held.records.len(), 64);
    assert!(feedback(&mut hub, now()).is_none());
    assert_eq!(complete(&mut hub, 1), []);
    assert_eq!(hub.due(), Some(later(15)));
    assert_eq!(hub.pass_time(later(15)), [(READER, Notice::Message)]);
    // Who goes leaves what it held to the next one, and that one does not wait.
    ask(&mut hub, Command::CloseReader { reader: READER }).unwrap();
    assert_eq!(feedback(&mut hub, now()).unwrap().records.len(), 64);
}

#[test]
fn a_twin_counts_what_waits_as_its_identity_does() {
    let mut hub = with_device();
    post(&mut hub, TO, message("m", Ack::None)).reply.unwrap();
    let read = command::TwinOperation::Read {
        token: policy_token("service"),
        identity: device("d1"),
    };
    let Ok(Reply::Twin { twin, .. }) = ask(&mut hub, Command::Twin(read)) else {
        panic!("no twin")
    };
    assert_eq!(twin["cloudToDeviceMessageCount"], 1);
    assert_eq!(count(&mut hub), 1);
}

#[test]
fn a_device_that_is_deleted_takes_its_messages_with_it() {
    let mut hub = with_device();
    post(&mut hub, TO, message("m", Ack::Full)).reply.unwrap();
    delete(&mut hub, "d1", Some("*")).unwrap();
    hub.register(now(), "d1").unwrap();
    assert_eq!(count(&mut hub), 0);
    assert!(receive(&mut hub, now()).is_none());
    assert!(feedback(&mut hub, now()).is_none());
}
