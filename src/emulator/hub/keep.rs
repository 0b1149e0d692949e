//! A hub whose changes are kept: brought back, told of, made undone.

use chrono::{DateTime, Utc};

use super::Hub;
use super::configurations::Configurations;
use super::event_log::{EventLog, Retention};
use super::jobs::Jobs;
use super::options::{HubOptions, OptionsError};
use super::outbox::Outbox;
use super::record::{Kept, Record};
use super::uploads::Uploads;
use crate::model::device::Identity;

impl Hub {
    /// The hub that a store has kept, and that goes on telling what is to be kept. How many partitions it has is the
    /// store's to say.
    ///
    /// # Errors
    /// As for [`Hub::new`].
    pub fn restore(mut options: HubOptions, mut kept: Kept) -> Result<Self, OptionsError> {
        let retention = Retention {
            bytes: options.retention_bytes,
            age: options.retention,
        };
        options.partitions = kept.partitions.len();
        let mut hub = Self::new(kept.created, options)?;
        hub.events = EventLog::restore(std::mem::take(&mut kept.partitions), retention);
        hub.twins.restore(std::mem::take(&mut kept.twins));
        hub.configurations = Configurations::restore(std::mem::take(&mut kept.configurations));
        hub.jobs = Jobs::restore(std::mem::take(&mut kept.jobs));
        hub.outbox = Outbox::restore(std::mem::take(&mut kept.messages));
        hub.feedback.restore(std::mem::take(&mut kept.feedback));
        let file_notifications = std::mem::take(&mut kept.file_notifications);
        hub.file_notices.restore(file_notifications);
        hub.uploads = Uploads::restore(std::mem::take(&mut kept.uploads));
        hub.queued = kept.queued;
        hub.registry.restore(kept);
        hub.is_kept = true;
        Ok(hub)
    }

    /// An identity, for whoever runs the hub.
    #[must_use]
    pub fn identity(&self, device: &str) -> Option<Identity> {
        self.registry.read(device, None).ok()
    }

    /// Drops what is older than events are kept, or more than there is room for; returns what a store must know. To be
    /// called ahead of commands.
    pub fn tidy(&mut self, now: DateTime<Utc>) -> Vec<Record> {
        self.events.tidy(now, &mut self.records);
        self.take_records()
    }

    /// What has changed since the last command, such as by [`Hub::register`].
    pub fn take_records(&mut self) -> Vec<Record> {
        let mut records = std::mem::take(&mut self.records);
        let registry = self.registry.take_records();
        let twins = self.twins.take_records();
        records.extend(self.jobs.take_records());
        if self.is_kept {
            records.extend(registry);
            records.extend(twins);
        }
        records
    }

    /// Makes changes undone that could not be kept: the last ones, in the order in which they happened, with nothing read
    /// in between.
    pub fn take_back(&mut self, records: Vec<Record>) {
        let is_of_job =
            |record: &Record| matches!(record, Record::Job { .. } | Record::JobRow { .. });
        let has_jobs = records.iter().any(is_of_job);
        for record in records.into_iter().rev() {
            match record {
                Record::Event {
                    partition,
                    event,
                    opens_span,
                } => self.events.take_event_back(partition, &event, opens_span),
                Record::Partition {
                    partition, before, ..
                } => self.events.take_head_back(partition, before),
                Record::Identity {
                    device,
                    module,
                    before,
                    ..
                } => {
                    let before = before.map(|before| *before);
                    self.registry.put_back(&device, module.as_deref(), before);
                }
                Record::Deleted { path, times } => self.registry.take_deletion_back(path, times),
                Record::RegistryChanges { before, .. } => self.registry.take_changes_back(before),
                Record::Twin {
                    identity, before, ..
                } => self.twins.put(&identity, before),
                Record::Configuration { id, before, .. } => {
                    self.configurations.put(&id, before.map(|before| *before));
                }
                Record::Job { id, before, .. } => self.jobs.put(&id, before),
                Record::JobRow {
                    job,
                    identity,
                    before,
                    ..
                } => self.jobs.put_row(&job, &identity, before),
                Record::CloudMessage { identity, change } => {
                    self.outbox.apply(&identity, change.undone());
                }
                Record::Feedback { change } => self.feedback.apply(change.undone()),
                Record::FileNotification { change } => self.file_notices.apply(change.undone()),
                Record::Upload { id, before, .. } => self.uploads.put(&id, before),
                Record::Queued { before, .. } => self.queued = before,
            }
        }
        if has_jobs {
            self.jobs.count_pending();
        }
    }
}
