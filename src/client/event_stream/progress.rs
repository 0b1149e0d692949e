//! How far a partition was read, and where it is to be read from next. Pure.

use super::plan::Start;
use crate::model::identifier::SequenceNumber;
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::management::PartitionProperties;

/// What became of a partition's log during a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is another log by the same name, and is read from its beginning.
    Another,
    /// So many events are gone before they were read.
    Gone(u64),
}

/// How far a partition was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Where to begin as long as nothing was read.
    start: Position,
    /// What was read last.
    last: Option<SequenceNumber>,
    /// The number of the next event, if none is missing; [`UNKNOWN`] where it cannot be told.
    due: i64,
    /// Events that should have come and did not, and never will.
    missing: u64,
    /// How many of these were told.
    told: u64,
}

/// No number of an event: where to begin was given as something else, and nothing came yet.
const UNKNOWN: i64 = i64::MIN;

impl Progress {
    /// Nothing was read yet, and it is to begin at `start`.
    #[must_use]
    pub fn new(start: Position) -> Self {
        let mut progress = Self {
            start,
            last: None,
            due: UNKNOWN,
            missing: 0,
            told: 0,
        };
        progress.expect_next();
        progress
    }

    /// Pins where to begin to the log as it is now, so that nothing is lost when the first event comes after a break.
    #[must_use]
    pub fn begin(start: &Start, log: &PartitionProperties) -> Self {
        let newest = log.last_enqueued_sequence_number;
        Self::new(match start {
            Start::At(position) => position.clone(),
            Start::Now => after(newest),
            Start::Last(count) => {
                let oldest = log.begin_sequence_number.saturating_sub(1).min(newest);
                after(newest.saturating_sub_unsigned(*count).max(oldest))
            }
        })
    }

    /// Where to attach: after what was read last, or where it is to begin.
    #[must_use]
    pub fn position(&self) -> Position {
        match self.last {
            Some(SequenceNumber(number)) => after(number),
            None => self.start.clone(),
        }
    }

    /// What was read last.
    #[must_use]
    pub fn last(&self) -> Option<SequenceNumber> {
        self.last
    }

    /// Notes that an event was read. False where it had been read before.
    #[inline]
    pub fn advance_to(&mut self, number: SequenceNumber) -> bool {
        if number.0 != self.due && !self.jump_to(number) {
            return false;
        }
        self.due = number.0.saturating_add(1);
        self.last = Some(number);
        true
    }

    /// Whether an event that is not the next one is new; those in between are missing then.
    #[cold]
    fn jump_to(&mut self, SequenceNumber(number): SequenceNumber) -> bool {
        if self.last.is_some_and(|SequenceNumber(last)| number <= last) {
            return false;
        }
        if self.due != UNKNOWN && number > self.due {
            self.missing = self.missing.saturating_add(number.abs_diff(self.due));
        }
        true
    }

    /// How many are missing that were not told yet. A log with holes everywhere is not told hole by hole: each time,
    /// there are as many as were told before.
    pub fn missing_untold(&mut self) -> Option<u64> {
        let count = self.missing - self.told;
        if count == 0 || count < self.told {
            return None;
        }
        self.told = self.missing;
        Some(count)
    }

    fn expect_next(&mut self) {
        self.due = self
            .read_up_to()
            .map_or(UNKNOWN, |read| read.saturating_add(1));
    }

    /// The sequence number after which the next event is due, where it is known.
    fn read_up_to(&self) -> Option<i64> {
        match (self.last, &self.start) {
            (Some(SequenceNumber(last)), _) => Some(last),
            (None, Position::SequenceNumber { number, inclusive }) => {
                Some(number.saturating_sub(i64::from(*inclusive)))
            }
            (
                None,
                Position::Earliest
                | Position::Latest
                | Position::Offset { .. }
                | Position::EnqueuedTime(_),
            ) => None,
        }
    }

    /// A point in time means the same in any log, a number does not.
    fn start_over(&mut self) {
        self.last = None;
        if !matches!(self.start, Position::EnqueuedTime(_)) {
            self.start = Position::Earliest;
        }
        self.due = UNKNOWN;
    }

    /// Compares with the log as it is after a break. The log of a hub that `is_new`, and one that ends before what was
    /// read, is another hub's by the same name, and is read from its beginning; of one that begins after what was read,
    /// events are gone.
    pub fn compare(&mut self, log: &PartitionProperties, is_new: bool) -> Option<Change> {
        let read = self.read_up_to()?;
        let (first, last) = (log.begin_sequence_number, log.last_enqueued_sequence_number);
        if last < read || is_new {
            self.start_over();
            return Some(Change::Another);
        }
        // In an empty log, nothing is kept up to the newest.
        let first = if log.is_empty {
            last.saturating_add(1)
        } else {
            first
        };
        let due = self.due.max(read.saturating_add(1));
        if first <= due {
            return None;
        }
        let count = first.abs_diff(due);
        self.due = first;
        self.missing = self.missing.saturating_add(count);
        self.told = self.told.saturating_add(count);
        Some(Change::Gone(count))
    }
}

