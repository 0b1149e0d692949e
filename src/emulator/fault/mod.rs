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

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::driver::Clock;
use crate::model::dice::Dice;
pub use spec::{Deed, Fault, SpecError, Way, Wire, condition};
pub use standing::{Standing, Trouble};

/// The most devices whose chance is drawn apart from the others'.
const MOST_DEVICES: usize = 10_000;

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
    /// A message is given to a device.
    Delivery {
        /// What is spoken.
        wire: Wire,
        /// To whom.
        device: Option<&'a str>,
    },
    /// An event is given to a reader.
    Event {
        /// What is spoken.
        wire: Wire,
    },
    /// A device asks for its twin, or reports to it.
    Twin {
        /// What is spoken.
        wire: Wire,
        /// Whose twin it is.
        device: Option<&'a str>,
    },
    /// A device is called.
    Call {
        /// What is spoken.
        wire: Wire,
        /// Who is called.
        device: Option<&'a str>,
    },
}

/// What a hub was given to go wrong, and how often each fault had its chance.
#[derive(Debug, Clone)]
pub struct Faults {
    given: Vec<Given>,
    seed: u64,
    last: u64,
}

/// The same for all servers at once. Without a fault it costs next to nothing.
#[derive(Debug, Clone, Default)]
pub struct Mischief(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// How many there are.
    count: AtomicUsize,
    faults: Mutex<Faults>,
}

/// A trouble that a hub has, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its number: counted from 1, in the order in which they were given.
    pub id: u64,
    /// What it is.
    pub trouble: Trouble,
    /// How often it could have struck.
    pub chances: u64,
    /// How often it struck.
    pub strikes: u64,
}

