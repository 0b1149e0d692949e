//! AMQP 1.0 values, read in place: nothing is copied, nothing is allocated, containers are walked when asked.
//!
//! Knows the type system of part 1 of the standard. Must never know performatives or messages. Bytes of any kind
//! are safe to read: nesting costs no stack, and a container never yields more items than it has bytes for.

use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::encoding::{
    DecodeError, code, read_u8, read_u32, skip, split_content, split_descriptor, split_value,
};
use crate::protocol::amqp::span::Span;

mod accessors;
mod array;
mod raw;
mod traits;

pub use array::{ArrayItems, ArrayIter};
pub use raw::{Raw, RawPairs};

/// One value. Equality is that of types and encodings: `Uint(1)` is not `Ulong(1)`, and containers are equal if their
/// contents are the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[allow(
    missing_docs,
    reason = "each variant is named as the standard names its type"
)]
pub enum Value<'a> {
    #[default]
    Null,
    Bool(bool),
    Ubyte(u8),
    Ushort(u16),
    Uint(u32),
    Ulong(u64),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Decimal32([u8; 4]),
    Decimal64([u8; 8]),
    Decimal128([u8; 16]),
    Char(char),
    /// Milliseconds since the Unix epoch.
    Timestamp(i64),
    Uuid([u8; 16]),
    Binary(&'a [u8]),
    String(&'a str),
    /// ASCII only.
    Symbol(&'a str),
    List(Items<'a>),
    /// Keys and values in turn; the number of items is even.
    Map(Items<'a>),
    Array(ArrayItems<'a>),
    Described(Described<'a>),
}

/// Reads the value at the front of `bytes`, and gives what follows it.
#[inline]
pub fn decode(bytes: &[u8]) -> Result<(Value<'_>, &[u8]), DecodeError> {
    let (&code, rest) = bytes.split_first().ok_or(DecodeError::Truncated)?;
    decode_after(code, rest)
}

/// Reads a value whose format code has been taken off.
#[inline]
fn decode_after(code: u8, bytes: &[u8]) -> Result<(Value<'_>, &[u8]), DecodeError> {
    if code == code::DESCRIBED {
        return decode_described(bytes);
    }
    let (content, rest) = split_content(code, bytes)?;
    Ok((from_content(code, content)?, rest))
}

fn decode_described(bytes: &[u8]) -> Result<(Value<'_>, &[u8]), DecodeError> {
    let (descriptor, value) = split_descriptor(bytes)?;
    let rest = skip(value)?;
    let (&constructor, after) = value.split_first().ok_or(DecodeError::Truncated)?;
    let body = &after[..after.len() - rest.len()];
    Ok((
        Value::Described(Described {
            descriptor,
            constructor,
            body,
        }),
        rest,
    ))
}

/// Makes a value of the content that belongs to a format code, which has been measured already.
#[inline]
fn from_content(code: u8, content: &[u8]) -> Result<Value<'_>, DecodeError> {
    Ok(match code {
        code::NULL => Value::Null,
        code::TRUE => Value::Bool(true),
        code::FALSE => Value::Bool(false),
        code::UINT_0 => Value::Uint(0),
        code::ULONG_0 => Value::Ulong(0),
        code::LIST_0 => Value::List(Items::default()),
        code::BOOLEAN => Value::Bool(content != [0]),
        code::UBYTE => Value::Ubyte(u8::from_be_bytes(fixed(content)?)),
        code::BYTE => Value::Byte(i8::from_be_bytes(fixed(content)?)),
        code::SMALL_UINT => Value::Uint(u8::from_be_bytes(fixed(content)?).into()),
        code::SMALL_ULONG => Value::Ulong(u8::from_be_bytes(fixed(content)?).into()),
        code::SMALL_INT => Value::Int(i8::from_be_bytes(fixed(content)?).into()),
        code::SMALL_LONG => Value::Long(i8::from_be_bytes(fixed(content)?).into()),
        code::USHORT => Value::Ushort(u16::from_be_bytes(fixed(content)?)),
        code::SHORT => Value::Short(i16::from_be_bytes(fixed(content)?)),
        code::UINT => Value::Uint(u32::from_be_bytes(fixed(content)?)),
        code::INT => Value::Int(i32::from_be_bytes(fixed(content)?)),
        code::FLOAT => Value::Float(f32::from_be_bytes(fixed(content)?)),
        code::CHAR => {
            let number = u32::from_be_bytes(fixed(content)?);
            Value::Char(char::from_u32(number).ok_or(DecodeError::Malformed { what: "character" })?)
        }
        code::DECIMAL_32 => Value::Decimal32(fixed(content)?),
        code::ULONG => Value::Ulong(u64::from_be_bytes(fixed(content)?)),
        code::LONG => Value::Long(i64::from_be_bytes(fixed(content)?)),
        code::DOUBLE => Value::Double(f64::from_be_bytes(fixed(content)?)),
        code::TIMESTAMP => Value::Timestamp(i64::from_be_bytes(fixed(content)?)),
        code::DECIMAL_64 => Value::Decimal64(fixed(content)?),
        code::DECIMAL_128 => Value::Decimal128(fixed(content)?),
        code::UUID => Value::Uuid(fixed(content)?),
        code::BINARY_8 | code::BINARY_32 => Value::Binary(content),
        code::STRING_8 | code::STRING_32 => Value::String(text(content, "string")?),
        code::SYMBOL_8 | code::SYMBOL_32 if content.is_ascii() => {
            Value::Symbol(text(content, "symbol")?)
        }
        code::SYMBOL_8 | code::SYMBOL_32 => return Err(DecodeError::Malformed { what: "symbol" }),
        code::LIST_8 => Value::List(Items::new(read_u8(content), "list")?),
        code::LIST_32 => Value::List(Items::new(read_u32(content), "list")?),
        code::MAP_8 => Value::Map(Items::new_map(read_u8(content))?),
        code::MAP_32 => Value::Map(Items::new_map(read_u32(content))?),
        code::ARRAY_8 => Value::Array(ArrayItems::new(read_u8(content))?),
        code::ARRAY_32 => Value::Array(ArrayItems::new(read_u32(content))?),
        code => return Err(DecodeError::UnknownCode { code }),
    })
}

#[inline]
fn fixed<const N: usize>(content: &[u8]) -> Result<[u8; N], DecodeError> {
    content
        .try_into()
        .map_err(|_| DecodeError::Malformed { what: "number" })
}

#[inline]
fn text<'a>(content: &'a [u8], what: &'static str) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(content).map_err(|_| DecodeError::Malformed { what })
}

/// The items of a list, or the keys and values of a map in turn, not yet read.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Items<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Items<'a> {
    #[inline]
    fn new(
        head: Result<(usize, &'a [u8]), DecodeError>,
        what: &'static str,
    ) -> Result<Self, DecodeError> {
        let (count, bytes) = head.map_err(|error| error.within(what))?;
        if count > bytes.len() {
            return Err(DecodeError::Malformed { what });
        }
        Ok(Self { count, bytes })
    }

    #[inline]
    fn new_map(head: Result<(usize, &'a [u8]), DecodeError>) -> Result<Self, DecodeError> {
        let items = Self::new(head, "map")?;
        if items.count % 2 == 0 {
            Ok(items)
        } else {
            Err(DecodeError::Malformed { what: "map" })
        }
    }

    /// How many items there are; twice the number of entries for a map.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The encoded items, without size and count.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where they stand in `whole`, which they were read from.
    #[inline]
    #[must_use]
    pub fn place(&self, whole: &[u8]) -> ItemsPlace {
        ItemsPlace {
            count: self.count,
            bytes: Span::of(self.bytes, whole),
        }
    }

    /// Walks the items; stops after the first error.
    #[inline]
    #[must_use]
    pub fn iter(&self) -> ItemsIter<'a> {
        ItemsIter {
            left: self.count,
            bytes: self.bytes,
        }
    }

    /// Walks the entries of a map; stops after the first error.
    #[inline]
    pub fn pairs(
        &self,
    ) -> impl Iterator<Item = Result<(Value<'a>, Value<'a>), DecodeError>> + use<'a> {
        let mut items = self.iter();
        std::iter::from_fn(move || {
            let key = items.next()?;
            let value = items.next()?;
            Some(key.and_then(|key| Ok((key, value?))))
        })
    }

    /// Walks the items without reading them.
    #[inline]
    pub fn raws(&self) -> impl Iterator<Item = Result<Raw<'a>, DecodeError>> + use<'a> {
        let mut bytes = self.bytes;
        (0..self.count).map(move |_| {
            let (raw, rest) = Raw::split(bytes)?;
            bytes = rest;
            Ok(raw)
        })
    }

    /// Walks the entries of a map without reading them; stops after the first error.
    #[inline]
    #[must_use]
    pub fn raw_pairs(&self) -> RawPairs<'a> {
        RawPairs::new(self.count / 2, self.bytes)
    }

    /// The value under a textual key (string or symbol) of a map; null counts as absent, as does all that follows
    /// a malformed entry.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<Value<'a>> {
        self.raw_pairs()
            .map_while(Result::ok)
            .find(|(name, _)| name.text() == Some(key.as_bytes()))
            .and_then(|(_, value)| value.read().ok())
            .filter(|value| !value.is_null())
    }

    /// The item at a position; null counts as absent, as does a malformed item.
    #[inline]
    #[must_use]
    pub fn at(&self, position: usize) -> Option<Value<'a>> {
        let mut items = self.iter();
        for _ in 0..position {
            items.skip_one()?;
        }
        items.next()?.ok().filter(|value| !value.is_null())
    }
}