fn after(number: i64) -> Position {
    Position::SequenceNumber {
        number,
        inclusive: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(first: i64, last: i64) -> PartitionProperties {
        PartitionProperties {
            name: "e".to_owned(),
            partition: "0".to_owned(),
            begin_sequence_number: first,
            last_enqueued_sequence_number: last,
            last_enqueued_offset: String::new(),
            last_enqueued_time_ms: 0,
            is_empty: last < first,
        }
    }

    #[test]
    fn now_is_the_services_now() {
        let progress = Progress::begin(&Start::Now, &log(0, 41));
        assert_eq!(progress.position(), after(41));
        assert_eq!(
            Progress::begin(&Start::Now, &log(0, -1)).position(),
            after(-1)
        );
        assert_eq!(
            Progress::begin(&Start::Last(10), &log(0, 41)).position(),
            after(31)
        );
        assert_eq!(
            Progress::begin(&Start::Last(u64::MAX), &log(0, 41)).position(),
            after(-1)
        );
        let at = Start::At(Position::EnqueuedTime(7));
        assert_eq!(
            Progress::begin(&at, &log(0, 41)).position(),
            Position::EnqueuedTime(7)
        );
    }

    #[test]
    fn nothing_is_read_twice() {
        let mut progress = Progress::new(Position::Earliest);
        assert!(progress.advance_to(SequenceNumber(0)));
        assert!(progress.advance_to(SequenceNumber(1)));
        assert!(!progress.advance_to(SequenceNumber(1)));
        assert!(!progress.advance_to(SequenceNumber(0)));
        assert_eq!(progress.position(), after(1));
    }

    #[test]
    fn holes_are_counted_and_told_ever_more_rarely() {
        let mut progress = Progress::new(Position::Earliest);
        progress.advance_to(SequenceNumber(7));
        assert_eq!(progress.missing_untold(), None);
        progress.advance_to(SequenceNumber(10));
        assert_eq!(progress.missing_untold(), Some(2));
        assert_eq!(progress.missing_untold(), None);
        progress.advance_to(SequenceNumber(12));
        assert_eq!(progress.missing_untold(), None);
        progress.advance_to(SequenceNumber(14));
        assert_eq!(progress.missing_untold(), Some(2));
        assert_eq!(progress.missing, 4);
        let mut times = 0;
        for number in (16..100_000).step_by(2) {
            progress.advance_to(SequenceNumber(number));
            times += u64::from(progress.missing_untold().is_some());
        }
        assert!((8..20).contains(&times), "{times}");
    }

    #[test]
    fn what_retention_has_passed_is_told_once() {
        let mut progress = Progress::new(after(9));
        assert_eq!(progress.compare(&log(15, 20), false), Some(Change::Gone(5)));
        assert_eq!(progress.compare(&log(15, 20), false), None);
        assert_eq!(progress.position(), after(9));
        assert!(progress.advance_to(SequenceNumber(17)));
        assert_eq!((progress.missing, progress.missing_untold()), (7, None));
        let mut emptied = Progress::new(after(9));
        assert_eq!(emptied.compare(&log(21, 20), false), Some(Change::Gone(11)));
        let mut waiting = Progress::new(after(20));
        assert_eq!(waiting.compare(&log(21, 20), false), None);
    }

    #[test]
    fn the_last_few_of_a_short_log_are_all_of_it() {
        let mut progress = Progress::begin(&Start::Last(100), &log(50, 60));
        assert_eq!(progress.position(), after(49));
        progress.advance_to(SequenceNumber(50));
        assert_eq!(progress.missing, 0);
    }

    #[test]
    fn a_hub_made_anew_is_read_from_its_beginning() {
        let mut progress = Progress::new(Position::Earliest);
        assert_eq!(progress.compare(&log(0, 3), false), None);
        progress.advance_to(SequenceNumber(9));
        assert_eq!(progress.compare(&log(0, 9), false), None);
        assert_eq!(progress.compare(&log(0, 8), false), Some(Change::Another));
        assert_eq!(progress.position(), Position::Earliest);
    }

    #[test]
    fn a_new_hub_is_read_from_its_beginning_however_long_its_log_is() {
        let mut progress = Progress::new(Position::EnqueuedTime(5));
        progress.advance_to(SequenceNumber(9));
        assert_eq!(progress.compare(&log(0, 100), true), Some(Change::Another));
        assert_eq!(progress.position(), Position::EnqueuedTime(5));
    }

    #[test]
    fn events_that_are_gone_are_counted() {
        let mut progress = Progress::new(Position::Earliest);
        progress.advance_to(SequenceNumber(9));
        assert_eq!(progress.compare(&log(10, 20), false), None);
        assert_eq!(progress.compare(&log(15, 20), false), Some(Change::Gone(5)));
        assert_eq!(progress.position(), after(9));
    }
}
