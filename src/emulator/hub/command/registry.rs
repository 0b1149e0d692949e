//! What is asked of the identity registry.

use super::BulkChange;
use crate::model::device::Identity;

/// What can be done to the identity registry.
#[derive(Debug, Clone)]
pub enum RegistryOperation {
    /// The reply is [`super::Reply::Identity`].
    Read {
        /// The device.
        device: String,
        /// The module, for a module's identity.
        module: Option<String>,
    },
    /// Creates, or with an `If-Match` replaces. The reply is [`super::Reply::Identity`].
    Write {
        /// The device, from the path.
        device: String,
        /// The module, from the path.
        module: Option<String>,
        /// The body.
        identity: Box<Identity>,
        /// `If-Match` without quotes: `*` or an etag.
        if_match: Option<String>,
    },
    /// The reply is [`super::Reply::Done`].
    Delete {
        /// The device.
        device: String,
        /// The module, for a module's identity.
        module: Option<String>,
        /// `If-Match` without quotes: `*` or an etag.
        if_match: Option<String>,
    },
    /// Many changes at once, each of which is carried out or refused. The reply is [`super::Reply::Bulk`].
    Bulk {
        /// The changes, in order.
        changes: Vec<BulkChange>,
    },
    /// The reply is [`super::Reply::Identities`].
    List {
        /// The most to return.
        top: usize,
    },
    /// A device's modules. The reply is [`super::Reply::Identities`].
    ListModules {
        /// The device.
        device: String,
    },
    /// The reply is [`super::Reply::Statistics`].
    Statistics,
}

impl RegistryOperation {
    /// Whether it may change what is to survive a restart.
    #[must_use]
    pub fn is_write(&self) -> bool {
        match self {
            Self::Write { .. } | Self::Delete { .. } | Self::Bulk { .. } => true,
            Self::Read { .. } | Self::List { .. } | Self::ListModules { .. } | Self::Statistics => {
                false
            }
        }
    }
}
