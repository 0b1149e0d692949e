//! How many messages were sent on a day, as the service meters them.
//!
//! Source: learn.microsoft.com, "IoT Hub quotas and throttling": in blocks of 4 KB, by days of UTC.

use chrono::{DateTime, NaiveDate, Utc};

use super::command::Refusal;
use super::refusal;

/// The size of what counts as one message, in bytes.
const BLOCK: usize = 4096;

/// Counts messages, up to a quota.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    hub: String,
    quota: Option<u64>,
    day: NaiveDate,
    used: u64,
}

impl Meter {
    pub(super) fn new(hub: String, quota: Option<u64>) -> Self {
        Self {
            hub,
            quota,
            day: NaiveDate::MIN,
            used: 0,
        }
    }

    /// Counts messages of these sizes in bytes, or refuses all of them.
    pub(super) fn take(
        &mut self,
        now: DateTime<Utc>,
        sizes: impl Iterator<Item = usize>,
    ) -> Result<(), Refusal> {
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
        assert!(
            Meter::new("h".to_owned(), None)
                .take(at(0), [1; 9].into_iter())
                .is_ok()
        );
    }
}
