//! Devices and modules: let in with their first link, told to go, and what they send.

use super::Connection;
use super::attaching::{EVENT_MESSAGE_SIZE, MAX_MESSAGE_SIZE, opposite};
use crate::emulator::amqp::access::Resource;
use crate::emulator::amqp::device_message::{self, Unreadable};
use crate::emulator::amqp::effect::{Effect, LinkKey, Origin};
use crate::emulator::amqp::link::Delivery;
use crate::emulator::amqp::outlet::{Outlet, Supply};
use crate::emulator::amqp::refusal::Objection;
use crate::emulator::amqp::session::{Knock, Link, Topic, Use};
use crate::emulator::hub::command::{
    Command, DeviceMessage, ListenerId, Notice, Refusal, Reply, Side,
};
use crate::protocol::amqp::identity_address::{IdentityAddress, IdentityNode};
use crate::protocol::amqp::performative::error::condition;
use crate::protocol::amqp::performative::{Attach, Performative, Role};
use crate::protocol::rest::MAX_MESSAGE_BYTES;

impl Connection {
    /// A link of a device or module. The hub has to let it in before its first one.
    pub(super) fn attach_own(
        &mut self,
        key: LinkKey,
        attach: &Attach<'_>,
        address: IdentityAddress,
        resource: Option<Resource>,
    ) {
        if let Some(session) = self.guests.find(&address.identity) {
            return self.admit(key, attach, &address, resource, session);
        }
        let mut encoded = Vec::new();
        Performative::Attach(*attach).encode(&mut encoded);
        let knock = Knock {
            address,
            attach: encoded,
        };
        let link = Link {
            name: attach.name.to_owned(),
            role: opposite(attach.role),
            resource,
            usage: Use::Knocking(Box::new(knock)),
        };
        self.insert(key, link);
        self.effects.push_back(Effect::Register(key));
    }

    pub(super) fn is_knocking(&mut self, key: LinkKey) -> bool {
        matches!(self.usage(key), Some(Use::Knocking(_)))
    }

    /// There is a number for its session, and the hub is asked.
    pub(super) fn knock(&mut self, key: LinkKey, answer: Result<ListenerId, Refusal>) {
        let session = match answer {
            Ok(session) => session,
            Err(refusal) => return self.turn_guest_away(key, refusal.into()),
        };
        let sessions = self.sessions.get(&key.channel);
        let link = sessions.and_then(|session| session.links.get(&key.handle));
        let credential = link.and_then(|link| self.access.credential_for(link.resource.as_ref()?));
        if let Some(credential) = credential
            && let Some(Use::Knocking(knock)) = self.usage(key)
        {
            let command = Command::OpenSession {
                session,
                identity: knock.address.identity.clone(),
                credential,
            };
            return self.ask(Origin::OpenSession(key, session), command);
        }
        self.ask(Origin::Nobody, Command::CloseSession { session });
        self.turn_guest_away(key, Objection::unauthorized(Side::Hub, ""));
    }

    /// The hub has let it in, or not.
    pub(super) fn session_opened(
        &mut self,
        key: LinkKey,
        session: ListenerId,
        answer: Result<Reply, Refusal>,
    ) {
        if let Err(refusal) = answer {
            self.ask(Origin::Nobody, Command::CloseSession { session });
            return self.turn_guest_away(key, refusal.into());
        }
        let Some((knock, resource)) = self.take_knock(key) else {
            return self.ask(Origin::Nobody, Command::CloseSession { session });
        };
        let identity = knock.address.identity.clone();
        self.guests.enter(session, identity);
        if let Ok((Performative::Attach(attach), _)) = Performative::decode(&knock.attach) {
            self.admit(key, &attach, &knock.address, resource, session);
        }
    }

    fn take_knock(&mut self, key: LinkKey) -> Option<(Box<Knock>, Option<Resource>)> {
        if !self.is_knocking(key) {
            return None;
        }
        let session = self.sessions.get_mut(&key.channel)?;
        let link = session.links.remove(&key.handle)?;
        let Use::Knocking(knock) = link.usage else {
            return None;
        };
        Some((knock, link.resource))
    }

    fn turn_guest_away(&mut self, key: LinkKey, objection: Objection) {
        if let Some((knock, _)) = self.take_knock(key)
            && let Ok((Performative::Attach(attach), _)) = Performative::decode(&knock.attach)
        {
            self.refuse(key, &attach, objection, Side::Hub);
        }
    }

