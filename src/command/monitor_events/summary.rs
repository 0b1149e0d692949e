//! The last line: why it ended, how many events, from where to where, what is missing, and what is left behind. Pure.

use std::fmt::Write as _;

use super::ledger::Account;
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::management::PartitionProperties;

/// Partitions that are told one by one.
const MOST_TOLD: usize = 4;

/// What is told at the end.
#[derive(Debug)]
pub(super) struct Summary<'a> {
    /// Why it ended, where that is to be said.
    pub reason: Option<&'a str>,
    /// How many events were shown.
    pub shown: u64,
    /// What was read.
    pub accounts: &'a [Account],
    /// When it ended: milliseconds since 1970.
    pub now_ms: i64,
    /// How far the logs go at the end, where that could be told.
    pub logs: Option<&'a [(String, PartitionProperties)]>,
}

impl Summary<'_> {
    /// The line, without its newline.
    pub(super) fn line(&self) -> String {
        let mut text = String::new();
        if let Some(reason) = self.reason {
            let _ = write!(text, "{reason}: ");
        }
        let read: u64 = self.accounts.iter().map(|account| account.count).sum();
        text.push_str(&events(self.shown));
        if read != self.shown {
            let _ = write!(text, " of {read} read");
        }
        if read > 0 {
            self.append_places(&mut text);
            self.append_losses(&mut text);
        }
        self.append_lag(&mut text);
        text
    }

    /// From where to where.
    fn append_places(&self, text: &mut String) {
        let runs: Vec<(&str, i64, i64)> = self
            .accounts
            .iter()
            .filter_map(|account| Some((account.id.as_str(), account.first?, account.last?)))
            .collect();
        if runs.len() > MOST_TOLD {
            let _ = write!(text, " from {} partitions", runs.len());
            return;
        }
        for (index, (id, first, last)) in runs.iter().enumerate() {
            text.push_str(if index == 0 { "; " } else { ", " });
            let _ = write!(text, "partition {id}: {first}");
            if first != last {
                let _ = write!(text, " to {last}");
            }
        }
    }

    fn append_losses(&self, text: &mut String) {
        let missing: u64 = self.accounts.iter().map(|account| account.missing).sum();
        let gone: u64 = self.accounts.iter().map(|account| account.gone).sum();
        match missing {
            0 => text.push_str("; no gaps"),
            missing => {
                let _ = write!(text, "; {missing} missing in between");
            }
        }
        if gone > 0 {
            let _ = write!(text, "; {gone} gone by retention");
        }
    }

    /// How many events are left behind, and how much older the last event read is than the newest. Where the hub did not
    /// say at the end how far it is, that goes by what it said before.
    fn append_lag(&self, text: &mut String) {
        let (mut behind, mut late_ms) = (0_u64, 0_i64);
        let mut is_least = self.logs.is_none();
        let mut unknown = 0;
        for account in self.accounts {
            let Some((newest, newest_ms)) = self.newest(account) else {
                continue;
            };
            let left = match (account.due(), &account.begin) {
                (Some(due), _) => newest.saturating_sub(due).saturating_add(1),
                // Of what came after a time it is not known how much there is until the first of it is read.
                (None, Position::EnqueuedTime(ms)) if newest_ms > *ms => {
                    is_least = true;
                    1
                }
                // Nor of what comes after an offset, of which nothing is known but its text.
                (None, Position::Offset { .. }) => {
                    unknown += 1;
                    0
                }
                (None, _) => 0,
            };
            behind += u64::try_from(left).unwrap_or(0);
            if left > 0 && account.last.is_some() {
                late_ms = late_ms.max(newest_ms - account.last_enqueued_ms);
            }
        }
        let of = self.accounts.len();
        if behind == 0 && unknown == of && unknown > 0 {
            return text.push_str("; what is left behind is not known");
        }
        if behind == 0 {
            self.append_age(text);
        } else {
            let least = if is_least { "at least " } else { "" };
            let _ = write!(text, "; {least}{behind} left behind");
        }
        if unknown > 0 && (behind > 0 || self.logs.is_some()) {
            let _ = write!(text, " in {} of {of} partitions", of - unknown);
        }
        if late_ms > 0 {
            let _ = write!(text, ", the newest {} later", seconds(late_ms));
        }
    }

    /// The newest event's number and time, as they were told last; none where nothing is kept.
    fn newest(&self, account: &Account) -> Option<(i64, i64)> {
        let Some(logs) = self.logs else {
            return account.newest();
        };
        let (_, log) = logs.iter().find(|(id, _)| *id == account.id)?;
        let newest = (log.last_enqueued_sequence_number, log.last_enqueued_time_ms);
        (!log.is_empty).then_some(newest)
    }

    /// Nothing is known to be left behind.
    fn append_age(&self, text: &mut String) {
        if self.logs.is_some() {
            return text.push_str("; nothing left behind");
        }
        let read = self
            .accounts
            .iter()
            .filter(|account| account.last.is_some());
        if let Some(last_ms) = read.map(|account| account.last_enqueued_ms).max() {
            let age = self.now_ms.saturating_sub(last_ms).max(0);
            let _ = write!(text, "; the last one enqueued {} before", seconds(age));
        }
    }
}

