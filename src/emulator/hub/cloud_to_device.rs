//! Messages to devices: sent, given out, settled.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::command::{
    CloudMessage, CloudToDeviceOperation, Credential, GivenMessage, ListenerId, Notice,
    Outcome as Settlement, Refusal, Reply,
};
use super::options::Right;
use super::outbox::MAX_DEPTH;
use super::queue::{Change, Holder, Queued, Step};
use super::record::Record;
use super::{Hub, Outcome, keys, outbox, refusal};
use crate::model::device::{Identity, IdentityId};
use crate::model::feedback::FeedbackRecord;
use crate::model::file_notification::FileNotification;
use crate::protocol::amqp::identity_address::{IdentityAddress, IdentityNode};
use crate::protocol::rest::MAX_CLOUD_MESSAGE_BYTES;

/// Who else must hear of something.
type Notices = Vec<(ListenerId, Notice)>;

impl Hub {
    pub(super) fn work_on_messages(
        &mut self,
        now: DateTime<Utc>,
        operation: CloudToDeviceOperation,
    ) -> Outcome {
        match operation {
            CloudToDeviceOperation::Send { to, message } => self.send_message(now, &to, *message),
            CloudToDeviceOperation::Receive { credential, device } => {
                let identity = self.authorize_receiver(now, credential.as_ref(), device)?;
                let holder = Holder::Until(now + outbox::LOCK_TIME);
                let given = self.give(&identity, 1, holder);
                Ok((Reply::Messages(given), Vec::new()))
            }
            CloudToDeviceOperation::Settle {
                credential,
                device,
                lock,
                outcome,
            } => {
                let identity = self.authorize_receiver(now, credential.as_ref(), device)?;
                let lock = lock.ok_or_else(refusal::lock_lost)?;
                self.settle_message(now, &identity, (lock, None), outcome)
            }
            CloudToDeviceOperation::Take { session, max } => {
                let identity = self.session_identity(session)?;
                let given = self.give(&identity, max, Holder::Listener(session));
                if given.is_empty() {
                    self.outbox.wait(&identity, session);
                }
                Ok((Reply::Messages(given), Vec::new()))
            }
            CloudToDeviceOperation::SettleTaken {
                session,
                lock,
                outcome,
            } => {
                let identity = self.session_identity(session)?;
                self.settle_message(now, &identity, (lock, Some(session)), outcome)
            }
            CloudToDeviceOperation::Purge { token, device } => {
                self.purge(now, token.as_deref(), device)
            }
        }
    }

    fn send_message(&mut self, now: DateTime<Utc>, to: &str, content: CloudMessage) -> Outcome {
        let identity = self.recipient(to)?;
        let size = content.message.size();
        if size > MAX_CLOUD_MESSAGE_BYTES {
            return Err(refusal::message_too_large(size, MAX_CLOUD_MESSAGE_BYTES));
        }
        if self.outbox.depth(&identity) >= MAX_DEPTH {
            return Err(refusal::queue_full(&identity.to_string(), MAX_DEPTH));
        }
        let expiry = content.expiry.and_then(DateTime::from_timestamp_millis);
        let item = Queued {
            number: self.next_number(),
            enqueued: now,
            expires: expiry.unwrap_or(now + outbox::TIME_TO_LIVE),
            deliveries: 0,
            lock: None,
            content: Arc::new(content),
        };
        let change = self.outbox.push(&identity, item);
        self.note_message(&identity, change);
        // One that is stale already goes at once, and its sender hears of it.
        let mut notices = self.pass_messages(now);
        notices.extend(self.outbox.wake(&identity));
        Ok((Reply::Done, notices))
    }

    /// Whom a message is for: the one that the address names with its ids decoded, or else as they stand.
    fn recipient(&self, to: &str) -> Result<IdentityId, Refusal> {
        let found = [IdentityAddress::parse(to), IdentityAddress::parse_plain(to)];
        let is_bound = |address: &IdentityAddress| address.node == IdentityNode::DeviceBound;
        let mut named = found
            .into_iter()
            .flatten()
            .filter(is_bound)
            .map(|address| address.identity);
        let first = named.next().ok_or_else(refusal::bad_recipient)?;
        let is_known = |identity: &IdentityId| {
            let module = identity.module.as_deref();
            self.registry.find(&identity.device, module).is_some()
        };
        if is_known(&first) {
            return Ok(first);
        }
        if let Some(plain) = named.next().filter(is_known) {
            return Ok(plain);
        }
        let module = first.module.as_deref();
        let refused = self.registry.read(&first.device, module).err();
        Err(refused.unwrap_or_else(|| refusal::device_not_found(&first.device)))
    }

    fn authorize_receiver(
        &mut self,
        now: DateTime<Utc>,
        credential: Option<&Credential>,
        device: String,
    ) -> Result<IdentityId, Refusal> {
        let path = format!("devices/{device}/messages/devicebound");
        let id = (device.as_str(), None);
        self.authority
            .authorize_identity(&self.registry, now, credential, id, &path)?;
        self.registry.touch(&device, None, now);
        Ok(IdentityId {
            device,
            module: None,
        })
    }

