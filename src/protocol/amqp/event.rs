//! A device's message as a reader of the event hub sees it.
//!
//! Source: learn.microsoft.com, "Read device-to-cloud messages from the built-in endpoint"; azure-eventhub 5.15.1
//! `_common.py`. Borrows from the message's bytes; one walk over the annotations, nothing allocated.

use super::encoding::DecodeError;
use super::message::{Message, MessageOutline};
use super::span::Span;
use crate::model::identifier::SequenceNumber;

/// Annotations by which the event hub and the hub in front of it say where a message came from.
pub mod annotation {
    /// The place in the partition: a long.
    pub const SEQUENCE_NUMBER: &str = "x-opt-sequence-number";
    /// The place in the partition's log: opaque text.
    pub const OFFSET: &str = "x-opt-offset";
    /// When the event hub took it in: a timestamp.
    pub const ENQUEUED_TIME: &str = "x-opt-enqueued-time";
    /// When the hub took it in: a timestamp.
    pub const HUB_ENQUEUED_TIME: &str = "iothub-enqueuedtime";
    /// The device that sent it.
    pub const DEVICE_ID: &str = "iothub-connection-device-id";
    /// The device's module that sent it.
    pub const MODULE_ID: &str = "iothub-connection-module-id";
    /// `Telemetry`, `twinChangeEvents`, `deviceLifecycleEvents` and so on.
    pub const SOURCE: &str = "iothub-message-source";
    /// IoT Plug and Play: the interface that it belongs to.
    pub const INTERFACE_ID: &str = "iothub-interface-id";
    /// IoT Plug and Play: the component that sent it.
    pub const COMPONENT: &str = "dt-subject";
    /// IoT Plug and Play: the model that the device named when it connected.
    pub const MODEL_ID: &str = "dt-dataschema";

    /// Whether the annotation of this name has a place of its own in an [`Event`](super::Event).
    #[must_use]
    pub fn has_a_key(name: &[u8]) -> bool {
        [
            SEQUENCE_NUMBER,
            OFFSET,
            ENQUEUED_TIME,
            DEVICE_ID,
            MODULE_ID,
            SOURCE,
        ]
        .iter()
        .any(|known| known.as_bytes() == name)
    }
}

/// The application properties that the system has a meaning for.
pub mod application {
    /// When the device made the message.
    pub const CREATION_TIME: &str = "iothub-creation-time-utc";
    /// The schema of the body.
    pub const MESSAGE_SCHEMA: &str = "iothub-message-schema";
    /// What the message is part of, where a client says so.
    pub const OPERATION: &str = "iothub-operation";

    /// Whether the application property of this name is one of the system's.
    #[must_use]
    pub fn is_of_system(name: &str) -> bool {
        [CREATION_TIME, MESSAGE_SCHEMA, OPERATION].contains(&name)
    }
}

// Names are compared as bytes: most annotations are stepped over, and need not be looked at.
const SEQUENCE_NUMBER: &[u8] = annotation::SEQUENCE_NUMBER.as_bytes();
const OFFSET: &[u8] = annotation::OFFSET.as_bytes();
const ENQUEUED_TIME: &[u8] = annotation::ENQUEUED_TIME.as_bytes();
const HUB_ENQUEUED_TIME: &[u8] = annotation::HUB_ENQUEUED_TIME.as_bytes();
const DEVICE_ID: &[u8] = annotation::DEVICE_ID.as_bytes();
const MODULE_ID: &[u8] = annotation::MODULE_ID.as_bytes();
const SOURCE: &[u8] = annotation::SOURCE.as_bytes();

/// One event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event<'a> {
    /// Its place in its partition.
    pub sequence_number: SequenceNumber,
    /// Its place in the partition's log: opaque text.
    pub offset: &'a str,
    /// When it was enqueued: milliseconds since the Unix epoch.
    pub enqueued_time_ms: i64,
    /// The device that sent it, or that it is about; none when it did not come through a hub.
    pub device_id: Option<&'a str>,
    /// The device's module that sent it.
    pub module_id: Option<&'a str>,
    /// `Telemetry`, `twinChangeEvents`, `deviceLifecycleEvents` and so on.
    pub source: Option<&'a str>,
    /// Whether there are annotations beside those that have a place of their own.
    pub has_further_annotations: bool,
    /// All the rest: annotations, properties, body.
    pub message: Message<'a>,
    /// The bytes that it was read from.
    pub payload: &'a [u8],
}

