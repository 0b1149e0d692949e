//! Messages to devices as services send them, and the feedback that they take.

use uuid::Uuid;

use super::*;
use crate::emulator::hub::command::{CloudToDeviceOperation, GivenMessage, Outcome as Settlement};
use crate::model::feedback::{FeedbackRecord, FeedbackStatus};
use crate::protocol::amqp::message::{MessageWriter, PropertyFields};
use crate::protocol::amqp::performative::link::RECEIVE_FIRST;

const TO: &str = "/devices/d1/messages/devicebound";
const SENDER: u32 = 5;
const FEEDBACK: u32 = 6;
/// Settled in two steps.
const RECEIVE_SECOND: u8 = 1;

fn encoded(to: &str, ack: Option<&str>, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = MessageWriter::new(&mut out);
    writer.properties(&PropertyFields {
        message_id: Some(Value::String("m1")),
        to: Some(to),
        ..PropertyFields::default()
    });
    writer.application_properties(|w| {
        w.string("level");
        w.int(7);
        if let Some(ack) = ack {
            w.string("iothub-ack");
            w.string(ack);
        }
    });
    writer.data(body);
    out
}

impl Bench {
    fn attach_sender(&mut self) {
        let attach = Attach {
            target: Some(Target::at("/messages/devicebound")),
            ..Attach::new("c2d", SENDER, Role::Sender)
        };
        let out = self.send(1, &Performative::Attach(attach));
        assert_eq!(names(&out), ["attach", "flow"]);
    }

    /// Sends one message; gives what comes of it.
    fn tell(&mut self, id: u32, message: &[u8]) -> Vec<Frame> {
        let transfer = Transfer {
            handle: SENDER,
            delivery_id: Some(id),
            delivery_tag: Some(b"t"),
            ..Transfer::default()
        };
        let transfer = Performative::Transfer(transfer);
        let mut parts = message.chunks(60_000).peekable();
        let mut out = Vec::new();
        while let Some(part) = parts.next() {
            let Performative::Transfer(whole) = transfer else {
                panic!()
            };
            let more = parts.peek().is_some();
            let transfer = Performative::Transfer(Transfer { more, ..whole });
            out.extend(self.feed(&frame(FrameKind::Amqp, 1, &transfer, part)));
        }
        out
    }

    fn receive(&mut self) -> Option<GivenMessage> {
        let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
        let token = mint(&key, "localhost", START + 3_600, Some("device"));
        let receive = CloudToDeviceOperation::Receive {
            credential: Some(Credential::Token(token)),
            device: "d1".to_owned(),
        };
        let effects = self
            .hub
            .apply(self.now.utc, Command::CloudToDevice(receive));
        match effects.reply {
            Ok(Reply::Messages(mut given)) => given.pop(),
            other => panic!("{other:?}"),
        }
    }

    /// The device completes a message; gives what comes of it.
    fn complete(&mut self, lock: Uuid) -> Vec<Frame> {
        let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
        let token = mint(&key, "localhost", START + 3_600, Some("device"));
        let settle = CloudToDeviceOperation::Settle {
            credential: Some(Credential::Token(token)),
            device: "d1".to_owned(),
            lock: Some(lock),
            outcome: Settlement::Complete,
        };
        let effects = self.hub.apply(self.now.utc, Command::CloudToDevice(settle));
        effects.reply.unwrap();
        for (listener, notice) in effects.notices {
            self.machine.notice(listener, notice);
        }
        frames(&self.drain())
    }

    /// Makes feedback: a message that wants it is sent, received and completed.
    fn make_feedback(&mut self, id: u32) -> Vec<Frame> {
        assert_eq!(
            state(&self.tell(id, &encoded(TO, Some("full"), b"x"))),
            "accepted"
        );
        let lock = self.receive().unwrap().lock;
        self.complete(lock)
    }

    fn attach_feedback(&mut self, snd: Option<u8>, rcv: Option<u8>) {
        let attach = Attach {
            source: Some(Source::at("/messages/serviceBound/feedback")),
            snd_settle_mode: snd,
            rcv_settle_mode: rcv,
            ..Attach::new("feedback", FEEDBACK, Role::Receiver)
        };
        let out = self.send(1, &Performative::Attach(attach));
        assert_eq!(names(&out), ["attach"]);
    }