    fn give(&mut self, identity: &IdentityId, max: usize, holder: Holder) -> Vec<GivenMessage> {
        let token = |item: &Queued<CloudMessage>| keys::lock_token(&self.lock_secret, item.place());
        let changes = self.outbox.lock(identity, max, holder, token);
        let mut given = Vec::with_capacity(changes.len());
        for change in changes {
            if let Some(item) = &change.after
                && let Some(lock) = item.lock
            {
                given.push(GivenMessage {
                    identity: identity.clone(),
                    lock: lock.token,
                    sequence_number: item.number,
                    enqueued: item.enqueued,
                    delivery_count: item.deliveries.saturating_sub(1),
                    content: Arc::clone(&item.content),
                });
            }
            self.note_message(identity, change);
        }
        given
    }

    fn settle_message(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        lock: (Uuid, Option<ListenerId>),
        outcome: Settlement,
    ) -> Outcome {
        let steps = self.outbox.settle(now, identity, lock, outcome);
        if steps.is_empty() {
            return Err(refusal::lock_lost());
        }
        Ok((Reply::Done, self.follow(now, identity, steps)))
    }

    fn purge(&mut self, now: DateTime<Utc>, token: Option<&str>, device: String) -> Outcome {
        let path = format!("devices/{device}");
        self.authority
            .authorize_service(now, token, &path, Right::ServiceConnect)?;
        self.registry.read(&device, None)?;
        let identity = IdentityId {
            device,
            module: None,
        };
        let steps = self.outbox.purge(&identity);
        let count = steps.len();
        let notices = self.follow(now, &identity, steps);
        let device = identity.device;
        Ok((Reply::Purged { device, count }, notices))
    }

    /// What a session held is there for the next one.
    pub(super) fn leave_messages(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        session: ListenerId,
    ) -> Notices {
        let steps = self.outbox.leave(now, identity, session);
        self.follow(now, identity, steps)
    }

    /// What waited for a device or module that is deleted goes with it, and nobody hears of it.
    pub(super) fn drop_messages(&mut self, device: &str, module: Option<&str>) {
        for (identity, steps) in self.outbox.remove(device, module) {
            for (change, _) in steps {
                self.note_message(&identity, change);
            }
        }
    }

    /// Does what is due by then: locks that end, messages that go stale, feedback that has waited long
    /// enough. To be
    /// called ahead of commands; returns who must hear of it. What is to be kept comes with the next records.
    pub fn pass_time(&mut self, now: DateTime<Utc>) -> Vec<(ListenerId, Notice)> {
        let is_due = self.due().is_some_and(|due| due <= now);
        let mut notices = self.pass_messages(now);
        notices.extend(self.pass_jobs(now));
        if is_due {
            notices.extend(self.watchers.wake());
        }
        notices.extend(self.pass_servicebound::<FeedbackRecord>(now));
        notices.extend(self.pass_servicebound::<FileNotification>(now));
        notices
    }

    /// Before this, [`Hub::pass_time`] has nothing to do.
    #[must_use]
    pub fn due(&self) -> Option<DateTime<Utc>> {
        let all = [
            self.outbox.due(),
            self.feedback.due(),
            self.file_notices.due(),
            self.jobs.due(),
        ];
        all.into_iter().flatten().min()
    }

    fn pass_messages(&mut self, now: DateTime<Utc>) -> Notices {
        let mut notices = Vec::new();
        for (identity, steps) in self.outbox.pass_time(now) {
            notices.extend(self.follow(now, &identity, steps));
        }
        notices
    }

    /// What follows from what has happened to messages: records, feedback, and that a session hears of those that are
    /// free again.
    fn follow(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        steps: Vec<Step<CloudMessage>>,
    ) -> Notices {
        let mut notices = Vec::new();
        let mut is_free = false;
        let mut has_feedback = false;
        for (change, departure) in steps {
            is_free |= departure.is_none();
            if let (Some(departure), Some(item)) = (departure, &change.before) {
                let content = Arc::clone(&item.content);
                has_feedback |= self.tell(now, identity, &content, departure);
            }
            self.note_message(identity, change);
        }
        if is_free {
            notices.extend(self.outbox.wake(identity));
        }
        if has_feedback {
            notices.extend(self.feedback.wake(now));
        }
        notices
    }

    /// The identity with the number of messages that wait for it.
    pub(super) fn counted(&self, identity: Identity) -> Identity {
        let id = IdentityId {
            device: identity.device_id.clone(),
            module: identity.module_id.clone(),
        };
        let depth = self.outbox.depth(&id);
        Identity {
            cloud_to_device_message_count: depth.try_into().unwrap_or(i64::MAX),
            ..identity
        }
    }

    pub(super) fn next_number(&mut self) -> i64 {
        let before = self.queued;
        self.queued += 1;
        if self.is_kept {
            let after = self.queued;
            self.records.push(Record::Queued { before, after });
        }
        self.queued
    }

    fn note_message(&mut self, identity: &IdentityId, change: Change<CloudMessage>) {
        if self.is_kept {
            let identity = identity.clone();
            self.records.push(Record::CloudMessage { identity, change });
        }
    }
}
