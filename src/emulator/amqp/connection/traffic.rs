//! Flows, transfers and dispositions; requests and their responses.

use super::Connection;
use super::attaching::MAX_MESSAGE_SIZE;
use crate::emulator::amqp::effect::{LinkKey, Origin, ReplyTo, RequestNode};
use crate::emulator::amqp::link::{Delivery, TransferError};
use crate::emulator::amqp::management::Denial;
use crate::emulator::amqp::output::Output;
use crate::emulator::amqp::refusal::Objection;
use crate::emulator::amqp::session::{Line, Session, Use};
use crate::emulator::amqp::{cbs, management};
use crate::emulator::hub::command::{ListenerId, Refusal, Reply, Side};
use crate::model::secret::Secret;
use crate::protocol::amqp::message::Message;
use crate::protocol::amqp::performative::error::condition;
use crate::protocol::amqp::performative::{
    DeliveryState, Disposition, Flow, Performative, Role, Transfer,
};
use crate::protocol::amqp::value::{Value, decode};
use crate::protocol::amqp::writer::encode;

/// More deliveries than the credit that was granted.
const TRANSFER_LIMIT_EXCEEDED: &str = "amqp:link:transfer-limit-exceeded";

/// What comes in on a link.
#[derive(Debug, Clone, Copy)]
enum Intake {
    Request(RequestNode),
    Message,
    Event(ListenerId),
    Order(Line),
}

impl Connection {
    /// Flows of links that are gone, or that only the other side's credit is for, are no error: some clients send them.
    pub(super) fn flow(&mut self, channel: u16, flow: &Flow<'_>) {
        let Some(session) = self.sessions.get_mut(&channel) else {
            return;
        };
        session.windows.update(flow);
        let handle = flow.handle;
        if let Some(link) = handle.and_then(|handle| session.links.get_mut(&handle)) {
            match &mut link.usage {
                Use::Replies(_, replies) | Use::Told(_, replies) => replies.credit.update(flow),
                Use::Reader(reader) | Use::Opening(reader, _) => reader.backlog.credit.update(flow),
                Use::Outlet(outlet) => outlet.backlog.credit.update(flow),
                Use::Requests(..)
                | Use::Messages(_)
                | Use::Events(..)
                | Use::Orders(..)
                | Use::Knocking(_)
                | Use::Detached => {}
            }
        }
        send_responses(channel, session, &mut self.out);
        if flow.echo {
            let own = session.windows.report();
            let reply = match handle.and_then(|handle| session.links.get(&handle)) {
                None => own,
                Some(link) => link.report(handle.unwrap_or(0), own),
            };
            self.out.send(channel, &Performative::Flow(reply));
        }
    }

    /// A reader that settles in two steps wants the second one; beyond that the outcome of an event changes nothing.
    pub(super) fn disposition(&mut self, channel: u16, disposition: &Disposition<'_>) {
        if disposition.role == Role::Receiver
            && !self.settle(channel, disposition)
            && !disposition.settled
            && disposition.state.is_some()
        {
            let reply = Disposition {
                role: Role::Sender,
                settled: true,
                state: Some(DeliveryState::Accepted),
                ..*disposition
            };
            self.out.send(channel, &Performative::Disposition(reply));
        }
    }

    pub(super) fn transfer(&mut self, channel: u16, transfer: &Transfer<'_>, payload: &[u8]) {
        let limit = self.options.limits.max_request_size;
        let key = LinkKey {
            channel,
            handle: transfer.handle,
        };
        let Some(session) = self.sessions.get_mut(&channel) else {
            return;
        };
        let Some(window_due) = session.windows.received() else {
            return self.abort_session(channel, condition::WINDOW_VIOLATION, "window overrun");
        };
        let Some(link) = session.links.get_mut(&transfer.handle) else {
            return self.abort_session(channel, condition::UNATTACHED_HANDLE, "no such handle");
        };
        let largest = usize::try_from(MAX_MESSAGE_SIZE).unwrap_or(usize::MAX);
        let (intake, limit, credit) = match &mut link.usage {
            Use::Requests(node, credit) => (Intake::Request(*node), limit, credit),
            Use::Messages(credit) => (Intake::Message, largest, credit),
            Use::Events(session, credit) => (Intake::Event(*session), largest, credit),
            Use::Orders(of, credit) => (Intake::Order(*of), largest, credit),
            Use::Detached => return,
            Use::Replies(..)
            | Use::Told(..)
            | Use::Opening(..)
            | Use::Reader(_)
            | Use::Knocking(_)
            | Use::Outlet(_) => {
                return self.detach_for(key, condition::NOT_ALLOWED, "this end only sends");
            }
        };
        let taken = credit.take(transfer, payload, limit);
        if window_due {
            let flow = session.windows.report();
            self.out.send(channel, &Performative::Flow(flow));
        }
        match taken {
            Ok(None) => {}
            Ok(Some(delivery)) => match intake {
                Intake::Request(node) => self.take_request(key, node, &delivery),
                Intake::Message => self.take_message(key, &delivery),
                Intake::Event(session) => self.take_event(key, session, &delivery),
                Intake::Order(of) => self.take_order(key, of, &delivery),
            },
            Err(TransferError::NoCredit) => {
                self.detach_for(key, TRANSFER_LIMIT_EXCEEDED, "no credit is left");
            }
            Err(TransferError::TooLarge) => {
                let text = format!("a message may have {limit} bytes here");
                self.detach_for(key, condition::MESSAGE_SIZE_EXCEEDED, &text);
            }
            Err(TransferError::NoDeliveryId) => {
                self.fail(condition::DECODE_ERROR, "transfer without a delivery id");
            }
        }
    }

