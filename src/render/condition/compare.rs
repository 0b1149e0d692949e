//! A value of an event held against one of a condition.

use std::cmp::Ordering;

use super::{
    Asked, DateTime, Kind, Literal, MessageSource, Operator, Value, characters, inside_quotes,
};

/// A number: exact where it is whole.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    /// Reads a number as JSON writes it, a plus sign or not. Neither words nor infinities.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_number = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        if !text.bytes().all(is_number) {
            return None;
        }
        if let Ok(number) = text.parse() {
            return Some(Self::Whole(number));
        }
        text.parse().ok().map(Self::Real)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the other side is a double as well"
    )]
    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (Self::Whole(a), Self::Real(b)) => (a as f64).partial_cmp(&b),
            (Self::Real(a), Self::Whole(b)) => a.partial_cmp(&(b as f64)),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(&b),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other) == Some(Ordering::Equal)
    }
}

impl Literal {
    pub(super) fn new(kind: Kind, text: String) -> Self {
        Self {
            kind,
            number: Number::parse(&text),
            time: time(&text),
            text,
        }
    }
}

/// RFC 3339, as microseconds since the Unix epoch.
fn time(text: &str) -> Option<i64> {
    // All times have a colon, and most texts have none.
    if !text.contains(':') || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp_micros())
}

/// Whether the comparison holds.
pub(super) fn holds(asked: Option<Asked<'_>>, operator: Operator, literal: &Literal) -> bool {
    match operator {
        Operator::Equal => is_equal(asked, literal),
        Operator::NotEqual => !is_equal(asked, literal),
        Operator::Contains => asked.is_some_and(|asked| contains(asked, &literal.text)),
        Operator::Less => order(asked, literal).is_some_and(Ordering::is_lt),
        Operator::LessOrEqual => order(asked, literal).is_some_and(Ordering::is_le),
        Operator::Greater => order(asked, literal).is_some_and(Ordering::is_gt),
        Operator::GreaterOrEqual => order(asked, literal).is_some_and(Ordering::is_ge),
    }
}

/// The same for the source of a message, by `annotation`.
pub(super) fn source_holds(
    annotation: Option<&str>,
    operator: Operator,
    literal: &Literal,
) -> bool {
    match operator {
        Operator::Equal => is_source(annotation, literal),
        Operator::NotEqual => !is_source(annotation, literal),
        Operator::Contains => annotation.is_some_and(|annotation| {
            let (part, whole) = (literal.text.as_bytes(), annotation.as_bytes());
            let mut windows = whole.windows(part.len().max(1));
            part.is_empty() || windows.any(|window| window.eq_ignore_ascii_case(part))
        }),
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
            holds(annotation.map(Asked::Id), operator, literal)
        }
    }
}

fn is_source(annotation: Option<&str>, literal: &Literal) -> bool {
    if literal.kind == Kind::Null {
        return annotation.is_none();
    }
    annotation.is_some_and(|annotation| annotation.eq_ignore_ascii_case(&literal.text))
        || MessageSource::named(&literal.text)
            .is_some_and(|wanted| MessageSource::of(annotation) == Some(wanted))
}

fn is_equal(asked: Option<Asked<'_>>, literal: &Literal) -> bool {
    let asked = match asked {
        None | Some(Asked::Json("null") | Asked::Value(Value::Null)) => {
            return literal.kind == Kind::Null;
        }
        Some(asked) => asked,
    };
    match (literal.kind, asked) {
        (Kind::Null, _) => false,
        (Kind::Bool(wanted), Asked::Value(Value::Bool(is))) => wanted == is,
        (Kind::Bool(_), _) => match text_of(asked) {
            Some(text) => text.is(&literal.text, true),
            None => false,
        },
        (Kind::Text, Asked::Id(id)) => id == literal.text,
        (Kind::Text, Asked::Value(Value::Bool(is))) => {
            literal.text == if is { "true" } else { "false" }
        }
        (Kind::Text, _) => order(Some(asked), literal) == Some(Ordering::Equal),
    }
}

