//! A session, and what the client says in it.

use hubctl::protocol::amqp::address::Address;
use hubctl::protocol::amqp::filter::Position;
use hubctl::protocol::amqp::performative::{
    AmqpError, Attach, Begin, Detach, End, Flow, Performative, Role, Source, Target, Transfer,
};
use hubctl::protocol::amqp::redirect::Redirect;
use hubctl::protocol::amqp::value::decode;
use hubctl::protocol::amqp::writer::encode;

use super::State;
use super::log::ENTITY;
use super::node::{Node, Requests};
use super::partition::{HANDLE, Link};
use super::serve::{Connection, own_channel, own_handle};
use super::wire::put;

/// The first transfer's number on this side.
const FIRST_TRANSFER: u32 = 1;

/// A session.
#[derive(Debug, Default)]
pub struct Session {
    /// Transfers that came.
    pub came: u32,
    /// The first transfer that may not come yet.
    pub end: u32,
    /// Transfers that went.
    pub went: u32,
    /// Deliveries that went.
    pub deliveries: u32,
    /// Its links to and from a node.
    pub requests: Option<Requests>,
    /// Whether the client's sender is attached.
    pub is_sender_attached: bool,
    /// Its link to a partition.
    pub link: Option<Link>,
    /// Whether the client owes a detach.
    pub owes_detach: bool,
    /// Whether the client owes an end.
    pub owes_end: bool,
}

impl Session {
    /// How things stand.
    pub fn flow(&self) -> Flow<'static> {
        Flow {
            next_incoming_id: Some(self.came),
            incoming_window: self.end - self.came,
            next_outgoing_id: FIRST_TRANSFER.wrapping_add(self.went),
            outgoing_window: 100,
            ..Flow::default()
        }
    }
}

