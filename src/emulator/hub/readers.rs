//! Who reads which partition, how far each has come, and who must give way.
//!
//! Source: learn.microsoft.com, "Event Hubs features" (epochs, five readers); texts from traces in the SDKs' issues.

use std::collections::HashMap;

use super::command::{ListenerId, Notice, Refusal};
use super::event_log::Start;
use super::refusal;

/// The most readers without an epoch on a partition in one consumer group.
const MAX_SHARING: usize = 5;

/// The name that the service gives to a reader that has none.
const NAMELESS: &str = "nil";

/// A reader that wants to attach.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub id: ListenerId,
    /// The consumer group, in lower case; `None` for one that only looks on, whom nobody counts.
    pub group: Option<String>,
    pub partition: usize,
    /// Where it begins.
    pub start: Start,
    pub epoch: Option<i64>,
    pub name: Option<String>,
}

#[derive(Debug)]
struct Reader {
    group: Option<String>,
    partition: usize,
    start: Start,
    epoch: Option<i64>,
    name: Option<String>,
}

impl Reader {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(NAMELESS)
    }
}

/// All readers.
#[derive(Debug, Default)]
pub(super) struct Readers {
    readers: HashMap<ListenerId, Reader>,
    /// Those who have read everything of a partition and wait for more.
    waiting: HashMap<usize, Vec<ListenerId>>,
}

impl Readers {
    /// Lets a reader in, and tells those who have to go for it.
    pub(super) fn open(
        &mut self,
        newcomer: Newcomer,
    ) -> Result<Vec<(ListenerId, Notice)>, Refusal> {
        self.close(newcomer.id);
        let rivals: Vec<ListenerId> = self
            .readers
            .iter()
            .filter(|(_, reader)| {
                reader.partition == newcomer.partition
                    && reader.group == newcomer.group
                    && newcomer.group.is_some()
            })
            .map(|(id, _)| *id)
            .collect();
        let name = newcomer.name.as_deref().unwrap_or(NAMELESS);
        self.admit(newcomer.epoch, name, &rivals)?;
        let notices = match newcomer.epoch {
            Some(epoch) => self.evict(rivals, (name, epoch)),
            None => Vec::new(),
        };
        let Newcomer {
            id,
            group,
            partition,
            start,
            epoch,
            name,
        } = newcomer;
        self.readers.insert(
            id,
            Reader {
                group,
                partition,
                start,
                epoch,
                name,
            },
        );
        Ok(notices)
    }

    fn admit(&self, epoch: Option<i64>, name: &str, rivals: &[ListenerId]) -> Result<(), Refusal> {
        let rivals = || rivals.iter().filter_map(|id| self.readers.get(id));
        let held = rivals().filter_map(|rival| rival.epoch).max();
        match (epoch, held) {
            // The same epoch again takes the partition over, as when a process comes back before its old link is gone.
            (Some(wanted), Some(held)) if wanted < held => {
                Err(refusal::epoch_too_low(held, wanted, name))
            }
            (None, Some(held)) => Err(refusal::epoch_holds(held)),
            (None, None) if rivals().count() >= MAX_SHARING => {
                let mut names: Vec<&str> = rivals().map(Reader::name).collect();
                names.sort_unstable();
                Err(refusal::too_many_readers(MAX_SHARING, &names))
            }
            (Some(_), _) | (None, None) => Ok(()),
        }
    }

    fn evict(
        &mut self,
        mut rivals: Vec<ListenerId>,
        new: (&str, i64),
    ) -> Vec<(ListenerId, Notice)> {
        rivals.sort_unstable();
        let evict = |id: ListenerId| {
            let loser = self.close(id)?;
            let refusal = refusal::stolen(new, (loser.name(), loser.epoch));
            Some((id, Notice::Detached(refusal)))
        };
        rivals.into_iter().filter_map(evict).collect()
    }

    /// Which partition a reader reads, and where it goes on.
    pub(super) fn cursor(&self, id: ListenerId) -> Option<(usize, Start)> {
        let reader = self.readers.get(&id)?;
        Some((reader.partition, reader.start))
    }

