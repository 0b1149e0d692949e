//! What waits for devices and modules: a queue each, and who of them is connected and wants to hear of more.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::command::Notice;
use super::content::CloudMessage;
use super::listener::ListenerId;
use super::queue::{Change, Holder, Lock, Outcome, Queue, Queued, Step};
use super::record::KeptMessage;
use crate::model::device::IdentityId;

/// The most messages that wait for one device, those included that it holds.
pub(super) const MAX_DEPTH: usize = 50;

/// How long a device holds a message that it got over HTTPS.
pub(super) const LOCK_TIME: TimeDelta = TimeDelta::seconds(60);

/// How long a message waits unless it says otherwise.
pub(super) const TIME_TO_LIVE: TimeDelta = TimeDelta::hours(1);

#[derive(Debug, Default)]
pub(super) struct Outbox {
    queues: BTreeMap<IdentityId, Queue<CloudMessage>>,
    waiting: BTreeMap<IdentityId, ListenerId>,
    /// Nothing happens by itself before.
    due: Option<DateTime<Utc>>,
}

impl Outbox {
    /// As a store has kept it.
    pub(super) fn restore(kept: Vec<KeptMessage>) -> Self {
        let mut outbox = Self::default();
        for KeptMessage { identity, message } in kept {
            outbox.change(&identity, |queue| queue.push(message));
        }
        outbox
    }

    /// How many messages wait for a device or module.
    pub(super) fn depth(&self, identity: &IdentityId) -> usize {
        self.queues.get(identity).map_or(0, Queue::len)
    }

    /// Makes a change that has been made elsewhere.
    pub(super) fn apply(&mut self, identity: &IdentityId, change: Change<CloudMessage>) {
        self.change(identity, |queue| queue.apply(change));
    }

    /// Puts a message in.
    pub(super) fn push(
        &mut self,
        identity: &IdentityId,
        message: Queued<CloudMessage>,
    ) -> Change<CloudMessage> {
        self.change(identity, |queue| queue.push(message))
    }

    /// Gives out the oldest messages that nobody holds, up to `max`; `token` makes their lock tokens.
    pub(super) fn lock(
        &mut self,
        identity: &IdentityId,
        max: usize,
        holder: Holder,
        token: impl Fn(&Queued<CloudMessage>) -> Uuid,
    ) -> Vec<Change<CloudMessage>> {
        self.change(identity, |queue| {
            let first: Vec<(i64, Uuid)> = queue
                .available()
                .take(max)
                .map(|message| (message.number, token(message)))
                .collect();
            let lock = |(number, token)| queue.lock(number, Lock { token, holder });
            first.into_iter().filter_map(lock).collect()
        })
    }

    /// Settles what is held under a token.
    pub(super) fn settle(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        (token, holder): (Uuid, Option<ListenerId>),
        outcome: Outcome,
    ) -> Vec<Step<CloudMessage>> {
        self.change(identity, |queue| queue.settle(now, token, holder, outcome))
    }

    /// Takes back what a session held that has ended.
    pub(super) fn leave(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        session: ListenerId,
    ) -> Vec<Step<CloudMessage>> {
        if self.waiting.get(identity) == Some(&session) {
            self.waiting.remove(identity);
        }
        self.change(identity, |queue| queue.leave(now, session))
    }

    /// Empties a queue.
    pub(super) fn purge(&mut self, identity: &IdentityId) -> Vec<Step<CloudMessage>> {
        self.change(identity, Queue::purge)
    }

    /// The same for all queues of a device that is gone, or for a module's.
    pub(super) fn remove(
        &mut self,
        device: &str,
        module: Option<&str>,
    ) -> Vec<(IdentityId, Vec<Step<CloudMessage>>)> {
        let is_gone = |identity: &&IdentityId| {
            identity.device == device && (module.is_none() || identity.module.as_deref() == module)
        };
        let gone: Vec<IdentityId> = self.queues.keys().filter(is_gone).cloned().collect();
        gone.into_iter()
            .map(|identity| {
                let steps = self.purge(&identity);
                (identity, steps)
            })
            .collect()
    }

    /// Does what is due by then.
    pub(super) fn pass_time(
        &mut self,
        now: DateTime<Utc>,
    ) -> Vec<(IdentityId, Vec<Step<CloudMessage>>)> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let pass = |(identity, queue): (&IdentityId, &mut Queue<CloudMessage>)| {
            let steps = queue.pass_time(now);
            (!steps.is_empty()).then(|| (identity.clone(), steps))
        };
        let passed = self.queues.iter_mut().filter_map(pass).collect();
        self.queues.retain(|_, queue| !queue.is_empty());
        self.due = self.queues.values().filter_map(Queue::due).min();
        passed
    }

    /// The earliest that something may happen by itself.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        self.due
    }

    /// Notes that a session wants to hear of more.
    pub(super) fn wait(&mut self, identity: &IdentityId, session: ListenerId) {
        self.waiting.insert(identity.clone(), session);
    }

    /// All that is in it, for comparison.
    #[cfg(test)]
    pub(super) fn contents(&self) -> String {
        let queue = |(identity, queue): (&IdentityId, &Queue<CloudMessage>)| {
            format!("{identity}: {}\n", queue.contents())
        };
        self.queues.iter().map(queue).collect()
    }

    /// Whom to tell that there is more, if anyone waits for it.
    pub(super) fn wake(&mut self, identity: &IdentityId) -> Option<(ListenerId, Notice)> {
        let session = self.waiting.remove(identity)?;
        Some((session, Notice::Message))
    }

    fn change<T>(
        &mut self,
        identity: &IdentityId,
        change: impl FnOnce(&mut Queue<CloudMessage>) -> T,
    ) -> T {
        // Most devices never get a message.
        let queue = match self.queues.get_mut(identity) {
            Some(queue) => queue,
            None => self.queues.entry(identity.clone()).or_default(),
        };
        let result = change(queue);
        let due = queue.due();
        self.due = self.due.into_iter().chain(due).min();
        if queue.is_empty() {
            self.queues.remove(identity);
        }
        result
    }
}
