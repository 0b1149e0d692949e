//! Messages: the sections of a transfer's payload, walked in place and written one by one.
//!
//! Reading allocates nothing: one pass finds where the sections are, and what is in them is read when asked for.
//! Sections may stand in any order, unknown ones are stepped over. Must never know what an annotation means.

use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::value::{Items, Raw, Value, decode};

pub mod outline;
pub mod properties;
pub mod writer;

pub use outline::MessageOutline;
pub use properties::{Properties, PropertyFields};
pub use writer::MessageWriter;

/// The sections of one message.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Message<'a> {
    /// Durable, priority, time to live in ms, first acquirer, delivery count, by position.
    pub header: Option<Items<'a>>,
    /// Annotations for this delivery, such as what was enqueued last.
    pub delivery_annotations: Option<Items<'a>>,
    /// Annotations that travel with the message: offset, sequence number, device.
    pub message_annotations: Option<Items<'a>>,
    /// The standard's own properties.
    pub properties: Properties<'a>,
    /// The sender's own properties.
    pub application_properties: Option<Items<'a>>,
    /// What it is all about.
    pub body: Body<'a>,
    /// Annotations behind the body.
    pub footer: Option<Items<'a>>,
}

/// The body of a message.
#[derive(Clone, Copy, PartialEq, Default)]
pub enum Body<'a> {
    /// There is none.
    #[default]
    Empty,
    /// One or more sections of bytes.
    Data(DataSections<'a>),
    /// One value.
    Value(Value<'a>),
    /// One or more lists.
    Sequence(SequenceSections<'a>),
}

/// Says what kind of body it is, not what is in it: tokens travel in values.
impl std::fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Data(sections) => sections.fmt(f),
            Self::Value(_) => f.write_str("Value(..)"),
            Self::Sequence(sections) => sections.fmt(f),
        }
    }
}

impl<'a> Message<'a> {
    /// Finds the sections of a payload. An error if it is cut short, if something stands in it that is no section,
    /// or if a section holds the wrong type; null in place of a map or list counts as a missing section.
    pub fn parse(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        let mut left = payload;
        while !left.is_empty() {
            let (code, value, rest) = section(left).map_err(|error| error.within("message"))?;
            message.take(code, value, left)?;
            left = rest;
        }
        Ok(message)
    }

