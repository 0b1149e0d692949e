//! Those who hear notices.

/// The number of someone who hears notices, a reader of events or a connected device; unique while the hub lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u64);
