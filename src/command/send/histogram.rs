//! Latencies in constant memory: a histogram whose buckets grow with the value, true to one per cent.

use std::time::Duration;

/// Buckets to each doubling: a value is known to 1/64, its bucket's middle to 1/128.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// How often each span of time was met. Counts microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::command) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            // 58 doublings above the first 64 values are all that 64 bits have.
            counts: vec![0; index_of(u64::MAX) + 1],
            total: 0,
            longest: Duration::ZERO,
        }
    }

    pub(in crate::command) fn record(&mut self, span: Duration) {
        let microseconds = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(index_of(microseconds)) {
            *count += 1;
        }
        self.total += 1;
        self.longest = self.longest.max(span);
    }

    /// The span that `per_mille` of all are not longer than; `None` while there are none.
    pub(super) fn quantile(&self, per_mille: u64) -> Option<Duration> {
        let rank = (self.total.checked_mul(per_mille)?).div_ceil(1000).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(middle_of(index).min(self.longest));
            }
        }
        None
    }

    pub(super) fn longest(&self) -> Duration {
        self.longest
    }
}

fn index_of(value: u64) -> usize {
    if value < STEPS {
        return usize::try_from(value).unwrap_or(0);
    }
    let shift = value.ilog2() - STEP_BITS;
    let index = u64::from(shift + 1) * STEPS + (value >> shift) - STEPS;
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn middle_of(index: usize) -> Duration {
    let index = index as u64;
    if index < STEPS {
        return Duration::from_micros(index);
    }
    let shift = index / STEPS - 1;
    let low = (index % STEPS + STEPS) << shift;
    Duration::from_micros(low + (1 << shift) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_are_true_to_one_per_cent() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(500), None);
        for microseconds in 1..=100_000 {
            histogram.record(Duration::from_micros(microseconds));
        }
        for (per_mille, exact) in [
            (500, 50_000.0),
            (950, 95_000.0),
            (990, 99_000.0),
            (1000, 100_000.0),
        ] {
            let found = histogram.quantile(per_mille).unwrap().as_secs_f64() * 1e6;
            assert!((found / exact - 1.0).abs() < 0.01, "{per_mille}: {found}");
        }
        assert_eq!(histogram.longest(), Duration::from_millis(100));
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_own_values(value in any::<u64>()) {
            let middle = u64::try_from(middle_of(index_of(value)).as_micros()).unwrap();
            prop_assert!(middle.abs_diff(value) <= value / 64);
        }

        #[test]
        fn larger_values_never_come_first(a in any::<u64>(), b in any::<u64>()) {
            prop_assert_eq!(index_of(a.min(b)) <= index_of(a.max(b)), true);
        }
    }
}
