//! Events as devices send them: one with its properties in headers, or a batch of them.

use bytes::Bytes;
use http::HeaderMap;

use super::super::hub::command::DeviceMessage;
use super::rejection::Rejection;
use crate::model::span::parse_iso8601;
use crate::protocol::amqp::event::application;
use crate::protocol::rest::MAX_BATCH_MESSAGES;
use crate::protocol::rest::batch::{self, BatchMessage};
use crate::protocol::rest::event_header::Property;

pub(super) fn message(headers: &HeaderMap, body: Bytes) -> DeviceMessage {
    let mut message = DeviceMessage {
        body,
        ..DeviceMessage::default()
    };
    for (name, value) in headers {
        if let Some(property) = Property::of_header(name.as_str()) {
            set(
                &mut message,
                property,
                &String::from_utf8_lossy(value.as_bytes()),
            );
        }
    }
    message
}

fn set(message: &mut DeviceMessage, property: Property<'_>, value: &str) {
    let value = value.to_owned();
    let name = match property {
        Property::MessageId => return message.message_id = Some(value),
        Property::CorrelationId => return message.correlation_id = Some(value),
        Property::UserId => return message.user_id = Some(value),
        Property::To => return message.to = Some(value),
        Property::Expiry => {
            let time = parse_iso8601(&value);
            return message.absolute_expiry = time.map(|time| time.timestamp_millis());
        }
        Property::ContentType => return message.content_type = Some(value),
        Property::ContentEncoding => return message.content_encoding = Some(value),
        Property::Interface => return message.plug_and_play.interface = Some(value),
        Property::Component => return message.plug_and_play.component = Some(value),
        Property::CreationTime => application::CREATION_TIME,
        Property::MessageSchema => application::MESSAGE_SCHEMA,
        Property::Operation => application::OPERATION,
        Property::Application(name) => name,
    };
    message.properties.insert(name.to_owned(), value);
}

pub(super) fn read_batch(body: &[u8]) -> Result<Vec<DeviceMessage>, Rejection> {
    let entries = batch::parse(body).map_err(|error| Rejection::argument(error.to_string()))?;
    if entries.len() > MAX_BATCH_MESSAGES {
        return Err(Rejection::argument(format!(
            "The batch has {} messages, and the limit is {MAX_BATCH_MESSAGES}.",
            entries.len()
        )));
    }
    Ok(entries.into_iter().map(from_batch).collect())
}

fn from_batch(entry: BatchMessage) -> DeviceMessage {
    let mut message = DeviceMessage {
        body: entry.body.into(),
        ..DeviceMessage::default()
    };
    for (name, value) in &entry.properties {
        if let Some(property) = Property::of_header(name) {
            set(&mut message, property, value);
        }
    }
    message
}
