//! How many messages were sent on a day, as the service meters them.
//!
//! Source: learn.microsoft.com, "IoT Hub quotas and throttling": in blocks of 4 KB, by days of UTC.

use chrono::{DateTime, NaiveDate, Utc};

use super::command::Refusal;
use super::refusal;

/// The size of what counts as one message, in bytes.
const BLOCK: usize = 4096;

/// What a hub of the free tier has a day, for one that has no limit of its own.
const FREE: u64 = 8000;

/// Counts messages, up to a quota.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    hub: String,
    quota: Option<u64>,
    day: NaiveDate,
    used: u64,
    /// The day whose messages are used up, however many there were.
    full: Option<NaiveDate>,
}

impl Meter {
    pub(super) fn new(hub: String, quota: Option<u64>) -> Self {
        Self {
            hub,
            quota,
            day: NaiveDate::MIN,
            used: 0,
            full: None,
        }
    }

    /// So many a day from now on.
    pub(super) fn limit(&mut self, quota: Option<u64>) {
        self.quota = quota;
    }

    /// Uses this day's up.
    pub(super) fn fill(&mut self, now: DateTime<Utc>) {
        self.full = Some(now.date_naive());
    }

    /// Begins this day's anew.
    pub(super) fn empty(&mut self) {
        (self.full, self.used) = (None, 0);
    }

    /// Counts messages of these sizes in bytes, or refuses all of them.
    pub(super) fn take(
        &mut self,
        now: DateTime<Utc>,
        sizes: impl Iterator<Item = usize>,
    ) -> Result<(), Refusal> {
        if self.full.is_some_and(|day| day == now.date_naive()) {
            let quota = self.quota.unwrap_or(FREE);
            return Err(refusal::over_quota(&self.hub, quota, quota));
        }
        let Some(quota) = self.quota else {
            return Ok(());
        };
        if self.day != now.date_naive() {
            (self.day, self.used) = (now.date_naive(), 0);
        }
        let blocks: usize = sizes.map(|size| size.div_ceil(BLOCK).max(1)).sum();
        let used = self.used.saturating_add(blocks as u64);
        if used > quota {
            return Err(refusal::over_quota(&self.hub, quota, self.used));
        }
        self.used = used;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_count_by_the_block_and_the_next_day_begins_anew() {
        let at = |hour: i64| DateTime::from_timestamp(1_700_000_000 + hour * 3600, 0).unwrap();
        let mut meter = Meter::new("h".to_owned(), Some(5));
        let mut take = |hour, sizes: &[usize]| meter.take(at(hour), sizes.iter().copied());
        // 22:13 of the 14th.
        take(0, &[0, 4096, 4097]).unwrap();
        let refused = take(0, &[4097]).unwrap_err();
        assert_eq!(refused.code.number, 403_002);
        assert!(
            refused
                .message
                .contains("Max allowed message count: '5', current message count: '4'")
        );
        take(1, &[1]).unwrap();
        take(1, &[1]).unwrap_err();
        take(2, &[1, 1, 1, 1, 1]).unwrap();
        let mut endless = Meter::new("h".to_owned(), None);
        endless.take(at(0), [1; 9].into_iter()).unwrap();
        endless.fill(at(0));
        let refused = endless.take(at(1), [1].into_iter()).unwrap_err();
        assert_eq!(refused.code.number, 403_002);
        assert!(refused.message.contains("current message count: '8000'"));
        endless.take(at(2), [1].into_iter()).unwrap();
        endless.fill(at(2));
        endless.empty();
        endless.limit(Some(1));
        endless.take(at(2), [1].into_iter()).unwrap();
        endless.take(at(2), [1].into_iter()).unwrap_err();
        endless.limit(None);
        endless.take(at(2), [1].into_iter()).unwrap();
    }
}
