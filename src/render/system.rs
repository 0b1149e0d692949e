//! What the service and AMQP say of an event beside what has a key of its own.

use super::json::Json;
use super::value::{write_entries, write_timestamp, write_unread};
use crate::protocol::amqp::event::{Event, annotation};
use crate::protocol::amqp::message::PropertyFields;

/// All annotations but those that have a key of their own, and AMQP's further properties.
pub fn write_system_properties(
    event: &Event<'_>,
    properties: &PropertyFields<'_>,
    json: &mut Json<'_>,
) {
    let annotations = event.message.message_annotations;
    let annotations = annotations.filter(|_| event.has_further_annotations);
    for (name, value) in annotations
        .unwrap_or_default()
        .raw_pairs()
        .map_while(Result::ok)
    {
        let Some(name) = name.text() else {
            // Annotations are named by symbols; numbers are reserved by the standard, and nobody sends them.
            continue;
        };
        if annotation::has_a_key(name) {
            continue;
        }
        if let Ok(name) = std::str::from_utf8(name) {
            json.key(name);
            write_unread(value, json, 0);
        }
    }
    write_further_properties(event, properties, json);
}

/// Those properties that have no place of their own in the JSON of an event.
pub fn write_further_properties(
    event: &Event<'_>,
    properties: &PropertyFields<'_>,
    json: &mut Json<'_>,
) {
    if let Some(user) = properties.user_id {
        json.key("user-id");
        match std::str::from_utf8(user) {
            Ok(text) => json.string(text),
            Err(_) => json.base64(user),
        }
    }
    let texts = [
        ("to", properties.to),
        ("subject", properties.subject),
        ("reply-to", properties.reply_to),
        ("content-encoding", properties.content_encoding),
        ("group-id", properties.group_id),
        ("reply-to-group-id", properties.reply_to_group_id),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            json.key(name);
            json.string(text);
        }
    }
    let times = [
        ("absolute-expiry-time", properties.absolute_expiry_time),
        ("creation-time", properties.creation_time),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            json.key(name);
            write_timestamp(time, json);
        }
    }
    if let Some(number) = properties.group_sequence {
        json.key("group-sequence");
        json.integer(number);
    }
    if let Some(annotations) = event.message.delivery_annotations {
        write_entries(&annotations, json, 0);
    }
}
