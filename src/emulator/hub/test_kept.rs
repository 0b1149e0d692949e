//! A hub whose changes are kept: by a store that is a few maps, with the time passed in.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;

use super::command::{CloudMessage, Credential, DeviceMessage, StoredEvent};
use super::record::{
    Holder, JobFacts, JobRow, Kept, KeptIdentity, KeptJob, KeptMessage, KeptPartition, Lock,
    Queued, Span, StoredRange, Threshold, Upload, UploadId,
};
use super::*;
use crate::emulator::test_hub::{self, KEY};
use crate::model::configuration::Configuration;
use crate::model::device::IdentityId;
use crate::model::feedback::FeedbackRecord;
use crate::model::file_notification::FileNotification;
use crate::model::secret::Secret;
use crate::model::twin::Twin;
use crate::protocol::amqp::filter::Position;
use crate::protocol::sas::{SigningKey, mint};

const NOW: i64 = 1_700_000_000;

pub(super) fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(NOW * 1000 + ms).unwrap()
}

fn options(retention_bytes: usize) -> HubOptions {
    HubOptions {
        retention_bytes,
        ..test_hub::options(2)
    }
}

pub(super) fn token() -> String {
    let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
    let expiry = NOW + 30 * 86400;
    let token = mint(&key, "localhost", expiry, Some("iothubowner"));
    token.expose().to_owned()
}

/// What a store does, without one.
pub(super) struct Maps {
    heads: Vec<KeptPartition>,
    events: BTreeMap<(usize, i64), Arc<StoredEvent>>,
    identities: BTreeMap<(String, Option<String>), KeptIdentity>,
    pub(super) twins: BTreeMap<IdentityId, Twin>,
    deleted: BTreeMap<String, u32>,
    changes: u64,
    messages: BTreeMap<(IdentityId, i64), Queued<CloudMessage>>,
    feedback: BTreeMap<i64, Queued<FeedbackRecord>>,
    files: BTreeMap<i64, Queued<FileNotification>>,
    uploads: BTreeMap<UploadId, Upload>,
    queued: i64,
    configurations: BTreeMap<String, Configuration>,
    jobs: BTreeMap<String, JobFacts>,
    job_rows: BTreeMap<(String, IdentityId), JobRow>,
}

/// Who was connected is not any more.
fn without_listeners<T>(item: &Queued<T>) -> Queued<T> {
    let lasts = |lock: &Lock| matches!(lock.holder, Holder::Until(_));
    Queued {
        lock: item.lock.filter(lasts),
        ..item.clone()
    }
}

/// Nothing takes out what was there.
fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, after: Option<V>) {
    match after {
        Some(after) => drop(map.insert(key, after)),
        None => drop(map.remove(&key)),
    }
}

impl Maps {
    pub(super) fn new() -> Self {
        Self {
            heads: vec![KeptPartition::default(); 2],
            events: BTreeMap::new(),
            identities: BTreeMap::new(),
            twins: BTreeMap::new(),
            deleted: BTreeMap::new(),
            changes: 0,
            messages: BTreeMap::new(),
            feedback: BTreeMap::new(),
            files: BTreeMap::new(),
            uploads: BTreeMap::new(),
            queued: 0,
            configurations: BTreeMap::new(),
            jobs: BTreeMap::new(),
            job_rows: BTreeMap::new(),
        }
    }

    pub(super) fn keep(&mut self, records: Vec<Record>) {
        for record in records {
            match record {
                Record::Event {
                    partition,
                    event,
                    opens_span,
                } => {
                    if opens_span {
                        self.heads[partition].spans.push(Span {
                            sequence_number: event.sequence_number,
                            offset: event.offset,
                            enqueued: event.enqueued,
                        });
                    }
                    self.events
                        .insert((partition, event.sequence_number), event);
                }
                Record::Partition {
                    partition, after, ..
                } => {
                    let kept = &mut self.heads[partition];
                    kept.head = after;
                    kept.spans
                        .retain(|span| span.sequence_number >= after.begin);
                    self.events
                        .retain(|(p, number), _| *p != partition || *number >= after.begin);
                }
                Record::Identity {
                    device,
                    module,
                    after,
                    ..
                } => put(
                    &mut self.identities,
                    (device, module),
                    after.map(|after| *after),
                ),
                Record::Deleted { path, times } => drop(self.deleted.insert(path, times)),
                Record::Twin {
                    identity, after, ..
                } => put(&mut self.twins, identity, after.map(Arc::unwrap_or_clone)),
                Record::Configuration { id, after, .. } => {
                    put(&mut self.configurations, id, after.map(|after| *after));
                }
                Record::Job { id, after, .. } => {
                    put(&mut self.jobs, id, after.map(Arc::unwrap_or_clone));
                }
                Record::JobRow {
                    job,
                    identity,
                    after,
                    ..
                } => put(
                    &mut self.job_rows,
                    (job, identity),
                    after.map(Arc::unwrap_or_clone),
                ),
                Record::RegistryChanges { after, .. } => self.changes = after,
                Record::CloudMessage { identity, change } => {
                    put(
                        &mut self.messages,
                        (identity, change.number()),
                        change.after,
                    );
                }
                Record::Feedback { change } => {
                    put(&mut self.feedback, change.number(), change.after);
                }
                Record::FileNotification { change } => {
                    put(&mut self.files, change.number(), change.after);
                }
                Record::Upload { id, after, .. } => put(&mut self.uploads, id, after),
                Record::Queued { after, .. } => self.queued = after,
            }
        }
    }

