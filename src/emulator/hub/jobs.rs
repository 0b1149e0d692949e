//! Jobs: what is done with many devices, when, and what became of it with each.
//!
//! That a method is being called is not kept: after a restart, or where a store has failed, it is called again. The rest is,
//! for as long as the service does.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::command::{CallId, Refusal};
use super::job::{JobFacts, JobRequest, JobRow, JobStatus};
use super::record::{KeptJob, Record};
use crate::emulator::query::Target;
use crate::model::device::IdentityId;

/// The most methods that a job calls at a time, so that others can call theirs.
const MAX_CALLS: usize = 100;

/// How long a job is known once it is over. "Schedule jobs on multiple devices": job history is kept for up to 30 days.
const HISTORY: TimeDelta = TimeDelta::days(30);

/// What is to be kept, where there is a store.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    is_kept: bool,
    records: Vec<Record>,
}

impl Ledger {
    fn note(&mut self, record: impl FnOnce() -> Record) {
        if self.is_kept {
            self.records.push(record());
        }
    }
}

#[derive(Debug)]
pub(super) struct Job {
    pub facts: Arc<JobFacts>,
    pub target: Target,
    /// Nothing has been done with these.
    pub pending: VecDeque<IdentityId>,
    rows: BTreeMap<IdentityId, Arc<JobRow>>,
    /// Methods that have not been answered, and how long they may take.
    pub calls: BTreeMap<CallId, (IdentityId, DateTime<Utc>)>,
}

/// All jobs, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub all: Vec<Job>,
    pub ledger: Ledger,
}

impl Jobs {
    /// As a store has kept them, to tell of changes from then on. A condition that cannot be read means nothing; those
    /// that are written are looked at before.
    pub(super) fn restore(kept: Vec<KeptJob>) -> Self {
        let job = |KeptJob { facts, rows }: KeptJob| {
            let target = Target::parse(&facts.request.condition).ok()?;
            let rows = rows.into_iter().map(|(id, row)| (id, Arc::new(row)));
            Some(Job {
                rows: rows.collect(),
                ..Job::of(Arc::new(facts), target)
            })
        };
        let mut jobs = Self {
            all: kept.into_iter().filter_map(job).collect(),
            ledger: Ledger {
                is_kept: true,
                records: Vec::new(),
            },
        };
        jobs.all
            .sort_by_cached_key(|job| (job.facts.created, job.facts.id.clone()));
        jobs.count_pending();
        jobs
    }

    pub(super) fn find(&self, id: &str) -> Option<&Job> {
        self.all.iter().find(|job| job.facts.id == id)
    }

