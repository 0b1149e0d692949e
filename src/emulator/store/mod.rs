//! What outlives the emulator: its registry and its events, in an embedded store.
//!
//! The store is fjall, a log-structured merge tree with a journal in front. A write has come as far as it must once the
//! journal's bytes are the system's: the process may be killed at any moment after that, and the next start replays the
//! journal. (redb, the other engine that was looked at, needs an fsync for each commit to promise as much, and after a
//! kill walks through the whole of its file.) **A machine that loses its power may lose the last moments**: to the disk
//! itself the journal goes only when it is rotated, every 64 MB, and when the emulator is stopped.
//!
//! A start reads what is small: the registry, each partition's head, and the spans that say where events lie. The events
//! stay where they are until a reader asks.
//!
//! Knows records and rows, and nothing of commands, sockets or time. The folder:
//!
//! | | |
//! |---|---|
//! | `store.lock` | locked while an emulator runs; the system unlocks it, however that one ends |
//! | `store/version` | the form of the rest |
//! | `store/db` | the engine's own |
//!
//! It comes into being under another name and is then renamed: a `store` that is there is whole, and one that cannot be
//! read is an error, never a reason to begin anew.

mod error;
mod job;
mod open;
mod queued;
mod row;
mod segment;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use fjall::{Database, Keyspace, OwnedWriteBatch, PersistMode};
use serde::Serialize;

pub use error::StoreError;
pub use open::Wanted;

use crate::emulator::driver::Keeper;
use crate::emulator::hub::command::StoredEvent;
use crate::emulator::hub::record::{PartitionHead, Record, StoredRange};
use segment::{ReadError, Segment};

/// The form that is written, and the only one that is read.
const VERSION: &str = "1";

/// A hub's store, open. Dropped, it is closed.
pub struct Store {
    /// `store` in the data folder.
    path: PathBuf,
    /// How large a segment of events becomes.
    segment_bytes: u64,
    engine: RwLock<Option<Engine>>,
    /// What the engine failed to keep: it may stand there nevertheless, and has to be taken back before anything else.
    failed: Mutex<Vec<Record>>,
    _lock: File,
}

/// The engine with its keyspaces; taken apart and opened again after it has failed, since it takes no more writes then.
struct Engine {
    database: Database,
    hub: Keyspace,
    identities: Keyspace,
    messages: Keyspace,
    feedback: Keyspace,
    spans: Keyspace,
    /// The newest last; never empty.
    segments: Arc<Vec<Segment>>,
    /// How many bytes the newest has taken.
    written: u64,
    heads: Vec<PartitionHead>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Keeper for Store {
    fn keep(&self, records: &[Record]) -> Result<(), String> {
        self.mend()?;
        let mut engine = self.write();
        let engine = engine.as_mut().ok_or_else(closed)?;
        engine.keep(records).inspect_err(|_| {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            *failed = records.to_vec();
        })?;
        // What was to be kept is kept; a segment that cannot be begun or dropped now is tried again with the next batch.
        let _ = engine.turn_over(self.segment_bytes);
        Ok(())
    }

    fn read(&self, range: &StoredRange) -> Result<Vec<Arc<StoredEvent>>, String> {
        let segments = {
            let engine = self.engine();
            // Read without the lock: who writes does not wait for who reads.
            Arc::clone(&engine.as_ref().ok_or_else(closed)?.segments)
        };
        let damaged = || format!("{} is damaged", self.path.display());
        let (events, is_whole) = segment::read(&segments, range).map_err(|error| match error {
            ReadError::Engine(error) => error::words(&error),
            ReadError::Row => damaged(),
        })?;
        // What is missing has been dropped in the meantime, or else it was lost, which must not go by in silence.
        if !is_whole && self.begin(range.partition) <= range.from {
            return Err(damaged());
        }
        Ok(events)
    }
}

/// Writes a row anew, or takes it out.
fn put(
    batch: &mut OwnedWriteBatch,
    rows: &Keyspace,
    key: &[u8],
    row: Option<Result<Vec<u8>, serde_json::Error>>,
) -> Result<(), String> {
    match row {
        Some(row) => batch.insert(rows, key, row.map_err(|error| error.to_string())?),
        None => batch.remove(rows, key),
    }
    Ok(())
}

/// The same for a row of JSON.
fn put_json<T: Serialize>(
    batch: &mut OwnedWriteBatch,
    rows: &Keyspace,
    key: &str,
    row: Option<&T>,
) -> Result<(), String> {
    put(batch, rows, key.as_bytes(), row.map(serde_json::to_vec))
}

fn closed() -> String {
    "it could not be opened again".to_owned()
}

impl Store {
    // A thread that panicked while it held a lock has left nothing half done: what is in there is replaced whole.
    fn engine(&self) -> RwLockReadGuard<'_, Option<Engine>> {
        self.engine.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Engine>> {
        self.engine.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, partition: usize) -> i64 {
        let engine = self.engine();
        let head = engine
            .as_ref()
            .and_then(|engine| engine.heads.get(partition));
        head.map_or(0, |head| head.begin)
    }

