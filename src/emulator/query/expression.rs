//! What a condition says of a document. `None` is undefined, which is neither true nor false.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

/// Something that can be asked for its members.
pub trait Document {
    /// The value at a path; `None` where there is nothing.
    fn at(&self, path: &Path) -> Option<Cow<'_, Value>>;

    /// All of it.
    fn whole(&self) -> Value;
}

impl Document for Value {
    fn at(&self, path: &Path) -> Option<Cow<'_, Value>> {
        descend(Cow::Borrowed(self), &path.0)
    }

    fn whole(&self) -> Value {
        self.clone()
    }
}

/// A member of a member: `tags.location.plant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(pub(super) Vec<String>);

impl Path {
    /// The document's own member that it begins with, and the way on from there.
    #[must_use]
    pub fn split(&self) -> Option<(&str, &[String])> {
        let (first, rest) = self.0.split_first()?;
        Some((first, rest))
    }

    /// What it is called where nothing else is said.
    pub(super) fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }
}

/// Goes from a value into its members.
pub fn descend<'v>(value: Cow<'v, Value>, path: &[String]) -> Option<Cow<'v, Value>> {
    match value {
        Cow::Borrowed(value) => {
            let found = path.iter().try_fold(value, |value, name| value.get(name));
            found.map(Cow::Borrowed)
        }
        Cow::Owned(value) => {
            let step = |mut value: Value, name: &String| value.get_mut(name).map(Value::take);
            path.iter().try_fold(value, step).map(Cow::Owned)
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    /// `None` is the constant `undefined`.
    Constant(Option<Value>),
    Path(Path),
    IsDefined(Path),
    Array(Vec<Expression>),
    Not(Box<Expression>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Compare(Comparison, Box<Expression>, Box<Expression>),
    Compute(Computation, Box<Expression>, Box<Expression>),
    /// Whether the first is, or is not, among the elements of the second.
    Among {
        is_in: bool,
        value: Box<Expression>,
        array: Box<Expression>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Computation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Expression {
    /// Whether it is true of a document; undefined is not.
    pub(super) fn holds(&self, document: &impl Document) -> bool {
        self.truth(document) == Some(true)
    }

    /// `None` for anything but true and false.
    fn truth(&self, document: &impl Document) -> Option<bool> {
        self.value(document)?.as_bool()
    }

    fn value<'d>(&self, document: &'d impl Document) -> Option<Cow<'d, Value>> {
        let owned = |truth: bool| Some(Cow::Owned(Value::Bool(truth)));
        match self {
            Self::Constant(value) => value.clone().map(Cow::Owned),
            Self::Path(path) => document.at(path),
            Self::IsDefined(path) => owned(document.at(path).is_some()),
            Self::Array(elements) => {
                let values = elements.iter().map(|element| element.value(document));
                let values = values.flatten().map(Cow::into_owned).collect();
                Some(Cow::Owned(Value::Array(values)))
            }
            Self::Not(inner) => owned(!inner.truth(document)?),
            Self::All(parts) => owned(joined(parts, document, false)?),
            Self::Any(parts) => owned(joined(parts, document, true)?),
            Self::Compare(comparison, left, right) => {
                let (left, right) = (left.value(document)?, right.value(document)?);
                owned(comparison.of(compare(&left, &right)?))
            }
            Self::Compute(computation, left, right) => {
                let left = left.value(document)?.as_f64()?;
                let right = right.value(document)?.as_f64()?;
                number(computation.of(left, right)).map(Cow::Owned)
            }
            Self::Among {
                is_in,
                value,
                array,
            } => {
                let value = value.value(document)?;
                let array = array.value(document)?;
                let mut elements = array.as_array()?.iter();
                let is_there =
                    elements.any(|element| compare(&value, element) == Some(Ordering::Equal));
                owned(is_there == *is_in)
            }
        }
    }
}

/// `decisive` is what decides alone: true for OR, false for AND.
fn joined(parts: &[Expression], document: &impl Document, decisive: bool) -> Option<bool> {
    let mut is_known = true;
    for part in parts {
        match part.truth(document) {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(!decisive)
}

impl Comparison {
    fn of(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Unequal => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Computation {
    fn of(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
            Self::Remainder => left % right,
        }
    }
}

/// How two values of the same primitive type stand to each other; others cannot be compared.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// A number as JSON: whole ones without a fraction. `None` for what JSON has no number for.
pub(super) fn number(value: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within 53 bits")]
        let whole = value as i64;
        return Some(whole.into());
    }
    serde_json::Number::from_f64(value).map(Value::Number)
}