    pub(super) fn hub(&self, retention_bytes: usize) -> Hub {
        let identities = self.identities.iter();
        let job = |facts: &JobFacts| KeptJob {
            rows: self
                .job_rows
                .iter()
                .filter(|((id, _), _)| *id == facts.id)
                .map(|((_, identity), row)| (identity.clone(), row.clone()))
                .collect(),
            facts: facts.clone(),
        };
        let kept = Kept {
            created: at(0),
            partitions: self.heads.clone(),
            identities: identities
                .map(|((device, module), kept)| (device.clone(), module.clone(), kept.clone()))
                .collect(),
            twins: self.twins.clone().into_iter().collect(),
            deleted: self.deleted.clone().into_iter().collect(),
            registry_changes: self.changes,
            messages: self
                .messages
                .iter()
                .map(|((identity, _), message)| KeptMessage {
                    identity: identity.clone(),
                    message: without_listeners(message),
                })
                .collect(),
            feedback: self.feedback.values().map(without_listeners).collect(),
            file_notifications: self.files.values().map(without_listeners).collect(),
            uploads: self.uploads.clone().into_iter().collect(),
            queued: self.queued,
            configurations: self.configurations.values().cloned().collect(),
            jobs: self.jobs.values().map(job).collect(),
        };
        Hub::restore(options(retention_bytes), kept).unwrap()
    }

    fn read(&self, range: &StoredRange) -> Vec<Arc<StoredEvent>> {
        let all = self
            .events
            .range((range.partition, range.from)..(range.partition, range.to));
        all.map(|(_, event)| Arc::clone(event))
            .filter(|event| {
                let behind = range.behind;
                behind.is_none_or(|behind| behind.lets_through(event.offset, event.enqueued))
            })
            .collect()
    }
}

/// All that a reader gets from a position until nothing is left.
fn drain(hub: &mut Hub, store: &Maps, position: Position) -> Vec<i64> {
    let reader = ListenerId(0);
    let open = Command::OpenReader {
        reader,
        group: "$default".to_owned(),
        partition: "0".to_owned(),
        position,
        epoch: None,
        name: None,
    };
    hub.apply(at(0), open).reply.unwrap();
    let mut seen = Vec::new();
    loop {
        let events = match hub.apply(at(0), Command::Read { reader, max: 7 }).reply {
            Ok(Reply::Events(events)) if events.is_empty() => return seen,
            Ok(Reply::Events(events)) => events,
            Ok(Reply::Stored(range)) => store.read(&range),
            other => panic!("{other:?}"),
        };
        seen.extend(events.iter().map(|event| event.sequence_number));
    }
}

/// A device whose events go to partition 0.
fn device(hub: &Hub) -> String {
    (0..100)
        .map(|number| format!("d{number}"))
        .find(|device| hub.events.partition_of(device) == 0)
        .unwrap()
}

fn send(hub: &mut Hub, ms: i64, length: usize) -> Vec<Record> {
    let command = Command::SendEvents {
        credential: Some(Credential::token(token())),
        device: device(hub),
        messages: vec![DeviceMessage {
            body: Bytes::from(vec![b'x'; length]),
            ..DeviceMessage::default()
        }],
    };
    let effects = hub.apply(at(ms), command);
    effects.reply.unwrap();
    effects.records
}

pub(super) fn begun(retention_bytes: usize) -> (Hub, Maps) {
    let mut store = Maps::new();
    let mut hub = store.hub(retention_bytes);
    let device = device(&hub);
    hub.register(at(0), &device).unwrap();
    store.keep(hub.take_records());
    (hub, store)
}