/// Where [`Items`] stand in the bytes that they were read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemsPlace {
    count: usize,
    bytes: Span,
}

impl ItemsPlace {
    /// The items in a copy of the bytes.
    #[inline]
    #[must_use]
    pub fn items(self, whole: &[u8]) -> Items<'_> {
        Items {
            count: self.count,
            bytes: self.bytes.part(whole),
        }
    }
}

/// A walk over [`Items`].
#[derive(Debug, Clone)]
pub struct ItemsIter<'a> {
    left: usize,
    bytes: &'a [u8],
}

impl ItemsIter<'_> {
    /// Steps over one item without reading it.
    #[inline]
    fn skip_one(&mut self) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        self.bytes = skip(self.bytes).ok()?;
        Some(())
    }
}

impl<'a> Iterator for ItemsIter<'a> {
    type Item = Result<Value<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(match decode(self.bytes) {
            Ok((value, rest)) => {
                self.bytes = rest;
                Ok(value)
            }
            Err(error) => {
                self.left = 0;
                Err(error.within("item"))
            }
        })
    }
}

/// A descriptor and the value under it, not yet read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Described<'a> {
    /// Encoded, with its format code.
    descriptor: &'a [u8],
    constructor: u8,
    /// What follows the constructor.
    body: &'a [u8],
}

