//! Failures of the stream of events: the stage it came to and the service's condition become exit codes and hints.

use super::dial::amqp_hint;
use super::{Failure, Kind};
use crate::client::amqp::ConnectionError;
use crate::client::event_stream::{Stage, StreamError};
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::performative::error::condition;
use crate::protocol::rest::error_body::ServiceError;

/// How a consumer group is made.
const MAKE_GROUP: &str = "To make one: `az iot hub consumer-group create --hub-name HUB --name GROUP`; the emulator takes \
                          --consumer-group GROUP.";

/// Where the right name of an event hub is.
const RIGHT_ENTITY: &str = "The right one is the Event Hub-compatible name; the Azure portal shows it under your IoT hub > Hub \
                            settings > Built-in endpoints, where the whole string can be copied.";

/// The consumer group that every event hub has.
const DEFAULT_GROUP: &str = "$Default";

const WHAT: &str = "cannot read the hub's events";

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        match &error {
            StreamError::Key { .. } => Self::new(Kind::Input, WHAT)
                .because(&error)
                .hint("Copy the connection string again, whole and on one line."),
            StreamError::NoSuchPartition { .. } => Self::new(Kind::NotFound, WHAT)
                .because(&error)
                .hint("Leave --partition out to read all of them."),
            StreamError::NoSuchPlace {
                place, partition, ..
            } => no_such_place(&error, place, partition),
            StreamError::Failed { stage, source } => failed(stage, source),
        }
    }
}

fn no_such_place(error: &StreamError, place: &Position, partition: &str) -> Failure {
    let (written, hint) = match place {
        Position::Offset { offset, .. } => (
            format!("--from offset:{offset}"),
            "An offset belongs to one partition: take `offset` as -f json shows it, together with --partition N. Or begin at a \
             time (-s 1h), a sequence number (--from seq:N) or --from earliest.",
        ),
        Position::SequenceNumber { number, .. } => (
            format!("--from seq:{number}"),
            "A sequence number belongs to one partition: take `sequenceNumber` as -f json shows it, together with --partition \
             N. Or begin at a time (-s 1h), or --from earliest.",
        ),
        Position::Earliest | Position::Latest | Position::EnqueuedTime(_) => {
            ("where it was asked to".to_owned(), "Try: -s 1h")
        }
    };
    let what = format!("cannot begin at {written} in partition {partition}");
    Failure::new(Kind::Usage, what).because(error).hint(hint)
}

/// The same where the connection string named the event hub itself, as its `EntityPath`: a wrong one shows as an event hub
/// that is not there or that the key does not open.
#[must_use]
pub fn blame_entity(error: StreamError, entity: &str) -> Failure {
    let is_at_entity = match &error {
        StreamError::Failed { stage, .. } => match stage {
            Stage::Namespace | Stage::NamespaceToken | Stage::Management => true,
            // There is always this group.
            Stage::Partition { consumer_group, .. } => {
                consumer_group.eq_ignore_ascii_case(DEFAULT_GROUP)
            }
            Stage::Hub | Stage::HubToken | Stage::Redirect | Stage::Reading => false,
        },
        StreamError::Key { .. }
        | StreamError::NoSuchPlace { .. }
        | StreamError::NoSuchPartition { .. } => false,
    };
    let failure = Failure::from(error);
    if !is_at_entity {
        return failure;
    }
    if failure.kind == Kind::NotFound {
        failure.hint(format!(
            "EntityPath={entity} in the connection string names no event hub of this namespace. {RIGHT_ENTITY}"
        ))
    } else if failure.kind == Kind::Refused {
        let hint = failure.hint.clone().unwrap_or_default();
        failure.hint(format!(
            "{hint} Or EntityPath={entity} is another event hub's name than the key's. {RIGHT_ENTITY}"
        ))
    } else {
        failure
    }
}

