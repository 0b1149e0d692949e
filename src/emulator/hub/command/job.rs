//! What is asked of jobs.

pub use super::super::job::{JobRequest, Task};
use crate::emulator::query::Continuation;

/// What can be done about jobs. The reply is [`super::Reply::Json`], a job, unless another is named.
#[derive(Debug, Clone)]
pub enum JobOperation {
    /// Schedules one; it starts when its time comes.
    Create {
        /// Its id, from the path.
        id: String,
        /// The body.
        request: Box<JobRequest>,
    },
    /// Reads one.
    Read {
        /// Which.
        id: String,
    },
    /// Ends one; what it has done stays.
    Cancel {
        /// Which.
        id: String,
    },
    /// Lists those of a type and a status, where these are given. The reply is [`super::Reply::Page`].
    Query {
        /// Such as `scheduleUpdateTwin`, in any case.
        kind: Option<String>,
        /// Such as `completed`, in any case.
        status: Option<String>,
        /// The most to return.
        rows: usize,
        /// Where the page begins.
        place: Box<Continuation>,
    },
}

impl JobOperation {
    /// Whether it may change what is to survive a restart.
    pub(super) fn is_write(&self) -> bool {
        match self {
            Self::Create { .. } | Self::Cancel { .. } => true,
            Self::Read { .. } | Self::Query { .. } => false,
        }
    }
}
