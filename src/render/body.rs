//! What an event carries, whatever kind of AMQP body it came in.

use crate::protocol::amqp::message::{Body, SequenceSections};
use crate::protocol::amqp::value::Value;

/// What an event carries.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// Nothing.
    Empty,
    /// Bytes: what devices send.
    Bytes(&'a [u8]),
    /// A value that is not bytes.
    Value(Value<'a>),
    /// Lists.
    Lists(SequenceSections<'a>),
}

impl<'a> Content<'a> {
    /// What `body` carries; several sections of bytes are put together in `scratch`, one is borrowed where it stands.
    pub fn of(body: &Body<'a>, scratch: &'a mut Vec<u8>) -> Self {
        match body {
            Body::Empty => Self::Empty,
            Body::Data(sections) => {
                if let Some(bytes) = sections.single() {
                    return Self::Bytes(bytes);
                }
                scratch.clear();
                for section in sections.iter() {
                    scratch.extend_from_slice(section);
                }
                Self::Bytes(scratch)
            }
            Body::Value(value) => match value.as_binary() {
                Some(bytes) => Self::Bytes(bytes),
                None => Self::Value(*value),
            },
            Body::Sequence(lists) => Self::Lists(*lists),
        }
    }

    /// Bytes, of a body of bytes or of a text.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Value(value) => value.as_str().map(str::as_bytes),
            Self::Empty | Self::Lists(_) => None,
        }
    }
}
