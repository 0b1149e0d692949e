//! When each event is due. Pure: the time since the start is passed in.

use std::time::Duration;

/// How fast a recording is replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Speed {
    /// So many times as fast as it was recorded.
    Times(f64),
    /// As fast as it goes.
    Max,
}

impl Speed {
    /// Reads a speed: `2`, `0.5`, `10x`; `0` and `max` are as fast as it goes.
    ///
    /// # Errors
    /// A fragment that says what is wrong, for clap.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times: f64 = text
            .strip_suffix('x')
            .unwrap_or(text)
            .parse()
            .map_err(|_| "give a number, such as 10 for ten times as fast, or max".to_owned())?;
        match times {
            0.0 => Ok(Self::Max),
            0.001..=1e6 => Ok(Self::Times(times)),
            _ => Err("give a number from 0.001 to 1000000, or max".to_owned()),
        }
    }
}

/// An event that was enqueued this much before one that stands earlier is worth a word, in milliseconds. Less than that is
/// how partitions are read side by side.
const WORTH_A_WORD: i64 = 1000;

/// Spaces events as they were enqueued.
#[derive(Debug)]
pub(super) struct Pace {
    speed: Speed,
    /// When the first one was enqueued, and when it was sent.
    first: Option<(i64, Duration)>,
    newest_ms: i64,
    last_due: Duration,
    /// How many stand behind events that are younger.
    pub out_of_order: u64,
}

impl Pace {
    pub(super) fn new(speed: Speed) -> Self {
        Self {
            speed,
            first: None,
            newest_ms: i64::MIN,
            last_due: Duration::ZERO,
            out_of_order: 0,
        }
    }

    /// When an event is due that was enqueued then, in milliseconds since 1970. The first one is due now, and so is one
    /// that is older than what went before it, or of which it is not known.
    pub(super) fn due(&mut self, enqueued_ms: Option<i64>, now: Duration) -> Duration {
        let Speed::Times(times) = self.speed else {
            return now;
        };
        let Some(enqueued_ms) = enqueued_ms else {
            return self.last_due;
        };
        let (first_ms, began) = *self.first.get_or_insert((enqueued_ms, now));
        if enqueued_ms < self.newest_ms.saturating_sub(WORTH_A_WORD) {
            self.out_of_order += 1;
        }
        self.newest_ms = self.newest_ms.max(enqueued_ms);
        let since = u64::try_from(enqueued_ms.saturating_sub(first_ms)).unwrap_or(0);
        let since = Duration::from_millis(since).as_secs_f64() / times;
        // A span that no clock can hold never comes.
        let since = Duration::try_from_secs_f64(since).unwrap_or(Duration::MAX);
        self.last_due = self.last_due.max(began.saturating_add(since));
        self.last_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn events_are_spaced_as_they_were() {
        let mut pace = Pace::new(Speed::Times(2.0));
        let dues: Vec<Duration> = [1000, 1500, 1400, 3000]
            .map(|enqueued| pace.due(Some(enqueued), ms(70)))
            .to_vec();
        assert_eq!(dues, [ms(70), ms(320), ms(320), ms(1070)]);
        assert_eq!(pace.due(None, ms(2000)), ms(1070));
        assert_eq!(pace.out_of_order, 0);
        pace.due(Some(100), ms(2000));
        assert_eq!(pace.out_of_order, 1);
    }

    #[test]
    fn as_fast_as_it_goes_is_now() {
        let mut pace = Pace::new(Speed::Max);
        assert_eq!(pace.due(Some(0), ms(5)), ms(5));
        assert_eq!(pace.due(Some(1_000_000), ms(6)), ms(6));
    }

    #[test]
    fn speeds_are_read() {
        assert_eq!(Speed::parse("10x"), Ok(Speed::Times(10.0)));
        assert_eq!(Speed::parse("0.5"), Ok(Speed::Times(0.5)));
        assert_eq!(Speed::parse("0"), Ok(Speed::Max));
        assert_eq!(Speed::parse("max"), Ok(Speed::Max));
        for text in ["", "x", "-1", "inf", "NaN", "fast", "1e9"] {
            assert!(Speed::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_goes_out_before_its_time(
            times in prop::collection::vec(any::<i64>(), 1..20),
            speed in 0.001..1e6f64,
            now in 0u64..1_000_000,
        ) {
            let mut pace = Pace::new(Speed::Times(speed));
            let mut before = Duration::ZERO;
            for time in times {
                let due = pace.due(Some(time), ms(now));
                prop_assert!(due >= before && due >= ms(now));
                before = due;
            }
        }
    }
}
