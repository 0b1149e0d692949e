//! A job as it is asked for, kept and shown: the whole, and its work with each device.
//!
//! Source: learn.microsoft.com, "Schedule jobs on multiple devices".

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::device::IdentityId;
use crate::model::twin::TwinChange;

/// A job to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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

/// How far a job, or its work with one device, has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JobStatus {
    /// It has been taken, or its time has come.
    Queued,
    /// The same, as jobs that import and export say it.
    Enqueued,
    /// Its time has not come.
    Scheduled,
    /// Nothing has been done with this device.
    Pending,
    /// It is under way.
    Running,
    /// It has been done.
    Completed,
    /// It could not be done.
    Failed,
    /// Somebody has ended it.
    Cancelled,
}

impl JobStatus {
    /// The service's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Enqueued => "enqueued",
            Self::Scheduled => "scheduled",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A job, but for its work with each device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobFacts {
    /// Its id.
    pub id: String,
    /// What was asked for.
    pub request: JobRequest,
    /// When that was.
    pub created: DateTime<Utc>,
    /// When it is to start.
    pub start: DateTime<Utc>,
    /// When it did.
    pub begun: Option<DateTime<Utc>>,
    /// When it was over.
    pub ended: Option<DateTime<Utc>>,
    /// How far it has come.
    pub status: JobStatus,
    /// Why it has failed.
    pub failure: Option<String>,
}

/// The work with one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRow {
    /// How far it has come.
    pub status: JobStatus,
    /// When it was found to be one of those that are meant.
    pub created: DateTime<Utc>,
    /// When it last came further.
    pub updated: DateTime<Utc>,
    /// When it was over.
    pub ended: Option<DateTime<Utc>>,
    /// The method's answer.
    pub outcome: Option<Value>,
    /// The number and the words of a refusal.
    pub error: Option<(u32, String)>,
}

impl JobRow {
    /// Nothing has been done.
    pub(in crate::emulator) fn pending(now: DateTime<Utc>) -> Self {
        Self {
            status: JobStatus::Pending,
            created: now,
            updated: now,
            ended: None,
            outcome: None,
            error: None,
        }
    }

    /// As queries see it.
    pub(super) fn document(&self, job: &JobFacts, identity: &IdentityId) -> Value {
        let mut document = json!({
            "deviceId": identity.device,
            "jobId": job.id,
            "jobType": job.request.task.name(),
            "status": self.status.name(),
            "startTimeUtc": time(job.start),
            "endTimeUtc": self.ended.map(time),
            "createdDateTimeUtc": time(self.created),
            "lastUpdatedDateTimeUtc": time(self.updated),
        });
        if let Some(module) = &identity.module {
            document["moduleId"] = module.as_str().into();
        }
        if let Some(answer) = &self.outcome {
            document["outcome"] = json!({ "deviceMethodResponse": answer });
        }
        if let Some((code, description)) = &self.error {
            document["error"] = json!({ "code": code.to_string(), "description": description });
        }
        document
    }
}

impl JobFacts {
    /// A job that is made at the time `now`.
    pub(in crate::emulator) fn new(now: DateTime<Utc>, id: String, request: JobRequest) -> Self {
        let start = request.start.unwrap_or(now);
        Self {
            id,
            created: now,
            start,
            begun: None,
            ended: None,
            status: JobStatus::Queued,
            failure: None,
            request,
        }
    }

    /// As the service shows it, with its work with devices counted.
    pub(super) fn to_json<'r>(&self, rows: &(impl Iterator<Item = &'r JobRow> + Clone)) -> Value {
        let count = |status: JobStatus| rows.clone().filter(|row| row.status == status).count();
        let mut shown = json!({
            "jobId": self.id,
            "queryCondition": self.request.condition,
            "createdTime": time(self.created),
            "startTime": time(self.start),
            "endTime": self.ended.map(time),
            "maxExecutionTimeInSeconds": self.request.max_seconds,
            "type": self.request.task.name(),
            "status": self.status.name(),
            "failureReason": self.failure,
            "deviceJobStatistics": {
                "deviceCount": rows.clone().count(),
                "failedCount": count(JobStatus::Failed),
                "succeededCount": count(JobStatus::Completed),
                "runningCount": count(JobStatus::Running),
                "pendingCount": count(JobStatus::Pending),
            },
        });
        if let (Some(members), Some(sent)) = (shown.as_object_mut(), self.request.shown.as_object())
        {
            members.extend(sent.clone());
        }
        shown
    }
}

fn time(time: DateTime<Utc>) -> String {
    format!("{}0Z", time.format("%Y-%m-%dT%H:%M:%S%.6f"))
}
