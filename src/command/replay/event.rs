//! A line of a recording as the message that it is to be again: headers and body. Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::DateTime;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::model::identifier::DeviceId;
use crate::protocol::amqp::event::{annotation, application};
use crate::protocol::rest::MAX_MESSAGE_BYTES;
use crate::protocol::rest::event_header::{self, Property, is_legal_in_property};
use crate::render::recording::{declares_json, read_body};

/// What a recording has of an event, as far as it is posted again.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded<'a> {
    enqueued_time: Option<Value>,
    device_id: Option<String>,
    module_id: Option<String>,
    source: Option<String>,
    content_type: Option<String>,
    message_id: Option<Value>,
    correlation_id: Option<Value>,
    #[serde(default)]
    properties: BTreeMap<String, Value>,
    #[serde(default)]
    system_properties: BTreeMap<String, Value>,
    #[serde(borrow, default, deserialize_with = "present")]
    body: Option<&'a RawValue>,
    body_base64: Option<String>,
}

/// A null is a body as well.
fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(value).map(Some)
}

/// Why a line is no event.
#[derive(Debug, Error)]
pub(super) enum BadLine {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("it has neither body nor bodyBase64")]
    NoBody,
    #[error("it has both body and bodyBase64")]
    TwoBodies,
    #[error("its bodyBase64 is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("its body cannot be read")]
    Body,
    #[error("its enqueuedTime {0} is no time")]
    Time(Value),
    #[error("it is longer than any event")]
    TooLong,
}

/// Why an event cannot be posted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Unfit {
    #[error("it has no deviceId")]
    NoDevice,
    #[error("its deviceId {0:?} is none")]
    Device(String),
    #[error("it came from the module {0:?}, and modules send over AMQP and MQTT alone")]
    Module(String),
    #[error("{bytes} bytes, and the hub takes {MAX_MESSAGE_BYTES} at the most")]
    TooLarge { bytes: usize },
    #[error("the name of its property {name:?} cannot stand in a header")]
    Name { name: String },
    #[error(
        "two of its properties are {name:?} where the case of letters is not kept, as over HTTPS"
    )]
    Twice { name: String },
    #[error("its {name} holds what a header cannot carry")]
    Value { name: String },
}

/// An event to be posted.
#[derive(Debug)]
pub(super) struct Event {
    /// When it was enqueued, in milliseconds since 1970.
    pub enqueued_ms: Option<i64>,
    /// Something else than telemetry is told by the hub, not by a device.
    pub is_telemetry: bool,
    device: Option<String>,
    module: Option<String>,
    pub headers: Result<HeaderMap, Unfit>,
    /// A name whose capitals are lost on the way.
    pub capitals: Option<String>,
    pub body: Bytes,
}

impl Event {
    /// Reads a line.
    pub(super) fn read(line: &[u8]) -> Result<Self, BadLine> {
        let recorded: Recorded<'_> = serde_json::from_slice(line)?;
        let is_json = declares_json(recorded.content_type.as_deref());
        let body = match (recorded.body, &recorded.body_base64) {
            (Some(_), Some(_)) => return Err(BadLine::TwoBodies),
            (Some(body), None) => read_body(body.get(), is_json).ok_or(BadLine::Body)?,
            (None, Some(text)) => STANDARD.decode(text)?,
            (None, None) => return Err(BadLine::NoBody),
        };
        let source = recorded.source.as_deref();
        let mut capitals = recorded.properties.keys();
        let capitals = capitals
            .find(|name| name.bytes().any(|byte| byte.is_ascii_uppercase()))
            .cloned();
        Ok(Self {
            enqueued_ms: recorded
                .enqueued_time
                .as_ref()
                .map(milliseconds)
                .transpose()?,
            is_telemetry: source.is_none_or(|source| source.eq_ignore_ascii_case("Telemetry")),
            headers: headers(&recorded),
            device: recorded.device_id,
            module: recorded.module_id,
            capitals,
            body: Bytes::from(body),
        })
    }

    /// The device that sent it.
    pub(super) fn device(&self) -> Result<DeviceId, Unfit> {
        if let Some(module) = &self.module {
            return Err(Unfit::Module(module.clone()));
        }
        let device = self.device.as_ref().ok_or(Unfit::NoDevice)?;
        device.parse().map_err(|_| Unfit::Device(device.clone()))
    }
}

