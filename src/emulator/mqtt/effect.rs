//! What a machine wants done, and where the answer belongs.

use super::subscriptions::Subscriptions;
use crate::emulator::hub::command::{Command, Credential};
use crate::model::device::IdentityId;
use crate::protocol::mqtt::packet::Packet;

/// Something to be done outside the machine. One is carried out, and answered, after another.
#[derive(Debug)]
pub(super) enum Effect {
    /// A device or module wants to be let in: it needs a number of the driver, and then the hub's word.
    Open(Opening),
    /// A command for the hub; its answer goes back with the origin.
    Ask {
        /// Where the answer belongs.
        origin: Origin,
        /// What is asked.
        command: Command,
    },
    /// What a client that comes back has subscribed to.
    Remember(IdentityId, Subscriptions),
    /// A client will not come back.
    Forget(IdentityId),
}

/// Who wants to be let in.
#[derive(Debug)]
pub(super) struct Opening {
    /// Who it is.
    pub(super) identity: IdentityId,
    /// What it proves itself with.
    pub(super) credential: Credential,
    /// Whether what was known of it is to be forgotten.
    pub(super) starts_anew: bool,
}

/// Where the answer to a command belongs.
#[derive(Debug)]
pub(super) struct Origin {
    /// What it took up while it waited, in bytes.
    pub(super) bytes: usize,
    /// The packet identifiers to acknowledge once there is an answer, in order.
    pub(super) acknowledge: Vec<u16>,
    /// What follows from it beside that.
    pub(super) sequel: Sequel,
}

/// What follows from the answer to a command.
#[derive(Debug)]
pub(super) enum Sequel {
    /// Nothing, whatever it is.
    Nothing,
    /// The end of the connection, if it is a refusal.
    EndIfRefused,
    /// It is told to the client under this number of a request on its twin.
    Twin(String),
    /// Messages from the cloud are given to the client.
    Messages,
    /// The client is told this.
    Packet(Box<Packet>),
}
