//! Links: what is attached, what is refused, what is redirected, and how it ends.

use super::Connection;
use crate::emulator::amqp::effect::{Effect, LinkKey, Origin, RequestNode};
use crate::emulator::amqp::node::{self, Here, Node};
use crate::emulator::amqp::outlet::Supply;
use crate::emulator::amqp::reader::Reader;
use crate::emulator::amqp::refusal::{Fault, Objection};
use crate::emulator::amqp::session::{Link, Replies, Use};
use crate::emulator::hub::command::{Command, ListenerId, Refusal, Reply, Side};
use crate::protocol::amqp::address::PartitionAddress;
use crate::protocol::amqp::performative::error::condition;
use crate::protocol::amqp::performative::link::{RECEIVE_FIRST, SEND_MIXED};
use crate::protocol::amqp::performative::{AmqpError, Attach, Detach, Performative, Role};
use crate::protocol::amqp::redirect::Redirect;
use crate::protocol::amqp::value::{Items, decode};
use crate::protocol::amqp::writer::encode;

/// What an attach says of the largest message: as much as both services take in one request.
pub(super) const MAX_MESSAGE_SIZE: u64 = 1024 * 1024;
/// What IoT Hub says of it where devices send events, and in the attach that precedes a redirect. What is larger and still
/// below the other bound is taken off the wire, to be rejected as the message that it is.
pub(super) const EVENT_MESSAGE_SIZE: u64 = 256 * 1024;

impl Connection {
    pub(super) fn attach(&mut self, channel: u16, attach: &Attach<'_>) {
        let key = LinkKey {
            channel,
            handle: attach.handle,
        };
        if attach.handle > self.options.limits.handle_max {
            return self.fail(condition::FRAMING_ERROR, "handle out of range");
        }
        // A link that was refused may be tried again before its peer has confirmed the end of the first.
        if self
            .usage(key)
            .is_some_and(|usage| !matches!(usage, Use::Detached))
        {
            return self.handle_in_use(channel);
        }
        let links = self.sessions.values().map(|session| session.links.len());
        if links.sum::<usize>() >= self.options.limits.links {
            return self.fail(condition::RESOURCE_LIMIT_EXCEEDED, "too many links");
        }
        let here = Here {
            entity: &self.options.entity,
            side: self.access.side().unwrap_or(Side::Hub),
            host: &self.host,
        };
        let (node, resource) = match node::find(attach, here) {
            Ok(place) => place,
            Err(objection) => {
                let side = here.side;
                return self.refuse(key, attach, objection, side);
            }
        };
        if let Some(resource) = resource
            .as_ref()
            .filter(|wanted| !self.access.opens(wanted))
        {
            let objection = Objection::unauthorized(resource.side(), &resource.path());
            let side = resource.side();
            return self.refuse(key, attach, objection, side);
        }
        let usage = match node {
            Node::Redirected(suffix) => return self.redirect(key, attach, &suffix),
            Node::Own(address) => return self.attach_own(key, attach, address, resource),
            Node::Requests(node) => self.attach_requests(key, node, attach),
            Node::CloudToDevice => self.attach_messages(key, attach),
            Node::Outlet(supply) => self.attach_outlet(key, supply, attach),
            Node::Partition(address) => match self.attach_reader(key, address, attach) {
                Ok(usage) => usage,
                Err(objection) => return self.refuse(key, attach, objection, Side::Namespace),
            },
        };
        let link = Link {
            name: attach.name.to_owned(),
            role: opposite(attach.role),
            resource,
            usage,
        };
        self.insert(key, link);
    }

    pub(super) fn insert(&mut self, key: LinkKey, link: Link) {
        if let Some(session) = self.sessions.get_mut(&key.channel) {
            session.links.insert(key.handle, link);
        }
    }

    fn attach_requests(&mut self, key: LinkKey, node: RequestNode, attach: &Attach<'_>) -> Use {
        self.accept_link(key, attach);
        if attach.role == Role::Receiver {
            return Use::Replies(node, Replies::new(attach));
        }
        Use::Requests(node, self.first_credit(key, attach))
    }

    /// Answers an attach that is accepted.
    pub(super) fn accept_link(&mut self, key: LinkKey, attach: &Attach<'_>) {
        self.accept_link_up_to(key, attach, MAX_MESSAGE_SIZE);
    }