    /// The earliest that something happens by itself.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        self.all.iter().map(Job::due).min()
    }

    /// The job that a call belongs to.
    pub(super) fn of_call(&mut self, call: CallId) -> Option<(&mut Job, &mut Ledger)> {
        let job = self
            .all
            .iter_mut()
            .find(|job| job.calls.contains_key(&call))?;
        Some((job, &mut self.ledger))
    }

    /// A job whose time has not come, or comes now.
    pub(super) fn add(&mut self, job: Job) {
        self.ledger.note(|| Record::Job {
            id: job.facts.id.clone(),
            before: None,
            after: Some(Arc::clone(&job.facts)),
        });
        // Of one moment, in the order in which a store gives them back.
        let key = |job: &Job| (job.facts.created, job.facts.id.clone());
        let place = self.all.partition_point(|other| key(other) < key(&job));
        self.all.insert(place, job);
    }

    /// Forgets the oldest that is over; false if there is none.
    pub(super) fn forget_oldest(&mut self) -> bool {
        let oldest = self.all.iter().position(Job::is_over);
        let gone = oldest.map(|oldest| self.all.remove(oldest));
        gone.is_some_and(|job| {
            job.forget(&mut self.ledger);
            true
        })
    }

    /// Forgets those that have been over for long enough.
    pub(super) fn forget_history(&mut self, now: DateTime<Utc>) {
        let is_old = |job: &Job| job.is_over() && job.due() <= now;
        if self.all.iter().any(is_old) {
            let (old, rest) = std::mem::take(&mut self.all).into_iter().partition(is_old);
            self.all = rest;
            let old: Vec<Job> = old;
            for job in old {
                job.forget(&mut self.ledger);
            }
        }
    }

    /// All work with devices, as queries see it, in the order of devices and of jobs' ids.
    pub(super) fn documents(&self) -> BTreeMap<IdentityId, Value> {
        let of_job = |job: &Job| {
            let rows = job.rows.iter();
            rows.map(|(identity, row)| {
                let id = &job.facts.id;
                let key = IdentityId {
                    device: identity.device.clone(),
                    module: Some(match &identity.module {
                        None => id.clone(),
                        Some(module) => format!("{module}/{id}"),
                    }),
                };
                (key, row.document(&job.facts, identity))
            })
            .collect::<Vec<_>>()
        };
        self.all.iter().flat_map(of_job).collect()
    }

    pub(super) fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.ledger.records)
    }

    /// A job is as it was; without its work with devices where it had gone. [`Jobs::count_pending`] comes at the end.
    pub(super) fn put(&mut self, id: &str, facts: Option<Arc<JobFacts>>) {
        let place = self.all.iter().position(|job| job.facts.id == id);
        match (place, facts) {
            (None, None) => {}
            (Some(place), None) => drop(self.all.remove(place)),
            (Some(place), Some(facts)) => {
                if let Some(job) = self.all.get_mut(place) {
                    job.facts = facts;
                    if !job.has_begun() {
                        job.calls.clear();
                    }
                }
            }
            (None, Some(facts)) => {
                let Ok(target) = Target::parse(&facts.request.condition) else {
                    return;
                };
                let after = |job: &Job| job.facts.created <= facts.created;
                let place = self.all.partition_point(after);
                self.all.insert(place, Job::of(facts, target));
            }
        }
    }

    /// The work with a device is as it was. [`Jobs::count_pending`] comes at the end.
    pub(super) fn put_row(&mut self, id: &str, identity: &IdentityId, row: Option<Arc<JobRow>>) {
        let Some(job) = self.all.iter_mut().find(|job| job.facts.id == id) else {
            return;
        };
        match row {
            Some(row) => drop(job.rows.insert(identity.clone(), row)),
            None => drop(job.rows.remove(identity)),
        }
    }

    /// Finds what is left to be done.
    pub(super) fn count_pending(&mut self) {
        for job in &mut self.all {
            let called: Vec<&IdentityId> = job.calls.values().map(|(called, _)| called).collect();
            let rows = job.rows.iter_mut();
            let left = rows.filter(|(id, row)| row.ended.is_none() && !called.contains(id));
            job.pending = left
                .map(|(identity, row)| {
                    Arc::make_mut(row).status = JobStatus::Pending;
                    identity.clone()
                })
                .collect();
        }
    }

    /// All that is kept of them, for comparison. What is under way is to be done.
    #[cfg(test)]
    pub(super) fn contents(&self) -> String {
        let row = |(identity, row): (&IdentityId, &Arc<JobRow>)| match row.ended {
            Some(_) => format!("{identity} {row:?}"),
            None => format!("{identity} is to be done"),
        };
        let rows = |job: &Job| job.rows.iter().map(row).collect::<Vec<_>>();
        let job = |job: &Job| format!("{:?} {:?}\n", job.facts, rows(job));
        self.all.iter().map(job).collect()
    }
}

impl Job {
    pub(super) fn new(now: DateTime<Utc>, id: String, target: Target, request: JobRequest) -> Self {
        Self::of(Arc::new(JobFacts::new(now, id, request)), target)
    }

