//! Events by a pattern of the user's own: `{enqueuedTime} {deviceId} {body.temperature}\n`.
//!
//! Names are those of [`super::field`]. What an event does not have is left empty, or is what stands behind a bar:
//! `{body.temperature|-}`. `\n`, `\t`, `\r` and `\\` are as in C, `{{` and `}}` are braces. As with `kcat -f`, no line feed
//! is added, and text stands as it came.

use thiserror::Error;

use super::body::Content;
use super::decode::Shown;
use super::field::{Field, View};
use super::path::Path;

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at column {column}: {expected}")]
pub struct TemplateError {
    /// Where it goes wrong: a place among the text's characters, counted from 1.
    pub column: usize,
    /// What should stand there.
    pub expected: String,
}

/// A pattern that is filled in for each event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field { field: Field, default: String },
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] says where and what is expected.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let wrong = |rest: &str, expected: &str| TemplateError {
            column: text.chars().count() - rest.chars().count() + 1,
            expected: expected.to_owned(),
        };
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let after = &rest[character.len_utf8()..];
            let (taken, left) = match (character, after.chars().next()) {
                ('\\', next) => {
                    let escape = match next {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some('r') => '\r',
                        Some('\\') => '\\',
                        _ => return Err(wrong(rest, "\\n, \\t, \\r or \\\\ is expected")),
                    };
                    (escape, &after[1..])
                }
                ('{', Some('{')) | ('}', Some('}')) => (character, &after[1..]),
                ('}', _) => return Err(wrong(rest, "}} is a brace, and there is none to close")),
                ('{', _) => {
                    let Some(end) = closing(after) else {
                        return Err(wrong("", "} is expected"));
                    };
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    let part = placeholder(&after[..end])
                        .map_err(|(at, expected)| wrong(&after[at..], &expected))?;
                    parts.push(part);
                    rest = &after[end + 1..];
                    continue;
                }
                (character, _) => (character, after),
            };
            plain.push(taken);
            rest = left;
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// Appends an event.
    pub fn write(&self, view: &View<'_>, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Field { field, default } => write_field(field, default, view, out),
            }
        }
    }
}

fn write_field(field: &Field, default: &str, view: &View<'_>, out: &mut Vec<u8>) {
    // The whole body is shown as it came, not as the value that it is.
    let is_empty = matches!(view.body.shown, Shown::Plain(Content::Empty));
    if *field == Field::Body(Path::default()) && !is_empty {
        return view.body.shown.write_plain(out);
    }
    match field.of(view).filter(|asked| !asked.is_null()) {
        Some(asked) => asked.write_plain(out),
        None => out.extend_from_slice(default.as_bytes()),
    }
}

/// Where the brace that closes stands: not one in quotes, where a key may hold it.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '}') => return Some(at),
            // What stands behind the bar is any text.
            (None, '|') => return text[at..].find('}').map(|length| at + length),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), character) if open == character => quote = None,
            _ => {}
        }
    }
    None
}

/// What stands between braces. On the outside: where it goes wrong, in bytes, and what is expected.
fn placeholder(text: &str) -> Result<Part, (usize, String)> {
    let at = |character: usize| text.chars().take(character).map(char::len_utf8).sum();
    let (field, rest) = Field::parse_front(text)
        .map_err(|error| (at(error.at), format!("{} is expected", error.expected)))?;
    let default = match rest.strip_prefix('|') {
        Some(default) => default,
        None if rest.is_empty() => "",
        None => {
            return Err((
                text.len() - rest.len(),
                "}, | or a dot is expected".to_owned(),
            ));
        }
    };
    Ok(Part::Field {
        field,
        default: default.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::event::Event;
    use crate::protocol::amqp::reference;
    use crate::render::BodyFormat;
    use crate::render::decode::BodyReader;
    use proptest::prelude::*;

    fn filled(template: &str, format: BodyFormat) -> String {
        let template = Template::parse(template).unwrap();
        let payload = reference::bytes(reference::MESSAGE_D2C_RHEA);
        let event = Event::parse(&payload).unwrap();
        let mut bodies = BodyReader::new(format);
        let body = bodies.read(&event.message.body);
        let view = View {
            partition: "3",
            event: &event,
            body,
        };
        let mut out = Vec::new();
        template.write(&view, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_filled_in() {
        for (template, expected) in [
            (
                r"{enqueuedTime} {deviceId} {body.t}\n",
                "2024-05-01T07:14:37.956Z sim000001 21.5\n",
            ),
            (r"{{{partition}}}\t\\", "{3}\t\\"),
            ("[{moduleId}{body.x}]", "[]"),
            ("[{moduleId|none}{body.x|}{body.t|-}]", "[none21.5]"),
            ("{body}", "{\"t\":21.5}"),
            ("{properties.level}", "high"),
            ("{properties}", "{\"level\":\"high\"}"),
            ("{systemProperties.content-encoding}", "utf-8"),
            ("{$connectionDeviceId}", "sim000001"),
            ("é{sequenceNumber}é", "é16é"),
            ("{body['}']|?}", "?"),
        ] {
            assert_eq!(filled(template, BodyFormat::Auto), expected, "{template}");
        }
        assert_eq!(filled("{body}", BodyFormat::Hex), "7b2274223a32312e357d");
        assert_eq!(filled("{body.t}", BodyFormat::Hex), "21.5");
        assert_eq!(filled("{body.t|-}", BodyFormat::Cbor), "-");
        assert_eq!(filled("{body}", BodyFormat::Cbor), "eyJ0IjoyMS41fQ==");
    }

    #[test]
    fn mistakes_are_told_with_their_column() {
        for (template, column, part) in [
            ("a {temperature}", 4, "deviceId"),
            ("{body", 6, "} is expected"),
            ("{}", 2, "deviceId"),
            ("a } {body}", 3, "}} is a brace"),
            (r"{body}\x", 7, "\\n"),
            (r"{body}\", 7, "\\n"),
            ("{body.}", 7, "a key"),
            ("{deviceId.x}", 10, "|"),
        ] {
            let error = Template::parse(template).unwrap_err();
            assert_eq!(error.column, column, "{template}: {error}");
            assert!(error.to_string().contains(part), "{template}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_tried(text in "[{}|\\\\nabodyé.\\['\"]{0,16}") {
            if let Err(error) = Template::parse(&text) {
                prop_assert!(error.column <= text.chars().count() + 1);
            }
        }
    }
}
