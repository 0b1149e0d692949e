//! A value inside a JSON text, found where it stands.
//!
//! The whole text is checked on the way, by the same rules as [`super::json_text`], so that a field of something that is
//! no JSON is never shown. Of keys that stand there twice the last one counts, as with most parsers. Allocates nothing.

use std::ops::Range;

use super::json_text::MAX_DEPTH;

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
    let mut walk = Walk {
        bytes: text.as_bytes(),
        at: 0,
    };
    walk.blanks();
    let found = walk.value(steps, 0)?;
    walk.blanks();
    if walk.at < text.len() {
        return None;
    }
    text.get(found?)
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

/// The UTF-16 unit of the `\uXXXX` at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let hex = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    hex.iter().try_fold(0, |unit: u16, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What may come next inside a container that is stepped over.
#[derive(Clone, Copy)]
enum Expected {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    SeparatorOrEnd,
}

/// `None` on the outside: it is no JSON. On the inside: it has no such value.
type Found = Option<Option<Range<usize>>>;

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Walks one value; `depth` containers are open around it.
    fn value(&mut self, steps: &[Step], depth: usize) -> Found {
        let start = self.at;
        match (steps.split_first(), self.peek()?) {
            (None, _) => {
                self.skip(depth)?;
                Some(Some(start..self.at))
            }
            (Some((Step::Key(key), rest)), b'{') => self.member(key, rest, depth + 1),
            (Some((Step::Index(index), rest)), b'[') => self.item(*index, rest, depth + 1),
            (Some(_), _) => {
                self.skip(depth)?;
                Some(None)
            }
        }
    }

    /// Walks an object, and into what stands under `key`.
    fn member(&mut self, key: &str, steps: &[Step], depth: usize) -> Found {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut found = None;
        self.at += 1;
        self.blanks();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(None);
        }
        loop {
            let start = self.at;
            self.string()?;
            let is_it = is_key(&self.bytes[start + 1..self.at - 1], key);
            self.colon()?;
            self.blanks();
            if is_it {
                found = self.value(steps, depth)?;
            } else {
                self.skip(depth)?;
            }
            self.blanks();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
            self.blanks();
        }
        self.at += 1;
        Some(found)
    }

    /// Walks an array, and into what stands at `index`.
    fn item(&mut self, index: usize, steps: &[Step], depth: usize) -> Found {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut found = None;
        self.at += 1;
        self.blanks();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(None);
        }
        for place in 0.. {
            if place == index {
                found = self.value(steps, depth)?;
            } else {
                self.skip(depth)?;
            }
            self.blanks();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
            self.blanks();
        }
        self.at += 1;
        Some(found)
    }

    /// Steps over one value. The containers that are open in it stand in the bits of a number: 1 for an object.
    fn skip(&mut self, around: usize) -> Option<()> {
        let mut open: u128 = 0;
        let mut depth = 0;
        let mut expected = Expected::Value;
        loop {
            let byte = self.peek()?;
            expected = match (expected, byte) {
                (_, b' ' | b'\t' | b'\n' | b'\r') => {
                    self.at += 1;
                    continue;
                }
                (Expected::Value | Expected::ValueOrEnd, b'{' | b'[') => {
                    depth += 1;
                    if around + depth > MAX_DEPTH {
                        return None;
                    }
                    open = open << 1 | u128::from(byte == b'{');
                    self.at += 1;
                    expected = match byte {
                        b'{' => Expected::KeyOrEnd,
                        _ => Expected::ValueOrEnd,
                    };
                    continue;
                }
                (Expected::SeparatorOrEnd, b',') => {
                    self.at += 1;
                    expected = match open & 1 {
                        1 => Expected::Key,
                        _ => Expected::Value,
                    };
                    continue;
                }
                (Expected::Key | Expected::KeyOrEnd, b'"') => {
                    self.string()?;
                    self.colon()?;
                    expected = Expected::Value;
                    continue;
                }
                (Expected::KeyOrEnd | Expected::SeparatorOrEnd, b'}') if open & 1 == 1 => {
                    self.at += 1;
                    depth -= 1;
                    open >>= 1;
                    Expected::SeparatorOrEnd
                }
                (Expected::ValueOrEnd | Expected::SeparatorOrEnd, b']') if open & 1 == 0 => {
                    self.at += 1;
                    depth -= 1;
                    open >>= 1;
                    Expected::SeparatorOrEnd
                }
                (Expected::Value | Expected::ValueOrEnd, _) => {
                    self.scalar(byte)?;
                    Expected::SeparatorOrEnd
                }
                (Expected::Key | Expected::KeyOrEnd | Expected::SeparatorOrEnd, _) => return None,
            };
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn colon(&mut self) -> Option<()> {
        self.blanks();
        if self.peek()? != b':' {
            return None;
        }
        self.at += 1;
        Some(())
    }

    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.string(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes[self.at..].starts_with(word).then_some(())?;
        self.at += word.len();
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        // Fewer than 300 digits without an exponent cannot leave a double's range.
        if has_exponent || self.at - start >= 300 {
            let number = std::str::from_utf8(&self.bytes[start..self.at]).ok()?;
            let number: f64 = number.parse().ok()?;
            return number.is_finite().then_some(());
        }
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.escape()?,
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        match *self.bytes.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let high = unit(self.bytes, self.at)?;
                self.at += 6;
                if (0xd800..=0xdbff).contains(&high) {
                    let low = unit(self.bytes, self.at)?;
                    (0xdc00..=0xdfff).contains(&low).then_some(())?;
                    self.at += 6;
                } else if (0xdc00..=0xdfff).contains(&high) {
                    return None;
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// Whether a key, as it stands between its quotes, is this one.
fn is_key(escaped: &[u8], key: &str) -> bool {
    if !escaped.contains(&b'\\') {
        return escaped == key.as_bytes();
    }
    std::str::from_utf8(escaped).is_ok_and(|escaped| characters(escaped).eq(key.chars()))
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
