//! What a client sends once it is let in.

use super::{Connection, Phase};
use crate::emulator::hub::command::{
    CallId, Command, DeviceMessage, Feed, ListenerId, MethodOperation, TwinOperation,
};
use crate::emulator::mqtt::effect::{Effect, Origin, Sequel};
use crate::emulator::mqtt::event;
use crate::protocol::mqtt::packet::{
    Packet, PubAck, Publish, QoS, SubAck, Subscribe, SubscribeReasonCode, UnsubAck, Unsubscribe,
};
use crate::protocol::mqtt::topic::{DeviceTopic, Filter};
use crate::protocol::rest::MAX_MESSAGE_BYTES;

/// What a message or a request takes up beside its own bytes while it waits.
const OVERHEAD: usize = 128;

/// What is told of an answer whose topic has no number where the status belongs.
const NO_STATUS: &str = "has a status that is no number";

/// A call that nobody has made.
const NO_CALL: CallId = CallId(u64::MAX);

impl Connection {
    /// Takes one packet of a client that is in.
    pub(super) fn carry(&mut self, packet: Packet) {
        match packet {
            Packet::Publish(publish) => self.publish(publish),
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(&unsubscribe),
            Packet::PingReq => self.send(&Packet::PingResp),
            Packet::PubAck(PubAck { pkid }) => self.acknowledged(pkid),
            Packet::Disconnect => {
                if let Phase::Open(client, _) = &mut self.phase {
                    client.will = None;
                }
                self.end("DISCONNECT");
            }
            // A second greeting, QoS 2, and what only a server sends.
            Packet::Connect(_)
            | Packet::PubRec(_)
            | Packet::PubRel(_)
            | Packet::PubComp(_)
            | Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp => self.end("a packet that no client sends at this point"),
        }
    }

