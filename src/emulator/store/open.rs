//! How a store is made, opened and read at the start.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use chrono::{DateTime, Utc};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::segment::{self, Segment};
use super::{Engine, Store, StoreError, VERSION, job, queued, row};
use crate::emulator::file_error::FileError;
use crate::emulator::hub::record::{Kept, KeptPartition, PartitionHead};

/// In the data folder.
const LOCK: &str = "store.lock";
const STORE: &str = "store";
const UNFINISHED: &str = "store.new";
/// In the store.
const FORM: &str = "version";
const DATABASE: &str = "db";

/// The journal is written out when it has grown to this, so that a start has no more than this to replay.
const JOURNAL_BYTES: u64 = 64 * 1024 * 1024;
const MEMTABLE_BYTES: u64 = 8 * 1024 * 1024;

/// So much of all that is kept is in a segment, and goes at once; within bounds.
const SEGMENTS: usize = 16;
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 1024 * 1024..=128 * 1024 * 1024;

/// What a store is opened for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// How many partitions; for a store that is there, `None` takes what it has.
    pub partitions: Option<usize>,
    /// How many there are in a new one where nothing else is said.
    pub usual_partitions: usize,
    /// How many bytes of events are kept.
    pub retention_bytes: usize,
}

impl Store {
    /// Opens the store in `directory`, which has to be there, or makes one at the time `now`; and reads all of it but the
    /// events.
    ///
    /// # Errors
    /// [`StoreError`] names the path.
    pub fn open(
        now: DateTime<Utc>,
        directory: &Path,
        wanted: Wanted,
    ) -> Result<(Self, Kept), StoreError> {
        let lock = lock(&directory.join(LOCK), directory)?;
        let path = directory.join(STORE);
        let is_there = path.try_exists().map_err(FileError::of("open", &path))?;
        if !is_there {
            let partitions = wanted.partitions.unwrap_or(wanted.usual_partitions);
            make(now, directory, partitions)?;
        }
        check_form(&path)?;
        let part = (wanted.retention_bytes / SEGMENTS).try_into();
        let store = Self {
            path,
            segment_bytes: part
                .unwrap_or(u64::MAX)
                .clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end()),
            engine: RwLock::new(None),
            failed: Mutex::new(Vec::new()),
            _lock: lock,
        };
        let (engine, kept) = store.open_engine()?;
        let partitions = kept.partitions.len();
        if let Some(wanted) = wanted.partitions.filter(|wanted| *wanted != partitions) {
            return Err(StoreError::Partitions {
                path: store.path.clone(),
                kept: partitions,
                wanted,
            });
        }
        *store.write() = Some(engine);
        Ok((store, kept))
    }

    pub(super) fn open_engine(&self) -> Result<(Engine, Kept), StoreError> {
        let failed = StoreError::engine(&self.path);
        let path = self.path.join(DATABASE);
        // Some damage the engine meets with a panic.
        let opened = std::panic::catch_unwind(|| open_database(&path));
        let database = opened
            .map_err(|_| StoreError::damaged(&self.path, "the engine cannot read it"))?
            .map_err(&failed)?;
        let keyspace = |name: &str| {
            if !database.keyspace_exists(name) {
                return Err(StoreError::damaged(
                    &self.path,
                    format!("{name} is missing"),
                ));
            }
            open_keyspace(&database, name).map_err(&failed)
        };
        let (hub, identities, spans) = (
            keyspace("hub")?,
            keyspace("identities")?,
            keyspace("spans")?,
        );
        if hub.get(row::QUEUED).map_err(&failed)?.is_none() {
            // Made by a version that knew no queues.
            add_queues(&database, &hub).map_err(&failed)?;
        }
        let (messages, feedback) = (keyspace("messages")?, keyspace("feedback")?);
        let reading = Reading {
            path: &self.path,
            hub: &hub,
            identities: &identities,
            messages: &messages,
            feedback: &feedback,
            spans: &spans,
        };
        let kept = reading.all()?;
        let segments = reading.segments(&database)?;
        let heads = kept.partitions.iter().map(|kept| kept.head).collect();
        let written = segments.last().map_or(0, |last| last.keyspace.disk_space());
        let engine = Engine {
            database,
            hub,
            identities,
            messages,
            feedback,
            spans,
            segments: Arc::new(segments),
            written,
            heads,
        };
        Ok((engine, kept))
    }
}

