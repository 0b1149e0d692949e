//! Jobs: what is done with many devices, when, and what became of it with each. Gone when the hub ends.
//!
//! Source: learn.microsoft.com, "Schedule jobs on multiple devices".

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::command::{CallId, JobRequest, Refusal};
use crate::emulator::query::Target;
use crate::model::device::IdentityId;

/// The most methods that a job calls at a time, so that others can call theirs.
const MAX_CALLS: usize = 100;

/// How far a job, or its work with one device, has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Queued,
    Scheduled,
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The work with one device.
#[derive(Debug)]
pub(super) struct Row {
    pub status: Status,
    created: DateTime<Utc>,
    updated: DateTime<Utc>,
    ended: Option<DateTime<Utc>>,
    /// The method's answer.
    outcome: Option<Value>,
    error: Option<Refusal>,
}

#[derive(Debug)]
pub(super) struct Job {
    pub id: String,
    pub request: JobRequest,
    pub target: Target,
    created: DateTime<Utc>,
    pub start: DateTime<Utc>,
    ended: Option<DateTime<Utc>>,
    pub status: Status,
    failure: Option<&'static str>,
    /// Nothing has been done with these.
    pub pending: VecDeque<IdentityId>,
    pub rows: BTreeMap<IdentityId, Row>,
    /// Methods that have not been answered, and how long they may take.
    pub calls: BTreeMap<CallId, (IdentityId, DateTime<Utc>)>,
}

/// All jobs, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub all: Vec<Job>,
}

impl Jobs {
    pub(super) fn find(&self, id: &str) -> Option<&Job> {
        self.all.iter().find(|job| job.id == id)
    }

    /// The earliest that something happens by itself.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        self.all.iter().filter_map(Job::due).min()
    }

    /// The job that a call belongs to.
    pub(super) fn of_call(&mut self, call: CallId) -> Option<&mut Job> {
        self.all
            .iter_mut()
            .find(|job| job.calls.contains_key(&call))
    }

    /// All work with devices, as queries see it, in the order of devices and of jobs' ids.
    pub(super) fn documents(&self) -> BTreeMap<IdentityId, Value> {
        let of_job = |job: &Job| {
            let rows = job.rows.iter();
            rows.map(|(identity, row)| {
                let key = IdentityId {
                    device: identity.device.clone(),
                    module: Some(match &identity.module {
                        None => job.id.clone(),
                        Some(module) => format!("{module}/{}", job.id),
                    }),
                };
                (key, row.document(job, identity))
            })
            .collect::<Vec<_>>()
        };
        self.all.iter().flat_map(of_job).collect()
    }
}

impl Job {
    pub(super) fn new(now: DateTime<Utc>, id: String, target: Target, request: JobRequest) -> Self {
        let start = request.start.unwrap_or(now);
        Self {
            id,
            target,
            created: now,
            start,
            ended: None,
            status: Status::Queued,
            failure: None,
            pending: VecDeque::new(),
            rows: BTreeMap::new(),
            calls: BTreeMap::new(),
            request,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    pub(super) fn has_begun(&self) -> bool {
        self.status == Status::Running
    }

    /// When it has to have ended.
    pub(super) fn limit(&self) -> DateTime<Utc> {
        let limit = TimeDelta::seconds(self.request.max_seconds.into());
        // One that was to start before it was made starts when it was made.
        let start = self.start.max(self.created);
        start.checked_add_signed(limit).unwrap_or(start)
    }

    fn due(&self) -> Option<DateTime<Utc>> {
        if self.is_over() {
            return None;
        }
        if !self.has_begun() || self.may_go_on() {
            return Some(self.start);
        }
        let calls = self.calls.values().map(|(_, limit)| *limit);
        calls.chain([self.limit()]).min()
    }

    /// Whether there is a device to work with, and room for one more method that waits.
    pub(super) fn may_go_on(&self) -> bool {
        !self.pending.is_empty() && self.calls.len() < MAX_CALLS
    }

    /// Notes that it has been taken, and waits for its time if that has not come.
    pub(super) fn wait(&mut self, now: DateTime<Utc>) {
        if self.start > now {
            self.status = Status::Scheduled;
        }
    }

    /// Begins with those that the condition means.
    pub(super) fn begin(&mut self, now: DateTime<Utc>, meant: Vec<IdentityId>) {
        self.status = Status::Running;
        let row = || Row {
            status: Status::Pending,
            created: now,
            updated: now,
            ended: None,
            outcome: None,
            error: None,
        };
        self.rows = meant.iter().map(|id| (id.clone(), row())).collect();
        self.pending = meant.into();
    }

    /// The work with one device is over: with an answer, with none, or refused.
    pub(super) fn settle(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        outcome: Result<Option<Value>, Refusal>,
    ) {
        let Some(row) = self.rows.get_mut(identity) else {
            return;
        };
        (row.updated, row.ended) = (now, Some(now));
        match outcome {
            Ok(outcome) => (row.status, row.outcome) = (Status::Completed, outcome),
            Err(refusal) => (row.status, row.error) = (Status::Failed, Some(refusal)),
        }
    }

    pub(super) fn run(&mut self, now: DateTime<Utc>, identity: &IdentityId) {
        if let Some(row) = self.rows.get_mut(identity) {
            (row.status, row.updated) = (Status::Running, now);
        }
    }

    /// Ends, with what has not been done left undone. Returns the calls that nobody waits for any more.
    pub(super) fn end(
        &mut self,
        now: DateTime<Utc>,
        status: Status,
        failure: Option<&'static str>,
    ) -> Vec<CallId> {
        (self.status, self.failure, self.ended) = (status, failure, Some(now));
        self.pending.clear();
        for row in self.rows.values_mut().filter(|row| row.ended.is_none()) {
            (row.status, row.updated, row.ended) = (status, now, Some(now));
        }
        std::mem::take(&mut self.calls).into_keys().collect()
    }

    /// As the service shows it.
    pub(super) fn to_json(&self) -> Value {
        let count = |status: Status| {
            let rows = self.rows.values();
            rows.filter(|row| row.status == status).count()
        };
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
                "deviceCount": self.rows.len(),
                "failedCount": count(Status::Failed),
                "succeededCount": count(Status::Completed),
                "runningCount": count(Status::Running),
                "pendingCount": count(Status::Pending),
            },
        });
        if let (Some(members), Some(sent)) = (shown.as_object_mut(), self.request.shown.as_object())
        {
            members.extend(sent.clone());
        }
        shown
    }
}

impl Row {
    fn document(&self, job: &Job, identity: &IdentityId) -> Value {
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
        if let Some(error) = &self.error {
            document["error"] =
                json!({ "code": error.code.number.to_string(), "description": error.message });
        }
        document
    }
}

fn time(time: DateTime<Utc>) -> String {
    format!("{}0Z", time.format("%Y-%m-%dT%H:%M:%S%.6f"))
}
