//! Why a connection, a session or a link did not do what was asked of it.

use std::fmt;
use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::client::dial::DialError;
use crate::client::websocket::WebSocketError;
use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::frame::FrameError;
use crate::protocol::amqp::performative::AmqpError;
use crate::protocol::amqp::redirect::Redirect;

/// Why a connection, a session or a link did not do what was asked of it.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// There is no connection to AMQP's own port.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// There is no WebSocket.
    #[error(transparent)]
    WebSocket(Box<WebSocketError>),
    /// It broke.
    #[error("the connection broke: {source}")]
    Io {
        /// How.
        #[source]
        source: io::Error,
    },
    /// The other side hung up without a word.
    #[error("the connection was closed without a word")]
    HungUp,
    /// Not even a keep-alive came.
    #[error("nothing came for {} s, not even a keep-alive", limit.as_secs())]
    Silent {
        /// For how long.
        limit: Duration,
    },
    /// An answer did not come in time.
    #[error("no answer within {} s ({waiting_for})", limit.as_secs_f32())]
    TimedOut {
        /// What it was that did not come.
        waiting_for: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// It is no AMQP 1.0 at the other end.
    #[error("the other end does not speak AMQP 1.0")]
    NotAmqp,
    /// What came cannot be read.
    #[error("what came cannot be read: {source}")]
    Malformed {
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// What came was not expected there.
    #[error("{what} was not expected")]
    Unexpected {
        /// What came.
        what: &'static str,
    },
    /// The server has no SASL mechanism that goes with tokens.
    #[error("the server offers no SASL mechanism for tokens (ANONYMOUS or MSSBCBS)")]
    NoMechanism,
    /// SASL ended badly.
    #[error("the server refused the connection (SASL code {code})")]
    Sasl {
        /// 1: credentials; 2 to 4: the server's troubles.
        code: u8,
    },
    /// The other side ended a link, a session or the connection, and said why.
    #[error(transparent)]
    Peer(#[from] Box<PeerError>),
    /// A request to `$cbs` or `$management` was refused.
    #[error("{node} answered {code}{}", described(condition.as_deref(), description.as_deref()))]
    Status {
        /// `$cbs` or `$management`.
        node: &'static str,
        /// As in HTTP.
        code: u16,
        /// The AMQP condition that goes with it.
        condition: Option<String>,
        /// The service's own words.
        description: Option<String>,
    },
}

impl ConnectionError {
    /// The AMQP condition that the service named, if it named one.
    #[must_use]
    pub fn condition(&self) -> Option<&str> {
        match self {
            Self::Peer(error) => Some(&error.condition),
            Self::Status { condition, .. } => condition.as_deref(),
            Self::Dial(_)
            | Self::WebSocket(_)
            | Self::Io { .. }
            | Self::HungUp
            | Self::Silent { .. }
            | Self::TimedOut { .. }
            | Self::NotAmqp
            | Self::Malformed { .. }
            | Self::Unexpected { .. }
            | Self::NoMechanism
            | Self::Sasl { .. } => None,
        }
    }
}

impl From<WebSocketError> for ConnectionError {
    fn from(error: WebSocketError) -> Self {
        Self::WebSocket(Box::new(error))
    }
}

impl From<io::Error> for ConnectionError {
    fn from(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::UnexpectedEof {
            return Self::HungUp;
        }
        Self::Io { source }
    }
}

impl From<FrameError> for ConnectionError {
    fn from(_: FrameError) -> Self {
        let what = "frame header";
        DecodeError::Malformed { what }.into()
    }
}

impl From<DecodeError> for ConnectionError {
    fn from(source: DecodeError) -> Self {
        Self::Malformed { source }
    }
}

/// What the other side ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One link.
    Link,
    /// A session and all its links.
    Session,
    /// Everything.
    Connection,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Link => "link",
            Self::Session => "session",
            Self::Connection => "connection",
        })
    }
}

/// What the other side said when it ended something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the service ended the {scope}{}", described(Some(condition), description.as_deref()))]
pub struct PeerError {
    /// What it ended.
    pub scope: Scope,
    /// Why, as a symbol; empty where it gave no reason.
    pub condition: String,
    /// Why, in its own words.
    pub description: Option<String>,
    /// Where to go instead, when that is the reason.
    pub redirect: Option<Redirect>,
    /// What Microsoft's support asks for.
    pub tracking_id: Option<String>,
}

impl PeerError {
    /// Takes over what a detach, an end or a close said.
    #[must_use]
    pub fn new(scope: Scope, error: Option<&AmqpError<'_>>) -> Self {
        let info = error.and_then(|error| error.info);
        let tracking_id = info
            .and_then(|info| info.find("com.microsoft:tracking-id"))
            .and_then(|value| value.as_str())
            .map(str::to_owned);
        Self {
            scope,
            condition: error
                .map(|error| error.condition)
                .unwrap_or_default()
                .to_owned(),
            description: error
                .and_then(|error| error.description)
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            redirect: info.and_then(|info| Redirect::from_info(&info).ok()),
            tracking_id,
        }
    }
}

/// `: description (condition)`, as far as there is any.
fn described(condition: Option<&str>, description: Option<&str>) -> String {
    let condition = condition.filter(|condition| !condition.is_empty());
    match (description.map(one_line), condition) {
        (Some(description), Some(condition)) => format!(": {description} ({condition})"),
        (Some(text), None) => format!(": {text}"),
        (None, Some(text)) => format!(": {text}"),
        (None, None) => " without a reason".to_owned(),
    }
}

/// The service's words on one line, and not more than a line's worth; control characters do not reach a terminal.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_words_are_kept() {
        let error = AmqpError::new("amqp:not-found", "The consumer group\r\n'x' is missing");
        let error = PeerError::new(Scope::Link, Some(&error));
        assert_eq!(
            error.to_string(),
            "the service ended the link: The consumer group  'x' is missing (amqp:not-found)"
        );
        assert_eq!(
            PeerError::new(Scope::Connection, None).to_string(),
            "the service ended the connection without a reason"
        );
    }
}
