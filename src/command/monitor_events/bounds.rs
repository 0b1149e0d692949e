//! Where reading ends. Pure: logs and events go in, and what is left to be read comes out.
//!
//! Two things can bound it: the ends of the logs as they were at the start (`--exit-at-end`), and a point in time
//! (`--until`). Both come to the same, a last sequence number for each partition; of a point in time that is yet to come,
//! the number is known when it has come and the logs are looked at once more.

use std::collections::HashMap;

use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::management::PartitionProperties;

/// Where reading ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bounds {
    is_at_end: bool,
    /// Milliseconds since the Unix epoch.
    until_ms: Option<i64>,
    partitions: HashMap<String, Partition>,
}

/// What is known of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Partition {
    /// Where it is read from, once that is known.
    begin: Option<Position>,
    /// The last event that is to be read, once it is known.
    last: Option<i64>,
    /// The newest event, when its log was looked at first: what was there before it was read.
    before: i64,
    /// Its log, when it was looked at last.
    log: Log,
    /// The newest event that was read.
    read: Option<i64>,
    is_done: bool,
}

/// How far a log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Log {
    /// The oldest event and the newest.
    oldest: i64,
    newest: i64,
    /// When the newest was enqueued: milliseconds since the Unix epoch.
    newest_ms: i64,
    newest_offset: String,
    is_empty: bool,
}

impl Log {
    fn of(log: &PartitionProperties) -> Self {
        Self {
            oldest: log.begin_sequence_number,
            newest: log.last_enqueued_sequence_number,
            newest_ms: log.last_enqueued_time_ms,
            newest_offset: log.last_enqueued_offset.clone(),
            is_empty: log.is_empty,
        }
    }
}

impl Bounds {
    /// No bounds but these.
    pub(super) fn new(is_at_end: bool, until_ms: Option<i64>) -> Self {
        Self {
            is_at_end,
            until_ms,
            partitions: HashMap::new(),
        }
    }

    fn are_none(&self) -> bool {
        !self.is_at_end && self.until_ms.is_none()
    }

    /// Takes in how a partition's log is now, at `now_ms`.
    pub(super) fn on_log(&mut self, partition: &str, log: &PartitionProperties, now_ms: i64) {
        if self.are_none() {
            return;
        }
        let newest = log.last_enqueued_sequence_number;
        let is_known = self.is_at_end || self.until_ms.is_some_and(|until| until < now_ms);
        let known = self
            .partitions
            .entry(partition.to_owned())
            .or_insert_with(|| Partition {
                begin: None,
                last: None,
                before: newest,
                log: Log::of(log),
                read: None,
                is_done: false,
            });
        known.log = Log::of(log);
        // A log that ends before what was read is another hub's by the same name.
        if known.read.is_some_and(|read| newest < read) {
            known.start_over();
        }
        if is_known {
            known.last = Some(known.last.map_or(newest, |last| last.min(newest)));
        }
        known.settle();
    }

    /// Takes in where a partition is read from, after its log was taken in: another run's position, or where the user
    /// said.
    pub(super) fn on_begin(&mut self, partition: &str, at: &Position) {
        if let Some(known) = self.partitions.get_mut(partition) {
            known.begin = Some(at.clone());
            known.is_done = false;
            known.settle();
        }
    }

    /// Another hub by the same name is read from its beginning: up to what it had when that was seen.
    pub(super) fn on_started_over(&mut self, partitions: &[String]) {
        for partition in partitions {
            if let Some(known) = self.partitions.get_mut(partition) {
                known.start_over();
                known.settle();
            }
        }
    }

    /// Takes in an event that was read. False where it lies beyond the bounds.
    pub(super) fn admits(&mut self, partition: &str, event: &Event<'_>) -> bool {
        if self.are_none() {
            return true;
        }
        let Some(known) = self.partitions.get_mut(partition) else {
            return true;
        };
        let number = event.sequence_number.0;
        known.read = Some(number);
        let is_late = self
            .until_ms
            .is_some_and(|until| event.enqueued_time_ms > until);
        let is_beyond = is_late || known.last.is_some_and(|last| number > last);
        let is_admitted = !known.is_done && !is_beyond;
        known.is_done |= is_beyond || known.last == Some(number);
        is_admitted
    }

    /// Takes in that something came of which not even the number can be read: it is one further at the least.
    pub(super) fn on_unreadable(&mut self, partition: &str) {
        if let Some(known) = self.partitions.get_mut(partition) {
            let read = known
                .read
                .map_or(known.log.oldest, |read| read.saturating_add(1));
            known.read = Some(read);
            known.is_done |= known.last.is_some_and(|last| read >= last);
        }
    }

    /// Whether all that is to be read was read.
    pub(super) fn are_reached(&self) -> bool {
        !self.are_none()
            && !self.partitions.is_empty()
            && self.partitions.values().all(|partition| partition.is_done)
    }
}

