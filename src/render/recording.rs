//! Bodies as a recording has them, there and back: written so that they can be posted again as they were.
//!
//! The key is that of any event's JSON (see [`super::event`]), and where that would leave open what the body was, it is
//! `bodyBase64`:
//!
//! | body | as |
//! |---|---|
//! | JSON | `body`, byte for byte; over several lines, or with blanks around it, without the whitespace between its tokens |
//! | JSON that is a string or null | the same where the content type is JSON's, else `bodyBase64` |
//! | other text, and none | `body`, a string; `bodyBase64` where the content type is JSON's |
//! | other bytes | `bodyBase64` |

use super::body::Content;
use super::json::Json;
use super::json_text::copy_json;
use super::value::{write_lists, write_value};

/// Whether a content type says that the body is JSON.
#[must_use]
pub fn declares_json(content_type: Option<&str>) -> bool {
    let essence = content_type.map(|full| full.split(';').next().unwrap_or(full).trim());
    essence.is_some_and(|essence| {
        let essence = essence.to_ascii_lowercase();
        essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
    })
}

/// Writes the key and the value of a body; `is_json` says what its content type is.
pub fn write_body(content: Content<'_>, is_json: bool, json: &mut Json<'_>) {
    match content {
        Content::Bytes(bytes) => write_bytes(bytes, is_json, json),
        Content::Empty => write_bytes(b"", is_json, json),
        Content::Value(value) => {
            if let Some(text) = value.as_str() {
                return write_bytes(text.as_bytes(), is_json, json);
            }
            json.key("body");
            write_value(&value, json);
        }
        Content::Lists(lists) => {
            json.key("body");
            write_lists(lists.iter(), json);
        }
    }
}

fn write_bytes(bytes: &[u8], is_json: bool, json: &mut Json<'_>) {
    let text = std::str::from_utf8(bytes).ok();
    let key_and_text = text.filter(|text| {
        // As a value the one reads like text, the other like nothing.
        let trimmed = text.trim_start_matches(is_json_blank);
        let is_ambiguous =
            trimmed.starts_with('"') || trimmed.trim_end_matches(is_json_blank) == "null";
        if is_json {
            is_copied(text, json)
        } else {
            !is_ambiguous
        }
    });
    let Some(text) = key_and_text else {
        json.key("bodyBase64");
        return json.base64(bytes);
    };
    json.key("body");
    if text.contains(['\n', '\r']) {
        if !copy_json(text, json.raw()) {
            json.string(text);
        }
    } else if is_copied(text, json) {
        let value = text.trim_matches(is_json_blank);
        json.raw().extend_from_slice(value.as_bytes());
    } else {
        json.string(text);
    }
}

/// Whether it is JSON.
fn is_copied(text: &str, json: &mut Json<'_>) -> bool {
    let out = json.raw();
    let start = out.len();
    let is_json = copy_json(text, out);
    out.truncate(start);
    is_json
}

fn is_json_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The bytes of a body that stands as the JSON text `value` under the key `body`. `None` for what is no JSON.
#[must_use]
pub fn read_body(value: &str, is_json: bool) -> Option<Vec<u8>> {
    if !is_json && value.starts_with('"') {
        return serde_json::from_str::<String>(value)
            .ok()
            .map(String::into_bytes);
    }
    if !is_json && value == "null" {
        return Some(Vec::new());
    }
    Some(value.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    #[derive(serde::Deserialize)]
    struct Read<'a> {
        #[serde(borrow)]
        body: Option<&'a RawValue>,
        #[serde(rename = "bodyBase64")]
        base64: Option<String>,
    }

    fn written(bytes: &[u8], is_json: bool) -> String {
        let mut out = Vec::new();
        Json::compact(&mut out).object(|json| {
            json.key("before");
            json.integer(1);
            write_body(Content::Bytes(bytes), is_json, json);
        });
        String::from_utf8(out).unwrap()
    }

    fn read(line: &str, is_json: bool) -> Vec<u8> {
        let read: Read<'_> = serde_json::from_str(line).unwrap();
        match (read.body, read.base64) {
            (Some(raw), None) => read_body(raw.get(), is_json).unwrap(),
            // serde takes a null for nothing.
            (None, None) => read_body("null", is_json).unwrap(),
            (None, Some(text)) => STANDARD.decode(text).unwrap(),
            (Some(_), Some(_)) => panic!("{line}"),
        }
    }

    #[test]
    fn what_can_be_read_is_shown_as_it_is() {
        let body = |text: &str, is_json| {
            let line = written(text.as_bytes(), is_json);
            line.strip_prefix("{\"before\":1,")
                .unwrap()
                .strip_suffix('}')
                .unwrap()
                .to_owned()
        };
        assert_eq!(body("{\"t\": 24.50}", false), "\"body\":{\"t\": 24.50}");
        assert_eq!(body("{\n \"t\": 1\n}", true), "\"body\":{\"t\":1}");
        assert_eq!(body("hello", false), "\"body\":\"hello\"");
        assert_eq!(body("hello", true), "\"bodyBase64\":\"aGVsbG8=\"");
        assert_eq!(body("\"hello\"", true), "\"body\":\"hello\"");
        assert_eq!(body("\"hello\"", false), "\"bodyBase64\":\"ImhlbGxvIg==\"");
        assert_eq!(body("null", true), "\"body\":null");
        assert_eq!(body("", false), "\"body\":\"\"");
        assert_eq!(body("", true), "\"bodyBase64\":\"\"");
        assert!(declares_json(Some("application/JSON; charset=utf-8")));
        assert!(declares_json(Some("application/senml+json")));
        assert!(!declares_json(Some("text/plain")) && !declares_json(None));
    }

    proptest! {
        #[test]
        fn bodies_go_there_and_back(
            body in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                "[ \t]?[\\[\\]{}\",:a-c0-9. \u{0}\u{7f}é\\\\-]{0,20}".prop_map(String::into_bytes),
                prop::sample::select(vec!["null", " null", "\"x\"", "\"", "1e999", "1 ", "{\"a\": [1, 2]}", "nul"])
                    .prop_map(|text| text.as_bytes().to_vec()),
            ],
            is_json: bool,
        ) {
            let line = written(&body, is_json);
            prop_assert!(!line.contains('\n'));
            let back = read(&line, is_json);
            let is_text = std::str::from_utf8(&body).is_ok_and(|text| {
                serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
            });
            if is_text {
                let (text, back) = (String::from_utf8(body).unwrap(), String::from_utf8(back).unwrap());
                if text.contains(['\n', '\r']) {
                    prop_assert_eq!(
                        serde_json::from_str::<serde_json::Value>(&text).unwrap(),
                        serde_json::from_str::<serde_json::Value>(&back).unwrap()
                    );
                } else {
                    prop_assert_eq!(text.trim_matches(is_json_blank), back.trim_matches(is_json_blank));
                }
            } else {
                prop_assert_eq!(back, body);
            }
        }
    }
}