    fn take_request(&mut self, key: LinkKey, node: RequestNode, delivery: &Delivery) {
        if !delivery.settled {
            let disposition = Disposition {
                role: Role::Receiver,
                first: delivery.id,
                last: Some(delivery.id),
                settled: true,
                state: Some(DeliveryState::Accepted),
                batchable: false,
            };
            self.out
                .send(key.channel, &Performative::Disposition(disposition));
        }
        self.renew_credit(key);
        match Message::parse(&delivery.message) {
            Ok(message) => self.request(key.channel, node, &message),
            Err(error) => self.detach_for(key, condition::DECODE_ERROR, &error.to_string()),
        }
    }

    pub(super) fn renew_credit(&mut self, key: LinkKey) {
        let Some(session) = self.sessions.get_mut(&key.channel) else {
            return;
        };
        let Some(link) = session.links.get_mut(&key.handle) else {
            return;
        };
        if let Use::Requests(_, credit)
        | Use::Messages(credit)
        | Use::Events(_, credit)
        | Use::Orders(_, credit) = &mut link.usage
            && credit.renew()
        {
            let flow = credit.report(key.handle, session.windows.report());
            self.out.send(key.channel, &Performative::Flow(flow));
        }
    }

    fn request(&mut self, channel: u16, node: RequestNode, message: &Message<'_>) {
        let id = message.properties.message_id();
        let reply = ReplyTo {
            channel,
            node,
            address: message.properties.reply_to().map(str::to_owned),
            correlation_id: encode(|w| w.optional(id, |w, id| w.value(&id))),
        };
        match node {
            RequestNode::Cbs => match cbs::ask(message) {
                Ok((token, command)) => {
                    self.ask(Origin::PutToken(Box::new(reply), token), command);
                }
                Err(reason) => self.respond(&reply, |id| cbs::malformed(&reason, id)),
            },
            RequestNode::Management => match management::ask(message, &self.options.entity) {
                Ok(command) => self.ask(Origin::Management(reply), command),
                Err(denial) => self.deny(&reply, denial),
            },
        }
    }

    fn deny(&mut self, reply: &ReplyTo, denial: Denial) {
        let (status, objection) = match denial {
            Denial::Malformed(reason) => (400, Objection::argument(reason)),
            Denial::UnknownEntity(name) => {
                let address = format!("sb://{}/{name}", self.host);
                (404, Objection::not_found(Side::Namespace, &address))
            }
        };
        let fault = self.word(objection, Side::Namespace);
        self.respond(reply, |id| {
            management::denied(status, &fault.condition, &fault.description, id)
        });
    }

    pub(super) fn token_judged(
        &mut self,
        reply: &ReplyTo,
        token: Secret,
        answer: Result<Reply, Refusal>,
    ) {
        match answer {
            Ok(Reply::Granted(grant)) => {
                let side = grant.side;
                let limit = self.options.limits.tokens;
                if self.access.add(grant, token, limit) {
                    self.has_proven_itself = true;
                    self.respond(reply, |id| cbs::accepted(side, id));
                } else {
                    self.respond(reply, |id| cbs::too_many(limit, id));
                }
            }
            Ok(_) => self.respond(reply, |id| cbs::malformed("no grant", id)),
            Err(refusal) => self.respond(reply, |id| cbs::refused(&refusal, id)),
        }
    }

    pub(super) fn described(&mut self, reply: &ReplyTo, answer: Result<Reply, Refusal>) {
        let entity = self.options.entity.clone();
        match answer {
            Ok(found) => self.respond(reply, |id| {
                management::described(found, &entity, id).unwrap_or_else(|| {
                    management::denied(500, condition::INTERNAL_ERROR, "no description", id)
                })
            }),
            Err(refusal) => {
                let status = refusal.code.http_status();
                let fault = self.word(refusal.into(), Side::Namespace);
                self.respond(reply, |id| {
                    management::denied(status, &fault.condition, &fault.description, id)
                });
            }
        }
    }

    /// Sends a response, or keeps it until its link has credit. Without such a link nobody can hear it.
    fn respond(&mut self, reply: &ReplyTo, write: impl FnOnce(Option<Value<'_>>) -> Vec<u8>) {
        let Some(session) = self.sessions.get_mut(&reply.channel) else {
            return;
        };
        let id = decode(&reply.correlation_id).map(|(value, _)| value).ok();
        let response = write(id.filter(|id| !id.is_null()));
        if let Some((_, link)) = session.reply_link(reply.node, reply.address.as_deref())
            && let Use::Replies(_, replies) = &mut link.usage
        {
            // Who asks on without listening loses the rest.
            let _ = replies.push(response);
        }
        send_responses(reply.channel, session, &mut self.out);
    }
}

pub(super) fn send_responses(channel: u16, session: &mut Session, out: &mut Output) {
    let Session { windows, links } = session;
    for (&handle, link) in links {
        let (Use::Replies(_, replies) | Use::Told(_, replies)) = &mut link.usage else {
            continue;
        };
        replies.transmit(channel, handle, windows, out);
        if replies.is_drained() {
            let flow = replies.credit.give_back(handle, windows.report());
            out.send(channel, &Performative::Flow(flow));
        }
    }
}
