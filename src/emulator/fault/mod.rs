//! Misbehaving on purpose: which fault strikes when. Pure; chance comes from a seed, so that a run can be had again.
//!
//! | file | what it knows |
//! |---|---|
//! | [`spec`] | how a fault is written: `throttle:5s,on=https,every=10` |
//! | [`standing`] | what is wrong all the time: `skew:10m` |
//! | this file | which of the faults strikes on which occasion |
//!
//! The servers ask on every occasion and do what they are told. Must never know a socket.

pub mod spec;
pub mod standing;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::driver::Clock;
use crate::model::dice::Dice;
pub use spec::{Deed, Fault, SpecError, Wire};
pub use standing::{Standing, Trouble};

/// When a fault may strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion<'a> {
    /// A connection was accepted.
    Connection {
        /// What is spoken on it.
        wire: Wire,
    },
    /// Something is asked, or a message is sent.
    Request {
        /// What is spoken.
        wire: Wire,
        /// Who asks, where that is a device.
        device: Option<&'a str>,
    },
}

/// The faults that a hub was given, and how often each had its chance.
#[derive(Debug, Clone)]
pub struct Faults {
    faults: Vec<Given>,
    dice: Dice,
}

/// The same for all servers at once. Without a fault it costs nothing.
#[derive(Debug, Clone, Default)]
pub struct Mischief(Option<Arc<Mutex<Faults>>>);

impl Mischief {
    /// What these faults do.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        if faults.faults.is_empty() {
            return Self(None);
        }
        Self(Some(Arc::new(Mutex::new(faults))))
    }

    /// As [`Faults::strike`].
    #[must_use]
    pub fn strike(&self, clock: Clock, occasion: Occasion<'_>) -> Option<Deed> {
        let faults = self.0.as_ref()?;
        // Whoever panicked with the lock has left nothing half done.
        let mut faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.strike(clock.now(), occasion)
    }
}

#[derive(Debug, Clone)]
struct Given {
    fault: Fault,
    since: DateTime<Utc>,
    /// How often it could have struck.
    chances: u64,
    /// How often it struck.
    strikes: u64,
}

impl Faults {
    /// These faults from `now` on, with chance from a seed.
    #[must_use]
    pub fn new(now: DateTime<Utc>, faults: Vec<Fault>, seed: u64) -> Self {
        let given = |fault| Given {
            fault,
            since: now,
            chances: 0,
            strikes: 0,
        };
        Self {
            faults: faults.into_iter().map(given).collect(),
            dice: Dice::seeded(seed),
        }
    }

    /// What happens now, if anything does: the first fault that strikes. Each that could have is counted.
    pub fn strike(&mut self, now: DateTime<Utc>, occasion: Occasion<'_>) -> Option<Deed> {
        let Self { faults, dice } = self;
        let mut deed = None;
        for given in faults {
            let strikes = given.strikes(now, occasion, dice);
            if strikes && deed.is_none() {
                given.strikes += 1;
                deed = Some(given.fault.deed);
            }
        }
        deed
    }

    /// Each fault, as it is written, and how often it struck.
    pub fn told(&self) -> impl Iterator<Item = (String, u64)> {
        self.faults
            .iter()
            .map(|given| (given.fault.to_string(), given.strikes))
    }
}

impl Given {
    fn strikes(&mut self, now: DateTime<Utc>, occasion: Occasion<'_>, dice: &mut Dice) -> bool {
        if !self.fault.is_meant(occasion) || self.is_over(now) {
            return false;
        }
        self.chances += 1;
        // Dice are thrown at each chance, whatever else speaks against it: what one fault does changes nothing for the next.
        let is_lucky = self.fault.rate < 1.0 && dice.fraction() >= self.fault.rate;
        let behind = self.chances.checked_sub(self.fault.after + 1);
        let is_turn = behind.is_some_and(|chance| (chance + 1).is_multiple_of(self.fault.every));
        is_turn && !is_lucky && self.fault.count.is_none_or(|count| self.strikes < count)
    }

    fn is_over(&self, now: DateTime<Utc>) -> bool {
        let over =
            |lasts: Duration| TimeDelta::from_std(lasts).is_ok_and(|l| now - self.since >= l);
        self.fault.lasts.is_some_and(over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REQUEST: Occasion<'_> = Occasion::Request {
        wire: Wire::Https,
        device: Some("d1"),
    };

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    fn faults(specs: &[&str]) -> Faults {
        let faults = specs.iter().map(|spec| spec.parse().unwrap()).collect();
        Faults::new(at(0), faults, 7)
    }

    /// The numbers of the requests, from 1 to 12, at which something happens.
    fn struck(spec: &str, seconds_apart: i64) -> Vec<i64> {
        let mut faults = faults(&[spec]);
        (1..=12)
            .filter(|number| faults.strike(at(number * seconds_apart), REQUEST).is_some())
            .collect()
    }

    #[test]
    fn a_fault_strikes_when_it_is_told_to() {
        assert_eq!(struck("throttle", 1), (1..=12).collect::<Vec<_>>());
        assert_eq!(struck("throttle,every=5", 1), [5, 10]);
        assert_eq!(struck("throttle,after=2,every=4", 1), [6, 10]);
        assert_eq!(struck("throttle,count=2", 1), [1, 2]);
        assert_eq!(struck("throttle,for=30s", 10), [1, 2]);
        assert_eq!(struck("drop,on=amqp", 1), [0; 0]);
        assert_eq!(struck("drop,device=d2", 1), [0; 0]);
        assert_eq!(struck("drop,device=d*,count=1", 1), [1]);
        assert_eq!(struck("refuse", 1), [0; 0], "that is for connections");
    }

    #[test]
    fn chance_is_the_seeds() {
        let run = || struck("throttle,rate=0.5", 1);
        let first = run();
        assert_eq!(run(), first);
        assert!((1..12).contains(&first.len()), "{first:?}");
    }

    #[test]
    fn the_first_that_strikes_wins_and_each_is_counted() {
        let mut faults = faults(&["throttle,every=2", "drop"]);
        let deeds: Vec<Option<Deed>> = (0..3)
            .map(|second| faults.strike(at(second), REQUEST))
            .collect();
        let throttle = Deed::Throttle {
            retry_after: spec::RETRY_AFTER,
        };
        assert_eq!(deeds, [Some(Deed::Drop), Some(throttle), Some(Deed::Drop)]);
        let told: Vec<(String, u64)> = faults.told().collect();
        assert_eq!(
            told,
            [
                ("throttle:1s,every=2".to_owned(), 1),
                ("drop".to_owned(), 2)
            ]
        );
    }

    proptest! {
        #[test]
        fn about_as_many_strike_as_the_rate_says(rate in 0.05..0.95_f64, seed: u64) {
            let fault = Fault { rate, ..Fault::of(Deed::Drop) };
            let mut faults = Faults::new(at(0), vec![fault], seed);
            let struck = (0..2000).filter(|_| faults.strike(at(0), REQUEST).is_some()).count();
            let share = f64::from(u32::try_from(struck).unwrap()) / 2000.0;
            prop_assert!((share - rate).abs() < 0.08, "{} of {}", share, rate);
        }
    }
}
