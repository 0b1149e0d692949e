//! What is asked of twins.

use serde_json::Value;

use super::ListenerId;
use crate::emulator::query::Search;
use crate::model::device::IdentityId;
use crate::model::twin::TwinChange;

/// What can be done to twins, by the service's side with a token, and by a connected device or module itself.
#[derive(Debug, Clone)]
pub enum TwinOperation {
    /// The reply is [`super::Reply::Twin`].
    Read {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// Whose.
        identity: IdentityId,
    },
    /// Changes tags and desired properties; who listens is told with [`super::Notice::Desired`]. The reply is
    /// [`super::Reply::Twin`], as it is then.
    Change {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// Whose.
        identity: IdentityId,
        /// What is to change.
        change: Box<TwinChange>,
        /// `If-Match` without quotes: `*` or an etag.
        if_match: Option<String>,
    },
    /// Goes on with a query for a while; to be asked again until it is done. The reply is [`super::Reply::Search`].
    Query {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// The query, as far as it has come.
        search: Box<Search>,
    },
    /// The reply is [`super::Reply::OwnTwin`].
    ReadOwn {
        /// The session of the device or module.
        session: ListenerId,
    },
    /// Changes the reported properties. The reply is [`super::Reply::Reported`].
    Report {
        /// The session of the device or module.
        session: ListenerId,
        /// A JSON object; members that are null are removed.
        patch: Value,
    },
}

impl TwinOperation {
    /// Whether it may change what is to survive a restart.
    pub(super) fn is_write(&self) -> bool {
        match self {
            Self::Change { .. } | Self::Report { .. } => true,
            Self::Read { .. } | Self::Query { .. } | Self::ReadOwn { .. } => false,
        }
    }
}
