//! Messages of devices and to devices, as AMQP messages.
//!
//! Source: azure-iot-amqp-base 2.5.3 `amqp_message.js`; Microsoft.Azure.Devices.Client.

use std::collections::BTreeMap;

use bytes::Bytes;
use uuid::Uuid;

use crate::emulator::hub::command::{Ack, DeviceMessage, GivenMessage, PlugAndPlay};
use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::event::annotation::{
    COMPONENT, HUB_ENQUEUED_TIME, INTERFACE_ID, SEQUENCE_NUMBER,
};
use crate::protocol::amqp::identity_address::{IdentityAddress, IdentityNode};
use crate::protocol::amqp::message::{Body, Message, MessageWriter, PropertyFields};
use crate::protocol::amqp::value::Value;
use crate::protocol::rest::event_header;

/// The format of a message whose body is made of messages, each in a data section of its own.
const BATCH: u32 = 0x8001_3700;

/// The annotations that Microsoft's clients look for.
pub(super) const LOCK_TOKEN: &str = "x-opt-lock-token";
const DELIVERY_COUNT: &str = "iothub-deliverycount";

/// Why there are no bytes in a body.
pub(super) const NO_BYTES: &str =
    "has a body of several AMQP values: it has to be data, or one value of binary or string";

/// Why a delivery holds no messages.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is no message at all.
    Malformed(DecodeError),
    /// Something in it has no place in a message of a device.
    Unfit(String),
}

/// The messages in one delivery: a batch has several.
pub(super) fn events(format: u32, encoded: &[u8]) -> Result<Vec<DeviceMessage>, Unreadable> {
    let whole = Message::parse(encoded).map_err(Unreadable::Malformed)?;
    if format != BATCH {
        return Ok(vec![event(&whole)?]);
    }
    let Body::Data(sections) = whole.body else {
        return Err(Unreadable::Unfit("the batch holds no messages".to_owned()));
    };
    let parse = |section| Message::parse(section).map_err(Unreadable::Malformed);
    let messages = sections.iter().map(|section| event(&parse(section)?));
    messages.collect()
}

fn event(message: &Message<'_>) -> Result<DeviceMessage, Unreadable> {
    let mut event = read(message).map_err(Unreadable::Unfit)?;
    let annotation = |name| message.annotation(name).as_ref().and_then(text);
    event.plug_and_play = PlugAndPlay {
        interface: annotation(INTERFACE_ID),
        component: annotation(COMPONENT),
        model: None,
    };
    Ok(event)
}

/// What a message holds. An error says what cannot be understood.
pub(super) fn read(message: &Message<'_>) -> Result<DeviceMessage, String> {
    let fields = PropertyFields::from(message.properties);
    let mut properties = BTreeMap::new();
    let named = message.application_properties.unwrap_or_default();
    for pair in named.pairs() {
        let (name, value) = pair.map_err(|error| error.to_string())?;
        let (Some(name), Some(value)) = (name.as_str(), text(&value)) else {
            return Err("an application property is neither text nor number".to_owned());
        };
        properties.insert(name.to_owned(), value);
    }
    Ok(DeviceMessage {
        body: body(message).ok_or_else(|| format!("the message {NO_BYTES}"))?,
        message_id: fields.message_id.as_ref().and_then(text),
        correlation_id: fields.correlation_id.as_ref().and_then(text),
        user_id: fields.user_id.map(lossy),
        to: fields.to.map(str::to_owned),
        absolute_expiry: fields.absolute_expiry_time,
        content_type: fields.content_type.map(str::to_owned),
        content_encoding: fields.content_encoding.map(str::to_owned),
        plug_and_play: PlugAndPlay::default(),
        properties,
    })
}

/// The bytes of a body; `None` for what is made of several values, which have none of their own. A single value is taken as
/// it would be written over HTTPS: binary as its bytes, anything else as text.
pub(super) fn body(message: &Message<'_>) -> Option<Bytes> {
    match &message.body {
        Body::Data(sections) => Some(sections.iter().collect::<Vec<_>>().concat().into()),
        Body::Value(value) => {
            let bytes = value.as_binary().map(Bytes::copy_from_slice);
            bytes.or_else(|| text(value).map(Bytes::from))
        }
        Body::Empty => Some(Bytes::new()),
        Body::Sequence(_) => None,
    }
}