    /// Moves a reader on to `next`; with `drained` it is told once something comes.
    pub(super) fn advance(&mut self, id: ListenerId, next: i64, drained: bool) {
        let Some(reader) = self.readers.get_mut(&id) else {
            return;
        };
        reader.start.next = next;
        let waiting = self.waiting.entry(reader.partition).or_default();
        match (drained, waiting.iter().position(|waiter| *waiter == id)) {
            (true, None) => waiting.push(id),
            (false, Some(index)) => drop(waiting.swap_remove(index)),
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Whom to wake because a partition has got something.
    pub(super) fn wake(&mut self, partition: usize) -> Vec<(ListenerId, Notice)> {
        let Some(waiting) = self.waiting.get_mut(&partition) else {
            return Vec::new();
        };
        waiting
            .drain(..)
            .map(|id| (id, Notice::Available))
            .collect()
    }

    fn close(&mut self, id: ListenerId) -> Option<Reader> {
        let reader = self.readers.remove(&id)?;
        if let Some(waiting) = self.waiting.get_mut(&reader.partition) {
            waiting.retain(|waiter| *waiter != id);
        }
        Some(reader)
    }

    /// Forgets a reader; without effect for one that is not known.
    pub(super) fn leave(&mut self, id: ListenerId) {
        self.close(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newcomer(id: u64, epoch: Option<i64>) -> Newcomer {
        Newcomer {
            id: ListenerId(id),
            group: Some("$default".to_owned()),
            partition: 0,
            start: Start {
                next: 0,
                behind: None,
            },
            epoch,
            name: None,
        }
    }

    fn losers(notices: &[(ListenerId, Notice)]) -> Vec<u64> {
        notices.iter().map(|(id, _)| id.0).collect()
    }

    #[test]
    fn a_sixth_reader_is_refused_until_one_goes() {
        let mut readers = Readers::default();
        for id in 0..5 {
            readers.open(newcomer(id, None)).unwrap();
        }
        let refusal = readers.open(newcomer(5, None)).unwrap_err();
        assert_eq!(refusal.condition, "amqp:resource-limit-exceeded");
        assert!(refusal.message.contains("which is 5"));
        let elsewhere = Newcomer {
            partition: 1,
            ..newcomer(6, None)
        };
        assert!(readers.open(elsewhere).is_ok());
        readers.leave(ListenerId(3));
        assert!(readers.open(newcomer(5, None)).is_ok());
    }

    #[test]
    fn an_epoch_takes_the_partition_and_keeps_lower_ones_out() {
        let mut readers = Readers::default();
        readers.open(newcomer(0, None)).unwrap();
        readers.open(newcomer(1, None)).unwrap();
        let notices = readers.open(newcomer(2, Some(1))).unwrap();
        assert_eq!(losers(&notices), [0, 1]);
        assert_eq!(
            readers.open(newcomer(3, None)).unwrap_err().condition,
            "amqp:link:stolen"
        );
        let refusal = readers.open(newcomer(3, Some(0))).unwrap_err();
        assert!(refusal.message.contains("higher epoch '1' already exists"));
        assert_eq!(losers(&readers.open(newcomer(3, Some(1))).unwrap()), [2]);
        let notices = readers.open(newcomer(4, Some(7))).unwrap();
        let [(ListenerId(3), Notice::Detached(refusal))] = notices.as_slice() else {
            panic!("{notices:?}")
        };
        assert_eq!(refusal.condition, "amqp:link:stolen");
        assert!(refusal.message.starts_with(
            "New receiver 'nil' with higher epoch of '7' is created hence current receiver 'nil' with epoch '1'"
        ));
        assert_eq!(readers.cursor(ListenerId(3)), None);
    }

    #[test]
    fn those_who_look_on_take_no_place_and_lose_none() {
        let onlooker = |id| Newcomer {
            group: None,
            ..newcomer(id, None)
        };
        let mut readers = Readers::default();
        for id in 0..7 {
            readers.open(onlooker(id)).unwrap();
        }
        for id in 10..15 {
            readers.open(newcomer(id, None)).unwrap();
        }
        readers.open(onlooker(7)).unwrap();
        let evicted = readers.open(newcomer(15, Some(1))).unwrap();
        assert_eq!(losers(&evicted), [10, 11, 12, 13, 14]);
        readers.advance(ListenerId(7), 1, true);
        assert_eq!(readers.wake(0), [(ListenerId(7), Notice::Available)]);
    }

    #[test]
    fn only_the_drained_are_woken_and_once() {
        let mut readers = Readers::default();
        readers.open(newcomer(0, None)).unwrap();
        readers.open(newcomer(1, None)).unwrap();
        readers.advance(ListenerId(0), 3, true);
        readers.advance(ListenerId(0), 3, true);
        readers.advance(ListenerId(1), 2, true);
        readers.advance(ListenerId(1), 2, false);
        assert_eq!(readers.wake(0), [(ListenerId(0), Notice::Available)]);
        assert_eq!(readers.wake(0), []);
        readers.advance(ListenerId(0), 4, true);
        readers.leave(ListenerId(0));
        assert_eq!(readers.wake(0), []);
    }
}
