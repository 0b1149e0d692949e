//! How many events came in each of the last seconds. Pure: the time since the start is passed in.

use std::time::Duration;

/// How many seconds are remembered.
pub(super) const SECONDS: usize = 60;

/// The rate is that of so many seconds.
const RATE_SECONDS: u64 = 10;

/// How many events came in each of the last [`SECONDS`].
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// The second that the newest bucket counts.
    newest: u64,
    /// The count of a second stands at that second modulo [`SECONDS`].
    buckets: [u32; SECONDS],
}

impl Default for Window {
    fn default() -> Self {
        Self {
            newest: 0,
            buckets: [0; SECONDS],
        }
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second % SECONDS as u64).unwrap_or(0)
}

impl Window {
    /// Counts `count` events that came at `at`.
    pub(super) fn add(&mut self, at: Duration, count: u32) {
        let second = at.as_secs();
        if second > self.newest {
            let skipped = (second - self.newest).min(SECONDS as u64);
            for passed in 1..=skipped {
                self.buckets[place(second - skipped + passed)] = 0;
            }
            self.newest = second;
        }
        let bucket = &mut self.buckets[place(self.newest)];
        *bucket = bucket.saturating_add(count);
    }

    /// How many came in the second that began so many seconds after the start.
    fn in_second(&self, second: u64) -> u32 {
        if second > self.newest || second + (SECONDS as u64) <= self.newest {
            return 0;
        }
        self.buckets[place(second)]
    }

    /// Events a second over the last ten seconds, or over all the time since the start where that is less.
    pub(super) fn rate(&self, at: Duration) -> f64 {
        let now = at.as_secs();
        let first = now.saturating_sub(RATE_SECONDS - 1);
        let count: u64 = (first..=now)
            .map(|second| u64::from(self.in_second(second)))
            .sum();
        let span = at.saturating_sub(Duration::from_secs(first)).as_secs_f64();
        float(count) / span.max(1.0)
    }

    /// How many came in each of the last `count` seconds, the oldest first; the last one is not over yet.
    pub(super) fn bars(&self, at: Duration, count: usize) -> impl Iterator<Item = u64> {
        let now = at.as_secs();
        (0..count.min(SECONDS) as u64).rev().map(move |ago| {
            let second = now.checked_sub(ago);
            second.map_or(0, |second| u64::from(self.in_second(second)))
        })
    }

    /// Adds what another one remembers at `at`.
    pub(super) fn merge(&mut self, other: &Self, at: Duration) {
        self.add(at, 0);
        let now = self.newest;
        for second in now.saturating_sub(SECONDS as u64 - 1)..=now {
            let bucket = &mut self.buckets[place(second)];
            *bucket = bucket.saturating_add(other.in_second(second));
        }
    }

    /// How many came in all the seconds that are remembered.
    pub(super) fn sum(&self, at: Duration) -> u64 {
        self.bars(at, SECONDS).sum()
    }
}

/// Counts this large are nobody's to see.
pub(super) fn float(count: u64) -> f64 {
    u32::try_from(count).map_or_else(
        |_| f64::from(u32::try_from(count >> 32).unwrap_or(u32::MAX)) * 4_294_967_296.0,
        f64::from,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn the_rate_is_of_the_last_ten_seconds() {
        let mut window = Window::default();
        for tenth in 0..200 {
            window.add(seconds(f64::from(tenth) / 10.0), 1);
        }
        assert!((window.rate(seconds(20.0)) - 10.0).abs() < 0.001);
        assert!((window.rate(seconds(25.0)) - 40.0 / 9.0).abs() < 0.001);
        assert!(window.rate(seconds(40.0)).abs() < 0.001);
    }

    #[test]
    fn the_first_second_promises_nothing() {
        let mut window = Window::default();
        window.add(seconds(0.01), 3);
        assert!((window.rate(seconds(0.02)) - 3.0).abs() < 0.001);
        assert!((window.rate(seconds(3.0)) - 1.0).abs() < 0.001);
    }

    proptest! {
        #[test]
        fn a_window_remembers_as_a_list_does(
            steps in prop::collection::vec((0.0..30.0f64, 1u32..5), 1..60),
            after in 0.0..90.0f64,
        ) {
            let (mut window, mut list, mut at) = (Window::default(), Vec::new(), 0.0);
            for (step, count) in steps {
                at += step;
                window.add(seconds(at), count);
                list.push((seconds(at).as_secs(), u64::from(count)));
            }
            let now = seconds(at + after);
            let bars: Vec<u64> = window.bars(now, SECONDS).collect();
            let expected: Vec<u64> = (0..SECONDS as u64)
                .rev()
                .map(|ago| {
                    let second = now.as_secs().checked_sub(ago);
                    list.iter().filter(|(of, _)| Some(*of) == second).map(|(_, count)| count).sum()
                })
                .collect();
            prop_assert_eq!(&bars, &expected);
            prop_assert_eq!(window.sum(now), expected.iter().sum::<u64>());
        }
    }
}
