//! A queue whose items are given out under a lock, and are gone only when they are settled.
//!
//! What was given out and not settled comes back, at its old place: when its lock ends, when it is given back, or when
//! whoever holds it leaves. An item that was given out too often in vain, or whose time is over, leaves the queue for good.
//! Every way of an item is one [`Change`]; the queue itself never forgets one.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::listener::ListenerId;

/// How often an item is given out, at most ("Send cloud-to-device messages from an IoT hub": the default is 10).
pub(super) const MAX_DELIVERIES: u32 = 10;

/// An item that waits, or is held.
#[derive(Debug)]
pub struct Queued<T> {
    /// Counts up through all of the hub's queues.
    pub number: i64,
    /// When it came.
    pub enqueued: DateTime<Utc>,
    /// When it goes stale.
    pub expires: DateTime<Utc>,
    /// How often it was given out.
    pub deliveries: u32,
    /// Under which lock it is held.
    pub lock: Option<Lock>,
    /// What it is.
    pub content: Arc<T>,
}

// Derived it would ask for a content that can be cloned, which nobody does.
impl<T> Clone for Queued<T> {
    fn clone(&self) -> Self {
        Self {
            content: Arc::clone(&self.content),
            ..*self
        }
    }
}

impl<T> Queued<T> {
    /// What no two of its locks, nor any other item, have in common.
    pub(super) fn place(&self) -> [i64; 3] {
        let enqueued = self.enqueued.timestamp_micros();
        [self.number, enqueued, self.deliveries.into()]
    }
}

impl<T: PartialEq> PartialEq for Queued<T> {
    fn eq(&self, other: &Self) -> bool {
        let own = (self.number, self.enqueued, self.expires, self.deliveries);
        let others = (
            other.number,
            other.enqueued,
            other.expires,
            other.deliveries,
        );
        own == others && self.lock == other.lock && self.content == other.content
    }
}

/// Who holds an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// What the holder settles it with.
    pub token: Uuid,
    /// Until when.
    pub holder: Holder,
}

/// How long a lock lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Until then, whoever it was: requests over HTTPS come from nowhere and go again.
    Until(DateTime<Utc>),
    /// While this one is connected.
    Listener(ListenerId),
}

/// What becomes of an item that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken in.
    Complete,
    /// It is of no use.
    Reject,
    /// It is to come again.
    Abandon,
}

/// Why an item has left its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    Completed,
    Rejected,
    Expired,
    Exhausted,
    Purged,
}

/// What has happened to one item: a store writes what came after, or what was before to make it undone.
#[derive(Debug)]
pub struct Change<T> {
    /// The item as it was; `None` for one that has come.
    pub before: Option<Queued<T>>,
    /// The item as it is; `None` for one that has left.
    pub after: Option<Queued<T>>,
}

impl<T> Clone for Change<T> {
    fn clone(&self) -> Self {
        Self {
            before: self.before.clone(),
            after: self.after.clone(),
        }
    }
}

impl<T> Change<T> {
    /// The other way round.
    #[must_use]
    pub fn undone(self) -> Self {
        Self {
            before: self.after,
            after: self.before,
        }
    }

    /// The item's number; 0 for a change of nothing.
    #[must_use]
    pub fn number(&self) -> i64 {
        let item = self.after.as_ref().or(self.before.as_ref());
        item.map_or(0, |item| item.number)
    }
}

/// A change, and why the item has left if it has.
pub(super) type Step<T> = (Change<T>, Option<Departure>);

#[derive(Debug)]
pub(super) struct Queue<T> {
    items: BTreeMap<i64, Queued<T>>,
    /// Nothing happens to any item by itself before.
    due: Option<DateTime<Utc>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            items: BTreeMap::new(),
            due: None,
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All that is in it, for comparison.
    #[cfg(test)]
    pub(super) fn contents(&self) -> String
    where
        T: std::fmt::Debug,
    {
        format!("{:?}", self.items)
    }

    /// Those that may be given out, the oldest first.
    pub(super) fn available(&self) -> impl Iterator<Item = &Queued<T>> {
        self.items.values().filter(|item| item.lock.is_none())
    }

    /// Puts a new item in.
    pub(super) fn push(&mut self, item: Queued<T>) -> Change<T> {
        self.set(item.number, Some(item))
    }