fn milliseconds(time: &Value) -> Result<i64, BadLine> {
    let read = match time {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.timestamp_millis()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    read.ok_or_else(|| BadLine::Time(time.clone()))
}

fn headers(recorded: &Recorded<'_>) -> Result<HeaderMap, Unfit> {
    let mut headers = HeaderMap::new();
    let system = |name: &str| recorded.system_properties.get(name);
    let content_type = recorded.content_type.clone().map(Value::String);
    for (header, name, value) in [
        (
            event_header::MESSAGE_ID,
            "messageId",
            recorded.message_id.as_ref(),
        ),
        (
            event_header::CORRELATION_ID,
            "correlationId",
            recorded.correlation_id.as_ref(),
        ),
        (event_header::USER_ID, "user-id", system("user-id")),
        (
            event_header::CONTENT_TYPE,
            "contentType",
            content_type.as_ref(),
        ),
        (
            event_header::CONTENT_ENCODING,
            "content-encoding",
            system("content-encoding"),
        ),
        (
            event_header::INTERFACE_ID,
            annotation::INTERFACE_ID,
            system(annotation::INTERFACE_ID),
        ),
        (
            event_header::COMPONENT,
            annotation::COMPONENT,
            system(annotation::COMPONENT),
        ),
    ] {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            headers.insert(HeaderName::from_static(header), header_value(name, value)?);
        }
    }
    for (name, value) in &recorded.properties {
        let property = match name.as_str() {
            application::CREATION_TIME => Property::CreationTime,
            application::MESSAGE_SCHEMA => Property::MessageSchema,
            application::OPERATION => Property::Operation,
            name => Property::Application(name),
        };
        let is_legal = !name.is_empty() && name.chars().all(is_legal_in_property);
        let header = HeaderName::from_bytes(property.header().as_bytes()).ok();
        let header = header.filter(|_| is_legal);
        let header = header.ok_or_else(|| Unfit::Name { name: name.clone() })?;
        if headers.contains_key(&header) {
            return Err(Unfit::Twice {
                name: name.to_ascii_lowercase(),
            });
        }
        headers.insert(header, header_value(&format!("property {name:?}"), value)?);
    }
    Ok(headers)
}

/// Plain ASCII without blanks around it, for those would be lost.
fn header_value(name: &str, value: &Value) -> Result<HeaderValue, Unfit> {
    let unfit = || Unfit::Value {
        name: name.to_owned(),
    };
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return Err(unfit()),
    };
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim() == text;
    let value = HeaderValue::from_str(&text).ok().filter(|_| is_plain);
    value.ok_or_else(unfit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_the_message_that_it_was() {
        let line = br#"{"partition":"0","sequenceNumber":7,"offset":"1","enqueuedTime":"2018-05-03T09:13:23.008Z",
            "deviceId":"device1","source":"Telemetry","contentType":"application/json","messageId":"m-1","correlationId":5,
            "properties":{"level":"a \"b\" = c","count":3,"iothub-creation-time-utc":"2018-05-03T09:13:22Z",
            "iothub-message-schema":"s"},"systemProperties":{"dt-subject":"room","iothub-interface-id":"i","content-encoding":"utf-8","iothub-connection-auth-method":"{}"},"body":{"t": 1.50}}"#;
        let event = Event::read(line).unwrap();
        assert_eq!(event.enqueued_ms, Some(1_525_338_803_008));
        assert!(event.is_telemetry);
        assert_eq!(event.device().unwrap().as_str(), "device1");
        assert_eq!(event.body, "{\"t\": 1.50}");
        let headers = event.headers.unwrap();
        let mut told: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                "dt-subject: room",
                "iothub-app-count: 3",
                "iothub-app-level: a \"b\" = c",
                "iothub-contentencoding: utf-8",
                "iothub-contenttype: application/json",
                "iothub-correlationid: 5",
                "iothub-creationtimeutc: 2018-05-03T09:13:22Z",
                "iothub-interface-id: i",
                "iothub-messageid: m-1",
                "iothub-messageschema: s",
            ]
        );
    }

    #[test]
    fn bodies_are_read_by_their_content_type() {
        let body = |line: &str| Event::read(line.as_bytes()).unwrap().body;
        assert_eq!(body(r#"{"body":"a\n"}"#), "a\n");
        assert_eq!(
            body(r#"{"contentType":"application/json","body":"a"}"#),
            "\"a\""
        );
        assert_eq!(body(r#"{"body":null}"#), "");
        assert_eq!(body(r#"{"bodyBase64":"AP8="}"#).as_ref(), b"\x00\xff");
        assert_eq!(body(r#"{"body":[1, 2]}"#), "[1, 2]");
    }

    #[test]
    fn what_is_no_event_is_told() {
        let told = |line: &str| Event::read(line.as_bytes()).unwrap_err().to_string();
        assert!(told("{").starts_with("EOF while parsing"));
        assert_eq!(told("{}"), "it has neither body nor bodyBase64");
        assert_eq!(
            told(r#"{"body":1,"bodyBase64":""}"#),
            "it has both body and bodyBase64"
        );
        assert!(told(r#"{"bodyBase64":"*"}"#).contains("is not base64"));
        assert_eq!(
            told(r#"{"body":1,"enqueuedTime":"today"}"#),
            "its enqueuedTime \"today\" is no time"
        );
        assert!(told("[]").contains("expected struct") || told("[]").contains("invalid"));
    }

    #[test]
    fn what_cannot_be_posted_is_told() {
        let told = |line: &str| {
            let event = Event::read(line.as_bytes()).unwrap();
            let device = event.device();
            event.headers.and(device).unwrap_err().to_string()
        };
        assert_eq!(told(r#"{"body":1}"#), "it has no deviceId");
        assert_eq!(
            told(r#"{"body":1,"deviceId":"a b"}"#),
            "its deviceId \"a b\" is none"
        );
        assert!(told(r#"{"body":1,"deviceId":"a","moduleId":"m"}"#).contains("module \"m\""));
        assert!(told(r#"{"body":1,"properties":{"a":"é"}}"#).contains("property \"a\""));
        assert!(told(r#"{"body":1,"properties":{"a":" b"}}"#).contains("property \"a\""));
        assert!(told(r#"{"body":1,"properties":{"a b":""}}"#).contains("\"a b\""));
        assert!(told(r#"{"body":1,"properties":{"a":"","A":""}}"#).contains("two of its"));
    }
}
