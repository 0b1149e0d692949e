//! Messages from the cloud: taken from the hub as long as the client wants them and has room, and completed by its PUBACK.
//! Without PUBACKs they wait in the hub, as they do for one that is not there, while the client does not listen.
//!
//! What it has not acknowledged when it goes is the hub's to give out again.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use uuid::Uuid;

use super::{Connection, Phase};
use crate::emulator::hub::command::{
    CloudToDeviceOperation, Command, GivenMessage, ListenerId, Outcome, Refusal, Reply,
};
use crate::emulator::mqtt::effect::Sequel;
use crate::protocol::amqp::identity_address::{IdentityAddress, IdentityNode};
use crate::protocol::mqtt::packet::{Packet, Publish, QoS};
use crate::protocol::mqtt::property_bag::Property;
use crate::protocol::mqtt::system_property::SystemProperty;
use crate::protocol::mqtt::topic::{Filter, HubTopic};
use crate::protocol::rest::event_header;

/// Messages that a client may hold without having acknowledged them.
const MOST_HELD: usize = 16;

/// The messages that a client holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The lock of each, by its packet's identifier.
    locks: BTreeMap<u16, Uuid>,
    /// The identifier that was given last.
    last: u16,
    /// Whether the hub is being asked for more.
    is_asking: bool,
    /// Whether there is more, as the hub has said while it could not be asked.
    is_there_more: bool,
}

impl Held {
    /// An identifier that no packet under way has.
    fn hold(&mut self, lock: Uuid) -> u16 {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.locks.contains_key(&self.last) {
                self.locks.insert(self.last, lock);
                return self.last;
            }
        }
    }
}

impl Connection {
    /// Asks the hub for messages, if the client wants some, listens and has room.
    pub(super) fn ask_for_messages(&mut self) {
        let is_listening = self.is_listening();
        let Phase::Open(client, session) = &mut self.phase else {
            return;
        };
        let session = *session;
        let room = MOST_HELD.saturating_sub(client.held.locks.len());
        if room == 0 || client.held.is_asking || !client.subscriptions.has(Filter::Messages) {
            return;
        }
        if !is_listening {
            client.held.is_there_more = true;
            return;
        }
        client.held.is_asking = true;
        client.held.is_there_more = false;
        let take = CloudToDeviceOperation::Take { session, max: room };
        self.ask(Command::CloudToDevice(take), None, 0, Sequel::Messages);
    }

    /// There are messages, the hub says.
    pub(super) fn hear_of_messages(&mut self) {
        if let Phase::Open(client, _) = &mut self.phase {
            client.held.is_there_more = true;
        }
        self.ask_for_messages();
    }

    /// Asks for what could not be asked for when the hub told of it, now that the client may listen again.
    pub(super) fn catch_up(&mut self) {
        if let Phase::Open(client, _) = &self.phase
            && client.held.is_there_more
        {
            self.ask_for_messages();
        }
    }

    /// What the hub gave.
    pub(super) fn give_messages(&mut self, answer: &Result<Reply, Refusal>) {
        let Phase::Open(client, session) = &mut self.phase else {
            return;
        };
        let session = *session;
        client.held.is_asking = false;
        let Ok(Reply::Messages(given)) = answer else {
            return self.end("the hub gives it no messages any more");
        };
        let is_more_due = !given.is_empty() || client.held.is_there_more;
        for message in given {
            self.give(session, message);
        }
        if is_more_due {
            self.ask_for_messages();
        }
    }

    fn give(&mut self, session: ListenerId, given: &GivenMessage) {
        let Phase::Open(client, _) = &mut self.phase else {
            return;
        };
        let Some(qos) = client.subscriptions.granted(Filter::Messages) else {
            // Unsubscribed meanwhile: another time, then.
            return self.settle(session, given.lock, Outcome::Abandon);
        };
        let topic = HubTopic::Message {
            device: client.identity.device.as_str().into(),
            properties: properties(given),
        };
        let mut publish = Publish::new(topic.to_string(), qos, given.content.message.body.clone());
        if qos == QoS::AtMostOnce {
            self.settle(session, given.lock, Outcome::Complete);
        } else {
            publish.pkid = client.held.hold(given.lock);
        }
        self.send(&Packet::Publish(publish));
    }

    /// The client has acknowledged a packet.
    pub(super) fn acknowledged(&mut self, id: u16) {
        let Phase::Open(client, session) = &mut self.phase else {
            return;
        };
        let session = *session;
        // One that it never got, or acknowledges twice, is nothing.
        if let Some(lock) = client.held.locks.remove(&id) {
            self.settle(session, lock, Outcome::Complete);
            self.ask_for_messages();
        }
    }

    fn settle(&mut self, session: ListenerId, lock: Uuid, outcome: Outcome) {
        let settle = CloudToDeviceOperation::SettleTaken {
            session,
            lock,
            outcome,
        };
        self.ask(Command::CloudToDevice(settle), None, 0, Sequel::Nothing);
    }
}

/// The properties of a message, the system's first.
fn properties(given: &GivenMessage) -> Vec<Property<'_>> {
    let message = &given.content.message;
    let expiry = given
        .content
        .expiry
        .and_then(DateTime::from_timestamp_millis);
    let expiry = expiry.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
    let to = IdentityAddress {
        identity: given.identity.clone(),
        node: IdentityNode::DeviceBound,
    };
    let system = [
        (
            SystemProperty::MessageId,
            message.message_id.as_deref().map(Into::into),
        ),
        (
            SystemProperty::CorrelationId,
            message.correlation_id.as_deref().map(Into::into),
        ),
        (
            SystemProperty::UserId,
            message.user_id.as_deref().map(Into::into),
        ),
        (SystemProperty::To, Some(format!("/{}", to.path()).into())),
        (
            SystemProperty::ContentType,
            message.content_type.as_deref().map(Into::into),
        ),
        (
            SystemProperty::ContentEncoding,
            message.content_encoding.as_deref().map(Into::into),
        ),
        (SystemProperty::Expiry, expiry.map(Into::into)),
    ];
    let system = system
        .into_iter()
        .filter(|(_, value)| value.is_some())
        .map(|(name, value)| (name.name().into(), value));
    let ack = given.content.ack.said();
    let ack = ack.map(|ack| (event_header::ACK.into(), Some(ack.into())));
    let own = message
        .properties
        .iter()
        .map(|(name, value)| (name.as_str().into(), Some(value.as_str().into())));
    system.chain(ack).chain(own).collect()
}
