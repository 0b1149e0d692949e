//! The machine driven frame by frame in one thread, in front of the real hub's state machine.

use std::collections::VecDeque;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::emulator::amqp::options::Limits;
use crate::emulator::driver::Clock;
use crate::emulator::hub::Hub;
use crate::emulator::hub::command::{Credential, DeviceMessage};
use crate::emulator::hub::options::HubOptions;
use crate::emulator::test_hub::{self, KEY};
use crate::model::secret::Secret;
use crate::protocol::amqp::address::PartitionAddress;
use crate::protocol::amqp::cbs::{PutToken, SAS_TOKEN_TYPE};
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::frame::{ProtocolHeader, begin_frame, end_frame};
use crate::protocol::amqp::management::{EventHubProperties, PartitionProperties, ReadRequest};
use crate::protocol::amqp::message::{Body, Message};
use crate::protocol::amqp::performative::link::{SEND_MIXED, SEND_SETTLED, SEND_UNSETTLED};
use crate::protocol::amqp::performative::{
    Attach, Begin, Close, DeliveryState, Detach, Disposition, End, Flow, Open, Role, SaslInit,
    Source, Symbols, Target, Transfer,
};
use crate::protocol::amqp::redirect::Redirect;
use crate::protocol::amqp::response::Response;
use crate::protocol::amqp::value::{Value, decode};
use crate::protocol::amqp::writer::encode;
use crate::protocol::sas::{SigningKey, mint};

mod certificates;
mod devices;
mod events;
mod frame;
mod golden;
mod hostile;
mod messages;
mod nodes;
mod opening;
mod twins;
mod uploads;

use frame::{Frame, bodies, frame, frames, names};

const START: i64 = 1_700_000_000;
const ENTITY: &str = "iothub-ehub-test";
const MARK: usize = 64 * 1024;

/// A connection, the hub behind it, and a clock that stands still unless moved.
struct Bench {
    hub: Hub,
    machine: Connection,
    now: Moment,
    readers: u64,
    /// Notices for readers of other connections.
    strays: Vec<(ListenerId, Notice)>,
}

fn hub() -> Hub {
    let options = HubOptions {
        entity: ENTITY.to_owned(),
        ..test_hub::options(2)
    };
    let mut hub = Hub::new(utc(0), options).unwrap();
    hub.register(utc(0), "d1").unwrap();
    hub
}

fn utc(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(START + seconds, 0).unwrap()
}

fn options() -> Options {
    Options {
        container_id: "DeviceGateway_test".to_owned(),
        redirect_host: "localhost".to_owned(),
        redirect_port: 5671,
        entity: ENTITY.to_owned(),
        clock: Clock::new(|| utc(0)),
        limits: Limits::default(),
        mischief: crate::emulator::fault::Mischief::default(),
    }
}

fn token(scope: &str, is_raw: bool, seconds: i64) -> String {
    let key = Secret::new(KEY);
    let key = if is_raw {
        SigningKey::raw(&key)
    } else {
        SigningKey::decoded(&key)
    };
    let token = mint(&key.unwrap(), scope, START + seconds, Some("service"));
    token.expose().to_owned()
}

impl Bench {
    /// Before the first byte.
    fn new() -> Self {
        Self::with(options())
    }

    fn with(options: Options) -> Self {
        let now = Moment {
            elapsed: Duration::ZERO,
            utc: utc(0),
        };
        Self {
            hub: hub(),
            machine: Connection::new(Arc::new(options), None, 7, now),
            now,
            readers: 0,
            strays: Vec::new(),
        }
    }

    /// With SASL behind it, `open` exchanged and a session on channel 1.
    fn open() -> Self {
        let mut bench = Self::new();
        bench.greet(65_536);
        bench
    }

    fn greet(&mut self, max_frame_size: u32) {
        self.feed(ProtocolHeader::Sasl.bytes());
        let init = SaslInit {
            mechanism: "MSSBCBS",
            ..SaslInit::default()
        };
        self.feed(&frame(
            FrameKind::Sasl,
            0,
            &Performative::SaslInit(init),
            b"",
        ));
        self.feed(ProtocolHeader::Amqp.bytes());
        self.machine.swap_output(&mut Vec::new());
        let open = Open {
            container_id: "c",
            hostname: Some("localhost"),
            max_frame_size: Some(max_frame_size),
            idle_time_out: Some(60_000),
            ..Open::default()
        };
        self.send(0, &Performative::Open(open));
        self.begin(1);
    }

