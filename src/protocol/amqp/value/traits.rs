//! Standard traits of the containers: how they print, and that they can be walked by reference.

use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::value::{ArrayItems, ArrayIter, Described, Items, ItemsIter, Value};

/// Says how much there is, not what: a token may be in it, and nesting would cost stack.
impl std::fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Items({} in {} bytes)", self.count, self.bytes.len())
    }
}

impl<'a> IntoIterator for &Items<'a> {
    type Item = Result<Value<'a>, DecodeError>;
    type IntoIter = ItemsIter<'a>;

    fn into_iter(self) -> ItemsIter<'a> {
        self.iter()
    }
}

/// Says how much there is, not what.
impl std::fmt::Debug for ArrayItems<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ArrayItems({} of {:#04x} in {} bytes)",
            self.count,
            self.constructor,
            self.bytes.len()
        )
    }
}

impl<'a> IntoIterator for &ArrayItems<'a> {
    type Item = Result<Value<'a>, DecodeError>;
    type IntoIter = ArrayIter<'a>;

    fn into_iter(self) -> ArrayIter<'a> {
        self.iter()
    }
}

/// Names the descriptor, not what is described.
impl std::fmt::Debug for Described<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Described({:?}, {} bytes)",
            self.descriptor(),
            self.body.len() + 1
        )
    }
}
