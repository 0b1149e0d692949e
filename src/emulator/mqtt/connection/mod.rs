//! The machine of one connection: bytes in; bytes and questions to the hub out. Pure: no socket, no clock.
//!
//! | file | what it knows |
//! |---|---|
//! | `opening` | who a client says it is, and what it is told |
//! | `traffic` | what a client sends once it is let in |
//! | `telling` | what the hub answers and tells |
//! | `messages` | messages from the cloud |
//! | this file | how these hang together, and how it ends |

mod messages;
mod opening;
mod telling;
mod traffic;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use super::effect::{Effect, Origin, Sequel};
use super::options::Options;
use super::subscriptions::Subscriptions;
use crate::emulator::hub::command::{Certificate, Command, DeviceMessage, ListenerId};
use crate::emulator::moment::Moment;
use crate::emulator::tracker::Tracker;
use crate::model::device::IdentityId;
use crate::protocol::mqtt::packet::{self, ConnectReturnCode, Packet, PacketError};

/// How far a connection has come.
#[derive(Debug)]
enum Phase {
    /// Nothing has come yet.
    Silent,
    /// The hub is asked whether this client may come in.
    Knocking(Box<Client>),
    /// The client is in.
    Open(Box<Client>, ListenerId),
    /// It is over.
    Closed,
}

/// Who is on the other side.
#[derive(Debug)]
struct Client {
    identity: IdentityId,
    /// The model that it has named, if it speaks IoT Plug and Play.
    model: Option<Arc<str>>,
    /// Whether it comes back to what it had subscribed to.
    is_remembered: bool,
    subscriptions: Subscriptions,
    /// Silence after which it is taken for dead.
    silence: Duration,
    /// Seconds since 1970 at which its token ends.
    expires: Option<i64>,
    /// What it wishes to be told if it breaks off.
    will: Option<Box<DeviceMessage>>,
    /// The messages from the cloud that it has not acknowledged.
    held: messages::Held,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    options: Arc<Options>,
    /// What the client has proven itself with below, if anything.
    certificate: Option<Arc<Certificate>>,
    now: Moment,
    /// When something last came.
    heard: Duration,
    phase: Phase,
    out: BytesMut,
    effects: VecDeque<Effect>,
    /// Bytes of messages that wait for the hub.
    waiting: usize,
    tracker: Tracker,
    /// Why it is over.
    end: Cow<'static, str>,
}

impl Connection {
    /// A connection that has just been made; its refusals are known by `number`.
    pub(super) fn new(
        options: Arc<Options>,
        certificate: Option<Arc<Certificate>>,
        number: u128,
        now: Moment,
    ) -> Self {
        Self {
            options,
            certificate,
            now,
            heard: now.elapsed,
            phase: Phase::Silent,
            out: BytesMut::new(),
            effects: VecDeque::new(),
            waiting: 0,
            tracker: Tracker::new(number),
            end: Cow::Borrowed(""),
        }
    }

    /// Tells the time; does what is due by then.
    pub(super) fn tick(&mut self, now: Moment) {
        self.now = now;
        if self.waiting >= self.options.limits.waiting_bytes {
            // The hub's slowness is not the client's silence.
            self.heard = now.elapsed;
        }
        let is_expired = match &self.phase {
            // Its last second is a good one.
            Phase::Open(client, _) => client.expires.is_some_and(|end| now.utc.timestamp() > end),
            Phase::Silent | Phase::Knocking(_) | Phase::Closed => false,
        };
        if is_expired {
            self.end("its token has ended");
        } else if now.elapsed >= self.patience_ends() {
            self.end(match &self.phase {
                Phase::Silent => "no CONNECT has come in time",
                Phase::Knocking(_) | Phase::Open(..) | Phase::Closed => {
                    "it was silent for longer than its keep-alive allows"
                }
            });
        }
        self.catch_up();
    }

