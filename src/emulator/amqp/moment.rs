//! The time, as a machine is told it.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// One moment on two clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Since the connection began; never runs backwards. Silence is measured on it.
    pub(super) elapsed: Duration,
    /// The time of day. Tokens end by it.
    pub(super) utc: DateTime<Utc>,
}
