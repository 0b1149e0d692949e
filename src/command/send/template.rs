//! `{n}`, `{uuid}`, `{now}`, `{random:20..30}` and `{device}` in a text. Other braces stand for themselves, so that
//! JSON needs no escapes.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use thiserror::Error;

use crate::model::dice::Dice;

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum TemplateError {
    #[error(
        "{{random:{range}}} is no range of numbers; write {{random:20..30}} or {{random:0.5..1.5}}"
    )]
    Range { range: String },
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Number,
    Uuid,
    Now,
    Device,
    /// From and to, in units of the last decimal place.
    Random {
        low: i64,
        high: i64,
        decimals: u32,
    },
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template(Vec<Part>);

/// What placeholders are filled with.
#[derive(Debug)]
pub(super) struct Filling<'a> {
    pub(super) number: u64,
    pub(super) device: &'a str,
    pub(super) now: DateTime<Utc>,
    pub(super) dice: &'a mut Dice,
}

impl Template {
    /// A text that stands for itself.
    pub(super) fn verbatim(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }

    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            let Some((part, length)) = placeholder(rest)? else {
                plain.push('{');
                rest = &rest[1..];
                continue;
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(part);
            rest = &rest[length..];
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Ok(Self(parts))
    }

    /// The text between the placeholders.
    pub(super) fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Number | Part::Uuid | Part::Now | Part::Device | Part::Random { .. } => None,
        })
    }

    /// Whether it reads the same each time.
    pub(super) fn is_constant(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(_)))
    }

    pub(super) fn fill(&self, filling: &mut Filling<'_>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            // Writing to a String cannot fail.
            let _ = match part {
                Part::Text(plain) => text.write_str(plain),
                Part::Number => write!(text, "{}", filling.number),
                Part::Uuid => write!(text, "{}", uuid::Uuid::new_v4()),
                Part::Now => {
                    text.write_str(&filling.now.to_rfc3339_opts(SecondsFormat::Millis, true))
                }
                Part::Device => text.write_str(filling.device),
                Part::Random {
                    low,
                    high,
                    decimals,
                } => text.write_str(&random(*low, *high, *decimals, filling.dice)),
            };
        }
        text
    }
}

/// The placeholder that `text` begins with, and its length.
fn placeholder(text: &str) -> Result<Option<(Part, usize)>, TemplateError> {
    for (name, part) in [
        ("{n}", Part::Number),
        ("{uuid}", Part::Uuid),
        ("{now}", Part::Now),
        ("{device}", Part::Device),
    ] {
        if text.starts_with(name) {
            return Ok(Some((part, name.len())));
        }
    }
    let Some(rest) = text.strip_prefix("{random:") else {
        return Ok(None);
    };
    let range = rest.split('}').next().unwrap_or_default();
    let fault = || TemplateError::Range {
        range: range.to_owned(),
    };
    if range.len() == rest.len() {
        return Err(fault());
    }
    let (low, high) = range.split_once("..").ok_or_else(fault)?;
    let decimals = decimals_of(low).max(decimals_of(high));
    let low = scaled(low, decimals).ok_or_else(fault)?;
    let high = scaled(high, decimals).ok_or_else(fault)?;
    if low > high {
        return Err(fault());
    }
    let part = Part::Random {
        low,
        high,
        decimals,
    };
    Ok(Some((part, "{random:}".len() + range.len())))
}

fn decimals_of(number: &str) -> u32 {
    let fraction = number.split_once('.').map_or("", |(_, fraction)| fraction);
    u32::try_from(fraction.len()).unwrap_or(u32::MAX)
}

/// A decimal number in units of its last place: `2.5` with two places is 250.
fn scaled(number: &str, decimals: u32) -> Option<i64> {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, number),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || decimals > 9 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let missing = decimals - decimals_of(digits).min(decimals);
    let units: i64 = format!("{whole}{fraction}").parse().ok()?;
    units
        .checked_mul(10_i64.checked_pow(missing)?)?
        .checked_mul(sign)
}

/// A number between the two, both included.
fn random(low: i64, high: i64, decimals: u32, dice: &mut Dice) -> String {
    let width = i128::from(high) - i128::from(low) + 1;
    let drawn = i128::from(low) + i128::from(dice.number()) % width;
    let unit = 10_i128.pow(decimals);
    let sign = if drawn < 0 { "-" } else { "" };
    let (whole, fraction) = (drawn.abs() / unit, drawn.abs() % unit);
    if decimals == 0 {
        return format!("{sign}{whole}");
    }
    let places = decimals as usize;
    format!("{sign}{whole}.{fraction:0places$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(text: &str) -> String {
        let mut dice = Dice::seeded(1);
        Template::parse(text).unwrap().fill(&mut Filling {
            number: 7,
            device: "device1",
            now: "2026-01-31T08:00:00.5Z".parse().unwrap(),
            dice: &mut dice,
        })
    }

    #[test]
    fn placeholders_are_filled_and_json_stays() {
        assert_eq!(
            filled(r#"{"n":{n},"id":"{device}","at":"{now}","x":{}}"#),
            r#"{"n":7,"id":"device1","at":"2026-01-31T08:00:00.500Z","x":{}}"#
        );
        assert_eq!(filled("{uuid}").len(), 36);
        assert_eq!(filled("{random:5..5}{{n}}{"), "5{7}{");
        assert_eq!(filled("{random:-1.50..-1.5}"), "-1.50");
    }

    #[test]
    fn nonsense_ranges_are_refused() {
        for text in [
            "{random:}",
            "{random:1..",
            "{random:a..b}",
            "{random:3..1}",
            "{random:1}",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn random_numbers_keep_to_their_range(low in -1000i64..1000, width in 0i64..1000, seed in any::<u64>()) {
            let high = low + width;
            let drawn: i64 = random(low, high, 0, &mut Dice::seeded(seed)).parse().unwrap();
            prop_assert!((low..=high).contains(&drawn));
        }

        #[test]
        fn no_text_panics(text in "(\\{random:|\\{n\\}|[{}.:0-9-]|\\PC){0,12}") {
            let _ = Template::parse(&text);
        }
    }
}
