//! Keeps the file of `--resume`: what was really written to standard output, never more.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::super::collector::Connected;
use super::super::ledger::{Account, Ledger};
use super::super::output::Written;
use super::positions::{Place, Positions, PositionsError, stamp};
use crate::client::event_stream::{Access, Resume};
use crate::config::file::{self, FileLock};
use crate::failure::{Failure, Kind};

/// How often the file is written while events come.
const INTERVAL: Duration = Duration::from_secs(1);

/// No file of positions is larger, in bytes.
const LIMIT: u64 = 1 << 20;

/// How far a partition was read: its log's generation, the last event's sequence number and time.
type Mark = (u32, Option<i64>, i64);

/// Keeps positions, and the lock that keeps others away from them.
#[derive(Debug)]
pub(super) struct Keeper {
    path: PathBuf,
    _lock: FileLock,
    positions: Positions,
    /// How far each partition was written, in the ledger's order.
    done: Vec<Mark>,
    /// How far each was read when a buffer was handed over, until that buffer is written.
    pending: VecDeque<(u64, Vec<Mark>)>,
    spare: Vec<Vec<Mark>>,
    taken: u64,
    written: Written,
    /// When to save next; none where there is nothing new.
    due: Option<Instant>,
    saved: String,
    /// The file turned out to be another event hub's, and is left alone.
    is_foreign: bool,
}

/// A file that is to be written.
#[derive(Debug)]
pub(super) struct Saving {
    path: PathBuf,
    text: String,
}

impl Keeper {
    /// Locks the file and reads it, if it is there; what to go on from.
    ///
    /// # Errors
    /// [`Kind::Conflict`] where another reader has it, [`Kind::Input`] where it cannot be gone on from.
    pub(super) fn open(
        path: &Path,
        access: &Access,
        consumer_group: &str,
        written: Written,
    ) -> Result<(Self, Option<Resume>), Failure> {
        let Some(lock) = FileLock::take(path)? else {
            return Err(Failure::new(Kind::Conflict, unusable(path))
                .because("another hubctl is reading with it")
                .hint("Give each reader a file of its own, or end the other one."));
        };
        let mut saved = String::new();
        let mut positions = Positions::new(access, consumer_group);
        let mut resume = None;
        if path.exists() {
            saved = file::read_text(path, LIMIT)?;
        }
        // An empty file is one that was made for this and not used yet.
        if !saved.trim().is_empty() {
            let refuse = |error: PositionsError| refused(path, &error);
            positions = Positions::parse(&saved).map_err(refuse)?;
            positions.check(access, consumer_group).map_err(refuse)?;
            resume = Some(positions.resume());
        }
        let keeper = Self {
            path: path.to_owned(),
            _lock: lock,
            positions,
            done: Vec::new(),
            pending: VecDeque::new(),
            spare: Vec::new(),
            taken: 0,
            written,
            due: None,
            saved,
            is_foreign: false,
        };
        Ok((keeper, resume))
    }

    /// Which event hub it is. Positions in another one, of partitions that are not read now, are dropped.
    ///
    /// # Errors
    /// [`Kind::Input`] where the file was made with an event hub's own string, and the hub's leads to another.
    pub(super) fn event_hub(
        &mut self,
        access: &Access,
        connected: Connected,
    ) -> Result<(), Failure> {
        let created_at = stamp(connected.created_at_ms);
        let known = &mut self.positions;
        let is_known = !known.event_hub.is_empty();
        if known.hub.is_none() && is_known && known.event_hub != connected.entity {
            self.is_foreign = true;
            let error = PositionsError::Another {
                theirs: format!("the event hub {}", known.event_hub),
                ours: format!("the event hub {}", connected.entity),
            };
            return Err(refused(&self.path, &error));
        }
        if known.created_at != created_at || known.event_hub != connected.entity {
            known.partitions.clear();
        }
        known.event_hub = connected.entity;
        known.namespace = connected.namespace;
        known.created_at = created_at;
        if let Access::Hub { host, .. } = access {
            known.hub = Some(host.clone());
        }
        // At once: what comes during a pause that begins now is wanted as well.
        self.due = Some(Instant::now());
        Ok(())
    }

