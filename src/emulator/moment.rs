//! The time, as a machine is told it.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// One moment on two clocks.
#[derive(Debug, Clone, Copy)]
pub(in crate::emulator) struct Moment {
    /// Since the connection began; never runs backwards. Silence is measured on it.
    pub(in crate::emulator) elapsed: Duration,
    /// The time of day. Tokens end by it.
    pub(in crate::emulator) utc: DateTime<Utc>,
}
