//! What callers ask of a value: its content in one Rust type, lenient where stacks differ.

use crate::protocol::amqp::encoding::{DecodeError, MAX_DEPTH};
use crate::protocol::amqp::value::{ArrayItems, Described, Items, Value};

impl<'a> Value<'a> {
    /// Whether this is null.
    #[inline]
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a string or a symbol: stacks differ in which of the two they send.
    #[inline]
    #[must_use]
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other types are alike here"
    )]
    pub fn as_str(&self) -> Option<&'a str> {
        match *self {
            Self::String(text) | Self::Symbol(text) => Some(text),
            _ => None,
        }
    }

    /// An integer of any width and sign, if it fits; timestamps are not integers here.
    #[inline]
    #[must_use]
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other types are alike here"
    )]
    pub fn as_i64(&self) -> Option<i64> {
        Some(match *self {
            Self::Ubyte(n) => n.into(),
            Self::Ushort(n) => n.into(),
            Self::Uint(n) => n.into(),
            Self::Ulong(n) => i64::try_from(n).ok()?,
            Self::Byte(n) => n.into(),
            Self::Short(n) => n.into(),
            Self::Int(n) => n.into(),
            Self::Long(n) => n,
            _ => return None,
        })
    }

    /// An integer of any width and sign, unless it is negative.
    #[inline]
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        if let Self::Ulong(n) = *self {
            Some(n)
        } else {
            u64::try_from(self.as_i64()?).ok()
        }
    }

    /// An integer of any width and sign, if it fits.
    #[inline]
    #[must_use]
    pub fn as_u32(&self) -> Option<u32> {
        u32::try_from(self.as_u64()?).ok()
    }

    /// A boolean.
    #[inline]
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = *self {
            Some(truth)
        } else {
            None
        }
    }

    /// Milliseconds since the Unix epoch: a timestamp, or an integer that some stack sent in its place.
    #[inline]
    #[must_use]
    pub fn as_timestamp_ms(&self) -> Option<i64> {
        if let Self::Timestamp(ms) = *self {
            Some(ms)
        } else {
            self.as_i64()
        }
    }

    /// The bytes of a binary.
    #[inline]
    #[must_use]
    pub fn as_binary(&self) -> Option<&'a [u8]> {
        if let Self::Binary(bytes) = *self {
            Some(bytes)
        } else {
            None
        }
    }

    /// The items of a list.
    #[inline]
    #[must_use]
    pub fn as_list(&self) -> Option<Items<'a>> {
        if let Self::List(items) = *self {
            Some(items)
        } else {
            None
        }
    }

    /// The keys and values of a map.
    #[inline]
    #[must_use]
    pub fn as_map(&self) -> Option<Items<'a>> {
        if let Self::Map(items) = *self {
            Some(items)
        } else {
            None
        }
    }

    /// The elements of an array.
    #[inline]
    #[must_use]
    pub fn as_array(&self) -> Option<ArrayItems<'a>> {
        if let Self::Array(items) = *self {
            Some(items)
        } else {
            None
        }
    }

    /// A descriptor and what it describes.
    #[inline]
    #[must_use]
    pub fn as_described(&self) -> Option<Described<'a>> {
        if let Self::Described(described) = *self {
            Some(described)
        } else {
            None
        }
    }

    /// The value under any descriptors.
    pub fn undescribed(self) -> Result<Self, DecodeError> {
        let mut value = self;
        for _ in 0..MAX_DEPTH {
            let Self::Described(described) = value else {
                return Ok(value);
            };
            value = described.value()?;
        }
        Err(DecodeError::TooDeep)
    }

    /// Walks everything inside: an error if any of it is malformed, or nested deeper than [`MAX_DEPTH`].
    pub fn check(&self) -> Result<(), DecodeError> {
        self.check_at(0)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other types hold nothing"
    )]
    fn check_at(&self, depth: usize) -> Result<(), DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        match self {
            Self::List(items) | Self::Map(items) => {
                items.iter().try_for_each(|item| item?.check_at(depth + 1))
            }
            Self::Array(items) => items.iter().try_for_each(|item| item?.check_at(depth + 1)),
            Self::Described(described) => {
                described.descriptor()?;
                described.value()?.check_at(depth + 1)
            }
            _ => Ok(()),
        }
    }
}
