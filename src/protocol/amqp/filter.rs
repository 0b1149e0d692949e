//! Where a reader begins.

/// Where a reader begins in its partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// With the oldest event.
    Earliest,
    /// With what comes next.
    Latest,
}