/// As numbers, as times, or letter by letter, whichever both sides can be first.
fn order(asked: Option<Asked<'_>>, literal: &Literal) -> Option<Ordering> {
    let asked = asked?;
    if literal.kind != Kind::Text {
        return None;
    }
    if let Some(wanted) = literal.number {
        return number_of(asked)?.compare(wanted);
    }
    if let (Some(time), Some(wanted)) = (time_of(asked), literal.time) {
        return Some(time.cmp(&wanted));
    }
    Some(text_of(asked)?.order(&literal.text))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all others are numbers only as text"
)]
fn number_of(asked: Asked<'_>) -> Option<Number> {
    match asked {
        Asked::Integer(number) => Some(Number::Whole(number.into())),
        // A number is a time in milliseconds.
        Asked::Time(milliseconds) => Some(Number::Whole(milliseconds.into())),
        Asked::Value(Value::Double(number)) => Some(Number::Real(number)),
        Asked::Value(Value::Float(number)) => Some(Number::Real(number.into())),
        Asked::Value(Value::Ulong(number)) => Some(Number::Whole(number.into())),
        asked => Number::parse(text_of(asked)?.plain()?),
    }
}

/// Microseconds since the Unix epoch.
fn time_of(asked: Asked<'_>) -> Option<i64> {
    if let Asked::Time(milliseconds) = asked {
        return milliseconds.checked_mul(1000);
    }
    time(text_of(asked)?.plain()?)
}

fn contains(asked: Asked<'_>, part: &str) -> bool {
    if let Asked::Json(json) = asked
        && inside_quotes(json).is_none()
    {
        // The whole of an object or a list is searched as it stands.
        return json.contains(part);
    }
    text_of(asked).is_some_and(|text| text.contains(part))
}

/// A text, whose characters may stand there escaped.
#[derive(Clone, Copy)]
enum Text<'a> {
    Plain(&'a str),
    Escaped(&'a str),
}

/// The text of what is one, and of a word or a number of JSON.
fn text_of(asked: Asked<'_>) -> Option<Text<'_>> {
    match asked {
        Asked::Id(text) | Asked::Text(text) => Some(Text::Plain(text)),
        Asked::Json(json) => match inside_quotes(json) {
            Some(inside) if inside.contains('\\') => Some(Text::Escaped(inside)),
            Some(inside) => Some(Text::Plain(inside)),
            None if json.starts_with(['{', '[']) => None,
            None => Some(Text::Plain(json)),
        },
        Asked::Integer(_)
        | Asked::Time(_)
        | Asked::Value(_)
        | Asked::Properties(_)
        | Asked::SystemProperties(_)
        | Asked::Body(_) => None,
    }
}

impl<'a> Text<'a> {
    fn plain(self) -> Option<&'a str> {
        match self {
            Self::Plain(text) => Some(text),
            // Neither numbers nor times are written with escapes.
            Self::Escaped(_) => None,
        }
    }

    fn is(self, other: &str, ignores_case: bool) -> bool {
        match self {
            Self::Plain(text) if ignores_case => text.eq_ignore_ascii_case(other),
            Self::Plain(_) | Self::Escaped(_) => self.order(other) == Ordering::Equal,
        }
    }

    fn order(self, other: &str) -> Ordering {
        match self {
            Self::Plain(text) => text.cmp(other),
            Self::Escaped(text) => characters(text).cmp(other.chars()),
        }
    }

    fn contains(self, part: &str) -> bool {
        let escaped = match self {
            Self::Plain(text) => return text.contains(part),
            Self::Escaped(escaped) => escaped,
        };
        // Each start is tried anew: texts with escapes are few, and short.
        (0..=characters(escaped).count()).any(|skipped| {
            let mut from = characters(escaped).skip(skipped);
            part.chars().all(|wanted| from.next() == Some(wanted))
        })
    }
}
