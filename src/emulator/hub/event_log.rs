//! The events of all partitions: the newest in memory, and where there is a store, an index of the rest.
//!
//! Without a store, what is in memory is all there is, and the oldest event goes first when there are too many. With one,
//! memory is a mere cache of each partition's end. Of what lies before, only spans are known: the place and the time of
//! every few hundredth event. They tell what is to be dropped, whole spans at a time, and where to begin to look for a
//! position; the events themselves are the store's to read, and never needed here.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::command::{DeviceMessage, PartitionState, StoredEvent};
use super::message::{self, Place, Sender};
use super::record::{KeptPartition, PartitionHead, Record, Span, Threshold};

/// What an event costs beside its bytes, roughly: the shared box, its counters, its place in the queue.
const EVENT_OVERHEAD: usize = 128;

/// How much of the newest is held in memory where there is a store.
const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// How many bytes are read from the store at once, roughly.
const READ_BYTES: i64 = 2 * 1024 * 1024;

/// The most events in a span.
const SPAN_EVENTS: i64 = 256;
/// A span has at most this part of all the bytes, and this part of all the time, that events are kept.
const SPANS_BY_SIZE: usize = 1024;
const SPANS_BY_TIME: i32 = 1000;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub bytes: usize,
    pub age: TimeDelta,
}

/// The events of all partitions.
#[derive(Debug)]
pub(super) struct EventLog {
    partitions: Vec<Partition>,
    retention: Retention,
    /// What the events in memory come to.
    held_bytes: usize,
    /// Whether a store has what is not in memory.
    is_kept: bool,
}

#[derive(Debug, Default)]
struct Partition {
    head: PartitionHead,
    events: VecDeque<Arc<StoredEvent>>,
    /// Empty without a store.
    spans: VecDeque<Span>,
}

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    pub next: i64,
    /// What is still to be passed over from there on.
    pub behind: Option<Threshold>,
}

/// What there is to read.
#[derive(Debug)]
pub(super) enum Found {
    Events(Vec<Arc<StoredEvent>>),
    /// The store has them: from this sequence number up to, but without, that one.
    Stored(i64, i64),
}

impl EventLog {
    /// Empty, and all in memory.
    pub(super) fn new(partitions: usize, retention: Retention) -> Self {
        Self {
            partitions: std::iter::repeat_with(Partition::default)
                .take(partitions)
                .collect(),
            retention,
            held_bytes: 0,
            is_kept: false,
        }
    }

    /// As a store has kept it.
    pub(super) fn restore(partitions: Vec<KeptPartition>, retention: Retention) -> Self {
        let partition = |kept: KeptPartition| Partition {
            head: kept.head,
            events: VecDeque::new(),
            spans: kept.spans.into(),
        };
        Self {
            partitions: partitions.into_iter().map(partition).collect(),
            is_kept: true,
            ..Self::new(0, retention)
        }
    }

    pub(super) fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    /// Where a partition begins and ends.
    pub(super) fn head(&self, partition: usize) -> PartitionHead {
        let partition = self.partitions.get(partition);
        partition.map_or_else(PartitionHead::default, |partition| partition.head)
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
    ) -> Option<Record> {
        let longest = self.longest_span();
        let number = partition;
        let partition = self.partitions.get_mut(number)?;
        let head = &mut partition.head;
        // Annotations carry milliseconds; and a clock that is set back must not break the order by time.
        let enqueued = now.trunc_subsecs(3).max(head.last_enqueued);
        let place = Place {
            sequence_number: head.next_sequence_number,
            offset: head.next_offset,
            enqueued: enqueued.timestamp_millis(),
        };
        let event = Arc::new(StoredEvent {
            sequence_number: place.sequence_number,
            offset: place.offset,
            enqueued,
            encoded: message::encode(sender, place, message),
        });
        let length = event.encoded.len();
        head.next_sequence_number += 1;
        head.next_offset += i64::try_from(length).unwrap_or(i64::MAX);
        head.last_offset = place.offset;
        head.last_enqueued = enqueued;
        let opens_span = self.is_kept && partition.open_span(&event, longest);
        partition.events.push_back(Arc::clone(&event));
        self.held_bytes += length + EVENT_OVERHEAD;
        let limit = if self.is_kept {
            CACHE_BYTES
        } else {
            self.retention.bytes
        };
        while self.held_bytes > limit && self.drop_oldest() {}
        self.is_kept.then_some(Record::Event {
            partition: number,
            event,
            opens_span,
        })
    }

