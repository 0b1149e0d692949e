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
    /// A single link of AMQP is detached.
    Detach {
        /// The error condition that says why.
        condition: &'static str,
    },
}

/// What a link may be detached with; the first where nothing is said. From azure-event-hubs' and the C# service SDK's
/// tables of conditions.
pub const CONDITIONS: [&str; 13] = [
    "amqp:link:detach-forced",
    "amqp:link:stolen",
    "amqp:connection:forced",
    "amqp:internal-error",
    "amqp:not-allowed",
    "amqp:not-found",
    "amqp:resource-limit-exceeded",
    "amqp:unauthorized-access",
    "com.microsoft:container-close",
    "com.microsoft:device-container-throttled",
    "com.microsoft:operation-cancelled",
    "com.microsoft:server-busy",
    "com.microsoft:timeout",
];

/// One of [`CONDITIONS`].
///
/// # Errors
/// A condition that is none of them.
pub fn condition(text: &str) -> Result<&'static str, SpecError> {
    let found = CONDITIONS.into_iter().find(|known| *known == text);
    found.ok_or_else(|| SpecError::Value {
        name: "detach".to_owned(),
        reason: format!("{text:?} is none of {}", CONDITIONS.join(", ")),
    })
}

impl Deed {
    const NAMES: [&'static str; 6] = [
        "refuse",
        "throttle",
        "unavailable",
        "delay",
        "drop",
        "detach",
    ];

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
            ("detach", value) => Self::Detach {
                condition: value.map_or(Ok(CONDITIONS[0]), condition)?,
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
            Self::Detach { condition } => write!(f, "detach:{condition}"),
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
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 3] = [
        ("https", Self::Https),
        ("amqp", Self::Amqp),
        ("mqtt", Self::Mqtt),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, known)| *known == self);
        found.map_or("", |(name, _)| *name)
    }
}

/// What goes on between the hub and its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A device sends; every request over HTTPS.
    Send,
    /// A device is given a message.
    Receive,
    /// A reader is given an event.
    Read,
    /// A device asks for its twin, or reports to it.
    Twin,
    /// A device is called.
    Call,
}

impl Way {
    const ALL: [(&'static str, Self); 5] = [
        ("send", Self::Send),
        ("receive", Self::Receive),
        ("read", Self::Read),
        ("twin", Self::Twin),
        ("call", Self::Call),
    ];
}

/// The things that a condition such as `on=https+mqtt` names.
fn named<T: Copy>(name: &str, value: &str, all: &[(&'static str, T)]) -> Result<Vec<T>, SpecError> {
    let find = |text: &str| {
        let found = all.iter().find(|(known, _)| *known == text);
        found.map(|(_, thing)| *thing).ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|(known, _)| *known).collect();
            SpecError::Value {
                name: name.to_owned(),
                reason: format!("{text:?} is none of {}", known.join(", ")),
            }
        })
    };
    value.split('+').map(find).collect()
}

fn names<T: Copy + PartialEq>(things: &[T], all: &[(&'static str, T)]) -> String {
    let name = |thing: &T| all.iter().find(|(_, known)| known == thing);
    let names = things.iter().filter_map(|thing| Some(name(thing)?.0));
    names.collect::<Vec<_>>().join("+")
}

/// What is done, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What is done.
    pub deed: Deed,
    /// What has to be spoken; everything, where nothing is named.
    pub on: Vec<Wire>,
    /// What has to go on; what a device sends, where nothing is named, and for single links everything.
    pub at: Vec<Way>,
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
        "{name:?} is no fault; there are refuse, throttle, unavailable, delay:DURATION, drop, detach, skew:DURATION, expire:DURATION and quota:N"
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
        "{text:?} is no condition; there are on=https+amqp+mqtt, at=send+receive+read+twin+call, device=PATTERN, after=N, every=N, count=N, rate=0.1 and for=DURATION"
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
            at: Vec::new(),
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
        let (wire, device, way) = match occasion {
            Occasion::Connection { wire } => (wire, None, None),
            Occasion::Request { wire, device } => (wire, device, Some(Way::Send)),
            Occasion::Delivery { wire, device } => (wire, device, Some(Way::Receive)),
            Occasion::Event { wire } => (wire, None, Some(Way::Read)),
            Occasion::Twin { wire, device } => (wire, device, Some(Way::Twin)),
            Occasion::Call { wire, device } => (wire, device, Some(Way::Call)),
        };
        let is_on = self.on.is_empty() || self.on.contains(&wire);
        let is_for = |pattern: &Glob| device.is_some_and(|device| pattern.matches(device));
        let Some(way) = way else {
            return is_on && self.deed == Deed::Refuse;
        };
        let is_possible = match self.deed {
            Deed::Refuse => false,
            // Otherwise nobody has asked.
            Deed::Throttle { .. } | Deed::Unavailable => matches!(way, Way::Send | Way::Twin),
            Deed::Delay { .. } => way != Way::Call,
            Deed::Drop => true,
            // What goes on about twins is not bound to one link.
            Deed::Detach { .. } => wire == Wire::Amqp && !matches!(way, Way::Twin | Way::Call),
        };
        let is_usual = way == Way::Send || matches!(self.deed, Deed::Detach { .. });
        let is_at = self.at.contains(&way) || (self.at.is_empty() && is_usual);
        is_on && is_possible && is_at && self.device.as_ref().is_none_or(is_for)
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
            "on" => self.on = named(name, value, &Wire::ALL)?,
            "at" => self.at = named(name, value, &Way::ALL)?,
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
            write!(f, ",on={}", names(&self.on, &Wire::ALL))?;
        }
        if !self.at.is_empty() {
            write!(f, ",at={}", names(&self.at, &Way::ALL))?;
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
            ("drop,on=http", "none of https, amqp, mqtt"),
            ("drop,at=night", "none of send, receive, read, twin, call"),
            ("detach:now", "\"now\" is none of amqp:link:detach-forced, "),
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
            prop::sample::select(CONDITIONS.to_vec())
                .prop_map(|condition| Deed::Detach { condition }),
        ];
        let ways = prop::sample::subsequence(Way::ALL.map(|(_, way)| way).to_vec(), 0..=5);
        let wires = prop::sample::subsequence(vec![Wire::Https, Wire::Amqp, Wire::Mqtt], 0..=3);
        let device = prop::option::of("[a-z*?]{1,8}")
            .prop_map(|text| text.map(|text| Glob::new(&text).unwrap()));
        let numbers = (any::<u64>(), 1..u64::MAX, prop::option::of(1..u64::MAX));
        let times = (0.0..=1.0_f64, prop::option::of(seconds()));
        (deed, (wires, ways), device, numbers, times).prop_map(
            |(deed, (on, at), device, (after, every, count), (rate, lasts))| Fault {
                deed,
                on,
                at,
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
        fn any_text_is_safe_to_read(text in "(refuse|throttle|delay|drop|detach)?[:,=a-z0-9.]{0,30}") {
            let _ = text.parse::<Fault>();
        }
    }
}
