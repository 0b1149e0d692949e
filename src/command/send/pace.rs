//! How fast a run goes and how long it will take, as the progress bar shows it.

use std::time::Duration;

/// What a run's progress is reckoned from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Messages that are done with.
    pub(super) done: u64,
    /// How many there are in all, where that is known.
    pub(super) total: Option<u64>,
    /// Since the first one was begun.
    pub(super) elapsed: Duration,
    /// The time from one message's start to the next one's that was asked for.
    pub(super) interval: Option<Duration>,
}

impl Pace {
    /// Seconds that one message takes: what was seen so far, but never less than what was asked for, since the first one
    /// goes out at once. None before the first.
    fn seconds_each(self) -> Option<f64> {
        if self.done == 0 {
            return None;
        }
        let seen = self.elapsed.as_secs_f64() / float(self.done);
        let asked = self.interval.map_or(0.0, |interval| interval.as_secs_f64());
        Some(seen.max(asked).max(1e-9))
    }

    /// Such as `250/s, 1:05 left`.
    pub(super) fn describe(self) -> String {
        let Some(each) = self.seconds_each() else {
            return "-/s".to_owned();
        };
        let rate = describe_rate(1.0 / each);
        match self.total {
            Some(total) => {
                let left = float(total.saturating_sub(self.done)) * each;
                format!("{rate}, {} left", describe_seconds(left))
            }
            None => rate,
        }
    }
}

/// Counts this large are nobody's to see.
fn float(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

fn describe_rate(per_second: f64) -> String {
    if per_second >= 9.95 {
        format!("{per_second:.0}/s")
    } else if per_second >= 0.095 {
        format!("{per_second:.1}/s")
    } else {
        format!("{:.1}/min", per_second * 60.0)
    }
}

/// As `h:mm:ss` or `m:ss`, rounded up.
fn describe_seconds(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.ceil()).map_or(u64::MAX, |left| left.as_secs());
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(done: u64, total: Option<u64>, seconds: f64, interval: Option<f64>) -> String {
        Pace {
            done,
            total,
            elapsed: Duration::from_secs_f64(seconds),
            interval: interval.map(Duration::from_secs_f64),
        }
        .describe()
    }

    #[test]
    fn the_rate_is_what_was_done_by_the_time_it_took() {
        assert_eq!(told(500, Some(1000), 2.0, None), "250/s, 0:02 left");
        assert_eq!(told(5, None, 2.0, None), "2.5/s");
        assert_eq!(told(0, Some(10), 2.0, None), "-/s");
        assert_eq!(told(10, Some(10), 2.0, None), "5.0/s, 0:00 left");
        assert_eq!(told(1, Some(3), 60.0, None), "1.0/min, 2:00 left");
    }

    #[test]
    fn the_pace_asked_for_is_not_outrun() {
        // The first went out at once; the next are ten seconds apart.
        assert_eq!(told(1, Some(11), 1.0, Some(10.0)), "0.1/s, 1:40 left");
        assert_eq!(told(21, Some(100), 2.0, Some(0.1)), "10/s, 0:08 left");
        // Slower than asked for.
        assert_eq!(told(10, Some(40), 10.0, Some(0.5)), "1.0/s, 0:30 left");
        assert!(told(1, Some(u64::MAX), 1.0, Some(10.0)).starts_with("0.1/s, "));
    }
}