    /// The most bytes and the longest time in a span.
    fn longest_span(&self) -> (i64, TimeDelta) {
        let bytes = self.retention.bytes / SPANS_BY_SIZE;
        let age = self.retention.age / SPANS_BY_TIME;
        (i64::try_from(bytes).unwrap_or(i64::MAX), age)
    }

    /// Takes the oldest event out of memory, which without a store means for good.
    fn drop_oldest(&mut self) -> bool {
        let oldest = self
            .partitions
            .iter_mut()
            .filter(|partition| !partition.events.is_empty())
            .min_by_key(|partition| partition.events.front().map(|event| event.enqueued));
        let Some(partition) = oldest else {
            return false;
        };
        let Some(event) = partition.events.pop_front() else {
            return false;
        };
        self.held_bytes -= event.encoded.len() + EVENT_OVERHEAD;
        if !self.is_kept {
            partition.head.begin = event.sequence_number + 1;
        }
        true
    }

    /// Drops what is too old, or with a store too much; tells of each partition that begins elsewhere now.
    pub(super) fn tidy(&mut self, now: DateTime<Utc>, records: &mut Vec<Record>) {
        let cutoff = now
            .checked_sub_signed(self.retention.age)
            .unwrap_or(DateTime::<Utc>::MIN_UTC);
        let mut before = [0; super::options::MAX_PARTITIONS];
        for (before, partition) in before.iter_mut().zip(&mut self.partitions) {
            *before = partition.head.begin;
            partition.expire(cutoff, self.is_kept);
        }
        if self.is_kept {
            let limit = i64::try_from(self.retention.bytes).unwrap_or(i64::MAX);
            while self.partitions.iter().map(Partition::bytes).sum::<i64>() > limit
                && self.drop_oldest_span()
            {}
        }
        for (number, (before, partition)) in before.iter().zip(&mut self.partitions).enumerate() {
            if *before == partition.head.begin {
                continue;
            }
            self.held_bytes -= partition.forget();
            if self.is_kept {
                let after = partition.head;
                records.push(Record::Partition {
                    partition: number,
                    before: PartitionHead {
                        begin: *before,
                        ..after
                    },
                    after,
                });
            }
        }
    }

    fn drop_oldest_span(&mut self) -> bool {
        let oldest = self
            .partitions
            .iter_mut()
            .filter(|partition| !partition.spans.is_empty())
            .min_by_key(|partition| partition.spans.front().map(|span| span.enqueued));
        oldest.is_some_and(|partition| {
            partition.drop_span();
            true
        })
    }

    /// Makes an append undone.
    pub(super) fn take_event_back(
        &mut self,
        partition: usize,
        event: &StoredEvent,
        opens_span: bool,
    ) {
        let Some(partition) = self.partitions.get_mut(partition) else {
            return;
        };
        let last = partition.events.back();
        if last.is_some_and(|last| last.sequence_number == event.sequence_number) {
            partition.events.pop_back();
            self.held_bytes -= event.encoded.len() + EVENT_OVERHEAD;
        }
        let span = partition.spans.back();
        let is_its = |span: &Span| span.sequence_number == event.sequence_number;
        if opens_span && span.is_some_and(is_its) {
            partition.spans.pop_back();
        }
    }

    /// Makes it undone that a partition ends elsewhere. What was dropped for it stays dropped.
    pub(super) fn take_head_back(&mut self, partition: usize, before: PartitionHead) {
        if let Some(partition) = self.partitions.get_mut(partition) {
            let begin = partition.head.begin.min(before.next_sequence_number);
            partition.head = PartitionHead { begin, ..before };
        }
    }

    /// Where to begin to read what is behind a threshold.
    pub(super) fn behind(&self, partition: usize, threshold: Threshold) -> Start {
        let exactly = |next| Start { next, behind: None };
        let Some(partition) = self.partitions.get(partition) else {
            return exactly(0);
        };
        let is_behind =
            |event: &Arc<StoredEvent>| threshold.lets_through(event.offset, event.enqueued);
        let index = partition.events.partition_point(|event| !is_behind(event));
        if index > 0 || partition.in_memory_from() == partition.head.begin {
            let event = partition.events.get(index);
            return exactly(event.map_or(partition.head.next_sequence_number, |event| {
                event.sequence_number
            }));
        }
        let index = partition
            .spans
            .partition_point(|span| !threshold.lets_through(span.offset, span.enqueued));
        match index
            .checked_sub(1)
            .and_then(|index| partition.spans.get(index))
        {
            None => exactly(partition.head.begin),
            Some(span) => Start {
                next: span.sequence_number.max(partition.head.begin),
                behind: Some(threshold),
            },
        }
    }

