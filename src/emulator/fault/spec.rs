//! How a fault is written: what is done, with how much of it, and when. `throttle:5s,on=https,every=10,for=1m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::Occasion;
use crate::model::glob::Glob;
use crate::model::span::parse_duration;

/// How long whoever is throttled is told to wait, where nothing is said.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// A connection is closed as soon as it is there.
    Refuse,
    /// Too many requests: 429, and when to come again.
    Throttle {
        /// What `Retry-After` says.
        retry_after: Duration,
    },
    /// The service is not available: 503.
    Unavailable,
    /// What is asked is done, and the answer comes late.
    Delay {
        /// How late.
        by: Duration,
    },
    /// What is asked is done, and instead of an answer the connection is cut.
    Drop,
}

impl Deed {
    const NAMES: [&'static str; 5] = ["refuse", "throttle", "unavailable", "delay", "drop"];

    fn parse(text: &str) -> Result<Self, SpecError> {
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let duration = |value: &str| {
            parse_duration(value).map_err(|error| SpecError::Value {
                name: name.to_owned(),
                reason: error.to_string(),
            })
        };
        let deed = match (name, value) {
            ("refuse", None) => Self::Refuse,
            ("unavailable", None) => Self::Unavailable,
            ("drop", None) => Self::Drop,
            ("throttle", value) => Self::Throttle {
                retry_after: value.map_or(Ok(RETRY_AFTER), duration)?,
            },
            ("delay", Some(value)) => Self::Delay {
                by: duration(value)?,
            },
            ("delay", None) => {
                return Err(SpecError::Value {
                    name: name.to_owned(),
                    reason: "it needs a duration, such as delay:2s".to_owned(),
                });
            }
            (name, Some(_)) if Self::NAMES.contains(&name) => {
                return Err(SpecError::Value {
                    name: name.to_owned(),
                    reason: "it takes none".to_owned(),
                });
            }
            (name, _) => {
                return Err(SpecError::Deed {
                    name: name.to_owned(),
                });
            }
        };
        Ok(deed)
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => f.write_str("refuse"),
            Self::Throttle { retry_after } => write!(f, "throttle:{}s", retry_after.as_secs()),
            Self::Unavailable => f.write_str("unavailable"),
            Self::Delay { by } => write!(f, "delay:{}s", by.as_secs()),
            Self::Drop => f.write_str("drop"),
        }
    }
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// REST.
    Https,
    /// AMQP, over WebSocket as well.
    Amqp,
    /// MQTT, over WebSocket as well.
    Mqtt,
}

impl Wire {
    const ALL: [(&'static str, Self); 3] = [
        ("https", Self::Https),
        ("amqp", Self::Amqp),
        ("mqtt", Self::Mqtt),
    ];
}

/// What is done, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What is done.
    pub deed: Deed,
    /// What has to be spoken; everything, where nothing is named.
    pub on: Vec<Wire>,
    /// Which devices it is for; then what is no device's is left alone.
    pub device: Option<Glob>,
    /// How many occasions pass first.
    pub after: u64,
    /// Of how many occasions it is the last.
    pub every: u64,
    /// How often it strikes in all.
    pub count: Option<u64>,
    /// By what chance, from 0 to 1.
    pub rate: f64,
    /// For how long from the start on.
    pub lasts: Option<Duration>,
}

/// Why a text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecError {
    /// Nothing that can be done.
    #[error(
        "{name:?} is no fault; there are refuse, throttle, unavailable, delay:DURATION, drop, skew:DURATION, expire:DURATION and quota:N"
    )]
    Deed {
        /// What was given.
        name: String,
    },
    /// A value that it does not take.
    #[error("the value of {name}: {reason}")]
    Value {
        /// The fault or the condition.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A condition that is none.
    #[error(
        "{text:?} is no condition; there are on=https+amqp+mqtt, device=PATTERN, after=N, every=N, count=N, rate=0.1 and for=DURATION"
    )]
    Condition {
        /// What was given.
        text: String,
    },
}

impl Fault {
    /// One that strikes at each occasion.
    #[must_use]
    pub fn of(deed: Deed) -> Self {
        Self {
            deed,
            on: Vec::new(),
            device: None,
            after: 0,
            every: 1,
            count: None,
            rate: 1.0,
            lasts: None,
        }
    }

