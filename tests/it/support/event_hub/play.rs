//! Events as they go out, and what goes wrong with them.

use hubctl::protocol::amqp::performative::{
    AmqpError, Attach, Close, Detach, End, Flow, Performative, Role, Source, Target, Transfer,
};
use std::time::Instant;

use super::State;
use super::node::Node;
use super::partition::{HANDLE, put_event};
use super::script::Fault;
use super::serve::{Connection, Ending, own_channel, own_handle};
use super::session::Session;
use super::wire::put;

/// What faults are explained by.
const WORDS: &str = "as the script has it";

impl Connection {
    /// Sends the next event of a link, or lets something go wrong in its place; false if there is nothing to send.
    pub(super) fn send_next(&mut self, channel: u16, state: &mut State) -> Result<bool, Ending> {
        let Some(link) = self
            .sessions
            .get(&channel)
            .and_then(|session| session.link.as_ref())
        else {
            return Ok(false);
        };
        let partition = link.partition;
        let Some(number) = link.due(&state.setup.logs[partition]) else {
            return Ok(false);
        };
        if self.manners.expires && self.expiry.is_some_and(|expiry| expiry < now()) {
            let error = AmqpError::new("amqp:unauthorized-access", "ExpiredToken");
            self.leave(channel, state);
            self.detach(channel, error);
            return Ok(true);
        }
        if let Some(fault) = state.setup.script.next(partition, number) {
            self.play(fault, channel, number, state)?;
            return Ok(self.mute.is_none());
        }
        self.send(channel, number, state, None);
        Ok(true)
    }

    /// Sends an event, or only its first half and then no more or an end to it.
    fn send(&mut self, channel: u16, number: i64, state: &mut State, half: Option<Half>) {
        let session = self.sessions.get_mut(&channel).unwrap();
        let link = session.link.as_mut().unwrap();
        let mut message = Vec::new();
        state.setup.logs[link.partition].write_event(link.partition, number, &mut message);
        let mut pieces = link.pieces(&message, self.manners.cuts, self.largest_frame);
        if half.is_some() {
            if pieces.len() == 1 {
                pieces = message.chunks(message.len() / 3).collect();
            }
            pieces.truncate(pieces.len() / 2);
        }
        let delivery = session.deliveries;
        let own = own_channel(channel);
        let is_settled = self.manners.is_settled;
        put_event(
            &mut self.out,
            own,
            delivery,
            is_settled,
            &pieces,
            half.is_none(),
        );
        session.went = session
            .went
            .wrapping_add(u32::try_from(pieces.len()).unwrap());
        match half {
            Some(Half::Torn) => return,
            Some(Half::Aborted) => {
                let aborted = Performative::Transfer(Transfer {
                    handle: HANDLE,
                    aborted: true,
                    ..Transfer::default()
                });
                put(&mut self.out, own, &aborted, &[]);
                session.went = session.went.wrapping_add(1);
                link.credit -= 1;
                link.delivery_count = link.delivery_count.wrapping_add(1);
            }
            None => link.sent(number),
        }
        session.deliveries = session.deliveries.wrapping_add(1);
    }

    /// Lets something go wrong where this event would have come.
    fn play(
        &mut self,
        fault: Fault,
        channel: u16,
        number: i64,
        state: &mut State,
    ) -> Result<(), Ending> {
        let own = own_channel(channel);
        let session = self.sessions.get_mut(&channel).unwrap();
        let partition = session.link.as_ref().unwrap().partition;
        match fault {
            Fault::Reset => return Err(Ending::Reset),
            Fault::HangUp => return Err(Ending::HangUp),
            Fault::Mute(keep_alives) => self.fall_silent(keep_alives, state),
            Fault::Close(condition) => {
                let error = Some(AmqpError::new(condition, WORDS));
                let close = Performative::Close(Close { error });
                put(&mut self.out, 0, &close, &[]);
                return Err(Ending::HangUp);
            }
            Fault::End(condition) => {
                let error = Some(AmqpError::new(condition, WORDS));
                let end = Performative::End(End { error });
                put(&mut self.out, own, &end, &[]);
                session.owes_end = true;
                self.leave(channel, state);
            }
            Fault::Detach(condition) => {
                self.is_left |= condition == "amqp:unauthorized-access";
                self.leave(channel, state);
                self.detach(channel, AmqpError::new(condition, WORDS));
            }
            Fault::Refuse(condition) => state.refusals[partition].push_back(condition),
            Fault::Token(status) => state.tokens.push_back(status),
            Fault::IdleCbs => self.detach_cbs(),
            Fault::Torn(fault) => {
                self.send(channel, number, state, Some(Half::Torn));
                return self.play(*fault, channel, number, state);
            }
            Fault::Aborted => self.send(channel, number, state, Some(Half::Aborted)),
            Fault::Echo => {
                let link = session.link.as_mut().unwrap();
                link.is_asked = true;
                let (delivery_count, link_credit) = (link.delivery_count, link.credit);
                let flow = Flow {
                    handle: Some(HANDLE),
                    delivery_count: Some(delivery_count),
                    link_credit: Some(link_credit),
                    echo: true,
                    ..session.flow()
                };
                put(&mut self.out, own, &Performative::Flow(flow), &[]);
            }
            Fault::Raw(bytes) => {
                self.out.extend_from_slice(&bytes);
                self.fall_silent(0, state);
            }
            Fault::StrangeHandle => {
                let transfer = Performative::Transfer(Transfer {
                    handle: HANDLE + 1,
                    settled: Some(true),
                    ..Transfer::default()
                });
                let mut message = Vec::new();
                state.setup.logs[partition].write_event(partition, number, &mut message);
                put(&mut self.out, own, &transfer, &message);
                self.fall_silent(0, state);
            }
            Fault::SecondAttach => {
                let attach = Performative::Attach(Attach {
                    source: Some(Source::default()),
                    target: Some(Target::default()),
                    initial_delivery_count: Some(0),
                    ..Attach::new("another", HANDLE + 1, Role::Sender)
                });
                put(&mut self.out, own, &attach, &[]);
                self.fall_silent(0, state);
            }
            Fault::Trim(first) => state.setup.logs[partition].first = first,
        }
        Ok(())
    }

    fn detach_cbs(&mut self) {
        let of_cbs = |session: &Session| {
            let requests = session.requests.as_ref();
            requests.is_some_and(|requests| requests.node == Node::Cbs)
        };
        let found = self.sessions.iter().find(|(_, session)| of_cbs(session));
        let Some((channel, _)) = found else { return };
        for handle in [0, 1] {
            let detach = Performative::Detach(Detach {
                handle: own_handle(handle),
                closed: true,
                error: Some(AmqpError::new("amqp:link:detach-forced", WORDS)),
            });
            put(&mut self.out, own_channel(*channel), &detach, &[]);
        }
    }

    /// Nothing comes any more; the client has to notice.
    fn fall_silent(&mut self, keep_alives: u32, state: &mut State) {
        self.mute = Some(keep_alives);
        self.mute_since = Some(Instant::now());
        self.leave_links(state);
    }

    /// The link of a session is over; all that was sent arrives.
    fn leave(&mut self, channel: u16, state: &mut State) {
        let session = self.sessions.get_mut(&channel).unwrap();
        if let Some(link) = session.link.take() {
            state.conduct.over(link.partition, link.last);
        }
    }
}

/// Which half of an event is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    /// The first, and nothing of it any more.
    Torn,
    /// The first, and then word that it is of no use.
    Aborted,
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