    fn begin(&mut self, channel: u16) -> Vec<Frame> {
        let begin = Begin {
            next_outgoing_id: 0,
            incoming_window: 1_000,
            outgoing_window: 1_000,
            ..Begin::default()
        };
        self.send(channel, &Performative::Begin(begin))
    }

    /// With a token for each of the two hosts shown on `$cbs`, whose links are the handles 0 and 1.
    fn trusted() -> Self {
        let mut bench = Self::open();
        bench.attach_cbs();
        assert_eq!(bench.put_token(&token("localhost", false, 3_600)), 200);
        let scope = format!("sb://localhost/{ENTITY}");
        assert_eq!(bench.put_token(&token(&scope, true, 3_600)), 202);
        bench
    }

    fn attach_cbs(&mut self) {
        self.attach_requests("$cbs", 0);
    }

    /// Attaches a sender as `handle` and a receiver as the next one, and grants credit.
    fn attach_requests(&mut self, address: &str, handle: u32) {
        let target = Target::at(address);
        let sender = Attach {
            target: Some(target),
            ..Attach::new("s", handle, Role::Sender)
        };
        let out = self.send(1, &Performative::Attach(sender));
        assert_eq!(names(&out), ["attach", "flow"], "{out:?}");
        let receiver = Attach {
            source: Some(Source::at(address)),
            target: Some(Target::at("me")),
            ..Attach::new("r", handle + 1, Role::Receiver)
        };
        assert_eq!(
            names(&self.send(1, &Performative::Attach(receiver))),
            ["attach"]
        );
        self.grant(handle + 1, 0, 1_000);
    }

    fn put_token(&mut self, token: &str) -> u16 {
        let mut message = Vec::new();
        PutToken {
            message_id: Some(Value::Uuid([9; 16])),
            reply_to: Some("me"),
            token_type: SAS_TOKEN_TYPE,
            audience: "whatever",
            token,
        }
        .write(&mut message);
        let out = self.request(0, &message);
        let reply = Message::parse(out[1].payload()).unwrap();
        let response = Response::parse(&reply).unwrap();
        assert_eq!(response.correlation_id, Some(Value::Uuid([9; 16])));
        response.status_code
    }

    fn request(&mut self, handle: u32, message: &[u8]) -> Vec<Frame> {
        let transfer = Transfer {
            handle,
            delivery_id: Some(0),
            delivery_tag: Some(b"t"),
            ..Transfer::default()
        };
        let bytes = frame(
            FrameKind::Amqp,
            1,
            &Performative::Transfer(transfer),
            message,
        );
        let mut out = self.feed(&bytes);
        // Now and then the node gives new credit as well.
        out.retain(|frame| frame.name() != "flow");
        assert_eq!(names(&out), ["disposition", "transfer"], "{out:?}");
        out
    }

    /// Attaches a reader to partition 0 or 1.
    fn attach_reader(&mut self, handle: u32, partition: &str, mode: Option<u8>) -> Vec<Frame> {
        self.attach_reader_as(handle, partition, mode, None)
    }

    fn attach_reader_as(
        &mut self,
        handle: u32,
        partition: &str,
        mode: Option<u8>,
        epoch: Option<i64>,
    ) -> Vec<Frame> {
        let address = PartitionAddress {
            entity: ENTITY.to_owned(),
            consumer_group: "$Default".to_owned(),
            partition: partition.to_owned(),
        };
        let (address, name) = (address.to_string(), format!("reader{handle}"));
        let filter = encode(|w| Position::Earliest.write_filter(w));
        let properties = encode(|w| {
            w.map(|w| {
                if let Some(epoch) = epoch {
                    w.symbol("com.microsoft:epoch");
                    w.long(epoch);
                }
            });
        });
        let attach = Attach {
            snd_settle_mode: mode,
            source: Some(Source {
                address: Some(&address),
                filter: decode(&filter).unwrap().0.as_map(),
                ..Source::default()
            }),
            properties: decode(&properties).unwrap().0.as_map(),
            ..Attach::new(&name, handle, Role::Receiver)
        };
        self.send(1, &Performative::Attach(attach))
    }