fn failed(stage: &Stage, error: &ConnectionError) -> Failure {
    match error {
        ConnectionError::Dial(dial) => {
            let failure = Failure::from(dial);
            Failure {
                what: unreached(stage),
                hint: amqp_hint(dial).or(failure.hint),
                ..failure
            }
        }
        ConnectionError::WebSocket(error) => Failure {
            what: unreached(stage),
            ..Failure::from(&**error)
        },
        ConnectionError::HungUp if matches!(stage, Stage::Hub | Stage::Namespace) => {
            Failure::new(Kind::Unreachable, what(stage)).because(error).hint(
                "Does --amqp-port name the hub's AMQP port? HTTPS and MQTT have ports of their own. If it does, something in \
                 between is taking the connection apart.",
            )
        }
        ConnectionError::TimedOut { .. }
        | ConnectionError::Silent { .. }
        | ConnectionError::HungUp
        | ConnectionError::Io { .. } => Failure::new(Kind::Unreachable, what(stage))
            .because(error)
            .hint("Try again; a proxy or firewall that cuts connections shows like this."),
        ConnectionError::NotAmqp => Failure::new(Kind::Service, what(stage))
            .because(error)
            .hint("Does --amqp-port name the hub's AMQP port? HTTPS and MQTT have ports of their own."),
        ConnectionError::Malformed { .. }
        | ConnectionError::Unexpected { .. }
        | ConnectionError::NoMechanism
        | ConnectionError::Sasl { .. } => Failure::new(Kind::Service, what(stage))
            .because(error)
            .hint("Is it an IoT hub or an event hub? Another AMQP server shows like this."),
        ConnectionError::Peer(peer) => {
            let failure = Failure {
                tracking_id: peer.tracking_id.clone(),
                ..refused(stage, error, &peer.condition, None)
            };
            in_the_hubs_words(failure, peer.description.as_deref())
        }
        ConnectionError::Status {
            code,
            condition,
            description,
            ..
        } => {
            let condition = condition.as_deref().unwrap_or_default();
            let failure = refused(stage, error, condition, Some(*code));
            in_the_hubs_words(failure, description.as_deref())
        }
    }
}

fn unreached(stage: &Stage) -> String {
    if *stage == Stage::Namespace {
        "cannot reach the event hub".to_owned()
    } else {
        "cannot reach the hub".to_owned()
    }
}

/// IoT Hub describes its errors by a JSON object with its own code in it.
fn in_the_hubs_words(mut failure: Failure, description: Option<&str>) -> Failure {
    let Some(description) = description.filter(|text| text.trim_start().starts_with('{')) else {
        return failure;
    };
    let error = ServiceError::parse(None, description.as_bytes());
    if error.code.is_none() {
        return failure;
    }
    if !error.message.is_empty() {
        failure.cause = Some(error.message);
    }
    failure.code = error.code;
    failure.code_name = error.name;
    failure.tracking_id = error.tracking_id.or(failure.tracking_id);
    failure
}

/// The first line, by how far it came.
fn what(stage: &Stage) -> String {
    match stage {
        Stage::Hub | Stage::HubToken => "cannot open the hub".to_owned(),
        Stage::Redirect => "cannot get from the hub to its events".to_owned(),
        Stage::Namespace | Stage::NamespaceToken => "cannot open the event hub".to_owned(),
        Stage::Management => "cannot ask the event hub for its partitions".to_owned(),
        Stage::Partition { id, consumer_group } => {
            format!("cannot read partition {id} in the consumer group {consumer_group:?}")
        }
        Stage::Reading => WHAT.to_owned(),
    }
}

fn refused(stage: &Stage, error: &ConnectionError, name: &str, status: Option<u16>) -> Failure {
    let (kind, hint) = match (name, status) {
        (condition::UNAUTHORIZED_ACCESS | "com.microsoft:auth-failed", _)
        | (_, Some(401 | 403)) => (Kind::Refused, unauthorized_hint(stage)),
        (condition::NOT_FOUND, _) | (_, Some(404)) => (Kind::NotFound, not_found_hint(stage)),
        (condition::RESOURCE_LIMIT_EXCEEDED, _) => (Kind::Throttled, limit_hint(stage)),
        (condition::SERVER_BUSY, _) | (_, Some(429 | 503)) => (
            Kind::Throttled,
            "The service is busy; try again in a minute.".to_owned(),
        ),
        (condition::LINK_STOLEN | condition::NOT_ALLOWED, _) => (
            Kind::Conflict,
            format!(
                "Another reader has this consumer group to itself (it reads with an owner level, or epoch). Read with a \
                 group of your own: -c GROUP. {MAKE_GROUP}"
            ),
        ),
        _ => (
            Kind::Service,
            "Try again; if it stays so, look at the hub's health in the portal.".to_owned(),
        ),
    };
    Failure::new(kind, what(stage)).because(error).hint(hint)
}