impl Mischief {
    /// What these faults do.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        Self(Arc::new(Shared {
            count: AtomicUsize::new(faults.given.len()),
            faults: Mutex::new(faults),
        }))
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        // Whoever panicked with the lock has left nothing half done.
        let faults = &self.0.faults;
        faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Faults::strike`].
    #[must_use]
    pub fn strike(&self, clock: &Clock, occasion: Occasion<'_>) -> Option<Deed> {
        if self.0.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        // Its length is real time, whatever becomes of the clock meanwhile.
        self.faults().strike(clock.machine_now(), occasion)
    }

    /// As [`Faults::add`].
    #[must_use]
    pub fn add(&self, now: DateTime<Utc>, trouble: Trouble) -> u64 {
        self.change(|faults| faults.add(now, trouble))
    }

    /// As [`Faults::remove`].
    #[must_use]
    pub fn remove(&self, id: Option<u64>) -> Vec<Trouble> {
        self.change(|faults| faults.remove(id))
    }

    /// As [`Faults::told`].
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.faults().told().collect()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Faults) -> T) -> T {
        let mut faults = self.faults();
        let outcome = change(&mut faults);
        self.0.count.store(faults.given.len(), Ordering::Release);
        outcome
    }
}

#[derive(Debug, Clone)]
struct Given {
    id: u64,
    trouble: Trouble,
    since: DateTime<Utc>,
    /// How often it could have struck.
    chances: u64,
    /// How often it struck.
    strikes: u64,
    /// Each device has its own, so that its chances are the same whatever the others do meanwhile.
    dice: BTreeMap<String, Dice>,
}

impl Default for Faults {
    fn default() -> Self {
        Self::new(DateTime::UNIX_EPOCH, Vec::new(), 0)
    }
}

impl Faults {
    /// These troubles from `now` on, with chance from a seed.
    #[must_use]
    pub fn new(now: DateTime<Utc>, troubles: Vec<Trouble>, seed: u64) -> Self {
        let mut faults = Self {
            given: Vec::new(),
            seed,
            last: 0,
        };
        for trouble in troubles {
            faults.add(now, trouble);
        }
        faults
    }

    /// One trouble more, from `now` on; its number. Of those that are so all the time there is one of a kind.
    pub fn add(&mut self, now: DateTime<Utc>, trouble: Trouble) -> u64 {
        if let Trouble::Standing(new) = trouble {
            let is_replaced =
                |old: &Trouble| matches!(old, Trouble::Standing(old) if old.is_like(new));
            self.given.retain(|given| !is_replaced(&given.trouble));
        }
        self.last += 1;
        self.given.push(Given {
            id: self.last,
            trouble,
            since: now,
            chances: 0,
            strikes: 0,
            dice: BTreeMap::new(),
        });
        self.last
    }

    /// One trouble less, or none any more; what they were.
    pub fn remove(&mut self, id: Option<u64>) -> Vec<Trouble> {
        let is_meant = |given: &mut Given| id.is_none_or(|id| given.id == id);
        let gone = self.given.extract_if(.., is_meant);
        gone.map(|given| given.trouble).collect()
    }

    /// What happens now, if anything does: the first fault that strikes. Each that could have is counted.
    pub fn strike(&mut self, now: DateTime<Utc>, occasion: Occasion<'_>) -> Option<Deed> {
        let mut struck = None;
        for given in &mut self.given {
            let deed = given.strikes(now, occasion, self.seed);
            if deed.is_some() && struck.is_none() {
                given.strikes += 1;
                struck = deed;
            }
        }
        struck
    }

    /// Each trouble, and how often it struck.
    pub fn told(&self) -> impl Iterator<Item = Told> {
        self.given.iter().map(|given| Told {
            id: given.id,
            trouble: given.trouble.clone(),
            chances: given.chances,
            strikes: given.strikes,
        })
    }
}

impl Given {
    fn strikes(&mut self, now: DateTime<Utc>, occasion: Occasion<'_>, seed: u64) -> Option<Deed> {
        let Trouble::Fault(fault) = &self.trouble else {
            return None;
        };
        let over =
            |lasts: Duration| TimeDelta::from_std(lasts).is_ok_and(|l| now - self.since >= l);
        if !fault.is_meant(occasion) || fault.lasts.is_some_and(over) {
            return None;
        }
        self.chances += 1;
        let behind = self.chances.checked_sub(fault.after.saturating_add(1));
        let is_turn = behind.is_some_and(|chance| (chance + 1).is_multiple_of(fault.every));
        let is_left = fault.count.is_none_or(|count| self.strikes < count);
        let (deed, rate) = (fault.deed, fault.rate);
        // Dice are thrown at each chance, whatever else speaks against it: what one fault does changes nothing for the next.
        let is_lucky = rate < 1.0 && self.dice(seed, occasion.device()).fraction() >= rate;
        (is_turn && is_left && !is_lucky).then_some(deed)
    }

    fn dice(&mut self, seed: u64, device: Option<&str>) -> &mut Dice {
        let is_known =
            |device: &&str| self.dice.len() < MOST_DEVICES || self.dice.contains_key(*device);
        let device = device.filter(is_known).unwrap_or_default();
        let id = self.id;
        self.dice.entry(device.to_owned()).or_insert_with(|| {
            let mut all = Dice::seeded(seed);
            let of_fault = Dice::seeded(all.number() ^ id).number();
            // FNV-1a, because it is stable over builds.
            let mixed = device.bytes().fold(of_fault, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
            Dice::seeded(mixed)
        })
    }
}

impl<'a> Occasion<'a> {
    fn device(self) -> Option<&'a str> {
        match self {
            Self::Request { device, .. }
            | Self::Delivery { device, .. }
            | Self::Twin { device, .. }
            | Self::Call { device, .. } => device,
            Self::Connection { .. } | Self::Event { .. } => None,
        }
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
        seeded(specs, 7)
    }

    fn seeded(specs: &[&str], seed: u64) -> Faults {
        let troubles = specs.iter().map(|spec| spec.parse().unwrap()).collect();
        Faults::new(at(0), troubles, seed)
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
        let told: Vec<(u64, String, u64, u64)> = faults
            .told()
            .map(|told| {
                (
                    told.id,
                    told.trouble.to_string(),
                    told.chances,
                    told.strikes,
                )
            })
            .collect();
        let expected = [
            (1, "throttle:1s,every=2".to_owned(), 3, 1),
            (2, "drop".to_owned(), 3, 2),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn troubles_come_and_go_and_keep_their_numbers() {
        let mut faults = faults(&["skew:10m", "drop"]);
        assert_eq!(faults.add(at(0), "skew:1m".parse().unwrap()), 3);
        assert_eq!(faults.add(at(5), "throttle,for=2s".parse().unwrap()), 4);
        let shown = |faults: &Faults| -> Vec<String> {
            let told = faults.told();
            told.map(|told| format!("{} {}", told.id, told.trouble))
                .collect()
        };
        assert_eq!(
            shown(&faults),
            ["2 drop", "3 skew:60s", "4 throttle:1s,for=2s"]
        );
        assert_eq!(faults.remove(Some(2)), ["drop".parse().unwrap()]);
        assert_eq!(faults.remove(Some(2)), []);
        // Its time began with it.
        assert!(faults.strike(at(6), REQUEST).is_some());
        assert!(faults.strike(at(7), REQUEST).is_none());
        assert_eq!(faults.remove(None).len(), 2);
        assert_eq!(faults.add(at(0), "drop".parse().unwrap()), 5);
    }

    #[test]
    fn a_fault_strikes_what_it_is_meant_for() {
        let request = |wire| Occasion::Request {
            wire,
            device: Some("d1"),
        };
        let delivery = |wire| Occasion::Delivery {
            wire,
            device: Some("d1"),
        };
        let event = Occasion::Event { wire: Wire::Amqp };
        let device = Some("d1");
        let twin = |wire| Occasion::Twin { wire, device };
        let call = |wire| Occasion::Call { wire, device };
        for (spec, occasion, is_struck) in [
            ("throttle", twin(Wire::Mqtt), false),
            ("throttle,at=twin", twin(Wire::Mqtt), true),
            ("throttle,at=twin,device=d2", twin(Wire::Mqtt), false),
            ("detach", twin(Wire::Amqp), false),
            ("detach,at=call", call(Wire::Amqp), false),
            ("unavailable,at=call", call(Wire::Mqtt), false),
            ("delay:1s,at=call", call(Wire::Mqtt), false),
            ("drop,at=call", call(Wire::Mqtt), true),
            ("drop", delivery(Wire::Mqtt), false),
            ("drop,at=receive", delivery(Wire::Mqtt), true),
            ("drop,at=receive,device=d2", delivery(Wire::Mqtt), false),
            ("drop,at=receive", request(Wire::Mqtt), false),
            ("drop,at=send+read", event, true),
            ("drop,at=read,device=d1", event, false),
            ("throttle,at=read", event, false),
            ("detach", event, true),
            ("detach", delivery(Wire::Amqp), true),
            ("detach", request(Wire::Amqp), true),
            ("detach,at=read", request(Wire::Amqp), false),
            ("detach", request(Wire::Mqtt), false),
            ("detach", Occasion::Connection { wire: Wire::Amqp }, false),
        ] {
            let struck = faults(&[spec]).strike(at(0), occasion).is_some();
            assert_eq!(struck, is_struck, "{spec} {occasion:?}");
        }
    }

    /// The same number makes the same chance, device by device, in whatever order they come and whatever else goes wrong.
    #[test]
    fn a_devices_chance_is_the_seeds_and_nobody_elses() {
        let requests = |devices: &[&str]| -> Vec<(String, bool)> {
            let mut faults = seeded(&["throttle,rate=0.5"], 11);
            let mut ask = |device: &&str| {
                let (wire, device) = (Wire::Https, Some(*device));
                let struck = faults.strike(at(0), Occasion::Request { wire, device });
                (device.unwrap().to_owned(), struck.is_some())
            };
            devices.iter().map(&mut ask).collect()
        };
        let of = |all: &[(String, bool)], device: &str| -> Vec<bool> {
            let own = all.iter().filter(|(id, _)| id == device);
            own.map(|(_, struck)| *struck).collect()
        };
        let (one, two) = (["d1"; 40], ["d2"; 40]);
        let in_turn: Vec<&str> = one.into_iter().zip(two).flat_map(|(a, b)| [a, b]).collect();
        let mixed = requests(&in_turn);
        let apart = requests(&[two, one].concat());
        for device in ["d1", "d2"] {
            assert_eq!(of(&mixed, device), of(&apart, device));
        }
        assert_ne!(of(&mixed, "d1"), of(&mixed, "d2"));
        let struck = |seed| -> Vec<bool> {
            let mut faults = seeded(&["throttle,rate=0.5"], seed);
            (0..40)
                .map(|_| faults.strike(at(0), REQUEST).is_some())
                .collect()
        };
        assert_eq!(struck(1), struck(1));
        assert_ne!(struck(1), struck(2));
    }

    proptest! {
        #[test]
        fn about_as_many_strike_as_the_rate_says(rate in 0.05..0.95_f64, seed: u64) {
            let fault = Fault { rate, ..Fault::of(Deed::Drop) };
            let mut faults = Faults::new(at(0), vec![Trouble::Fault(fault)], seed);
            let struck = (0..2000).filter(|_| faults.strike(at(0), REQUEST).is_some()).count();
            let share = f64::from(u32::try_from(struck).unwrap()) / 2000.0;
            prop_assert!((share - rate).abs() < 0.08, "{} of {}", share, rate);
        }
    }
}