    /// Takes a section in, which stands at the front of `bytes`.
    #[inline]
    fn take(
        &mut self,
        code: Option<u64>,
        value: Raw<'a>,
        bytes: &'a [u8],
    ) -> Result<(), DecodeError> {
        match code {
            Some(descriptor::HEADER) => self.header = list(value.read()?, "header")?,
            Some(descriptor::DELIVERY_ANNOTATIONS) => {
                self.delivery_annotations = map(value.read()?)?;
            }
            Some(descriptor::MESSAGE_ANNOTATIONS) => {
                self.message_annotations = map(value.read()?)?;
            }
            Some(descriptor::PROPERTIES) => {
                let list = list(value.read()?, "properties")?;
                self.properties = Properties::new(list.unwrap_or_default());
            }
            Some(descriptor::APPLICATION_PROPERTIES) => {
                self.application_properties = map(value.read()?)?;
            }
            Some(descriptor::FOOTER) => self.footer = map(value.read()?)?,
            Some(descriptor::AMQP_VALUE) => self.body = Body::Value(value.read()?),
            Some(descriptor::DATA) => {
                let data = value.read()?.as_binary().ok_or(DecodeError::Malformed {
                    what: "data section",
                })?;
                if let Body::Data(sections) = &mut self.body {
                    sections.is_single = false;
                } else {
                    self.body = Body::Data(DataSections {
                        bytes,
                        first: data,
                        is_single: true,
                    });
                }
            }
            Some(descriptor::AMQP_SEQUENCE) => {
                value.read()?.as_list().ok_or(DecodeError::Malformed {
                    what: "sequence section",
                })?;
                if !matches!(self.body, Body::Sequence(_)) {
                    self.body = Body::Sequence(SequenceSections { bytes });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A message annotation by name.
    #[inline]
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<Value<'a>> {
        self.message_annotations?.find(name)
    }

    /// An application property by name.
    #[inline]
    #[must_use]
    pub fn application_property(&self, name: &str) -> Option<Value<'a>> {
        self.application_properties?.find(name)
    }

    /// How long the message lives, in milliseconds, if its header says so.
    #[must_use]
    pub fn time_to_live_ms(&self) -> Option<u32> {
        self.header?.at(2)?.as_u32()
    }
}

/// The section at the front of `bytes`: its descriptor's code, its value, and what follows it.
#[inline]
fn section(bytes: &[u8]) -> Result<(Option<u64>, Raw<'_>, &[u8]), DecodeError> {
    // The form in which everyone writes them.
    if let Some((&[0, 0x53, code], value)) = bytes.split_first_chunk() {
        let (value, rest) = Raw::split(value)?;
        return Ok((Some(code.into()), value, rest));
    }
    let (section, rest) = decode(bytes)?;
    let section = section
        .as_described()
        .ok_or(DecodeError::Malformed { what: "message" })?;
    Ok((section.code(), section.raw()?, rest))
}

fn map(value: Value<'_>) -> Result<Option<Items<'_>>, DecodeError> {
    match value.as_map() {
        None if !value.is_null() => Err(DecodeError::Malformed {
            what: "annotations",
        }),
        map => Ok(map),
    }
}

fn list<'a>(value: Value<'a>, what: &'static str) -> Result<Option<Items<'a>>, DecodeError> {
    match value.as_list() {
        None if !value.is_null() => Err(DecodeError::Malformed { what }),
        list => Ok(list),
    }
}

/// The Data sections of a message, which begin at its first one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DataSections<'a> {
    bytes: &'a [u8],
    first: &'a [u8],
    is_single: bool,
}

/// Says that there is data, not what.
impl std::fmt::Debug for DataSections<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataSections({})", self.iter().count())
    }
}

impl<'a> DataSections<'a> {
    /// Walks the bytes of each section.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        sections(self.bytes, descriptor::DATA).filter_map(|value| value.as_binary())
    }

    /// The bytes, if they stand in one section, as they do but in batches.
    #[inline]
    #[must_use]
    pub fn single(&self) -> Option<&'a [u8]> {
        self.is_single.then_some(self.first)
    }

    /// Bytes in all sections together.
    #[must_use]
    pub fn length(&self) -> usize {
        self.iter().map(<[u8]>::len).sum()
    }
}

/// The Sequence sections of a message, which begin at its first one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SequenceSections<'a> {
    bytes: &'a [u8],
}

/// Says that there is a sequence, not what.
impl std::fmt::Debug for SequenceSections<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SequenceSections({})", self.iter().count())
    }
}

impl<'a> SequenceSections<'a> {
    /// Walks the list of each section.
    pub fn iter(&self) -> impl Iterator<Item = Items<'a>> + use<'a> {
        sections(self.bytes, descriptor::AMQP_SEQUENCE).filter_map(|value| value.as_list())
    }
}

