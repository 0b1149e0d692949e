//! When silence is to be explained: some time after all is attached, and later again at growing intervals. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// Each wait is so many times the one before.
const GROWTH: u32 = 3;

/// Waits for silence to have lasted long enough.
#[derive(Debug)]
pub(super) struct Vigil {
    /// How long until the next explanation; zero for never.
    wait: Duration,
    since: Option<Instant>,
    at: Option<Instant>,
}

impl Vigil {
    /// Begins once something is attached; with a `wait` of zero it never does.
    pub(super) fn new(wait: Duration) -> Self {
        Self {
            wait,
            since: None,
            at: None,
        }
    }

    /// Events may come from now on.
    pub(super) fn attached(&mut self, now: Instant) {
        if self.since.is_none() && !self.wait.is_zero() {
            self.since = Some(now);
            self.at = Some(now + self.wait);
        }
    }

    /// Something was shown: there is nothing to explain any more.
    pub(super) fn end(&mut self) {
        (self.wait, self.at) = (Duration::ZERO, None);
    }

    /// When silence is to be explained next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.at
    }

    /// An explanation is being looked for.
    pub(super) fn begin_inquiry(&mut self) {
        self.at = None;
    }

    /// It was found. How long the silence has lasted.
    pub(super) fn explained(&mut self, now: Instant) -> Duration {
        self.wait *= GROWTH;
        self.at = (!self.wait.is_zero()).then(|| now + self.wait);
        self.since.map_or(Duration::ZERO, |since| now - since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_and_what_is_shown_ends_them() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let mut vigil = Vigil::new(10 * second);
        assert_eq!(vigil.due(), None);
        vigil.attached(start);
        vigil.attached(start + 5 * second);
        assert_eq!(vigil.due(), Some(start + 10 * second));
        vigil.begin_inquiry();
        assert_eq!(vigil.due(), None);
        assert_eq!(vigil.explained(start + 11 * second), 11 * second);
        assert_eq!(vigil.due(), Some(start + 41 * second));
        vigil.end();
        vigil.explained(start + 42 * second);
        assert_eq!(vigil.due(), None);
        let mut never = Vigil::new(Duration::ZERO);
        never.attached(start);
        assert_eq!(never.due(), None);
    }
}
