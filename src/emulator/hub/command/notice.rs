//! What the hub tells without being asked.

use serde_json::Value;

use super::{CallId, Refusal};

/// What happens to a reader, to a connected device or to who called its method, without its asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// There is something to read again; to a watcher, that something has changed.
    Available,
    /// There is a message to take again.
    Message,
    /// Another reader with a higher owner level has taken the partition: detach with this condition and text.
    Detached(Refusal),
    /// The device or module has connected anew; this connection is to be closed.
    Superseded,
    /// The device or module was deleted or disabled; its connection is to be closed.
    Dismissed(Refusal),
    /// Desired properties have changed.
    Desired {
        /// Their `$version` now.
        version: u64,
        /// The patch that leads there, with that `$version`.
        patch: Value,
    },
    /// A method is called; [`super::MethodOperation::Respond`] answers.
    Call {
        /// The call's number.
        call: CallId,
        /// The method's name.
        name: String,
        /// JSON.
        payload: String,
    },
    /// A call that had to wait is with the device now.
    Delivered(CallId),
    /// The device has answered a call.
    Answered {
        /// The call's number.
        call: CallId,
        /// The device's own status.
        status: i32,
        /// JSON; the refusal for an answer that cannot be passed on.
        payload: Result<String, Refusal>,
    },
}