    /// Up to `max` events from a sequence number on, fewer where they are large and the store's; events that were dropped
    /// meanwhile are passed over.
    pub(super) fn read(&self, partition: usize, from: i64, max: usize) -> Found {
        let Some(partition) = self.partitions.get(partition) else {
            return Found::Events(Vec::new());
        };
        let from = from.max(partition.head.begin);
        let in_memory = partition.in_memory_from();
        if from < in_memory {
            let to = from.saturating_add(i64::try_from(max).unwrap_or(i64::MAX));
            let to = to.min(partition.read_limit(from));
            return Found::Stored(from, to.min(in_memory));
        }
        let skipped = usize::try_from(from - in_memory).unwrap_or(0);
        let end = skipped.saturating_add(max).min(partition.events.len());
        let events = partition.events.range(skipped.min(end)..end);
        Found::Events(events.cloned().collect())
    }

    pub(super) fn describe(&self, index: usize) -> Option<PartitionState> {
        let head = self.partitions.get(index)?.head;
        Some(PartitionState {
            partition: index,
            begin_sequence_number: head.begin,
            last_sequence_number: head.next_sequence_number - 1,
            last_offset: head.last_offset.to_string(),
            last_enqueued: head.last_enqueued,
            is_empty: head.begin >= head.next_sequence_number,
        })
    }
}

impl Partition {
    /// The sequence number from which on events are in memory.
    fn in_memory_from(&self) -> i64 {
        self.events
            .front()
            .map_or(self.head.next_sequence_number, |event| {
                event.sequence_number
            })
    }

    /// How far the store is read at once from there: to the end of a span, and no further than to the one in which it
    /// comes to [`READ_BYTES`].
    fn read_limit(&self, from: i64) -> i64 {
        let next = self
            .spans
            .partition_point(|span| span.sequence_number <= from);
        let offset = next.checked_sub(1).map_or(0, |at| self.spans[at].offset);
        let mut rest = self.spans.range(next..);
        let limit = rest.find(|span| span.offset - offset >= READ_BYTES);
        limit.map_or(i64::MAX, |span| span.sequence_number)
    }

    /// What is kept of it, in bytes.
    fn bytes(&self) -> i64 {
        let first = self.spans.front();
        first.map_or(0, |span| self.head.next_offset - span.offset)
    }

    /// Whether a new span begins with this event.
    fn open_span(&mut self, event: &StoredEvent, (bytes, age): (i64, TimeDelta)) -> bool {
        let goes_on = self.spans.back().is_some_and(|span| {
            event.sequence_number - span.sequence_number < SPAN_EVENTS
                && event.offset - span.offset < bytes
                && event.enqueued - span.enqueued < age
        });
        if !goes_on {
            self.spans.push_back(Span {
                sequence_number: event.sequence_number,
                offset: event.offset,
                enqueued: event.enqueued,
            });
        }
        !goes_on
    }

    /// Moves the beginning behind all that is older than `cutoff`.
    fn expire(&mut self, cutoff: DateTime<Utc>, is_kept: bool) {
        if is_kept {
            // A span's last event is no later than the first of the next.
            let next = |spans: &VecDeque<Span>| spans.get(1).map(|span| span.enqueued);
            while !self.spans.is_empty()
                && next(&self.spans).unwrap_or(self.head.last_enqueued) < cutoff
            {
                self.drop_span();
            }
            return;
        }
        let expired = self
            .events
            .iter()
            .take_while(|event| event.enqueued < cutoff)
            .last();
        if let Some(event) = expired {
            self.head.begin = event.sequence_number + 1;
        }
    }

    fn drop_span(&mut self) {
        self.spans.pop_front();
        let next = self.spans.front();
        self.head.begin = next.map_or(self.head.next_sequence_number, |span| span.sequence_number);
    }

    /// Takes what lies before the beginning out of memory; returns how much that was.
    fn forget(&mut self) -> usize {
        let begin = self.head.begin;
        let mut bytes = 0;
        let is_gone = |event: &Arc<StoredEvent>| event.sequence_number < begin;
        while let Some(event) = self.events.front().filter(|event| is_gone(event)) {
            bytes += event.encoded.len() + EVENT_OVERHEAD;
            self.events.pop_front();
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
