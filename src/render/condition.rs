//! Conditions on an event: `body.temperature > 30 and properties.alert = true`.
//!
//! | to write | what it is |
//! |---|---|
//! | `NAME OP VALUE` | a comparison; `OP` is `=`, `==`, `!=`, `<>`, `<`, `<=`, `>`, `>=`, or `~` for "contains" |
//! | `NAME`, `NAME exists` | it is there, and neither null nor false; it is there |
//! | `a and b`, `a or b`, `not a`, `(a)` | in any case of letters; `and` binds closer than `or` |
//!
//! Names are those of [`super::field`], values are numbers, words, text in quotes of either kind, `true`, `false`, `null`.
//! Types are not told apart, for properties are strings on the wire: what reads as a number on both sides is compared as
//! one, what reads as a time on both sides as that, everything else letter by letter. Ids are never numbers where equality
//! is asked for. What is not there equals null and nothing else, and is neither less nor greater than anything.
//!
//! A source is compared in any case of letters, and by its short name as well: `source = telemetry` is what the annotation
//! calls `Telemetry` or does not speak of, `source = lifecycle` is `deviceLifecycleEvents` and `moduleLifecycleEvents`.
//!
//! Holding an event against a condition allocates nothing.

use chrono::DateTime;

use super::field::{Asked, Field, Head, View, inside_quotes};
use super::json_walk::characters;
use crate::protocol::amqp::source::MessageSource;
use crate::protocol::amqp::value::Value;

mod compare;
mod parse;

pub use parse::ConditionError;

/// A condition on an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    expression: Expression,
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Or(Vec<Self>),
    And(Vec<Self>),
    Not(Box<Self>),
    /// It is there.
    Exists(Field),
    /// It is there, and neither null nor false.
    Holds(Field),
    Compare(Field, Operator, Literal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

/// A value of the condition, read in every way that it can be.
#[derive(Debug, Clone, PartialEq)]
struct Literal {
    kind: Kind,
    text: String,
    number: Option<compare::Number>,
    /// Microseconds since the Unix epoch.
    time: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Bool(bool),
    Text,
}

impl Condition {
    /// Whether an event is as the condition says.
    #[must_use]
    pub fn holds(&self, view: &View<'_>) -> bool {
        self.expression.holds(view)
    }

    /// What an event has to have for the comparisons with it to hold; those are left out that hold of what is not there.
    #[must_use]
    pub fn needed(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        self.expression.gather_needed(&mut fields);
        fields
    }

    /// What an event has to have for the condition to hold, whatever else it has.
    #[must_use]
    pub fn required(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        self.expression.gather_required(&mut fields);
        fields
    }

    /// Whether the body has to be read for it.
    #[must_use]
    pub fn asks_for_the_body(&self) -> bool {
        self.expression.asks_for_the_body()
    }
}

impl Expression {
    fn holds(&self, view: &View<'_>) -> bool {
        match self {
            Self::Or(parts) => parts.iter().any(|part| part.holds(view)),
            Self::And(parts) => parts.iter().all(|part| part.holds(view)),
            Self::Not(a) => !a.holds(view),
            Self::Exists(field) => field.of(view).is_some(),
            Self::Holds(field) => field.of(view).is_some_and(is_true),
            Self::Compare(Field::Head(Head::Source), operator, literal) => {
                compare::source_holds(view.event.source, *operator, literal)
            }
            Self::Compare(field, operator, literal) => {
                compare::holds(field.of(view), *operator, literal)
            }
        }
    }

    fn gather_needed<'a>(&'a self, fields: &mut Vec<&'a Field>) {
        match self {
            Self::Or(parts) | Self::And(parts) => {
                for part in parts {
                    part.gather_needed(fields);
                }
            }
            Self::Exists(field) | Self::Holds(field) => fields.push(field),
            Self::Compare(field, operator, literal)
                if *operator != Operator::NotEqual && literal.kind != Kind::Null =>
            {
                fields.push(field);
            }
            // These hold of what is not there.
            Self::Not(_) | Self::Compare(..) => {}
        }
    }

    fn gather_required<'a>(&'a self, fields: &mut Vec<&'a Field>) {
        match self {
            Self::And(parts) => {
                for part in parts {
                    part.gather_required(fields);
                }
            }
            // Where no source is told it is telemetry, and one alternative may hold without the other.
            Self::Compare(Field::Head(Head::Source), ..) | Self::Or(_) => {}
            Self::Exists(_) | Self::Holds(_) | Self::Compare(..) | Self::Not(_) => {
                self.gather_needed(fields);
            }
        }
    }

    fn asks_for_the_body(&self) -> bool {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().any(Self::asks_for_the_body),
            Self::Not(a) => a.asks_for_the_body(),
            Self::Exists(field) | Self::Holds(field) | Self::Compare(field, ..) => {
                field.is_of_body()
            }
        }
    }
}

fn is_true(asked: Asked<'_>) -> bool {
    match asked {
        Asked::Json(json) => !matches!(json, "null" | "false" | "\"false\""),
        Asked::Text(text) | Asked::Id(text) => !text.eq_ignore_ascii_case("false"),
        Asked::Value(value) => !matches!(value, Value::Null | Value::Bool(false)),
        Asked::Integer(_)
        | Asked::Time(_)
        | Asked::Properties(_)
        | Asked::SystemProperties(_)
        | Asked::Body(_) => true,
    }
}

#[cfg(test)]
mod tests;
