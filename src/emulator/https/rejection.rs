//! Every way in which a request fails.

use std::time::Duration;

use serde_json::Value;

use super::super::hub::command::Refusal;

/// Why a request does not come as far as the hub, or comes back from there.
#[derive(Debug)]
pub(super) enum Rejection {
    /// No such path.
    NoResource,
    /// A WebSocket's path, and no wish for one that is spoken there.
    NoWebSocket,
    /// A WebSocket of a version that is not spoken.
    WebSocketVersion,
    /// The path knows no such method; these are the ones it knows.
    Method { allowed: &'static str },
    /// No api-version, or one that never was.
    Version,
    /// A body that cannot be read.
    Argument { message: String },
    /// A body beyond its limit, in bytes.
    TooLarge { size: usize, limit: usize },
    /// The body did not come in time.
    TimedOut,
    /// The connection broke inside the body.
    Broken,
    /// Too much at once, as a fault has it.
    Throttled { retry_after: Duration },
    /// The service is not there, as a fault has it.
    Unavailable,
    /// The hub says no.
    Refused(Refusal),
    /// A method cannot be called, or has not been answered; or a file cannot be uploaded.
    Call {
        /// Why.
        refusal: Refusal,
        /// JSON that goes with it.
        info: Value,
    },
    /// The hub said something else than was asked for.
    Unanswered,
}

impl Rejection {
    /// What was sent cannot be read, or asks for what there is not.
    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self::Argument {
            message: message.into(),
        }
    }

    /// In the form that methods and files have for it; tokens are refused as everywhere.
    pub(super) fn nested(refusal: Refusal) -> Self {
        if refusal.code.http_status() == 401 {
            return Self::Refused(refusal);
        }
        let info = Value::Null;
        Self::Call { refusal, info }
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
