//! What devices and modules send: stored in the partition of their device, in order.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::command::{Credential, DeviceMessage, ListenerId, Notice, OwnDoor, Reply};
use super::enrichment::enriched;
use super::event_log::EventLog;
use super::message::{Origin, Sender};
use super::readers::Readers;
use super::record::Record;
use super::sessions::{ProvenBy, Session};
use super::{Hub, Outcome, message, refusal};
use crate::model::device::IdentityId;
use crate::protocol::rest::MAX_MESSAGE_BYTES;

impl Hub {
    /// A request of a device that is not connected.
    pub(super) fn send_events(
        &mut self,
        now: DateTime<Utc>,
        credential: Option<&Credential>,
        device: &str,
        messages: &[DeviceMessage],
    ) -> Outcome {
        let path = OwnDoor::Events.path(device);
        let authority = &self.authority;
        let (proven_by, end) =
            authority.authorize_identity(&self.registry, now, credential, (device, None), &path)?;
        self.registry.note_token(device, None, end);
        check_size(messages)?;
        self.store(now, (device, None), proven_by, messages)
    }

    /// Messages of a device or module that is connected.
    pub(super) fn publish(
        &mut self,
        now: DateTime<Utc>,
        session: ListenerId,
        messages: &[DeviceMessage],
    ) -> Outcome {
        let session = self
            .sessions
            .find(session)
            .ok_or_else(refusal::no_session)?;
        let session = session.clone();
        self.store_of(now, &session, messages)
    }

    /// The will of a device or module whose connection broke off, perhaps because it has a newer one.
    pub(super) fn publish_will(
        &mut self,
        now: DateTime<Utc>,
        session: ListenerId,
        message: &DeviceMessage,
    ) -> Outcome {
        let session = self.sessions.find_last(session);
        let session = session.ok_or_else(refusal::no_session)?.clone();
        self.store_of(now, &session, std::slice::from_ref(message))
    }

    fn store_of(
        &mut self,
        now: DateTime<Utc>,
        session: &Session,
        messages: &[DeviceMessage],
    ) -> Outcome {
        for message in messages {
            check_size(std::slice::from_ref(message))?;
        }
        let identity = &session.identity;
        let id = (identity.device.as_str(), identity.module.as_deref());
        self.store(now, id, session.proven_by, messages)
    }

    fn store(
        &mut self,
        now: DateTime<Utc>,
        (device, module): (&str, Option<&str>),
        proven_by: ProvenBy,
        messages: &[DeviceMessage],
    ) -> Outcome {
        self.meter
            .take(now, messages.iter().map(DeviceMessage::size))?;
        let Some(entry) = self.registry.find(device, module) else {
            return Err(refusal::device_not_found(device));
        };
        let sender = Sender {
            device,
            module,
            origin: Origin::Device {
                generation_id: &entry.identity.generation_id,
                auth_method: message::auth_method(proven_by, module.is_some()),
            },
        };
        let kept = if self.is_bypassed {
            Cow::Borrowed(&[][..])
        } else {
            self.stamped((device, module), messages)
        };
        let log = Log {
            events: &mut self.events,
            readers: &mut self.readers,
            records: self.is_kept.then_some(&mut self.records),
        };
        let notices = log.append(now, sender, &kept);
        self.registry.touch(device, module, now);
        Ok((Reply::Done, notices))
    }

    /// Puts a message of the hub's own to the end of its device's partition; returns who is to hear of it.
    pub(super) fn append(
        &mut self,
        now: DateTime<Utc>,
        sender: Sender<'_>,
        message: &DeviceMessage,
    ) -> Vec<(ListenerId, Notice)> {
        let messages = std::slice::from_ref(message);
        let kept = self.stamped((sender.device, sender.module), messages);
        let log = Log {
            events: &mut self.events,
            readers: &mut self.readers,
            records: self.is_kept.then_some(&mut self.records),
        };
        log.append(now, sender, &kept)
    }

    /// Messages as readers will see them, with what the hub puts on each.
    fn stamped<'m>(
        &self,
        (device, module): (&str, Option<&str>),
        messages: &'m [DeviceMessage],
    ) -> Cow<'m, [DeviceMessage]> {
        if self.enrichments.is_empty() {
            return Cow::Borrowed(messages);
        }
        let identity = IdentityId {
            device: device.to_owned(),
            module: module.map(str::to_owned),
        };
        let entry = self.registry.find(device, module);
        let twin = entry.map(|entry| self.twins.find(&identity, entry));
        let stamped = |message| enriched(&self.enrichments, &self.name, twin.as_deref(), message);
        messages.iter().filter_map(stamped).collect()
    }
}

/// What takes events in: apart from the registry, so that a sender is described by what stands there.
struct Log<'hub> {
    events: &'hub mut EventLog,
    readers: &'hub mut Readers,
    /// Where there is a store.
    records: Option<&'hub mut Vec<Record>>,
}

impl Log<'_> {
    /// Puts messages to the end of their device's partition; returns who is to hear of them.
    fn append(
        self,
        now: DateTime<Utc>,
        sender: Sender<'_>,
        messages: &[DeviceMessage],
    ) -> Vec<(ListenerId, Notice)> {
        if messages.is_empty() {
            return Vec::new();
        }
        let partition = self.events.partition_of(sender.device);
        let before = self.events.head(partition);
        let mut kept = Vec::new();
        for message in messages {
            kept.extend(self.events.append(partition, now, sender, message));
        }
        if let Some(records) = self.records {
            records.append(&mut kept);
            records.push(Record::Partition {
                partition,
                before,
                after: self.events.head(partition),
            });
        }
        self.readers.wake(partition)
    }
}

fn check_size(messages: &[DeviceMessage]) -> Result<(), super::command::Refusal> {
    let total: usize = messages.iter().map(DeviceMessage::size).sum();
    if total > MAX_MESSAGE_BYTES {
        return Err(refusal::message_too_large(total, MAX_MESSAGE_BYTES));
    }
    Ok(())
}
