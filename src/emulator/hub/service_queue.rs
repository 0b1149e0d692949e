//! What waits for the service: a queue, and the links that want to hear of more. One message is made of one item or of many.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::command::Notice;
use super::listener::ListenerId;
use super::queue::{Change, Lock, Outcome, Queue, Queued, Step};

/// How long the service holds what it got over HTTPS, and how long it is kept ("Send cloud-to-device messages from an IoT
/// hub" and "Upload files with IoT Hub": the defaults).
pub(super) const LOCK_TIME: TimeDelta = TimeDelta::seconds(60);
pub(super) const TIME_TO_LIVE: TimeDelta = TimeDelta::hours(1);

#[derive(Debug)]
pub(super) struct ServiceQueue<T> {
    queue: Queue<T>,
    waiting: Vec<ListenerId>,
    /// The most items in one message.
    most: usize,
    /// How long fewer wait for more since the last message.
    pause: TimeDelta,
    last_given: Option<DateTime<Utc>>,
}

impl<T> ServiceQueue<T> {
    /// One whose messages have up to `most` items; fewer wait for more, until `pause` after the last message.
    pub(super) fn new(most: usize, pause: TimeDelta) -> Self {
        Self {
            queue: Queue::default(),
            waiting: Vec::new(),
            most,
            pause,
            last_given: None,
        }
    }

    /// As a store has kept it.
    pub(super) fn restore(&mut self, kept: Vec<Queued<T>>) {
        for item in kept {
            self.queue.push(item);
        }
    }

    /// Makes a change that has been made elsewhere.
    pub(super) fn apply(&mut self, change: Change<T>) {
        self.queue.apply(change);
    }

    /// Puts an item in.
    pub(super) fn push(&mut self, item: Queued<T>) -> Change<T> {
        self.queue.push(item)
    }

    /// The item that begins the next message; none as long as there is to be no message.
    pub(super) fn first(&self, now: DateTime<Utc>) -> Option<&Queued<T>> {
        let first = self.queue.available().next();
        first.filter(|_| self.is_ready(now))
    }

    /// Gives out what makes the next message.
    pub(super) fn lock(&mut self, now: DateTime<Utc>, lock: Lock) -> Vec<Change<T>> {
        let items = self.queue.available().take(self.most);
        let numbers: Vec<i64> = items.map(|item| item.number).collect();
        self.last_given = Some(now);
        let lock = |number| self.queue.lock(number, lock);
        numbers.into_iter().filter_map(lock).collect()
    }

    /// Settles what is held under a token.
    pub(super) fn settle(
        &mut self,
        now: DateTime<Utc>,
        (token, holder): (Uuid, Option<ListenerId>),
        outcome: Outcome,
    ) -> Vec<Step<T>> {
        self.queue.settle(now, token, holder, outcome)
    }

    /// Takes back what a link held that is gone.
    pub(super) fn leave(&mut self, now: DateTime<Utc>, listener: ListenerId) -> Vec<Step<T>> {
        self.waiting.retain(|waiting| *waiting != listener);
        self.queue.leave(now, listener)
    }

    /// Does what is due by then.
    pub(super) fn pass_time(&mut self, now: DateTime<Utc>) -> Vec<Step<T>> {
        self.queue.pass_time(now)
    }

    /// The earliest that something may happen by itself.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        let next = self.last_given.map(|last| last + self.pause);
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
        let is_time = self.last_given.is_none_or(|last| now >= last + self.pause);
        if is_time {
            return self.has_available();
        }
        let (mut count, mut has_returned) = (0, false);
        for item in self.queue.available().take(self.most) {
            count += 1;
            has_returned |= item.deliveries > 0;
        }
        has_returned || count >= self.most
    }
}
