//! What is wrong with a hub all the time: its clock, its tokens' lives, its quota.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::spec::{Fault, SpecError};
use crate::model::span::parse_duration;

/// Wrong from the start to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The hub's clock is off by so many seconds; ahead where that is more than nothing.
    Skew {
        /// How many.
        seconds: i64,
    },
    /// Tokens end before their time.
    Expire {
        /// How long before.
        early: Duration,
    },
    /// So many messages a day, of 4 KB each, and no more.
    Quota {
        /// How many.
        messages: u64,
    },
}

/// All that is wrong from the start to the end; as it should be where nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standings {
    /// By how many seconds the hub's clock is ahead.
    pub ahead: i64,
    /// How long before their time tokens end.
    pub early: Duration,
    /// So many messages a day.
    pub quota: Option<u64>,
}

impl Standings {
    /// Of several of a kind the last one counts.
    pub fn of<'t>(troubles: impl Iterator<Item = &'t Trouble>) -> Self {
        let mut all = Self::default();
        for trouble in troubles {
            match trouble {
                Trouble::Fault(_) => {}
                Trouble::Standing(Standing::Skew { seconds }) => all.ahead = *seconds,
                Trouble::Standing(Standing::Expire { early }) => all.early = *early,
                Trouble::Standing(Standing::Quota { messages }) => all.quota = Some(*messages),
            }
        }
        all
    }
}

/// Anything that may be wrong with a hub on purpose.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// Now and then.
    Fault(Fault),
    /// All the time.
    Standing(Standing),
}

impl Standing {
    /// Whether both are wrong in the same thing.
    pub(super) fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    /// The trouble of this name; none where it is no standing one.
    fn parse(name: &str, value: &str) -> Option<Result<Self, SpecError>> {
        let wrong = |reason: String| SpecError::Value {
            name: name.to_owned(),
            reason,
        };
        let duration = |text: &str| parse_duration(text).map_err(|error| wrong(error.to_string()));
        let standing = match name {
            "skew" => {
                let (sign, size) = match value.strip_prefix('-') {
                    Some(size) => (-1, size),
                    None => (1, value.strip_prefix('+').unwrap_or(value)),
                };
                duration(size).map(|by| Self::Skew {
                    seconds: sign * i64::try_from(by.as_secs()).unwrap_or(i64::MAX),
                })
            }
            "expire" => duration(value).map(|early| Self::Expire { early }),
            "quota" => value
                .parse()
                .map(|messages| Self::Quota { messages })
                .map_err(|_| wrong(format!("{value:?} is no number of messages"))),
            _ => return None,
        };
        Some(standing)
    }
}

impl FromStr for Trouble {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (deed, conditions) = match text.split_once(',') {
            Some((deed, conditions)) => (deed, Some(conditions)),
            None => (text, None),
        };
        let (name, value) = deed.split_once(':').unwrap_or((deed, ""));
        match (Standing::parse(name, value), conditions) {
            (None, _) => text.parse().map(Self::Fault),
            (Some(standing), None) => standing.map(Self::Standing),
            (Some(_), Some(_)) => Err(SpecError::Value {
                name: name.to_owned(),
                reason: "it is so all the time, and takes no conditions".to_owned(),
            }),
        }
    }
}

/// As it is written.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Standing(standing) => standing.fmt(f),
        }
    }
}

/// As it is written.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skew { seconds } => {
                let sign = if *seconds < 0 { "-" } else { "" };
                write!(f, "skew:{sign}{}s", seconds.unsigned_abs())
            }
            Self::Expire { early } => write!(f, "expire:{}s", early.as_secs()),
            Self::Quota { messages } => write!(f, "quota:{messages}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_all_the_time_is_read_as_it_is_written() {
        for (text, standing) in [
            ("skew:10m", Standing::Skew { seconds: 600 }),
            ("skew:+90", Standing::Skew { seconds: 90 }),
            ("skew:-1h", Standing::Skew { seconds: -3600 }),
            (
                "expire:50m",
                Standing::Expire {
                    early: Duration::from_secs(3000),
                },
            ),
            ("quota:8000", Standing::Quota { messages: 8000 }),
        ] {
            let read: Trouble = text.parse().unwrap();
            assert_eq!(read, Trouble::Standing(standing), "{text}");
            assert_eq!(standing.to_string().parse(), Ok(read), "{text}");
        }
        let fault = Trouble::Fault("drop,every=2".parse().unwrap());
        assert_eq!("drop,every=2".parse(), Ok(fault));
    }

    #[test]
    fn slips_are_told() {
        for (text, words) in [
            ("skew", "the value of skew: \"\" is not a duration"),
            ("skew:--5", "is not a duration"),
            ("quota:lots", "no number of messages"),
            ("expire:1h,every=2", "takes no conditions"),
            ("explode", "is no fault"),
        ] {
            let error = text.parse::<Trouble>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