    fn grant(&mut self, handle: u32, delivery_count: u32, credit: u32) -> Vec<Frame> {
        self.flow(Flow {
            handle: Some(handle),
            delivery_count: Some(delivery_count),
            link_credit: Some(credit),
            ..wide()
        })
    }

    fn flow(&mut self, flow: Flow<'_>) -> Vec<Frame> {
        self.send(1, &Performative::Flow(flow))
    }

    fn send(&mut self, channel: u16, performative: &Performative<'_>) -> Vec<Frame> {
        self.feed(&frame(FrameKind::Amqp, channel, performative, b""))
    }

    /// Feeds bytes in, lets the hub answer, and gives the frames that come out.
    fn feed(&mut self, bytes: &[u8]) -> Vec<Frame> {
        frames(&self.feed_raw(bytes))
    }

    fn feed_raw(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        self.carry_out();
        loop {
            let taken = self.machine.receive(bytes);
            if taken == 0 {
                break;
            }
            bytes = &bytes[taken..];
            self.carry_out();
        }
        self.drain()
    }

    /// Everything that comes out without anything going in.
    fn drain(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            self.machine.pump(MARK);
            let had_effects = self.machine.has_effects();
            self.carry_out();
            let mut part = Vec::new();
            self.machine.swap_output(&mut part);
            if part.is_empty() && !had_effects {
                return all;
            }
            all.extend_from_slice(&part);
        }
    }

    fn carry_out(&mut self) {
        let mut notices = VecDeque::new();
        while let Some(effect) = self.machine.next_effect() {
            match effect {
                Effect::Register(key) => {
                    let id = ListenerId(self.readers);
                    self.readers += 1;
                    self.machine.registered(key, Ok(id));
                }
                Effect::Ask { origin, command } => {
                    let effects = self.hub.apply(self.now.utc, command);
                    self.machine.answer(origin, effects.reply);
                    notices.extend(effects.notices);
                }
            }
        }
        for (reader, notice) in notices {
            self.machine.notice(reader, notice.clone());
            self.strays.push((reader, notice));
        }
    }

    /// A device posts these bodies; gives the frames that follow from it.
    fn post(&mut self, bodies: &[&[u8]]) -> Vec<Frame> {
        let messages = bodies.iter().map(|body| DeviceMessage {
            body: Bytes::copy_from_slice(body),
            ..DeviceMessage::default()
        });
        let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
        let token = mint(&key, "localhost", START + 3_600, Some("iothubowner"));
        let command = Command::SendEvents {
            credential: Some(Credential::Token(token)),
            device: "d1".to_owned(),
            messages: messages.collect(),
        };
        let effects = self.hub.apply(self.now.utc, command);
        effects.reply.unwrap();
        for (reader, notice) in effects.notices {
            self.machine.notice(reader, notice);
        }
        frames(&self.drain())
    }

    /// The partition that the device's events go to.
    fn partition(&mut self) -> &'static str {
        for partition in ["0", "1"] {
            let command = Command::DescribePartition {
                partition: partition.to_owned(),
            };
            let reply = self.hub.apply(self.now.utc, command).reply;
            if matches!(reply, Ok(Reply::Partition(state)) if !state.is_empty) {
                return partition;
            }
        }
        panic!("nothing was posted")
    }

    /// Moves the clock on, and gives the frames that follow from it.
    fn wait(&mut self, seconds: u32) -> Vec<Frame> {
        self.now = Moment {
            elapsed: self.now.elapsed + Duration::from_secs(seconds.into()),
            utc: self.now.utc + TimeDelta::seconds(seconds.into()),
        };
        self.machine.tick(self.now);
        self.carry_out();
        frames(&self.drain())
    }
}

/// A session flow with a window that holds nothing back.
fn wide() -> Flow<'static> {
    Flow {
        next_incoming_id: Some(1),
        incoming_window: 1_000_000,
        next_outgoing_id: 0,
        outgoing_window: 1_000,
        ..Flow::default()
    }
}
