//! Where the hub gets its time from: the machine's clock, and how far the hub's is ahead of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// The clock that all parts of a hub go by; cheap to clone. It can be set while they run.
#[derive(Debug, Clone)]
pub struct Clock {
    source: fn() -> DateTime<Utc>,
    /// In seconds; less than nothing where it is behind.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that is right.
    #[must_use]
    pub fn new(source: fn() -> DateTime<Utc>) -> Self {
        Self {
            source,
            ahead: Arc::default(),
        }
    }

    /// Sets it ahead by so many seconds, or behind where that is less than nothing. Who waits for a time has to be told.
    pub fn set(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::Release);
    }

    /// The time by it.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let now = self.machine_now();
        let ahead = TimeDelta::try_seconds(self.ahead.load(Ordering::Acquire));
        ahead
            .and_then(|ahead| now.checked_add_signed(ahead))
            .unwrap_or(now)
    }

    /// The time by the machine's.
    #[must_use]
    pub fn machine_now(&self) -> DateTime<Utc> {
        (self.source)()
    }

    /// A time by it, as the machine's shows it.
    #[must_use]
    pub fn machine_time(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        let ahead = TimeDelta::try_seconds(self.ahead.load(Ordering::Acquire));
        ahead
            .and_then(|ahead| time.checked_sub_signed(ahead))
            .unwrap_or(time)
    }

    /// Whether it is off.
    #[must_use]
    pub fn is_skewed(&self) -> bool {
        self.ahead.load(Ordering::Acquire) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_set_for_all_who_have_it() {
        let clock = Clock::new(|| DateTime::UNIX_EPOCH);
        let other = clock.clone();
        assert!(!other.is_skewed());
        for (seconds, timestamp) in [(90, 90), (-1, -1), (i64::MAX, 0), (i64::MIN, 0)] {
            clock.set(seconds);
            assert_eq!(other.now().timestamp(), timestamp);
            assert!(other.is_skewed());
            assert_eq!(other.machine_now(), DateTime::UNIX_EPOCH);
            assert_eq!(other.machine_time(other.now()), DateTime::UNIX_EPOCH);
        }
    }
}
