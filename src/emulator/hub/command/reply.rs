//! What the hub answers.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::record::StoredRange;
use super::{
    BulkError, CallId, Exported, GivenFeedback, GivenFileNotification, GivenMessage, Grant,
    StoredEvent,
};
use crate::emulator::query::{Page, Search};
use crate::model::device::Identity;

/// What the hub answers when it does not refuse.
#[derive(Debug, Clone)]
pub enum Reply {
    /// It is done; there is nothing to say.
    Done,
    /// What a token opens.
    Granted(Grant),
    /// A device or module is connected.
    Session {
        /// Seconds since 1970 at which its token ends; `None` for one that came with a certificate.
        expires: Option<i64>,
    },
    /// One identity.
    Identity(Box<Identity>),
    /// Several identities.
    Identities(Vec<Identity>),
    /// How many devices there are.
    Statistics {
        /// All of them.
        total: usize,
        /// Those that may connect.
        enabled: usize,
        /// Those that are connected, by themselves or by a module.
        connected: usize,
    },
    /// What was refused of many changes; empty if nothing was.
    Bulk(Vec<BulkError>),
    /// A page of an export.
    Exported(Exported),
    /// A twin as the service's side sees it.
    Twin {
        /// Its `ETag`.
        etag: String,
        /// The JSON of `GET /twins/{id}`.
        twin: Value,
    },
    /// A twin as its device sees it: `{"desired":{…,"$version":1},"reported":{…,"$version":1}}`.
    OwnTwin(Value),
    /// Reported properties were changed.
    Reported {
        /// Their `$version` now.
        version: u64,
    },
    /// A configuration.
    Configuration {
        /// Its `ETag`.
        etag: String,
        /// The JSON of `GET /configurations/{id}`.
        configuration: Value,
        /// Whether it has just been made.
        is_new: bool,
    },
    /// JSON without an `ETag`.
    Json(Value),
    /// A query, as far as it has come.
    Search(Box<Search>),
    /// A page of what there is.
    Page(Page),
    /// A method was called.
    Call {
        /// The call's number.
        call: CallId,
        /// Whether it is with the device; otherwise [`super::Notice::Delivered`] follows when it is.
        is_delivered: bool,
    },
    /// The event hub's own description.
    EventHub {
        /// The Event Hub-compatible name.
        name: String,
        /// When the hub was made.
        created: DateTime<Utc>,
        /// How many partitions it has.
        partitions: usize,
    },
    /// How far a partition has come.
    Partition(PartitionState),
    /// Events from a reader's cursor on, in order.
    Events(Vec<Arc<StoredEvent>>),
    /// The same, but they are to be had from the store. Whoever has the store puts [`Reply::Events`] in its place, or asks
    /// again where nothing is left of them.
    Stored(StoredRange),
    /// Messages that a device or module holds from now on.
    Messages(Vec<GivenMessage>),
    /// Feedback that the service holds from now on.
    Feedback(Option<GivenFeedback>),
    /// A notification that the service holds from now on.
    FileNotification(Option<GivenFileNotification>),
    /// An upload that is open.
    Upload {
        /// What the device calls it by.
        correlation: String,
        /// The blob's name in the container.
        blob: String,
        /// Until when it is open, and access to the blob lasts.
        expires: DateTime<Utc>,
    },
    /// A device's queue is empty.
    Purged {
        /// The device.
        device: String,
        /// How many messages were in it.
        count: usize,
    },
}

/// How far a partition has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionState {
    /// Its number, from 0.
    pub partition: usize,
    /// The oldest event's sequence number that is still there.
    pub begin_sequence_number: i64,
    /// The newest event's; -1 before the first.
    pub last_sequence_number: i64,
    /// The newest event's offset; `-1` before the first.
    pub last_offset: String,
    /// When the newest event was enqueued; 1970 before the first.
    pub last_enqueued: DateTime<Utc>,
    /// Whether there is none.
    pub is_empty: bool,
}
