//! What is asked of jobs.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::model::twin::TwinChange;

/// What can be done about jobs. The reply is [`super::Reply::Json`]: a job, or an array of them.
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
    /// Lists those of a type and a status, where these are given.
    Query {
        /// Such as `scheduleUpdateTwin`, in any case.
        kind: Option<String>,
        /// Such as `completed`, in any case.
        status: Option<String>,
    },
}

impl JobOperation {
    /// Whether it may change what is to survive a restart; jobs themselves do not.
    pub(super) fn is_write(&self) -> bool {
        match self {
            Self::Create { .. } | Self::Cancel { .. } => true,
            Self::Read { .. } | Self::Query { .. } => false,
        }
    }
}

/// A job to be.
#[derive(Debug, Clone)]
pub struct JobRequest {
    /// Whose twins or methods: `*`, a condition, or `FROM devices.modules WHERE` and one.
    pub condition: String,
    /// When it starts; at once where that is left out.
    pub start: Option<DateTime<Utc>>,
    /// How many seconds it may take.
    pub max_seconds: u32,
    /// What is done.
    pub task: Task,
    /// The same as it was sent, to be shown.
    pub shown: Value,
}

/// What a job does with each device.
#[derive(Debug, Clone)]
pub enum Task {
    /// `scheduleUpdateTwin`
    UpdateTwin {
        /// What is to change.
        change: Box<TwinChange>,
        /// The twin's `ETag`, or `*`.
        if_match: Option<String>,
    },
    /// `scheduleDeviceMethod`
    Method {
        /// The method's name.
        name: String,
        /// JSON, as the device is to get it.
        payload: String,
        /// How many seconds to wait for the device to connect.
        connect: u32,
        /// How many for its answer.
        response: u32,
    },
}

impl Task {
    /// The type's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::UpdateTwin { .. } => "scheduleUpdateTwin",
            Self::Method { .. } => "scheduleDeviceMethod",
        }
    }
}
