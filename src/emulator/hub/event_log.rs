//! The events of all partitions, in memory, the oldest dropped first when there are too many.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};

use super::command::{DeviceMessage, PartitionState, StoredEvent};
use super::message::{self, Place, Sender};

/// What an event costs beside its bytes, roughly: the shared box, its counters, its place in the queue.
const EVENT_OVERHEAD: usize = 128;

/// The events of all partitions.
#[derive(Debug)]
pub(super) struct EventLog {
    partitions: Vec<Partition>,
    retention_bytes: usize,
    held_bytes: usize,
}

#[derive(Debug)]
struct Partition {
    events: VecDeque<Arc<StoredEvent>>,
    next_sequence_number: i64,
    next_offset: i64,
    last_offset: i64,
    last_enqueued: DateTime<Utc>,
}

impl EventLog {
    pub(super) fn new(partitions: usize, retention_bytes: usize) -> Self {
        let empty = || Partition {
            events: VecDeque::new(),
            next_sequence_number: 0,
            next_offset: 0,
            last_offset: -1,
            last_enqueued: DateTime::UNIX_EPOCH,
        };
        Self {
            partitions: std::iter::repeat_with(empty).take(partitions).collect(),
            retention_bytes,
            held_bytes: 0,
        }
    }

    pub(super) fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    /// Where a device's events go: always to the same partition. FNV-1a, because it is stable over builds.
    pub(super) fn partition_of(&self, device: &str) -> usize {
        let hash = device
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        // The low bits of FNV depend on the low bits of the input alone, so the high ones are folded in.
        let spread = (hash ^ (hash >> 32)) & 0xffff_ffff;
        usize::try_from(spread).unwrap_or(0) % self.partitions.len().max(1)
    }

    /// Stores a message at the end of a partition.
    pub(super) fn append(
        &mut self,
        partition: usize,
        now: DateTime<Utc>,
        sender: Sender<'_>,
        message: &DeviceMessage,
    ) {
        let Some(partition) = self.partitions.get_mut(partition) else {
            return;
        };
        // Annotations carry milliseconds; and a clock that is set back must not break the order by time.
        let enqueued = now.trunc_subsecs(3).max(partition.last_enqueued);
        let place = Place {
            sequence_number: partition.next_sequence_number,
            offset: partition.next_offset,
            enqueued: enqueued.timestamp_millis(),
        };
        let encoded = message::encode(sender, place, message);
        let length = encoded.len();
        partition.next_sequence_number += 1;
        partition.next_offset += i64::try_from(length).unwrap_or(i64::MAX);
        partition.last_offset = place.offset;
        partition.last_enqueued = enqueued;
        partition.events.push_back(Arc::new(StoredEvent {
            sequence_number: place.sequence_number,
            offset: place.offset,
            enqueued,
            encoded,
        }));
        self.held_bytes += length + EVENT_OVERHEAD;
        while self.held_bytes > self.retention_bytes && self.drop_oldest() {}
    }

    fn drop_oldest(&mut self) -> bool {
        let oldest = self
            .partitions
            .iter_mut()
            .filter(|partition| !partition.events.is_empty())
            .min_by_key(|partition| partition.events.front().map(|event| event.enqueued));
        let Some(event) = oldest.and_then(|partition| partition.events.pop_front()) else {
            return false;
        };
        self.held_bytes -= event.encoded.len() + EVENT_OVERHEAD;
        true
    }

    /// The sequence number of the oldest event that is still there, or of the next if there is none.
    pub(super) fn begin(&self, partition: usize) -> i64 {
        self.partitions.get(partition).map_or(0, Partition::begin)
    }

    /// The sequence number that the next event will have.
    pub(super) fn end(&self, partition: usize) -> i64 {
        self.partitions
            .get(partition)
            .map_or(0, |partition| partition.next_sequence_number)
    }

    /// The sequence number of the first event behind (or, inclusive, at) an offset.
    pub(super) fn after_offset(&self, partition: usize, offset: i64, inclusive: bool) -> i64 {
        self.first_that(partition, |event| {
            event.offset > offset || (inclusive && event.offset == offset)
        })
    }

    /// The sequence number of the first event later than a time, in milliseconds since 1970.
    pub(super) fn after_time(&self, partition: usize, time: i64) -> i64 {
        self.first_that(partition, |event| event.enqueued.timestamp_millis() > time)
    }

