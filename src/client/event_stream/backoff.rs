//! How long to wait before trying again: doubled each time, capped, jittered. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(15);

/// Counts failures in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts a failure and gives the wait before the next try, at least `least`: between half and all of what is due,
    /// by `jitter` (0 to 255), so that many readers do not come back at the same moment.
    pub fn failed(&mut self, least: Duration, jitter: u8) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let due = doubled.min(LONGEST);
        (due / 2 + due / 2 * u32::from(jitter) / 255).max(least)
    }

    /// Failures in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It works again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_cap() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..8)
            .map(|_| backoff.failed(Duration::ZERO, 255).as_millis())
            .collect();
        // Halves are rounded down to whole nanoseconds, so nothing is lost here.
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
        backoff.succeeded();
        assert_eq!(
            backoff.failed(Duration::ZERO, 0),
            Duration::from_millis(125)
        );
        assert_eq!(
            backoff.failed(Duration::from_secs(4), 0),
            Duration::from_secs(4)
        );
        for _ in 0..100 {
            assert!(backoff.failed(Duration::ZERO, 200) <= LONGEST);
        }
    }
}
