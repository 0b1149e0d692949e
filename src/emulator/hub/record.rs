//! What a store is to keep of a hub, and what it gives back at the next start.
//!
//! Every command that changes something says so in records, in the order in which it happened. They go both ways: a store
//! writes what came `after`, and [`super::Hub::take_back`] makes undone what could not be written. Whoever adds something
//! that is to survive a restart (twins, messages to devices) adds a record with both its sides, its part of [`Kept`], and
//! a row in the store.

use std::mem::swap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::content::CloudMessage;
pub use super::job::{JobFacts, JobRow};
pub use super::queue::{Change, Holder, Lock, Queued};
pub use super::uploads::{Upload, UploadId};
use crate::model::configuration::Configuration;
use crate::model::device::{Identity, IdentityId};
use crate::model::feedback::FeedbackRecord;
use crate::model::file_notification::FileNotification;
use crate::model::twin::Twin;

/// One change.
#[derive(Debug, Clone)]
pub enum Record {
    /// An event has come to the end of a partition.
    Event {
        /// The partition.
        partition: usize,
        /// The event.
        event: Arc<StoredEvent>,
        /// Whether a [`Span`] begins with it.
        opens_span: bool,
    },
    /// A partition begins or ends elsewhere. Events before its beginning are gone.
    Partition {
        /// The partition.
        partition: usize,
        /// As it was.
        before: PartitionHead,
        /// As it is.
        after: PartitionHead,
    },
    /// An identity was made, changed, heard of or deleted.
    Identity {
        /// The device.
        device: String,
        /// The module, for a module's identity.
        module: Option<String>,
        /// As it was.
        before: Option<Box<KeptIdentity>>,
        /// As it is; `None` for one that was deleted.
        after: Option<Box<KeptIdentity>>,
    },
    /// An id was deleted once more: made anew, it gets other keys.
    Deleted {
        /// What its keys are derived from, such as `device/d1`.
        path: String,
        /// How often by now.
        times: u32,
    },
    /// A twin has changed, or has gone with its identity. One that was never written to is not kept.
    Twin {
        /// Whose.
        identity: IdentityId,
        /// As it was.
        before: Option<Arc<Twin>>,
        /// As it is.
        after: Option<Arc<Twin>>,
    },
    /// A configuration was made, changed or deleted.
    Configuration {
        /// Its id.
        id: String,
        /// As it was.
        before: Option<Box<Configuration>>,
        /// As it is; `None` for one that was deleted.
        after: Option<Box<Configuration>>,
    },
    /// A job was made, has come further or was forgotten.
    Job {
        /// Its id.
        id: String,
        /// As it was.
        before: Option<Arc<JobFacts>>,
        /// As it is; `None` for one that was forgotten.
        after: Option<Arc<JobFacts>>,
    },
    /// A job's work with one device or module is to be done, is done, or was forgotten.
    JobRow {
        /// The job's id.
        job: String,
        /// The device or module.
        identity: IdentityId,
        /// As it was.
        before: Option<Arc<JobRow>>,
        /// As it is.
        after: Option<Arc<JobRow>>,
    },
    /// How many changes the registry has seen.
    RegistryChanges {
        /// As it was.
        before: u64,
        /// As it is.
        after: u64,
    },
    /// A message to a device or module was taken in, given out, given back, or has left its queue.
    CloudMessage {
        /// Whom it is for.
        identity: IdentityId,
        /// What has happened to it.
        change: Change<CloudMessage>,
    },
    /// The same for a record of feedback.
    Feedback {
        /// What has happened to it.
        change: Change<FeedbackRecord>,
    },
    /// The same for a notification of an uploaded file.
    FileNotification {
        /// What has happened to it.
        change: Change<FileNotification>,
    },
    /// An upload was begun, or is over.
    Upload {
        /// Which.
        id: UploadId,
        /// As it was.
        before: Option<Upload>,
        /// As it is; `None` for one that is over.
        after: Option<Upload>,
    },
    /// How many items the hub's queues have ever taken in.
    Queued {
        /// As it was.
        before: i64,
        /// As it is.
        after: i64,
    },
}

impl Record {
    /// What a store is to write to make it undone; nothing for an event, which is to be taken out.
    #[must_use]
    pub fn undone(mut self) -> Option<Self> {
        match &mut self {
            Self::Event { .. } => return None,
            Self::Partition { before, after, .. } => {
                swap(before, after);
                // What was dropped stays dropped, in the hub as well: its spans may be gone.
                after.begin = before.begin.min(after.next_sequence_number);
            }
            Self::Identity { before, after, .. } => swap(before, after),
            Self::Deleted { times, .. } => *times = times.saturating_sub(1),
            Self::Twin { before, after, .. } => swap(before, after),
            Self::Configuration { before, after, .. } => swap(before, after),
            Self::Job { before, after, .. } => swap(before, after),
            Self::JobRow { before, after, .. } => swap(before, after),
            Self::RegistryChanges { before, after } => swap(before, after),
            Self::CloudMessage { change, .. } => swap(&mut change.before, &mut change.after),
            Self::Feedback { change } => swap(&mut change.before, &mut change.after),
            Self::FileNotification { change } => swap(&mut change.before, &mut change.after),
            Self::Upload { before, after, .. } => swap(before, after),
            Self::Queued { before, after } => swap(before, after),
        }
        Some(self)
    }
}

