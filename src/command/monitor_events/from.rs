//! Where to begin, as the user writes it.

use chrono::DateTime;

use crate::model::span::{SpanError, parse_time};
use crate::protocol::amqp::filter::Position;

/// A place to begin at, as the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    /// `latest`.
    Now,
    /// `last:N`.
    Last(u64),
    /// `earliest`, `offset:X`, `seq:N`.
    At(Position),
    /// Anything else has to be a time, which counts from when the command runs.
    Time(String),
}

impl From {
    /// Reads a place.
    ///
    /// # Errors
    /// A fragment that says what is wrong, for clap.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(offset) = text.strip_prefix("offset:") {
            // Opaque text to everyone but the service; but it is quoted on the way there.
            if offset.is_empty() || offset.contains(|c: char| c == '\'' || c.is_control()) {
                return Err(format!("{offset:?} is not an offset"));
            }
            return Ok(Self::At(Position::Offset {
                offset: offset.to_owned(),
                inclusive: true,
            }));
        }
        if let Some(number) = text.strip_prefix("seq:") {
            let number = number
                .parse()
                .ok()
                .filter(|number| *number >= 0)
                .ok_or_else(|| format!("{number:?} is not a sequence number"))?;
            return Ok(Self::At(Position::SequenceNumber {
                number,
                inclusive: true,
            }));
        }
        if let Some(count) = text.strip_prefix("last:") {
            let count = count
                .parse()
                .map_err(|_| format!("{count:?} is not a number of events"))?;
            return Ok(Self::Last(count));
        }
        match text {
            "earliest" => Ok(Self::At(Position::Earliest)),
            "latest" | "now" => Ok(Self::Now),
            time => match parse_time(
                time,
                DateTime::UNIX_EPOCH + chrono::Duration::days(365 * 1000),
            ) {
                Ok(_) => Ok(Self::Time(time.to_owned())),
                Err(error @ (SpanError::NoZone { .. } | SpanError::NoClock { .. })) => {
                    Err(error.to_string())
                }
                Err(
                    SpanError::Time { .. }
                    | SpanError::Expiry { .. }
                    | SpanError::Duration { .. }
                    | SpanError::TooLong { .. },
                ) => Err(
                    "it is none of earliest, latest, offset:X, seq:N, last:N, and no time: those are 10m (ago), RFC 3339, or \
                     milliseconds since 1970"
                        .to_owned(),
                ),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        assert_eq!(From::parse("earliest"), Ok(From::At(Position::Earliest)));
        assert_eq!(From::parse("latest"), Ok(From::Now));
        assert_eq!(From::parse("last:5"), Ok(From::Last(5)));
        assert_eq!(
            From::parse("seq:7"),
            Ok(From::At(Position::SequenceNumber {
                number: 7,
                inclusive: true
            }))
        );
        assert_eq!(From::parse("10m"), Ok(From::Time("10m".to_owned())));
        for text in ["", "seq:x", "last:-1", "yesterday"] {
            assert!(From::parse(text).is_err(), "{text}");
        }
    }
}
