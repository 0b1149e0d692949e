//! What the senders of messages to devices hear: a record of what became of each.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::Hub;
use super::command::{CloudMessage, GivenFeedback, Reply};
use super::queue::{Change, Departure};
use super::record::Record;
use super::service_queue::ServiceQueue;
use super::servicebound::{Given, Servicebound};
use crate::model::device::IdentityId;
use crate::model::feedback::{FeedbackRecord, FeedbackStatus};

/// The most records in one message, and how long fewer wait for more since the last one ("Send cloud-to-device messages
/// from an IoT hub").
const MAX_RECORDS: usize = 64;
const PAUSE: TimeDelta = TimeDelta::seconds(15);

/// Where records wait, as a hub begins.
pub(super) fn empty_queue() -> ServiceQueue<FeedbackRecord> {
    ServiceQueue::new(MAX_RECORDS, PAUSE)
}

impl Servicebound for FeedbackRecord {
    const PATH: &'static str = "messages/servicebound/feedback";

    fn queue(hub: &mut Hub) -> &mut ServiceQueue<Self> {
        &mut hub.feedback
    }

    fn record(change: Change<Self>) -> Record {
        Record::Feedback { change }
    }

    fn reply(given: Option<Given<Self>>) -> Reply {
        Reply::Feedback(given.map(|given| GivenFeedback {
            lock: given.lock,
            enqueued: given.enqueued,
            hub: given.hub,
            records: given.contents,
        }))
    }
}

impl Hub {
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
        self.push_servicebound(now, record);
        true
    }
}
