//! Messages to devices as the service sends them, and what it hears of them and of devices' files, as AMQP messages.
//!
//! Source: azure-iothub 1.16.6 `amqp_message.js`; azure-iot-hub 2.7.0 `iothub_amqp_client.py`; Microsoft.Azure.Devices.

use crate::emulator::amqp::device_message::{self, LOCK_TOKEN};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::emulator::hub::command::{Ack, CloudMessage, GivenFeedback, GivenFileNotification};
use crate::protocol::amqp::message::{Message, MessageWriter, PropertyFields};
use crate::protocol::rest::{FEEDBACK_CONTENT_TYPE, FILE_NOTIFICATION_CONTENT_TYPE, event_header};

/// Whom a message is for, and what it is. An error says what cannot be understood.
pub(super) fn read(message: &Message<'_>) -> Result<(String, CloudMessage), String> {
    let mut read = device_message::read(message)?;
    let mut names = read.properties.keys();
    let name = names.find(|name| name.eq_ignore_ascii_case(event_header::ACK));
    let ack = match name.cloned().and_then(|name| read.properties.remove(&name)) {
        None => Ack::default(),
        Some(value) => {
            let known = Ack::parse(&value);
            known.ok_or("iothub-ack is none of none, positive, negative and full")?
        }
    };
    // These two are the hub's to go by, and no part of what the device gets.
    let to = read.to.take().unwrap_or_default();
    let cloud_message = CloudMessage {
        expiry: read.absolute_expiry.take(),
        message: read,
        ack,
    };
    Ok((to, cloud_message))
}

/// The message that feedback travels in.
pub(super) fn write_feedback(given: &GivenFeedback) -> Vec<u8> {
    let records: Vec<_> = given.records.iter().map(AsRef::as_ref).collect();
    // Texts alone always serialize.
    let body = serde_json::to_vec(&records).unwrap_or_default();
    let place = (given.enqueued, given.lock);
    write(place, &given.hub, FEEDBACK_CONTENT_TYPE, &body)
}

/// The message that a notification of an uploaded file travels in.
pub(super) fn write_file_notification(given: &GivenFileNotification) -> Vec<u8> {
    let body = serde_json::to_vec(given.notification.as_ref()).unwrap_or_default();
    let place = (given.enqueued, given.lock);
    write(place, &given.hub, FILE_NOTIFICATION_CONTENT_TYPE, &body)
}

fn write(
    (enqueued, lock): (DateTime<Utc>, Uuid),
    hub: &str,
    content_type: &str,
    body: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 256);
    let mut writer = MessageWriter::new(&mut out);
    writer.message_annotations(|w| {
        w.symbol(event_header::ENQUEUED_TIME);
        w.timestamp(enqueued.timestamp_millis());
        w.symbol(LOCK_TOKEN);
        w.uuid(lock.into_bytes());
    });
    writer.properties(&PropertyFields {
        user_id: Some(hub.as_bytes()),
        content_type: Some(content_type),
        ..PropertyFields::default()
    });
    writer.data(body);
    out
}