    /// The client's token, if it has shown one, ends so many seconds sooner than it says.
    pub(super) fn shorten_token(&mut self, seconds: i64) {
        if let Phase::Open(client, _) = &mut self.phase
            && let Some(end) = &mut client.expires
        {
            *end = end.saturating_sub(seconds);
        }
    }

    /// When [`Connection::tick`] has something to do next, since the connection began.
    pub(super) fn deadline(&self) -> Duration {
        let patience = self.patience_ends();
        let Phase::Open(client, _) = &self.phase else {
            return patience;
        };
        let Some(last) = client.expires else {
            return patience;
        };
        let end = last.saturating_add(1);
        let left = end.saturating_sub(self.now.utc.timestamp());
        let left = Duration::from_secs(u64::try_from(left).unwrap_or(0));
        patience.min(self.now.elapsed.saturating_add(left))
    }

    fn patience_ends(&self) -> Duration {
        let limits = &self.options.limits;
        match &self.phase {
            // However busy it is with something else.
            Phase::Silent => limits.connect_wait,
            Phase::Open(client, _) => self.heard + client.silence,
            Phase::Knocking(_) | Phase::Closed => self.heard + limits.silence,
        }
    }

    /// Takes what it can from what has come.
    pub(super) fn receive(&mut self, input: &mut BytesMut) {
        while self.may_read() {
            match packet::read(input, self.options.limits.packet_size) {
                Ok(Some(packet)) => self.take(packet),
                Ok(None) => return,
                Err(PacketError::Version) if matches!(self.phase, Phase::Silent) => {
                    let why = PacketError::Version.to_string();
                    self.turn_away(ConnectReturnCode::RefusedProtocolVersion, &why);
                }
                Err(error) => self.end(error.to_string()),
            }
        }
    }

    /// Whether more can be taken in: not while the client does not listen, or the hub has enough to do.
    pub(super) fn may_read(&self) -> bool {
        let limits = &self.options.limits;
        matches!(self.phase, Phase::Silent | Phase::Open(..))
            && self.waiting < limits.waiting_bytes
            && self.is_listening()
    }

    /// Whether the client takes in what it is told.
    fn is_listening(&self) -> bool {
        self.out.len() < self.options.limits.output_bytes
    }

    /// Something has come.
    pub(super) fn hear(&mut self) {
        self.heard = self.now.elapsed;
    }

    fn take(&mut self, packet: Packet) {
        match &mut self.phase {
            Phase::Silent => self.greet(packet),
            Phase::Open(..) => self.carry(packet),
            Phase::Knocking(_) | Phase::Closed => {}
        }
    }

    /// What is to be done next, if anything is.
    pub(super) fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Ends it, whoever wants that; the client's will is heard unless it has said goodbye.
    pub(super) fn hang_up(&mut self) {
        let phase = std::mem::replace(&mut self.phase, Phase::Closed);
        if let Phase::Open(client, session) = phase
            && let Some(message) = client.will
        {
            let origin = Origin {
                bytes: 0,
                acknowledge: Vec::new(),
                sequel: Sequel::Nothing,
            };
            let command = Command::PublishWill { session, message };
            self.effects.push_back(Effect::Ask { origin, command });
        }
    }

    /// The same for this reason, of which only who watches the hub is told.
    pub(super) fn end(&mut self, why: impl Into<Cow<'static, str>>) {
        // The first reason is the one.
        if self.end.is_empty() {
            self.end = why.into();
        }
        self.hang_up();
    }

    /// Why it is over; empty where that is the client's own doing.
    pub(super) fn why_it_ended(&self) -> &str {
        &self.end
    }

    /// Whether it is over, but for what is still to be done and written.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Bytes that wait to be written.
    pub(super) fn output(&mut self) -> &mut BytesMut {
        &mut self.out
    }

    fn send(&mut self, packet: &Packet) {
        if packet::write(packet, &mut self.out).is_err() {
            self.end("what it is to be told makes no packet");
        }
    }
}

#[cfg(test)]
mod tests;
