//! What a request asks for, read off its path, headers and body.
//!
//! Sources: azure-iot-device-http 1.14.4; azure-iot-hub 2.7.0; azure-iothub 1.16.6.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::super::hub::command::{Command, DeviceMessage, Refusal, RegistryOperation};
use crate::model::device::Identity;
use crate::protocol::rest::batch::{self, BatchMessage};
use crate::protocol::rest::event_header::Property;
use crate::protocol::rest::path::Resource;
use crate::protocol::rest::{
    API_VERSION, BATCH_CONTENT_TYPE, MAX_BATCH_MESSAGES, MAX_MESSAGE_BYTES,
};

/// Versions of the interface older than [`API_VERSION`] that are in the field.
const OLDER_VERSIONS: [&str; 12] = [
    "2015-08-15-preview",
    "2016-02-03",
    "2016-11-14",
    "2017-06-30",
    "2017-11-08-preview",
    "2018-04-01",
    "2018-06-30",
    "2019-07-01-preview",
    "2019-10-01",
    "2020-03-13",
    "2020-05-31-preview",
    "2020-09-30",
];

/// How many bytes a batch's JSON may have; its messages are in base64 and are measured once more by the hub.
const MAX_BATCH_BYTES: usize = 2 * MAX_MESSAGE_BYTES;

/// How many bytes an identity's JSON may have.
const MAX_IDENTITY_BYTES: usize = 64 * 1024;

/// The most that a list returns unless it says otherwise.
const DEFAULT_TOP: usize = 1000;

/// The name under which readers see the time that a device gave.
const CREATION_TIME_PROPERTY: &str = "iothub-creation-time-utc";

/// Why a request does not come as far as the hub, or comes back from there.
#[derive(Debug)]
pub(super) enum Rejection {
    /// No such path.
    NoResource,
    /// A WebSocket's path, and no wish for one that speaks AMQP.
    NoWebSocket,
    /// The path knows no such method; these are the ones it knows.
    Method { allowed: &'static str },
    /// No api-version, or one that never was.
    Version,
    /// A body that cannot be read.
    Argument { message: String },
    /// A body beyond its limit, in bytes.
    TooLarge { size: usize, limit: usize },
    /// The body did not come in time.
    TimedOut,
    /// The connection broke inside the body.
    Broken,
    /// The hub says no.
    Refused(Refusal),
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a request asks for, before its body has been read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Event { device: String },
    Batch { device: String },
    Read(Id),
    Write(Id),
    Delete(Id),
    List { top: usize },
    ListModules { device: String },
    DeviceStatistics,
    ServiceStatistics,
}

/// How an answer is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As its content says.
    OfReply,
    /// As `/statistics/service`. Devices over HTTPS are never connected.
    ServiceStatistics,
}

/// A device, or a module on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Id {
    device: String,
    module: Option<String>,
}

impl Wanted {
    /// Reads a request's line and headers.
    pub(super) fn of(head: &Parts) -> Result<Self, Rejection> {
        let resource = Resource::parse(head.uri.path()).ok_or(Rejection::NoResource)?;
        let query = head.uri.query().unwrap_or_default();
        if !query_value(query, "api-version").is_some_and(|version| is_known_version(&version)) {
            return Err(Rejection::Version);
        }
        match resource {
            Resource::DeviceEvents { device } => events(head, device),
            Resource::Device { device } => identity(
                &head.method,
                Id {
                    device,
                    module: None,
                },
            ),
            Resource::Module { device, module } => identity(
                &head.method,
                Id {
                    device,
                    module: Some(module),
                },
            ),
            Resource::Devices => get(head, || Self::List { top: top(query) }),
            Resource::Modules { device } => get(head, || Self::ListModules { device }),
            Resource::DeviceStatistics => get(head, || Self::DeviceStatistics),
            Resource::ServiceStatistics => get(head, || Self::ServiceStatistics),
            Resource::Query => Err(Rejection::NoResource),
        }
    }

    /// The most bytes of body; `None` where a body is not looked at.
    pub(super) fn body_limit(&self) -> Option<usize> {
        match self {
            Self::Event { .. } => Some(MAX_MESSAGE_BYTES),
            Self::Batch { .. } => Some(MAX_BATCH_BYTES),
            Self::Write(_) => Some(MAX_IDENTITY_BYTES),
            Self::Read(_)
            | Self::Delete(_)
            | Self::List { .. }
            | Self::ListModules { .. }
            | Self::DeviceStatistics
            | Self::ServiceStatistics => None,
        }
    }

