//! What a reader may ask of an event, by the names that the JSON of an event has for it.

use std::fmt;

use super::body::Content;
use super::decode::{Reading, Shown};
use super::json::Json;
use super::json_text::copy_json;
use super::json_walk::characters;
use super::path::{Found, Path, PathError, Step, find_value, is_bare};
use super::system::write_system_properties;
use super::time::write_time;
use super::value::{write_map, write_value};
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::message::PropertyFields;
use crate::protocol::amqp::value::{Items, Value};

/// An event with its body read.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The partition's id.
    pub partition: &'a str,
    /// The event.
    pub event: &'a Event<'a>,
    /// Its body.
    pub body: Reading<'a>,
}

/// A name that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// What every event has.
    Head(Head),
    /// The sender's own properties, or one of them, or what is in it.
    Properties(Path),
    /// Annotations and AMQP's further properties, or one of them.
    SystemProperties(Path),
    /// The body, or what is in it.
    Body(Path),
}

/// What stands at the top of an event's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named as its key is")]
pub enum Head {
    Partition,
    SequenceNumber,
    Offset,
    EnqueuedTime,
    DeviceId,
    ModuleId,
    Source,
    ContentType,
    MessageId,
    CorrelationId,
}

const HEADS: [(&str, Head); 10] = [
    ("partition", Head::Partition),
    ("sequenceNumber", Head::SequenceNumber),
    ("offset", Head::Offset),
    ("enqueuedTime", Head::EnqueuedTime),
    ("deviceId", Head::DeviceId),
    ("moduleId", Head::ModuleId),
    ("source", Head::Source),
    ("contentType", Head::ContentType),
    ("messageId", Head::MessageId),
    ("correlationId", Head::CorrelationId),
];

/// What can be asked for, as a sentence's part.
pub const NAMES: &str = "partition, sequenceNumber, offset, enqueuedTime, deviceId, moduleId, source, contentType, messageId, \
     correlationId, properties.NAME, systemProperties.NAME, body or body.PATH";

/// What an event has under a name.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// A name that is compared letter by letter.
    Id(&'a str),
    /// Any text.
    Text(&'a str),
    /// A number.
    Integer(i64),
    /// Milliseconds since the Unix epoch.
    Time(i64),
    /// A value of a JSON body, as it stands there.
    Json(&'a str),
    /// A value of AMQP.
    Value(Value<'a>),
    /// The sender's own properties.
    Properties(Items<'a>),
    /// All that the service says.
    SystemProperties(&'a Event<'a>),
    /// The whole body, which is no text.
    Body(Shown<'a>),
}

impl Field {
    /// Reads a name: `deviceId`, `properties.alert`, `body.a.b[0]`. The names of IoT Hub's routing queries do as well:
    /// `$body.a`, `$connectionDeviceId`.
    ///
    /// # Errors
    /// [`PathError`] says where and what is expected.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let (field, rest) = Self::parse_front(text)?;
        if rest.is_empty() {
            return Ok(field);
        }
        Err(PathError {
            at: text.chars().count() - rest.chars().count(),
            expected: "a dot, [ or the end of the name",
        })
    }

    /// Reads the name at the front of `text`, and gives what follows it as well.
    ///
    /// # Errors
    /// [`PathError`] says where and what is expected.
    pub fn parse_front(text: &str) -> Result<(Self, &str), PathError> {
        let length = text.find(|c| !is_bare(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(length);
        let plain = name.strip_prefix('$').unwrap_or(name);
        let plain = match plain.strip_prefix("connection") {
            Some(id @ ("DeviceId" | "ModuleId")) => id,
            Some(_) | None => plain,
        };
        if let Some((_, head)) = HEADS
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(plain))
        {
            return Ok((Self::Head(*head), rest));
        }
        let kind = match plain.to_ascii_lowercase().as_str() {
            "properties" => Self::Properties,
            "systemproperties" => Self::SystemProperties,
            "body" => Self::Body,
            "contentencoding" if name.starts_with('$') => {
                let path = Path::to_key("content-encoding");
                return Ok((Self::SystemProperties(path), rest));
            }
            _ => {
                return Err(PathError {
                    at: 0,
                    expected: NAMES,
                });
            }
        };
        let (path, rest) = Path::parse_front(rest).map_err(|error| PathError {
            at: error.at + name.chars().count(),
            ..error
        })?;
        Ok((kind(path), rest))
    }

    /// Whether it is a point in time.
    #[must_use]
    pub fn is_time(&self) -> bool {
        *self == Self::Head(Head::EnqueuedTime)
    }

    /// Whether the body has to be read for it.
    #[must_use]
    pub fn is_of_body(&self) -> bool {
        matches!(self, Self::Body(_))
    }

    /// What an event has under this name.
    #[must_use]
    pub fn of<'a>(&self, view: &View<'a>) -> Option<Asked<'a>> {
        let message = &view.event.message;
        match self {
            Self::Head(head) => head.of(view),
            Self::Properties(path) => match path.steps() {
                [] => Some(Asked::Properties(message.application_properties?)),
                [Step::Key(name), rest @ ..] => {
                    let value = message.application_property(name)?;
                    find_value(value, rest).map(Asked::of_value)
                }
                [Step::Index(_), ..] => None,
            },
            Self::SystemProperties(path) => match path.steps() {
                [] => Some(Asked::SystemProperties(view.event)),
                [Step::Key(name), rest @ ..] => system_property(view.event, name, rest),
                [Step::Index(_), ..] => None,
            },
            Self::Body(path) => match path.find(view.body.content) {
                Some(Found::Json(json)) => Some(Asked::Json(json)),
                Some(Found::Value(value)) => Some(Asked::of_value(value)),
                None if !path.steps().is_empty() => None,
                None => whole_body(view),
            },
        }
    }
}

/// A body that is neither JSON nor one value.
fn whole_body<'a>(view: &View<'a>) -> Option<Asked<'a>> {
    match view.body.content {
        Content::Bytes(bytes) => Some(match std::str::from_utf8(bytes) {
            Ok(text) => Asked::Text(text),
            Err(_) => Asked::Body(view.body.shown),
        }),
        Content::Value(value) => Some(Asked::of_value(value)),
        Content::Lists(_) => Some(Asked::Body(view.body.shown)),
        Content::Empty => match view.body.shown {
            Shown::Plain(_) => None,
            shown @ (Shown::Json(_) | Shown::Text(_) | Shown::Base64(_)) => {
                Some(Asked::Body(shown))
            }
        },
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(head) => {
                let name = HEADS.iter().find(|(_, known)| known == head);
                f.write_str(name.map_or("", |(name, _)| name))
            }
            Self::Properties(path) => write!(f, "properties{path}"),
            Self::SystemProperties(path) => write!(f, "systemProperties{path}"),
            Self::Body(path) => write!(f, "body{path}"),
        }
    }
}

