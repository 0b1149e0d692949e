//! JSON as the service's own parser takes it in batches, Json.NET, made into JSON that is one.
//!
//! Source: azure-iot-device-http 1.14.4 `http.js:228-250`, which puts batches together without escaping anything; Json.NET's
//! `JsonTextReader`: control characters stand in strings as they are, and a comma may stand behind the last value.

use std::borrow::Cow;

/// The same text with raw control characters in strings escaped, and without commas behind last values. All else, mistakes
/// included, stays as it is.
pub(super) fn mend(text: &[u8]) -> Cow<'_, [u8]> {
    let mut mended: Option<Vec<u8>> = None;
    let mut walk = Walk::default();
    for (index, &byte) in text.iter().enumerate() {
        let slip = walk.step(byte, &text[index + 1..]);
        if slip.is_some() && mended.is_none() {
            mended = Some(text[..index].to_vec());
        }
        if let Some(out) = &mut mended {
            match slip {
                None => out.push(byte),
                Some(Slip::Comma) => out.push(b' '),
                Some(Slip::Control) => {
                    out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                }
            }
        }
    }
    mended.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The line and column in `text` of what stands in this line and column of the mended text, both counted as `serde_json` does:
/// lines from 1, columns in bytes up to and with the one that is meant.
pub(super) fn place(text: &[u8], (line, column): (usize, usize)) -> (usize, usize) {
    let mut walk = Walk::default();
    let (mut here, mut there) = ((1, 0), (1, 0));
    for (index, &byte) in text.iter().enumerate() {
        if there >= (line, column) {
            break;
        }
        let slip = walk.step(byte, &text[index + 1..]);
        here = past(here, byte);
        there = match slip {
            // The escape has six characters and no end of a line.
            Some(Slip::Control) => (there.0, there.1 + 6),
            Some(Slip::Comma) => past(there, b' '),
            None => past(there, byte),
        };
    }
    here
}

fn past((line, column): (usize, usize), byte: u8) -> (usize, usize) {
    if byte == b'\n' {
        (line + 1, 0)
    } else {
        (line, column + 1)
    }
}

/// What Json.NET lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slip {
    /// A raw control character in a string.
    Control,
    /// A comma behind the last value.
    Comma,
}

/// How far a text has been read.
#[derive(Debug, Default)]
struct Walk {
    is_in_string: bool,
    is_escaped: bool,
    /// Whether a value, or what looks like the end of one, stands before.
    is_behind_value: bool,
}

impl Walk {
    /// Takes one byte, before which all others were taken; `rest` stands behind it.
    fn step(&mut self, byte: u8, rest: &[u8]) -> Option<Slip> {
        if self.is_in_string {
            let is_raw = byte < b' ' && !self.is_escaped;
            self.is_in_string = self.is_escaped || byte != b'"';
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            return is_raw.then_some(Slip::Control);
        }
        if byte.is_ascii_whitespace() {
            return None;
        }
        let is_last = byte == b',' && self.is_behind_value && is_end(rest);
        self.is_in_string = byte == b'"';
        self.is_behind_value = !matches!(byte, b',' | b':' | b'[' | b'{');
        is_last.then_some(Slip::Comma)
    }
}

fn is_end(rest: &[u8]) -> bool {
    let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(next, Some(b']' | b'}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn mended(text: &str) -> String {
        String::from_utf8(mend(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn what_is_let_through_is_mended_and_nothing_else() {
        for (text, expected) in [
            ("[\"a\nb\t\0\"]", r#"["a\u000ab\u0009\u0000"]"#),
            ("[1,]", "[1 ]"),
            ("[{\"a\":\"b\" , } ,\n]", "[{\"a\":\"b\"   }  \n]"),
            (r#"["\\",]"#, r#"["\\" ]"#),
        ] {
            assert_eq!(mended(text), expected);
        }
        for text in [
            "[,]",
            "[1,,]",
            "{\"a\":,}",
            "[1],",
            r#"[",]"]"#,
            r#"["\",]"]"#,
            r#"["\d"]"#,
            "[\"\\\n\"]",
            "[\n\t1]",
            "[\0]",
        ] {
            assert_eq!(mended(text), text);
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            "[\\PC\\x00-\\x1f\"\\\\]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[a,\\]}\n\"]{0,3}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    /// As somebody writes it who escapes nothing but what must be, and ends every list with a comma.
    fn careless(value: &Value, out: &mut String) {
        match value {
            Value::Array(items) => {
                out.push('[');
                for item in items {
                    careless(item, out);
                    out.push_str(" ,\n");
                }
                out.push(']');
            }
            Value::Object(pairs) => {
                out.push('{');
                for (name, item) in pairs {
                    careless(&Value::from(name.as_str()), out);
                    out.push(':');
                    careless(item, out);
                    out.push(',');
                }
                out.push('}');
            }
            Value::String(text) => {
                let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
                out.push('"');
                out.push_str(&escaped);
                out.push('"');
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        }
    }

    proptest! {
        #[test]
        fn what_was_right_is_not_touched(value in json()) {
            for text in [value.to_string(), format!("{value:#}")] {
                prop_assert!(matches!(mend(text.as_bytes()), Cow::Borrowed(_)));
            }
        }

        #[test]
        fn what_was_written_carelessly_is_read(value in json()) {
            let mut text = String::new();
            careless(&value, &mut text);
            let read: Value = serde_json::from_slice(&mend(text.as_bytes())).unwrap();
            prop_assert_eq!(read, value);
        }

        #[test]
        fn mending_once_is_enough_and_places_are_places(text in "[\\[\\]{},:\"\\\\\n\t a1]{0,24}") {
            let once = mend(text.as_bytes());
            prop_assert_eq!(mend(&once), once.clone());
            if let Err(error) = serde_json::from_slice::<Value>(&once) {
                let (line, column) = place(text.as_bytes(), (error.line(), error.column()));
                let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
                prop_assert!(before + column <= text.len());
                if once == text.as_bytes() {
                    prop_assert_eq!((line, column), (error.line(), error.column()));
                }
            }
        }
    }
}
