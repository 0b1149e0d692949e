//! A session and the links that run through it.

use std::collections::{BTreeMap, VecDeque};

use crate::emulator::amqp::access::Resource;
use crate::emulator::amqp::effect::RequestNode;
use crate::emulator::amqp::link::{ReceiveCredit, SendCredit};
use crate::emulator::amqp::outlet::Outlet;
use crate::emulator::amqp::output::{Delivery, Output, Payload};
use crate::emulator::amqp::reader::Reader;
use crate::emulator::amqp::windows::{FIRST_ID, WINDOW, Windows};
use crate::emulator::hub::command::ListenerId;
use crate::protocol::amqp::identity_address::IdentityAddress;
use crate::protocol::amqp::performative::link::SEND_UNSETTLED;
use crate::protocol::amqp::performative::{Attach, Begin, Flow, Role};

/// Responses that wait for credit, at most.
const WAITING_RESPONSES: usize = 256;

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    /// How many transfers may go which way.
    pub(super) windows: Windows,
    /// The links by the handle that both sides use.
    pub(super) links: BTreeMap<u32, Link>,
}

impl Session {
    /// The session that a peer begins.
    pub(super) fn new(begin: &Begin<'_>) -> Self {
        Self {
            windows: Windows::new(begin),
            links: BTreeMap::new(),
        }
    }

    /// The answer to the `begin` that came on `channel`.
    pub(super) fn begin(channel: u16, handle_max: u32) -> Begin<'static> {
        Begin {
            remote_channel: Some(channel),
            next_outgoing_id: FIRST_ID,
            incoming_window: WINDOW,
            outgoing_window: u32::MAX,
            handle_max: Some(handle_max),
            ..Begin::default()
        }
    }

    /// The link on which the response to a request goes: the one whose target is the reply address, or whose name it
    /// is, or the first that leads to the requester. Clients differ in which of these they count on.
    pub(super) fn reply_link(
        &mut self,
        node: RequestNode,
        address: Option<&str>,
    ) -> Option<(u32, &mut Link)> {
        let handles = self.links.iter().filter_map(|(handle, link)| {
            let Use::Replies(of, replies) = &link.usage else {
                return None;
            };
            let named = address.is_some()
                && (replies.target.as_deref() == address || Some(link.name.as_str()) == address);
            (*of == node).then_some((!named, *handle))
        });
        let (_, handle) = handles.min()?;
        Some((handle, self.links.get_mut(&handle)?))
    }
}

/// One link.
#[derive(Debug)]
pub(super) struct Link {
    /// As the peer calls it.
    pub(super) name: String,
    /// The role in which this side attaches.
    pub(super) role: Role,
    /// What a token must open while the link lives.
    pub(super) resource: Option<Resource>,
    /// What it is for.
    pub(super) usage: Use,
}

impl Link {
    /// The link's part of a flow.
    pub(super) fn report(&self, handle: u32, session: Flow<'static>) -> Flow<'static> {
        match &self.usage {
            Use::Requests(_, credit)
            | Use::Messages(credit)
            | Use::Events(_, credit)
            | Use::Orders(_, credit) => credit.report(handle, session),
            Use::Replies(_, replies) | Use::Told(_, replies) => {
                replies.credit.report(handle, session)
            }
            Use::Reader(reader) | Use::Opening(reader, _) => {
                reader.backlog.credit.report(handle, session)
            }
            Use::Outlet(outlet) => outlet.backlog.credit.report(handle, session),
            Use::Knocking(_) | Use::Detached => session,
        }
    }
}

/// What a link is for.
#[derive(Debug)]
pub(super) enum Use {
    /// Requests come in.
    Requests(RequestNode, ReceiveCredit),
    /// Responses go out.
    Replies(RequestNode, Replies),
    /// A reader that the hub has yet to open; its attach is answered then, with this performative.
    Opening(Box<Reader>, Vec<u8>),
    /// Events go out.
    Reader(Box<Reader>),
    /// Messages to devices come in.
    Messages(ReceiveCredit),
    /// A device's or module's link that waits for the hub to let it in.
    Knocking(Box<Knock>),
    /// Events of a device or module come in, which is connected under this number.
    Events(ListenerId, ReceiveCredit),
    /// Requests on a twin, or answers to calls of methods, come in.
    Orders(Line, ReceiveCredit),
    /// What is told of a twin, or calls of methods, go out.
    Told(Line, Replies),
    /// Messages go out, one by one, and are settled.
    Outlet(Box<Outlet>),
    /// This side has detached, and the peer has yet to do the same.
    Detached,
}

/// What a device or module hears of on a link of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// Its twin.
    Twin,
    /// Its methods.
    Methods,
}

