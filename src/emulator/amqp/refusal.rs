//! How the two services word a no: JSON on IoT Hub, a sentence with tracking ids on Event Hubs.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::emulator::hub::command::{Refusal, Side};
use crate::emulator::tracker::Tracker;
use crate::protocol::amqp::performative::error::condition;
use crate::protocol::rest::error_body::ServiceError;
use crate::protocol::rest::error_code::{self, ErrorCode};

/// A condition and the text that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// A symbol.
    pub(super) condition: String,
    /// What went wrong.
    pub(super) description: String,
}

/// A no, before one of the services words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objection {
    condition: &'static str,
    code: ErrorCode,
    message: String,
}

impl From<Refusal> for Objection {
    fn from(refusal: Refusal) -> Self {
        Self {
            condition: refusal.condition,
            code: refusal.code,
            message: refusal.message,
        }
    }
}

impl Objection {
    /// No token opens this path.
    pub(super) fn unauthorized(side: Side, path: &str) -> Self {
        let message = match side {
            Side::Hub => "Unauthorized access".to_owned(),
            Side::Namespace => format!(
                "Unauthorized access. 'Listen' claim(s) are required to perform this operation. Resource: '{path}'."
            ),
        };
        Self {
            condition: condition::UNAUTHORIZED_ACCESS,
            code: error_code::IOT_HUB_UNAUTHORIZED_ACCESS,
            message,
        }
    }

    /// There is no such node.
    pub(super) fn not_found(side: Side, address: &str) -> Self {
        let message = match side {
            Side::Hub => {
                format!("The link address '{address}' did not match any of the expected formats.")
            }
            Side::Namespace => {
                format!("The messaging entity '{address}' could not be found.")
            }
        };
        Self {
            condition: condition::NOT_FOUND,
            code: error_code::AMQP_ADDRESS_NOT_FOUND,
            message,
        }
    }

    /// The services have this node, the emulator has not.
    pub(super) fn not_implemented(address: &str) -> Self {
        Self {
            condition: condition::NOT_IMPLEMENTED,
            code: error_code::INVALID_OPERATION,
            message: format!("The emulator does not serve '{address}' over AMQP."),
        }
    }

    /// Another link, or another connection, is in the place of this one. Java's SDK has met this text and condition, "Troubleshoot
    /// Azure IoT Hub error codes" the code.
    pub(super) fn conflict() -> Self {
        Self {
            condition: condition::INTERNAL_ERROR,
            code: error_code::LINK_CREATION_CONFLICT,
            message: "Another AMQP client has opened a link.".to_owned(),
        }
    }

    /// A batch is as large as a message may be.
    pub(super) fn too_large(size: usize, limit: usize) -> Self {
        Self {
            condition: condition::MESSAGE_SIZE_EXCEEDED,
            code: error_code::MESSAGE_TOO_LARGE,
            message: format!("The batch has {size} bytes, and the limit is {limit}."),
        }
    }

    /// The request itself is wrong.
    pub(super) fn argument(message: String) -> Self {
        Self {
            condition: condition::ARGUMENT_ERROR,
            code: error_code::ARGUMENT_INVALID,
            message,
        }
    }

    /// As one of the services says it.
    pub(super) fn worded(self, side: Side, tracker: &mut Tracker, now: DateTime<Utc>) -> Fault {
        let id = tracker.next_id();
        let timestamp = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let description = match side {
            Side::Hub => ServiceError::write_flat(self.code, &self.message, &id, &timestamp),
            Side::Namespace => format!(
                "{} TrackingId:{id}, SystemTracker:gateway5, Timestamp:{}",
                self.message,
                now.format("%Y-%m-%dT%H:%M:%S")
            ),
        };
        Fault {
            condition: self.condition.to_owned(),
            description,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_own_words() {
        let mut tracker = Tracker::new(7);
        let objection = Objection::unauthorized(Side::Hub, "messages/events");
        let fault = objection.worded(Side::Hub, &mut tracker, DateTime::UNIX_EPOCH);
        let error = ServiceError::parse(None, fault.description.as_bytes());
        assert_eq!(
            (error.code, error.message.as_str()),
            (Some(401_002), "Unauthorized access")
        );
        assert_eq!(fault.condition, "amqp:unauthorized-access");
        let objection = Objection::not_found(Side::Namespace, "sb://ns/x");
        let fault = objection.worded(Side::Namespace, &mut tracker, DateTime::UNIX_EPOCH);
        assert_eq!(
            fault.description,
            "The messaging entity 'sb://ns/x' could not be found. \
             TrackingId:00000000000000000000000000000007-G:2, SystemTracker:gateway5, Timestamp:1970-01-01T00:00:00"
        );
    }
}