    /// Opens the engine again if it has failed, and takes back what it was to keep then.
    fn mend(&self) -> Result<(), String> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_empty() {
            return Ok(());
        }
        let mut engine = self.write();
        // First the old one, which has the files.
        *engine = None;
        let (opened, _) = self.open_engine().map_err(|error| error.to_string())?;
        engine.insert(opened).take_back(&failed)?;
        failed.clear();
        Ok(())
    }
}

impl Engine {
    fn batch(&self) -> OwnedWriteBatch {
        self.database.batch().durability(Some(PersistMode::Buffer))
    }

    fn keep(&mut self, records: &[Record]) -> Result<(), String> {
        let mut batch = self.batch();
        let mut written = 0;
        for record in records {
            written += self.write_row(&mut batch, record)?;
        }
        batch.commit().map_err(|error| error::words(&error))?;
        self.written += written;
        for record in records {
            if let Record::Partition {
                partition, after, ..
            } = record
                && let Some(head) = self.heads.get_mut(*partition)
            {
                *head = *after;
            }
        }
        Ok(())
    }

    /// Adds a record to a batch; returns how many bytes of events that is.
    fn write_row(&self, batch: &mut OwnedWriteBatch, record: &Record) -> Result<u64, String> {
        match record {
            Record::Event {
                partition,
                event,
                opens_span,
            } => return self.write_event(batch, (*partition, event), *opens_span),
            Record::Partition {
                partition, after, ..
            } => {
                batch.insert(&self.hub, row::head_key(*partition), row::head(after));
                self.drop_spans(batch, *partition, after.begin)?;
            }
            Record::Identity {
                device,
                module,
                after,
                ..
            } => {
                let key = row::identity_key(device, module.as_deref());
                let row = after.as_deref().map(row::identity);
                put(batch, &self.identities, key.as_bytes(), row)?;
            }
            Record::Deleted { path, times } => {
                let times = row::numbers(&[i64::from(*times)]);
                batch.insert(&self.hub, row::deleted_key(path), times);
            }
            Record::Twin {
                identity, after, ..
            } => {
                put_json(batch, &self.hub, &row::twin_key(identity), after.as_deref())?;
            }
            Record::Configuration { id, after, .. } => {
                put_json(
                    batch,
                    &self.hub,
                    &row::configuration_key(id),
                    after.as_deref(),
                )?;
            }
            Record::Job { id, after, .. } => {
                put_json(batch, &self.hub, &job::key(id), after.as_deref())?;
            }
            Record::JobRow {
                job,
                identity,
                after,
                ..
            } => {
                let key = job::row_key(job, identity);
                put_json(batch, &self.hub, &key, after.as_deref())?;
            }
            Record::RegistryChanges { after, .. } => {
                let after = i64::try_from(*after).unwrap_or(i64::MAX);
                batch.insert(&self.hub, row::CHANGES, row::numbers(&[after]));
            }
            Record::CloudMessage { identity, change } => {
                let key = queued::message_key(identity, change.number());
                let row = change.after.as_ref().map(queued::message);
                put(batch, &self.messages, &key, row)?;
            }
            Record::Feedback { change } => {
                let key = change.number().to_be_bytes();
                let row = change.after.as_ref().map(queued::feedback);
                put(batch, &self.feedback, &key, row)?;
            }
            Record::FileNotification { change } => {
                let key = queued::file_key(change.number());
                let row = change.after.as_ref().map(queued::file);
                put(batch, &self.hub, &key, row)?;
            }
            Record::Upload { id, after, .. } => {
                let row = after.as_ref().map(serde_json::to_vec);
                put(batch, &self.hub, row::upload_key(id).as_bytes(), row)?;
            }
            Record::Queued { after, .. } => {
                batch.insert(&self.hub, row::QUEUED, row::numbers(&[*after]));
            }
        }
        Ok(0)
    }

