//! The token, put anew ahead of its expiry on the connection that it opened.

use std::time::Duration;

use tokio::time::Instant;

use super::connect::Opened;
use super::error::{At as _, Stage, StreamError};
use super::notice::Notice;
use super::plan::{Patience, Plan};
use crate::client::amqp::{ConnectionError, Frame, PeerError, Scope};
use crate::protocol::amqp::performative::{End, Performative};

/// The token's next turn.
#[derive(Debug)]
pub struct Renewal {
    at: Instant,
    patience: Patience,
    /// The request that is under way, and since when.
    pending: Option<(u64, Instant)>,
    /// Why there is no way to put one any more. Services end links that are idle for long; the events' own go on.
    lost: Option<Box<PeerError>>,
}

impl Renewal {
    /// A token was put just now.
    #[must_use]
    pub fn new(now: Instant, patience: Patience) -> Self {
        Self {
            at: now + patience.renew_after(),
            patience,
            pending: None,
            lost: None,
        }
    }

    /// When it is to be looked at again: when the next is to be put, or when an answer is overdue by `limit`.
    #[must_use]
    pub fn due(&self, limit: Duration) -> Instant {
        self.pending.map_or(self.at, |(_, since)| since + limit)
    }

    /// Puts the next one if its time has come; the answer is not waited for.
    ///
    /// # Errors
    /// [`StreamError`] when the connection broke, or the way to put it is lost, or the last one was never answered: then
    /// a new connection is needed.
    pub async fn start(
        &mut self,
        plan: &Plan,
        opened: &mut Opened,
        now: Instant,
    ) -> Result<(), StreamError> {
        if self.due(plan.limit) > now {
            return Ok(());
        }
        if self.pending.is_some() {
            let waiting_for = "$cbs";
            let limit = plan.limit;
            let overdue = ConnectionError::TimedOut { waiting_for, limit };
            return Err(overdue).at(Stage::NamespaceToken);
        }
        if let Some(error) = self.lost.take() {
            return Err(error.into()).at(Stage::NamespaceToken);
        }
        let grant = opened.endpoint.grant(plan)?;
        let sent = opened
            .cbs
            .send(&mut opened.connection, |head, out| grant.write(head, out))
            .await;
        match sent.at(Stage::NamespaceToken)? {
            Some(id) => self.pending = Some((id, now)),
            // The service takes nothing just now.
            None => self.at = now + self.patience.renew_again(),
        }
        Ok(())
    }

    /// Takes in a frame of a channel that no partition has; tells how the token fared, if that is what it says.
    ///
    /// # Errors
    /// [`StreamError`] when the connection broke.
    pub async fn take(
        &mut self,
        opened: &mut Opened,
        frame: &Frame,
        now: Instant,
    ) -> Result<Option<Notice>, StreamError> {
        let cbs = &mut opened.cbs;
        if frame.channel != cbs.channel() {
            return Ok(None);
        }
        let (performative, payload) = frame.decode().at(Stage::Reading)?;
        let answer = match cbs.on_frame(&performative, payload) {
            Err(ConnectionError::Peer(error)) => {
                if error.scope == Scope::Link && self.lost.is_none() {
                    let end = Performative::End(End { error: None });
                    let sent = opened.connection.send(frame.channel, &end, &[]).await;
                    sent.at(Stage::Reading)?;
                }
                self.pending = None;
                self.lost = Some(error);
                return Ok(None);
            }
            answer => answer.at(Stage::NamespaceToken)?,
        };
        if let Some(reply) = cbs.reply(&performative) {
            let sent = opened.connection.send(frame.channel, &reply, &[]).await;
            sent.at(Stage::Reading)?;
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
}
