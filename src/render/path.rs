//! Paths into what an event carries: `a.b[0]`, with keys of any kind in brackets, `a["b.c"]`.

use std::fmt;

use thiserror::Error;

use super::body::Content;
pub use super::json_walk::Step;
use super::json_walk::find;
use crate::protocol::amqp::value::Value;

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{expected} is expected at column {}", at + 1)]
pub struct PathError {
    /// Where it goes wrong: a place among the text's characters, counted from 0.
    pub at: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// Steps from a value to one inside it; none for the value itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path {
    steps: Vec<Step>,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found<'a> {
    /// A value of a JSON body, as it stands there.
    Json(&'a str),
    /// A value of a body that is one of AMQP's.
    Value(Value<'a>),
}

impl Path {
    /// Reads a path: `a.b[0]`.
    ///
    /// # Errors
    /// [`PathError`] says where and what is expected.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut reader = Reader { text, at: 0 };
        let mut path = Self::default();
        if !text.starts_with('[') {
            path.steps.push(reader.key()?);
        }
        path.steps.extend(reader.steps()?);
        if reader.at < text.len() {
            return Err(reader.expected("a dot or ["));
        }
        Ok(path)
    }

    /// Reads the steps at the front of `text`, each with its dot or brackets, and gives what follows them as well.
    ///
    /// # Errors
    /// [`PathError`] says where and what is expected.
    pub fn parse_front(text: &str) -> Result<(Self, &str), PathError> {
        let mut reader = Reader { text, at: 0 };
        let steps = reader.steps()?;
        Ok((Self { steps }, &text[reader.at..]))
    }

    /// The path to one key.
    #[must_use]
    pub fn to_key(key: &str) -> Self {
        let steps = vec![Step::Key(key.to_owned())];
        Self { steps }
    }

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What stands there in what an event carries. None where it is not there, and in what is neither JSON nor a value.
    #[must_use]
    pub fn find<'a>(&self, content: Content<'a>) -> Option<Found<'a>> {
        let json = match content {
            Content::Bytes(bytes) => std::str::from_utf8(bytes).ok()?,
            Content::Value(value) => match value.as_str() {
                Some(text) => text,
                None => return find_value(value, &self.steps).map(Found::Value),
            },
            Content::Empty | Content::Lists(_) => return None,
        };
        find(json, &self.steps).map(Found::Json)
    }
}

/// As it is written behind a name: `.a.b[0]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match step {
                Step::Key(key) if !key.is_empty() && key.chars().all(is_bare) => {
                    write!(f, ".{key}")?;
                }
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Found<'_> {
    /// A number, as far as a double can hold it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a double is what is asked for")]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Json(json) => {
                let first = json.bytes().next()?;
                let is_number = first == b'-' || first.is_ascii_digit();
                is_number.then(|| json.parse().ok()).flatten()
            }
            Self::Value(Value::Double(number)) => Some(number),
            Self::Value(Value::Float(number)) => Some(number.into()),
            Self::Value(Value::Ulong(number)) => Some(number as f64),
            Self::Value(value) => value.as_i64().map(|number| number as f64),
        }
    }
}

/// The value inside an AMQP value.
#[must_use]
pub fn find_value<'a>(value: Value<'a>, steps: &[Step]) -> Option<Value<'a>> {
    steps
        .iter()
        .try_fold(value, |value, step| match (step, value) {
            (Step::Key(key), Value::Map(items)) => items.find(key),
            (Step::Index(index), Value::List(items)) => items.at(*index),
            (Step::Index(index), Value::Array(items)) => items.iter().nth(*index)?.ok(),
            _ => None,
        })
}

/// Whether a character can stand in a key without brackets and quotes.
#[must_use]
pub fn is_bare(character: char) -> bool {
    !character.is_whitespace()
        && !character.is_control()
        && !".[](){}=!<>~'\",|&".contains(character)
}