/// What is text over HTTPS and MQTT whatever it is here; `None` for what is made of several values.
fn text(value: &Value<'_>) -> Option<String> {
    if value.is_null() {
        return Some(String::new());
    }
    if let Value::Uuid(bytes) = value {
        return Some(Uuid::from_bytes(*bytes).to_string());
    }
    if let Value::Float(number) = value {
        return Some(number.to_string());
    }
    if let Value::Double(number) = value {
        return Some(number.to_string());
    }
    let text = || value.as_str().map(str::to_owned);
    let number = || value.as_i64().map(|number| number.to_string());
    let large = || value.as_u64().map(|number| number.to_string());
    let truth = || value.as_bool().map(|truth| truth.to_string());
    let time = || value.as_timestamp_ms().map(|ms| ms.to_string());
    let bytes = || value.as_binary().map(lossy);
    text()
        .or_else(number)
        .or_else(large)
        .or_else(truth)
        .or_else(time)
        .or_else(bytes)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A message to a device, as it gets it.
pub(super) fn write(given: &GivenMessage) -> Vec<u8> {
    let message = &given.content.message;
    let to = IdentityAddress {
        identity: given.identity.clone(),
        node: IdentityNode::DeviceBound,
    };
    let to = to.to_string();
    let mut out = Vec::with_capacity(message.size() + 512);
    let mut writer = MessageWriter::new(&mut out);
    writer.message_annotations(|w| {
        w.symbol(HUB_ENQUEUED_TIME);
        w.timestamp(given.enqueued.timestamp_millis());
        w.symbol(DELIVERY_COUNT);
        w.ubyte(u8::try_from(given.delivery_count).unwrap_or(u8::MAX));
        w.symbol(SEQUENCE_NUMBER);
        w.long(given.sequence_number);
        w.symbol(LOCK_TOKEN);
        w.uuid(given.lock.into_bytes());
    });
    writer.properties(&PropertyFields {
        message_id: message.message_id.as_deref().map(Value::String),
        user_id: message.user_id.as_deref().map(str::as_bytes),
        to: Some(&to),
        correlation_id: message.correlation_id.as_deref().map(Value::String),
        content_type: message.content_type.as_deref(),
        content_encoding: message.content_encoding.as_deref(),
        absolute_expiry_time: given.content.expiry,
        ..PropertyFields::default()
    });
    let ack = given.content.ack;
    if ack != Ack::None || !message.properties.is_empty() {
        writer.application_properties(|w| {
            if ack != Ack::None {
                w.string(event_header::ACK);
                w.string(ack.name());
            }
            for (name, value) in &message.properties {
                w.string(name);
                w.string(value);
            }
        });
    }
    writer.data(&message.body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::writer::Writer;

    fn encoded(body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = MessageWriter::new(&mut out);
        writer.message_annotations(|w| {
            w.symbol("dt-subject");
            w.string("thermostat");
            w.symbol("operation");
            w.string("GET");
        });
        writer.properties(&PropertyFields {
            message_id: Some(Value::Uuid([7; 16])),
            user_id: Some(b"me"),
            content_type: Some("application/json"),
            to: Some("/x"),
            absolute_expiry_time: Some(7),
            ..PropertyFields::default()
        });
        writer.application_properties(|w| {
            w.string("level");
            w.int(-3);
        });
        writer.data(body);
        out
    }

    #[test]
    fn an_event_is_what_the_device_said() {
        let [event] = events(0, &encoded(b"{}")).unwrap().try_into().unwrap();
        let expected = DeviceMessage {
            body: Bytes::from_static(b"{}"),
            message_id: Some("07070707-0707-0707-0707-070707070707".to_owned()),
            user_id: Some("me".to_owned()),
            to: Some("/x".to_owned()),
            absolute_expiry: Some(7),
            content_type: Some("application/json".to_owned()),
            plug_and_play: PlugAndPlay {
                component: Some("thermostat".to_owned()),
                ..PlugAndPlay::default()
            },
            properties: [("level".to_owned(), "-3".to_owned())].into(),
            ..DeviceMessage::default()
        };
        assert_eq!(event, expected);
    }

    #[test]
    fn a_batch_is_taken_apart() {
        let mut batch = Vec::new();
        let mut writer = MessageWriter::new(&mut batch);
        writer.data(&encoded(b"one"));
        writer.data(&encoded(b"two"));
        let found = events(BATCH, &batch).unwrap();
        let bodies: Vec<_> = found.iter().map(|event| &event.body[..]).collect();
        assert_eq!(bodies, [b"one", b"two"]);
        assert_eq!(found[1].properties["level"], "-3");
        // A plain message may have several sections, too.
        assert_eq!(events(0, &batch).unwrap().len(), 1);
    }

    #[test]
    fn a_body_of_one_value_is_taken_and_one_of_several_is_not() {
        let taken = |write: &dyn Fn(&mut Writer<'_>)| {
            let mut message = Vec::new();
            MessageWriter::new(&mut message).value(|w| write(w));
            let events = events(0, &message);
            events.map(|events| events[0].body.to_vec())
        };
        assert_eq!(taken(&|w| w.string("ä")).unwrap(), "ä".as_bytes());
        assert_eq!(taken(&|w| w.binary(b"\xff\x00")).unwrap(), b"\xff\x00");
        assert_eq!(taken(&|w| w.long(-3)).unwrap(), b"-3");
        assert_eq!(taken(&|w| w.optional(None::<()>, |_, ()| {})).unwrap(), b"");
        let sequence = b"\x00\x53\x76\xc0\x03\x01\x54\x07";
        for refused in [
            taken(&|w| {
                w.map(|w| {
                    w.string("t");
                    w.long(21);
                });
            }),
            taken(&|w| w.list(|w| w.long(1))),
            events(0, sequence).map(|events| events[0].body.to_vec()),
        ] {
            let expected = "the message has a body of several AMQP values: \
                            it has to be data, or one value of binary or string";
            assert_eq!(refused, Err(Unreadable::Unfit(expected.to_owned())));
        }
    }

    #[test]
    fn what_holds_no_message_is_told_apart() {
        let malformed = |format, bytes: &[u8]| {
            let read = events(format, bytes);
            assert!(matches!(read, Err(Unreadable::Malformed(_))), "{read:?}");
        };
        malformed(0, b"\x01");
        let mut batch = Vec::new();
        MessageWriter::new(&mut batch).data(b"\x01");
        malformed(BATCH, &batch);
        let mut value = Vec::new();
        MessageWriter::new(&mut value).value(|w| w.string("x"));
        let read = events(BATCH, &value);
        assert!(matches!(read, Err(Unreadable::Unfit(_))), "{read:?}");
    }
}
