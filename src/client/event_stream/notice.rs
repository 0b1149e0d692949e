//! What happens on the way, for whoever wants to tell the user.

use std::time::Duration;

use crate::model::identifier::SequenceNumber;

/// By which way a connection goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// To AMQP's own port.
    Direct,
    /// Over WebSocket.
    WebSocket,
    /// Over WebSocket through a proxy: its host and port.
    Proxy(String),
}

/// Something that happened on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// There is a connection, and it is opened by a token.
    Connected {
        /// To whom.
        host: String,
        /// On which port.
        port: u16,
        /// By which way.
        way: Way,
    },
    /// The hub says where its event hub is.
    Redirected {
        /// The namespace.
        host: String,
        /// Its port.
        port: u16,
        /// The event hub.
        entity: String,
    },
    /// Every partition that was asked for is being read, or has been refused for now.
    Attached {
        /// How many are being read.
        partitions: usize,
        /// How many were asked for.
        of: usize,
        /// In which consumer group.
        consumer_group: String,
    },
    /// The connection is gone, or could not be made again.
    ConnectionLost {
        /// Why.
        reason: String,
        /// How long until the next try.
        retry_in: Duration,
    },
    /// One partition's link is gone.
    LinkLost {
        /// The partition's id.
        partition: String,
        /// Why.
        reason: String,
        /// How long until the next try.
        retry_in: Duration,
    },
    /// One partition is being read again.
    LinkMended {
        /// The partition's id.
        partition: String,
        /// After which event, if there was one.
        after: Option<SequenceNumber>,
    },
    /// These partitions' logs are others than those that were read: the hub was made anew. They are read from their
    /// beginning.
    StartedOver {
        /// The partitions' ids.
        partitions: Vec<String>,
    },
    /// Events that were not read yet are kept no longer.
    Gone {
        /// The partition's id.
        partition: String,
        /// How many.
        count: u64,
    },
    /// The numbers of events jumped: those in between did not come, and never will.
    Missing {
        /// The partition's id.
        partition: String,
        /// How many since this was told last.
        count: u64,
        /// What was read last when it was noticed.
        last: Option<SequenceNumber>,
    },
    /// The token was put anew ahead of its expiry.
    TokenRenewed,
    /// The token could not be put anew; it is tried again.
    TokenRefused {
        /// Why.
        reason: String,
        /// How long until the next try.
        retry_in: Duration,
    },
    /// Something came that is no event, and was passed over.
    Unreadable {
        /// The partition's id.
        partition: String,
        /// Why it is none.
        reason: String,
    },
}