impl Head {
    fn of<'a>(self, view: &View<'a>) -> Option<Asked<'a>> {
        let event = view.event;
        let properties = &event.message.properties;
        let id = |value: Value<'a>| match value.as_str() {
            Some(text) => Asked::Id(text),
            None => Asked::of_value(value),
        };
        match self {
            Self::Partition => Some(Asked::Id(view.partition)),
            Self::SequenceNumber => Some(Asked::Integer(event.sequence_number.0)),
            Self::Offset => Some(Asked::Id(event.offset)),
            Self::EnqueuedTime => Some(Asked::Time(event.enqueued_time_ms)),
            Self::DeviceId => event.device_id.map(Asked::Id),
            Self::ModuleId => event.module_id.map(Asked::Id),
            Self::Source => event.source.map(Asked::Id),
            Self::ContentType => properties.content_type().map(Asked::Id),
            Self::MessageId => properties.message_id().map(id),
            Self::CorrelationId => properties.correlation_id().map(id),
        }
    }
}

fn system_property<'a>(event: &'a Event<'a>, name: &str, steps: &[Step]) -> Option<Asked<'a>> {
    let message = &event.message;
    let annotation = message
        .annotation(name)
        .or_else(|| message.delivery_annotations?.find(name));
    if let Some(value) = annotation {
        return find_value(value, steps).map(Asked::of_value);
    }
    let properties = &message.properties;
    let asked = match name {
        "user-id" => properties
            .user_id()
            .map(|user| match std::str::from_utf8(user) {
                Ok(text) => Asked::Text(text),
                Err(_) => Asked::Value(Value::Binary(user)),
            }),
        "to" => properties.to().map(Asked::Text),
        "subject" => properties.subject().map(Asked::Text),
        "reply-to" => properties.reply_to().map(Asked::Text),
        "content-encoding" => properties.content_encoding().map(Asked::Text),
        "group-id" => properties.group_id().map(Asked::Text),
        "reply-to-group-id" => properties.reply_to_group_id().map(Asked::Text),
        "absolute-expiry-time" => properties.absolute_expiry_time().map(Asked::Time),
        "creation-time" => properties.creation_time().map(Asked::Time),
        "group-sequence" => properties
            .group_sequence()
            .map(|n| Asked::Integer(n.into())),
        _ => None,
    };
    asked.filter(|_| steps.is_empty())
}

impl<'a> Asked<'a> {
    fn of_value(value: Value<'a>) -> Self {
        match (value.as_str(), value) {
            (Some(text), _) => Self::Text(text),
            (None, Value::Timestamp(milliseconds)) => Self::Time(milliseconds),
            (None, value) => match value.as_i64() {
                Some(number) => Self::Integer(number),
                None => Self::Value(value),
            },
        }
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Json("null") | Self::Value(Value::Null))
    }

    /// Appends it as text: strings without quotes, everything else as in JSON, on one line.
    pub fn write_plain(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Id(text) | Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Integer(number) => Json::compact(out).integer(number),
            Self::Time(milliseconds) => {
                if !write_time(milliseconds, out) {
                    Json::compact(out).integer(milliseconds);
                }
            }
            Self::Json(json) => match inside_quotes(json) {
                Some(escaped) => {
                    let mut buffer = [0; 4];
                    for character in characters(escaped) {
                        out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                    }
                }
                None => {
                    // It was found in what is JSON, so it is.
                    let _ = copy_json(json, out);
                }
            },
            Self::Value(Value::Char(character)) => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Self::Value(Value::Binary(bytes)) => Json::compact(out).base64_part(bytes),
            Self::Value(value) => write_value(&value, &mut Json::compact(out)),
            Self::Properties(items) => write_map(Some(&items), &mut Json::compact(out)),
            Self::SystemProperties(event) => {
                let properties = PropertyFields::from(event.message.properties);
                Json::compact(out).object(|json| write_system_properties(event, &properties, json));
            }
            Self::Body(shown) => shown.write_plain(out),
        }
    }
}

/// What stands between the quotes of a JSON string.
#[must_use]
pub fn inside_quotes(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}
