//! Events in the format that was asked for.
//!
//! The JSON of an event, in `json` over several lines and in `ndjson` on one:
//!
//! | key | value |
//! |---|---|
//! | `partition` | the partition's id, a string |
//! | `sequenceNumber` | a number |
//! | `offset` | opaque, a string |
//! | `enqueuedTime` | when the hub enqueued it, RFC 3339 in UTC with milliseconds |
//! | `deviceId`, `moduleId`, `source` | strings; left out where there is none |
//! | `contentType`, `messageId`, `correlationId` | left out where there is none |
//! | `properties` | the sender's own, an object |
//! | `systemProperties` | what else the service and AMQP say of it, an object |
//! | `body` | a JSON body as JSON, other text as a string, an AMQP value as [`super::value`] has it, null for none |
//! | `bodyBase64` | instead of `body`: bytes that are not UTF-8 |

use super::body::Content;
use super::json::Json;
use super::json_text::copy_json;
use super::recording;
use super::text::{write_block, write_further_properties, write_raw};
use super::value::{write_lists, write_map, write_timestamp, write_value};
use crate::protocol::amqp::event::{Event, annotation};

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As blocks for people.
    Text {
        /// With system properties and annotations.
        is_verbose: bool,
    },
    /// The body alone, and the properties on a line of their own.
    Raw,
    /// JSON objects over several lines, one after the other.
    Json,
    /// A JSON object a line.
    Ndjson,
    /// The same with bodies as [`super::recording`] has them, which can be posted again as they were.
    Recording,
}

/// Writes events one after the other. Keeps the one buffer that it needs besides.
#[derive(Debug)]
pub struct EventWriter {
    format: Format,
    scratch: Vec<u8>,
}

impl EventWriter {
    /// A writer of this format.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            scratch: Vec::new(),
        }
    }

    /// Appends an event of a partition.
    pub fn write(&mut self, partition: &str, event: &Event<'_>, out: &mut Vec<u8>) {
        let content = Content::of(&event.message.body, &mut self.scratch);
        match self.format {
            Format::Text { is_verbose } => write_block(event, content, is_verbose, out),
            Format::Raw => write_raw(event, content, out),
            Format::Json => {
                write_object(
                    partition,
                    event,
                    content,
                    &mut Json::pretty(out),
                    write_body,
                );
                out.push(b'\n');
            }
            Format::Ndjson => {
                write_object(
                    partition,
                    event,
                    content,
                    &mut Json::compact(out),
                    write_body,
                );
                out.push(b'\n');
            }
            Format::Recording => {
                let is_json = recording::declares_json(event.message.properties.content_type());
                write_object(
                    partition,
                    event,
                    content,
                    &mut Json::compact(out),
                    |content, json| {
                        recording::write_body(content, is_json, json);
                    },
                );
                out.push(b'\n');
            }
        }
    }
}

fn write_object(
    partition: &str,
    event: &Event<'_>,
    content: Content<'_>,
    json: &mut Json<'_>,
    write_body: impl FnOnce(Content<'_>, &mut Json<'_>),
) {
    json.object(|json| {
        json.key("partition");
        json.string(partition);
        json.key("sequenceNumber");
        json.display(event.sequence_number);
        json.key("offset");
        json.string(event.offset);
        json.key("enqueuedTime");
        write_timestamp(event.enqueued_time_ms, json);
        let properties = &event.message.properties;
        let texts = [
            ("deviceId", event.device_id),
            ("moduleId", event.module_id),
            ("source", event.source),
            ("contentType", properties.content_type()),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                json.key(name);
                json.string(text);
            }
        }
        let ids = [
            ("messageId", properties.message_id()),
            ("correlationId", properties.correlation_id()),
        ];
        for (name, id) in ids {
            if let Some(id) = id {
                json.key(name);
                write_value(&id, json);
            }
        }
        json.key("properties");
        write_map(event.message.application_properties.as_ref(), json);
        json.key("systemProperties");
        json.object(|json| write_system_properties(event, json));
        write_body(content, json);
    });
}

/// All annotations but those that have a key of their own, and AMQP's further properties.
fn write_system_properties(event: &Event<'_>, json: &mut Json<'_>) {
    let annotations = event.message.message_annotations.unwrap_or_default();
    for (name, value) in annotations.pairs().map_while(Result::ok) {
        match name.as_str() {
            Some(
                annotation::SEQUENCE_NUMBER
                | annotation::OFFSET
                | annotation::ENQUEUED_TIME
                | annotation::DEVICE_ID
                | annotation::MODULE_ID
                | annotation::SOURCE,
            )
            // Annotations are named by symbols; numbers are reserved by the standard, and nobody sends them.
            | None => {}
            Some(name) => {
                json.key(name);
                write_value(&value, json);
            }
        }
    }
    write_further_properties(event, json);
}

fn write_body(content: Content<'_>, json: &mut Json<'_>) {
    let bytes = match content {
        Content::Bytes(bytes) => std::str::from_utf8(bytes).map_err(|_| bytes),
        Content::Empty | Content::Value(_) | Content::Lists(_) => Ok(""),
    };
    let text = match bytes {
        Ok(text) => text,
        Err(bytes) => {
            json.key("bodyBase64");
            return json.base64(bytes);
        }
    };
    json.key("body");
    match content {
        Content::Empty => json.display("null"),
        Content::Bytes(_) => write_text(text, json),
        Content::Value(value) => match value.as_str() {
            Some(text) => write_text(text, json),
            None => write_value(&value, json),
        },
        Content::Lists(lists) => write_lists(lists.iter(), json),
    }
}

/// A text that is JSON as what it is, any other as a string.
fn write_text(text: &str, json: &mut Json<'_>) {
    if !copy_json(text, json.raw()) {
        json.string(text);
    }
}

#[cfg(test)]
mod tests;