    /// Makes a change that has been made elsewhere, such as in a store.
    pub(super) fn apply(&mut self, change: Change<T>) {
        self.set(change.number(), change.after);
    }

    /// Gives an item out.
    pub(super) fn lock(&mut self, number: i64, lock: Lock) -> Option<Change<T>> {
        let item = self.items.get(&number)?;
        let locked = Queued {
            deliveries: item.deliveries + 1,
            lock: Some(lock),
            ..item.clone()
        };
        Some(self.set(number, Some(locked)))
    }

    /// Settles all that is held under a token, by this holder if one is named. Nothing means that the lock is lost.
    pub(super) fn settle(
        &mut self,
        now: DateTime<Utc>,
        token: Uuid,
        holder: Option<ListenerId>,
        outcome: Outcome,
    ) -> Vec<Step<T>> {
        let is_meant = |lock: &Lock| {
            let is_holders = match (lock.holder, holder) {
                (Holder::Listener(held), Some(holder)) => held == holder,
                (Holder::Until(_), None) => true,
                (Holder::Listener(_), None) | (Holder::Until(_), Some(_)) => false,
            };
            is_holders && lock.token == token
        };
        let numbers = self.numbers(|item| item.lock.as_ref().is_some_and(is_meant));
        let settle = |number| match outcome {
            Outcome::Complete => self.depart(number, Departure::Completed),
            Outcome::Reject => self.depart(number, Departure::Rejected),
            Outcome::Abandon => self.give_back(now, number),
        };
        numbers.into_iter().map(settle).collect()
    }

    /// Takes back all that someone holds who has gone.
    pub(super) fn leave(&mut self, now: DateTime<Utc>, holder: ListenerId) -> Vec<Step<T>> {
        let is_held = |item: &Queued<T>| {
            item.lock
                .is_some_and(|lock| lock.holder == Holder::Listener(holder))
        };
        let numbers = self.numbers(is_held);
        let give_back = |number| self.give_back(now, number);
        numbers.into_iter().map(give_back).collect()
    }

    /// Does what is due by then.
    pub(super) fn pass_time(&mut self, now: DateTime<Utc>) -> Vec<Step<T>> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let due = self.numbers(|item| due_of(item).is_some_and(|due| due <= now));
        let step = |number| match self.items.get(&number) {
            Some(item) if item.lock.is_some() => self.give_back(now, number),
            Some(_) | None => self.depart(number, Departure::Expired),
        };
        let steps = due.into_iter().map(step).collect();
        self.due = self.items.values().filter_map(due_of).min();
        steps
    }

    /// Before this, [`Self::pass_time`] has nothing to do.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        self.due
    }

    /// Empties it.
    pub(super) fn purge(&mut self) -> Vec<Step<T>> {
        let numbers = self.numbers(|_| true);
        let purge = |number| self.depart(number, Departure::Purged);
        numbers.into_iter().map(purge).collect()
    }

    fn numbers(&self, is_meant: impl Fn(&Queued<T>) -> bool) -> Vec<i64> {
        let items = self.items.values().filter(|item| is_meant(item));
        items.map(|item| item.number).collect()
    }

    fn give_back(&mut self, now: DateTime<Utc>, number: i64) -> Step<T> {
        match self.items.get(&number) {
            Some(item) if item.deliveries >= MAX_DELIVERIES => {
                self.depart(number, Departure::Exhausted)
            }
            Some(item) if item.expires > now => {
                let free = Queued {
                    lock: None,
                    ..item.clone()
                };
                (self.set(number, Some(free)), None)
            }
            Some(_) | None => self.depart(number, Departure::Expired),
        }
    }

    fn depart(&mut self, number: i64, departure: Departure) -> Step<T> {
        (self.set(number, None), Some(departure))
    }

    fn set(&mut self, number: i64, after: Option<Queued<T>>) -> Change<T> {
        let due = after.as_ref().and_then(due_of);
        self.due = self.due.into_iter().chain(due).min();
        let before = match &after {
            Some(item) => self.items.insert(number, item.clone()),
            None => self.items.remove(&number),
        };
        Change { before, after }
    }
}

/// When something happens to an item by itself. One that is held does not go stale until it comes back.
fn due_of<T>(item: &Queued<T>) -> Option<DateTime<Utc>> {
    match item.lock {
        None => Some(item.expires),
        Some(Lock {
            holder: Holder::Until(end),
            ..
        }) => Some(end),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests;
