//! Values that are stepped over without being read: where one ends is told by its first octets alone.

use super::{Value, decode_described, from_content, split_content, split_value};
use crate::protocol::amqp::encoding::{DecodeError, code};

/// One value that was not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a> {
    code: u8,
    content: &'a [u8],
}

impl<'a> Raw<'a> {
    /// The value at the front of `bytes`, and what follows it.
    ///
    /// # Errors
    /// [`DecodeError`] where it goes on past them.
    #[inline]
    pub fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let (code, content, rest) = split_value(bytes)?;
        Ok((Self { code, content }, rest))
    }

    /// The value whose format code stands elsewhere.
    #[inline]
    pub(super) fn after(code: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let content = if code == code::DESCRIBED {
            bytes
        } else {
            split_content(code, bytes)?.0
        };
        Ok(Self { code, content })
    }

    /// Whether this is null.
    #[inline]
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.code == code::NULL
    }

    /// The bytes of a string or a symbol; whether they are text was not looked at.
    #[inline]
    #[must_use]
    pub fn text(&self) -> Option<&'a [u8]> {
        matches!(
            self.code,
            code::SYMBOL_8 | code::STRING_8 | code::SYMBOL_32 | code::STRING_32
        )
        .then_some(self.content)
    }

    /// The value itself.
    ///
    /// # Errors
    /// [`DecodeError`] where it is malformed.
    #[inline]
    pub fn read(&self) -> Result<Value<'a>, DecodeError> {
        if self.code == code::DESCRIBED {
            return decode_described(self.content).map(|(value, _)| value);
        }
        from_content(self.code, self.content)
    }
}

/// A walk over a map's entries.
#[derive(Debug, Clone)]
pub struct RawPairs<'a> {
    left: usize,
    bytes: &'a [u8],
}

impl<'a> RawPairs<'a> {
    #[inline]
    pub(super) fn new(left: usize, bytes: &'a [u8]) -> Self {
        Self { left, bytes }
    }

    #[inline]
    fn split(&mut self) -> Result<(Raw<'a>, Raw<'a>), DecodeError> {
        let (key, rest) = Raw::split(self.bytes)?;
        let (value, rest) = Raw::split(rest)?;
        self.bytes = rest;
        Ok((key, value))
    }
}

impl<'a> Iterator for RawPairs<'a> {
    type Item = Result<(Raw<'a>, Raw<'a>), DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let pair = self.split();
        if pair.is_err() {
            self.left = 0;
        }
        Some(pair.map_err(|error| error.within("item")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::value::{Items, decode};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_steps_as_far_as_reading_does(bytes in prop::collection::vec(
            prop_oneof![prop::sample::select(vec![0x00, 0x40, 0x53, 0xa1, 0xa3, 0xc0, 0xc1, 0x82]), 0_u8..12, any::<u8>()],
            0..60,
        )) {
            if let Ok((value, rest)) = decode(&bytes) {
                let (raw, raw_rest) = Raw::split(&bytes).unwrap();
                prop_assert_eq!(raw_rest, rest);
                prop_assert_eq!(raw.read(), Ok(value));
            }
        }

        #[test]
        fn entries_are_those_of_reading(bytes in prop::collection::vec(
            prop_oneof![prop::sample::select(vec![0x40, 0x45, 0x53, 0xa1, 0xa3, 0x54]), 0_u8..4],
            0..60,
        )) {
            let count = u8::try_from(bytes.len()).unwrap() & !1;
            let map = [&[0xc1, u8::try_from(bytes.len() + 1).unwrap(), count][..], &bytes].concat();
            let Ok((Value::Map(items), _)) = decode(&map) else { return Ok(()) };
            let read: Vec<_> = Items::pairs(&items).map_while(Result::ok).collect();
            let raw: Vec<_> = items
                .raw_pairs()
                .map_while(Result::ok)
                .map_while(|(key, value)| Some((key.read().ok()?, value.read().ok()?)))
                .collect();
            prop_assert_eq!(raw, read);
        }
    }
}