    /// How the answer will look.
    pub(super) fn answer_shape(&self) -> Shape {
        match self {
            Self::ServiceStatistics => Shape::ServiceStatistics,
            Self::Event { .. }
            | Self::Batch { .. }
            | Self::Read(_)
            | Self::Write(_)
            | Self::Delete(_)
            | Self::List { .. }
            | Self::ListModules { .. }
            | Self::DeviceStatistics => Shape::OfReply,
        }
    }

    /// The command that does it.
    pub(super) fn into_command(
        self,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Command, Rejection> {
        let token = text(headers, &header::AUTHORIZATION);
        let operation = match self {
            Self::Event { device } => {
                let messages = vec![message(headers, body)];
                return Ok(Command::SendEvents {
                    token,
                    device,
                    messages,
                });
            }
            Self::Batch { device } => {
                let messages = read_batch(&body)?;
                return Ok(Command::SendEvents {
                    token,
                    device,
                    messages,
                });
            }
            Self::Read(Id { device, module }) => RegistryOperation::Read { device, module },
            Self::Write(Id { device, module }) => RegistryOperation::Write {
                device,
                module,
                identity: Box::new(read_identity(&body)?),
                if_match: if_match(headers),
            },
            Self::Delete(Id { device, module }) => RegistryOperation::Delete {
                device,
                module,
                if_match: if_match(headers),
            },
            Self::List { top } => RegistryOperation::List { top },
            Self::ListModules { device } => RegistryOperation::ListModules { device },
            Self::DeviceStatistics | Self::ServiceStatistics => RegistryOperation::Statistics,
        };
        Ok(Command::Registry { token, operation })
    }
}

fn events(head: &Parts, device: String) -> Result<Wanted, Rejection> {
    if head.method != Method::POST {
        return Err(Rejection::Method { allowed: "POST" });
    }
    let content_type = head.headers.get(header::CONTENT_TYPE);
    let is_batch = content_type.is_some_and(|value| {
        let kind = value.as_bytes().split(|byte| *byte == b';').next();
        kind.is_some_and(|kind| {
            kind.trim_ascii()
                .eq_ignore_ascii_case(BATCH_CONTENT_TYPE.as_bytes())
        })
    });
    Ok(if is_batch {
        Wanted::Batch { device }
    } else {
        Wanted::Event { device }
    })
}

fn identity(method: &Method, id: Id) -> Result<Wanted, Rejection> {
    if method == Method::GET {
        Ok(Wanted::Read(id))
    } else if method == Method::PUT {
        Ok(Wanted::Write(id))
    } else if method == Method::DELETE {
        Ok(Wanted::Delete(id))
    } else {
        Err(Rejection::Method {
            allowed: "GET, PUT, DELETE",
        })
    }
}

fn get(head: &Parts, wanted: impl FnOnce() -> Wanted) -> Result<Wanted, Rejection> {
    if head.method == Method::GET {
        Ok(wanted())
    } else {
        Err(Rejection::Method { allowed: "GET" })
    }
}

/// A list of zero devices is no list; then, and where the number is none, the default holds.
fn top(query: &str) -> usize {
    query_value(query, "top")
        .and_then(|top| top.parse().ok())
        .filter(|top| *top > 0)
        .unwrap_or(DEFAULT_TOP)
}

fn query_value(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// Versions are dates, which compare as text; those to come are taken on trust.
fn is_known_version(version: &str) -> bool {
    let date = version.strip_suffix("-preview").unwrap_or(version);
    let is_date = date.len() == 10
        && date.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    OLDER_VERSIONS.contains(&version) || (is_date && date >= API_VERSION)
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// `If-Match` comes quoted from the Node and Python SDKs, bare from C# and curl.
fn if_match(headers: &HeaderMap) -> Option<String> {
    let value = text(headers, &header::IF_MATCH)?;
    let value = value.trim();
    let bare = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    Some(bare.unwrap_or(value).to_owned())
}

fn message(headers: &HeaderMap, body: Bytes) -> DeviceMessage {
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
        Property::ContentType => return message.content_type = Some(value),
        Property::ContentEncoding => return message.content_encoding = Some(value),
        Property::CreationTime => CREATION_TIME_PROPERTY,
        Property::Application(name) => name,
    };
    message.properties.insert(name.to_owned(), value);
}

fn read_batch(body: &[u8]) -> Result<Vec<DeviceMessage>, Rejection> {
    let argument = |message: String| Rejection::Argument { message };
    let entries = batch::parse(body).map_err(|error| argument(error.to_string()))?;
    if entries.len() > MAX_BATCH_MESSAGES {
        return Err(argument(format!(
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

/// A member that is null counts as left out, as it does for the SDKs.
fn read_identity(body: &[u8]) -> Result<Identity, Rejection> {
    let argument = |error: serde_json::Error| Rejection::Argument {
        message: format!(
            "The body is no device identity (line {}, column {}).",
            error.line(),
            error.column()
        ),
    };
    let mut value: Value = serde_json::from_slice(body).map_err(argument)?;
    drop_nulls(&mut value);
    serde_json::from_value(value).map_err(argument)
}

fn drop_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(drop_nulls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use proptest::prelude::*;

    fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn wanted(method: &str, path: &str) -> Result<Wanted, Rejection> {
        Wanted::of(&head(method, path, &[]))
    }

    fn id(device: &str) -> Id {
        Id {
            device: device.to_owned(),
            module: None,
        }
    }

    #[test]
    fn the_sdks_spellings_are_understood() {
        let version = "api-version=2021-04-12";
        let read = |method, path: &str| wanted(method, path).unwrap();
        assert_eq!(
            read("GET", &format!("/devices/bench%201%2Ba?{version}")),
            Wanted::Read(id("bench 1+a"))
        );
        assert_eq!(
            read("GET", &format!("/devices/?{version}")),
            Wanted::List { top: 1000 }
        );
        assert_eq!(
            read("GET", &format!("/devices?top=7&{version}")),
            Wanted::List { top: 7 }
        );
        assert_eq!(
            read("POST", &format!("/Devices/a+b/messages/Events?{version}")),
            Wanted::Event {
                device: "a+b".to_owned()
            }
        );
        let batch = head(
            "POST",
            &format!("/devices/d/messages/events?{version}"),
            &[(
                "content-type",
                "application/vnd.microsoft.iothub.JSON; charset=utf-8",
            )],
        );
        assert_eq!(
            Wanted::of(&batch).unwrap(),
            Wanted::Batch {
                device: "d".to_owned()
            }
        );
    }

    #[test]
    fn what_is_not_there_is_told_apart() {
        let path = "/devices/d?api-version=2021-04-12";
        assert!(matches!(
            wanted("PATCH", path),
            Err(Rejection::Method {
                allowed: "GET, PUT, DELETE"
            })
        ));
        assert!(matches!(
            wanted("GET", "/nothing"),
            Err(Rejection::NoResource)
        ));
        for bad in [
            "",
            "?api-version=",
            "?api-version=1999-01-01",
            "?api-version=latest",
            "?x=2021-04-12",
        ] {
            let result = wanted("GET", &format!("/devices/d{bad}"));
            assert!(matches!(result, Err(Rejection::Version)), "{bad}");
        }
        for good in [
            "2016-11-14",
            "2020-09-30",
            "2021-04-12",
            "2030-01-01",
            "2025-08-01-preview",
        ] {
            assert!(is_known_version(good), "{good}");
        }
    }

    #[test]
    fn headers_become_properties() {
        let head = head(
            "POST",
            "/",
            &[
                ("IoTHub-App-Level", "high"),
                ("IoTHub-MessageId", "m"),
                ("iothub-contenttype", "application/json"),
                ("iothub-creationtimeutc", "2026-01-01T00:00:00Z"),
                ("iothub-to", "anything"),
                ("if-match", "\"*\""),
            ],
        );
        let message = message(&head.headers, Bytes::from_static(b"x"));
        assert_eq!(message.message_id.as_deref(), Some("m"));
        assert_eq!(message.content_type.as_deref(), Some("application/json"));
        let properties: Vec<_> = message
            .properties
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            properties,
            [
                ("iothub-creation-time-utc", "2026-01-01T00:00:00Z"),
                ("level", "high")
            ]
        );
        assert_eq!(if_match(&head.headers).as_deref(), Some("*"));
    }

    #[test]
    fn an_identity_is_read_leniently_and_a_batch_has_its_limit() {
        let identity = read_identity(br#"{"deviceId":"d","etag":null,"authentication":{"symmetricKey":{"primaryKey":null}},"new":1}"#).unwrap();
        assert_eq!(identity.device_id, "d");
        assert!(matches!(
            read_identity(b"{"),
            Err(Rejection::Argument { .. })
        ));
        assert!(matches!(
            read_identity(br#"{"status":"asleep"}"#),
            Err(Rejection::Argument { .. })
        ));
        let entries = |count| format!("[{}]", vec![r#"{"body":"eA=="}"#; count].join(","));
        assert_eq!(read_batch(entries(500).as_bytes()).unwrap().len(), 500);
        assert!(read_batch(entries(501).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_request_panics(path in "/[!-~]{0,60}", body in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(request) = Request::builder().method("PUT").uri(path).body(()) {
                let (head, ()) = request.into_parts();
                if let Ok(wanted) = Wanted::of(&head) {
                    let _ = wanted.into_command(&head.headers, body.into());
                }
            }
        }
    }
}