/// With a decimal.
fn seconds(milliseconds: i64) -> String {
    format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
}

fn events(count: u64) -> String {
    let noun = if count == 1 { "event" } else { "events" };
    format!("{count} {noun}")
}

#[cfg(test)]
mod tests {
    use super::super::ledger::{Ledger, after};
    use super::*;

    fn log(last: i64, last_ms: i64) -> PartitionProperties {
        PartitionProperties {
            name: "e".to_owned(),
            partition: "0".to_owned(),
            begin_sequence_number: 0,
            last_enqueued_sequence_number: last,
            last_enqueued_offset: String::new(),
            last_enqueued_time_ms: last_ms,
            is_empty: last < 0,
        }
    }

    fn ledger(partitions: usize) -> Ledger {
        let mut ledger = Ledger::default();
        for id in 0..partitions {
            let id = id.to_string();
            ledger.log(&id, &log(4, 0));
            ledger.begins(&id, &after(4));
        }
        ledger
    }

    #[test]
    fn little_is_told_in_full() {
        let mut ledger = ledger(3);
        for number in [5, 6, 9] {
            ledger.note("1", number, 1000 * number);
        }
        ledger.note("2", 5, 5000);
        let logs = [
            ("1".to_owned(), log(11, 12_345)),
            ("0".to_owned(), log(4, 0)),
        ];
        let summary = Summary {
            reason: Some("interrupted"),
            shown: 3,
            accounts: ledger.accounts(),
            now_ms: 12_400,
            logs: Some(&logs),
        };
        assert_eq!(
            summary.line(),
            "interrupted: 3 events of 4 read; partition 1: 5 to 9, partition 2: 5; 2 missing in between; 2 left behind, the \
             newest 3.3 s later"
        );
    }

    #[test]
    fn partitions_of_which_nothing_is_known_are_not_passed_over() {
        let offset = Position::Offset {
            offset: "x".to_owned(),
            inclusive: true,
        };
        let line = |begins: &[&Position], kept: bool| {
            let mut ledger = Ledger::default();
            let mut logs = Vec::new();
            for (index, begin) in begins.iter().enumerate() {
                let id = index.to_string();
                ledger.log(&id, &log(4, 1000));
                ledger.begins(&id, begin);
                let is_empty = !kept;
                logs.push((
                    id,
                    PartitionProperties {
                        is_empty,
                        ..log(4, 1000)
                    },
                ));
            }
            let summary = Summary {
                reason: None,
                shown: 0,
                accounts: ledger.accounts(),
                now_ms: 12_400,
                logs: Some(&logs),
            };
            summary.line()
        };
        for (begins, kept, expected) in [
            (
                [&after(1), &offset, &offset],
                true,
                "; 3 left behind in 1 of 3 partitions",
            ),
            (
                [&after(4), &after(4), &offset],
                true,
                "; nothing left behind in 2 of 3 partitions",
            ),
            (
                [&offset, &offset, &offset],
                true,
                "; what is left behind is not known",
            ),
            ([&offset, &offset, &offset], false, "; nothing left behind"),
        ] {
            let text = line(&begins, kept);
            assert!(text.ends_with(expected), "{text}");
        }
    }

    #[test]
    fn much_is_summed_and_nothing_is_short() {
        let mut ledger = ledger(8);
        let none = Summary {
            reason: None,
            shown: 0,
            accounts: ledger.accounts(),
            now_ms: 12_400,
            logs: None,
        };
        assert_eq!(none.line(), "0 events");
        for id in 0..8 {
            ledger.note(&id.to_string(), 5, 0);
        }
        ledger.gone("0", 7);
        let all = Summary {
            reason: None,
            shown: 8,
            accounts: ledger.accounts(),
            now_ms: 12_400,
            logs: Some(&[("0".to_owned(), log(5, 0))]),
        };
        assert_eq!(
            all.line(),
            "8 events from 8 partitions; no gaps; 7 gone by retention; nothing left behind"
        );
    }

    #[test]
    fn where_the_hub_is_silent_it_goes_by_what_it_said() {
        let mut ledger = Ledger::default();
        let line = |ledger: &Ledger| {
            let summary = Summary {
                reason: Some("interrupted"),
                shown: 1,
                accounts: ledger.accounts(),
                now_ms: 12_400,
                logs: None,
            };
            summary.line()
        };
        ledger.log("0", &log(9, 9000));
        ledger.begins("0", &after(4));
        ledger.note("0", 5, 5000);
        assert_eq!(
            line(&ledger),
            "interrupted: 1 event; partition 0: 5; no gaps; at least 4 left behind, the newest 4.0 s later"
        );
        ledger.log("0", &log(5, 5000));
        assert_eq!(
            line(&ledger),
            "interrupted: 1 event; partition 0: 5; no gaps; the last one enqueued 7.4 s before"
        );
        // Of this one nothing was read yet, and it is not known how much there is.
        ledger.log("1", &log(700, 9000));
        ledger.begins("1", &Position::EnqueuedTime(8000));
        assert_eq!(
            line(&ledger),
            "interrupted: 1 event; partition 0: 5; no gaps; at least 1 left behind"
        );
    }
}
