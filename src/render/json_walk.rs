//! A value inside a JSON text, found where it stands.
//!
//! The whole text is checked on the way, by the same scanner as in [`super::json_text`], so that a field of something that
//! is no JSON is never shown. Of keys that stand there twice the last one counts, as with most parsers. Allocates nothing.

use std::ops::Range;

use super::json_scan::{MAX_DEPTH, Scanner, unit};

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To what an object has under this key.
    Key(String),
    /// To what an array has at this place, counted from 0.
    Index(usize),
}

/// The JSON of the value at `steps` as it stands in `text`, if `text` is JSON and has it.
#[must_use]
pub fn find<'a>(text: &'a str, steps: &[Step]) -> Option<&'a str> {
    let mut scanner = Scanner::new(text, ());
    let found = value(&mut scanner, steps, 0)?;
    scanner.end()?;
    text.get(found?)
}

/// `None` on the outside: it is no JSON. On the inside: it has no such value.
type Found = Option<Option<Range<usize>>>;

/// Walks one value; `depth` containers are open around it.
fn value(scanner: &mut Scanner<'_, ()>, steps: &[Step], depth: usize) -> Found {
    let first = scanner.next_token()?;
    let start = scanner.at();
    match (steps.split_first(), first) {
        (Some((step @ Step::Key(_), rest)), b'{') | (Some((step @ Step::Index(_), rest)), b'[') => {
            below(scanner, step, rest, depth + 1)
        }
        (steps, _) => {
            scanner.value(depth)?;
            Some(steps.is_none().then_some(start..scanner.at()))
        }
    }
}

/// Walks an object or an array, whichever the step leads into, and what stands there on.
fn below(scanner: &mut Scanner<'_, ()>, step: &Step, steps: &[Step], depth: usize) -> Found {
    if depth > MAX_DEPTH {
        return None;
    }
    let [open, close] = match step {
        Step::Key(_) => [b'{', b'}'],
        Step::Index(_) => [b'[', b']'],
    };
    let mut found = None;
    scanner.take(open)?;
    if scanner.next_token()? == close {
        scanner.take(close)?;
        return Some(None);
    }
    for place in 0.. {
        let is_it = match step {
            Step::Key(key) => {
                let escaped = scanner.string()?;
                scanner.take(b':')?;
                is_key(escaped, key)
            }
            Step::Index(index) => *index == place,
        };
        if is_it {
            found = value(scanner, steps, depth)?;
        } else {
            scanner.value(depth)?;
        }
        if scanner.next_token()? == close {
            break;
        }
        scanner.take(b',')?;
    }
    scanner.take(close)?;
    Some(found)
}

/// Whether a key, as it stands between its quotes, is this one.
fn is_key(escaped: &[u8], key: &str) -> bool {
    if !escaped.contains(&b'\\') {
        return escaped == key.as_bytes();
    }
    std::str::from_utf8(escaped).is_ok_and(|escaped| characters(escaped).eq(key.chars()))
}

/// A JSON string's characters, by what stands between its quotes. The string has to be one that [`find`] gave.
pub fn characters(escaped: &str) -> impl Iterator<Item = char> + '_ {
    let mut rest = escaped;
    std::iter::from_fn(move || {
        let mut characters = rest.chars();
        let mut next = characters.next()?;
        let mut taken = next.len_utf8();
        if next == '\\' {
            (next, taken) = unescape(rest)?;
        }
        rest = &rest[taken..];
        Some(next)
    })
}