/// The lock is the system's, so that it ends with the process that holds it.
fn lock(path: &Path, directory: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    let file = options.open(path).map_err(FileError::of("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: directory.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(FileError::of("lock", path)(error).into()),
    }
}

fn check_form(path: &Path) -> Result<(), StoreError> {
    let form = path.join(FORM);
    let found = match fs::read_to_string(&form) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(FileError::of("read", &form)(error).into());
        }
        Err(_) => return Err(StoreError::damaged(path, "its version is missing")),
    };
    match found.trim() {
        VERSION => Ok(()),
        found => Err(StoreError::Version {
            path: path.to_owned(),
            found: found.chars().take(20).collect(),
        }),
    }
}

/// Makes an empty store, whole or not at all.
fn make(now: DateTime<Utc>, directory: &Path, partitions: usize) -> Result<(), StoreError> {
    let path = directory.join(UNFINISHED);
    match fs::remove_dir_all(&path) {
        // Left behind by a start that was cut off.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(FileError::of("remove", &path)(error).into()),
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(&path)
        .map_err(FileError::of("make the folder", &path))?;
    fill(now, &path, partitions).map_err(StoreError::engine(&path))?;
    let form = path.join(FORM);
    fs::write(&form, VERSION).map_err(FileError::of("write", &form))?;
    let store = directory.join(STORE);
    fs::rename(&path, &store).map_err(FileError::of("make", &store))?;
    Ok(())
}

fn fill(now: DateTime<Utc>, path: &Path, partitions: usize) -> fjall::Result<()> {
    let database = open_database(&path.join(DATABASE))?;
    let hub = open_keyspace(&database, "hub")?;
    open_keyspace(&database, "identities")?;
    open_keyspace(&database, "spans")?;
    segment::open(&database, 0)?;
    add_queues(&database, &hub)?;
    let count = i64::try_from(partitions).unwrap_or(i64::MAX);
    let mut batch = database.batch();
    batch.insert(&hub, row::CREATED, row::numbers(&[now.timestamp_millis()]));
    batch.insert(&hub, row::PARTITIONS, row::numbers(&[count]));
    batch.insert(&hub, row::CHANGES, row::numbers(&[0]));
    for partition in 0..partitions {
        let head = row::head(&PartitionHead::default());
        batch.insert(&hub, row::head_key(partition), head);
    }
    let first = vec![0; partitions];
    batch.insert(&hub, row::segment_key(0), row::numbers(&first));
    batch.commit()?;
    database.persist(PersistMode::SyncAll)
}

/// The row comes last: once it is there, the keyspaces have to be there too.
fn add_queues(database: &Database, hub: &Keyspace) -> fjall::Result<()> {
    open_keyspace(database, "messages")?;
    open_keyspace(database, "feedback")?;
    hub.insert(row::QUEUED, row::numbers(&[0]))
}

fn open_database(path: &Path) -> fjall::Result<Database> {
    Database::builder(path)
        .max_journaling_size(JOURNAL_BYTES)
        .worker_threads(1)
        .open()
}

fn open_keyspace(database: &Database, name: &str) -> fjall::Result<Keyspace> {
    let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
    database.keyspace(name, options)
}

/// The small keyspaces, read from one end to the other.
struct Reading<'a> {
    path: &'a Path,
    hub: &'a Keyspace,
    identities: &'a Keyspace,
    messages: &'a Keyspace,
    feedback: &'a Keyspace,
    spans: &'a Keyspace,
}

