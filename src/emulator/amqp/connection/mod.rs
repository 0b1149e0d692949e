//! One connection as a pure machine: bytes in; bytes and questions to the hub out.
//!
//! [`Connection::receive`] takes one frame. What it wants of the hub it puts among its effects, which the loop carries out
//! and answers before the next frame, so nothing ever waits for two answers at once. The time is told, never asked for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use crate::emulator::amqp::access::Access;
use crate::emulator::amqp::effect::{Effect, LinkKey, Origin};
use crate::emulator::amqp::guests::Guests;
use crate::emulator::amqp::options::Options;
use crate::emulator::amqp::output::Output;
use crate::emulator::amqp::session::{Session, Use};
use crate::emulator::hub::command::{
    Certificate, Command, ListenerId, Notice, Refusal, Reply, Side,
};
use crate::emulator::moment::Moment;
use crate::emulator::tracker::Tracker;
use crate::protocol::amqp::frame::{FrameHeader, FrameKind};
use crate::protocol::amqp::performative::Performative;
use crate::protocol::amqp::performative::error::condition;

mod attaching;
mod devices;
mod messages;
mod opening;
mod ordered;
mod timing;
mod traffic;
mod twins;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The first protocol header is awaited.
    Start,
    /// The choice of a mechanism is awaited.
    Mechanism,
    /// The hub looks at credentials.
    Login,
    /// The header of AMQP proper is awaited.
    Secured,
    /// The peer's `open` is awaited.
    Greeted,
    /// Both sides are open.
    Open,
    /// It is over: what is in the output is the last.
    Closed,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    options: Arc<Options>,
    phase: Phase,
    now: Moment,
    out: Output,
    effects: VecDeque<Effect>,
    access: Access,
    /// Whether a valid token was ever shown, or a certificate.
    has_proven_itself: bool,
    sessions: BTreeMap<u16, Session>,
    /// Channels of sessions that have ended; what still comes on them is stepped over.
    ended: BTreeSet<u16>,
    /// Who is told of something to be sent, and on which link.
    readers: BTreeMap<ListenerId, LinkKey>,
    guests: Guests,
    /// The reader that was served last: the next one comes first.
    served: Option<ListenerId>,
    tracker: Tracker,
    /// The host that the peer named.
    host: String,
    /// How long the peer bears silence.
    peer_patience: Option<Duration>,
    heard: Duration,
    spoke: Duration,
    /// Why it is over.
    end: String,
    /// What became of links, where somebody is told of that.
    notes: Option<Vec<String>>,
}

impl Connection {
    /// A connection on which nothing has happened. `number` tells it from others in the ids of refusals.
    pub(super) fn new(
        options: Arc<Options>,
        certificate: Option<Arc<Certificate>>,
        number: u128,
        now: Moment,
    ) -> Self {
        Self {
            options,
            phase: Phase::Start,
            now,
            out: Output::new(),
            effects: VecDeque::new(),
            has_proven_itself: certificate.is_some(),
            access: Access::new(certificate),
            sessions: BTreeMap::new(),
            ended: BTreeSet::new(),
            readers: BTreeMap::new(),
            guests: Guests::default(),
            served: None,
            tracker: Tracker::new(number),
            host: String::new(),
            peer_patience: None,
            heard: now.elapsed,
            spoke: now.elapsed,
            end: String::new(),
            notes: None,
        }
    }

    /// Takes down what becomes of links from now on.
    pub(super) fn take_notes(&mut self) {
        self.notes = Some(Vec::new());
    }