    /// The same for a link whose largest message is not the usual one.
    pub(super) fn accept_link_up_to(&mut self, key: LinkKey, attach: &Attach<'_>, largest: u64) {
        let reply = Attach {
            max_message_size: Some(largest),
            ..reply_to(attach)
        };
        self.out.send(key.channel, &Performative::Attach(reply));
    }

    /// The hub has the last word on a reader, so its attach is answered later.
    fn attach_reader(
        &mut self,
        key: LinkKey,
        address: PartitionAddress,
        attach: &Attach<'_>,
    ) -> Result<Use, Objection> {
        let reader =
            Reader::new(address, attach).map_err(|error| Objection::argument(error.to_string()))?;
        let mut reply = Vec::new();
        Performative::Attach(reply_to(attach)).encode(&mut reply);
        self.effects.push_back(Effect::Register(key));
        Ok(Use::Opening(Box::new(reader), reply))
    }

    /// Takes in a new reader's number; the hub is then asked to open it.
    pub(in crate::emulator::amqp) fn registered(
        &mut self,
        key: LinkKey,
        answer: Result<ListenerId, Refusal>,
    ) {
        if self.is_knocking(key) {
            return self.knock(key, answer);
        }
        let id = match answer {
            Ok(id) => id,
            Err(refusal) if self.is_outlet(key) => {
                let fault = self.word(refusal.into(), Side::Hub);
                return self.detach_with(key, &fault);
            }
            Err(refusal) => return self.reader_opened(key, Err(refusal)),
        };
        if self.is_outlet(key) {
            return self.outlet_registered(key, id);
        }
        let Some(Use::Opening(reader, _)) = self.usage(key) else {
            return self.ask(Origin::Nobody, Command::CloseReader { reader: id });
        };
        let command = reader.open(id);
        self.readers.insert(id, key);
        self.ask(Origin::OpenReader(key), command);
    }

    pub(super) fn reader_opened(&mut self, key: LinkKey, answer: Result<Reply, Refusal>) {
        let Some(session) = self.sessions.get_mut(&key.channel) else {
            return;
        };
        let Some(mut link) = session.links.remove(&key.handle) else {
            return;
        };
        let usage = std::mem::replace(&mut link.usage, Use::Detached);
        let Use::Opening(mut reader, reply) = usage else {
            link.usage = usage;
            session.links.insert(key.handle, link);
            return;
        };
        match answer {
            Ok(_) => {
                self.out.send_encoded(key.channel, &reply);
                reader.backlog.wake();
                link.usage = Use::Reader(reader);
                session.links.insert(key.handle, link);
            }
            Err(refusal) => {
                self.release(key, &Use::Opening(reader, reply));
                let peer = Attach::new(&link.name, key.handle, opposite(link.role));
                self.refuse(key, &peer, refusal.into(), Side::Namespace);
            }
        }
    }

    /// A refusal in the words of one of the two hosts.
    pub(super) fn word(&mut self, objection: Objection, side: Side) -> Fault {
        objection.worded(side, &mut self.tracker, self.now.utc)
    }

    /// Answers an attach with one that leads nowhere, and says why.
    pub(super) fn refuse(
        &mut self,
        key: LinkKey,
        attach: &Attach<'_>,
        objection: Objection,
        side: Side,
    ) {
        let fault = self.word(objection, side);
        let error = AmqpError::new(&fault.condition, &fault.description);
        self.turn_away(key, attach, None, error);
    }

    /// Answers an attach with one that leads nowhere, and says where to go instead.
    fn redirect(&mut self, key: LinkKey, attach: &Attach<'_>, suffix: &str) {
        let redirect = Redirect::new(
            &self.options.redirect_host,
            self.options.redirect_port,
            &self.options.entity,
            suffix,
        );
        let info = encode(|w| redirect.write_info(w));
        let error = AmqpError {
            condition: condition::LINK_REDIRECT,
            description: None,
            info: map_of(&info),
        };
        self.turn_away(key, attach, Some(EVENT_MESSAGE_SIZE), error);
    }

