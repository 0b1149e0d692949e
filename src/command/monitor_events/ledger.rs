//! What was read of each partition: from where to where, how many, what is missing in between. Pure, and of a size that
//! depends on nothing but the number of partitions.

use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::management::PartitionProperties;

/// What was read of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    /// The partition's id.
    pub id: String,
    /// Where reading began.
    pub begin: Position,
    /// The first event's sequence number.
    pub first: Option<i64>,
    /// The last event's.
    pub last: Option<i64>,
    /// When the last event was enqueued: milliseconds since 1970.
    pub last_enqueued_ms: i64,
    /// How many events.
    pub count: u64,
    /// Sequence numbers that were passed over.
    pub missing: u64,
    /// Events that retention took before they were read.
    pub gone: u64,
    /// Counts the logs that stood under this id: a hub can be made anew.
    pub generation: u32,
    /// The sequence number that is due next, where it is known.
    due: Option<i64>,
    /// The oldest event's sequence number, and the newest's with its time, as they were told last.
    log: (i64, i64, i64),
}

/// What was read of every partition.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: Vec<Account>,
    /// Where the last event stood: events come in runs.
    current: usize,
}

impl Ledger {
    /// Every partition's account, in the order of their first appearance.
    pub(super) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    fn account(&mut self, partition: &str) -> &mut Account {
        let is_meant = |account: &Account| account.id == partition;
        if !self.accounts.get(self.current).is_some_and(is_meant) {
            let found = self.accounts.iter().position(is_meant);
            self.current = found.unwrap_or_else(|| {
                self.accounts.push(Account {
                    id: partition.to_owned(),
                    begin: Position::Latest,
                    first: None,
                    last: None,
                    last_enqueued_ms: 0,
                    count: 0,
                    missing: 0,
                    gone: 0,
                    generation: 0,
                    due: None,
                    log: (0, -1, 0),
                });
                self.accounts.len() - 1
            });
        }
        &mut self.accounts[self.current]
    }

    /// Notes where a log begins and ends.
    pub(super) fn log(&mut self, partition: &str, log: &PartitionProperties) {
        self.account(partition).log = (
            log.begin_sequence_number,
            log.last_enqueued_sequence_number,
            log.last_enqueued_time_ms,
        );
    }

    /// Notes where a partition is read from; its log was noted before.
    pub(super) fn begins(&mut self, partition: &str, at: &Position) {
        let account = self.account(partition);
        let (oldest, newest, newest_ms) = account.log;
        account.begin = match at {
            Position::Earliest => after(oldest.saturating_sub(1)),
            Position::Latest => after(newest),
            // Nothing that is there already is meant, so the place is known.
            Position::EnqueuedTime(ms) if newest_ms <= *ms => after(newest),
            Position::EnqueuedTime(_)
            | Position::Offset { .. }
            | Position::SequenceNumber { .. } => at.clone(),
        };
        account.due = match account.begin {
            Position::SequenceNumber { number, inclusive } => {
                let first = number.saturating_add(i64::from(!inclusive));
                Some(first.max(oldest))
            }
            Position::Earliest
            | Position::Latest
            | Position::Offset { .. }
            | Position::EnqueuedTime(_) => None,
        };
        (account.first, account.last) = (None, None);
        account.generation += 1;
    }

    /// Notes an event.
    #[inline]
    pub(super) fn note(&mut self, partition: &str, number: i64, enqueued_ms: i64) {
        let account = self.account(partition);
        if let Some(due) = account.due {
            let passed_over = number.saturating_sub(due);
            account.missing += u64::try_from(passed_over).unwrap_or(0);
        }
        account.due = Some(number.saturating_add(1));
        account.first = account.first.or(Some(number));
        account.last = Some(number);
        account.last_enqueued_ms = enqueued_ms;
        account.count += 1;
    }

    /// Notes that retention took events; they are not missing besides.
    pub(super) fn gone(&mut self, partition: &str, count: u64) {
        let account = self.account(partition);
        account.gone += count;
        let oldest = account.log.0;
        account.due = account.due.map(|due| due.max(oldest));
    }
}

impl Account {
    /// The sequence number that is due next, where it is known.
    pub(super) fn due(&self) -> Option<i64> {
        self.due
    }

    /// The newest event's sequence number and when it was enqueued, as its log was told last; none where that is empty.
    pub(super) fn newest(&self) -> Option<(i64, i64)> {
        let (oldest, newest, enqueued_ms) = self.log;
        (oldest <= newest).then_some((newest, enqueued_ms))
    }
}

/// The place after an event.
pub(super) fn after(number: i64) -> Position {
    Position::SequenceNumber {
        number,
        inclusive: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(first: i64, last: i64, last_ms: i64) -> PartitionProperties {
        PartitionProperties {
            name: "e".to_owned(),
            partition: "0".to_owned(),
            begin_sequence_number: first,
            last_enqueued_sequence_number: last,
            last_enqueued_offset: String::new(),
            last_enqueued_time_ms: last_ms,
            is_empty: last < first,
        }
    }

    fn begun(at: &Position) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.log("0", &log(10, 20, 1000));
        ledger.begins("0", at);
        ledger
    }

    #[test]
    fn runs_are_counted_with_what_is_missing_in_them() {
        let mut ledger = begun(&after(20));
        for number in [21, 22, 25] {
            ledger.note("0", number, number);
        }
        ledger.note("1", 7, 7);
        ledger.note("0", 26, 26);
        let [zero, one] = ledger.accounts() else {
            panic!()
        };
        assert_eq!((zero.first, zero.last), (Some(21), Some(26)));
        assert_eq!((zero.count, zero.missing), (4, 2));
        assert_eq!((one.count, one.missing), (1, 0));
    }

    #[test]
    fn what_is_missing_at_the_front_counts_too() {
        let mut ledger = begun(&after(20));
        ledger.note("0", 24, 0);
        assert_eq!(ledger.accounts()[0].missing, 3);
        let mut ledger = begun(&Position::EnqueuedTime(1));
        ledger.note("0", 24, 0);
        assert_eq!(ledger.accounts()[0].missing, 0);
    }

    #[test]
    fn what_retention_took_is_not_missing() {
        // Asked for from 3 on, and kept from 10 on.
        let mut ledger = begun(&after(2));
        ledger.note("0", 10, 0);
        assert_eq!(ledger.accounts()[0].missing, 0);
        ledger.log("0", &log(15, 20, 0));
        ledger.gone("0", 4);
        ledger.note("0", 15, 0);
        let account = &ledger.accounts()[0];
        assert_eq!((account.missing, account.gone), (0, 4));
    }

    #[test]
    fn a_partition_without_events_keeps_its_place() {
        assert_eq!(begun(&Position::Latest).accounts()[0].begin, after(20));
        let ledger = begun(&Position::Earliest);
        assert_eq!(ledger.accounts()[0].begin, after(9));
        let at = Position::EnqueuedTime(999);
        assert_eq!(begun(&at).accounts()[0].begin, at);
        let ledger = begun(&Position::EnqueuedTime(1000));
        assert_eq!(ledger.accounts()[0].begin, after(20));
    }

    #[test]
    fn another_log_begins_a_new_run() {
        let mut ledger = begun(&after(20));
        ledger.note("0", 21, 0);
        ledger.log("0", &log(0, 3, 0));
        ledger.begins("0", &Position::Earliest);
        assert_eq!(ledger.accounts()[0].begin, after(-1));
        ledger.note("0", 0, 0);
        let account = &ledger.accounts()[0];
        assert_eq!((account.first, account.missing), (Some(0), 0));
        assert_eq!((account.count, account.generation), (2, 2));
    }
}
