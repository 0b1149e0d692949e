//! One partition: where it is read, how far, and what comes next. Pure: time is passed in, frames go in and reactions
//! come out.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::progress::Progress;
use crate::client::amqp::{ConnectionError, PeerError, Receiver, Scope};
use crate::protocol::amqp::address::PartitionAddress;
use crate::protocol::amqp::performative::{Flow, Performative};

/// What a partition's link is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing, until this time.
    Waiting(Instant),
    /// The session was begun on this side, at this time.
    Beginning(Instant),
    /// The link was attached on this side, at this time.
    Attaching(Instant),
    /// Events may come, since this time.
    Reading(Instant),
}

/// A link that stood for this long was sound, whether events came or not.
const SOUND: Duration = Duration::from_secs(15);

/// What is to be sent because its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Begin the session.
    Begin,
    /// Attach the link.
    Attach,
}

/// What a frame leads to.
#[derive(Debug)]
pub enum Reaction {
    /// Nothing.
    None,
    /// The session stands: attach the link.
    Attach,
    /// The link stands: send this, and events will come.
    Reading(Flow<'static>),
    /// The service asks how things stand: send this.
    Answer(Flow<'static>),
    /// The service ended the session while its link was gone anyway: end it here too.
    Ended,
    /// The service ended the link or the session.
    Broken(Box<PeerError>),
}

/// One partition.
#[derive(Debug)]
pub struct Partition {
    /// Its id: `0`, `1` and so on.
    pub id: String,
    /// Its link.
    pub receiver: Receiver,
    /// How far it was read.
    pub progress: Progress,
    phase: Phase,
    is_session_open: bool,
    /// Whether it was ever being read.
    pub was_reading: bool,
    /// How its link fares.
    pub backoff: Backoff,
}

impl Partition {
    /// A partition whose link is attached as soon as its time comes.
    #[must_use]
    pub fn new(id: String, progress: Progress, now: Instant) -> Self {
        Self {
            receiver: Receiver::new(0, String::new(), String::new()),
            id,
            progress,
            phase: Phase::Waiting(now),
            is_session_open: false,
            was_reading: false,
            backoff: Backoff::default(),
        }
    }

    /// There is a new connection: the link is to be attached on `channel` of it.
    pub fn connect(
        &mut self,
        channel: u16,
        container: &str,
        entity: &str,
        consumer_group: &str,
        now: Instant,
    ) {
        let address = PartitionAddress {
            entity: entity.to_owned(),
            consumer_group: consumer_group.to_owned(),
            partition: self.id.clone(),
        };
        let name = format!("{container}-{}", self.id);
        self.receiver = Receiver::new(channel, name, address.to_string());
        self.phase = Phase::Waiting(now);
        self.is_session_open = false;
    }

    /// Whether events may come.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        matches!(self.phase, Phase::Reading(_))
    }

    /// When it is to be looked at again: when its wait is over, or when an answer is overdue by `limit`.
    #[must_use]
    pub fn due(&self, limit: Duration) -> Option<Instant> {
        match self.phase {
            Phase::Waiting(until) => Some(until),
            Phase::Beginning(since) | Phase::Attaching(since) => Some(since + limit),
            Phase::Reading(_) => None,
        }
    }

    /// What is to be sent now.
    ///
    /// # Errors
    /// [`ConnectionError::TimedOut`] where an answer is overdue.
    pub fn step(&mut self, now: Instant, limit: Duration) -> Result<Option<Step>, ConnectionError> {
        if self.due(limit).is_none_or(|due| due > now) {
            return Ok(None);
        }
        match self.phase {
            Phase::Waiting(_) if self.is_session_open => {
                self.phase = Phase::Attaching(now);
                Ok(Some(Step::Attach))
            }
            Phase::Waiting(_) => {
                self.phase = Phase::Beginning(now);
                Ok(Some(Step::Begin))
            }
            Phase::Beginning(_) => Err(ConnectionError::TimedOut {
                waiting_for: "begin",
                limit,
            }),
            Phase::Attaching(_) => Err(ConnectionError::TimedOut {
                waiting_for: "attach",
                limit,
            }),
            Phase::Reading(_) => Ok(None),
        }
    }

    /// Takes a frame of its session in; transfers are the receiver's.
    ///
    /// # Errors
    /// [`ConnectionError::Unexpected`] where the service answers what was not asked: there is one link at a time.
    pub fn on_frame(
        &mut self,
        performative: &Performative<'_>,
        now: Instant,
    ) -> Result<Reaction, ConnectionError> {
        let unexpected = |what| Err(ConnectionError::Unexpected { what });
        Ok(match performative {
            Performative::Begin(begin) => {
                let Phase::Beginning(_) = self.phase else {
                    return unexpected("a session that had begun");
                };
                self.receiver.session.on_begin(begin);
                self.is_session_open = true;
                self.phase = Phase::Attaching(now);
                Reaction::Attach
            }
            Performative::Attach(attach) => {
                let Phase::Attaching(_) = self.phase else {
                    return unexpected("a link that nobody attached here");
                };
                // A link is refused by an attach without its source, and a detach that says why.
                if attach.source.is_none() {
                    return Ok(Reaction::None);
                }
                self.phase = Phase::Reading(now);
                self.was_reading = true;
                Reaction::Reading(self.receiver.on_attach(attach))
            }
            Performative::Flow(flow) => {
                let answer = self.receiver.on_flow(flow);
                answer.map_or(Reaction::None, Reaction::Answer)
            }
            Performative::Detach(detach) => match self.phase {
                Phase::Attaching(_) | Phase::Reading(_) => {
                    let error = PeerError::new(Scope::Link, detach.error.as_ref());
                    self.broken(error, now)
                }
                Phase::Waiting(_) | Phase::Beginning(_) => {
                    return unexpected("the end of a link that is not attached");
                }
            },
            Performative::End(end) => {
                self.is_session_open = false;
                if let Phase::Waiting(_) = self.phase {
                    return Ok(Reaction::Ended);
                }
                self.broken(PeerError::new(Scope::Session, end.error.as_ref()), now)
            }
            Performative::Transfer(_)
            | Performative::Disposition(_)
            | Performative::Open(_)
            | Performative::Close(_)
            | Performative::SaslMechanisms(_)
            | Performative::SaslInit(_)
            | Performative::SaslChallenge(_)
            | Performative::SaslResponse(_)
            | Performative::SaslOutcome(_) => Reaction::None,
        })
    }

    /// Until it is told how long to wait, it waits for nothing.
    fn broken(&mut self, error: PeerError, now: Instant) -> Reaction {
        self.receiver.on_detach();
        if let Phase::Reading(since) = self.phase
            && now.saturating_duration_since(since) >= SOUND
        {
            self.backoff.succeeded();
        }
        self.phase = Phase::Waiting(now);
        Reaction::Broken(Box::new(error))
    }

    /// The link is gone; nothing is tried before `until`.
    pub fn wait(&mut self, until: Instant) {
        self.phase = Phase::Waiting(until);
    }
}

#[cfg(test)]
mod tests;