    fn turn_away(
        &mut self,
        key: LinkKey,
        attach: &Attach<'_>,
        max_message_size: Option<u64>,
        error: AmqpError<'_>,
    ) {
        let role = opposite(attach.role);
        let nowhere = Attach {
            snd_settle_mode: Some(attach.snd_settle_mode.unwrap_or(SEND_MIXED)),
            rcv_settle_mode: Some(attach.rcv_settle_mode.unwrap_or(RECEIVE_FIRST)),
            initial_delivery_count: Some(0),
            max_message_size,
            ..Attach::new(attach.name, attach.handle, role)
        };
        self.out.send(key.channel, &Performative::Attach(nowhere));
        self.send_detach(key, Some(error));
        let link = Link {
            name: attach.name.to_owned(),
            role,
            resource: None,
            usage: Use::Detached,
        };
        self.insert(key, link);
    }

    fn send_detach(&mut self, key: LinkKey, error: Option<AmqpError<'_>>) {
        if let (Some(notes), Some(error)) = (&mut self.notes, &error) {
            let why = error.description.unwrap_or_default();
            notes.push(format!("a link is detached: {} {why}", error.condition));
        }
        let detach = Detach {
            handle: key.handle,
            closed: true,
            error,
        };
        self.out.send(key.channel, &Performative::Detach(detach));
    }

    /// Detaches a link for a reason of this side's.
    pub(super) fn detach_with(&mut self, key: LinkKey, fault: &Fault) {
        let Some(usage) = self.usage(key) else {
            return;
        };
        let usage = std::mem::replace(usage, Use::Detached);
        if matches!(usage, Use::Detached) {
            return;
        }
        self.release(key, &usage);
        let error = AmqpError::new(&fault.condition, &fault.description);
        self.send_detach(key, Some(error));
    }

    /// Detaches a link whose peer has broken a rule.
    pub(super) fn detach_for(&mut self, key: LinkKey, condition: &str, description: &str) {
        let fault = Fault {
            condition: condition.to_owned(),
            description: description.to_owned(),
        };
        self.detach_with(key, &fault);
    }

    /// The peer detaches. One that only confirms gets no answer.
    pub(super) fn detach(&mut self, channel: u16, detach: &Detach<'_>) {
        let Some(session) = self.sessions.get_mut(&channel) else {
            return;
        };
        let Some(link) = session.links.remove(&detach.handle) else {
            return;
        };
        if matches!(link.usage, Use::Detached) {
            return;
        }
        let reply = Detach {
            error: None,
            ..*detach
        };
        self.out.send(channel, &Performative::Detach(reply));
        let handle = detach.handle;
        self.release(LinkKey { channel, handle }, &link.usage);
    }

    /// Gives back what a link held outside the machine.
    pub(super) fn release(&mut self, key: LinkKey, usage: &Use) {
        let listener = match usage {
            Use::Reader(reader) | Use::Opening(reader, _) => reader.id(),
            Use::Outlet(outlet) if outlet.supply() == Supply::Messages => {
                return self.release_messages(key, outlet);
            }
            Use::Outlet(outlet) => outlet.listener(),
            Use::Events(session, _) => {
                self.leave_guest(*session, key);
                None
            }
            Use::Orders(line, _) => {
                self.leave_guest(line.session, key);
                None
            }
            Use::Told(line, _) => {
                self.tell_no_more(*line);
                self.leave_guest(line.session, key);
                None
            }
            Use::Requests(..)
            | Use::Replies(..)
            | Use::Messages(_)
            | Use::Knocking(_)
            | Use::Detached => None,
        };
        if let Some(id) = listener {
            self.readers.remove(&id);
            self.ask(Origin::Nobody, Command::CloseReader { reader: id });
        }
    }
}

/// The answer to an attach that is accepted: both ends in full, as the peer described them.
fn reply_to<'a>(attach: &Attach<'a>) -> Attach<'a> {
    let role = opposite(attach.role);
    Attach {
        snd_settle_mode: Some(attach.snd_settle_mode.unwrap_or(SEND_MIXED)),
        rcv_settle_mode: Some(attach.rcv_settle_mode.unwrap_or(RECEIVE_FIRST)),
        source: Some(attach.source.unwrap_or_default()),
        target: Some(attach.target.unwrap_or_default()),
        max_message_size: Some(MAX_MESSAGE_SIZE),
        ..Attach::new(attach.name, attach.handle, role)
    }
}

pub(super) fn opposite(role: Role) -> Role {
    match role {
        Role::Sender => Role::Receiver,
        Role::Receiver => Role::Sender,
    }
}

fn map_of(bytes: &[u8]) -> Option<Items<'_>> {
    decode(bytes).ok()?.0.as_map()
}