/// Whose link it is, and what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// The session of the device or module.
    pub(super) session: ListenerId,
    /// What it is about.
    pub(super) topic: Topic,
}

/// What a device or module has asked for when it is not in yet.
#[derive(Debug)]
pub(super) struct Knock {
    /// What it wants to be attached to.
    pub(super) address: IdentityAddress,
    /// Its attach.
    pub(super) attach: Vec<u8>,
}

/// A link on which responses go out.
#[derive(Debug)]
pub(super) struct Replies {
    /// The peer's address for this end.
    pub(super) target: Option<String>,
    /// What the peer grants.
    pub(super) credit: SendCredit,
    /// Whether transfers go out settled; only a peer that asks for the contrary gets them unsettled.
    settled: bool,
    waiting: VecDeque<Vec<u8>>,
}

impl Replies {
    /// A link without credit yet.
    pub(super) fn new(attach: &Attach<'_>) -> Self {
        let target = attach.target.and_then(|target| target.address);
        Self {
            target: target.map(str::to_owned),
            credit: SendCredit::default(),
            settled: attach.snd_settle_mode != Some(SEND_UNSETTLED),
            waiting: VecDeque::new(),
        }
    }

    /// Puts a response behind those that wait; false if these are too many.
    #[must_use]
    pub(super) fn push(&mut self, message: Vec<u8>) -> bool {
        let has_room = self.waiting.len() < WAITING_RESPONSES;
        if has_room {
            self.waiting.push_back(message);
        }
        has_room
    }

    /// Whether a draining peer has had all there is.
    pub(super) fn is_drained(&self) -> bool {
        self.credit.is_draining() && (self.waiting.is_empty() || self.credit.left() == 0)
    }

    /// Sends what credit and window allow.
    pub(super) fn transmit(
        &mut self,
        channel: u16,
        handle: u32,
        windows: &mut Windows,
        out: &mut Output,
    ) {
        while self.credit.left() > 0 && windows.may_send() {
            let Some(message) = self.waiting.pop_front() else {
                return;
            };
            self.credit.spend();
            let delivery = Delivery {
                handle,
                id: windows.begin_delivery(),
                tag: None,
                is_settled: self.settled,
            };
            let payload = Payload::whole(&message);
            let mut sent = 0;
            // A response that has begun is finished: these few frames are no burden to any window.
            while sent < payload.len() {
                sent += out.transfer(channel, delivery, &payload, sent);
                windows.sent();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::performative::Target;

    #[test]
    fn a_response_finds_its_link_by_target_name_or_node() {
        let mut session = Session::new(&Begin::default());
        let links = [
            (3, "a", RequestNode::Cbs, None),
            (4, "b", RequestNode::Management, Some("x")),
            (5, "c", RequestNode::Management, Some("y")),
        ];
        for (handle, name, node, address) in links {
            let attach = Attach {
                target: Some(Target {
                    address,
                    ..Target::default()
                }),
                ..Attach::new(name, handle, Role::Receiver)
            };
            let link = Link {
                name: name.to_owned(),
                role: Role::Sender,
                resource: None,
                usage: Use::Replies(node, Replies::new(&attach)),
            };
            session.links.insert(handle, link);
        }
        let mut find = |node, address| session.reply_link(node, address).map(|found| found.0);
        assert_eq!(find(RequestNode::Management, Some("y")), Some(5));
        assert_eq!(find(RequestNode::Management, Some("c")), Some(5));
        assert_eq!(find(RequestNode::Management, None), Some(4));
        assert_eq!(find(RequestNode::Cbs, Some("elsewhere")), Some(3));
    }
}