    fn write_event(
        &self,
        batch: &mut OwnedWriteBatch,
        (partition, event): (usize, &StoredEvent),
        opens_span: bool,
    ) -> Result<u64, String> {
        let segment = self.segments.last().ok_or_else(closed)?;
        let key = row::place(partition, event.sequence_number);
        let row = row::event(event);
        let length = row.len();
        batch.insert(&segment.keyspace, key, row);
        if opens_span {
            batch.insert(&self.spans, key, row::span(event));
        }
        Ok(length.try_into().unwrap_or(u64::MAX))
    }

    /// Forgets the spans before a partition's new beginning.
    fn drop_spans(
        &self,
        batch: &mut OwnedWriteBatch,
        partition: usize,
        begin: i64,
    ) -> Result<(), String> {
        let old = self.heads.get(partition).map_or(0, |head| head.begin);
        if old >= begin {
            return Ok(());
        }
        let gone = row::place(partition, old)..row::place(partition, begin);
        for entry in self.spans.range(gone) {
            let key = entry.key().map_err(|error| error::words(&error))?;
            batch.remove(&self.spans, key);
        }
        Ok(())
    }

    /// Writes, for records that may have been written or not, what was before.
    fn take_back(&mut self, records: &[Record]) -> Result<(), String> {
        let mut batch = self.batch();
        let mut undone = Vec::new();
        for record in records.iter().rev() {
            if let Record::Event {
                partition, event, ..
            } = record
            {
                let key = row::place(*partition, event.sequence_number);
                if let Some(segment) = self.segments.last() {
                    batch.remove(&segment.keyspace, key);
                }
                batch.remove(&self.spans, key);
            }
            undone.extend(record.clone().undone());
        }
        batch.commit().map_err(|error| error::words(&error))?;
        self.keep(&undone)
    }

    /// Begins a new segment if the newest is full, and drops the oldest that nobody can read any more.
    fn turn_over(&mut self, segment_bytes: u64) -> fjall::Result<()> {
        if self.written >= segment_bytes {
            self.begin_segment()?;
        }
        while let [oldest, next, ..] = self.segments.as_slice() {
            let is_passed = |(head, first): (&PartitionHead, &i64)| head.begin >= *first;
            if !self.heads.iter().zip(&next.first).all(is_passed) {
                break;
            }
            self.hub.remove(row::segment_key(oldest.number))?;
            let oldest = Arc::make_mut(&mut self.segments).remove(0);
            self.database.delete_keyspace(oldest.keyspace)?;
        }
        Ok(())
    }

    fn begin_segment(&mut self) -> fjall::Result<()> {
        let number = self.segments.last().map_or(0, |last| last.number + 1);
        let heads = self.heads.iter();
        let first: Vec<i64> = heads.map(|head| head.next_sequence_number).collect();
        let keyspace = segment::open(&self.database, number)?;
        self.hub
            .insert(row::segment_key(number), row::numbers(&first))?;
        if let Some(full) = self.segments.last() {
            // It gets nothing more, so that what is in memory of it would keep the journal from being dropped.
            full.keyspace.rotate_memtable()?;
        }
        Arc::make_mut(&mut self.segments).push(Segment {
            number,
            keyspace,
            first,
        });
        self.written = 0;
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Against the loss of power, as far as that goes; the process's own end needs nothing.
        let _ = self.database.persist(PersistMode::SyncAll);
    }
}

#[cfg(test)]
mod tests;
