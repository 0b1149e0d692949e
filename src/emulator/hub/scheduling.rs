//! What is asked of jobs, and how they go on as time passes.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::command::{
    CallId, Door, JobOperation, JobRequest, ListenerId, Notice, Refusal, Reply, Task,
};
use super::job::JobStatus;
use super::jobs::{Job, Ledger};
use super::options::Right;
use super::{Hub, Outcome, refusal};
use crate::emulator::query::{ItemType, Target};
use crate::model::device::IdentityId;

/// The most jobs that are known; the oldest that are over are forgotten first.
const MAX_JOBS: usize = 1000;

/// The most characters of a job's id. That the service takes no others than these, and no job that is further away than
/// this: terraform-provider-iothub, `scheduled_job.go`.
const MAX_ID: usize = 64;
const FURTHEST: TimeDelta = TimeDelta::hours(168);

/// How many devices are worked on before others have their turn.
const TURN: usize = 500;

type Notices = Vec<(ListenerId, Notice)>;

impl Hub {
    /// Carries out what is asked of jobs. "Schedule and broadcast jobs" has it that the registry's rights are needed.
    pub(super) fn work_on_job(
        &mut self,
        now: DateTime<Utc>,
        token: Option<&str>,
        operation: JobOperation,
    ) -> Outcome {
        let door = match &operation {
            JobOperation::Create { id, .. } | JobOperation::Cancel { id } => {
                Door::job(id, Right::RegistryWrite)
            }
            JobOperation::Read { id } => Door::job(id, Right::RegistryRead),
            JobOperation::Query { .. } => Door::jobs(),
        };
        self.open(now, token, &door)?;
        let found = match operation {
            JobOperation::Create { id, request } => self.schedule(now, id, *request)?,
            JobOperation::Read { id } => {
                let job = self.jobs.find(&id);
                job.map_or_else(|| unknown(&id), Job::to_json)
            }
            JobOperation::Cancel { id } => {
                let mut all = self.jobs.all.iter_mut();
                let job = all.find(|job| job.facts.id == id);
                let job = job.ok_or_else(|| refusal::job_not_found(&id))?;
                if !job.is_over() {
                    let ledger = &mut self.jobs.ledger;
                    let calls = job.end(now, JobStatus::Cancelled, None, ledger);
                    self.methods.forget(&calls);
                }
                let job = self.jobs.find(&id);
                job.map(Job::to_json).unwrap_or_default()
            }
            JobOperation::Query {
                kind,
                status,
                rows,
                place,
            } => {
                let is = |wanted: &Option<String>, name: &str| {
                    let wanted = wanted.as_deref();
                    wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name))
                };
                let meant = self.jobs.all.iter().filter(|job| {
                    let facts = &job.facts;
                    is(&kind, facts.request.task.name()) && is(&status, facts.status.name())
                });
                let meant = meant.map(|job| (job.facts.id.as_str(), job)).collect();
                let page = place.page(ItemType::JobResponse, rows, meant, Job::to_json);
                return Ok((Reply::Page(page), Vec::new()));
            }
        };
        Ok((Reply::Json(found), Vec::new()))
    }

    fn schedule(
        &mut self,
        now: DateTime<Utc>,
        id: String,
        request: JobRequest,
    ) -> Result<Value, Refusal> {
        let is_good = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'\'')
        };
        if !(1..=MAX_ID).contains(&id.len()) || !id.bytes().all(is_good) {
            return Err(refusal::argument_invalid(format!(
                "A job's id has up to {MAX_ID} lower-case letters, digits, - and '."
            )));
        }
        if request.start.is_some_and(|start| start - now > FURTHEST) {
            return Err(refusal::argument_invalid(format!(
                "A job's startTime must be within {} hours.",
                FURTHEST.num_hours()
            )));
        }
        let target = Target::parse(&request.condition).map_err(|error| {
            refusal::argument_invalid(format!("Invalid query condition: {error}."))
        })?;
        if let Task::Method { name, payload, .. } = &request.task {
            super::methods::check(name, payload)?;
        }
        if self.jobs.find(&id).is_some() {
            return Err(refusal::job_exists(&id));
        }
        if self.jobs.all.len() >= MAX_JOBS && !self.jobs.forget_oldest() {
            return Err(refusal::too_many_jobs(MAX_JOBS));
        }
        let mut job = Job::new(now, id, target, request);
        // What is answered was written before the service looked at the time: azure-iot-sdk-node's `job_client.js` wants
        // `queued` of a job that is an hour away.
        let shown = job.to_json();
        job.wait(now);
        self.jobs.add(job);
        Ok(shown)
    }

    /// Goes on with the jobs whose time has come, and forgets those whose time is long over.
    pub(super) fn pass_jobs(&mut self, now: DateTime<Utc>) -> Notices {
        if self.jobs.due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let mut notices = Vec::new();
        let mut jobs = std::mem::take(&mut self.jobs);
        jobs.forget_history(now);
        for job in &mut jobs.all {
            if job.is_over() || job.facts.start > now {
                continue;
            }
            if !job.has_begun() {
                let meant = self.meant(&job.target);
                job.begin(now, meant, &mut jobs.ledger);
            }
            notices.extend(self.go_on(now, job, &mut jobs.ledger));
        }
        self.jobs = jobs;
        notices
    }

    fn meant(&self, target: &Target) -> Vec<IdentityId> {
        let all = self.identities_behind(target.source(), None);
        let meant = all.filter(|(identity, entry)| target.holds(&self.document(identity, entry)));
        meant.map(|(identity, _)| identity).collect()
    }

    fn go_on(&mut self, now: DateTime<Utc>, job: &mut Job, ledger: &mut Ledger) -> Notices {
        let calls = job.calls.iter();
        let late = calls.filter(|(_, (_, limit))| *limit <= now);
        let late: Vec<CallId> = late.map(|(call, _)| *call).collect();
        self.methods.forget(&late);
        for call in late {
            if let Some((identity, _)) = job.calls.remove(&call) {
                job.settle(now, &identity, Err(refusal::unanswered()), ledger);
            }
        }
        if job.limit() <= now {
            let why = "The job has taken as long as it may.";
            let calls = job.end(now, JobStatus::Failed, Some(why), ledger);
            self.methods.forget(&calls);
            return Vec::new();
        }
        let mut notices = Vec::new();
        for _ in 0..TURN {
            if !job.may_go_on() {
                break;
            }
            let Some(identity) = job.pending.pop_front() else {
                break;
            };
            match self.work_with(now, job, &identity, ledger) {
                Ok(told) => notices.extend(told),
                Err(refusal) => job.settle(now, &identity, Err(refusal), ledger),
            }
        }
        if job.pending.is_empty() && job.calls.is_empty() {
            job.end(now, JobStatus::Completed, None, ledger);
        }
        notices
    }

    fn work_with(
        &mut self,
        now: DateTime<Utc>,
        job: &mut Job,
        identity: &IdentityId,
        ledger: &mut Ledger,
    ) -> Result<Notices, Refusal> {
        match &job.facts.request.task {
            Task::UpdateTwin { change, if_match } => {
                let notices = self.change_twin(now, identity, change, if_match.as_deref())?;
                job.settle(now, identity, Ok(None), ledger);
                Ok(notices)
            }
            Task::Method {
                name,
                payload,
                connect,
                response,
            } => {
                self.entry(identity)?;
                let seconds = i64::from(*connect) + i64::from(*response);
                let limit = now + TimeDelta::seconds(seconds);
                let asked = (name.clone(), payload.clone());
                let (call, notices) = self.invoke_for(
                    super::methods::Caller::Job,
                    identity.clone(),
                    asked,
                    *connect > 0,
                )?;
                job.calls.insert(call, (identity.clone(), limit));
                job.run(now, identity);
                Ok(notices)
            }
        }
    }

    /// A device has answered a job's call.
    pub(super) fn job_answered(
        &mut self,
        now: DateTime<Utc>,
        call: CallId,
        status: i32,
        payload: Result<String, Refusal>,
    ) {
        let Some((job, ledger)) = self.jobs.of_call(call) else {
            return;
        };
        if let Some((identity, _)) = job.calls.remove(&call) {
            let payload = payload.map(|json| serde_json::from_str(&json).unwrap_or(Value::Null));
            let outcome =
                payload.map(|payload| Some(json!({ "status": status, "payload": payload })));
            job.settle(now, &identity, outcome, ledger);
        }
        if job.pending.is_empty() && job.calls.is_empty() {
            job.end(now, JobStatus::Completed, None, ledger);
        }
    }
}

/// What the service says of a job that it does not know, with the status 200 (terraform-provider-iothub, `jobs.go`).
fn unknown(id: &str) -> Value {
    json!({ "jobId": id, "type": "unknown", "status": "unknown" })
}
