//! What the servers ask of the hub, and what it answers.

mod adjustment;
mod bulk;
mod configuration;
mod job;
mod method;
mod notice;
mod registry;
mod reply;
mod transfer;
mod twin;
mod upload;

pub use super::access::{Access, Door, OwnDoor};
pub use super::content::{DeviceMessage, PlugAndPlay};
pub use super::credential::{Certificate, Credential};
pub use super::dispatch::{
    Ack, CloudMessage, CloudToDeviceOperation, FeedbackOperation, GivenFeedback,
    GivenFileNotification, GivenMessage, Outcome,
};
pub use super::listener::ListenerId;
use super::record::Record;
pub use super::record::StoredEvent;
use crate::model::device::IdentityId;
use crate::protocol::amqp::filter::Position;
use crate::protocol::rest::error_code::ErrorCode;
pub use adjustment::Adjustment;
pub use bulk::{BulkChange, BulkError, ImportMode};
pub use configuration::ConfigurationOperation;
pub use job::{JobOperation, JobRequest, Task};
pub use method::{CallId, MethodOperation};
pub use notice::Notice;
pub use registry::RegistryOperation;
pub use reply::{PartitionState, Reply};
pub use transfer::{Direction, ExportPlace, Exported, TransferOperation, TransferRequest};
pub use twin::TwinOperation;
pub use upload::{FoundBlob, UploadOperation};

/// A request to the hub. Tokens stand as they were received; the hub verifies them itself.
#[derive(Debug)]
pub enum Command {
    /// A device posts events: all of them are stored, or none.
    SendEvents {
        /// What it proves itself with, if anything.
        credential: Option<Credential>,
        /// The device's id from the path, decoded.
        device: String,
        /// The messages, in order.
        messages: Vec<DeviceMessage>,
    },
    /// Whether a request would be let in, though it cannot be carried out. The reply is [`Reply::Done`].
    Admit(Access),
    /// The service's side works on the identity registry.
    Registry {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// What is to be done.
        operation: RegistryOperation,
    },
    /// Twins are read, changed or searched.
    Twin(TwinOperation),
    /// The service's side works on configurations.
    Configuration {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// What is to be done.
        operation: ConfigurationOperation,
    },
    /// The service's side works on jobs.
    Job {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// What is to be done.
        operation: JobOperation,
    },
    /// The registry on its way to storage and back.
    Transfer(TransferOperation),
    /// Methods of devices are called and answered.
    Method(MethodOperation),
    /// A device or module that is connected wants notices of a kind, or no longer. The reply is [`Reply::Done`].
    Listen {
        /// Its session.
        session: ListenerId,
        /// Of which kind.
        feed: Feed,
        /// Whether it wants them.
        on: bool,
    },
    /// Messages to devices.
    CloudToDevice(CloudToDeviceOperation),
    /// What became of messages to devices.
    Feedback(FeedbackOperation),
    /// Files that devices upload.
    Upload(UploadOperation),
    /// What the service hears of uploaded files, one by one. The replies to what takes are
    /// [`Reply::FileNotification`].
    FileNotifications(FeedbackOperation),
    /// A connection shows a token on `$cbs`.
    PutToken {
        /// The token.
        token: String,
    },
    /// A connection comes with SASL PLAIN.
    PlainLogin {
        /// `policy@sas.root.hub`, `device@sas.hub`, or a policy's bare name on the namespace.
        user: String,
        /// A token, or on the namespace the key's text.
        password: String,
    },
    /// A device or module connects. The reply is [`Reply::Session`].
    OpenSession {
        /// Whose notices are meant for it.
        session: ListenerId,
        /// Who connects.
        identity: IdentityId,
        /// What it proves itself with.
        credential: Credential,
    },
    /// A device or module that is connected sends events: all of them are stored, or none. The reply is [`Reply::Done`].
    Publish {
        /// Its session.
        session: ListenerId,
        /// The messages, in order.
        messages: Vec<DeviceMessage>,
    },
    /// The connection of a device or module broke off, and this is what it wished to be told then; [`Command::CloseSession`]
    /// follows. The reply is [`Reply::Done`].
    PublishWill {
        /// Its session, which a newer one may have taken the place of.
        session: ListenerId,
        /// The message.
        message: Box<DeviceMessage>,
    },
    /// A device or module has gone; without effect for a session that is not open.
    CloseSession {
        /// Its session.
        session: ListenerId,
    },
    /// What the event hub looks like. The reply is [`Reply::EventHub`].
    DescribeEventHub,
    /// How far a partition has come. The reply is [`Reply::Partition`].
    DescribePartition {
        /// `0`, `1`, …, as the client wrote it.
        partition: String,
    },
    /// A reader attaches to a partition. The reply is [`Reply::Done`].
    OpenReader {
        /// Whose cursor this is; the driver gives out the numbers.
        reader: ListenerId,
        /// The consumer group, in any case.
        group: String,
        /// `0`, `1`, …, as the client wrote it.
        partition: String,
        /// Where it begins.
        position: Position,
        /// The owner level; `None` for a reader that shares.
        epoch: Option<i64>,
        /// The reader's own name, for the message that refuses a sixth.
        name: Option<String>,
    },
    /// Someone in this process attaches to a partition and looks on: no consumer group's reader, so that it takes nobody's
    /// place and gives way to nobody. The reply is [`Reply::Done`].
    LookOn {
        /// Whose cursor this is, for [`Command::Read`] and [`Command::CloseReader`].
        reader: ListenerId,
        /// The partition's number.
        partition: usize,
        /// Where it begins.
        position: Position,
    },
    /// Someone in this process wants to know when anything changes that the service's side can see: the next time brings
    /// [`Notice::Available`], once. The reply is [`Reply::Done`]; [`Command::CloseReader`] ends it.
    Watch {
        /// Who is told.
        watcher: ListenerId,
    },
    /// A reader takes what has come. The reply is [`Reply::Events`]; an empty one means that
    /// [`Notice::Available`] will follow as soon as there is something.
    Read {
        /// Whose cursor.
        reader: ListenerId,
        /// The most events to hand out.
        max: usize,
    },
    /// Something goes wrong on purpose, or no longer. The reply is [`Reply::Done`].
    Adjust(Adjustment),
    /// A reader of events, feedback or notifications, or a watcher, has gone; without effect for one that is not known.
    CloseReader {
        /// Whose cursor.
        reader: ListenerId,
    },
}

