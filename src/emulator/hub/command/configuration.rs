//! What is asked of configurations.

use std::collections::BTreeMap;

use crate::model::configuration::{Content, Draft};

/// What can be done about configurations, by the service's side alone.
#[derive(Debug, Clone)]
pub enum ConfigurationOperation {
    /// The reply is [`super::Reply::Configuration`].
    Read {
        /// Which.
        id: String,
    },
    /// The reply is [`super::Reply::Json`], an array.
    List {
        /// The most to return.
        top: usize,
    },
    /// Makes one, or with `if_match` changes it; twins that another one wins by that are changed. The reply is
    /// [`super::Reply::Configuration`].
    Write {
        /// Which.
        id: String,
        /// The body.
        draft: Box<Draft>,
        /// `If-Match` without quotes: `*` or an etag.
        if_match: Option<String>,
    },
    /// Twins keep what they were given, but for what the next one gives them. The reply is [`super::Reply::Done`].
    Delete {
        /// Which.
        id: String,
        /// `If-Match` without quotes: `*` or an etag.
        if_match: Option<String>,
    },
    /// Whether a condition and metrics can be asked. The reply is [`super::Reply::Json`].
    Test {
        /// Which twins would be meant.
        condition: Option<String>,
        /// Queries by their names.
        metrics: BTreeMap<String, String>,
    },
    /// Gives content to one device and its modules, once. The reply is [`super::Reply::Done`].
    Apply {
        /// The device.
        device: String,
        /// What they are to be given.
        content: Box<Content>,
    },
}

impl ConfigurationOperation {
    /// Whether it may change what is to survive a restart.
    pub(super) fn is_write(&self) -> bool {
        match self {
            Self::Write { .. } | Self::Delete { .. } | Self::Apply { .. } => true,
            Self::Read { .. } | Self::List { .. } | Self::Test { .. } => false,
        }
    }
}
