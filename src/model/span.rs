//! Durations and points in time as the user writes them.
//!
//! Durations: `90`, `90s`, `15m`, `1h30m`, `7d` (a bare number is seconds). Times: RFC 3339, milliseconds since 1970,
//! or a duration meaning that long ago.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use thiserror::Error;

/// Why a text is no duration or time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpanError {
    /// Not a duration at all.
    #[error("{text:?} is not a duration; write 90, 90s, 15m, 1h30m or 7d")]
    Duration {
        /// What was given.
        text: String,
    },
    /// A duration beyond what can be counted.
    #[error("{text:?} is too long a duration")]
    TooLong {
        /// What was given.
        text: String,
    },
    /// Not a time to come.
    #[error("{text:?} is not a time; write 2026-01-31T08:00:00Z, or milliseconds since 1970")]
    Expiry {
        /// What was given.
        text: String,
    },
    /// Not a time at all.
    #[error(
        "{text:?} is not a time; write 2026-01-31T08:00:00Z, milliseconds since 1970, or 10m for ten minutes ago"
    )]
    Time {
        /// What was given.
        text: String,
    },
    /// A time without its zone.
    #[error("{text:?} lacks its zone; write {text}Z for UTC, or {text}+01:00")]
    NoZone {
        /// What was given.
        text: String,
    },
    /// A day without its time.
    #[error("{text:?} lacks its time of day; write {text}T00:00:00Z for midnight UTC")]
    NoClock {
        /// What was given.
        text: String,
    },
}

/// The text is a time, but for its zone or its time of day.
fn incomplete_time(text: &str) -> Option<SpanError> {
    let text = text.replace(' ', "T");
    if DateTime::parse_from_rfc3339(&format!("{text}Z")).is_ok() {
        return Some(SpanError::NoZone { text });
    }
    if DateTime::parse_from_rfc3339(&format!("{text}T00:00:00Z")).is_ok() {
        return Some(SpanError::NoClock { text });
    }
    None
}

/// What seconds since 1970 read as milliseconds would come to, where that is a time of this century: a slip that is easily
/// made. `None` where the text is no such number.
#[must_use]
pub fn seconds_taken_for_milliseconds(text: &str) -> Option<DateTime<Utc>> {
    let seconds: i64 = text.trim().parse().ok()?;
    // From 2001 to 2100.
    (1_000_000_000..4_102_444_800)
        .contains(&seconds)
        .then(|| DateTime::from_timestamp(seconds, 0))
        .flatten()
}

/// Reads a duration.
///
/// # Errors
/// [`SpanError::Duration`] where the text is none, [`SpanError::TooLong`] beyond `u64` seconds.
pub fn parse_duration(text: &str) -> Result<Duration, SpanError> {
    let malformed = || SpanError::Duration {
        text: text.to_owned(),
    };
    let too_long = || SpanError::TooLong {
        text: text.to_owned(),
    };
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(malformed());
    }
    let mut total = Duration::ZERO;
    let mut rest = trimmed;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        if digits == 0 {
            return Err(malformed());
        }
        let number: u64 = rest[..digits].parse().map_err(|_| too_long())?;
        rest = &rest[digits..];
        let unit_length = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = match &rest[..unit_length] {
            // A bare number stands alone: in `1h30` nobody can tell seconds from minutes.
            "" if digits < trimmed.len() => None,
            unit => unit_of(unit),
        };
        let unit = unit.ok_or_else(malformed)?;
        rest = &rest[unit_length..];
        let part = unit.checked_mul_by(number).ok_or_else(too_long)?;
        total = total.checked_add(part).ok_or_else(too_long)?;
    }
    // Chrono and the wire count milliseconds in an i64.
    if i64::try_from(total.as_millis()).is_err() {
        return Err(too_long());
    }
    Ok(total)
}

struct Unit {
    milliseconds: u64,
}

impl Unit {
    fn checked_mul_by(&self, number: u64) -> Option<Duration> {
        self.milliseconds
            .checked_mul(number)
            .map(Duration::from_millis)
    }
}

fn unit_of(text: &str) -> Option<Unit> {
    let milliseconds = match text.trim_end() {
        "ms" => 1,
        "s" => 1000,
        "" if text.is_empty() => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 7 * 86_400_000,
        _ => return None,
    };
    Some(Unit { milliseconds })
}

