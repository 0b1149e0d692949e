//! What a machine wants of the hub, and where the answer belongs.

use crate::emulator::hub::command::{Command, ListenerId, Outcome};
use crate::model::secret::Secret;

/// Something to be done outside the machine. Each is carried out, and answered, before the next frame is fed in.
#[derive(Debug)]
pub(super) enum Effect {
    /// A command for the hub; its answer goes back with the origin.
    Ask {
        /// Where the answer belongs.
        origin: Origin,
        /// What is asked.
        command: Command,
    },
    /// A new reader or session is wanted of the driver, for this link.
    Register(LinkKey),
}

/// A link, by the numbers that both sides use for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkKey {
    /// The session's channel.
    pub(super) channel: u16,
    /// The link's handle.
    pub(super) handle: u32,
}

/// Where an answer belongs.
#[derive(Debug)]
pub(super) enum Origin {
    /// The security layer's PLAIN, and what was shown.
    Login(Secret),
    /// A put-token request, and the token.
    PutToken(Box<ReplyTo>, Secret),
    /// A READ of the event hub or of one of its partitions.
    Management(ReplyTo),
    /// A reader that is being opened.
    OpenReader(LinkKey),
    /// What a reader tells about its partition beside the events.
    Metrics(LinkKey),
    /// Events for a reader.
    Read(LinkKey),
    /// A device or module that is to be let in, for its first link.
    OpenSession(LinkKey, ListenerId),
    /// A message for a device, or of one.
    Sent {
        /// The link on which it came.
        key: LinkKey,
        /// The delivery's number.
        delivery: u32,
        /// Whether the peer wants to hear no more of it.
        is_settled: bool,
    },
    /// Messages for an outlet.
    Taken(LinkKey),
    /// What the peer says of a message.
    Settled {
        /// The session on which it was sent.
        channel: u16,
        /// The delivery's number.
        delivery: u32,
        /// What has become of it.
        outcome: Outcome,
        /// Whether the peer wants to hear no more of it.
        is_settled: bool,
    },
    /// A request on a twin.
    Twin {
        /// The session of the device or module.
        session: ListenerId,
        /// The request's correlation id, encoded: it goes back with its own type.
        correlation_id: Vec<u8>,
    },
    /// Nobody waits for it.
    Nobody,
}

/// One of the two nodes that answer requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestNode {
    /// `$cbs`.
    Cbs,
    /// `$management`, of the namespace or of an entity.
    Management,
}

/// Where the response to a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReplyTo {
    /// The session on which it came.
    pub(super) channel: u16,
    /// The node that was asked.
    pub(super) node: RequestNode,
    /// The address that the request named.
    pub(super) address: Option<String>,
    /// The request's message id, encoded: it goes back with its own type.
    pub(super) correlation_id: Vec<u8>,
}