impl Partition {
    fn start_over(&mut self) {
        self.read = None;
        self.before = -1;
        self.is_done = false;
        if self.last.is_some() {
            self.last = Some(self.log.newest);
        }
    }

    /// Whether all that is to be read was read, or is not there, as far as its log tells.
    fn settle(&mut self) {
        let (Some(last), Some(begin)) = (self.last, &self.begin) else {
            return;
        };
        let is_gone = self.log.is_empty || self.log.oldest > last;
        let is_read = match self.read {
            Some(read) => read >= last,
            None => !is_due(begin, &self.log, self.before),
        };
        self.is_done |= is_read || is_gone;
    }
}

/// Whether a log holds anything from a place on, where its newest event was `before` when it was looked at first.
fn is_due(begin: &Position, log: &Log, before: i64) -> bool {
    match begin {
        Position::Earliest => true,
        Position::Latest => log.newest > before,
        Position::SequenceNumber { number, inclusive } => {
            number.saturating_add(i64::from(!inclusive)) <= log.newest
        }
        Position::EnqueuedTime(time) => *time < log.newest_ms,
        // Offsets are opaque; those that are numbers can be told apart all the same.
        Position::Offset { offset, inclusive } => {
            match (offset.parse::<i64>(), log.newest_offset.parse()) {
                (Ok(offset), Ok(last)) => offset < last || *inclusive && offset == last,
                (Ok(_) | Err(_), _) => true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::event_stream::Start;
    use crate::client::event_stream::progress::Progress;
    use crate::protocol::amqp::message::MessageWriter;

    const UNTIL: i64 = 1000;
    const BEFORE: i64 = 900;
    const AFTER: i64 = 1100;

    fn log(first: i64, last: i64) -> PartitionProperties {
        PartitionProperties {
            name: "e".to_owned(),
            partition: "0".to_owned(),
            begin_sequence_number: first,
            last_enqueued_sequence_number: last,
            last_enqueued_offset: (last * 100).to_string(),
            last_enqueued_time_ms: last * 10,
            is_empty: last < first,
        }
    }

    fn payload(number: i64, time: i64) -> Vec<u8> {
        let mut out = Vec::new();
        MessageWriter::new(&mut out).message_annotations(|w| {
            w.symbol("x-opt-sequence-number");
            w.long(number);
            w.symbol("x-opt-enqueued-time");
            w.timestamp(time);
        });
        out
    }

    fn reads(bounds: &mut Bounds, partition: &str, number: i64, time: i64) -> bool {
        bounds.admits(partition, &Event::parse(&payload(number, time)).unwrap())
    }

    fn to_end() -> Bounds {
        Bounds::new(true, None)
    }

    /// As a connect does it: the log, and where it is read from then.
    fn connect(
        bounds: &mut Bounds,
        partition: &str,
        start: &Start,
        log: &PartitionProperties,
        now: i64,
    ) {
        bounds.on_log(partition, log, now);
        bounds.on_begin(partition, &Progress::begin(start, log).position());
    }

    /// The same of partition 0 from its beginning, at a time beyond all others.
    fn from_earliest(mut bounds: Bounds, log: &PartitionProperties) -> Bounds {
        let start = Start::At(Position::Earliest);
        connect(&mut bounds, "0", &start, log, AFTER);
        bounds
    }

    #[test]
    fn without_bounds_there_is_no_end() {
        let mut bounds = Bounds::new(false, None);
        connect(&mut bounds, "0", &Start::Now, &log(0, -1), AFTER);
        assert!(reads(&mut bounds, "0", 0, AFTER));
        assert!(!bounds.are_reached());
    }

    #[test]
    fn what_was_there_at_the_start_is_read_and_no_more() {
        let mut bounds = to_end();
        assert!(!bounds.are_reached());
        bounds = from_earliest(bounds, &log(0, 1));
        let start = Start::At(Position::Earliest);
        connect(&mut bounds, "1", &start, &log(5, 4), AFTER);
        assert!(reads(&mut bounds, "0", 0, AFTER));
        assert!(!bounds.are_reached());
        assert!(reads(&mut bounds, "0", 1, AFTER));
        assert!(bounds.are_reached());
        assert!(!reads(&mut bounds, "0", 2, AFTER));
        assert!(!reads(&mut bounds, "1", 5, AFTER));
    }

    #[test]
    fn an_end_that_retention_took_is_passed() {
        let mut bounds = from_earliest(to_end(), &log(0, 3));
        assert!(!reads(&mut bounds, "0", 7, AFTER));
        assert!(bounds.are_reached());
        let mut bounds = from_earliest(to_end(), &log(0, 3));
        bounds.on_log("0", &log(8, 9), AFTER);
        assert!(bounds.are_reached());
    }

    #[test]
    fn what_cannot_be_read_is_counted() {
        let mut bounds = from_earliest(to_end(), &log(5, 7));
        bounds.on_unreadable("0");
        assert!(reads(&mut bounds, "0", 6, AFTER));
        assert!(!bounds.are_reached());
        bounds.on_unreadable("0");
        assert!(bounds.are_reached());
    }

    #[test]
    fn a_reconnect_changes_nothing() {
        let mut bounds = from_earliest(to_end(), &log(0, 3));
        assert!(reads(&mut bounds, "0", 2, AFTER));
        bounds.on_log("0", &log(0, 90), AFTER);
        assert!(!bounds.are_reached());
        assert!(reads(&mut bounds, "0", 3, AFTER));
        assert!(bounds.are_reached());
    }

    #[test]
    fn a_hub_made_anew_is_read_to_its_own_end() {
        let mut bounds = from_earliest(to_end(), &log(0, 30));
        assert!(reads(&mut bounds, "0", 20, AFTER));
        bounds.on_log("0", &log(0, 1), AFTER);
        bounds.on_started_over(&["0".to_owned()]);
        assert!(reads(&mut bounds, "0", 0, AFTER));
        assert!(!bounds.are_reached());
        assert!(reads(&mut bounds, "0", 1, AFTER));
        assert!(bounds.are_reached());
        let mut bounds = from_earliest(to_end(), &log(0, 30));
        assert!(reads(&mut bounds, "0", 20, AFTER));
        bounds.on_log("0", &log(0, -1), AFTER);
        assert!(bounds.are_reached());
    }

    #[test]
    fn where_nothing_lies_behind_the_start_it_ends_at_once() {
        let at = |number, inclusive| Start::At(Position::SequenceNumber { number, inclusive });
        let offset = |offset: &str, inclusive| {
            let offset = offset.to_owned();
            Start::At(Position::Offset { offset, inclusive })
        };
        for (start, expected) in [
            (Start::Now, true),
            (Start::Last(0), true),
            (Start::Last(1), false),
            (at(7, true), false),
            (at(7, false), true),
            (at(8, true), true),
            (Start::At(Position::EnqueuedTime(69)), false),
            (Start::At(Position::EnqueuedTime(70)), true),
            (offset("700", true), false),
            (offset("700", false), true),
            (offset("1:2:3", true), false),
        ] {
            let mut bounds = to_end();
            connect(&mut bounds, "0", &start, &log(0, 7), AFTER);
            assert_eq!(bounds.are_reached(), expected, "{start:?}");
        }
    }

    #[test]
    fn a_time_that_has_passed_ends_with_the_log_or_a_later_event() {
        let until = || Bounds::new(false, Some(UNTIL));
        let mut bounds = from_earliest(until(), &log(0, 1));
        assert!(reads(&mut bounds, "0", 0, BEFORE));
        assert!(!bounds.are_reached());
        assert!(reads(&mut bounds, "0", 1, UNTIL));
        assert!(bounds.are_reached());
        let mut bounds = from_earliest(until(), &log(0, 90));
        assert!(!reads(&mut bounds, "0", 0, AFTER));
        assert!(bounds.are_reached());
    }

    #[test]
    fn a_time_to_come_is_waited_for() {
        let mut bounds = Bounds::new(false, Some(UNTIL));
        connect(&mut bounds, "0", &Start::Now, &log(0, 1), BEFORE);
        connect(&mut bounds, "1", &Start::Now, &log(0, -1), BEFORE);
        assert!(reads(&mut bounds, "0", 2, BEFORE));
        assert!(!bounds.are_reached());
        // The time has come: of partition 0 one more is to be read, of partition 1 nothing.
        bounds.on_log("0", &log(0, 3), AFTER);
        bounds.on_log("1", &log(0, -1), AFTER);
        assert!(!bounds.are_reached());
        assert!(reads(&mut bounds, "0", 3, BEFORE));
        assert!(bounds.are_reached());
        let mut bounds = Bounds::new(false, Some(UNTIL));
        connect(&mut bounds, "0", &Start::Now, &log(0, 1), BEFORE);
        bounds.on_log("0", &log(0, 1), AFTER);
        assert!(bounds.are_reached());
        let mut bounds = Bounds::new(false, Some(UNTIL));
        connect(&mut bounds, "0", &Start::Now, &log(0, 1), BEFORE);
        bounds.on_log("0", &log(0, 2), AFTER);
        assert!(!bounds.are_reached());
    }

    #[test]
    fn what_another_run_left_is_due_whatever_the_start_says() {
        let mut bounds = to_end();
        bounds.on_log("0", &log(0, 8), AFTER);
        let after = |number| Position::SequenceNumber {
            number,
            inclusive: false,
        };
        bounds.on_begin("0", &after(7));
        assert!(!bounds.are_reached());
        assert!(reads(&mut bounds, "0", 8, AFTER));
        assert!(bounds.are_reached());
        let mut bounds = to_end();
        bounds.on_log("0", &log(0, 8), AFTER);
        bounds.on_begin("0", &after(8));
        assert!(bounds.are_reached());
        // A hub made anew is read from its beginning, whatever was done before.
        bounds.on_begin("0", &Position::Earliest);
        bounds.on_started_over(&["0".to_owned()]);
        assert!(!bounds.are_reached());
    }
}
