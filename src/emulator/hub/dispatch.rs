//! What the servers ask of the queues of messages to devices and of feedback, and what is given out of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use super::content::{Ack, CloudMessage};
use super::credential::Credential;
use super::listener::ListenerId;
pub use super::queue::Outcome;
use crate::model::device::IdentityId;
use crate::model::feedback::FeedbackRecord;
use crate::model::file_notification::FileNotification;

/// What can be done with messages to devices.
#[derive(Debug, Clone)]
pub enum CloudToDeviceOperation {
    /// The service sends, on a link that its token has opened. The reply is [`super::command::Reply::Done`].
    Send {
        /// `/devices/{id}[/modules/{id}]/messages/devicebound`, as it was received.
        to: String,
        /// What is sent.
        message: Box<CloudMessage>,
    },
    /// A device that is not connected asks for a message, which is locked for a minute. The reply is
    /// [`super::command::Reply::Messages`] with one or none.
    Receive {
        /// What it proves itself with, if anything.
        credential: Option<Credential>,
        /// The device's id from the path, decoded.
        device: String,
    },
    /// Such a device says what has become of it. The reply is [`super::command::Reply::Done`].
    Settle {
        /// What it proves itself with, if anything.
        credential: Option<Credential>,
        /// The device's id from the path, decoded.
        device: String,
        /// The message's lock token; `None` where what was given is none.
        lock: Option<Uuid>,
        /// What has become of it.
        outcome: Outcome,
    },
    /// A device or module that is connected takes messages, which are locked while it is connected. The reply is
    /// [`super::command::Reply::Messages`]; an empty one means that [`super::command::Notice::Message`] will follow as
    /// soon as there is something.
    Take {
        /// Its session.
        session: ListenerId,
        /// The most messages to hand out.
        max: usize,
    },
    /// It says what has become of one. The reply is [`super::command::Reply::Done`].
    SettleTaken {
        /// Its session.
        session: ListenerId,
        /// The message's lock token.
        lock: Uuid,
        /// What has become of it.
        outcome: Outcome,
    },
    /// The service throws away all that waits for a device. The reply is [`super::command::Reply::Purged`].
    Purge {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// The device's id from the path, decoded.
        device: String,
    },
}

/// What can be done with the feedback about messages to devices, and alike with notifications of uploaded files.
#[derive(Debug, Clone)]
pub enum FeedbackOperation {
    /// The service asks for feedback over HTTPS, which is locked for a minute. The reply is
    /// [`super::command::Reply::Feedback`].
    Receive {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
    },
    /// The service settles such feedback. The reply is [`super::command::Reply::Done`].
    Settle {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// The feedback's lock token; `None` where what was given is none.
        lock: Option<Uuid>,
        /// What is to become of it.
        outcome: Outcome,
    },
    /// A link that is open takes feedback, which is locked while the link is there. The reply is
    /// [`super::command::Reply::Feedback`]; none means that [`super::command::Notice::Message`] will follow as soon as
    /// there is some. [`super::command::Command::CloseReader`] ends it.
    Take {
        /// Who takes.
        listener: ListenerId,
    },
    /// The link settles it. The reply is [`super::command::Reply::Done`].
    SettleTaken {
        /// Who took it.
        listener: ListenerId,
        /// The feedback's lock token.
        lock: Uuid,
        /// What is to become of it.
        outcome: Outcome,
    },
}

/// A message that is given to its device.
#[derive(Debug, Clone)]
pub struct GivenMessage {
    /// Whom it is for.
    pub identity: IdentityId,
    /// What it is settled with.
    pub lock: Uuid,
    /// Counts up through all of the hub's queues.
    pub sequence_number: i64,
    /// When the hub took it.
    pub enqueued: DateTime<Utc>,
    /// How often it was given out before.
    pub delivery_count: u32,
    /// What it is.
    pub content: Arc<CloudMessage>,
}

/// Feedback that is given to the service: one message of several records.
#[derive(Debug, Clone)]
pub struct GivenFeedback {
    /// What it is settled with.
    pub lock: Uuid,
    /// When the first of the records came.
    pub enqueued: DateTime<Utc>,
    /// The hub that speaks.
    pub hub: String,
    /// The records, at most 64.
    pub records: Vec<Arc<FeedbackRecord>>,
}

/// A notification that is given to the service.
#[derive(Debug, Clone)]
pub struct GivenFileNotification {
    /// What it is settled with.
    pub lock: Uuid,
    /// When it came.
    pub enqueued: DateTime<Utc>,
    /// The hub that speaks.
    pub hub: String,
    /// What it says.
    pub notification: Arc<FileNotification>,
}
