//! The token, put anew ahead of its expiry on the connection that it opened.

use std::time::Duration;

use tokio::time::Instant;

use super::connect::Opened;
use super::error::{At as _, Stage, StreamError};
use super::notice::Notice;
use super::plan::Plan;
use crate::client::amqp::request::RequestLinks;
use crate::client::amqp::{ConnectionError, Frame, Output, PeerError, Scope};
use crate::protocol::amqp::performative::{End, Performative};

/// After how long a new token is put: a quarter of its life before it ends.
const RENEW_AFTER: Duration = Duration::from_secs(45 * 60);

/// How long until a token that was refused is put again.
const RENEW_AGAIN: Duration = Duration::from_secs(30);

/// The token's next turn.
#[derive(Debug)]
pub struct Renewal {
    at: Instant,
    /// The request that is under way.
    pending: Option<u64>,
    /// Why there is no way to put one any more. Services end links that are idle for long; the events' own go on.
    lost: Option<Box<PeerError>>,
}

impl Renewal {
    /// A token was put just now.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            at: now + RENEW_AFTER,
            pending: None,
            lost: None,
        }
    }

    /// When the next is to be put, unless it is under way.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.pending.is_none().then_some(self.at)
    }

    /// Puts the next one if its time has come; the answer is not waited for.
    ///
    /// # Errors
    /// [`StreamError`] when no token can be made, or the way to put it is lost: then a new connection is needed.
    pub fn start(
        &mut self,
        plan: &Plan,
        opened: &mut Opened,
        now: Instant,
    ) -> Result<(), StreamError> {
        if self.due().is_none_or(|due| due > now) {
            return Ok(());
        }
        if let Some(error) = self.lost.take() {
            return Err(error.into()).at(Stage::NamespaceToken);
        }
        let grant = opened.endpoint.grant(plan)?;
        let output = &mut opened.connection.output;
        self.pending = Some(opened.cbs.send(output, |head, out| grant.write(head, out)));
        Ok(())
    }

    /// Takes in a frame of a channel that no partition has; tells how the token fared, if that is what it says.
    ///
    /// # Errors
    /// [`StreamError`] for what cannot be read.
    pub fn take(
        &mut self,
        cbs: &mut RequestLinks,
        frame: Frame<'_>,
        output: &mut Output,
        now: Instant,
    ) -> Result<Option<Notice>, StreamError> {
        if frame.channel != cbs.channel() {
            return Ok(None);
        }
        let (performative, payload) = frame.decode().at(Stage::Reading)?;
        let answer = match cbs.on_frame(&performative, payload) {
            Err(ConnectionError::Peer(error)) => {
                if error.scope == Scope::Link && self.lost.is_none() {
                    let end = Performative::End(End { error: None });
                    output.send(frame.channel, &end, &[]);
                }
                self.pending = None;
                self.lost = Some(error);
                return Ok(None);
            }
            answer => answer.at(Stage::NamespaceToken)?,
        };
        if let Some(settle) = cbs.settle(&performative) {
            output.send(frame.channel, &settle, &[]);
        }
        let (Some(answer), Some(id)) = (answer, self.pending) else {
            return Ok(None);
        };
        let (wait, notice) = match cbs.answers(id, &answer) {
            Ok(false) => return Ok(None),
            Ok(true) => (RENEW_AFTER, Notice::TokenRenewed),
            Err(error) => {
                let reason = error.to_string();
                (RENEW_AGAIN, Notice::TokenRefused { reason })
            }
        };
        self.at = now + wait;
        self.pending = None;
        Ok(Some(notice))
    }
}
