//! Where a reader starts: positions in a partition, as the selector expressions that clients put into a source's filter.
//!
//! Every spelling that Microsoft's clients have shipped is understood: quotes or none, `>` or `>=`, both names of the
//! enqueued time, `-1` and `@latest`, any letter case and whitespace. Written is what the JavaScript and Python clients
//! write. The descriptor under which the expression stands differs between clients and is ignored, as the service does.

use std::fmt;
use std::str::FromStr;

use crate::protocol::amqp::value::Items;
use crate::protocol::amqp::writer::Writer;

/// The key of the position in a filter map.
pub const SELECTOR_FILTER: &str = "apache.org:selector-filter:string";
/// The numeric descriptor of the expression, as the JavaScript client writes it.
pub const SELECTOR_DESCRIPTOR: u64 = 0x0000_468c_0000_0004;

/// A place in a partition to start reading at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Before the oldest event that is kept.
    Earliest,
    /// Behind the newest event.
    Latest,
    /// Behind the event with an offset, or at it.
    Offset {
        /// Opaque text; numbers today.
        offset: String,
        /// Whether that event itself is read.
        inclusive: bool,
    },
    /// Behind the event with a sequence number, or at it.
    SequenceNumber {
        /// The number within the partition.
        number: i64,
        /// Whether that event itself is read.
        inclusive: bool,
    },
    /// At the first event enqueued after a moment: milliseconds since the Unix epoch.
    EnqueuedTime(i64),
}

/// Why an expression is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// It is not of the form `amqp.annotation.<name> > <operand>`.
    #[error("filter is not of the form amqp.annotation.<name> > '<operand>'")]
    Form,
    /// It compares something that events have no order by.
    #[error("filter compares the unknown annotation {name:?}")]
    Annotation {
        /// The name, without `amqp.annotation.`.
        name: String,
    },
    /// The operand does not fit the annotation, which takes a number.
    #[error("filter compares {name} with {operand:?}, which is no number")]
    Operand {
        /// The annotation.
        name: &'static str,
        /// The operand, without its quotes.
        operand: String,
    },
    /// The filter's value is not text.
    #[error("filter is not a text")]
    Type,
}

impl Position {
    /// The position in a source's filter map, if there is one.
    pub fn from_filter(filter: &Items<'_>) -> Result<Option<Self>, PositionError> {
        let Some(value) = filter.find(SELECTOR_FILTER) else {
            return Ok(None);
        };
        let value = value.undescribed().map_err(|_| PositionError::Type)?;
        value.as_str().ok_or(PositionError::Type)?.parse().map(Some)
    }

    /// Writes a filter map with this position in it.
    pub fn write_filter(&self, w: &mut Writer<'_>) {
        let expression = self.to_string();
        w.map(|w| {
            w.symbol(SELECTOR_FILTER);
            w.described(SELECTOR_DESCRIPTOR, |w| w.string(&expression));
        });
    }
}

/// The expression that stands for this position; quotes within an offset are doubled.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = |inclusive: bool| if inclusive { ">=" } else { ">" };
        match self {
            Self::Earliest => f.write_str("amqp.annotation.x-opt-offset > '-1'"),
            Self::Latest => f.write_str("amqp.annotation.x-opt-offset > '@latest'"),
            Self::Offset { offset, inclusive } => {
                let offset = offset.replace('\'', "''");
                write!(
                    f,
                    "amqp.annotation.x-opt-offset {} '{offset}'",
                    operator(*inclusive)
                )
            }
            Self::SequenceNumber { number, inclusive } => {
                write!(
                    f,
                    "amqp.annotation.x-opt-sequence-number {} '{number}'",
                    operator(*inclusive)
                )
            }
            Self::EnqueuedTime(ms) => write!(f, "amqp.annotation.x-opt-enqueued-time > '{ms}'"),
        }
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(expression: &str) -> Result<Self, PositionError> {
        let (name, inclusive, operand) = split(expression).ok_or(PositionError::Form)?;
        match name.to_ascii_lowercase().as_str() {
            "x-opt-offset" => Ok(match operand.as_str() {
                "-1" => Self::Earliest,
                latest if latest.eq_ignore_ascii_case("@latest") => Self::Latest,
                _ => Self::Offset {
                    offset: operand,
                    inclusive,
                },
            }),
            "x-opt-sequence-number" => {
                let number = number("x-opt-sequence-number", operand)?;
                Ok(Self::SequenceNumber { number, inclusive })
            }
            "x-opt-enqueued-time" | "x-opt-enqueuedtimeutc" => {
                let ms: i64 = number("x-opt-enqueued-time", operand)?;
                // At a moment is behind the millisecond before it.
                Ok(Self::EnqueuedTime(if inclusive {
                    ms.saturating_sub(1)
                } else {
                    ms
                }))
            }
            _ => Err(PositionError::Annotation {
                name: name.to_owned(),
            }),
        }
    }
}

fn number(name: &'static str, operand: String) -> Result<i64, PositionError> {
    operand
        .parse()
        .map_err(|_| PositionError::Operand { name, operand })
}

