//! Messages to devices over HTTPS: what is asked, and how what is given looks.
//!
//! Sources: azure-iot-device-http 1.14.4; azure-iot-http-base 1.12.3; azure-iot-cli-extension, which wants each of the
//! headers to be there, if only with nothing in it.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::hub::command::{
    Certificate, CloudToDeviceOperation, Command, FeedbackOperation, GivenFeedback,
    GivenFileNotification, GivenMessage, Outcome,
};
use super::plain::{Response, json_response, response};
use super::reading::credential;
use crate::protocol::amqp::identity_address::{IdentityAddress, IdentityNode};
use crate::protocol::rest::path::Resource;
use crate::protocol::rest::{FEEDBACK_CONTENT_TYPE, FILE_NOTIFICATION_CONTENT_TYPE, event_header};

/// The names without a prefix under which the service tells what the body is.
const CONTENT_TYPE: &str = "contenttype";
const CONTENT_ENCODING: &str = "contentencoding";

/// What is asked of the queues.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MessageRequest {
    Receive {
        device: String,
    },
    Settle {
        device: String,
        lock: String,
        outcome: Outcome,
    },
    Purge {
        device: String,
    },
    ReceiveFeedback,
    SettleFeedback {
        lock: String,
        outcome: Outcome,
    },
    ReceiveFileNotification,
    SettleFileNotification {
        lock: String,
        outcome: Outcome,
    },
}

impl MessageRequest {
    /// Reads a request for one of the queues' resources, and which method it has to come with; `None` for every other
    /// resource.
    pub(super) fn of(query: &str, resource: Resource) -> Option<(Self, &'static str)> {
        Some(match resource {
            Resource::DeviceBound { device } => (Self::Receive { device }, "GET"),
            Resource::DeviceBoundMessage { device, lock } => {
                let is_reject = has_key(query, "reject");
                let outcome = if is_reject {
                    Outcome::Reject
                } else {
                    Outcome::Complete
                };
                let settle = Self::Settle {
                    device,
                    lock,
                    outcome,
                };
                (settle, "DELETE")
            }
            Resource::DeviceBoundAbandon { device, lock } => {
                let outcome = Outcome::Abandon;
                let settle = Self::Settle {
                    device,
                    lock,
                    outcome,
                };
                (settle, "POST")
            }
            Resource::Commands { device } => (Self::Purge { device }, "DELETE"),
            Resource::Feedback => (Self::ReceiveFeedback, "GET"),
            Resource::FeedbackMessage { lock } => {
                let outcome = Outcome::Complete;
                (Self::SettleFeedback { lock, outcome }, "DELETE")
            }
            Resource::FeedbackAbandon { lock } => {
                let outcome = Outcome::Abandon;
                (Self::SettleFeedback { lock, outcome }, "POST")
            }
            Resource::FileNotifications => (Self::ReceiveFileNotification, "GET"),
            Resource::FileNotification { lock } => {
                let outcome = Outcome::Complete;
                (Self::SettleFileNotification { lock, outcome }, "DELETE")
            }
            Resource::FileNotificationAbandon { lock } => {
                let outcome = Outcome::Abandon;
                (Self::SettleFileNotification { lock, outcome }, "POST")
            }
            Resource::Devices
            | Resource::Files { .. }
            | Resource::UploadNotification { .. }
            | Resource::Query
            | Resource::Twin { .. }
            | Resource::Methods { .. }
            | Resource::Device { .. }
            | Resource::Modules { .. }
            | Resource::Module { .. }
            | Resource::DeviceEvents { .. }
            | Resource::DeviceStatistics
            | Resource::ApplyContent { .. }
            | Resource::Configurations
            | Resource::TestQueries
            | Resource::JobQuery
            | Resource::Transfers
            | Resource::CreateTransfer
            | Resource::Transfer { .. }
            | Resource::Job { .. }
            | Resource::CancelJob { .. }
            | Resource::Configuration { .. }
            | Resource::ServiceStatistics => return None,
        })
    }

    /// The command that does it.
    pub(super) fn into_command(
        self,
        token: Option<String>,
        certificate: Option<&Arc<Certificate>>,
    ) -> Command {
        let lock_of = |text: &str| Uuid::parse_str(text).ok();
        Command::CloudToDevice(match self {
            Self::Receive { device } => CloudToDeviceOperation::Receive {
                credential: credential(token, certificate),
                device,
            },
            Self::Settle {
                device,
                lock,
                outcome,
            } => CloudToDeviceOperation::Settle {
                credential: credential(token, certificate),
                device,
                lock: lock_of(&lock),
                outcome,
            },
            Self::Purge { device } => CloudToDeviceOperation::Purge { token, device },
            Self::ReceiveFeedback => {
                return Command::Feedback(FeedbackOperation::Receive { token });
            }
            Self::SettleFeedback { lock, outcome } => {
                return Command::Feedback(FeedbackOperation::Settle {
                    token,
                    lock: lock_of(&lock),
                    outcome,
                });
            }
            Self::ReceiveFileNotification => {
                return Command::FileNotifications(FeedbackOperation::Receive { token });
            }
            Self::SettleFileNotification { lock, outcome } => {
                return Command::FileNotifications(FeedbackOperation::Settle {
                    token,
                    lock: lock_of(&lock),
                    outcome,
                });
            }
        })
    }
}

fn has_key(query: &str, name: &str) -> bool {
    let mut keys = query.split('&').filter_map(|pair| pair.split('=').next());
    keys.any(|key| key.eq_ignore_ascii_case(name))
}