impl Command {
    /// Whether it may change what is to survive a restart.
    #[must_use]
    pub fn is_write(&self) -> bool {
        match self {
            // Sessions show in the registry.
            Self::SendEvents { .. }
            | Self::OpenSession { .. }
            | Self::Publish { .. }
            | Self::PublishWill { .. }
            | Self::CloseSession { .. }
            | Self::CloudToDevice(_)
            | Self::Feedback(_)
            | Self::Upload(_)
            | Self::Transfer(_)
            | Self::FileNotifications(_)
            // What it held goes back.
            | Self::CloseReader { .. } => true,
            Self::Twin(operation) => operation.is_write(),
            Self::Configuration { operation, .. } => operation.is_write(),
            Self::Job { operation, .. } => operation.is_write(),
            Self::Registry { operation, .. } => operation.is_write(),
            // A job may have been waiting for it.
            Self::Method(operation) => matches!(operation, MethodOperation::Respond { .. }),
            Self::Adjust(_)
            | Self::Admit(_)
            | Self::PutToken { .. }
            | Self::PlainLogin { .. }
            | Self::Listen { .. }
            | Self::DescribeEventHub
            | Self::DescribePartition { .. }
            | Self::OpenReader { .. }
            | Self::LookOn { .. }
            | Self::Watch { .. }
            | Self::Read { .. } => false,
        }
    }
}

/// What a device or module that is connected can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feed {
    /// Changes of its desired properties: [`Notice::Desired`].
    Desired,
    /// Calls of its methods: [`Notice::Call`].
    Methods,
}

/// Which of the two hosts a connection speaks with; both answer on the same port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// IoT Hub's own: keys are decoded from base64, `$cbs` answers 200.
    Hub,
    /// The Event Hubs namespace behind it: keys are text, `$cbs` answers 202.
    Namespace,
}

/// What a verified token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The host that the token was made for.
    pub side: Side,
    /// The token's resource, decoded and without scheme: `localhost/messages/events`, `localhost/entity`, …
    pub scope: String,
    /// Seconds since 1970 at which it ends; `None` for a key shown over SASL PLAIN.
    pub expires: Option<i64>,
    /// Whether it may read events (ServiceConnect).
    pub may_read_events: bool,
}

/// Everything that one command brought about.
#[derive(Debug)]
pub struct Effects {
    /// The answer to whoever asked.
    pub reply: Result<Reply, Refusal>,
    /// Who else must hear of it.
    pub notices: Vec<(ListenerId, Notice)>,
    /// What is to be kept before anyone hears of it; empty without a store, and where the hub refuses.
    pub records: Vec<Record>,
}

/// Why the hub says no, in the service's own terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The service's code; its first three digits are the HTTP status.
    pub code: ErrorCode,
    /// The AMQP error condition that says the same, such as `amqp:unauthorized-access`.
    pub condition: &'static str,
    /// The service's own words.
    pub message: String,
}