    /// All that the ledger holds was handed to standard output, in `taken` buffers so far.
    pub(super) fn handed_over(&mut self, ledger: &Ledger, taken: u64, now: Instant) {
        self.settle();
        if taken > self.taken {
            self.taken = taken;
            let marks = self.spare.pop().unwrap_or_default();
            self.pending.push_back((taken, marks));
        }
        // Where none was taken, what came since is not shown: there is nothing to wait for but the last buffer.
        let marks = match self.pending.back_mut() {
            Some((_, marks)) => marks,
            None => &mut self.done,
        };
        let new = ledger.accounts().iter().map(mark);
        if !marks.iter().copied().eq(new.clone()) {
            marks.clear();
            marks.extend(new);
            self.due = self.due.or(Some(now + INTERVAL));
        }
    }

    /// Takes in what was written meanwhile.
    fn settle(&mut self) {
        let written = self.written.count();
        while self
            .pending
            .front()
            .is_some_and(|(taken, _)| *taken <= written)
            && let Some((_, marks)) = self.pending.pop_front()
        {
            self.spare.push(std::mem::replace(&mut self.done, marks));
        }
    }

    /// When to save next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Looks again after a while.
    pub(super) fn postpone(&mut self, now: Instant) {
        self.due = Some(now + INTERVAL);
    }

    /// What stands in the file is not known to be what was meant for it.
    pub(super) fn forget_saved(&mut self) {
        self.saved.clear();
    }

    /// The file as it should be now, if that is another than the one that was written last.
    pub(super) fn changed(&mut self, ledger: &Ledger, now: Instant) -> Option<Saving> {
        self.settle();
        self.due = (!self.pending.is_empty()).then(|| now + INTERVAL);
        for (index, account) in ledger.accounts().iter().enumerate() {
            let place = match self.done.get(index) {
                Some((generation, Some(number), ms)) if *generation == account.generation => {
                    Place::after(*number, *ms)
                }
                _ => self.positions.begun(&account.id, &account.begin),
            };
            self.positions.partitions.insert(account.id.clone(), place);
        }
        let text = self.positions.text();
        if self.is_foreign || text == self.saved || ledger.accounts().is_empty() {
            return None;
        }
        self.saved.clone_from(&text);
        Some(Saving {
            path: self.path.clone(),
            text,
        })
    }
}

impl Saving {
    /// Writes the file.
    ///
    /// # Errors
    /// [`Kind::Input`].
    pub(super) fn write(self) -> Result<(), Failure> {
        Ok(file::replace_private(&self.path, self.text.as_bytes())?)
    }
}

fn mark(account: &Account) -> Mark {
    (account.generation, account.last, account.last_enqueued_ms)
}

fn unusable(path: &Path) -> String {
    format!("cannot go on from {}", path.display())
}