/// Reads a point in time; `now` is what "ago" counts from.
///
/// # Errors
/// [`SpanError::Time`] where the text is no time, or one that cannot be represented.
pub fn parse_time(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, SpanError> {
    let malformed = || SpanError::Time {
        text: text.to_owned(),
    };
    let trimmed = text.trim();
    if trimmed == "now" {
        return Ok(now);
    }
    // A bare number is milliseconds since 1970 here, not a duration.
    if trimmed.chars().all(|c| c.is_ascii_digit()) && !trimmed.is_empty() {
        let milliseconds = trimmed.parse().map_err(|_| malformed())?;
        return Utc
            .timestamp_millis_opt(milliseconds)
            .single()
            .ok_or_else(malformed);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(trimmed) {
        return Ok(time.with_timezone(&Utc));
    }
    if let Some(incomplete) = incomplete_time(trimmed) {
        return Err(incomplete);
    }
    let ago = parse_duration(trimmed).map_err(|_| malformed())?;
    let ago = chrono::Duration::from_std(ago).map_err(|_| malformed())?;
    now.checked_sub_signed(ago).ok_or_else(malformed)
}

/// Reads a time as programs write it in messages and requests: ISO 8601, in UTC where no zone is said, as Python does.
#[must_use]
pub fn parse_iso8601(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let plain = || {
        let text = text.replacen(' ', "T", 1);
        let time = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f");
        time.ok().map(|time| time.and_utc())
    };
    let zoned = DateTime::parse_from_rfc3339(text).ok();
    zoned.map(|time| time.to_utc()).or_else(plain)
}

/// Reads the time at which something ends: as [`parse_time`] does, but for durations, which would mean that long ago.
///
/// # Errors
/// [`SpanError::Expiry`] where the text is no time, or one that cannot be represented.
pub fn parse_expiry(text: &str) -> Result<DateTime<Utc>, SpanError> {
    let malformed = || SpanError::Expiry {
        text: text.to_owned(),
    };
    let is_number = text.trim().chars().all(|c| c.is_ascii_digit());
    if !is_number && DateTime::parse_from_rfc3339(text.trim()).is_err() {
        return Err(malformed());
    }
    parse_time(text, DateTime::UNIX_EPOCH).map_err(|_| malformed())
}

/// A duration as a person reads it: its two largest units (`59 minutes`, `1 h 5 min`, `6 days 3 h`).
#[must_use]
pub fn describe_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (1, 0, _) => "1 day".to_owned(),
        (1, hours, _) => format!("1 day {hours} h"),
        (days, 0, _) => format!("{days} days"),
        (days, hours, _) => format!("{days} days {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_of_programs_are_read_with_and_without_a_zone() {
        let read = |text: &str| parse_iso8601(text).map(|time| time.timestamp_millis());
        for text in [
            "2026-01-31T08:00:00Z",
            "2026-01-31T08:00:00.0000000Z",
            "2026-01-31T09:00:00.000+01:00",
            "2026-01-31T08:00:00",
            " 2026-01-31 08:00:00.000000",
        ] {
            assert_eq!(read(text), Some(1_769_846_400_000), "{text}");
        }
        for text in ["", "tomorrow", "1769846400000", "2026-01-31T25:00:00Z"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [
            ("90", 90),
            ("90s", 90),
            ("15m", 900),
            ("1h30m", 5400),
            ("7d", 604_800),
            (" 1h ", 3600),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn nonsense_is_no_duration() {
        for text in ["", "s", "1x", "-5", "1.5h", "h1", "1 0", "1h30", "٣"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert!(matches!(
            parse_duration("99999999999999999999"),
            Err(SpanError::TooLong { .. })
        ));
    }

    #[test]
    fn times_are_read() {
        let now = Utc.timestamp_opt(1_700_000_000, 0).unwrap();
        assert_eq!(
            parse_time("1700000000123", now).unwrap().timestamp_millis(),
            1_700_000_000_123
        );
        assert_eq!(
            parse_time("10m", now).unwrap().timestamp(),
            1_700_000_000 - 600
        );
        assert_eq!(
            parse_time("2026-01-31T08:00:00+01:00", now)
                .unwrap()
                .to_rfc3339(),
            "2026-01-31T07:00:00+00:00"
        );
        assert!(parse_time("yesterday", now).is_err());
        for text in ["2026-01-31T08:00:00", "2026-01-31 08:00:00"] {
            let error = parse_time(text, now).unwrap_err().to_string();
            assert!(error.contains("2026-01-31T08:00:00Z"), "{error}");
        }
        assert!(matches!(
            parse_time("2026-01-31", now),
            Err(SpanError::NoClock { .. })
        ));
        assert_eq!(
            seconds_taken_for_milliseconds("1795422172")
                .unwrap()
                .timestamp(),
            1_795_422_172
        );
        assert_eq!(seconds_taken_for_milliseconds("1795422172000"), None);
    }

    #[test]
    fn an_expiry_is_no_duration() {
        let millennium = Utc.timestamp_opt(946_684_800, 0).unwrap();
        for text in ["2000-01-01T00:00:00Z", " 946684800000 "] {
            assert_eq!(parse_expiry(text), Ok(millennium), "{text}");
        }
        for text in ["", "10m", "90s", "now", "soon"] {
            let error = parse_expiry(text).unwrap_err();
            assert!(!error.to_string().contains("ago"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let now = Utc.timestamp_opt(1_700_000_000, 0).unwrap();
            let _ = parse_duration(&text);
            let _ = parse_time(&text, now);
            let _ = parse_expiry(&text);
        }
    }
}