impl<'a> Event<'a> {
    /// Reads a message that came from a partition.
    ///
    /// # Errors
    /// [`DecodeError`] where it is no message, or has no sequence number.
    pub fn parse(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let message = Message::parse(payload)?;
        let mut event = Self {
            sequence_number: SequenceNumber(0),
            offset: "",
            enqueued_time_ms: 0,
            device_id: None,
            module_id: None,
            source: None,
            has_further_annotations: false,
            message,
            payload,
        };
        let mut sequence_number = None;
        let (mut enqueued, mut hub_enqueued) = (None, None);
        for entry in message.message_annotations.unwrap_or_default().raw_pairs() {
            let (name, value) = entry?;
            match name.text() {
                Some(SEQUENCE_NUMBER) => sequence_number = value.read()?.as_i64(),
                Some(OFFSET) => event.offset = value.read()?.as_str().unwrap_or_default(),
                Some(ENQUEUED_TIME) => enqueued = value.read()?.as_timestamp_ms(),
                Some(HUB_ENQUEUED_TIME) => {
                    hub_enqueued = value.read()?.as_timestamp_ms();
                    event.has_further_annotations = true;
                }
                Some(DEVICE_ID) => event.device_id = value.read()?.as_str(),
                Some(MODULE_ID) => event.module_id = value.read()?.as_str(),
                Some(SOURCE) => event.source = value.read()?.as_str(),
                _ => event.has_further_annotations = true,
            }
        }
        event.sequence_number = SequenceNumber(sequence_number.ok_or(DecodeError::Malformed {
            what: "event (it has no sequence number)",
        })?);
        event.enqueued_time_ms = enqueued.or(hub_enqueued).unwrap_or_default();
        Ok(event)
    }

    /// What was found in the payload, and where.
    #[inline]
    #[must_use]
    pub fn outline(&self) -> EventOutline {
        let span = |text: &str| Span::of(text.as_bytes(), self.payload);
        EventOutline {
            sequence_number: self.sequence_number,
            offset: span(self.offset),
            enqueued_time_ms: self.enqueued_time_ms,
            device_id: self.device_id.map(span),
            module_id: self.module_id.map(span),
            source: self.source.map(span),
            has_further_annotations: self.has_further_annotations,
            message: MessageOutline::of(&self.message, self.payload),
        }
    }
}

/// What was found in the payload of an [`Event`], and where: with it a copy of the payload need not be walked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventOutline {
    sequence_number: SequenceNumber,
    offset: Span,
    enqueued_time_ms: i64,
    device_id: Option<Span>,
    module_id: Option<Span>,
    source: Option<Span>,
    has_further_annotations: bool,
    message: MessageOutline,
}

impl EventOutline {
    /// The event in a copy of its payload.
    #[inline]
    #[must_use]
    pub fn event(self, payload: &[u8]) -> Event<'_> {
        Event {
            sequence_number: self.sequence_number,
            offset: self.offset.text(payload),
            enqueued_time_ms: self.enqueued_time_ms,
            device_id: self.device_id.map(|span| span.text(payload)),
            module_id: self.module_id.map(|span| span.text(payload)),
            source: self.source.map(|span| span.text(payload)),
            has_further_annotations: self.has_further_annotations,
            message: self.message.message(payload),
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::message::MessageWriter;
    use crate::protocol::amqp::reference;
    use proptest::prelude::*;

    #[test]
    fn a_device_to_cloud_message_is_read() {
        let bytes = reference::bytes(reference::MESSAGE_D2C_RHEA);
        let event = Event::parse(&bytes).unwrap();
        assert_eq!(event.sequence_number, SequenceNumber(16));
        assert_eq!(
            (event.offset, event.enqueued_time_ms),
            ("8448", 1_714_547_677_956)
        );
        assert_eq!(
            (event.device_id, event.module_id, event.source),
            (Some("sim000001"), None, Some("Telemetry"))
        );
    }

    #[test]
    fn a_copy_is_read_by_its_outline() {
        let bodies: [fn(&mut MessageWriter<'_>); 4] = [
            |_| {},
            |message| message.data(b"one"),
            |message| {
                message.data(b"one");
                message.data(b"two");
            },
            |message| message.value(|w| w.string("text")),
        ];
        for write_body in bodies {
            let mut payload = Vec::new();
            let mut message = MessageWriter::new(&mut payload);
            message.message_annotations(|w| {
                w.symbol(annotation::SEQUENCE_NUMBER);
                w.long(7);
            });
            write_body(&mut message);
            let copy = payload.clone();
            let event = Event::parse(&payload).unwrap();
            assert_eq!(event.outline().event(&copy), event);
        }
    }

    #[test]
    fn a_message_without_its_place_is_no_event() {
        assert!(Event::parse(&[]).is_err());
    }

    proptest! {
        #[test]
        fn changed_bytes_are_safe_to_read_and_are_read_the_same_in_a_copy(at: prop::sample::Index, byte: u8) {
            let mut bytes = reference::bytes(reference::MESSAGE_D2C_RHEA);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let copy = bytes.clone();
            if let Ok(event) = Event::parse(&bytes) {
                prop_assert_eq!(event.outline().event(&copy), event);
            }
        }
    }
}
