//! What a client sends once it is let in.

use super::{Client, Connection, Phase};
use crate::emulator::hub::command::{Command, DeviceMessage, ListenerId};
use crate::emulator::mqtt::effect::{Effect, Origin};
use crate::emulator::mqtt::event;
use crate::protocol::mqtt::packet::{
    Packet, Publish, QoS, SubAck, Subscribe, SubscribeReasonCode, UnsubAck, Unsubscribe,
};
use crate::protocol::mqtt::topic::{DeviceTopic, Filter};
use crate::protocol::rest::MAX_MESSAGE_BYTES;

/// What a message takes up beside its own bytes while it waits.
const OVERHEAD: usize = 128;

impl Connection {
    /// Takes one packet of a client that is in.
    pub(super) fn carry(&mut self, packet: Packet) {
        let Phase::Open(client, session) = &mut self.phase else {
            return;
        };
        match packet {
            Packet::Publish(publish) => {
                let session = *session;
                match read(client, publish) {
                    Some((message, id)) => self.put(session, message, id),
                    None => self.hang_up(),
                }
            }
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(&unsubscribe),
            Packet::PingReq => self.send(&Packet::PingResp),
            // Nothing is sent yet that would be acknowledged.
            Packet::PubAck(_) => {}
            Packet::Disconnect => {
                client.will = None;
                self.hang_up();
            }
            // A second greeting, QoS 2, and what only a server sends.
            Packet::Connect(_)
            | Packet::PubRec(_)
            | Packet::PubRel(_)
            | Packet::PubComp(_)
            | Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp => self.hang_up(),
        }
    }

    /// Puts a message to the hub, together with those that wait already.
    fn put(&mut self, session: ListenerId, message: DeviceMessage, id: Option<u16>) {
        let size = message.size() + OVERHEAD;
        self.waiting += size;
        if let Some(Effect::Ask {
            origin: Origin::Publish { acknowledge, bytes },
            command: Command::Publish { messages, .. },
        }) = self.effects.back_mut()
            && messages.len() < self.options.limits.batch
        {
            messages.push(message);
            acknowledge.extend(id);
            *bytes += size;
            return;
        }
        let command = Command::Publish {
            session,
            messages: vec![message],
        };
        let origin = Origin::Publish {
            acknowledge: id.into_iter().collect(),
            bytes: size,
        };
        self.effects.push_back(Effect::Ask { origin, command });
    }

    fn subscribe(&mut self, subscribe: &Subscribe) {
        let Phase::Open(client, _) = &mut self.phase else {
            return;
        };
        let filters = subscribe.filters.iter();
        let granted = filters.map(|wanted| {
            let filter = Filter::parse(&wanted.path, &client.identity);
            filter.map_or(SubscribeReasonCode::Failure, |filter| {
                SubscribeReasonCode::Success(client.subscriptions.add(filter, wanted.qos))
            })
        });
        let granted = granted.collect();
        self.remember();
        self.send(&Packet::SubAck(SubAck::new(subscribe.pkid, granted)));
    }

    fn unsubscribe(&mut self, unsubscribe: &Unsubscribe) {
        let Phase::Open(client, _) = &mut self.phase else {
            return;
        };
        for topic in &unsubscribe.topics {
            if let Some(filter) = Filter::parse(topic, &client.identity) {
                client.subscriptions.remove(filter);
            }
        }
        self.remember();
        self.send(&Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)));
    }

    fn remember(&mut self) {
        if let Phase::Open(client, _) = &self.phase
            && client.is_remembered
        {
            let remember = Effect::Remember(client.identity.clone(), client.subscriptions);
            self.effects.push_back(remember);
        }
    }
}

/// The message that is published, and the identifier to acknowledge it by; `None` for what the hub does not take.
fn read(client: &Client, publish: Publish) -> Option<(DeviceMessage, Option<u16>)> {
    let id = match publish.qos {
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce => Some(publish.pkid),
        QoS::ExactlyOnce => return None,
    };
    match DeviceTopic::parse(&publish.topic)? {
        DeviceTopic::Events {
            device,
            module,
            bag,
        } => {
            let identity = &client.identity;
            if device != identity.device || module.as_deref() != identity.module.as_deref() {
                return None;
            }
            let message = event::message(&bag, publish.payload, publish.retain);
            (message.size() <= MAX_MESSAGE_BYTES).then_some((message, id))
        }
        // The hub has no twins and no methods yet.
        DeviceTopic::TwinGet { .. }
        | DeviceTopic::Reported { .. }
        | DeviceTopic::MethodResponse { .. } => None,
    }
}
