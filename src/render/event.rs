//! Events in the format that was asked for.
//!
//! The JSON of an event, in `json` over several lines and in `ndjson` on one, is described in `event.schema.json` beside
//! this file.

use super::csv::{self, write_record};
use super::decode::{BodyFormat, BodyReader};
use super::field::View;
use super::json::{Json, key};
use super::recording;
use super::system::write_system_properties;
use super::template::Template;
use super::text::{write_block, write_raw};
use super::value::{write_map, write_timestamp, write_value};
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::message::PropertyFields;

/// The JSON Schema of what [`Format::Ndjson`] writes on each line.
pub const SCHEMA: &str = include_str!("event.schema.json");

/// How events are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// As blocks for people.
    Text {
        /// With system properties and annotations.
        is_verbose: bool,
    },
    /// The body alone.
    Raw {
        /// And the properties on a line of their own, as iothub-explorer had it.
        with_properties: bool,
    },
    /// JSON objects over several lines, one after the other.
    Json,
    /// A JSON object a line.
    Ndjson,
    /// A record of CSV.
    Csv,
    /// By a pattern.
    Template(Template),
    /// The same with bodies as [`super::recording`] has them, which can be posted again as they were.
    Recording,
}

/// Writes events one after the other. Keeps the buffers that it needs besides.
#[derive(Debug)]
pub struct EventWriter {
    format: Format,
    bodies: BodyReader,
    cell: Vec<u8>,
    has_other_bodies: bool,
}

impl EventWriter {
    /// A writer of this format.
    #[must_use]
    pub fn new(format: Format, body: BodyFormat) -> Self {
        Self {
            format,
            bodies: BodyReader::new(body),
            cell: Vec::new(),
            has_other_bodies: false,
        }
    }

    /// Appends what stands in front of the first event.
    pub fn begin(&self, out: &mut Vec<u8>) {
        if self.format == Format::Csv {
            out.extend_from_slice(csv::HEADER.as_bytes());
        }
    }

    /// Whether there was a body that is not what bodies were to be read as.
    #[must_use]
    pub fn has_other_bodies(&self) -> bool {
        self.has_other_bodies
    }

    /// Appends an event of a partition.
    pub fn write(&mut self, partition: &str, event: &Event<'_>, out: &mut Vec<u8>) {
        let body = self.bodies.read(&event.message.body);
        self.has_other_bodies |= !body.is_as_asked;
        let view = View {
            partition,
            event,
            body,
        };
        match &self.format {
            Format::Text { is_verbose } => write_block(event, body.shown, *is_verbose, out),
            Format::Raw {
                with_properties: true,
            } => write_raw(event, body.shown, out),
            Format::Raw {
                with_properties: false,
            } => {
                body.shown.write_plain(out);
                out.push(b'\n');
            }
            Format::Json => {
                write_object(partition, event, &mut Json::pretty(out), |json| {
                    body.shown.write_members(json);
                });
                out.push(b'\n');
            }
            Format::Ndjson => {
                write_object(partition, event, &mut Json::compact(out), |json| {
                    body.shown.write_members(json);
                });
                out.push(b'\n');
            }
            Format::Recording => {
                let is_json = recording::declares_json(event.message.properties.content_type());
                write_object(partition, event, &mut Json::compact(out), |json| {
                    recording::write_body(body.content, is_json, json);
                });
                out.push(b'\n');
            }
            Format::Csv => write_record(&view, &mut self.cell, out),
            Format::Template(template) => template.write(&view, out),
        }
    }
}

fn write_object(
    partition: &str,
    event: &Event<'_>,
    json: &mut Json<'_>,
    write_body: impl FnOnce(&mut Json<'_>),
) {
    json.object(|json| {
        json.known_key(key!("partition"));
        json.string(partition);
        json.known_key(key!("sequenceNumber"));
        json.integer(event.sequence_number.0);
        json.known_key(key!("offset"));
        json.string(event.offset);
        json.known_key(key!("enqueuedTime"));
        write_timestamp(event.enqueued_time_ms, json);
        let properties = PropertyFields::from(event.message.properties);
        let texts = [
            (key!("deviceId"), event.device_id),
            (key!("moduleId"), event.module_id),
            (key!("source"), event.source),
            (key!("contentType"), properties.content_type),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                json.known_key(name);
                json.string(text);
            }
        }
        let ids = [
            (key!("messageId"), properties.message_id),
            (key!("correlationId"), properties.correlation_id),
        ];
        for (name, id) in ids {
            if let Some(id) = id {
                json.known_key(name);
                write_value(&id, json);
            }
        }
        json.known_key(key!("properties"));
        write_map(event.message.application_properties.as_ref(), json);
        json.known_key(key!("systemProperties"));
        json.object(|json| write_system_properties(event, &properties, json));
        write_body(json);
    });
}

#[cfg(test)]
mod tests;
