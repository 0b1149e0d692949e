//! What goes wrong in the hub itself, on purpose.

use chrono::TimeDelta;

use crate::model::glob::Glob;

/// What whoever runs the hub changes while it runs. The reply is [`super::Reply::Done`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adjustment {
    /// Tokens end so long before their time; those that were shown before as well.
    ShortenTokens(TimeDelta),
    /// So many messages a day, of 4 KB each, and no more; `None` for as many as come.
    Quota(Option<u64>),
    /// The messages of this day are used up.
    FillQuota,
    /// None of the messages of this day is.
    EmptyQuota,
    /// The tokens that devices have shown so far open nothing any more; later ones do.
    EndTokens {
        /// Of these devices and their modules; of all where nothing is named.
        device: Option<Glob>,
    },
}
