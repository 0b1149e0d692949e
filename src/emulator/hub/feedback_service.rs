//! What the senders of messages to devices hear: records made, given out, settled.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use super::command::{
    CloudMessage, FeedbackOperation, GivenFeedback, ListenerId, Notice, Outcome as Settlement,
    Refusal, Reply,
};
use super::options::Right;
use super::queue::{Change, Departure, Holder, Queued, Step};
use super::record::Record;
use super::{Hub, Outcome, feedback, keys, refusal};
use crate::model::device::IdentityId;
use crate::model::feedback::{FeedbackRecord, FeedbackStatus};

/// Who else must hear of something.
type Notices = Vec<(ListenerId, Notice)>;

impl Hub {
    pub(super) fn work_on_feedback(
        &mut self,
        now: DateTime<Utc>,
        operation: FeedbackOperation,
    ) -> Outcome {
        match operation {
            FeedbackOperation::Receive { token } => {
                self.authorize_feedback(now, token.as_deref())?;
                let holder = Holder::Until(now + feedback::LOCK_TIME);
                Ok((Reply::Feedback(self.give_feedback(now, holder)), Vec::new()))
            }
            FeedbackOperation::Settle {
                token,
                lock,
                outcome,
            } => {
                self.authorize_feedback(now, token.as_deref())?;
                let lock = lock.ok_or_else(refusal::lock_lost)?;
                self.settle_feedback(now, (lock, None), outcome)
            }
            FeedbackOperation::Take { listener } => {
                let given = self.give_feedback(now, Holder::Listener(listener));
                if given.is_none() {
                    self.feedback.wait(listener);
                }
                Ok((Reply::Feedback(given), Vec::new()))
            }
            FeedbackOperation::SettleTaken {
                listener,
                lock,
                outcome,
            } => self.settle_feedback(now, (lock, Some(listener)), outcome),
        }
    }

    fn authorize_feedback(&self, now: DateTime<Utc>, token: Option<&str>) -> Result<(), Refusal> {
        let path = "messages/servicebound/feedback";
        self.authority
            .authorize_service(now, token, path, Right::ServiceConnect)
    }

    /// Tells the sender, if it wants to hear of this; true if it does.
    pub(super) fn tell(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        content: &CloudMessage,
        departure: Departure,
    ) -> bool {
        let status = match departure {
            Departure::Completed => FeedbackStatus::Success,
            Departure::Rejected => FeedbackStatus::Rejected,
            Departure::Expired => FeedbackStatus::Expired,
            Departure::Exhausted => FeedbackStatus::DeliveryCountExceeded,
            Departure::Purged => FeedbackStatus::Purged,
        };
        if !content.ack.wants(status == FeedbackStatus::Success) {
            return false;
        }
        let entry = self.registry.find(&identity.device, None);
        let generation_id = entry.map(|entry| entry.identity.generation_id.clone());
        let record = FeedbackRecord {
            original_message_id: content.message.message_id.clone(),
            description: status.name().to_owned(),
            device_id: identity.device.clone(),
            device_generation_id: generation_id.unwrap_or_default(),
            enqueued_time_utc: now.to_rfc3339_opts(SecondsFormat::Micros, true),
            status_code: status,
        };
        let item = Queued {
            number: self.next_number(),
            enqueued: now,
            expires: now + feedback::TIME_TO_LIVE,
            deliveries: 0,
            lock: None,
            content: Arc::new(record),
        };
        let change = self.feedback.push(item);
        self.note_feedback(change);
        true
    }

    fn give_feedback(&mut self, now: DateTime<Utc>, holder: Holder) -> Option<GivenFeedback> {
        let token =
            |item: &Queued<FeedbackRecord>| keys::lock_token(&self.lock_secret, item.place());
        let changes = self.feedback.lock(now, holder, token);
        let first = changes.first().and_then(|change| change.after.as_ref())?;
        let given = GivenFeedback {
            lock: first.lock?.token,
            enqueued: first.enqueued,
            hub: self.name.clone(),
            records: changes
                .iter()
                .filter_map(|change| change.after.as_ref())
                .map(|item| Arc::clone(&item.content))
                .collect(),
        };
        for change in changes {
            self.note_feedback(change);
        }
        Some(given)
    }

    /// A reject ends feedback as a completion does: there is nobody to be told.
    fn settle_feedback(
        &mut self,
        now: DateTime<Utc>,
        lock: (Uuid, Option<ListenerId>),
        outcome: Settlement,
    ) -> Outcome {
        let steps = self.feedback.settle(now, lock, outcome);
        if steps.is_empty() {
            return Err(refusal::lock_lost());
        }
        Ok((Reply::Done, self.follow_feedback(now, steps)))
    }

    /// What a link held is there for the next one.
    pub(super) fn leave_feedback(&mut self, now: DateTime<Utc>, listener: ListenerId) -> Notices {
        let steps = self.feedback.leave(now, listener);
        self.follow_feedback(now, steps)
    }

    fn follow_feedback(&mut self, now: DateTime<Utc>, steps: Vec<Step<FeedbackRecord>>) -> Notices {
        for (change, _) in steps {
            self.note_feedback(change);
        }
        self.feedback.wake(now)
    }

    pub(super) fn note_feedback(&mut self, change: Change<FeedbackRecord>) {
        if self.is_kept {
            self.records.push(Record::Feedback { change });
        }
    }
}
