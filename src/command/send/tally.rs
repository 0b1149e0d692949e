//! What became of the messages, and how that is told at the end.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::histogram::Histogram;

/// Counts of a run.
#[derive(Debug, Clone)]
pub(in crate::command) struct Tally {
    /// Messages that the hub acknowledged.
    pub(in crate::command) sent: u64,
    /// Further tries that were needed.
    pub(in crate::command) retried: u64,
    /// Messages that are lost.
    pub(in crate::command) failed: u64,
    /// Empty lines of the input, which are not sent.
    pub(in crate::command) skipped: u64,
    /// From a request's first try to its acknowledgement.
    pub(in crate::command) latency: Histogram,
}

impl Tally {
    pub(in crate::command) fn new() -> Self {
        Self {
            sent: 0,
            retried: 0,
            failed: 0,
            skipped: 0,
            latency: Histogram::new(),
        }
    }

    /// Messages acknowledged per second.
    fn rate(&self, elapsed: Duration) -> f64 {
        let sent = u32::try_from(self.sent).map_or(f64::from(u32::MAX), f64::from);
        sent / elapsed.as_secs_f64().max(1e-6)
    }

    /// The line at a run's end.
    pub(in crate::command) fn describe(&self, elapsed: Duration) -> String {
        let mut line = format!(
            "sent {}, retried {}, failed {}",
            self.sent, self.retried, self.failed
        );
        // Writing to a String cannot fail.
        let _ = match self.skipped {
            0 => Ok(()),
            1 => write!(line, ", skipped 1 empty line"),
            skipped => write!(line, ", skipped {skipped} empty lines"),
        };
        let _ = write!(line, " in {:.2} s", elapsed.as_secs_f64());
        if let [Some(p50), Some(p95), Some(p99)] = self.quantiles() {
            let _ = write!(
                line,
                ": {:.0} messages/s, latency p50 {}, p95 {}, p99 {}",
                self.rate(elapsed),
                milliseconds(p50),
                milliseconds(p95),
                milliseconds(p99)
            );
        }
        line
    }

    /// The same for programs.
    pub(in crate::command) fn to_json(&self, device: &str, elapsed: Duration) -> Value {
        let number = |span: Duration| (span.as_secs_f64() * 1e6).round() / 1e3;
        let [p50, p95, p99] = self.quantiles().map(|span| span.map(number));
        let rounded = |value: f64| (value * 1e3).round() / 1e3;
        json!({
            "device": device,
            "sent": self.sent,
            "retried": self.retried,
            "failed": self.failed,
            "skippedEmptyLines": self.skipped,
            "seconds": rounded(elapsed.as_secs_f64()),
            "messagesPerSecond": rounded(self.rate(elapsed)),
            "latencyMilliseconds": {
                "p50": p50,
                "p95": p95,
                "p99": p99,
                "max": p50.map(|_| number(self.latency.longest())),
            },
        })
    }

    fn quantiles(&self) -> [Option<Duration>; 3] {
        [500, 950, 990].map(|per_mille| self.latency.quantile(per_mille))
    }
}

/// A span in milliseconds with three figures or so.
pub(in crate::command) fn milliseconds(span: Duration) -> String {
    let value = span.as_secs_f64() * 1e3;
    if value < 10.0 {
        format!("{value:.2} ms")
    } else if value < 100.0 {
        format!("{value:.1} ms")
    } else {
        format!("{value:.0} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_in_one_line() {
        let mut tally = Tally::new();
        tally.sent = 10;
        tally.retried = 1;
        for _ in 0..10 {
            tally.latency.record(Duration::from_millis(50));
        }
        assert_eq!(
            tally.describe(Duration::from_secs(2)),
            "sent 10, retried 1, failed 0 in 2.00 s: 5 messages/s, latency p50 49.9 ms, p95 49.9 ms, p99 49.9 ms"
        );
        let json = tally.to_json("device1", Duration::from_secs(2));
        assert_eq!(json["sent"], 10);
        assert_eq!(json["skippedEmptyLines"], 0);
        assert_eq!(json["latencyMilliseconds"]["max"], 50.0);
    }

    #[test]
    fn skipped_lines_are_told() {
        let mut tally = Tally::new();
        tally.skipped = 1;
        let told = tally.describe(Duration::ZERO);
        assert!(told.contains("failed 0, skipped 1 empty line in"), "{told}");
        tally.skipped = 3;
        let told = tally.describe(Duration::ZERO);
        assert!(
            told.contains("failed 0, skipped 3 empty lines in"),
            "{told}"
        );
    }

    #[test]
    fn without_an_answer_there_is_no_latency() {
        let tally = Tally::new();
        assert_eq!(
            tally.describe(Duration::from_secs(1)),
            "sent 0, retried 0, failed 0 in 1.00 s"
        );
        assert!(tally.to_json("d", Duration::ZERO)["latencyMilliseconds"]["max"].is_null());
    }
}