/// The annotation's name, whether the operand itself is meant, and the operand without its quotes.
fn split(expression: &str) -> Option<(&str, bool, String)> {
    const PREFIX: &str = "amqp.annotation.";
    let (left, right) = expression.split_once('>')?;
    let left = left.trim();
    let (prefix, name) = left.split_at_checked(PREFIX.len())?;
    if !prefix.eq_ignore_ascii_case(PREFIX) || name.is_empty() || name.contains(char::is_whitespace)
    {
        return None;
    }
    let (inclusive, operand) = match right.strip_prefix('=') {
        Some(operand) => (true, operand),
        None => (false, right),
    };
    Some((name, inclusive, unquote(operand.trim())?))
}

fn unquote(operand: &str) -> Option<String> {
    let Some(quote) = operand
        .chars()
        .next()
        .filter(|first| matches!(first, '\'' | '"'))
    else {
        let bare =
            !operand.is_empty() && !operand.contains(|c: char| c.is_whitespace() || c == '\'');
        return bare.then(|| operand.to_owned());
    };
    let inner = operand.strip_prefix(quote)?.strip_suffix(quote)?;
    let doubled = format!("{quote}{quote}");
    // A quote that stands alone ends the operand: what follows would be a second condition.
    if inner.replace(&doubled, "").contains(quote) {
        return None;
    }
    Some(inner.replace(&doubled, &quote.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::value::decode;
    use crate::protocol::amqp::writer::encode;
    use proptest::prelude::*;

    fn offset(offset: &str, inclusive: bool) -> Position {
        Position::Offset {
            offset: offset.to_owned(),
            inclusive,
        }
    }

    #[test]
    fn understands_every_spelling_that_clients_ship() {
        for (expression, position) in [
            ("amqp.annotation.x-opt-offset > '-1'", Position::Earliest),
            ("amqp.annotation.x-opt-offset > -1", Position::Earliest),
            ("amqp.annotation.x-opt-offset >= '-1'", Position::Earliest),
            ("amqp.annotation.x-opt-offset > '@latest'", Position::Latest),
            ("amqp.annotation.x-opt-offset > @latest", Position::Latest),
            (
                "amqp.annotation.x-opt-offset > '4294967296'",
                offset("4294967296", false),
            ),
            (
                "amqp.annotation.x-opt-offset >= '8448'",
                offset("8448", true),
            ),
            (
                "amqp.annotation.x-opt-sequence-number > 2995",
                Position::SequenceNumber {
                    number: 2995,
                    inclusive: false,
                },
            ),
            (
                " AMQP.Annotation.X-Opt-Sequence-Number>='7' ",
                Position::SequenceNumber {
                    number: 7,
                    inclusive: true,
                },
            ),
            (
                "amqp.annotation.x-opt-enqueued-time > '1714547677956'",
                Position::EnqueuedTime(1_714_547_677_956),
            ),
            (
                "amqp.annotation.x-opt-enqueuedtimeutc > 1714547677956",
                Position::EnqueuedTime(1_714_547_677_956),
            ),
            (
                "amqp.annotation.x-opt-enqueuedtimeutc\t>=\n\"10\"",
                Position::EnqueuedTime(9),
            ),
        ] {
            assert_eq!(expression.parse(), Ok(position), "{expression}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_others() {
        let error = |expression: &str| expression.parse::<Position>().unwrap_err();
        for expression in [
            "",
            ">",
            "x-opt-offset > 1",
            "amqp.annotation.x-opt-offset < '1'",
            "amqp.annotation.x-opt-offset >",
            "amqp.annotation.x-opt-offset > '1",
            "amqp.annotation.x-opt-offset > '1' AND amqp.annotation.x-opt-offset > '2'",
            "amqp.annotation.x-opt-offset > 1 or 2",
            "amqp.annotation. > 1",
            "amqp.annotatioñ > 1",
        ] {
            assert_eq!(error(expression), PositionError::Form, "{expression}");
        }
        assert_eq!(
            error("amqp.annotation.colour > 1"),
            PositionError::Annotation {
                name: "colour".to_owned()
            }
        );
        assert_eq!(
            error("amqp.annotation.x-opt-sequence-number > 'a'"),
            PositionError::Operand {
                name: "x-opt-sequence-number",
                operand: "a".to_owned()
            }
        );
    }

    fn position() -> impl Strategy<Value = Position> {
        prop_oneof![
            Just(Position::Earliest),
            Just(Position::Latest),
            (".{1,20}", any::<bool>())
                .prop_filter("have a name of their own", |(text, _)| text != "-1"
                    && text != "@latest")
                .prop_map(|(text, inclusive)| offset(&text, inclusive)),
            (any::<i64>(), any::<bool>())
                .prop_map(|(number, inclusive)| Position::SequenceNumber { number, inclusive }),
            any::<i64>().prop_map(Position::EnqueuedTime),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(position in position()) {
            prop_assert_eq!(&position.to_string().parse::<Position>().unwrap(), &position);
            let bytes = encode(|w| position.write_filter(w));
            let (map, _) = decode(&bytes).unwrap();
            prop_assert_eq!(Position::from_filter(&map.as_map().unwrap()), Ok(Some(position)));
        }

        #[test]
        fn any_text_is_safe_to_read(text in ".*", operand in ".*") {
            let _ = text.parse::<Position>();
            let _ = format!("amqp.annotation.x-opt-offset >{operand}").parse::<Position>();
        }
    }
}
