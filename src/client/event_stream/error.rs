//! What ends the stream.

use std::fmt;

use thiserror::Error;

use crate::client::amqp::{ConnectionError, PeerError};
use crate::protocol::amqp::filter::Position;
use crate::protocol::sas::KeyError;

/// How far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Connecting to the hub.
    Hub,
    /// Putting the token there.
    HubToken,
    /// Asking it for its event hub.
    Redirect,
    /// Connecting to the namespace.
    Namespace,
    /// Putting the token there.
    NamespaceToken,
    /// Asking it for its partitions.
    Management,
    /// Attaching to a partition, or reading it.
    Partition {
        /// Its id.
        id: String,
        /// The consumer group.
        consumer_group: String,
    },
    /// With links attached.
    Reading,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub => f.write_str("connecting to the hub"),
            Self::HubToken => f.write_str("opening the hub with a token"),
            Self::Redirect => f.write_str("asking the hub for its event hub"),
            Self::Namespace => f.write_str("connecting to the event hub"),
            Self::NamespaceToken => f.write_str("opening the event hub with a token"),
            Self::Management => f.write_str("asking the event hub for its partitions"),
            Self::Partition { id, .. } => write!(f, "reading partition {id}"),
            Self::Reading => f.write_str("reading"),
        }
    }
}

/// Why the stream ended without being asked to.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The key cannot sign.
    #[error("the policy's key cannot sign: {source}")]
    Key {
        /// Why.
        #[source]
        source: KeyError,
    },
    /// The service or the way to it.
    #[error("{stage}: {source}")]
    Failed {
        /// How far it came.
        stage: Stage,
        /// Why no further.
        #[source]
        source: ConnectionError,
    },
    /// The service knows no such place to begin at.
    #[error("{source}")]
    NoSuchPlace {
        /// Where it was to begin, an offset or a sequence number.
        place: Position,
        /// The partition's id.
        partition: String,
        /// The service's words.
        #[source]
        source: Box<PeerError>,
    },
    /// A partition was asked for that is not there.
    #[error("there is no partition {asked:?}; there are {}", known.join(", "))]
    NoSuchPartition {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
}

/// Says at which stage an error came up.
pub trait At<T> {
    /// The result with its stage.
    ///
    /// # Errors
    /// [`StreamError::Failed`].
    fn at(self, stage: Stage) -> Result<T, StreamError>;
}

impl<T> At<T> for Result<T, ConnectionError> {
    fn at(self, stage: Stage) -> Result<T, StreamError> {
        self.map_err(|source| StreamError::Failed { stage, source })
    }
}
