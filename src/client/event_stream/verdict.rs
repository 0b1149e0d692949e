//! Which troubles pass by themselves, and which end the stream. Pure.

use std::time::Duration;

use super::error::StreamError;
use crate::client::amqp::ConnectionError;
use crate::client::proxy::ProxyError;
use crate::client::websocket::WebSocketError;
use crate::protocol::amqp::performative::error::condition;

/// Tries of a stream that has not read anything yet: the user waits at the terminal.
const FIRST_TRIES: u32 = 3;

/// Tries against a refusal once the stream had been reading: a hub that comes back up may refuse at first.
const REFUSED_TRIES: u32 = 4;

/// What the service asks for when it is busy.
const BUSY: Duration = Duration::from_secs(4);

/// What to do about a trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again, not before this time has gone by.
    Retry(Duration),
    /// Trying again is of no use.
    Give,
}

/// Whether a link's trouble is really the connection's: its token opens nothing any more, or the place is another.
/// Then only a new connection, with a new token, is of use.
#[must_use]
pub fn is_the_connections(condition: &str) -> bool {
    matches!(
        condition,
        condition::UNAUTHORIZED_ACCESS | condition::LINK_REDIRECT | "com.microsoft:auth-failed"
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// The network, or the service's own troubles.
    Passing,
    /// The service asks for patience.
    Busy,
    /// The service says no.
    Refusal,
    /// It will never be otherwise.
    Final,
}

/// Judges a trouble by whether the stream `was_reading` before, and how many tries `failed` in a row.
#[must_use]
pub fn judge(error: &StreamError, was_reading: bool, failed: u32) -> Verdict {
    let StreamError::Failed { source, .. } = error else {
        return Verdict::Give;
    };
    match (class(source), was_reading) {
        (Class::Final, _) | (Class::Refusal, false) => Verdict::Give,
        (Class::Refusal, true) if failed >= REFUSED_TRIES => Verdict::Give,
        (Class::Passing | Class::Busy, false) if failed >= FIRST_TRIES => Verdict::Give,
        // A name or a port that was never reached is more likely wrong than down.
        (Class::Passing, false) if !is_reached(source) => Verdict::Give,
        (Class::Busy, _) => Verdict::Retry(BUSY),
        (Class::Passing | Class::Refusal, _) => Verdict::Retry(Duration::ZERO),
    }
}

/// Whether there was anybody at the other end, and no proxy's fault between.
fn is_reached(error: &ConnectionError) -> bool {
    if let ConnectionError::WebSocket(error) = error {
        return !matches!(**error, WebSocketError::Dial(_) | WebSocketError::Proxy(_));
    }
    !matches!(error, ConnectionError::Dial(_))
}

fn class(error: &ConnectionError) -> Class {
    if let Some(condition) = error.condition() {
        return class_of_condition(condition, error);
    }
    match error {
        ConnectionError::WebSocket(error) => class_of_upgrade(error),
        ConnectionError::Dial(_)
        | ConnectionError::Io { .. }
        | ConnectionError::HungUp
        | ConnectionError::Silent { .. }
        | ConnectionError::TimedOut { .. }
        | ConnectionError::Malformed { .. }
        | ConnectionError::Unexpected { .. }
        | ConnectionError::Sasl { .. }
        | ConnectionError::Peer(_) => Class::Passing,
        ConnectionError::NotAmqp | ConnectionError::NoMechanism => Class::Refusal,
        ConnectionError::Status { code, .. } => match code {
            429 | 503 => Class::Busy,
            400..=499 => Class::Refusal,
            _ => Class::Passing,
        },
    }
}

fn class_of_upgrade(error: &WebSocketError) -> Class {
    match error {
        WebSocketError::Proxy(ProxyError::Url(_)) => Class::Final,
        WebSocketError::Proxy(ProxyError::Refused { status, .. })
        | WebSocketError::Refused { status, .. } => match status.as_u16() {
            429 | 503 => Class::Busy,
            400..=499 => Class::Refusal,
            _ => Class::Passing,
        },
        WebSocketError::Unreadable { .. } => Class::Refusal,
        WebSocketError::Dial(_) | WebSocketError::Proxy(_) | WebSocketError::Broken { .. } => {
            Class::Passing
        }
    }
}

fn class_of_condition(name: &str, error: &ConnectionError) -> Class {
    match name {
        condition::LINK_STOLEN => Class::Final,
        condition::SERVER_BUSY => Class::Busy,
        condition::UNAUTHORIZED_ACCESS
        | condition::NOT_FOUND
        | condition::NOT_ALLOWED
        | condition::NOT_IMPLEMENTED
        | condition::RESOURCE_LIMIT_EXCEEDED
        | condition::ARGUMENT_ERROR
        | condition::ARGUMENT_OUT_OF_RANGE
        | "com.microsoft:entity-disabled"
        | "com.microsoft:auth-failed"
        | "com.microsoft:iot-hub-not-found-error"
        | "com.microsoft:iot-hub-suspended" => Class::Refusal,
        _ => {
            let is_refused = matches!(
                error,
                ConnectionError::Status {
                    code: 401 | 403 | 404,
                    ..
                }
            );
            if is_refused {
                Class::Refusal
            } else {
                Class::Passing
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::amqp::{PeerError, Scope};
    use crate::client::event_stream::error::Stage;
    use crate::protocol::amqp::performative::AmqpError;

    fn detached(condition: &str) -> StreamError {
        let error = AmqpError::new(condition, "");
        StreamError::Failed {
            stage: Stage::Reading,
            source: Box::new(PeerError::new(Scope::Link, Some(&error))).into(),
        }
    }

    fn failed(source: ConnectionError) -> StreamError {
        StreamError::Failed {
            stage: Stage::Hub,
            source,
        }
    }

    #[test]
    fn refusals_end_a_stream_that_has_not_begun() {
        for condition in [
            condition::NOT_FOUND,
            condition::RESOURCE_LIMIT_EXCEEDED,
            condition::UNAUTHORIZED_ACCESS,
        ] {
            assert_eq!(judge(&detached(condition), false, 0), Verdict::Give);
            assert_eq!(
                judge(&detached(condition), true, 0),
                Verdict::Retry(Duration::ZERO)
            );
            assert_eq!(
                judge(&detached(condition), true, REFUSED_TRIES),
                Verdict::Give
            );
        }
    }

    #[test]
    fn a_stolen_link_is_not_taken_back() {
        assert_eq!(
            judge(&detached(condition::LINK_STOLEN), true, 0),
            Verdict::Give
        );
    }

    #[test]
    fn troubles_pass() {
        assert_eq!(
            judge(&detached(condition::LINK_DETACH_FORCED), true, 1000),
            Verdict::Retry(Duration::ZERO)
        );
        assert_eq!(
            judge(&detached(condition::SERVER_BUSY), false, 0),
            Verdict::Retry(BUSY)
        );
        assert_eq!(
            judge(&failed(ConnectionError::HungUp), false, 0),
            Verdict::Retry(Duration::ZERO)
        );
        assert_eq!(
            judge(&failed(ConnectionError::HungUp), false, FIRST_TRIES),
            Verdict::Give
        );
    }
}
