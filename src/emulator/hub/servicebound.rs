//! What is on its way to the service at `/messages/servicebound`, feedback and notifications of files: given out, settled,
//! given back. Each sort has a queue of its own.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::command::{
    FeedbackOperation, ListenerId, Notice, Outcome as Settlement, Refusal, Reply,
};
use super::options::Right;
use super::queue::{Change, Holder, Lock, Queued, Step};
use super::record::Record;
use super::service_queue::{LOCK_TIME, ServiceQueue, TIME_TO_LIVE};
use super::{Hub, Outcome, keys, refusal};

/// Who else must hear of something.
type Notices = Vec<(ListenerId, Notice)>;

/// One sort of what is on its way to the service.
pub(super) trait Servicebound: Sized {
    /// What tokens name its endpoint by, below the host.
    const PATH: &'static str;

    /// Where it waits.
    fn queue(hub: &mut Hub) -> &mut ServiceQueue<Self>;

    /// What a store must know of a change.
    fn record(change: Change<Self>) -> Record;

    /// The answer to who asks for it.
    fn reply(given: Option<Given<Self>>) -> Reply;
}

/// What makes one message.
pub(super) struct Given<T> {
    pub lock: Uuid,
    /// When the first of its items came.
    pub enqueued: DateTime<Utc>,
    /// The hub that speaks.
    pub hub: String,
    pub contents: Vec<Arc<T>>,
}

impl Hub {
    pub(super) fn work_on_servicebound<T: Servicebound>(
        &mut self,
        now: DateTime<Utc>,
        operation: FeedbackOperation,
    ) -> Outcome {
        match operation {
            FeedbackOperation::Receive { token } => {
                self.authorize_servicebound::<T>(now, token.as_deref())?;
                let given = self.give_servicebound(now, Holder::Until(now + LOCK_TIME));
                Ok((T::reply(given), Vec::new()))
            }
            FeedbackOperation::Settle {
                token,
                lock,
                outcome,
            } => {
                self.authorize_servicebound::<T>(now, token.as_deref())?;
                let lock = lock.ok_or_else(refusal::lock_lost)?;
                self.settle_servicebound::<T>(now, (lock, None), outcome)
            }
            FeedbackOperation::Take { listener } => {
                let given = self.give_servicebound(now, Holder::Listener(listener));
                if given.is_none() {
                    T::queue(self).wait(listener);
                }
                Ok((T::reply(given), Vec::new()))
            }
            FeedbackOperation::SettleTaken {
                listener,
                lock,
                outcome,
            } => self.settle_servicebound::<T>(now, (lock, Some(listener)), outcome),
        }
    }

    fn authorize_servicebound<T: Servicebound>(
        &self,
        now: DateTime<Utc>,
        token: Option<&str>,
    ) -> Result<(), Refusal> {
        self.authority
            .authorize_service(now, token, T::PATH, Right::ServiceConnect)
    }

    /// Puts something into its queue. Who waits there is not told of it yet.
    pub(super) fn push_servicebound<T: Servicebound>(&mut self, now: DateTime<Utc>, content: T) {
        let item = Queued {
            number: self.next_number(),
            enqueued: now,
            expires: now + TIME_TO_LIVE,
            deliveries: 0,
            lock: None,
            content: Arc::new(content),
        };
        let change = T::queue(self).push(item);
        self.note_servicebound(change);
    }

    fn give_servicebound<T: Servicebound>(
        &mut self,
        now: DateTime<Utc>,
        holder: Holder,
    ) -> Option<Given<T>> {
        let first = T::queue(self).first(now)?;
        let (place, enqueued) = (first.place(), first.enqueued);
        let token = keys::lock_token(&self.lock_secret, place);
        let changes = T::queue(self).lock(now, Lock { token, holder });
        let items = changes.iter().filter_map(|change| change.after.as_ref());
        let given = Given {
            lock: token,
            enqueued,
            hub: self.name.clone(),
            contents: items.map(|item| Arc::clone(&item.content)).collect(),
        };
        for change in changes {
            self.note_servicebound(change);
        }
        Some(given)
    }

    /// A reject ends it as a completion does: there is nobody to be told.
    fn settle_servicebound<T: Servicebound>(
        &mut self,
        now: DateTime<Utc>,
        lock: (Uuid, Option<ListenerId>),
        outcome: Settlement,
    ) -> Outcome {
        let steps = T::queue(self).settle(now, lock, outcome);
        if steps.is_empty() {
            return Err(refusal::lock_lost());
        }
        Ok((Reply::Done, self.follow_servicebound(now, steps)))
    }

    /// What a link held is there for the next one.
    pub(super) fn leave_servicebound<T: Servicebound>(
        &mut self,
        now: DateTime<Utc>,
        listener: ListenerId,
    ) -> Notices {
        let steps = T::queue(self).leave(now, listener);
        self.follow_servicebound(now, steps)
    }

    /// Does what is due by then.
    pub(super) fn pass_servicebound<T: Servicebound>(&mut self, now: DateTime<Utc>) -> Notices {
        let steps = T::queue(self).pass_time(now);
        self.follow_servicebound(now, steps)
    }

    fn follow_servicebound<T: Servicebound>(
        &mut self,
        now: DateTime<Utc>,
        steps: Vec<Step<T>>,
    ) -> Notices {
        for (change, _) in steps {
            self.note_servicebound(change);
        }
        T::queue(self).wake(now)
    }

    fn note_servicebound<T: Servicebound>(&mut self, change: Change<T>) {
        if self.is_kept {
            self.records.push(T::record(change));
        }
    }
}
