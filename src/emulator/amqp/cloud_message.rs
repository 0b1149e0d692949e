//! Messages to devices, and feedback about them, as AMQP messages.
//!
//! Source: azure-iothub 1.16.6 `amqp_message.js`; azure-iot-hub 2.7.0 `iothub_amqp_client.py`; Microsoft.Azure.Devices.

use std::collections::BTreeMap;

use bytes::Bytes;
use uuid::Uuid;

use crate::emulator::hub::command::{Ack, CloudMessage, DeviceMessage, GivenFeedback};
use crate::protocol::amqp::message::{Body, Message, MessageWriter, PropertyFields};
use crate::protocol::amqp::value::Value;
use crate::protocol::rest::{FEEDBACK_CONTENT_TYPE, event_header};

/// The annotations that Microsoft's clients look for.
const LOCK_TOKEN: &str = "x-opt-lock-token";

/// Whom a message is for, and what it is. An error says what cannot be understood.
pub(super) fn read(message: &Message<'_>) -> Result<(String, CloudMessage), String> {
    let fields = PropertyFields::from(message.properties);
    let mut properties = BTreeMap::new();
    let mut ack = Ack::default();
    let named = message.application_properties.unwrap_or_default();
    for pair in named.pairs() {
        let (name, value) = pair.map_err(|error| error.to_string())?;
        let (Some(name), Some(value)) = (name.as_str(), text(&value)) else {
            return Err("an application property is neither text nor number".to_owned());
        };
        if name.eq_ignore_ascii_case(event_header::ACK) {
            let known = Ack::parse(&value);
            ack = known.ok_or("iothub-ack is none of none, positive, negative and full")?;
        } else {
            properties.insert(name.to_owned(), value);
        }
    }
    let device_message = DeviceMessage {
        body: body(message),
        message_id: fields.message_id.as_ref().and_then(text),
        correlation_id: fields.correlation_id.as_ref().and_then(text),
        user_id: fields.user_id.map(lossy),
        content_type: fields.content_type.map(str::to_owned),
        content_encoding: fields.content_encoding.map(str::to_owned),
        properties,
    };
    let cloud_message = CloudMessage {
        message: device_message,
        expiry: fields.absolute_expiry_time,
        ack,
    };
    Ok((fields.to.unwrap_or_default().to_owned(), cloud_message))
}

fn body(message: &Message<'_>) -> Bytes {
    match &message.body {
        Body::Data(sections) => sections.iter().collect::<Vec<_>>().concat().into(),
        Body::Value(value) => {
            let bytes = value.as_binary().map(Bytes::copy_from_slice);
            let text = || text(value).map(Bytes::from);
            bytes.or_else(text).unwrap_or_default()
        }
        Body::Empty | Body::Sequence(_) => Bytes::new(),
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

/// The message that feedback travels in.
pub(super) fn write_feedback(given: &GivenFeedback) -> Vec<u8> {
    let records: Vec<_> = given.records.iter().map(AsRef::as_ref).collect();
    // Texts alone always serialize.
    let body = serde_json::to_vec(&records).unwrap_or_default();
    let mut out = Vec::with_capacity(body.len() + 256);
    let mut writer = MessageWriter::new(&mut out);
    writer.message_annotations(|w| {
        w.symbol(event_header::ENQUEUED_TIME);
        w.timestamp(given.enqueued.timestamp_millis());
        w.symbol(LOCK_TOKEN);
        w.uuid(given.lock.into_bytes());
    });
    writer.properties(&PropertyFields {
        user_id: Some(given.hub.as_bytes()),
        content_type: Some(FEEDBACK_CONTENT_TYPE),
        ..PropertyFields::default()
    });
    writer.data(&body);
    out
}
