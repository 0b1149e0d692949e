//! The token, put anew ahead of its expiry on the connection that it opened.

use std::time::Duration;

use tokio::time::Instant;

use super::connect::{CBS_CHANNEL, Means};
use super::error::{At as _, Stage, StreamError};
use super::notice::Notice;
use super::plan::{Patience, Plan};
use crate::client::amqp::request::RequestLinks;
use crate::client::amqp::{ConnectionError, Frame, Output, Scope};
use crate::protocol::amqp::address::CBS;
use crate::protocol::amqp::performative::{End, Performative};

/// Whether a token can be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It can.
    Open,
    /// The service ended the links, as it does with those that are idle for long; the session is ended on this side.
    Ending,
    /// The session is ended on both sides.
    Gone,
    /// It is being opened again, since this time.
    Opening(Instant),
}

/// The token's next turn.
#[derive(Debug)]
pub struct Renewal {
    at: Instant,
    patience: Patience,
    /// The request that is under way, and since when.
    pending: Option<(u64, Instant)>,
    way: Way,
}

impl Renewal {
    /// A token was put just now.
    #[must_use]
    pub fn new(now: Instant, patience: Patience) -> Self {
        Self {
            at: now + patience.renew_after(),
            patience,
            pending: None,
            way: Way::Open,
        }
    }

    /// When it is to be looked at again: when the next is to be put, or when an answer is overdue by `limit`.
    #[must_use]
    pub fn due(&self, limit: Duration) -> Instant {
        match (self.pending, self.way) {
            (Some((_, since)), _) | (None, Way::Opening(since)) => since + limit,
            (None, Way::Open | Way::Ending | Way::Gone) => self.at,
        }
    }

    /// Puts the next one if its time has come; the answer is not waited for.
    ///
    /// # Errors
    /// [`StreamError`] when no token can be made, or the service does not answer: then a new connection is needed.
    pub fn start(
        &mut self,
        plan: &Plan,
        means: &mut Means<'_>,
        output: &mut Output,
        now: Instant,
    ) -> Result<(), StreamError> {
        if self.due(plan.limit) > now {
            return Ok(());
        }
        match self.way {
            Way::Open if self.pending.is_none() => self.put(plan, means, output, now),
            Way::Gone => {
                *means.cbs = RequestLinks::start(output, CBS_CHANNEL, CBS, means.container);
                self.way = Way::Opening(now);
                Ok(())
            }
            Way::Open | Way::Ending | Way::Opening(_) => {
                let waiting_for = CBS;
                let limit = plan.limit;
                Err(ConnectionError::TimedOut { waiting_for, limit }).at(Stage::NamespaceToken)
            }
        }
    }

    fn put(
        &mut self,
        plan: &Plan,
        means: &mut Means<'_>,
        output: &mut Output,
        now: Instant,
    ) -> Result<(), StreamError> {
        let grant = means.endpoint.grant(plan)?;
        let sent = means.cbs.send(output, |head, out| grant.write(head, out));
        match sent {
            Some(id) => self.pending = Some((id, now)),
            // The service takes nothing just now.
            None => self.at = now + self.patience.renew_again(),
        }
        Ok(())
    }

    /// Takes in a frame of a channel that no partition has; tells how the token fared, if that is what it says.
    ///
    /// # Errors
    /// [`StreamError`] for what cannot be read, and when no token can be made.
    pub fn take(
        &mut self,
        plan: &Plan,
        means: &mut Means<'_>,
        frame: Frame<'_>,
        output: &mut Output,
        now: Instant,
    ) -> Result<Option<Notice>, StreamError> {
        let cbs = &mut *means.cbs;
        if frame.channel != cbs.channel() {
            return Ok(None);
        }
        let (performative, payload) = frame.decode().at(Stage::Reading)?;
        let answer = match cbs.on_frame(&performative, payload) {
            Err(ConnectionError::Peer(error)) => {
                self.lose(frame.channel, output, error.scope, now);
                return Ok(None);
            }
            answer => answer.at(Stage::NamespaceToken)?,
        };
        if let Some(reply) = cbs.reply(&performative) {
            output.send(frame.channel, &reply, &[]);
        }
        if let Way::Opening(_) = self.way
            && cbs.is_ready()
        {
            self.way = Way::Open;
            self.put(plan, means, output, now)?;
            return Ok(None);
        }
        let (Some(answer), Some((id, _))) = (answer, self.pending) else {
            return Ok(None);
        };
        let (wait, notice) = match cbs.answers(id, &answer) {
            Ok(false) => return Ok(None),
            Ok(true) => (self.patience.renew_after(), Notice::TokenRenewed),
            Err(error) => {
                let reason = error.to_string();
                let retry_in = self.patience.renew_again();
                (retry_in, Notice::TokenRefused { reason, retry_in })
            }
        };
        self.at = now + wait;
        self.pending = None;
        Ok(Some(notice))
    }

    /// The service ended a link or the session: the session is ended on this side too, and opened again when a token is
    /// to be put. The events' own links go on.
    fn lose(&mut self, channel: u16, output: &mut Output, scope: Scope, now: Instant) {
        if self.pending.take().is_some() || matches!(self.way, Way::Opening(_)) {
            self.at = now + self.patience.renew_again();
        }
        if matches!(self.way, Way::Open | Way::Opening(_)) {
            let end = Performative::End(End { error: None });
            output.send(channel, &end, &[]);
        }
        self.way = match scope {
            Scope::Link => Way::Ending,
            Scope::Session | Scope::Connection => Way::Gone,
        };
    }
}