/// The values of all sections under one descriptor.
fn sections(mut bytes: &[u8], code: u64) -> impl Iterator<Item = Value<'_>> + use<'_> {
    let walk = std::iter::from_fn(move || {
        let (value, rest) = decode(bytes).ok()?;
        bytes = rest;
        value.as_described()
    });
    walk.filter(move |section| section.code() == Some(code))
        .filter_map(|section| section.value().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::reference;
    use proptest::prelude::*;

    #[test]
    fn reads_a_telemetry_event() {
        let bytes = reference::bytes(reference::MESSAGE_D2C_RHEA);
        let message = Message::parse(&bytes).unwrap();
        let text = |name: &str| message.annotation(name).and_then(|value| value.as_str());
        assert_eq!(
            message.annotation("x-opt-sequence-number"),
            Some(Value::Long(16))
        );
        assert_eq!(
            message.annotation("x-opt-sequence-number-epoch"),
            Some(Value::Int(-1))
        );
        assert_eq!(text("x-opt-offset"), Some("8448"));
        assert_eq!(text("iothub-connection-device-id"), Some("sim000001"));
        assert_eq!(text("iothub-message-source"), Some("Telemetry"));
        assert_eq!(text("missing"), None);
        let enqueued = message.annotation("iothub-enqueuedtime").unwrap();
        assert_eq!(enqueued, Value::Timestamp(1_714_547_677_956));
        assert_eq!(message.properties.content_type(), Some("application/json"));
        assert_eq!(message.properties.content_encoding(), Some("utf-8"));
        assert_eq!(
            message.application_property("level"),
            Some(Value::String("high"))
        );
        let Body::Data(data) = message.body else {
            panic!("{:?}", message.body)
        };
        assert_eq!(data.single(), Some(&b"{\"t\":21.5}"[..]));
    }

    #[test]
    fn writes_and_reads_every_section() {
        let mut out = Vec::new();
        let fields = PropertyFields {
            message_id: Some(Value::String("m1")),
            user_id: Some(b"me"),
            content_type: Some("application/json"),
            absolute_expiry_time: Some(99),
            ..PropertyFields::default()
        };
        let mut writer = MessageWriter::new(&mut out);
        writer.header(1_000, 3);
        writer.delivery_annotations(|w| {
            w.symbol("last");
            w.long(1);
        });
        writer.message_annotations(|w| {
            w.symbol("x-opt-offset");
            w.string("8448");
        });
        writer.properties(&fields);
        writer.application_properties(|w| {
            w.string("level");
            w.string("high");
        });
        writer.data(b"one");
        writer.data(&[7; 300]);
        let message = Message::parse(&out).unwrap();
        assert_eq!(message.time_to_live_ms(), Some(1_000));
        assert_eq!(
            message.delivery_annotations.unwrap().find("last"),
            Some(Value::Long(1))
        );
        assert_eq!(
            message.annotation("x-opt-offset"),
            Some(Value::String("8448"))
        );
        assert_eq!(message.properties.message_id(), Some(Value::String("m1")));
        assert_eq!(message.properties.user_id(), Some(&b"me"[..]));
        assert_eq!(message.properties.absolute_expiry_time(), Some(99));
        assert_eq!(message.properties.group_id(), None);
        assert_eq!(PropertyFields::from(message.properties), fields);
        let Body::Data(data) = message.body else {
            panic!("{:?}", message.body)
        };
        assert!(data.iter().eq([&b"one"[..], &[7; 300]]));
        assert_eq!((data.single(), data.length()), (None, 303));
    }

    #[test]
    fn takes_sections_in_any_order_and_bodies_of_any_kind() {
        let mut out = Vec::new();
        let mut writer = MessageWriter::new(&mut out);
        writer.value(|w| w.string("token"));
        writer.application_properties(|w| {
            w.string("operation");
            w.string("put-token");
        });
        let message = Message::parse(&out).unwrap();
        assert_eq!(message.body, Body::Value(Value::String("token")));
        assert_eq!(
            message.application_property("operation"),
            Some(Value::String("put-token"))
        );
        let sequences = [
            0, 0x53, 0x76, 0x45, 0, 0x53, 0x99, 0x40, 0, 0x53, 0x76, 0xc0, 2, 1, 0x41,
        ];
        let Body::Sequence(lists) = Message::parse(&sequences).unwrap().body else {
            panic!()
        };
        assert_eq!(
            lists.iter().map(|list| list.len()).collect::<Vec<_>>(),
            [0, 1]
        );
        assert_eq!(Message::parse(&[]).unwrap().body, Body::Empty);
        assert_eq!(
            Message::parse(&[0x40]),
            Err(DecodeError::Malformed { what: "message" })
        );
    }

    fn probe(bytes: &[u8]) {
        if let Ok(message) = Message::parse(bytes) {
            let _ = (
                message.annotation("x-opt-offset"),
                message.application_property("level"),
            );
            let _ = (
                message.time_to_live_ms(),
                PropertyFields::from(message.properties),
            );
            let _ = format!("{message:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe_to_read(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            probe(&bytes);
        }

        #[test]
        fn changed_bytes_are_safe_to_read(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
            let mut bytes = reference::bytes(reference::MESSAGE_D2C_RHEA);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            probe(&bytes);
        }
    }
}
