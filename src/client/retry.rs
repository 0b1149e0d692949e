//! Trying again: how often, after how long, and after which errors. Pure decisions; [`persist`] carries them out.

use std::time::Duration;

use super::https::HttpsError;
use super::notice::{Notice, Notify};
use crate::model::dice::Dice;

/// What a failed try means for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prospect {
    /// The same would come of it again.
    Hopeless,
    /// The way there is closed. Worth trying again where it has been open before.
    NoWay,
    /// Trying again is safe; the service may have asked for a pause.
    Safe {
        /// How long the service asks to be left alone.
        asked: Option<Duration>,
    },
    /// The request may have been carried out already.
    Ambiguous,
}

/// What a failed request means for the next try: 408, 429, 5xx and broken connections may pass.
#[must_use]
pub fn prospect(error: &HttpsError) -> Prospect {
    use super::dial::DialError as D;
    match error {
        HttpsError::Dial(D::Name { .. } | D::Tls { .. })
        | HttpsError::Unreadable { .. }
        | HttpsError::Address { .. }
        | HttpsError::Token => Prospect::Hopeless,
        HttpsError::Dial(D::Resolve { .. } | D::Connect { .. } | D::TimedOut { .. })
        | HttpsError::Proxy { .. } => Prospect::NoWay,
        HttpsError::Broken { sent: false, .. } => Prospect::Safe { asked: None },
        HttpsError::Broken { sent: true, .. } | HttpsError::TimedOut { .. } => Prospect::Ambiguous,
        HttpsError::Service(refusal) => match refusal.status {
            408 | 429 | 500..=599 => Prospect::Safe {
                asked: refusal.retry_after,
            },
            _ => Prospect::Hopeless,
        },
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Another try.
    Retry {
        /// After this pause.
        after: Duration,
    },
    /// No more tries.
    GiveUp,
}

/// How often and how patiently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Tries after the first.
    pub retries: u32,
    /// The pause before the first of them; each further one is twice as long.
    pub first: Duration,
    /// No pause of our own is longer.
    pub cap: Duration,
    /// A service that asks for a longer pause than this is not waited for.
    pub patience: Duration,
}

impl Default for Backoff {
    /// Four more tries after about 0.25, 0.5, 1 and 2 s; pauses asked for are kept up to two minutes.
    fn default() -> Self {
        Self {
            retries: 4,
            first: Duration::from_millis(250),
            cap: Duration::from_secs(10),
            patience: Duration::from_secs(120),
        }
    }
}

impl Backoff {
    /// Decides after try number `attempt` (from 1). `been_there` says whether the way to the hub has been open before;
    /// `jitter`, from 0 to 1, shortens our own pause by up to a half, so that many clients do not come back as one.
    #[must_use]
    pub fn decide(
        &self,
        attempt: u32,
        prospect: Prospect,
        been_there: bool,
        jitter: f64,
    ) -> Decision {
        let asked = match prospect {
            Prospect::Hopeless => return Decision::GiveUp,
            Prospect::NoWay if !been_there => return Decision::GiveUp,
            Prospect::NoWay | Prospect::Ambiguous => None,
            Prospect::Safe { asked } => asked,
        };
        if attempt > self.retries || asked.is_some_and(|asked| asked > self.patience) {
            return Decision::GiveUp;
        }
        let after = asked.unwrap_or_else(|| {
            let doublings = attempt.saturating_sub(1).min(30);
            let full = self.first.saturating_mul(1 << doublings).min(self.cap);
            full.mul_f64(1.0 - 0.5 * jitter.clamp(0.0, 1.0))
        });
        Decision::Retry { after }
    }
}

/// Carries `request` out until it succeeds or [`Backoff::decide`] gives up; returns how many retries it took beside
/// the outcome. `repeatable` says that carrying it out twice does no harm, as with reading.
///
/// # Errors
/// The last try's.
pub async fn persist<T>(
    backoff: &Backoff,
    been_there: bool,
    repeatable: bool,
    notify: Notify<'_>,
    mut request: impl AsyncFnMut() -> Result<T, HttpsError>,
) -> (u32, Result<T, HttpsError>) {
    let mut attempt = 1;
    let mut dice = None;
    loop {
        let error = match request().await {
            Ok(value) => return (attempt - 1, Ok(value)),
            Err(error) => error,
        };
        let prospect = prospect(&error);
        let jitter = dice.get_or_insert_with(Dice::thrown).fraction();
        let Decision::Retry { after } = backoff.decide(attempt, prospect, been_there, jitter)
        else {
            return (attempt - 1, Err(error));
        };
        attempt += 1;
        notify(Notice::Retrying {
            why: &error.to_string(),
            after,
            attempt,
            attempts: backoff.retries + 1,
            may_arrive_twice: !repeatable && prospect == Prospect::Ambiguous,
        });
        tokio::time::sleep(after).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(decision: Decision) -> Option<Duration> {
        match decision {
            Decision::Retry { after } => Some(after),
            Decision::GiveUp => None,
        }
    }

    #[test]
    fn the_hopeless_and_the_unreached_are_given_up() {
        let backoff = Backoff::default();
        assert_eq!(
            backoff.decide(1, Prospect::Hopeless, true, 0.0),
            Decision::GiveUp
        );
        assert_eq!(
            backoff.decide(1, Prospect::NoWay, false, 0.0),
            Decision::GiveUp
        );
        assert!(after(backoff.decide(1, Prospect::NoWay, true, 0.0)).is_some());
        let asked = Some(Duration::from_secs(3600));
        assert_eq!(
            backoff.decide(1, Prospect::Safe { asked }, true, 0.0),
            Decision::GiveUp
        );
    }

    proptest! {
        #[test]
        fn pauses_are_capped_and_jittered(attempt in 1u32..2000, retries in 0u32..2000, jitter in 0.0..1.0f64) {
            let backoff = Backoff { retries, ..Backoff::default() };
            let pause = after(backoff.decide(attempt, Prospect::Ambiguous, true, jitter));
            prop_assert_eq!(pause.is_some(), attempt <= retries);
            if let Some(pause) = pause {
                let full = after(backoff.decide(attempt, Prospect::Ambiguous, true, 0.0)).unwrap();
                prop_assert!(full <= backoff.cap && full >= backoff.first.min(backoff.cap));
                prop_assert!(pause <= full && pause >= full / 2);
            }
        }

        #[test]
        fn what_is_asked_for_is_kept_to_the_letter(attempt in 1u32..5, seconds in 0u64..=120, jitter in 0.0..1.0f64) {
            let asked = Duration::from_secs(seconds);
            let decision = Backoff::default().decide(attempt, Prospect::Safe { asked: Some(asked) }, false, jitter);
            prop_assert_eq!(after(decision), Some(asked));
        }

        #[test]
        fn pauses_never_shrink(attempt in 1u32..100) {
            let backoff = Backoff { retries: 200, ..Backoff::default() };
            let at = |attempt| after(backoff.decide(attempt, Prospect::Ambiguous, true, 0.0)).unwrap();
            prop_assert!(at(attempt + 1) >= at(attempt));
        }
    }
}