    /// Whether this is an occasion for it.
    pub(super) fn is_meant(&self, occasion: Occasion<'_>) -> bool {
        let (wire, device, is_connection) = match occasion {
            Occasion::Connection { wire } => (wire, None, true),
            Occasion::Request { wire, device } => (wire, device, false),
        };
        let is_for = |pattern: &Glob| device.is_some_and(|device| pattern.matches(device));
        is_connection == (self.deed == Deed::Refuse)
            && (self.on.is_empty() || self.on.contains(&wire))
            && (is_connection || self.device.as_ref().is_none_or(is_for))
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), SpecError> {
        let wrong = |reason: String| SpecError::Value {
            name: name.to_owned(),
            reason,
        };
        let number = |least: u64| {
            let number = value.parse().ok().filter(|number| *number >= least);
            number.ok_or_else(|| wrong(format!("{value:?} is no number from {least} on")))
        };
        match name {
            "on" => {
                let wire = |text: &str| {
                    let found = Wire::ALL.iter().find(|(name, _)| *name == text);
                    found
                        .map(|(_, wire)| *wire)
                        .ok_or_else(|| wrong(format!("{text:?} is none of https, amqp and mqtt")))
                };
                self.on = value.split('+').map(wire).collect::<Result<_, _>>()?;
            }
            "device" => {
                self.device = Some(Glob::new(value).map_err(|error| wrong(error.to_string()))?);
            }
            "after" => self.after = number(0)?,
            "every" => self.every = number(1)?,
            "count" => self.count = Some(number(1)?),
            "rate" => {
                let rate = value.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
                self.rate = rate.ok_or_else(|| wrong(format!("{value:?} is not from 0 to 1")))?;
            }
            "for" => {
                let lasts = parse_duration(value).map_err(|error| wrong(error.to_string()))?;
                self.lasts = Some(lasts);
            }
            _ => {
                return Err(SpecError::Condition {
                    text: format!("{name}={value}"),
                });
            }
        }
        Ok(())
    }
}

impl FromStr for Fault {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(',');
        let mut fault = Self::of(Deed::parse(parts.next().unwrap_or_default())?);
        for part in parts {
            let (name, value) = part.split_once('=').ok_or_else(|| SpecError::Condition {
                text: part.to_owned(),
            })?;
            fault.set(name, value)?;
        }
        Ok(fault)
    }
}

/// As it is written.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.deed.fmt(f)?;
        if !self.on.is_empty() {
            let name = |wire| Wire::ALL.iter().find(|(_, known)| *known == wire);
            let names = self.on.iter().filter_map(|wire| Some(name(*wire)?.0));
            write!(f, ",on={}", names.collect::<Vec<_>>().join("+"))?;
        }
        if let Some(device) = &self.device {
            write!(f, ",device={}", device.as_str())?;
        }
        if self.after > 0 {
            write!(f, ",after={}", self.after)?;
        }
        if self.every > 1 {
            write!(f, ",every={}", self.every)?;
        }
        if let Some(count) = self.count {
            write!(f, ",count={count}")?;
        }
        if self.rate < 1.0 {
            write!(f, ",rate={}", self.rate)?;
        }
        if let Some(lasts) = self.lasts {
            write!(f, ",for={}s", lasts.as_secs())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slips_are_told_with_what_there_is() {
        for (text, words) in [
            ("", "is no fault; there are refuse"),
            ("explode", "\"explode\" is no fault"),
            ("delay", "such as delay:2s"),
            ("delay:soon", "is not a duration"),
            ("drop:5s", "the value of drop: it takes none"),
            ("drop,often", "\"often\" is no condition"),
            ("drop,when=now", "\"when=now\" is no condition"),
            ("drop,every=0", "no number from 1 on"),
            ("drop,rate=2", "is not from 0 to 1"),
            ("drop,on=http", "none of https, amqp and mqtt"),
            ("drop,device=[2-1]", "the value of device"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    fn any_fault() -> impl Strategy<Value = Fault> {
        let seconds = || (0..100_000_u64).prop_map(Duration::from_secs);
        let deed = prop_oneof![
            Just(Deed::Refuse),
            Just(Deed::Unavailable),
            Just(Deed::Drop),
            seconds().prop_map(|retry_after| Deed::Throttle { retry_after }),
            seconds().prop_map(|by| Deed::Delay { by }),
        ];
        let wires = prop::sample::subsequence(vec![Wire::Https, Wire::Amqp, Wire::Mqtt], 0..=3);
        let device = prop::option::of("[a-z*?]{1,8}")
            .prop_map(|text| text.map(|text| Glob::new(&text).unwrap()));
        let numbers = (any::<u64>(), 1..u64::MAX, prop::option::of(1..u64::MAX));
        let times = (0.0..=1.0_f64, prop::option::of(seconds()));
        (deed, wires, device, numbers, times).prop_map(
            |(deed, on, device, (after, every, count), (rate, lasts))| Fault {
                deed,
                on,
                device,
                after,
                every,
                count,
                rate,
                lasts,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(fault in any_fault()) {
            prop_assert_eq!(fault.to_string().parse::<Fault>(), Ok(fault));
        }

        #[test]
        fn any_text_is_safe_to_read(text in "(refuse|throttle|delay|drop)?[:,=a-z0-9.]{0,30}") {
            let _ = text.parse::<Fault>();
        }
    }
}
