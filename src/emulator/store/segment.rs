//! The events, in segments: each a keyspace of its own, so that what is too old is dropped by the folder, and never
//! looked for event by event.

use std::sync::Arc;

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions};

use super::row;
use crate::emulator::hub::command::StoredEvent;
use crate::emulator::hub::record::StoredRange;

/// What a segment's keyspace is called, before its number.
const NAME: &str = "events-";

/// How much of a segment is in memory before it is written out of the journal; it bounds what a start has to replay.
const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;

/// A run of events of all partitions.
#[derive(Clone)]
pub(super) struct Segment {
    pub number: u32,
    pub keyspace: Keyspace,
    /// Each partition's first sequence number in it.
    pub first: Vec<i64>,
}

pub(super) fn name(number: u32) -> String {
    format!("{NAME}{number:010}")
}

pub(super) fn is_segment(name: &str) -> bool {
    name.starts_with(NAME)
}

pub(super) fn open(database: &Database, number: u32) -> fjall::Result<Keyspace> {
    let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
    database.keyspace(&name(number), options)
}

/// Why events cannot be read.
pub(super) enum ReadError {
    Engine(fjall::Error),
    /// A row is not what was written.
    Row,
}

/// What the segments hold of a range, in order, and whether none of it is missing.
pub(super) fn read(
    segments: &[Segment],
    range: &StoredRange,
) -> Result<(Vec<Arc<StoredEvent>>, bool), ReadError> {
    let wanted = usize::try_from(range.to - range.from).unwrap_or(0);
    let mut events = Vec::with_capacity(wanted);
    let mut found = 0;
    let first = |segment: &Segment| segment.first.get(range.partition).copied().unwrap_or(0);
    for (index, segment) in segments.iter().enumerate() {
        let from = first(segment).max(range.from);
        let to = segments
            .get(index + 1)
            .map_or(range.to, first)
            .min(range.to);
        if from >= to {
            continue;
        }
        let keys = row::place(range.partition, from)..row::place(range.partition, to);
        for entry in segment.keyspace.range(keys) {
            let (key, value) = entry.into_inner().map_err(ReadError::Engine)?;
            let event = row::parse_event(&key, &Bytes::from(value)).ok_or(ReadError::Row)?;
            found += 1;
            let is_wanted = range
                .behind
                .is_none_or(|behind| behind.lets_through(event.offset, event.enqueued));
            if is_wanted {
                events.push(Arc::new(event));
            }
        }
    }
    Ok((events, found == wanted))
}