/// A message, or 204 where there is none.
pub(super) fn message_response(given: Option<GivenMessage>) -> Response {
    let Some(given) = given else {
        return response(StatusCode::NO_CONTENT, Bytes::new());
    };
    let message = &given.content.message;
    let mut response = response(StatusCode::OK, message.body.clone());
    let headers = response.headers_mut();
    let mut set = |name: &str, value: &str| insert(headers, name, value);
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let address = IdentityAddress {
        identity: given.identity.clone(),
        node: IdentityNode::DeviceBound,
    };
    let expiry = given.content.expiry;
    let expiry = expiry.and_then(DateTime::from_timestamp_millis);
    set("etag", &format!("\"{}\"", given.lock));
    set(event_header::MESSAGE_ID, &text(&message.message_id));
    set(event_header::CORRELATION_ID, &text(&message.correlation_id));
    set(event_header::USER_ID, &text(&message.user_id));
    set(event_header::TO, &address.to_string());
    set(event_header::ACK, given.content.ack.name());
    set(event_header::EXPIRY, &expiry.map(time).unwrap_or_default());
    set(event_header::ENQUEUED_TIME, &time(given.enqueued));
    set(
        event_header::DELIVERY_COUNT,
        &given.delivery_count.to_string(),
    );
    let number = given.sequence_number.to_string();
    set(event_header::SEQUENCE_NUMBER, &number);
    for (name, bare, value) in [
        (
            event_header::CONTENT_TYPE,
            CONTENT_TYPE,
            &message.content_type,
        ),
        (
            event_header::CONTENT_ENCODING,
            CONTENT_ENCODING,
            &message.content_encoding,
        ),
    ] {
        if let Some(value) = value {
            set(name, value);
            set(bare, value);
        }
    }
    for (name, value) in &message.properties {
        set(
            &format!("{}{name}", event_header::APPLICATION_PREFIX),
            value,
        );
    }
    response
}

/// Feedback, or 204 where there is none.
pub(super) fn feedback_response(given: Option<GivenFeedback>) -> Response {
    let Some(given) = given else {
        return response(StatusCode::NO_CONTENT, Bytes::new());
    };
    let records: Vec<_> = given.records.iter().map(AsRef::as_ref).collect();
    let place = (given.enqueued, given.lock);
    told(&json!(records), FEEDBACK_CONTENT_TYPE, place, &given.hub)
}

/// A notification, or 204 where there is none.
pub(super) fn file_notification_response(given: Option<GivenFileNotification>) -> Response {
    let Some(given) = given else {
        return response(StatusCode::NO_CONTENT, Bytes::new());
    };
    let place = (given.enqueued, given.lock);
    let body = json!(given.notification.as_ref());
    told(&body, FILE_NOTIFICATION_CONTENT_TYPE, place, &given.hub)
}

fn told(
    body: &Value,
    content_type: &'static str,
    (enqueued, lock): (DateTime<Utc>, Uuid),
    hub: &str,
) -> Response {
    let mut response = json_response(StatusCode::OK, body);
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(content_type);
    headers.insert(header::CONTENT_TYPE, content_type);
    insert(headers, "etag", &format!("\"{lock}\""));
    insert(headers, event_header::USER_ID, hub);
    insert(headers, event_header::ENQUEUED_TIME, &time(enqueued));
    response
}

/// How many messages were thrown away.
pub(super) fn purge_response(device: &str, count: usize) -> Response {
    json_response(
        StatusCode::OK,
        &json!({ "totalMessagesPurged": count, "deviceId": device, "moduleId": null }),
    )
}

/// What cannot stand in a header is left out: over HTTPS there is no other place for it.
fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
        headers.insert(name, value);
    }
}

/// As .NET writes a time for an American.
fn time(time: DateTime<Utc>) -> String {
    time.format("%-m/%-d/%Y %-I:%M:%S %p").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::emulator::hub::command::{Ack, CloudMessage, DeviceMessage};
    use crate::model::device::IdentityId;

    #[test]
    fn a_message_has_all_its_headers_and_leaves_out_what_no_header_takes() {
        let properties = [("Level", "high"), ("a b", "x"), ("c", "line\nbreak")];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let given = GivenMessage {
            identity: IdentityId {
                device: "a:b".to_owned(),
                module: None,
            },
            lock: Uuid::from_u128(7),
            sequence_number: 3,
            enqueued: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            delivery_count: 1,
            content: Arc::new(CloudMessage {
                message: DeviceMessage {
                    body: Bytes::from_static(b"{}"),
                    message_id: Some("m1".to_owned()),
                    content_type: Some("application/json".to_owned()),
                    properties: properties.into(),
                    ..DeviceMessage::default()
                },
                expiry: None,
                ack: Ack::Full,
            }),
        };
        let response = message_response(Some(given));
        assert_eq!(response.status(), 200);
        let found: Vec<(&str, &str)> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        for expected in [
            ("etag", "\"00000000-0000-0000-0000-000000000007\""),
            ("iothub-messageid", "m1"),
            ("iothub-correlationid", ""),
            ("iothub-userid", ""),
            ("iothub-to", "/devices/a%3Ab/messages/devicebound"),
            ("iothub-ack", "full"),
            ("iothub-expiry", ""),
            ("iothub-enqueuedtime", "11/14/2023 10:13:20 PM"),
            ("iothub-deliverycount", "1"),
            ("iothub-sequencenumber", "3"),
            ("iothub-contenttype", "application/json"),
            ("contenttype", "application/json"),
            ("iothub-app-level", "high"),
        ] {
            assert!(found.contains(&expected), "{expected:?} in {found:?}");
        }
        assert!(!found.iter().any(|(name, _)| name.contains("app-c")));
        assert_eq!(message_response(None).status(), 204);
        assert_eq!(feedback_response(None).status(), 204);
    }
}