    fn dispose(&mut self, id: u32, settled: bool, state: DeliveryState<'_>) -> Vec<Frame> {
        let disposition = Disposition {
            role: Role::Receiver,
            first: id,
            last: None,
            settled,
            state: Some(state),
            batchable: false,
        };
        self.send(1, &Performative::Disposition(disposition))
    }
}

/// The outcome in a disposition, or the condition of a rejection.
fn state(out: &[Frame]) -> String {
    let disposition = out
        .iter()
        .find_map(|frame| {
            let performative = frame.performative();
            if let Performative::Disposition(disposition) = performative {
                return Some(disposition);
            }
            None
        })
        .unwrap_or_else(|| panic!("no disposition in {out:?}"));
    assert!(disposition.settled);
    let state = disposition.state.unwrap();
    if let DeliveryState::Rejected(Some(error)) = state {
        return error.condition.to_owned();
    }
    let known = [
        (DeliveryState::Accepted, "accepted"),
        (DeliveryState::Released, "released"),
        (DeliveryState::Rejected(None), "rejected"),
    ];
    let found = known.iter().find(|(known, _)| *known == state);
    found.unwrap().1.to_owned()
}

fn feedback(out: &[Frame]) -> (u32, Vec<FeedbackRecord>) {
    let transfer = out.iter().find_map(Frame::transfer).unwrap();
    assert_eq!(transfer.delivery_tag.unwrap().len(), 16);
    let body = bodies(out).pop().unwrap();
    (
        transfer.delivery_id.unwrap(),
        serde_json::from_slice(&body).unwrap(),
    )
}

#[test]
fn a_message_is_accepted_or_rejected_with_the_condition_that_sdks_know() {
    let mut bench = Bench::trusted();
    bench.attach_sender();
    let plain = encoded(TO, None, b"{}");
    assert_eq!(state(&bench.tell(0, &plain)), "accepted");
    let given = bench.receive().unwrap();
    assert_eq!(given.content.message.body, "{}");
    assert_eq!(given.content.message.message_id.as_deref(), Some("m1"));
    assert_eq!(given.content.message.properties["level"], "7");
    for (id, message, expected) in [
        (
            1,
            encoded("/devices/nobody/messages/devicebound", None, b""),
            "amqp:not-found",
        ),
        (2, encoded("", None, b""), "com.microsoft:argument-error"),
        (
            3,
            encoded(TO, Some("maybe"), b""),
            "com.microsoft:argument-error",
        ),
        (
            4,
            encoded(TO, None, &vec![0; 70_000]),
            "amqp:link:message-size-exceeded",
        ),
    ] {
        assert_eq!(state(&bench.tell(id, &message)), expected);
    }
    // The link lives on, and its credit is renewed in time.
    for id in 5..54 {
        assert_eq!(state(&bench.tell(id, &plain)), "accepted", "{id}");
    }
    let full = bench.tell(54, &plain);
    assert_eq!(state(&full), "amqp:resource-limit-exceeded");
    let Performative::Disposition(disposition) = full[0].performative() else {
        panic!("{full:?}")
    };
    let Some(DeliveryState::Rejected(Some(error))) = disposition.state else {
        panic!("{disposition:?}")
    };
    assert!(error.description.unwrap().contains("\"errorCode\":403004"));
    assert_eq!(disposition.role, Role::Receiver);
    for id in 55..300 {
        assert_eq!(
            state(&bench.tell(id, &plain)),
            "amqp:resource-limit-exceeded"
        );
    }
}

#[test]
fn feedback_comes_when_there_is_some_and_is_settled_each_way() {
    let mut bench = Bench::trusted();
    bench.attach_sender();
    bench.attach_feedback(None, Some(RECEIVE_FIRST));
    assert_eq!(names(&bench.grant(FEEDBACK, 0, 10)), [""; 0]);
    let out = bench.make_feedback(0);
    let (first, records) = feedback(&out);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].status_code, FeedbackStatus::Success);
    assert_eq!(records[0].original_message_id.as_deref(), Some("m1"));
    let parsed = Message::parse(out[0].payload()).unwrap();
    assert_eq!(
        parsed.properties.content_type(),
        Some("application/vnd.microsoft.iothub.feedback.json")
    );
    assert!(parsed.annotation("iothub-enqueuedtime").is_some());
    // Released it comes again, rejected it does not.
    let again = bench.dispose(first, true, DeliveryState::Released);
    let (second, same) = feedback(&again);
    assert_eq!(same, records);
    assert_eq!(
        names(&bench.dispose(second, true, DeliveryState::Rejected(None))),
        [""; 0]
    );
    // The next comes fifteen seconds after the last.
    assert_eq!(names(&bench.make_feedback(1)), [""; 0]);
    bench.wait(15);
    for (listener, notice) in bench.hub.pass_time(bench.now.utc) {
        bench.machine.notice(listener, notice);
    }
    let (third, _) = feedback(&frames(&bench.drain()));
    let out = bench.dispose(third, true, DeliveryState::Accepted);
    assert_eq!(names(&out), [""; 0]);
}

