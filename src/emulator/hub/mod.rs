//! The hub itself: `apply(now, command) -> effects`, without a lock, a clock or a socket.
//!
//! | file | what it knows |
//! |---|---|
//! | [`command`] | what is asked and answered |
//! | [`options`] | what a hub is made of |
//! | [`credential`] | what devices prove themselves with |
//! | `adjusting` | what goes wrong on purpose |
//! | `right`, `access`, `admission` | what requests open, and who is let in |
//! | `authorization`, `scope` | tokens, certificates, policies, rights |
//! | `registry`, `entry`, `keys`, `registry_service` | identities and their keys |
//! | `event_log`, `message` | events, as readers see them |
//! | `readers`, `reading` | who reads what, from where, and who must give way |
//! | `watchers` | who wants to know of changes |
//! | `sessions`, `presence`, `listener` | who is connected |
//! | `content`, `dispatch` | messages, and what is asked of their queues |
//! | `queue`, `outbox`, `cloud_to_device` | messages to devices |
//! | `feedback` | what became of them |
//! | `uploads`, `upload_service` | files that devices upload |
//! | `service_queue`, `servicebound` | how the service hears of both |
//! | `telemetry`, `meter` | what devices send, and how much of it |
//! | `enrichment` | what the hub stamps on it |
//! | `happening` | what the hub tells of itself |
//! | `twins`, `methods` | what devices are told and asked |
//! | `configurations`, `configuring`, `deployments` | what twins are given without being asked |
//! | `job`, `jobs`, `scheduling` | what is done with many devices when its time comes |
//! | `bulk` | many identities at once |
//! | `transfers`, `transfer_service` | all of them, on their way to storage and back |
//! | [`record`], `keep` | what a store keeps of all this |
//! | `refusal` | every way of saying no |

mod access;
mod adjusting;
mod admission;
mod authorization;
mod bulk;
mod cloud_to_device;
pub mod command;
mod configurations;
mod configuring;
mod content;
pub mod credential;
mod deployments;
mod dispatch;
mod edge;
mod enrichment;
mod entry;
mod event_log;
mod feedback;
mod happening;
mod job;
mod jobs;
mod keep;
mod keys;
mod listener;
mod message;
mod meter;
mod methods;
pub mod options;
mod outbox;
mod presence;
mod queue;
mod readers;
mod reading;
pub mod record;
mod refusal;
mod registry;
mod registry_service;
mod right;
mod scheduling;
mod scope;
mod service_queue;
mod servicebound;
mod sessions;
mod telemetry;
#[cfg(test)]
#[expect(
    clippy::wildcard_enum_match_arm,
    clippy::unnecessary_wraps,
    reason = "a test names the one reply it waits for"
)]
mod tests;
mod transfer_service;
mod transfers;
mod twins;
mod upload_service;
mod uploads;
mod watchers;

#[cfg(test)]
mod test_kept;

#[cfg(test)]
mod test_kept_identities;

#[cfg(test)]
mod test_kept_jobs;

#[cfg(test)]
mod test_kept_messages;

use chrono::{DateTime, Utc};

use crate::model::device::Identity;
use crate::model::feedback::FeedbackRecord;
use crate::model::file_notification::FileNotification;
use crate::model::secret::Secret;
use crate::protocol::amqp::source::MessageSource;
use authorization::Authority;
use command::{Command, Effects, ListenerId, Notice, Refusal, Reply};
use configurations::Configurations;
use enrichment::Enrichment;
use event_log::{EventLog, Retention};
use jobs::Jobs;
use meter::Meter;
use methods::Methods;
use options::{DEFAULT_GROUP, HubOptions, MAX_PARTITIONS, OptionsError};
use outbox::Outbox;
use readers::Readers;
use record::Record;
use registry::Registry;
use service_queue::ServiceQueue;
use sessions::Sessions;
use transfers::Transfers;
use twins::Twins;
use uploads::Uploads;
use watchers::Watchers;

/// The whole state of a hub.
#[derive(Debug)]
pub struct Hub {
    authority: Authority,
    registry: Registry,
    events: EventLog,
    readers: Readers,
    watchers: Watchers,
    sessions: Sessions,
    meter: Meter,
    twins: Twins,
    configurations: Configurations,
    methods: Methods,
    jobs: Jobs,
    transfers: Transfers,
    outbox: Outbox,
    feedback: ServiceQueue<FeedbackRecord>,
    file_notices: ServiceQueue<FileNotification>,
    uploads: Uploads,
    /// Whether there is storage for devices' files.
    has_storage: bool,
    /// How many items the two have ever taken in.
    queued: i64,
    /// What lock tokens are made from.
    lock_secret: Secret,
    /// In lower case.
    groups: Vec<String>,
    /// Whether routes take telemetry past the built-in endpoint.
    is_bypassed: bool,
    /// What the built-in endpoint is told of.
    told: Vec<MessageSource>,
    /// What is stamped on whatever it gets.
    enrichments: Vec<Enrichment>,
    name: String,
    host: String,
    entity: String,
    created: DateTime<Utc>,
    /// Whether there is a store that wants to know of changes.
    is_kept: bool,
    /// The changes of the command that is being carried out.
    records: Vec<Record>,
}

/// An answer, and who else must hear of what happened.
type Outcome = Result<(Reply, Vec<(ListenerId, Notice)>), Refusal>;