impl Reading<'_> {
    fn all(&self) -> Result<Kept, StoreError> {
        let created = self.number(row::CREATED)?;
        let partitions = self.number(row::PARTITIONS)?;
        let changes = self.number(row::CHANGES)?;
        let partitions = usize::try_from(partitions).unwrap_or(0);
        Ok(Kept {
            created: DateTime::from_timestamp_millis(created)
                .ok_or_else(|| self.bad(row::CREATED))?,
            partitions: (0..partitions)
                .map(|partition| self.partition(partition))
                .collect::<Result<_, _>>()?,
            identities: self.rows(self.identities.iter(), row::parse_identity)?,
            twins: self.rows(self.hub.prefix(row::TWIN), row::parse_twin)?,
            configurations: self.rows(
                self.hub.prefix(row::CONFIGURATION),
                row::parse_configuration,
            )?,
            jobs: job::together(
                self.rows(self.hub.prefix(job::JOB), job::parse)?,
                self.rows(self.hub.prefix(job::WORK), job::parse_row)?,
            ),
            deleted: self.rows(self.hub.prefix(row::DELETED), |key, row| {
                let path = str::from_utf8(key).ok()?.strip_prefix(row::DELETED)?;
                let times = u32::try_from(row::parse_number(row)?).ok()?;
                Some((path.to_owned(), times))
            })?,
            registry_changes: changes.try_into().unwrap_or(0),
            messages: self.rows(self.messages.iter(), queued::parse_message)?,
            feedback: self.rows(self.feedback.iter(), queued::parse_feedback)?,
            file_notifications: self.rows(self.hub.prefix(row::FILE), queued::parse_file)?,
            uploads: self.rows(self.hub.prefix(row::UPLOAD), row::parse_upload)?,
            queued: self.number(row::QUEUED)?,
        })
    }

    fn partition(&self, partition: usize) -> Result<KeptPartition, StoreError> {
        let key = row::head_key(partition);
        let head = self.get(&key)?;
        let head = row::parse_head(&head).ok_or_else(|| self.bad(&key))?;
        let there =
            row::place(partition, head.begin)..row::place(partition, head.next_sequence_number);
        let spans = self.rows(self.spans.range(there), row::parse_span)?;
        let is_whole = match spans.first() {
            None => head.begin == head.next_sequence_number,
            Some(span) => span.sequence_number == head.begin,
        };
        if !is_whole {
            return Err(StoreError::damaged(
                self.path,
                format!("the index of partition {partition} has a gap"),
            ));
        }
        Ok(KeptPartition { head, spans })
    }

    /// The segments that are in use; one that was begun or dropped halfway is removed.
    fn segments(&self, database: &Database) -> Result<Vec<Segment>, StoreError> {
        let rows = self.rows(self.hub.prefix(row::SEGMENT), |key, row| {
            let number = str::from_utf8(key).ok()?.strip_prefix(row::SEGMENT)?;
            Some((number.parse::<u32>().ok()?, row::parse_numbers(row)?))
        })?;
        let failed = StoreError::engine(self.path);
        let mut segments = Vec::with_capacity(rows.len());
        for (number, first) in rows {
            let name = segment::name(number);
            if !database.keyspace_exists(&name) {
                return Err(StoreError::damaged(self.path, format!("{name} is missing")));
            }
            segments.push(Segment {
                number,
                keyspace: segment::open(database, number).map_err(&failed)?,
                first,
            });
        }
        if segments.is_empty() {
            return Err(StoreError::damaged(self.path, "its events are missing"));
        }
        for name in database.list_keyspace_names() {
            let is_used = segments
                .iter()
                .any(|used| segment::name(used.number) == *name);
            if segment::is_segment(&name) && !is_used {
                let unused = open_keyspace(database, &name).map_err(&failed)?;
                database.delete_keyspace(unused).map_err(&failed)?;
            }
        }
        Ok(segments)
    }

    fn rows<T>(
        &self,
        entries: fjall::Iter,
        parse: impl Fn(&[u8], &[u8]) -> Option<T>,
    ) -> Result<Vec<T>, StoreError> {
        let failed = StoreError::engine(self.path);
        entries
            .map(|entry| {
                let (key, row) = entry.into_inner().map_err(&failed)?;
                let parsed = parse(&key, &row);
                parsed.ok_or_else(|| self.bad(&String::from_utf8_lossy(&key)))
            })
            .collect()
    }

    fn number(&self, key: &str) -> Result<i64, StoreError> {
        row::parse_number(&self.get(key)?).ok_or_else(|| self.bad(key))
    }

    fn get(&self, key: &str) -> Result<Vec<u8>, StoreError> {
        let row = self.hub.get(key).map_err(StoreError::engine(self.path))?;
        let row = row.ok_or_else(|| self.bad(key))?;
        Ok(row.to_vec())
    }

    fn bad(&self, key: &str) -> StoreError {
        StoreError::damaged(self.path, format!("the row {key:?} is missing or bad"))
    }
}
