//! Devices: what they send, what they are sent, and who they have to be.

use super::*;
use crate::emulator::hub::command::{Ack, CloudMessage, CloudToDeviceOperation, RegistryOperation};
use crate::model::device::IdentityId;
use crate::protocol::amqp::message::{MessageWriter, PropertyFields};

const EVENTS: &str = "/devices/d1/messages/events";
const BOUND: &str = "/devices/d1/messages/devicebound";
const SENDER: u32 = 5;
const RECEIVER: u32 = 6;
const BATCH: u32 = 0x8001_3700;

pub(super) fn device_token(scope: &str, seconds: i64) -> String {
    let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
    let token = mint(&key, scope, START + seconds, Some("device"));
    token.expose().to_owned()
}

fn encoded(bodies: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = MessageWriter::new(&mut out);
    writer.properties(&PropertyFields {
        message_id: Some(Value::String("m1")),
        ..PropertyFields::default()
    });
    for body in bodies {
        writer.data(body);
    }
    out
}

impl Bench {
    /// With a device's token shown on `$cbs`.
    pub(super) fn device() -> Self {
        let mut bench = Self::open();
        bench.attach_cbs();
        let token = device_token("localhost/devices/d1", 60);
        assert_eq!(bench.put_token(&token), 200);
        bench
    }

    pub(super) fn attach_own(&mut self, handle: u32, role: Role, address: &str) -> Vec<Frame> {
        let attach = Attach {
            source: Some(Source::at(address)),
            target: Some(Target::at(address)),
            ..Attach::new(address, handle, role)
        };
        self.send(1, &Performative::Attach(attach))
    }

    /// A device sends one message; gives what comes of it.
    fn emit(&mut self, id: u32, format: u32, message: &[u8]) -> Vec<Frame> {
        let mut parts = message.chunks(60_000).peekable();
        let mut out = Vec::new();
        while let Some(part) = parts.next() {
            let transfer = Transfer {
                handle: SENDER,
                delivery_id: Some(id),
                delivery_tag: Some(b"t"),
                message_format: Some(format),
                more: parts.peek().is_some(),
                ..Transfer::default()
            };
            let transfer = Performative::Transfer(transfer);
            out.extend(self.feed(&frame(FrameKind::Amqp, 1, &transfer, part)));
        }
        out
    }

    fn is_connected(&mut self) -> bool {
        let command = Command::Registry {
            token: Some(owner()),
            operation: RegistryOperation::Statistics,
        };
        match self.hub.apply(self.now.utc, command).reply {
            Ok(Reply::Statistics { connected, .. }) => connected > 0,
            other => panic!("{other:?}"),
        }
    }

    /// The service sends to the device; gives the frames that follow.
    fn tell_device(&mut self, body: &'static [u8]) -> Vec<Frame> {
        let message = DeviceMessage {
            body: Bytes::from_static(body),
            message_id: Some("c1".to_owned()),
            properties: [("level".to_owned(), "high".to_owned())].into(),
            ..DeviceMessage::default()
        };
        let message = CloudMessage {
            message,
            expiry: None,
            ack: Ack::Full,
        };
        let send = CloudToDeviceOperation::Send {
            to: BOUND.to_owned(),
            message: Box::new(message),
        };
        self.command(Command::CloudToDevice(send))
    }

    pub(super) fn command(&mut self, command: Command) -> Vec<Frame> {
        let effects = self.hub.apply(self.now.utc, command);
        effects.reply.unwrap();
        for (listener, notice) in effects.notices {
            self.machine.notice(listener, notice);
        }
        frames(&self.drain())
    }

    fn say(&mut self, id: u32, state: DeliveryState<'_>) -> Vec<Frame> {
        let disposition = Disposition {
            role: Role::Receiver,
            first: id,
            last: None,
            settled: true,
            state: Some(state),
            batchable: false,
        };
        self.send(1, &Performative::Disposition(disposition))
    }