#[test]
fn settling_in_two_steps_is_confirmed() {
    let mut bench = Bench::trusted();
    bench.attach_sender();
    bench.attach_feedback(Some(SEND_UNSETTLED), Some(RECEIVE_SECOND));
    bench.grant(FEEDBACK, 0, 10);
    let (first, _) = feedback(&bench.make_feedback(0));
    let out = bench.dispose(first, false, DeliveryState::Released);
    assert_eq!(state(&out), "released");
    let (second, _) = feedback(&out);
    let out = bench.dispose(second, false, DeliveryState::Accepted);
    assert_eq!(state(&out), "accepted");
    // Nobody holds it any more.
    let out = bench.dispose(second, false, DeliveryState::Accepted);
    assert_eq!(names(&out), ["disposition"]);
}

#[test]
fn feedback_that_is_sent_settled_is_gone_and_unsettled_it_is_the_next_links() {
    let mut bench = Bench::trusted();
    bench.attach_sender();
    bench.make_feedback(0);
    bench.attach_feedback(None, None);
    let detach = Detach {
        handle: FEEDBACK,
        closed: true,
        error: None,
    };
    let (_, records) = feedback(&bench.grant(FEEDBACK, 0, 1));
    assert_eq!(
        names(&bench.send(1, &Performative::Detach(detach))),
        ["detach"]
    );
    bench.attach_feedback(Some(SEND_SETTLED), None);
    let out = bench.grant(FEEDBACK, 0, 1);
    assert_eq!(feedback(&out).1, records);
    assert_eq!(out[0].transfer().unwrap().settled, Some(true));
    bench.send(1, &Performative::Detach(detach));
    bench.attach_feedback(None, None);
    let drain = Flow {
        handle: Some(FEEDBACK),
        delivery_count: Some(0),
        link_credit: Some(5),
        drain: true,
        ..wide()
    };
    let out = bench.flow(drain);
    assert_eq!(names(&out), ["flow"], "{out:?}");
}

#[test]
fn only_those_who_may_speak_for_the_service_get_a_link() {
    let mut bench = Bench::open();
    bench.attach_cbs();
    let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
    let device = mint(&key, "localhost", START + 60, Some("device"));
    assert_eq!(bench.put_token(device.expose()), 200);
    let addresses = [
        (Role::Sender, "/messages/devicebound"),
        (Role::Receiver, "/messages/serviceBound/feedback"),
        (Role::Receiver, "/messages/serviceBound/filenotifications"),
    ];
    let attach = |bench: &mut Bench, handle: u32, role, address| {
        let attach = Attach {
            source: Some(Source::at(address)),
            target: Some(Target::at(address)),
            ..Attach::new("l", handle, role)
        };
        bench.send(1, &Performative::Attach(attach))
    };
    for (handle, (role, address)) in (10..).zip(addresses) {
        let out = attach(&mut bench, handle, role, address);
        assert_eq!(names(&out), ["attach", "detach"], "{address}");
        assert_eq!(out[1].error().0, "amqp:unauthorized-access");
    }
    // A token for sending alone opens nothing else; one for the whole hub opens all.
    let sending = token("localhost/messages/devicebound", false, 60);
    assert_eq!(bench.put_token(&sending), 200);
    let out = attach(&mut bench, 20, addresses[0].0, addresses[0].1);
    assert_eq!(names(&out), ["attach", "flow"]);
    let out = attach(&mut bench, 21, addresses[1].0, addresses[1].1);
    assert_eq!(names(&out), ["attach", "detach"]);
    assert_eq!(bench.put_token(&token("localhost", false, 60)), 200);
    for (handle, (role, address)) in (31..).zip(&addresses[1..]) {
        assert_eq!(
            names(&attach(&mut bench, handle, *role, address)),
            ["attach"]
        );
    }
    // When the token ends, so do the links.
    let out = bench.wait(61);
    assert_eq!(names(&out), ["detach"; 3]);
}