impl Hub {
    /// An empty hub, made at the time `now`.
    ///
    /// # Errors
    /// [`OptionsError`] names the option that no hub can have.
    pub fn new(now: DateTime<Utc>, options: HubOptions) -> Result<Self, OptionsError> {
        if !(1..=MAX_PARTITIONS).contains(&options.partitions) {
            return Err(OptionsError::Partitions {
                partitions: options.partitions,
            });
        }
        options::check_enrichments(&options.enrichments)?;
        let mut groups = vec![DEFAULT_GROUP.to_lowercase()];
        groups.extend(
            options
                .consumer_groups
                .iter()
                .map(|group| group.to_lowercase()),
        );
        Ok(Self {
            authority: Authority::new(&options)?,
            registry: Registry::new(options.secret.clone()),
            lock_secret: options.secret,
            events: EventLog::new(
                options.partitions,
                Retention {
                    bytes: options.retention_bytes,
                    age: options.retention,
                },
            ),
            readers: Readers::default(),
            watchers: Watchers::default(),
            sessions: Sessions::default(),
            meter: Meter::new(options.name.clone(), options.daily_quota),
            twins: Twins::default(),
            configurations: Configurations::default(),
            methods: Methods::default(),
            jobs: Jobs::default(),
            transfers: Transfers::default(),
            outbox: Outbox::default(),
            feedback: feedback::empty_queue(),
            file_notices: upload_service::empty_queue(),
            uploads: Uploads::default(),
            has_storage: options.has_storage,
            queued: 0,
            groups,
            is_bypassed: options::is_bypassed(&options.routes),
            told: options::told(&options.routes),
            enrichments: options.enrichments,
            name: options.name,
            host: options.hosts.into_iter().next().unwrap_or_default(),
            entity: options.entity,
            created: now,
            is_kept: false,
            records: Vec::new(),
        })
    }

    /// Registers a device on behalf of whoever runs the hub; no token is asked for.
    ///
    /// # Errors
    /// As for [`command::RegistryOperation::Write`]: an id that no hub takes, or one that is there already.
    pub fn register(&mut self, now: DateTime<Utc>, device: &str) -> Result<Identity, Refusal> {
        let identity = Identity {
            device_id: device.to_owned(),
            ..Identity::default()
        };
        let (identity, _) = self.write_identity(now, (device, None), identity, None)?;
        Ok(identity)
    }

    /// Carries one command out at the time `now`.
    pub fn apply(&mut self, now: DateTime<Utc>, command: Command) -> Effects {
        let is_write = command.is_write();
        match self.carry_out(now, command) {
            Ok((reply, mut notices)) => {
                if is_write {
                    notices.extend(self.watchers.wake());
                }
                Effects {
                    reply: Ok(reply),
                    notices,
                    records: self.take_records(),
                }
            }
            Err(refusal) => Effects {
                reply: Err(refusal),
                notices: Vec::new(),
                records: self.take_records(),
            },
        }
    }

    fn carry_out(&mut self, now: DateTime<Utc>, command: Command) -> Outcome {
        let quiet = |reply| (reply, Vec::new());
        match command {
            Command::SendEvents {
                credential,
                device,
                messages,
            } => self.send_events(now, credential.as_ref(), &device, &messages),
            Command::Admit(access) => self.admit(now, &access).map(|()| quiet(Reply::Done)),
            Command::Registry { token, operation } => {
                self.work_on_registry(now, token.as_deref(), operation)
            }
            Command::Twin(operation) => self.work_on_twin(now, operation),
            Command::Configuration { token, operation } => {
                self.work_on_configuration(now, token.as_deref(), operation)
            }
            Command::Job { token, operation } => self.work_on_job(now, token.as_deref(), operation),
            Command::Transfer(operation) => self.work_on_transfer(now, operation),
            Command::Method(operation) => self.work_on_method(now, operation),
            Command::Listen { session, feed, on } => self.listen(session, feed, on),
            Command::CloudToDevice(operation) => self.work_on_messages(now, operation),
            Command::Feedback(operation) => {
                self.work_on_servicebound::<FeedbackRecord>(now, operation)
            }
            Command::Upload(operation) => self.work_on_upload(now, operation),
            Command::FileNotifications(operation) => {
                self.work_on_servicebound::<FileNotification>(now, operation)
            }
            Command::PutToken { token } => self
                .authority
                .put_token(&self.registry, now, &token)
                .map(|grant| quiet(Reply::Granted(grant))),
            Command::PlainLogin { user, password } => self
                .authority
                .plain_login(&self.registry, now, &user, &password)
                .map(|grant| quiet(Reply::Granted(grant))),
            Command::OpenSession {
                session,
                identity,
                credential,
            } => self.open_session(now, session, identity, &credential),
            Command::Publish { session, messages } => self.publish(now, session, &messages),
            Command::PublishWill { session, message } => self.publish_will(now, session, &message),
            Command::CloseSession { session } => {
                Ok((Reply::Done, self.close_session(now, session)))
            }
            Command::DescribeEventHub => Ok(quiet(Reply::EventHub {
                name: self.entity.clone(),
                created: self.created,
                partitions: self.events.partition_count(),
            })),
            Command::DescribePartition { partition } => {
                self.describe_partition(&partition).map(quiet)
            }
            Command::OpenReader {
                reader,
                group,
                partition,
                position,
                epoch,
                name,
            } => self.open_reader((reader, name), &group, &partition, &position, epoch),
            Command::LookOn {
                reader,
                partition,
                position,
            } => self.look_on(reader, partition, &position).map(quiet),
            Command::Watch { watcher } => {
                self.watchers.watch(watcher);
                Ok(quiet(Reply::Done))
            }
            Command::Adjust(adjustment) => {
                self.adjust(now, &adjustment);
                Ok(quiet(Reply::Done))
            }
            Command::Read { reader, max } => Ok(quiet(self.read(reader, max))),
            Command::CloseReader { reader } => Ok((Reply::Done, self.close_reader(now, reader))),
        }
    }
}