fn state(hub: &Hub) -> command::PartitionState {
    hub.events.describe(0).unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Send {
        later: i64,
        length: usize,
    },
    /// Sends so many that are then taken back.
    Fail(usize),
    Restart,
    Tidy,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let send =
        || (0_i64..200, 0_usize..600).prop_map(|(later, length)| Step::Send { later, length });
    let step = prop_oneof![
        12 => send(),
        1 => (1_usize..4).prop_map(Step::Fail),
        1 => Just(Step::Restart),
        1 => Just(Step::Tidy),
    ];
    proptest::collection::vec(step, 1..80)
}

proptest! {
    /// Whatever is kept, taken back, restarted and dropped: a position finds what a plain search would have found.
    #[test]
    fn a_position_finds_the_same_in_memory_and_in_the_store(
        steps in steps(),
        limit in 4_000_usize..60_000,
        wanted in -2_i64..70,
        inclusive: bool,
    ) {
        let (mut hub, mut store) = begun(limit);
        let mut now = 0;
        for step in steps {
            match step {
                Step::Send { later, length } => {
                    now += later;
                    let records = send(&mut hub, now, length);
                    store.keep(records);
                }
                Step::Fail(count) => {
                    let before = state(&hub);
                    let records: Vec<_> = (0..count).flat_map(|_| send(&mut hub, now, 9)).collect();
                    hub.take_back(records);
                    prop_assert_eq!(state(&hub), before);
                }
                Step::Restart => {
                    let before = state(&hub);
                    hub = store.hub(limit);
                    prop_assert_eq!(state(&hub), before);
                }
                Step::Tidy => {
                    let records = hub.tidy(at(now));
                    store.keep(records);
                    let kept: usize = store.events.values().map(|event| event.encoded.len()).sum();
                    prop_assert!(kept <= limit);
                }
            }
        }
        let end = state(&hub);
        let all: Vec<Arc<StoredEvent>> = store.events.values().cloned().collect();
        let numbers: Vec<i64> = (end.begin_sequence_number..=end.last_sequence_number).collect();
        prop_assert_eq!(all.iter().map(|event| event.sequence_number).collect::<Vec<_>>(), numbers.clone());
        prop_assert_eq!(drain(&mut hub, &store, Position::Earliest), numbers);
        let probe = all.iter().find(|event| event.sequence_number == wanted);
        let (offset, time) = probe.map_or((wanted, wanted), |event| (event.offset, event.enqueued.timestamp_millis()));
        for threshold in [Threshold::Offset { offset, inclusive }, Threshold::Time(time)] {
            let expected: Vec<i64> = all
                .iter()
                .filter(|event| threshold.lets_through(event.offset, event.enqueued))
                .map(|event| event.sequence_number)
                .collect();
            let position = match threshold {
                Threshold::Offset { offset, inclusive } => Position::Offset { offset: offset.to_string(), inclusive },
                Threshold::Time(ms) => Position::EnqueuedTime(ms),
            };
            prop_assert_eq!(drain(&mut hub, &store, position), expected);
        }
    }
}

#[test]
fn events_go_when_their_time_has_come_and_their_numbers_do_not_come_back() {
    let day = TimeDelta::days(1).num_milliseconds();
    let memory = {
        let mut hub = Hub::new(at(0), options(1 << 20)).unwrap();
        let device = device(&hub);
        hub.register(at(0), &device).unwrap();
        hub
    };
    for mut hub in [memory, begun(1 << 20).0] {
        let mut store = Maps::new();
        for hour in 0..30 {
            store.keep(send(&mut hub, hour * day / 24, 10));
        }
        store.keep(hub.tidy(at(30 * day / 24)));
        let left = state(&hub);
        // The sixth hour's event is exactly a day old; a span may hold one that is older.
        assert!((5..=6).contains(&left.begin_sequence_number), "{left:?}");
        assert_eq!(left.last_sequence_number, 29);
        store.keep(hub.tidy(at(3 * day)));
        let left = state(&hub);
        assert!(
            left.is_empty && left.begin_sequence_number == 30,
            "{left:?}"
        );
        assert!(store.events.is_empty() && store.heads[0].spans.is_empty());
        if hub.is_kept {
            hub = store.hub(1 << 20);
            hub.register(at(0), "d0").ok();
            hub.register(at(0), "d1").ok();
        }
        send(&mut hub, 3 * day, 10);
        assert_eq!(state(&hub).last_sequence_number, 30);
        assert_eq!(state(&hub).begin_sequence_number, 30);
    }
}