fn unauthorized_hint(stage: &Stage) -> String {
    match stage {
        Stage::Hub | Stage::HubToken => {
            "The policy's name or key is not the hub's: copy the connection string again. If it is right, check this \
             machine's clock."
        }
        Stage::Redirect => {
            "The policy must have ServiceConnect, as `service` and `iothubowner` have. In the Azure portal: your IoT hub > \
             Security settings > Shared access policies."
        }
        Stage::Namespace
        | Stage::NamespaceToken
        | Stage::Management
        | Stage::Partition { .. }
        | Stage::Reading => {
            "The policy must have ServiceConnect (`service` and `iothubowner` have it), or Listen on an event hub of your \
             own; or its key is wrong, or this machine's clock is."
        }
    }
    .to_owned()
}

fn not_found_hint(stage: &Stage) -> String {
    match stage {
        Stage::Partition { consumer_group, .. } => format!(
            "There is no consumer group {consumer_group:?}, it seems. Leave -c out to read in $Default, or make it: in the \
             Azure portal your IoT hub > Hub settings > Built-in endpoints > Consumer groups, or `az iot hub consumer-group \
             create --hub-name HUB --name {consumer_group}`."
        ),
        Stage::Hub | Stage::HubToken | Stage::Redirect => {
            "Check HostName in the connection string.".to_owned()
        }
        Stage::Namespace | Stage::NamespaceToken | Stage::Management | Stage::Reading => {
            "Check EntityPath in the connection string: it is the Event Hub-compatible name."
                .to_owned()
        }
    }
}

fn limit_hint(stage: &Stage) -> String {
    match stage {
        Stage::Partition { consumer_group, .. } => format!(
            "Five readers at the most share a partition in one consumer group, and {consumer_group:?} has them. Read with a \
             group of your own, -c GROUP, or end another reader. {MAKE_GROUP}"
        ),
        Stage::Hub
        | Stage::HubToken
        | Stage::Redirect
        | Stage::Namespace
        | Stage::NamespaceToken
        | Stage::Management
        | Stage::Reading => {
            "A quota of the hub is used up; look at its metrics in the portal.".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::amqp::{PeerError, Scope};
    use crate::protocol::amqp::performative::AmqpError;

    fn detached(stage: Stage, condition: &str, description: &str) -> Failure {
        let error = PeerError::new(Scope::Link, Some(&AmqpError::new(condition, description)));
        StreamError::Failed {
            stage,
            source: Box::new(error).into(),
        }
        .into()
    }

    fn partition() -> Stage {
        Stage::Partition {
            id: "1".to_owned(),
            consumer_group: "mine".to_owned(),
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        for (stage, condition, kind, hint) in [
            (
                partition(),
                condition::NOT_FOUND,
                Kind::NotFound,
                "--name mine",
            ),
            (
                partition(),
                condition::RESOURCE_LIMIT_EXCEEDED,
                Kind::Throttled,
                "-c GROUP",
            ),
            (
                Stage::Redirect,
                condition::UNAUTHORIZED_ACCESS,
                Kind::Refused,
                "ServiceConnect",
            ),
            (
                Stage::Reading,
                condition::LINK_STOLEN,
                Kind::Conflict,
                "-c GROUP",
            ),
            (
                partition(),
                condition::INTERNAL_ERROR,
                Kind::Service,
                "Try again",
            ),
        ] {
            let failure = detached(stage, condition, "words");
            assert_eq!(failure.kind, kind, "{condition}");
            assert!(failure.hint.unwrap().contains(hint), "{condition}");
            assert!(failure.cause.unwrap().contains("words"));
        }
    }

    #[test]
    fn a_refused_token_is_told() {
        let error = StreamError::Failed {
            stage: Stage::HubToken,
            source: ConnectionError::Status {
                node: "$cbs",
                code: 401,
                condition: None,
                description: Some("Unauthorized".to_owned()),
            },
        };
        let failure = Failure::from(error);
        assert_eq!(failure.kind, Kind::Refused);
        assert_eq!(
            failure.cause.as_deref(),
            Some("$cbs answered 401: Unauthorized")
        );
    }

    #[test]
    fn the_hubs_own_code_is_kept() {
        let description =
            r#"{"errorCode":401002,"trackingId":"t-1","message":"Unauthorized access"}"#;
        let failure = detached(Stage::Redirect, condition::UNAUTHORIZED_ACCESS, description);
        assert_eq!(failure.code, Some(401_002));
        assert_eq!(failure.tracking_id.as_deref(), Some("t-1"));
        assert_eq!(failure.cause.as_deref(), Some("Unauthorized access"));
    }
}