/// An event as it was stored, with what the hub added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Counts up from 0 in its partition.
    pub sequence_number: i64,
    /// The event's place in the partition's bytes; opaque text to readers.
    pub offset: i64,
    /// When the hub took it.
    pub enqueued: DateTime<Utc>,
    /// The whole encoded AMQP message (all sections), ready to be put into a transfer.
    pub encoded: Bytes,
}

/// Where a partition begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionHead {
    /// The sequence number of the oldest event that is still there, or of the next if there is none.
    pub begin: i64,
    /// The sequence number that the next event will have.
    pub next_sequence_number: i64,
    /// The offset that the next event will have.
    pub next_offset: i64,
    /// The newest event's offset; -1 before the first.
    pub last_offset: i64,
    /// When the newest event was enqueued; 1970 before the first.
    pub last_enqueued: DateTime<Utc>,
}

impl Default for PartitionHead {
    fn default() -> Self {
        Self {
            begin: 0,
            next_sequence_number: 0,
            next_offset: 0,
            last_offset: -1,
            last_enqueued: DateTime::UNIX_EPOCH,
        }
    }
}

/// The first event of a run of events that are found, and dropped, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its sequence number.
    pub sequence_number: i64,
    /// Its offset.
    pub offset: i64,
    /// When it was enqueued.
    pub enqueued: DateTime<Utc>,
}

/// An identity as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptIdentity {
    /// As the service shows it.
    pub identity: Identity,
    /// When it was last heard of.
    pub last_activity: Option<DateTime<Utc>>,
}

/// A partition as it is kept, but for its events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptPartition {
    /// Where it begins and ends.
    pub head: PartitionHead,
    /// Its spans from its beginning on, in order.
    pub spans: Vec<Span>,
}

/// What a store gives back at the start: all but the events.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// When the hub was made.
    pub created: DateTime<Utc>,
    /// Every partition.
    pub partitions: Vec<KeptPartition>,
    /// Every device and module: its id, the module's, and what is kept of it.
    pub identities: Vec<(String, Option<String>, KeptIdentity)>,
    /// Every twin that was ever written to.
    pub twins: Vec<(IdentityId, Twin)>,
    /// Every configuration.
    pub configurations: Vec<Configuration>,
    /// Every job.
    pub jobs: Vec<KeptJob>,
    /// How often ids were deleted.
    pub deleted: Vec<(String, u32)>,
    /// How many changes the registry has seen.
    pub registry_changes: u64,
    /// What waits for devices and modules.
    pub messages: Vec<KeptMessage>,
    /// What the service has yet to hear of its messages.
    pub feedback: Vec<Queued<FeedbackRecord>>,
    /// What the service has yet to hear of devices' files.
    pub file_notifications: Vec<Queued<FileNotification>>,
    /// Every upload that is open.
    pub uploads: Vec<(UploadId, Upload)>,
    /// How many items the hub's queues have ever taken in.
    pub queued: i64,
}

/// A job as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptJob {
    /// All but its work with devices.
    pub facts: JobFacts,
    /// Its work with each device or module.
    pub rows: Vec<(IdentityId, JobRow)>,
}

/// A message to a device or module as it is kept. Locks of those who were connected are not.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptMessage {
    /// Whom it is for.
    pub identity: IdentityId,
    /// The message.
    pub message: Queued<CloudMessage>,
}

/// Events that are the store's alone: from one sequence number up to, but without, another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRange {
    /// The partition.
    pub partition: usize,
    /// The first event's sequence number.
    pub from: i64,
    /// The sequence number behind the last.
    pub to: i64,
    /// Events that are not behind this are passed over.
    pub behind: Option<Threshold>,
}

/// A reader's position, where the hub itself knows only the span that it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// Behind an offset, or at it.
    Offset {
        /// The offset.
        offset: i64,
        /// Whether the event with that very offset counts as behind it.
        inclusive: bool,
    },
    /// Later than a time, in milliseconds since 1970.
    Time(i64),
}

impl Threshold {
    /// Whether an event with this offset and this enqueued time is behind it.
    #[must_use]
    pub fn lets_through(self, offset: i64, enqueued: DateTime<Utc>) -> bool {
        match self {
            Self::Offset {
                offset: wanted,
                inclusive,
            } => offset > wanted || (inclusive && offset == wanted),
            Self::Time(time) => enqueued.timestamp_millis() > time,
        }
    }
}
