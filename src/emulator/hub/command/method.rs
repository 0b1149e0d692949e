//! What is asked of direct methods. The hub has no clock: how long a call may wait, for the device to come and for its
//! answer, is for the caller to measure, who then takes it back with [`MethodOperation::Cancel`].

use bytes::Bytes;

use super::ListenerId;
use crate::model::device::IdentityId;

/// The number of a call, unique while the hub lives; `$rid` of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// What can be done about direct methods.
#[derive(Debug, Clone)]
pub enum MethodOperation {
    /// Calls a method of a device or module that listens for them. The reply is [`super::Reply::Call`].
    Invoke {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// Who is told of what becomes of it.
        caller: ListenerId,
        /// Whose method.
        identity: IdentityId,
        /// The method's name.
        name: String,
        /// JSON, as the device is to get it.
        payload: String,
        /// Whether the call may wait for the device; otherwise one that is not there is a refusal.
        waits: bool,
    },
    /// A device answers; the caller hears [`super::Notice::Answered`]. An answer that nobody waits for any more is dropped.
    /// The reply is [`super::Reply::Done`].
    Respond {
        /// The session of the device or module.
        session: ListenerId,
        /// Which call.
        call: CallId,
        /// The device's own status; or what is wrong with the answer, told to the caller behind "The device's answer".
        status: Result<i32, &'static str>,
        /// JSON, or nothing.
        payload: Bytes,
    },
    /// A caller waits no longer, for whatever it called. The reply is [`super::Reply::Done`].
    Cancel {
        /// Who called.
        caller: ListenerId,
    },
}