/// The character behind the backslash in front of `text`, and how many bytes stand for it.
fn unescape(text: &str) -> Option<(char, usize)> {
    let plain = match text.as_bytes().get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let high = unit(text.as_bytes(), 0)?;
            if let Some(character) = char::from_u32(high.into()) {
                return Some((character, 6));
            }
            let pair = [high, unit(text.as_bytes(), 6)?];
            return Some((char::decode_utf16(pair).next()?.ok()?, 12));
        }
        other => char::from(*other),
    };
    Some((plain, 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json_text::copy_json;
    use crate::render::path::Path;
    use proptest::prelude::*;
    use serde_json::Value;

    fn at<'a>(text: &'a str, path: &str) -> Option<&'a str> {
        find(text, Path::parse(path).unwrap().steps())
    }

    #[test]
    fn values_are_found_where_they_stand() {
        let text = r#" {"a": {"b" : [1, {"c": "x\n"} , 2.50 ]}, "d":null, "\u0064e": true } "#;
        assert_eq!(at(text, "a.b[0]"), Some("1"));
        assert_eq!(at(text, "a.b[1].c"), Some(r#""x\n""#));
        assert_eq!(at(text, "a.b[2]"), Some("2.50"));
        assert_eq!(at(text, "a.b[1]"), Some(r#"{"c": "x\n"}"#));
        assert_eq!(at(text, "d"), Some("null"));
        assert_eq!(at(text, "de"), Some("true"));
        for path in ["x", "a.x", "a[0]", "a.b.c", "a.b[3]", "d.x", "a.b[0].x"] {
            assert_eq!(at(text, path), None, "{path}");
        }
    }

    #[test]
    fn of_two_keys_the_last_counts() {
        assert_eq!(at(r#"{"a":1,"a":2}"#, "a"), Some("2"));
        assert_eq!(at(r#"{"a":{"b":1},"a":2}"#, "a.b"), None);
    }

    #[test]
    fn nothing_is_found_in_what_is_no_json() {
        for text in [
            r#"{"a":1"#,
            r#"{"a":1} x"#,
            r#"{"a":1,}"#,
            r#"{"a":1,"b":"\ud800"}"#,
            r#"{"a":1,"b":[}"#,
            "",
        ] {
            assert_eq!(at(text, "a"), None, "{text}");
        }
        let deep = format!(
            r#"{{"a":1,"b":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(at(&deep, "a"), None);
    }

    fn noise() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "d8", "00", "0", "-", ".", "e",
            "true", "null", " ", "\n", "\"a\"", "\"a\":", "1", "\"\\n\"", "é", "{\"a\":", "9e999",
        ]);
        prop::collection::vec(token, 0..14).prop_map(|tokens| tokens.concat())
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<i32>().prop_map(|number| (f64::from(number) / 8.0).into()),
            ".*".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec(("[ab\"\\\\\n]{0,2}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            "[ab\"\\\\\n]{0,2}".prop_map(Step::Key),
            (0_usize..3).prop_map(Step::Index),
        ];
        prop::collection::vec(step, 0..4)
    }

    proptest! {
        #[test]
        fn json_is_what_is_shown_as_json(text in noise()) {
            let is_json = copy_json(&text, &mut Vec::new());
            prop_assert_eq!(find(&text, &[]).is_some(), is_json, "{}", text);
            prop_assert_eq!(find(&text, &[]), is_json.then(|| text.trim_matches([' ', '\n'])));
        }

        #[test]
        fn a_path_leads_where_a_tree_would(value in json(), steps in steps(), is_pretty: bool) {
            let text = if is_pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            let expected = steps.iter().try_fold(&value, |value, step| match step {
                Step::Key(key) => value.as_object()?.get(key),
                Step::Index(index) => value.as_array()?.get(*index),
            });
            let found = find(&text, &steps).map(|json| serde_json::from_str::<Value>(json).unwrap());
            prop_assert_eq!(found.as_ref(), expected);
        }

        #[test]
        fn characters_are_those_that_were_written(text: String) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(characters(&json[1..json.len() - 1]).collect::<String>(), text);
        }

        #[test]
        fn nothing_is_searched_in_vain_for_a_key_of_noise(text in noise(), steps in steps()) {
            let _ = find(&text, &steps);
        }
    }
}
