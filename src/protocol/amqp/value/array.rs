//! Arrays: elements that share one constructor.

use super::{Described, Value, from_content};
use crate::protocol::amqp::encoding::{DecodeError, code, split_content, split_descriptor};

/// Most items that an array of empty elements (nulls, say) may claim, since no bytes bound their number.
const MAX_EMPTY_ELEMENTS: usize = 4096;

/// The elements of an array, not yet read: one constructor for all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ArrayItems<'a> {
    pub(super) count: usize,
    /// The encoded descriptor that all elements share.
    descriptor: Option<&'a [u8]>,
    pub(super) constructor: u8,
    pub(super) bytes: &'a [u8],
}

impl<'a> ArrayItems<'a> {
    #[inline]
    pub(super) fn new(head: Result<(usize, &'a [u8]), DecodeError>) -> Result<Self, DecodeError> {
        const WHAT: DecodeError = DecodeError::Malformed { what: "array" };
        let (count, mut bytes) = head.map_err(|_| WHAT)?;
        let mut descriptor = None;
        if let Some((&code::DESCRIBED, rest)) = bytes.split_first() {
            let (found, rest) = split_descriptor(rest).map_err(|error| error.within("array"))?;
            (descriptor, bytes) = (Some(found), rest);
        }
        let (&constructor, bytes) = match bytes.split_first() {
            Some(split) => split,
            // Some stacks write no constructor for an array without elements.
            None if count == 0 => (&code::NULL, bytes),
            None => return Err(WHAT),
        };
        let limit = if constructor >> 4 == 4 {
            MAX_EMPTY_ELEMENTS
        } else {
            bytes.len()
        };
        if constructor == code::DESCRIBED || count > limit {
            return Err(WHAT);
        }
        Ok(Self {
            count,
            descriptor,
            constructor,
            bytes,
        })
    }

    /// How many elements there are.
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

    /// Descriptor, constructor and elements as they are encoded, for writing them elsewhere.
    #[must_use]
    pub fn parts(&self) -> (Option<&'a [u8]>, u8, &'a [u8]) {
        (self.descriptor, self.constructor, self.bytes)
    }

    /// Walks the elements; stops after the first error.
    #[inline]
    #[must_use]
    pub fn iter(&self) -> ArrayIter<'a> {
        ArrayIter { array: *self }
    }
}

/// A walk over [`ArrayItems`].
#[derive(Debug, Clone)]
pub struct ArrayIter<'a> {
    array: ArrayItems<'a>,
}

impl<'a> Iterator for ArrayIter<'a> {
    type Item = Result<Value<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let array = &mut self.array;
        array.count = array.count.checked_sub(1)?;
        let before = array.bytes;
        let (content, rest) = match split_content(array.constructor, before) {
            Ok(split) => split,
            Err(error) => {
                array.count = 0;
                return Some(Err(error.within("element")));
            }
        };
        array.bytes = rest;
        Some(match array.descriptor {
            None => from_content(array.constructor, content),
            Some(descriptor) => Ok(Value::Described(Described {
                descriptor,
                constructor: array.constructor,
                body: &before[..before.len() - rest.len()],
            })),
        })
    }
}