    /// Attaches a link of a device or module that is in.
    fn admit(
        &mut self,
        key: LinkKey,
        attach: &Attach<'_>,
        address: &IdentityAddress,
        resource: Option<Resource>,
        session: ListenerId,
    ) {
        let is_taken = match address.node {
            IdentityNode::Events => false,
            IdentityNode::DeviceBound => self.readers.contains_key(&session),
            IdentityNode::Twin => self.has_line(session, Topic::Twin, attach.role),
            IdentityNode::Methods => self.has_line(session, Topic::Methods, attach.role),
        };
        if is_taken {
            return self.refuse(key, attach, Objection::conflict(), Side::Hub);
        }
        self.guests.add(session, key);
        self.guests.learn_model(session, attach);
        let largest = match address.node {
            IdentityNode::Events => EVENT_MESSAGE_SIZE,
            IdentityNode::DeviceBound | IdentityNode::Twin | IdentityNode::Methods => {
                MAX_MESSAGE_SIZE
            }
        };
        self.accept_link_up_to(key, attach, largest);
        let usage = match address.node {
            IdentityNode::Events => Use::Events(session, self.first_credit(key, attach)),
            IdentityNode::DeviceBound => {
                let mut outlet = Outlet::new(Supply::Messages, attach);
                outlet.open(session);
                self.readers.insert(session, key);
                Use::Outlet(Box::new(outlet))
            }
            IdentityNode::Twin => self.attach_line(key, session, Topic::Twin, attach),
            IdentityNode::Methods => self.attach_line(key, session, Topic::Methods, attach),
        };
        let link = Link {
            name: attach.name.to_owned(),
            role: opposite(attach.role),
            resource,
            usage,
        };
        self.insert(key, link);
    }

    /// A device or module has one link less; without any it is not connected.
    pub(super) fn leave_guest(&mut self, session: ListenerId, key: LinkKey) {
        if self.guests.remove(session, key) {
            self.ask(Origin::Nobody, Command::CloseSession { session });
        }
    }

    /// A device or module takes no more messages; what it holds is there for another time.
    pub(super) fn release_messages(&mut self, key: LinkKey, outlet: &Outlet) {
        let Some(session) = outlet.listener() else {
            return;
        };
        self.readers.remove(&session);
        for command in outlet.give_back() {
            self.ask(Origin::Nobody, command);
        }
        self.leave_guest(session, key);
    }

    /// The hub tells a device or module something.
    pub(super) fn tell_guest(&mut self, session: ListenerId, notice: &Notice) {
        match notice {
            Notice::Superseded => self.dismiss(session, Objection::conflict()),
            Notice::Dismissed(refusal) => self.dismiss(session, refusal.clone().into()),
            Notice::Desired { patch, .. } => self.tell_of_desired(session, patch),
            Notice::Call {
                call,
                name,
                payload,
            } => self.tell_of_call(session, *call, name, payload),
            // Heard by the link that takes messages.
            Notice::Message
            // For readers of events, and for who calls methods.
            | Notice::Available
            | Notice::Detached(_)
            | Notice::Delivered(_)
            | Notice::Answered { .. } => {}
        }
    }

    fn dismiss(&mut self, session: ListenerId, objection: Objection) {
        let fault = self.word(objection, Side::Hub);
        for key in self.guests.links(session) {
            self.detach_with(key, &fault);
        }
    }

    /// A device or module sends events.
    pub(super) fn take_event(&mut self, key: LinkKey, session: ListenerId, delivery: &Delivery) {
        self.renew_credit(key);
        let mut messages = match device_message::events(delivery.format, &delivery.message) {
            Ok(messages) => messages,
            Err(Unreadable::Malformed(error)) => {
                return self.detach_for(key, condition::DECODE_ERROR, &error.to_string());
            }
            Err(Unreadable::Unfit(reason)) => {
                return self.reject_event(key, delivery, Objection::argument(reason));
            }
        };
        if let Some(model) = self.guests.model(session) {
            for message in &mut messages {
                message.plug_and_play.model = Some(model.clone());
            }
        }
        let size: usize = messages.iter().map(DeviceMessage::size).sum();
        if messages.len() > 1 && size > MAX_MESSAGE_BYTES {
            let objection = Objection::too_large(size, MAX_MESSAGE_BYTES);
            return self.reject_event(key, delivery, objection);
        }
        let origin = Origin::Sent {
            key,
            delivery: delivery.id,
            is_settled: delivery.settled,
        };
        self.ask(origin, Command::Publish { session, messages });
    }

    fn reject_event(&mut self, key: LinkKey, delivery: &Delivery, objection: Objection) {
        if !delivery.settled {
            self.reject((Role::Receiver, key.channel, delivery.id), objection);
        }
    }
}