    /// How many messages wait for the device.
    fn waiting(&mut self) -> i64 {
        let command = Command::Registry {
            token: Some(owner()),
            operation: RegistryOperation::Read {
                device: "d1".to_owned(),
                module: None,
            },
        };
        match self.hub.apply(self.now.utc, command).reply {
            Ok(Reply::Identity(identity)) => identity.cloud_to_device_message_count,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn owner() -> String {
    let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
    let token = mint(&key, "localhost", START + 3_600, Some("iothubowner"));
    token.expose().to_owned()
}

/// The outcome in a disposition, or the condition of a rejection.
fn outcome(out: &[Frame]) -> String {
    let found = out.iter().find_map(|frame| {
        let Performative::Disposition(disposition) = frame.performative() else {
            return None;
        };
        if let Some(DeliveryState::Rejected(Some(error))) = disposition.state {
            return Some(error.condition.to_owned());
        }
        assert_eq!(disposition.state, Some(DeliveryState::Accepted));
        Some("accepted".to_owned())
    });
    found.unwrap_or_else(|| panic!("no disposition in {out:?}"))
}

#[test]
fn events_are_accepted_once_they_are_stored_and_refused_with_the_reason() {
    let mut bench = Bench::device();
    assert!(!bench.is_connected());
    let out = bench.attach_own(SENDER, Role::Sender, EVENTS);
    assert_eq!(names(&out), ["attach", "flow"]);
    assert!(bench.is_connected());
    assert_eq!(outcome(&bench.emit(0, 0, &encoded(&[b"one"]))), "accepted");
    let batch = encoded(&[&encoded(&[b"two"]), &encoded(&[b"three"])]);
    assert_eq!(outcome(&bench.emit(1, BATCH, &batch)), "accepted");
    let large = encoded(&[&vec![0; 300_000]]);
    let condition = "amqp:link:message-size-exceeded";
    assert_eq!(outcome(&bench.emit(2, 0, &large)), condition);
    let half = encoded(&[&vec![0; 150_000]]);
    let out = bench.emit(3, BATCH, &encoded(&[&half, &half]));
    assert_eq!(outcome(&out), condition);
    let mut value = Vec::new();
    MessageWriter::new(&mut value).value(|w| w.list(|w| w.long(1)));
    let condition = "com.microsoft:argument-error";
    assert_eq!(outcome(&bench.emit(4, 0, &value)), condition);
    // The link lives on.
    assert_eq!(outcome(&bench.emit(5, 0, &encoded(&[b"four"]))), "accepted");
    // Another link reads them.
    let scope = format!("sb://localhost/{ENTITY}");
    assert_eq!(bench.put_token(&token(&scope, true, 3_600)), 202);
    let partition = bench.partition();
    bench.attach_reader(9, partition, Some(SEND_SETTLED));
    let out = bench.grant(9, 0, 10);
    assert_eq!(bodies(&out), [&b"one"[..], b"two", b"three", b"four"]);
    let event = Message::parse(out[0].payload()).unwrap();
    let device = event.annotation("iothub-connection-device-id");
    assert_eq!(device, Some(Value::String("d1")));
    assert_eq!(event.properties.message_id(), Some(Value::String("m1")));
}

#[test]
fn links_say_how_large_a_message_may_be() {
    let mut bench = Bench::device();
    let mut largest = |handle, role, address: &str| {
        let out = bench.attach_own(handle, role, address);
        let Performative::Attach(reply) = out[0].performative() else {
            panic!("{out:?}")
        };
        reply.max_message_size
    };
    assert_eq!(largest(5, Role::Sender, EVENTS), Some(262_144));
    for (handle, role, address) in [
        (6, Role::Receiver, BOUND),
        (7, Role::Sender, "/devices/d1/twin"),
        (8, Role::Sender, "/devices/d1/methods/devicebound"),
        (9, Role::Sender, "$cbs"),
    ] {
        assert_eq!(largest(handle, role, address), Some(1_048_576), "{address}");
    }
    // What is beyond the usual bound as well is no message that could be rejected.
    let out = bench.emit(0, 0, &encoded(&[&vec![0; 1_100_000]]));
    let detach = out.iter().find(|frame| frame.name() == "detach").unwrap();
    assert_eq!(detach.error().0, "amqp:link:message-size-exceeded");
}

#[test]
fn messages_go_out_as_credit_allows_and_are_settled_each_way() {
    let mut bench = Bench::device();
    for body in [b"a", b"b", b"c"] {
        bench.tell_device(body);
    }
    assert_eq!(
        names(&bench.attach_own(RECEIVER, Role::Receiver, BOUND)),
        ["attach"]
    );
    let out = bench.grant(RECEIVER, 0, 2);
    assert_eq!(bodies(&out), [b"a", b"b"]);
    let message = Message::parse(out[0].payload()).unwrap();
    let lock = message.annotation("x-opt-lock-token");
    let Some(Value::Uuid(lock)) = lock else {
        panic!("{lock:?}")
    };
    let transfer = out[0].transfer().unwrap();
    assert_eq!(transfer.delivery_tag, Some(&lock[..]));
    assert_eq!(transfer.settled, Some(false));
    assert_eq!(message.properties.to(), Some(BOUND));
    assert_eq!(message.properties.message_id(), Some(Value::String("c1")));
    let property = |name| message.application_property(name);
    assert_eq!(property("iothub-ack"), Some(Value::String("full")));
    assert_eq!(property("level"), Some(Value::String("high")));
    let id = |out: &[Frame], n: usize| out[n].transfer().unwrap().delivery_id.unwrap();
    let (first, second) = (id(&out, 0), id(&out, 1));
    assert_eq!(bench.waiting(), 3);
    bench.say(first, DeliveryState::Accepted);
    assert_eq!(bench.waiting(), 2);
    bench.say(second, DeliveryState::Released);
    // It comes again, in front of the third.
    let out = bench.grant(RECEIVER, 2, 2);
    assert_eq!(bodies(&out), [b"b", b"c"]);
    let again = Message::parse(out[0].payload()).unwrap();
    let count = again.annotation("iothub-deliverycount");
    assert_eq!(count, Some(Value::Ubyte(1)));
    bench.say(id(&out, 0), DeliveryState::Rejected(None));
    assert_eq!(bench.waiting(), 1);
    // What is not settled when the link ends is the next one's, though the device is connected all the while.
    bench.attach_own(SENDER, Role::Sender, EVENTS);
    let detach = Detach {
        handle: RECEIVER,
        closed: true,
        error: None,
    };
    bench.send(1, &Performative::Detach(detach));
    assert!(bench.is_connected());
    bench.attach_own(RECEIVER, Role::Receiver, BOUND);
    assert_eq!(bodies(&bench.grant(RECEIVER, 0, 5)), [b"c"]);
    // One that comes later is told of.
    assert_eq!(bodies(&bench.tell_device(b"d")), [b"d"]);
}

#[test]
fn one_is_only_who_ones_token_says() {
    let mut bench = Bench::device();
    for address in [
        "/devices/d2/messages/events",
        "/devices/d1x/messages/events",
        "/messages/devicebound",
    ] {
        let out = bench.attach_own(SENDER, Role::Sender, address);
        assert_eq!(names(&out), ["attach", "detach"], "{address}");
        assert_eq!(out[1].error().0, "amqp:unauthorized-access");
        bench.send(
            1,
            &Performative::Detach(Detach {
                handle: SENDER,
                closed: true,
                error: None,
            }),
        );
    }
    // A right of the service's is none of a device's, and a device that is not there is nobody.
    for (token, address) in [
        (token("localhost", false, 60), EVENTS),
        (device_token("localhost", 60), "/devices/no/messages/events"),
    ] {
        let mut bench = Bench::open();
        bench.attach_cbs();
        assert_eq!(bench.put_token(&token), 200);
        let out = bench.attach_own(SENDER, Role::Sender, address);
        assert_eq!(names(&out), ["attach", "detach"], "{address}");
        assert_eq!(out[1].error().0, "amqp:unauthorized-access");
        assert!(!bench.is_connected());
    }
}

#[test]
fn a_device_goes_with_its_last_link_its_token_and_its_connection() {
    let mut bench = Bench::device();
    bench.attach_own(SENDER, Role::Sender, EVENTS);
    bench.attach_own(RECEIVER, Role::Receiver, BOUND);
    let detach = |handle| {
        Performative::Detach(Detach {
            handle,
            closed: true,
            error: None,
        })
    };
    bench.send(1, &detach(SENDER));
    assert!(bench.is_connected());
    bench.send(1, &detach(RECEIVER));
    assert!(!bench.is_connected());
    bench.attach_own(SENDER, Role::Sender, EVENTS);
    assert!(bench.is_connected());
    let out = bench.wait(61);
    assert_eq!(names(&out), ["detach"]);
    assert_eq!(out[0].error().0, "amqp:unauthorized-access");
    assert!(!bench.is_connected());
    assert_eq!(
        bench.put_token(&device_token("localhost/devices/d1", 600)),
        200
    );
    bench.attach_own(RECEIVER, Role::Receiver, BOUND);
    assert!(bench.is_connected());
    bench.send(0, &Performative::Close(Close::default()));
    assert!(!bench.is_connected());
}

#[test]
fn a_newer_connection_takes_the_place_of_the_older() {
    let mut bench = Bench::device();
    bench.attach_own(SENDER, Role::Sender, EVENTS);
    bench.attach_own(RECEIVER, Role::Receiver, BOUND);
    bench.grant(RECEIVER, 0, 5);
    assert_eq!(bodies(&bench.tell_device(b"a")), [b"a"]);
    let open = Command::OpenSession {
        session: ListenerId(900),
        identity: IdentityId {
            device: "d1".to_owned(),
            module: None,
        },
        credential: Credential::token(device_token("localhost", 60)),
    };
    let out = bench.command(open);
    assert_eq!(names(&out), ["detach", "detach"]);
    for detach in &out {
        let (condition, text) = detach.error();
        assert_eq!(condition, "amqp:internal-error");
        assert!(text.contains("\"errorCode\":409002"), "{text}");
    }
    assert!(bench.is_connected());
    // A second link of the same kind on one connection has no place either.
    bench.attach_own(20, Role::Receiver, BOUND);
    let out = bench.attach_own(21, Role::Receiver, BOUND);
    assert_eq!(names(&out), ["attach", "detach"]);
    assert_eq!(out[1].error().0, "amqp:internal-error");
}

#[test]
fn plain_is_as_good_as_cbs() {
    let mut bench = Bench::new();
    bench.feed(ProtocolHeader::Sasl.bytes());
    let token = device_token("localhost/devices/d1", 60);
    let response = format!("\0d1@sas.localhost\0{token}");
    let init = SaslInit {
        mechanism: "PLAIN",
        initial_response: Some(response.as_bytes()),
        hostname: None,
    };
    let init = Performative::SaslInit(init);
    bench.feed(&frame(FrameKind::Sasl, 0, &init, b""));
    bench.feed(ProtocolHeader::Amqp.bytes());
    let open = Open {
        container_id: "c",
        ..Open::default()
    };
    bench.send(0, &Performative::Open(open));
    bench.begin(1);
    let out = bench.attach_own(SENDER, Role::Sender, EVENTS);
    assert_eq!(names(&out), ["attach", "flow"]);
    assert_eq!(outcome(&bench.emit(0, 0, &encoded(&[b"x"]))), "accepted");
}

#[test]
fn many_devices_share_a_connection() {
    let mut bench = Bench::open();
    bench.attach_cbs();
    for n in 0..300_u16 {
        let (id, channel) = (format!("many-{n}"), n + 2);
        bench.hub.register(bench.now.utc, &id).unwrap();
        let scope = format!("localhost/devices/{id}");
        assert_eq!(bench.put_token(&device_token(&scope, 60)), 200, "{id}");
        bench.begin(channel);
        let address = format!("/devices/{id}/messages/events");
        let attach = Attach {
            source: Some(Source::at(&address)),
            target: Some(Target::at(&address)),
            ..Attach::new(&address, 0, Role::Sender)
        };
        let out = bench.send(channel, &Performative::Attach(attach));
        assert_eq!(names(&out)[0], "attach", "{id}");
    }
}