impl Connection {
    pub(super) fn hear_session(
        &mut self,
        channel: u16,
        performative: &Performative<'_>,
        payload: &[u8],
        state: &mut State,
    ) {
        let mut violation = |text: &str| {
            let text = format!("{text} on channel {channel}");
            state.conduct.violations.push(text);
        };
        if let Performative::Begin(_) = performative {
            if self.sessions.contains_key(&channel) {
                violation("a second session");
            }
            return self.begin(channel);
        }
        let Some(session) = self.sessions.get_mut(&channel) else {
            return violation("something without a session");
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "all else has no place here")]
        match performative {
            // What was under way when the session ended.
            Performative::End(_) => {
                if !session.owes_end {
                    let end = Performative::End(End { error: None });
                    put(&mut self.out, own_channel(channel), &end, &[]);
                }
                self.sessions.remove(&channel);
            }
            _ if session.owes_end => {}
            Performative::Attach(attach) => {
                if session.owes_detach {
                    violation("attached before the detach was answered");
                }
                self.attach(channel, attach, state);
            }
            Performative::Flow(flow) => {
                state.conduct.flows += 1;
                if let (Some(link), true) = (&mut session.link, flow.handle.is_some()) {
                    link.on_flow(flow);
                }
                if let (Some(requests), Some(credit)) = (&mut session.requests, flow.link_credit) {
                    let count = flow.delivery_count.unwrap_or(0);
                    requests.credit = count.wrapping_add(credit).wrapping_sub(requests.answered);
                }
            }
            Performative::Transfer(transfer) => self.take(channel, transfer, payload, state),
            Performative::Disposition(disposition) => {
                let last = disposition.last.unwrap_or(disposition.first);
                state.conduct.settled += u64::from(last - disposition.first + 1);
            }
            Performative::Detach(detach) => {
                if !std::mem::take(&mut session.owes_detach) {
                    let answer = Performative::Detach(Detach {
                        handle: own_handle(detach.handle),
                        closed: true,
                        error: None,
                    });
                    put(&mut self.out, own_channel(channel), &answer, &[]);
                }
            }
            _ => violation("something out of place"),
        }
    }

    fn begin(&mut self, channel: u16) {
        let window = self.manners.session_window;
        let begin = Begin {
            remote_channel: Some(channel),
            next_outgoing_id: FIRST_TRANSFER,
            incoming_window: window,
            outgoing_window: 100,
            handle_max: Some(255),
            ..Begin::default()
        };
        let session = Session {
            end: window,
            ..Session::default()
        };
        self.sessions.insert(channel, session);
        let begin = Performative::Begin(begin);
        put(&mut self.out, own_channel(channel), &begin, &[]);
    }

    fn attach(&mut self, channel: u16, attach: &Attach<'_>, state: &mut State) {
        let is_sender = attach.role == Role::Sender;
        let address = if is_sender {
            attach.target.and_then(|target| target.address)
        } else {
            attach.source.and_then(|source| source.address)
        };
        match Address::parse(address.unwrap()) {
            Address::Cbs => self.attach_node(channel, attach, Node::Cbs),
            Address::Management { .. } => self.attach_node(channel, attach, Node::Management),
            Address::HubEvents { suffix } => {
                let mut redirects = state.setup.redirects.iter();
                let (host, port) = redirects.next().unwrap().clone();
                if redirects.next().is_some() {
                    state.setup.redirects.pop_front();
                }
                let redirect = Redirect::new(&host, port, ENTITY, &suffix);
                let info = encode(|w| redirect.write_info(w));
                let (info, _) = decode(&info).unwrap();
                let error = AmqpError {
                    condition: "amqp:link:redirect",
                    description: None,
                    info: info.as_map(),
                };
                self.refuse(channel, attach, error);
            }
            Address::Partition(address) => {
                let partition = address.partition.parse().unwrap();
                self.attach_partition(channel, attach, partition, state);
            }
            Address::Other(other) => panic!("a link to {other}"),
        }
    }

    fn attach_node(&mut self, channel: u16, attach: &Attach<'_>, node: Node) {
        let session = self.sessions.get_mut(&channel).unwrap();
        session.requests.get_or_insert_with(|| Requests::new(node));
        session.is_sender_attached |= attach.role == Role::Sender;
        self.accept(channel, attach, own_handle(attach.handle));
    }

    fn accept(&mut self, channel: u16, attach: &Attach<'_>, handle: u32) {
        let role = match attach.role {
            Role::Sender => Role::Receiver,
            Role::Receiver => Role::Sender,
        };
        let answer = Attach {
            source: attach.source.or(Some(Source::default())),
            target: attach.target.or(Some(Target::default())),
            initial_delivery_count: Some(0),
            max_message_size: Some(1 << 20),
            ..Attach::new(attach.name, handle, role)
        };
        let answer = Performative::Attach(answer);
        put(&mut self.out, own_channel(channel), &answer, &[]);
    }

    fn refuse(&mut self, channel: u16, attach: &Attach<'_>, error: AmqpError<'_>) {
        let refused = Attach::new(attach.name, HANDLE, Role::Sender);
        let refused = Performative::Attach(refused);
        put(&mut self.out, own_channel(channel), &refused, &[]);
        self.detach(channel, error);
    }

    pub(super) fn detach(&mut self, channel: u16, error: AmqpError<'_>) {
        let detach = Performative::Detach(Detach {
            handle: HANDLE,
            closed: true,
            error: Some(error),
        });
        put(&mut self.out, own_channel(channel), &detach, &[]);
        self.sessions.get_mut(&channel).unwrap().owes_detach = true;
    }

    fn attach_partition(
        &mut self,
        channel: u16,
        attach: &Attach<'_>,
        partition: usize,
        state: &mut State,
    ) {
        let filter = attach.source.unwrap().filter;
        let position = filter.and_then(|filter| Position::from_filter(&filter).unwrap());
        let link = Link::new(partition, position.as_ref(), &state.setup.logs[partition]);
        state.conduct.attach(partition, position);
        if self.expiry.is_none() {
            let violation = "a link without a token".to_owned();
            state.conduct.violations.push(violation);
        }
        if let Some(condition) = state.refusals[partition].pop_front() {
            state.conduct.over(partition, None);
            let error = AmqpError::new(condition, "as the script has it");
            return self.refuse(channel, attach, error);
        }
        self.sessions.get_mut(&channel).unwrap().link = Some(link);
        self.accept(channel, attach, HANDLE);
    }

    fn take(&mut self, channel: u16, transfer: &Transfer<'_>, payload: &[u8], state: &mut State) {
        let session = self.sessions.get_mut(&channel).unwrap();
        let violations = &mut state.conduct.violations;
        if session.came == session.end {
            violations.push("a transfer beyond the session's window".to_owned());
            session.end += 1;
        }
        session.came += 1;
        let requests = session.requests.as_mut().unwrap();
        requests.partial.extend_from_slice(payload);
        if transfer.more {
            return;
        }
        if requests.came == requests.end {
            violations.push("a request beyond the node's credit".to_owned());
            requests.end += 1;
        }
        if requests.credit == 0 {
            violations.push("a request without credit for its answer".to_owned());
        }
        requests.came += 1;
        requests.answered += 1;
        let request = std::mem::take(&mut requests.partial);
        if self.manners.refuses_renewals && self.expiry.is_some() && requests.node == Node::Cbs {
            state.tokens.push_front(401);
        }
        if requests.node == Node::Cbs && state.tokens.front() == Some(&0) {
            state.conduct.tokens += 1;
            state.tokens.pop_front();
            return;
        }
        let answer = requests.node.answer(&request, state);
        self.expiry = answer.expiry.or(self.expiry);
        session.went += 1;
        let delivery = session.deliveries;
        session.deliveries += 1;
        let transfer = Transfer {
            handle: own_handle(1),
            delivery_id: Some(delivery),
            delivery_tag: Some(b"answer"),
            message_format: Some(0),
            ..Transfer::default()
        };
        let transfer = Performative::Transfer(transfer);
        put(
            &mut self.out,
            own_channel(channel),
            &transfer,
            &answer.message,
        );
    }
}