fn refused(path: &Path, error: &PositionsError) -> Failure {
    let hint = match error {
        PositionsError::Another { .. } => {
            "Give each hub and each consumer group a file of its own."
        }
        PositionsError::Damaged { .. } | PositionsError::Version { .. } => {
            "Move it out of the way to begin as --from says."
        }
    };
    Failure::new(Kind::Input, unusable(path))
        .because(error)
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::super::super::ledger::after;
    use super::*;
    use crate::model::secret::Secret;
    use crate::protocol::amqp::filter::Position;

    fn access(host: &str) -> Access {
        Access::Hub {
            host: host.to_owned(),
            port: 1,
            policy: "p".to_owned(),
            key: Secret::new("k"),
        }
    }

    fn connected(created_at_ms: i64) -> Connected {
        Connected {
            namespace: "ns".to_owned(),
            entity: "eh".to_owned(),
            created_at_ms,
        }
    }

    fn open(path: &Path, written: &Written) -> Result<(Keeper, Option<Resume>), Failure> {
        Keeper::open(path, &access("h"), "$Default", written.clone())
    }

    /// A new file that is known to be of the hub `h`.
    fn begun(path: &Path, written: &Written) -> Keeper {
        let (mut keeper, resume) = open(path, written).unwrap();
        assert_eq!(resume, None);
        keeper.event_hub(&access("h"), connected(1)).unwrap();
        keeper
    }

    /// Saves if something changed; the positions that stand in the file then.
    fn saved(keeper: &mut Keeper, ledger: &Ledger, path: &Path) -> Vec<(String, Position)> {
        if let Some(saving) = keeper.changed(ledger, Instant::now()) {
            saving.write().unwrap();
        }
        let text = file::read_text(path, LIMIT).unwrap();
        let positions = Positions::parse(&text).unwrap().resume().positions;
        positions.into_iter().collect()
    }

    fn at(zero: i64, one: i64) -> Vec<(String, Position)> {
        vec![("0".to_owned(), after(zero)), ("1".to_owned(), after(one))]
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.begins("0", &after(4));
        ledger.begins("1", &after(8));
        ledger
    }

    #[test]
    fn only_what_was_written_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("positions.json");
        let (written, now) = (Written::default(), Instant::now());
        let mut keeper = begun(&path, &written);
        let mut ledger = ledger();
        keeper.handed_over(&ledger, 0, now);
        assert_eq!(saved(&mut keeper, &ledger, &path), at(4, 8));
        ledger.note("0", 5, 0);
        keeper.handed_over(&ledger, 1, now);
        ledger.note("0", 6, 0);
        ledger.note("1", 9, 0);
        keeper.handed_over(&ledger, 2, now);
        // Passed over without being shown: it waits for the buffer before it.
        ledger.note("1", 10, 0);
        keeper.handed_over(&ledger, 2, now);
        assert!(keeper.due().is_some());
        assert_eq!(saved(&mut keeper, &ledger, &path), at(4, 8));
        written.pretend(1);
        assert_eq!(saved(&mut keeper, &ledger, &path), at(5, 8));
        written.pretend(2);
        assert_eq!(saved(&mut keeper, &ledger, &path), at(6, 10));
        assert_eq!(keeper.due(), None);
        ledger.note("0", 7, 0);
        keeper.handed_over(&ledger, 2, now);
        assert_eq!(saved(&mut keeper, &ledger, &path), at(7, 10));
        drop(keeper);
        let (_, resume) = open(&path, &written).unwrap();
        let positions: Vec<_> = resume.unwrap().positions.into_iter().collect();
        assert_eq!(positions, at(7, 10));
    }

    #[test]
    fn a_new_log_takes_the_old_ones_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("positions.json");
        let (written, now) = (Written::default(), Instant::now());
        let mut keeper = begun(&path, &written);
        let mut ledger = ledger();
        ledger.note("0", 5, 0);
        keeper.handed_over(&ledger, 1, now);
        keeper.event_hub(&access("h"), connected(2)).unwrap();
        ledger.begins("0", &Position::Earliest);
        written.pretend(1);
        assert_eq!(saved(&mut keeper, &ledger, &path), at(-1, 8));
    }

    #[test]
    fn a_file_has_one_reader_and_one_hub() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("positions.json");
        let written = Written::default();
        let (mut keeper, _) = open(&path, &written).unwrap();
        assert_eq!(open(&path, &written).unwrap_err().kind, Kind::Conflict);
        keeper.event_hub(&access("h"), connected(1)).unwrap();
        saved(&mut keeper, &ledger(), &path);
        drop(keeper);
        let other = Keeper::open(&path, &access("other"), "$Default", written.clone());
        let failure = other.unwrap_err();
        assert_eq!(failure.kind, Kind::Input);
        let cause = failure.cause.unwrap();
        assert!(
            cause.contains("hub h,") && cause.contains("hub other,"),
            "{cause}"
        );
        file::replace_private(&path, b"garbage").unwrap();
        let failure = open(&path, &written).unwrap_err();
        assert_eq!(failure.kind, Kind::Input);
        assert!(failure.what.contains("positions.json"), "{}", failure.what);
    }
}