    /// What was taken down.
    pub(super) fn notes(&mut self) -> impl Iterator<Item = String> + '_ {
        self.notes.iter_mut().flat_map(|notes| notes.drain(..))
    }

    /// Why it is over, as far as that is this side's doing.
    pub(super) fn why_it_ended(&self) -> &str {
        &self.end
    }

    /// Takes what stands at the front of `input`: a protocol header or a frame. Gives the bytes that it took; none if
    /// there is not enough of them yet.
    pub(super) fn receive(&mut self, input: &[u8]) -> usize {
        match self.phase {
            Phase::Closed => input.len(),
            Phase::Start | Phase::Secured => self.read_header(input),
            Phase::Mechanism | Phase::Login | Phase::Greeted | Phase::Open => {
                self.read_frame(input)
            }
        }
    }

    fn read_frame(&mut self, input: &[u8]) -> usize {
        let header = match FrameHeader::parse(input, self.options.limits.max_frame_size) {
            Ok(Some(header)) => header,
            Ok(None) => return 0,
            Err(error) => {
                self.fail(condition::FRAMING_ERROR, &error.to_string());
                return input.len();
            }
        };
        let Some(body) = header.body(input) else {
            return 0;
        };
        self.heard = self.now.elapsed;
        let expected = match self.phase {
            Phase::Mechanism | Phase::Login => FrameKind::Sasl,
            Phase::Start | Phase::Secured | Phase::Greeted | Phase::Open | Phase::Closed => {
                FrameKind::Amqp
            }
        };
        if header.kind != expected {
            self.fail(condition::FRAMING_ERROR, "frame of the wrong layer");
        } else if !body.is_empty() {
            match Performative::decode(body) {
                Ok((performative, payload)) => self.handle(header.channel, &performative, payload),
                Err(error) => self.fail(condition::DECODE_ERROR, &error.to_string()),
            }
        }
        header.length()
    }

    fn handle(&mut self, channel: u16, performative: &Performative<'_>, payload: &[u8]) {
        match (self.phase, performative) {
            (Phase::Mechanism, Performative::SaslInit(init)) => return self.choose_mechanism(init),
            (Phase::Greeted, Performative::Open(open)) => return self.open(open),
            (Phase::Open, Performative::Close(_)) => return self.close(),
            (Phase::Open, Performative::Begin(begin)) => return self.begin(channel, begin),
            (Phase::Open, _) if self.sessions.contains_key(&channel) => {}
            (Phase::Open, _) if self.ended.contains(&channel) => return,
            _ => return self.fail(condition::FRAMING_ERROR, "performative out of turn"),
        }
        match performative {
            Performative::Attach(attach) => self.attach(channel, attach),
            Performative::Flow(flow) => self.flow(channel, flow),
            Performative::Transfer(transfer) => self.transfer(channel, transfer, payload),
            Performative::Disposition(disposition) => self.disposition(channel, disposition),
            Performative::Detach(detach) => self.detach(channel, detach),
            Performative::End(_) => self.end(channel),
            Performative::Open(_)
            | Performative::Close(_)
            | Performative::Begin(_)
            | Performative::SaslMechanisms(_)
            | Performative::SaslInit(_)
            | Performative::SaslChallenge(_)
            | Performative::SaslResponse(_)
            | Performative::SaslOutcome(_) => {
                self.fail(condition::FRAMING_ERROR, "performative out of turn");
            }
        }
    }

    /// What is to be done next outside the machine.
    pub(super) fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether something is to be done outside the machine.
    pub(super) fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    fn ask(&mut self, origin: Origin, command: Command) {
        self.effects.push_back(Effect::Ask { origin, command });
    }

    /// Takes in what the hub answered.
    pub(super) fn answer(&mut self, origin: Origin, answer: Result<Reply, Refusal>) {
        match origin {
            Origin::Login(shown) => self.logged_in(shown, answer),
            Origin::PutToken(reply, token) => self.token_judged(&reply, token, answer),
            Origin::Management(reply) => self.described(&reply, answer),
            Origin::OpenReader(key) => self.reader_opened(key, answer),
            Origin::OpenSession(key, session) => self.session_opened(key, session, answer),
            Origin::Metrics(key) => {
                let now = self.now.utc;
                if let (Some(Use::Reader(reader)), Ok(Reply::Partition(state))) =
                    (self.usage(key), answer)
                {
                    reader.note_last(&state, now);
                }
            }
            Origin::Read(key) => {
                // A reader that the hub does not know any more is told so by a notice.
                let events = match answer {
                    Ok(Reply::Events(events)) => events,
                    Ok(_) => Vec::new(),
                    Err(refusal) => {
                        // It has missed what could not be read, and must come back for it.
                        let fault = self.word(refusal.into(), Side::Namespace);
                        return self.detach_with(key, &fault);
                    }
                };
                if let Some(Use::Reader(reader)) = self.usage(key) {
                    reader.backlog.accept(events);
                }
            }
            Origin::Sent {
                key,
                delivery,
                is_settled,
            } => self.sent((key.channel, delivery), is_settled, answer),
            Origin::Taken(key) => self.taken(key, answer),
            Origin::Settled {
                channel,
                delivery,
                outcome,
                is_settled,
            } => {
                if !is_settled {
                    self.settled((channel, delivery), outcome, answer);
                }
            }
            Origin::Twin {
                session,
                correlation_id,
            } => self.tell_of_twin(session, &correlation_id, answer),
            Origin::Nobody => {}
        }
    }

    fn is_outlet(&mut self, key: LinkKey) -> bool {
        matches!(self.usage(key), Some(Use::Outlet(_)))
    }

    fn usage(&mut self, key: LinkKey) -> Option<&mut Use> {
        let session = self.sessions.get_mut(&key.channel)?;
        session
            .links
            .get_mut(&key.handle)
            .map(|link| &mut link.usage)
    }

    /// Takes in what happened to a reader without its asking.
    pub(super) fn notice(&mut self, reader: ListenerId, notice: Notice) {
        if self.guests.has(reader) {
            self.tell_guest(reader, &notice);
        }
        let Some(&key) = self.readers.get(&reader) else {
            return;
        };
        match notice {
            Notice::Available => {
                if let Some(Use::Reader(reader)) = self.usage(key) {
                    reader.backlog.wake();
                }
            }
            // For devices, and for who calls their methods; no link of a reader hears it.
            Notice::Superseded
            | Notice::Dismissed(_)
            | Notice::Desired { .. }
            | Notice::Call { .. }
            | Notice::Delivered(_)
            | Notice::Answered { .. } => {}
            Notice::Message => {
                if let Some(Use::Outlet(outlet)) = self.usage(key) {
                    outlet.backlog.wake();
                }
            }
            Notice::Detached(refusal) => {
                let fault = self.word(refusal.into(), Side::Namespace);
                self.detach_with(key, &fault);
            }
        }
    }

    /// Sends events until the output has `mark` bytes, and asks for more where credit is left.
    pub(super) fn pump(&mut self, mark: usize) {
        if self.phase == Phase::Closed || self.out.len() >= mark {
            return;
        }
        let after = self.served.map_or(Bound::Unbounded, Bound::Excluded);
        let until = self
            .served
            .map_or(Bound::Excluded(ListenerId(0)), Bound::Included);
        let later = self.readers.range((after, Bound::Unbounded));
        for (&id, &key) in later.chain(self.readers.range((Bound::Unbounded, until))) {
            let Some(session) = self.sessions.get_mut(&key.channel) else {
                continue;
            };
            let is_held_back = advance(key, session, &mut self.out, &mut self.effects, mark)
                || messages::advance(key, session, &mut self.out, &mut self.effects, mark);
            if is_held_back {
                self.served = Some(id);
                return;
            }
        }
    }

    /// Whether it is over.
    pub(super) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Bytes that wait to be written.
    pub(super) fn output_len(&self) -> usize {
        self.out.len()
    }

    /// Gives the waiting bytes away, to be written now, and takes an empty buffer for those to come.
    pub(super) fn swap_output(&mut self, empty: &mut Vec<u8>) {
        if self.out.len() > 0 {
            self.spoke = self.now.elapsed;
        }
        self.out.swap(empty);
    }
}

/// Brings one reader forward; true if the output's mark held it back.
fn advance(
    key: LinkKey,
    session: &mut Session,
    out: &mut Output,
    effects: &mut VecDeque<Effect>,
    mark: usize,
) -> bool {
    let Session { windows, links } = session;
    let Some(Use::Reader(reader)) = links.get_mut(&key.handle).map(|link| &mut link.usage) else {
        return false;
    };
    if reader.transmit(key, windows, out, mark) {
        return true;
    }
    if reader.backlog.is_drained() {
        let credit = &mut reader.backlog.credit;
        let flow = credit.give_back(key.handle, windows.report());
        out.send(key.channel, &Performative::Flow(flow));
    }
    if let Some((id, max)) = reader.fetch() {
        let ask = |origin, command| Effect::Ask { origin, command };
        let last = reader.ask_last();
        effects.extend(last.map(|command| ask(Origin::Metrics(key), command)));
        let command = Command::Read { reader: id, max };
        effects.push_back(ask(Origin::Read(key), command));
    }
    false
}

#[cfg(test)]
mod tests;
