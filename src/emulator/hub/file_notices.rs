//! Notifications of uploaded files on their way to the service, one by one.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::command::Notice;
use super::listener::ListenerId;
use super::queue::{Change, Holder, Lock, Outcome, Queue, Queued, Step};
use crate::model::file_notification::FileNotification;

/// How long the service holds one that it got over HTTPS, and how long one is kept ("Upload files with IoT Hub": the
/// defaults).
pub(super) const LOCK_TIME: TimeDelta = TimeDelta::seconds(60);
pub(super) const TIME_TO_LIVE: TimeDelta = TimeDelta::hours(1);

#[derive(Debug, Default)]
pub(super) struct FileNotices {
    queue: Queue<FileNotification>,
    waiting: Vec<ListenerId>,
}

impl FileNotices {
    /// As a store has kept them.
    pub(super) fn restore(kept: Vec<Queued<FileNotification>>) -> Self {
        let mut notices = Self::default();
        for item in kept {
            notices.queue.push(item);
        }
        notices
    }

    /// Makes a change that has been made elsewhere.
    pub(super) fn apply(&mut self, change: Change<FileNotification>) {
        self.queue.apply(change);
    }

    pub(super) fn push(&mut self, item: Queued<FileNotification>) -> Change<FileNotification> {
        self.queue.push(item)
    }

    /// Gives the oldest out that is free; `token` makes its lock token.
    pub(super) fn lock(
        &mut self,
        holder: Holder,
        token: impl Fn(&Queued<FileNotification>) -> Uuid,
    ) -> Option<Change<FileNotification>> {
        let first = self.queue.available().next()?;
        let (number, token) = (first.number, token(first));
        self.queue.lock(number, Lock { token, holder })
    }

    /// Settles what is held under a token.
    pub(super) fn settle(
        &mut self,
        now: DateTime<Utc>,
        (token, holder): (Uuid, Option<ListenerId>),
        outcome: Outcome,
    ) -> Vec<Step<FileNotification>> {
        self.queue.settle(now, token, holder, outcome)
    }

    /// Takes back what a link held that is gone.
    pub(super) fn leave(
        &mut self,
        now: DateTime<Utc>,
        listener: ListenerId,
    ) -> Vec<Step<FileNotification>> {
        self.waiting.retain(|waiting| *waiting != listener);
        self.queue.leave(now, listener)
    }

    /// Does what is due by then.
    pub(super) fn pass_time(&mut self, now: DateTime<Utc>) -> Vec<Step<FileNotification>> {
        self.queue.pass_time(now)
    }

    /// The earliest that something may happen by itself.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        self.queue.due()
    }

    /// Notes that a link wants to hear of more.
    pub(super) fn wait(&mut self, listener: ListenerId) {
        if !self.waiting.contains(&listener) {
            self.waiting.push(listener);
        }
    }

    /// Whom to tell that there is one.
    pub(super) fn wake(&mut self) -> Vec<(ListenerId, Notice)> {
        if self.waiting.is_empty() || self.queue.available().next().is_none() {
            return Vec::new();
        }
        let told = self.waiting.drain(..);
        told.map(|listener| (listener, Notice::Message)).collect()
    }
}