impl<'a> Described<'a> {
    /// The descriptor as a value: an unsigned long or a symbol.
    #[inline]
    pub fn descriptor(&self) -> Result<Value<'a>, DecodeError> {
        decode(self.descriptor).map(|(value, _)| value)
    }

    /// The numeric descriptor; the symbols of the standard are translated.
    #[inline]
    #[must_use]
    pub fn code(&self) -> Option<u64> {
        let value = self.descriptor().ok()?;
        value
            .as_u64()
            .or_else(|| descriptor::from_symbol(value.as_str()?))
    }

    /// The value under the descriptor.
    #[inline]
    pub fn value(&self) -> Result<Value<'a>, DecodeError> {
        decode_after(self.constructor, self.body).map(|(value, _)| value)
    }

    /// The value under the descriptor, not read yet.
    #[inline]
    pub fn raw(&self) -> Result<Raw<'a>, DecodeError> {
        Raw::after(self.constructor, self.body)
    }

    /// Descriptor, constructor and body as they are encoded, for writing them elsewhere.
    #[must_use]
    pub fn parts(&self) -> (&'a [u8], u8, &'a [u8]) {
        (self.descriptor, self.constructor, self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tells_missing_bytes_from_malformed_ones() {
        assert_eq!(decode(&[]), Err(DecodeError::Truncated));
        assert_eq!(decode(&[0xa1, 5, b'a']), Err(DecodeError::Truncated));
        assert_eq!(decode(&[0x00, 0x53]), Err(DecodeError::Truncated));
        assert_eq!(
            decode(&[0x3f]),
            Err(DecodeError::UnknownCode { code: 0x3f })
        );
        assert_eq!(
            decode(&[0xa1, 1, 0xff]),
            Err(DecodeError::Malformed { what: "string" })
        );
        assert_eq!(
            decode(&[0xa3, 2, 0xc3, 0xa4]),
            Err(DecodeError::Malformed { what: "symbol" })
        );
        assert_eq!(
            decode(&[0xc1, 3, 1, 0x40, 0x40]),
            Err(DecodeError::Malformed { what: "map" })
        );
        // A list that claims more items than it has bytes, and one whose item runs past its end.
        assert_eq!(
            decode(&[0xc0, 2, 9, 0x40]),
            Err(DecodeError::Malformed { what: "list" })
        );
        let (list, _) = decode(&[0xc0, 3, 1, 0xa1, 9]).unwrap();
        let items: Vec<_> = list.as_list().unwrap().iter().collect();
        assert_eq!(items, [Err(DecodeError::Malformed { what: "item" })]);
        // Four thousand million nulls in six bytes.
        let hostile = [0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x40];
        assert_eq!(
            decode(&hostile),
            Err(DecodeError::Malformed { what: "array" })
        );
    }

    #[test]
    fn hostile_nesting_costs_no_stack() {
        let descriptors = [0x00, 0x53, 0x10].repeat(20_000);
        assert_eq!(decode(&descriptors), Err(DecodeError::TooDeep));
        let mut lists = vec![0x45];
        for _ in 0..5_000 {
            let size = u32::try_from(lists.len() + 4).unwrap().to_be_bytes();
            lists = [&[0xd0][..], &size, &[0, 0, 0, 1], &lists].concat();
        }
        let (value, _) = decode(&lists).unwrap();
        assert_eq!(value.check(), Err(DecodeError::TooDeep));
        assert!(format!("{value:?}").len() < 100);
    }

    #[test]
    fn reads_integers_of_any_width_and_either_kind_of_text() {
        for bytes in [
            &[0x50, 7][..],
            &[0x60, 0, 7],
            &[0x52, 7],
            &[0x53, 7],
            &[0x54, 7],
            &[0x55, 7],
        ] {
            let (value, _) = decode(bytes).unwrap();
            assert_eq!(
                (value.as_i64(), value.as_u32()),
                (Some(7), Some(7)),
                "{value:?}"
            );
        }
        assert_eq!(Value::Long(-1).as_u64(), None);
        assert_eq!(Value::Ulong(u64::MAX).as_i64(), None);
        assert_eq!(Value::Symbol("a").as_str(), Value::String("a").as_str());
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe_to_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((value, rest)) = decode(&bytes) {
                prop_assert_eq!(skip(&bytes).unwrap().len(), rest.len());
                let _ = value.check();
                let _ = value.undescribed();
                let _ = value.as_map().map(|map| (map.find("x"), map.at(3)));
            }
        }

        /// Bytes that look like AMQP get further in than noise does.
        #[test]
        fn plausible_bytes_are_safe_to_read(
            bytes in proptest::collection::vec(
                prop_oneof![
                    proptest::sample::select(vec![0x00, 0x40, 0x45, 0x53, 0xa0, 0xa1, 0xa3, 0xc0, 0xc1, 0xe0, 0xd0, 0xf0]),
                    0_u8..12,
                ],
                0..120,
            ),
        ) {
            if let Ok((value, _)) = decode(&bytes) {
                let _ = value.check();
            }
        }
    }
}