struct Reader<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn expected(&self, expected: &'static str) -> PathError {
        let at = self.text[..self.at].chars().count();
        PathError { at, expected }
    }

    fn steps(&mut self) -> Result<Vec<Step>, PathError> {
        let mut steps = Vec::new();
        loop {
            if self.rest().starts_with('.') {
                self.at += 1;
                steps.push(self.key()?);
            } else if self.rest().starts_with('[') {
                self.at += 1;
                steps.push(self.brackets()?);
            } else {
                return Ok(steps);
            }
        }
    }

    fn key(&mut self) -> Result<Step, PathError> {
        let rest = self.rest();
        let length = rest.find(|c| !is_bare(c)).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.expected("a key"));
        }
        let key = rest[..length].to_owned();
        self.at += length;
        Ok(Step::Key(key))
    }

    /// What stands between brackets, up to and with the closing one.
    fn brackets(&mut self) -> Result<Step, PathError> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (step, length) = if let Some(quote) = quote {
            let Some(length) = rest[1..].find(quote) else {
                self.at = self.text.len();
                return Err(self.expected("the closing quote"));
            };
            (Step::Key(rest[1..=length].to_owned()), length + 2)
        } else {
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            let Ok(index) = rest[..length].parse() else {
                return Err(self.expected("an index or a key in quotes"));
            };
            (Step::Index(index), length)
        };
        self.at += length;
        if !self.rest().starts_with(']') {
            return Err(self.expected("]"));
        }
        self.at += 1;
        Ok(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::value::decode;
    use crate::protocol::amqp::writer::encode;
    use proptest::prelude::*;

    #[test]
    fn paths_are_read() {
        let key = |key: &str| Step::Key(key.to_owned());
        let steps = |text: &str| Path::parse(text).map(|path| path.steps().to_vec());
        assert_eq!(
            steps("a.b[0]"),
            Ok(vec![key("a"), key("b"), Step::Index(0)])
        );
        assert_eq!(
            steps("a[\"b.c\"].d-e"),
            Ok(vec![key("a"), key("b.c"), key("d-e")])
        );
        assert_eq!(steps("[1]['x']"), Ok(vec![Step::Index(1), key("x")]));
        for (text, at, expected) in [
            ("", 0, "a key"),
            ("é.", 2, "a key"),
            ("a[", 2, "an index or a key in quotes"),
            ("a[-1]", 2, "an index or a key in quotes"),
            ("a['x", 4, "the closing quote"),
            ("a['x'", 5, "]"),
            ("a b", 1, "a dot or ["),
        ] {
            assert_eq!(steps(text), Err(PathError { at, expected }), "{text}");
        }
        assert_eq!(
            Path::parse("a[").unwrap_err().to_string(),
            "an index or a key in quotes is expected at column 3"
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in [".a.b[0]", "[\"b.c\"].d-e", "[1][\"x y\"]", ""] {
            let (path, rest) = Path::parse_front(text).unwrap();
            assert_eq!((path.to_string().as_str(), rest), (text, ""));
        }
    }

    #[test]
    fn numbers_are_found_in_bodies_of_every_kind() {
        let path = Path::parse("a[1]").unwrap();
        let number = |content| path.find(content).and_then(|found| found.as_f64());
        assert_eq!(number(Content::Bytes(b"{\"a\":[0,-2.5]}")), Some(-2.5));
        assert_eq!(number(Content::Bytes(b"{\"a\":[0,\"2\"]}")), None);
        assert_eq!(number(Content::Bytes(b"\xff")), None);
        assert_eq!(number(Content::Empty), None);
        let bytes = encode(|w| {
            w.map(|w| {
                w.string("a");
                w.list(|w| {
                    w.int(0);
                    w.double(7.5);
                });
            });
        });
        let (value, _) = decode(&bytes).unwrap();
        assert_eq!(number(Content::Value(value)), Some(7.5));
    }

    proptest! {
        #[test]
        fn any_text_can_be_tried(text in "[a.\\[\\]'\"0-9é ]{0,12}") {
            match Path::parse(&text) {
                Ok(path) => prop_assert!(!path.steps().is_empty()),
                Err(error) => prop_assert!(error.at <= text.chars().count()),
            }
            let _ = Path::parse_front(&text);
        }
    }
}
