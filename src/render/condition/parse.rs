//! Reading conditions.

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::{Condition, Expression, Field, Kind, Literal, Operator};
use crate::model::span::parse_time;

/// Parentheses and negations that may stand within each other.
const MAX_DEPTH: usize = 64;

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at column {column}, {}: {expected}", found(found_text))]
pub struct ConditionError {
    /// Where it goes wrong: a place among the text's characters, counted from 1.
    pub column: usize,
    /// What stands there; nothing at the end.
    pub found_text: String,
    /// What should stand there.
    pub expected: String,
}

fn found(text: &str) -> String {
    if text.is_empty() {
        "where it ends".to_owned()
    } else {
        format!("{text:?}")
    }
}

impl Condition {
    /// Reads a condition. Times may be written as `10m`, which is that long before `now`.
    ///
    /// # Errors
    /// [`ConditionError`] says where and what is expected.
    pub fn parse(text: &str, now: DateTime<Utc>) -> Result<Self, ConditionError> {
        let mut parser = Parser {
            text,
            at: 0,
            depth: 0,
            now,
        };
        let expression = parser.alternatives()?;
        parser.blanks();
        if !parser.rest().is_empty() {
            return Err(parser.expected("and, or, or the end is expected"));
        }
        Ok(Self { expression })
    }
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    depth: usize,
    now: DateTime<Utc>,
}

const OPERATORS: [(&str, Operator); 10] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<>", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("~", Operator::Contains),
    ("contains", Operator::Contains),
];

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn expected(&self, expected: impl Into<String>) -> ConditionError {
        let rest = self.rest();
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        ConditionError {
            column: self.text[..self.at].chars().count() + 1,
            found_text: rest[..length].chars().take(40).collect(),
            expected: expected.into(),
        }
    }

    /// Takes a word, in any case of letters, or a sign.
    fn take(&mut self, word: &str) -> bool {
        self.blanks();
        let rest = self.rest();
        let Some(front) = rest.get(..word.len()) else {
            return false;
        };
        let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic());
        let goes_on = rest[word.len()..]
            .starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | '$'));
        if !front.eq_ignore_ascii_case(word) || is_word && goes_on {
            return false;
        }
        self.at += word.len();
        true
    }

    fn take_or(&mut self) -> bool {
        self.take("or") || self.take("||")
    }

    fn take_and(&mut self) -> bool {
        self.take("and") || self.take("&&")
    }

    fn alternatives(&mut self) -> Result<Expression, ConditionError> {
        let first = self.conjunction()?;
        if !self.take_or() {
            return Ok(first);
        }
        let mut parts = vec![first, self.conjunction()?];
        while self.take_or() {
            parts.push(self.conjunction()?);
        }
        Ok(Expression::Or(parts))
    }

    fn conjunction(&mut self) -> Result<Expression, ConditionError> {
        let first = self.negation()?;
        if !self.take_and() {
            return Ok(first);
        }
        let mut parts = vec![first, self.negation()?];
        while self.take_and() {
            parts.push(self.negation()?);
        }
        Ok(Expression::And(parts))
    }

    fn negation(&mut self) -> Result<Expression, ConditionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.expected("it is nested too deep"));
        }
        let expression = if self.take("not") || self.take("!") {
            Expression::Not(Box::new(self.negation()?))
        } else if self.take("(") {
            let inside = self.alternatives()?;
            self.close()?;
            inside
        } else {
            self.predicate()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn close(&mut self) -> Result<(), ConditionError> {
        if self.take(")") {
            return Ok(());
        }
        Err(self.expected("and, or, or ) is expected"))
    }

    fn predicate(&mut self) -> Result<Expression, ConditionError> {
        if self.take("exists") || self.take("is_defined") {
            let is_call = self.take("(");
            let field = self.field()?;
            if is_call {
                self.close()?;
            }
            return Ok(Expression::Exists(field));
        }
        let field = self.field()?;
        if self.take("exists") {
            return Ok(Expression::Exists(field));
        }
        let Some((_, operator)) = OPERATORS.iter().find(|(sign, _)| self.take(sign)) else {
            return Ok(Expression::Holds(field));
        };
        if *operator == Operator::Contains && field.is_time() {
            return Err(self.expected("a time is compared with =, <, > and the like"));
        }
        let literal = self.literal(&field)?;
        let is_order = !matches!(
            operator,
            Operator::Equal | Operator::NotEqual | Operator::Contains
        );
        if is_order && literal.kind != Kind::Text {
            return Err(self.expected("nothing is less or greater than true, false or null"));
        }
        Ok(Expression::Compare(field, *operator, literal))
    }

    fn field(&mut self) -> Result<Field, ConditionError> {
        self.blanks();
        let (field, rest) = Field::parse_front(self.rest()).map_err(|error| {
            let skipped: usize = self.rest().chars().take(error.at).map(char::len_utf8).sum();
            self.at += skipped;
            self.expected(format!("{} is expected", error.expected))
        })?;
        self.at = self.text.len() - rest.len();
        Ok(field)
    }

    /// What follows an operator.
    fn literal(&mut self, field: &Field) -> Result<Literal, ConditionError> {
        self.blanks();
        let start = self.at;
        let (text, is_quoted) = self.spelling()?;
        let kind = match text.to_ascii_lowercase().as_str() {
            "null" if !is_quoted => Kind::Null,
            "true" if !is_quoted => Kind::Bool(true),
            "false" if !is_quoted => Kind::Bool(false),
            _ => Kind::Text,
        };
        let mut literal = Literal::new(kind, text.to_owned());
        if field.is_time() && kind == Kind::Text {
            let time = parse_time(text, self.now).map_err(|error| {
                self.at = start;
                self.expected(error.to_string())
            })?;
            literal.number = None;
            literal.time = Some(time.timestamp_micros());
        }
        Ok(literal)
    }

    /// A value as it is written, and whether it stands in quotes.
    fn spelling(&mut self) -> Result<(&'a str, bool), ConditionError> {
        let rest = self.rest();
        if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let Some(length) = rest[1..].find(quote) else {
                self.at = self.text.len();
                return Err(self.expected("the closing quote is expected"));
            };
            self.at += length + 2;
            return Ok((&rest[1..=length], true));
        }
        let is_end = |c: char| c.is_whitespace() || "()=!<>~'\"&|".contains(c);
        let length = rest.find(is_end).unwrap_or(rest.len());
        if length == 0 {
            return Err(
                self.expected("a number, a word, text in quotes, true, false or null is expected")
            );
        }
        self.at += length;
        Ok((&rest[..length], false))
    }
}
