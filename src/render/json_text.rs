//! JSON that came from elsewhere: checked and copied in one pass, on one line, its numbers and strings as they came.
//!
//! Taken as JSON is only what every parser takes: no deeper than [`MAX_DEPTH`], no half of a surrogate pair, no number
//! that a double cannot hold (such a body is shown as text instead). RFC 8259.

use super::json::plain_prefix;

/// Nesting beyond this is more than many parsers take (`serde_json` stops at 128).
pub const MAX_DEPTH: usize = 100;

/// Appends `text` to `out` without the whitespace between its tokens, if it is JSON. Otherwise false, and nothing
/// appended.
pub fn copy_json(text: &str, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let mut copier = Copier {
        input: text.as_bytes(),
        at: 0,
        copied: 0,
        out,
    };
    if copier.document().is_some() {
        return true;
    }
    out.truncate(start);
    false
}

struct Copier<'a> {
    input: &'a [u8],
    at: usize,
    /// How much of the input is in the output already, or is whitespace between tokens.
    copied: usize,
    out: &'a mut Vec<u8>,
}

/// What may come next inside a container.
#[derive(Clone, Copy)]
enum Expected {
    Value,
    ValueOrEnd,
    KeyOrEnd,
    SeparatorOrEnd,
}

impl Copier<'_> {
    /// The containers that are open stand in the bits of a number: 1 for an object.
    fn document(&mut self) -> Option<()> {
        let mut open: u128 = 0;
        let mut depth = 0;
        let mut expected = Expected::Value;
        loop {
            let byte = self.next_token()?;
            let in_object = open & 1 == 1;
            match (expected, byte) {
                (Expected::Value | Expected::ValueOrEnd, b'{' | b'[') => {
                    if depth == MAX_DEPTH {
                        return None;
                    }
                    depth += 1;
                    open = open << 1 | u128::from(byte == b'{');
                    self.at += 1;
                    expected = if byte == b'{' {
                        Expected::KeyOrEnd
                    } else {
                        Expected::ValueOrEnd
                    };
                    continue;
                }
                (Expected::KeyOrEnd, b'"') => {
                    expected = self.members()?;
                    continue;
                }
                (Expected::SeparatorOrEnd, b',') => {
                    self.at += 1;
                    expected = if in_object {
                        self.next_token().filter(|byte| *byte == b'"')?;
                        self.members()?
                    } else {
                        Expected::Value
                    };
                    continue;
                }
                (Expected::KeyOrEnd, b'}') | (Expected::ValueOrEnd, b']') => {}
                (Expected::SeparatorOrEnd, b'}' | b']') if in_object == (byte == b'}') => {}
                (Expected::Value | Expected::ValueOrEnd, _) => {
                    self.scalar(byte)?;
                    expected = Expected::SeparatorOrEnd;
                    if depth == 0 {
                        return self.end();
                    }
                    continue;
                }
                (Expected::KeyOrEnd | Expected::SeparatorOrEnd, _) => return None,
            }
            self.at += 1;
            depth -= 1;
            open >>= 1;
            if depth == 0 {
                return self.end();
            }
            expected = Expected::SeparatorOrEnd;
        }
    }

    /// Members of an object from a key on, as long as their values are no containers: most are not.
    #[inline]
    fn members(&mut self) -> Option<Expected> {
        loop {
            self.string()?;
            self.next_token().filter(|byte| *byte == b':')?;
            self.at += 1;
            let byte = self.next_token()?;
            if byte == b'{' || byte == b'[' {
                return Some(Expected::Value);
            }
            self.scalar(byte)?;
            if self.next_token()? != b',' {
                return Some(Expected::SeparatorOrEnd);
            }
            self.at += 1;
            self.next_token().filter(|byte| *byte == b'"')?;
        }
    }

    /// Nothing but whitespace may follow.
    fn end(&mut self) -> Option<()> {
        self.skip_whitespace();
        self.copy();
        (self.at == self.input.len()).then_some(())
    }

    /// The byte that the next token begins with.
    #[inline]
    fn next_token(&mut self) -> Option<u8> {
        self.skip_whitespace();
        self.input.get(self.at).copied()
    }

    #[inline]
    fn skip_whitespace(&mut self) {
        let Some(b' ' | b'\t' | b'\n' | b'\r') = self.input.get(self.at) else {
            return;
        };
        self.copy();
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.input.get(self.at) {
            self.at += 1;
        }
        self.copied = self.at;
    }

    /// Copies the tokens that were checked since it was called last.
    fn copy(&mut self) {
        self.out
            .extend_from_slice(&self.input[self.copied..self.at]);
        self.copied = self.at;
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
        if !self.input[self.at..].starts_with(word) {
            return None;
        }
        self.at += word.len();
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.input.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        if self.input.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.input.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.input.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        let mut has_exponent = false;
        if let Some(b'e' | b'E') = self.input.get(self.at) {
            has_exponent = true;
            self.at += 1;
            if let Some(b'+' | b'-') = self.input.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        let number = &self.input[start..self.at];
        // Fewer than 300 digits without an exponent cannot leave a double's range.
        if has_exponent || number.len() >= 300 {
            let value: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
            if !value.is_finite() {
                return None;
            }
        }
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let rest = self.input.get(self.at..)?;
            self.at += plain_prefix(rest);
            match *self.input.get(self.at)? {
                b'"' => break,
                b'\\' => self.escape()?,
                0x7f => self.at += 1,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        match *self.input.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 2;
                Some(())
            }
            b'u' => {
                let unit = self.unit(self.at)?;
                self.at += 6;
                match unit {
                    0xd800..=0xdbff => {
                        let low = self.unit(self.at)?;
                        self.at += 6;
                        (0xdc00..=0xdfff).contains(&low).then_some(())
                    }
                    0xdc00..=0xdfff => None,
                    _ => Some(()),
                }
            }
            _ => None,
        }
    }

    /// The UTF-16 unit of the `\uXXXX` at `at`.
    fn unit(&self, at: usize) -> Option<u16> {
        let escape = self.input.get(at..at + 6)?;
        let hex = escape.strip_prefix(b"\\u")?;
        hex.iter().try_fold(0, |unit: u16, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some(unit << 4 | u16::try_from(digit).ok()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn copied(text: &str) -> Option<String> {
        let mut out = b"before".to_vec();
        let is_json = copy_json(text, &mut out);
        let rest = String::from_utf8(out.split_off(6)).unwrap();
        assert!(is_json || rest.is_empty());
        is_json.then_some(rest)
    }

    #[test]
    fn json_is_put_on_one_line_and_kept_otherwise() {
        assert_eq!(
            copied("\r\n{ \"t\" : 1.50,\n \"n\": 12345678901234567890123, \"s\": \"a b\\n\" }\n"),
            Some(r#"{"t":1.50,"n":12345678901234567890123,"s":"a b\n"}"#.to_owned())
        );
        assert_eq!(copied("[ ]"), Some("[]".to_owned()));
        assert_eq!(copied(" 1e2 "), Some("1e2".to_owned()));
        assert_eq!(
            copied(r#""\ud83d\ude00""#),
            Some(r#""\ud83d\ude00""#.to_owned())
        );
    }

    #[test]
    fn what_not_every_parser_takes_is_no_json() {
        for text in [
            "",
            " ",
            "{",
            "]",
            "{]",
            "[}",
            "[1,]",
            "{\"a\":1,}",
            "{,}",
            "[,1]",
            "{\"a\"}",
            "{1:2}",
            "01",
            "+1",
            "1.",
            ".5",
            "-",
            "1e",
            "NaN",
            "nul",
            "'a'",
            "\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\u{1}\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "1e999",
            "1 2",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "\u{feff}1",
            "tru",
            "[1}",
        ] {
            assert_eq!(copied(text), None, "{text}");
        }
        assert_eq!(copied(&"9".repeat(1_000_000)), None);
        let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(copied(&deep(MAX_DEPTH)).is_some());
        assert_eq!(copied(&deep(MAX_DEPTH + 1)), None);
        assert_eq!(copied(&deep(1_000_000)), None);
    }

    fn noise() -> impl Strategy<Value = String> {
        let token = prop_oneof![
            prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "d8", "00", "0", "-", ".", "e",
                "true", "null", " ", "\n", "\"a\"", "1", "\"\\n\"", "é",
            ])
            .prop_map(str::to_owned),
            ".",
        ];
        prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".*".prop_map(Into::into),
        ];
        leaf.prop_recursive(6, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::vec((".{0,5}", inner), 0..6)
                    .prop_map(|pairs| { serde_json::Value::Object(pairs.into_iter().collect()) }),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_serde_json(text in noise()) {
            let parsed = serde_json::from_str::<serde_json::Value>(&text).ok();
            let copied = copied(&text);
            prop_assert_eq!(copied.is_some(), parsed.is_some(), "{}", text);
            if let Some(copied) = copied {
                prop_assert_eq!(serde_json::from_str(&copied).ok(), parsed);
            }
        }

        #[test]
        fn all_json_is_taken(value in json()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let compact = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(copied(&pretty), Some(compact));
        }
    }
}