    fn publish(&mut self, publish: Publish) {
        let Phase::Open(client, session) = &self.phase else {
            return;
        };
        let session = *session;
        let id = match publish.qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce => Some(publish.pkid),
            QoS::ExactlyOnce => return self.end("QoS 2 is not spoken"),
        };
        let payload = publish.payload;
        match DeviceTopic::parse(&publish.topic) {
            None => self.end(format!(
                "devices publish nothing to the topic {:?}",
                publish.topic
            )),
            Some(DeviceTopic::Events {
                device,
                module,
                bag,
            }) => {
                let is_own = device == client.identity.device
                    && module.as_deref() == client.identity.module.as_deref();
                let message = event::message(&bag, payload, publish.retain, client.model.as_ref());
                if is_own && message.size() <= MAX_MESSAGE_BYTES {
                    self.put(session, message, id);
                } else if is_own {
                    let size = message.size();
                    self.end(format!(
                        "a message of {size} bytes, and {MAX_MESSAGE_BYTES} are taken"
                    ));
                } else {
                    self.end(format!("the topic {:?} is another device's", publish.topic));
                }
            }
            Some(DeviceTopic::TwinGet { request }) => {
                let command = Command::Twin(TwinOperation::ReadOwn { session });
                self.ask(command, id, 0, Sequel::Twin(request.into_owned()));
            }
            Some(DeviceTopic::Reported { request }) => {
                // The hub refuses what is no object; what is no JSON is none.
                let patch = serde_json::from_slice(&payload).unwrap_or_default();
                let command = Command::Twin(TwinOperation::Report { session, patch });
                let sequel = Sequel::Twin(request.into_owned());
                self.ask(command, id, payload.len(), sequel);
            }
            Some(DeviceTopic::MethodResponse { status, request }) => {
                let bytes = payload.len();
                let command = Command::Method(MethodOperation::Respond {
                    session,
                    call: request.parse().map_or(NO_CALL, CallId),
                    status: status.parse().map_err(|_| NO_STATUS),
                    payload,
                });
                self.ask(command, id, bytes, Sequel::Nothing);
            }
        }
    }

    /// Puts a command to the hub, after those that wait already.
    pub(super) fn ask(&mut self, command: Command, id: Option<u16>, bytes: usize, sequel: Sequel) {
        let bytes = bytes + OVERHEAD;
        self.waiting += bytes;
        let origin = Origin {
            bytes,
            acknowledge: id.into_iter().collect(),
            sequel,
        };
        self.effects.push_back(Effect::Ask { origin, command });
    }

    /// Puts a message to the hub, together with those that wait already.
    fn put(&mut self, session: ListenerId, message: DeviceMessage, id: Option<u16>) {
        let size = message.size();
        if let Some(Effect::Ask {
            origin,
            command: Command::Publish { messages, .. },
        }) = self.effects.back_mut()
            && messages.len() < self.options.limits.batch
        {
            messages.push(message);
            origin.acknowledge.extend(id);
            origin.bytes += size + OVERHEAD;
            self.waiting += size + OVERHEAD;
            return;
        }
        let messages = vec![message];
        let command = Command::Publish { session, messages };
        self.ask(command, id, size, Sequel::EndIfRefused);
    }

    fn subscribe(&mut self, subscribe: &Subscribe) {
        let Phase::Open(client, session) = &mut self.phase else {
            return;
        };
        let session = *session;
        let (mut granted, mut codes) = (Vec::new(), Vec::new());
        for wanted in &subscribe.filters {
            let filter = Filter::parse(&wanted.path, &client.identity);
            granted.extend(filter);
            codes.push(filter.map_or(SubscribeReasonCode::Failure, |filter| {
                SubscribeReasonCode::Success(client.subscriptions.add(filter, wanted.qos))
            }));
        }
        self.remember();
        let told = Packet::SubAck(SubAck::new(subscribe.pkid, codes));
        self.listen(session, &granted, true, Some(told));
        self.ask_for_messages();
    }

    fn unsubscribe(&mut self, unsubscribe: &Unsubscribe) {
        let Phase::Open(client, session) = &mut self.phase else {
            return;
        };
        let session = *session;
        let topics = unsubscribe.topics.iter();
        let filters: Vec<_> = topics
            .filter_map(|topic| Filter::parse(topic, &client.identity))
            .collect();
        for filter in &filters {
            client.subscriptions.remove(*filter);
        }
        self.remember();
        let told = Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid));
        self.listen(session, &filters, false, Some(told));
    }

    /// Tells the hub what the client wants to hear of, or no longer, and then the client that it was told.
    pub(super) fn listen(
        &mut self,
        session: ListenerId,
        filters: &[Filter],
        on: bool,
        mut told: Option<Packet>,
    ) {
        let mut feeds = filters.iter().filter_map(|filter| feed(*filter)).peekable();
        while let Some(feed) = feeds.next() {
            let is_last = feeds.peek().is_none();
            let told = if is_last { told.take() } else { None };
            let sequel = told.map_or(Sequel::Nothing, |told| Sequel::Packet(Box::new(told)));
            let command = Command::Listen { session, feed, on };
            self.ask(command, None, 0, sequel);
        }
        if let Some(told) = told {
            self.send(&told);
        }
    }

    fn remember(&mut self) {
        if let Phase::Open(client, _) = &self.phase
            && client.is_remembered
        {
            let remember = Effect::Remember(client.identity.clone(), client.subscriptions);
            // Only the last one counts.
            if let Some(Effect::Remember(..)) = self.effects.back() {
                self.effects.pop_back();
            }
            self.effects.push_back(remember);
        }
    }
}

/// What the hub tells of to who has subscribed to that; answers come anyway.
fn feed(filter: Filter) -> Option<Feed> {
    match filter {
        Filter::Desired => Some(Feed::Desired),
        Filter::Methods => Some(Feed::Methods),
        Filter::Messages | Filter::Inputs | Filter::TwinResults => None,
    }
}
