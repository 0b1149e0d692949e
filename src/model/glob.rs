//! Patterns for ids: `*` for any characters, `?` for one, `[a-z]` for one of these, `[!a-z]` for one of the others.
//!
//! Ids may hold `*`, `?` and `!` themselves, so a pattern also matches the id that it is letter by letter. The case of
//! letters counts, as it does in ids.

use thiserror::Error;

/// A range that holds no character, such as `2-1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the range {low}-{high} is empty; write {high}-{low}")]
pub struct EmptyRange {
    low: char,
    high: char,
}

/// A pattern, or an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    text: String,
    /// None where it is an id and nothing else.
    parts: Option<Vec<Part>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Any number of any characters.
    Any,
    /// One character, whichever.
    One,
    /// This character.
    Character(char),
    /// One of these ranges, or none of them.
    Class {
        ranges: Vec<(char, char)>,
        is_negated: bool,
    },
}

impl Glob {
    /// Reads a pattern; every other text is one. A `[` that is not closed stands for itself.
    ///
    /// # Errors
    /// [`EmptyRange`].
    pub fn new(text: &str) -> Result<Self, EmptyRange> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            rest = &rest[character.len_utf8()..];
            parts.push(match character {
                '*' => Part::Any,
                '?' => Part::One,
                '[' => match class(rest)? {
                    Some((class, after)) => {
                        rest = after;
                        class
                    }
                    None => Part::Character('['),
                },
                character => Part::Character(character),
            });
        }
        let is_plain = |part: &Part| matches!(part, Part::Character(_));
        Ok(Self {
            text: text.to_owned(),
            parts: Some(parts).filter(|parts| !parts.iter().all(is_plain)),
        })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id, where it is one and no pattern.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        self.parts.is_none().then_some(&self.text)
    }

    /// Whether an id is meant.
    #[must_use]
    pub fn matches(&self, id: &str) -> bool {
        id == self.text
            || self
                .parts
                .as_deref()
                .is_some_and(|parts| is_match(parts, id))
    }
}

/// A class whose `[` was taken, and what follows it; none where it is not closed.
fn class(text: &str) -> Result<Option<(Part, &str)>, EmptyRange> {
    let inside = text.strip_prefix(['!', '^']);
    let is_negated = inside.is_some();
    let inside = inside.unwrap_or(text);
    // A bracket in the first place stands for itself.
    let first = inside.chars().next().map_or(0, char::len_utf8);
    let Some(end) = inside[first..].find(']').map(|end| first + end) else {
        return Ok(None);
    };
    let mut characters = inside[..end].chars();
    let mut ranges = Vec::new();
    while let Some(low) = characters.next() {
        let mut ahead = characters.clone();
        let high = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) => {
                characters = ahead;
                high
            }
            _ => low,
        };
        if high < low {
            return Err(EmptyRange { low, high });
        }
        ranges.push((low, high));
    }
    let class = Part::Class { ranges, is_negated };
    Ok(Some((class, &inside[end + 1..])))
}

/// Only the last `*` is ever gone back to, so the time is bounded by the product of both lengths.
fn is_match(parts: &[Part], id: &str) -> bool {
    let mut at = 0;
    let mut rest = id;
    let mut back: Option<(usize, &str)> = None;
    loop {
        let next = rest.chars().next();
        match (parts.get(at), next) {
            (Some(Part::Any), _) => {
                at += 1;
                back = Some((at, rest));
                continue;
            }
            (None, None) => return true,
            (Some(part), Some(character)) if part.takes(character) => {
                at += 1;
                rest = &rest[character.len_utf8()..];
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = back else {
            return false;
        };
        let Some(skipped) = from.chars().next() else {
            return false;
        };
        at = after;
        rest = &from[skipped.len_utf8()..];
        back = Some((after, rest));
    }
}

impl Part {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Character(wanted) => *wanted == character,
            Self::Class { ranges, is_negated } => {
                let is_in = |(low, high): &(char, char)| (*low..=*high).contains(&character);
                ranges.iter().any(is_in) != *is_negated
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match() {
        for (glob, id, expected) in [
            ("device1", "device1", true),
            ("device1", "Device1", false),
            ("device1", "device10", false),
            ("*", "", true),
            ("dev*", "device1", true),
            ("*1", "device1", true),
            ("*1", "device12", false),
            ("d*i*e?", "device1", true),
            ("d?vice1", "dvice1", false),
            ("device[0-9]", "device1", true),
            ("device[!0-9]", "device1", false),
            ("device[^a]", "device1", true),
            ("device[]1]", "device1", true),
            ("device[1-]", "device-", true),
            ("device[", "device[", true),
            ("a*b?c", "a*b?c", true),
            ("what?", "what?", true),
            ("x[!]y", "x[!]y", true),
        ] {
            let pattern = Glob::new(glob).unwrap();
            assert_eq!(pattern.matches(id), expected, "{glob} {id}");
        }
        assert_eq!(Glob::new("what!(1)").unwrap().literal(), Some("what!(1)"));
        assert_eq!(Glob::new("what?").unwrap().literal(), None);
    }

    #[test]
    fn a_range_that_holds_nothing_is_none() {
        for glob in ["a[2-1]", "a[!z-a]", "a[0-92-1]"] {
            assert!(Glob::new(glob).is_err(), "{glob}");
        }
        let (low, high) = ('2', '1');
        assert_eq!(Glob::new("[2-1]"), Err(EmptyRange { low, high }));
        for glob in ["[1-1]", "[2-1", "2-1]", "[]-a]"] {
            assert!(Glob::new(glob).is_ok(), "{glob}");
        }
    }

    /// The same by trying everything.
    fn slow(parts: &[Part], id: &[char]) -> bool {
        match (parts, id) {
            ([], []) => true,
            ([Part::Any, rest @ ..], _) => {
                slow(rest, id) || !id.is_empty() && slow(parts, &id[1..])
            }
            ([part, rest @ ..], [first, others @ ..]) => part.takes(*first) && slow(rest, others),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_trying_everything(glob in "[ab*?\\[\\]!-]{0,8}", id in "[ab*]{0,8}") {
            let Ok(glob) = Glob::new(&glob) else {
                return Ok(());
            };
            let characters: Vec<char> = id.chars().collect();
            let expected = match &glob.parts {
                Some(parts) => slow(parts, &characters) || glob.text == id,
                None => glob.text == id,
            };
            prop_assert_eq!(glob.matches(&id), expected);
        }

        #[test]
        fn every_id_matches_itself(id: String) {
            if let Ok(glob) = Glob::new(&id) {
                prop_assert!(glob.matches(&id));
            }
        }
    }
}