    fn of(facts: Arc<JobFacts>, target: Target) -> Self {
        Self {
            facts,
            target,
            pending: VecDeque::new(),
            rows: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.facts.ended.is_some()
    }

    pub(super) fn has_begun(&self) -> bool {
        self.facts.status == JobStatus::Running
    }

    /// When it has to have ended. One that was to start while there was no hub has its time all the same.
    pub(super) fn limit(&self) -> DateTime<Utc> {
        let limit = TimeDelta::seconds(self.facts.request.max_seconds.into());
        let start = self.facts.start.max(self.facts.created);
        let start = self.facts.begun.unwrap_or(start);
        start.checked_add_signed(limit).unwrap_or(start)
    }

    fn due(&self) -> DateTime<Utc> {
        if let Some(ended) = self.facts.ended {
            return ended.checked_add_signed(HISTORY).unwrap_or(ended);
        }
        if !self.has_begun() || self.may_go_on() {
            return self.facts.start;
        }
        let calls = self.calls.values().map(|(_, limit)| *limit);
        calls.fold(self.limit(), DateTime::min)
    }

    /// Whether there is a device to work with, and room for one more method that waits.
    pub(super) fn may_go_on(&self) -> bool {
        !self.pending.is_empty() && self.calls.len() < MAX_CALLS
    }

    /// Notes that it has been taken, and waits for its time if that has not come.
    pub(super) fn wait(&mut self, now: DateTime<Utc>) {
        if self.facts.start > now {
            Arc::make_mut(&mut self.facts).status = JobStatus::Scheduled;
        }
    }

    fn change(&mut self, ledger: &mut Ledger, change: impl FnOnce(&mut JobFacts)) {
        let before = ledger.is_kept.then(|| Arc::clone(&self.facts));
        change(Arc::make_mut(&mut self.facts));
        ledger.note(|| Record::Job {
            id: self.facts.id.clone(),
            before,
            after: Some(Arc::clone(&self.facts)),
        });
    }

    fn change_row(
        &mut self,
        ledger: &mut Ledger,
        identity: &IdentityId,
        change: impl FnOnce(&mut JobRow),
    ) {
        let Some(row) = self.rows.get_mut(identity) else {
            return;
        };
        let before = ledger.is_kept.then(|| Arc::clone(row));
        change(Arc::make_mut(row));
        let after = Arc::clone(row);
        ledger.note(|| Record::JobRow {
            job: self.facts.id.clone(),
            identity: identity.clone(),
            before,
            after: Some(after),
        });
    }

    /// Begins with those that the condition means.
    pub(super) fn begin(
        &mut self,
        now: DateTime<Utc>,
        meant: Vec<IdentityId>,
        ledger: &mut Ledger,
    ) {
        self.change(ledger, |facts| {
            (facts.status, facts.begun) = (JobStatus::Running, Some(now));
        });
        for identity in &meant {
            let row = Arc::new(JobRow::pending(now));
            ledger.note(|| Record::JobRow {
                job: self.facts.id.clone(),
                identity: identity.clone(),
                before: None,
                after: Some(Arc::clone(&row)),
            });
            self.rows.insert(identity.clone(), row);
        }
        self.pending = meant.into();
    }

    /// The work with one device is over: with an answer, with none, or refused.
    pub(super) fn settle(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        outcome: Result<Option<Value>, Refusal>,
        ledger: &mut Ledger,
    ) {
        self.change_row(ledger, identity, |row| {
            (row.updated, row.ended) = (now, Some(now));
            match outcome {
                Ok(outcome) => (row.status, row.outcome) = (JobStatus::Completed, outcome),
                Err(refusal) => {
                    row.status = JobStatus::Failed;
                    row.error = Some((refusal.code.number, refusal.message));
                }
            }
        });
    }

    /// A device's method is being called.
    pub(super) fn run(&mut self, now: DateTime<Utc>, identity: &IdentityId) {
        if let Some(row) = self.rows.get_mut(identity) {
            let row = Arc::make_mut(row);
            (row.status, row.updated) = (JobStatus::Running, now);
        }
    }

    /// Ends, with what has not been done left undone. Returns the calls that nobody waits for any more.
    pub(super) fn end(
        &mut self,
        now: DateTime<Utc>,
        status: JobStatus,
        failure: Option<&str>,
        ledger: &mut Ledger,
    ) -> Vec<CallId> {
        self.pending.clear();
        let left = self.rows.iter().filter(|(_, row)| row.ended.is_none());
        let left: Vec<IdentityId> = left.map(|(identity, _)| identity.clone()).collect();
        for identity in left {
            self.change_row(ledger, &identity, |row| {
                (row.status, row.updated, row.ended) = (status, now, Some(now));
            });
        }
        self.change(ledger, |facts| {
            (facts.status, facts.ended) = (status, Some(now));
            facts.failure = failure.map(str::to_owned);
        });
        std::mem::take(&mut self.calls).into_keys().collect()
    }

    fn forget(self, ledger: &mut Ledger) {
        let id = &self.facts.id;
        for (identity, row) in self.rows {
            ledger.note(|| Record::JobRow {
                job: id.clone(),
                identity,
                before: Some(row),
                after: None,
            });
        }
        ledger.note(|| Record::Job {
            id: id.clone(),
            before: Some(Arc::clone(&self.facts)),
            after: None,
        });
    }

    /// As the service shows it.
    pub(super) fn to_json(&self) -> Value {
        self.facts.to_json(&self.rows.values().map(Arc::as_ref))
    }
}
