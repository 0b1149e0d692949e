//! Feedback on its way to the service: records, which are given out many at a time.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::command::Notice;
use super::listener::ListenerId;
use super::queue::{Change, Holder, Lock, Outcome, Queue, Queued, Step};
use crate::model::feedback::FeedbackRecord;

/// The most records in one message, and how long fewer wait for more since the last one ("Send cloud-to-device messages
/// from an IoT hub").
pub(super) const MAX_RECORDS: usize = 64;
pub(super) const PAUSE: TimeDelta = TimeDelta::seconds(15);

/// How long the service holds feedback that it got over HTTPS, and how long feedback is kept.
pub(super) const LOCK_TIME: TimeDelta = TimeDelta::seconds(60);
pub(super) const TIME_TO_LIVE: TimeDelta = TimeDelta::hours(1);

#[derive(Debug, Default)]
pub(super) struct Feedback {
    queue: Queue<FeedbackRecord>,
    waiting: Vec<ListenerId>,
    last_given: Option<DateTime<Utc>>,
}

impl Feedback {
    /// As a store has kept it.
    pub(super) fn restore(kept: Vec<Queued<FeedbackRecord>>) -> Self {
        let mut feedback = Self::default();
        for record in kept {
            feedback.queue.push(record);
        }
        feedback
    }

    /// Makes a change that has been made elsewhere.
    pub(super) fn apply(&mut self, change: Change<FeedbackRecord>) {
        self.queue.apply(change);
    }

    /// Puts a record in.
    pub(super) fn push(&mut self, record: Queued<FeedbackRecord>) -> Change<FeedbackRecord> {
        self.queue.push(record)
    }

    /// Gives out what makes the next message, or nothing as long as there is to be none; `token` makes its lock token of
    /// its first record.
    pub(super) fn lock(
        &mut self,
        now: DateTime<Utc>,
        holder: Holder,
        token: impl Fn(&Queued<FeedbackRecord>) -> Uuid,
    ) -> Vec<Change<FeedbackRecord>> {
        if !self.is_ready(now) {
            return Vec::new();
        }
        let records: Vec<&Queued<FeedbackRecord>> =
            self.queue.available().take(MAX_RECORDS).collect();
        let Some(token) = records.first().map(|record| token(record)) else {
            return Vec::new();
        };
        let numbers: Vec<i64> = records.iter().map(|record| record.number).collect();
        self.last_given = Some(now);
        let lock = |number| self.queue.lock(number, Lock { token, holder });
        numbers.into_iter().filter_map(lock).collect()
    }

    /// Settles what is held under a token.
    pub(super) fn settle(
        &mut self,
        now: DateTime<Utc>,
        (token, holder): (Uuid, Option<ListenerId>),
        outcome: Outcome,
    ) -> Vec<Step<FeedbackRecord>> {
        self.queue.settle(now, token, holder, outcome)
    }

    /// Takes back what a link held that is gone.
    pub(super) fn leave(
        &mut self,
        now: DateTime<Utc>,
        listener: ListenerId,
    ) -> Vec<Step<FeedbackRecord>> {
        self.waiting.retain(|waiting| *waiting != listener);
        self.queue.leave(now, listener)
    }

    /// Does what is due by then.
    pub(super) fn pass_time(&mut self, now: DateTime<Utc>) -> Vec<Step<FeedbackRecord>> {
        self.queue.pass_time(now)
    }

    /// The earliest that something may happen by itself.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        let next = self.last_given.map(|last| last + PAUSE);
        let next = next.filter(|_| !self.waiting.is_empty() && self.has_available());
        self.queue.due().into_iter().chain(next).min()
    }

    /// Notes that a link wants to hear of more.
    pub(super) fn wait(&mut self, listener: ListenerId) {
        if !self.waiting.contains(&listener) {
            self.waiting.push(listener);
        }
    }

    /// Whom to tell that there is a message.
    pub(super) fn wake(&mut self, now: DateTime<Utc>) -> Vec<(ListenerId, Notice)> {
        if self.waiting.is_empty() || !self.is_ready(now) {
            return Vec::new();
        }
        let told = self.waiting.drain(..);
        told.map(|listener| (listener, Notice::Message)).collect()
    }

    fn has_available(&self) -> bool {
        self.queue.available().next().is_some()
    }

    /// Whether a message is to be made of what is there: enough of it, or long enough after the last one. What comes back
    /// has waited already.
    fn is_ready(&self, now: DateTime<Utc>) -> bool {
        let is_time = self.last_given.is_none_or(|last| now >= last + PAUSE);
        let mut available = self.queue.available();
        if is_time {
            return available.next().is_some();
        }
        let (mut count, mut has_returned) = (0, false);
        for record in available.take(MAX_RECORDS) {
            count += 1;
            has_returned |= record.deliveries > 0;
        }
        has_returned || count >= MAX_RECORDS
    }
}
