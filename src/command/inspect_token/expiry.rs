//! Until when a token is valid: `se` in every spelling that it is given by mistake.

use chrono::{DateTime, Utc};

use super::fields::decode;
use super::finding::Finding;

/// The last second of the year 9999.
const LAST: i64 = 253_402_300_799;

/// Beyond this (the year 5138) a number of seconds is a slip of the unit.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// Before this (the year 1990) a time since 1970 is rather a duration; IoT Hub did not exist.
const DURATION_BELOW: i64 = 631_152_000;

/// Reads `se`: the time that is meant, where it can be told, and what is wrong with how it is written.
pub(super) fn read(
    text: &str,
    now: DateTime<Utc>,
    findings: &mut Vec<Finding>,
) -> Option<DateTime<Utc>> {
    let decoded = decode(text);
    let trimmed = decoded.trim();
    if trimmed.is_empty() {
        return None;
    }
    if let Ok(number) = trimmed.parse::<i64>() {
        if trimmed != text || trimmed.starts_with('+') {
            findings.push(
                Finding::odd(
                    "expiryBlanks",
                    "se",
                    "something besides digits stands around the number",
                )
                .should_be(format!("se={number}")),
            );
        }
        return whole_seconds(number, now, findings);
    }
    if let Some(number) = trimmed
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
    {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a time within reach has no fraction that counts"
        )]
        let seconds = number.floor() as i64;
        let unit = scaled(seconds).map_or(seconds, |(seconds, _)| seconds);
        findings.push(
            Finding::wrong(
                "expiryFraction",
                "se",
                format!("{trimmed:?} is no whole number"),
            )
            .should_be(format!("se={unit}")),
        );
        return time(unit);
    }
    let meant = DateTime::parse_from_rfc3339(trimmed)
        .or_else(|_| DateTime::parse_from_rfc2822(trimmed))
        .map(|time| time.with_timezone(&Utc))
        .or_else(|_| plain_date(trimmed));
    let finding = Finding::wrong(
        "expiryText",
        "se",
        "the expiry is given as text, not as a number",
    );
    findings.push(match meant {
        Ok(time) => finding.should_be(format!("se={} (seconds since 1970)", time.timestamp())),
        Err(_) => finding.should_be(format!(
            "seconds since 1970, such as se={} for an hour from now",
            now.timestamp() + 3600
        )),
    });
    meant.ok()
}

fn whole_seconds(
    number: i64,
    now: DateTime<Utc>,
    findings: &mut Vec<Finding>,
) -> Option<DateTime<Utc>> {
    if let Some((seconds, unit)) = scaled(number) {
        findings.push(
            Finding::wrong(
                unit,
                "se",
                format!("{number} is in {unit}, and seconds are asked for"),
            )
            .should_be(format!("se={seconds}")),
        );
        return time(seconds);
    }
    if number < DURATION_BELOW {
        let meant = number.checked_add(now.timestamp()).filter(|_| number > 0);
        let finding = Finding::odd(
            "expiryDuration",
            "se",
            format!(
                "{number} is a moment in {}: it looks like a duration",
                time(number).map_or("the far past".to_owned(), |time| time
                    .format("%Y")
                    .to_string())
            ),
        );
        findings.push(match meant {
            Some(meant) => finding.should_be(format!(
                "the time itself, such as se={meant} for {number} s from now"
            )),
            None => finding.should_be("seconds since 1970"),
        });
    }
    time(number)
}

/// Seconds, and the unit's name, of a number that is too large to be in seconds.
fn scaled(number: i64) -> Option<(i64, &'static str)> {
    match number {
        MILLISECONDS_FROM..100_000_000_000_000 => Some((number / 1000, "milliseconds")),
        100_000_000_000_000..100_000_000_000_000_000 => Some((number / 1_000_000, "microseconds")),
        100_000_000_000_000_000.. => Some((number / 1_000_000_000, "nanoseconds")),
        _ => None,
    }
}

fn time(seconds: i64) -> Option<DateTime<Utc>> {
    (seconds <= LAST)
        .then(|| DateTime::from_timestamp(seconds, 0))
        .flatten()
}

/// `2026-01-31`, `2026-01-31 08:00:00` and the like, read as UTC.
fn plain_date(text: &str) -> Result<DateTime<Utc>, chrono::ParseError> {
    let text = text.trim_end_matches('Z').replacen(['T', '+'], " ", 1);
    chrono::NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S")
        .or_else(|_| {
            chrono::NaiveDateTime::parse_from_str(&format!("{text} 00:00:00"), "%Y-%m-%d %H:%M:%S")
        })
        .map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> (Option<i64>, Vec<&'static str>) {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let mut findings = Vec::new();
        let time = read(text, now, &mut findings);
        (
            time.map(|time| time.timestamp()),
            findings.iter().map(|finding| finding.id).collect(),
        )
    }

    #[test]
    fn every_spelling_is_told() {
        assert_eq!(found("1735689600"), (Some(1_735_689_600), vec![]));
        for (text, id) in [
            ("1735689600000", "milliseconds"),
            ("1735689600000000", "microseconds"),
            ("1735689600000000000", "nanoseconds"),
            ("1735689600.25", "expiryFraction"),
            ("1.7356896e9", "expiryFraction"),
            ("2025-01-01T00:00:00Z", "expiryText"),
            ("2025-01-01T01%3A00%3A00%2B01%3A00", "expiryText"),
            ("2025-01-01 00:00:00", "expiryText"),
            ("2025-01-01", "expiryText"),
            ("Wed, 01 Jan 2025 00:00:00 +0000", "expiryText"),
            ("1735689600%20", "expiryBlanks"),
        ] {
            assert_eq!(found(text), (Some(1_735_689_600), vec![id]), "{text}");
        }
        assert_eq!(found("3600"), (Some(3600), vec!["expiryDuration"]));
        assert_eq!(found("tomorrow"), (None, vec!["expiryText"]));
        assert_eq!(found("NaN"), (None, vec!["expiryText"]));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", number in any::<i64>(), float in any::<f64>()) {
            found(&text);
            found(&number.to_string());
            found(&float.to_string());
        }
    }
}