    fn first_that(&self, partition: usize, is_behind: impl Fn(&StoredEvent) -> bool) -> i64 {
        let Some(partition) = self.partitions.get(partition) else {
            return 0;
        };
        let index = partition.events.partition_point(|event| !is_behind(event));
        partition
            .events
            .get(index)
            .map_or(partition.next_sequence_number, |event| {
                event.sequence_number
            })
    }

    /// Up to `max` events from a sequence number on; events that were dropped meanwhile are passed over.
    pub(super) fn read(&self, partition: usize, from: i64, max: usize) -> Vec<Arc<StoredEvent>> {
        let Some(partition) = self.partitions.get(partition) else {
            return Vec::new();
        };
        let skipped = usize::try_from(from - partition.begin()).unwrap_or(0);
        let end = skipped.saturating_add(max).min(partition.events.len());
        partition
            .events
            .range(skipped.min(end)..end)
            .cloned()
            .collect()
    }

    pub(super) fn describe(&self, index: usize) -> Option<PartitionState> {
        let partition = self.partitions.get(index)?;
        Some(PartitionState {
            partition: index,
            begin_sequence_number: partition.begin(),
            last_sequence_number: partition.next_sequence_number - 1,
            last_offset: partition.last_offset.to_string(),
            last_enqueued: partition.last_enqueued,
            is_empty: partition.events.is_empty(),
        })
    }
}

impl Partition {
    fn begin(&self) -> i64 {
        self.events
            .front()
            .map_or(self.next_sequence_number, |event| event.sequence_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    const SENDER: Sender<'_> = Sender {
        device: "d",
        generation_id: "1",
        auth_method: message::AUTH_BY_DEVICE,
    };

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(ms).unwrap()
    }

    fn body(length: usize) -> DeviceMessage {
        DeviceMessage {
            body: Bytes::from(vec![b'x'; length]),
            ..DeviceMessage::default()
        }
    }

    #[test]
    fn an_empty_partition_describes_itself_as_the_service_does() {
        let state = EventLog::new(2, 1000).describe(1).unwrap();
        assert_eq!(state.begin_sequence_number, 0);
        assert_eq!(state.last_sequence_number, -1);
        assert_eq!(state.last_offset, "-1");
        assert!(state.is_empty);
        assert_eq!(EventLog::new(2, 1000).describe(2), None);
    }

    #[test]
    fn devices_spread_over_the_partitions() {
        let log = EventLog::new(4, 0);
        let mut counts = [0; 4];
        for number in 0..400 {
            counts[log.partition_of(&format!("device{number}"))] += 1;
        }
        assert!(
            counts.iter().all(|count| (60..140).contains(count)),
            "{counts:?}"
        );
    }

    proptest! {
        /// Whatever is stored and dropped: what a position finds is what a search from the front would have found.
        #[test]
        fn positions_agree_with_a_plain_search(
            events in proptest::collection::vec((-50_i64..200, 0_usize..600), 1..60),
            retention in 800_usize..20_000,
            wanted in -2_i64..70,
            inclusive: bool,
        ) {
            let mut log = EventLog::new(1, retention);
            let mut now = 1_700_000_000_000;
            for (step, length) in &events {
                now += step;
                log.append(0, at(now), SENDER, &body(*length));
            }
            let all = log.read(0, 0, usize::MAX);
            prop_assert_eq!(log.end(0), i64::try_from(events.len()).unwrap());
            prop_assert_eq!(i64::try_from(all.len()).unwrap(), log.end(0) - log.begin(0));
            prop_assert!(all.windows(2).all(|pair| pair[0].enqueued <= pair[1].enqueued
                && pair[0].offset < pair[1].offset
                && pair[0].sequence_number + 1 == pair[1].sequence_number));
            prop_assert!(all.iter().map(|e| e.encoded.len() + EVENT_OVERHEAD).sum::<usize>() <= retention);

            let probe = all.iter().find(|e| e.sequence_number == wanted);
            let (offset, time) = probe.map_or((wanted, wanted), |e| (e.offset, e.enqueued.timestamp_millis()));
            let first = |is: &dyn Fn(&StoredEvent) -> bool| {
                all.iter().find(|e| is(e)).map_or(log.end(0), |e| e.sequence_number)
            };
            prop_assert_eq!(
                log.after_offset(0, offset, inclusive),
                first(&|e| e.offset > offset || inclusive && e.offset == offset)
            );
            prop_assert_eq!(
                log.after_time(0, time),
                first(&|e| e.enqueued.timestamp_millis() > time)
            );
            let some = log.read(0, wanted, 3);
            prop_assert!(some.len() <= 3);
            prop_assert!(some.first().is_none_or(|e| e.sequence_number == wanted.max(log.begin(0))));
        }
    }
}
