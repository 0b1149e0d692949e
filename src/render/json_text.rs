//! JSON that came from elsewhere: checked and copied in one pass, on one line, its numbers and strings as they came.
//!
//! What [`super::json_scan`] does not take is shown as text instead.

use std::ops::Range;

use super::json_scan::{Blanks, Scanner};

/// Appends `text` to `out` without the whitespace between its tokens, if it is JSON. Otherwise false, and nothing
/// appended.
pub fn copy_json(text: &str, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let copier = Copier {
        input: text.as_bytes(),
        copied: 0,
        out,
    };
    if copy(text, copier).is_some() {
        return true;
    }
    out.truncate(start);
    false
}

fn copy(text: &str, copier: Copier<'_>) -> Option<()> {
    let mut scanner = Scanner::new(text, copier);
    scanner.value(0)?;
    scanner.end()?.hear(text.len()..text.len());
    Some(())
}

struct Copier<'a> {
    input: &'a [u8],
    /// How much of the input is in the output already, or is whitespace between tokens.
    copied: usize,
    out: &'a mut Vec<u8>,
}

impl Blanks for Copier<'_> {
    /// Copies the tokens in front of the whitespace, which were checked.
    fn hear(&mut self, place: Range<usize>) {
        self.out
            .extend_from_slice(&self.input[self.copied..place.start]);
        self.copied = place.end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json_scan::MAX_DEPTH;
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
