//! How answers and refusals look on the wire.
//!
//! Errors are of the second generation (`ErrorCode:Name;text`), as seen from the service since 2017.

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::calling::MethodAnswer;
use super::super::driver::Clock;
use super::super::hub::command::{Refusal, Reply};
use super::super::query::Page;
use super::messages::{
    feedback_response, file_notification_response, message_response, purge_response,
};
pub(super) use super::plain::Response;
use super::plain::{JSON, json_response, response};
use super::queries;
use super::rejection::Rejection;
use super::request::Shape;
use super::twins::bulk_result;
use crate::model::device::Identity;
use crate::protocol::rest::ERROR_CODE_HEADER;
use crate::protocol::rest::error_body::ServiceError;
use crate::protocol::rest::error_code::{self, ErrorCode};
use crate::protocol::websocket;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// What a module's identity has not, although a device's has.
const DEVICES_ALONE: [&str; 3] = ["status", "statusReason", "statusUpdatedTime"];

/// What the hub said, and how it is to look.
#[derive(Debug)]
pub(super) enum Answer {
    Reply {
        shape: Shape,
        reply: Reply,
    },
    /// Of a device whose method was called.
    Method(MethodAnswer),
    /// Of a query.
    Page(Page),
}

/// Makes responses; the clock is for tracking ids.
#[derive(Debug)]
pub(super) struct Responder {
    clock: Clock,
}

impl Responder {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock }
    }

    /// Dates a response by the hub's own clock.
    pub(super) fn date(&self, response: &mut Response) {
        let date = self.clock.now().format("%a, %d %b %Y %H:%M:%S GMT");
        if let Ok(date) = HeaderValue::from_str(&date.to_string()) {
            response.headers_mut().insert(header::DATE, date);
        }
    }

    /// What the hub said, with an id of its own.
    pub(super) fn answer(&self, answer: Answer) -> Response {
        let mut response = self.shown(answer);
        // What the hub has no words for is an error, which has one already.
        let id = response.headers_mut().entry(REQUEST_ID);
        id.or_insert_with(|| request_id(&Uuid::new_v4()));
        response
    }

    fn shown(&self, answer: Answer) -> Response {
        let (shape, reply) = match answer {
            Answer::Reply { shape, reply } => (shape, reply),
            Answer::Method(answer) => return method_response(&answer),
            Answer::Page(page) => return page_response(page),
        };
        match (shape, reply) {
            (_, Reply::Done) => response(StatusCode::NO_CONTENT, Bytes::new()),
            (_, Reply::Identity(identity)) => with_etag(
                json_response(StatusCode::OK, &identity_json(&identity)),
                &identity.etag,
            ),
            (_, Reply::Twin { etag, twin }) => {
                with_etag(json_response(StatusCode::OK, &twin), &etag)
            }
            (
                _,
                Reply::Configuration {
                    etag,
                    configuration,
                    is_new,
                },
            ) => {
                let status = if is_new {
                    StatusCode::CREATED
                } else {
                    StatusCode::OK
                };
                with_etag(json_response(status, &configuration), &etag)
            }
            (_, Reply::Json(value)) => json_response(StatusCode::OK, &value),
            (_, Reply::Page(page)) => page_response(page),
            (_, Reply::Bulk(errors)) => {
                let status = if errors.is_empty() {
                    StatusCode::OK
                } else {
                    StatusCode::BAD_REQUEST
                };
                json_response(status, &bulk_result(&errors))
            }
            (_, Reply::Identities(identities)) => {
                let all = identities.iter().map(identity_json).collect();
                json_response(StatusCode::OK, &Value::Array(all))
            }
            (Shape::ServiceStatistics, Reply::Statistics { connected, .. }) => json_response(
                StatusCode::OK,
                &json!({ "connectedDeviceCount": connected }),
            ),
            (_, Reply::Statistics { total, enabled, .. }) => json_response(
                StatusCode::OK,
                &json!({
                    "totalDeviceCount": total,
                    "enabledDeviceCount": enabled,
                    "disabledDeviceCount": total - enabled,
                }),
            ),
            (_, Reply::Messages(given)) => message_response(given.into_iter().next()),
            (_, Reply::Feedback(given)) => feedback_response(given),
            (_, Reply::FileNotification(given)) => file_notification_response(given),
            (_, Reply::Purged { device, count }) => purge_response(&device, count),
            // No request over HTTPS asks for these.
            (
                _,
                Reply::Granted(_)
                | Reply::Session { .. }
                | Reply::OwnTwin(_)
                | Reply::Reported { .. }
                | Reply::Search(_)
                | Reply::Upload { .. }
                | Reply::Exported(_)
                | Reply::Call { .. }
                | Reply::EventHub { .. }
                | Reply::Partition(_)
                | Reply::Events(_)
                | Reply::Stored(_),
            ) => self.error(error_code::SERVER_ERROR, "InternalServerError"),
        }
    }

    pub(super) fn reject(&self, rejection: &Rejection) -> Response {
        match rejection {
            Rejection::Refused(refusal) => self.error(refusal.code, &refusal.message),
            Rejection::Call { refusal, info } => self.nested_error(refusal, info),
            Rejection::Unanswered => self.error(error_code::SERVER_ERROR, "InternalServerError"),
            Rejection::NoResource => self.error(
                error_code::GENERIC_NOT_FOUND,
                "No HTTP resource was found that matches the request URI.",
            ),
            Rejection::NoWebSocket => self.error(
                error_code::ARGUMENT_INVALID,
                "This path opens WebSockets of its own subprotocols alone: AMQPWSB10, and on the hub mqtt.",
            ),
            Rejection::WebSocketVersion => self.other_version(),
            Rejection::Throttled { retry_after } => {
                let text = "Operations are being throttled for this tenant.";
                let mut response = self.error(error_code::THROTTLING, text);
                let seconds = HeaderValue::from(retry_after.as_secs());
                response.headers_mut().insert(header::RETRY_AFTER, seconds);
                response
            }
            Rejection::Unavailable => {
                self.error(error_code::SERVICE_UNAVAILABLE, "ServiceUnavailable")
            }
            Rejection::Method { allowed } => {
                let text = "The requested resource does not support this method.";
                let mut response = self.error(error_code::METHOD_NOT_ALLOWED, text);
                let allowed = HeaderValue::from_static(allowed);
                response.headers_mut().insert(header::ALLOW, allowed);
                response
            }
            Rejection::Version => self.error(
                error_code::INVALID_PROTOCOL_VERSION,
                "The api-version of the request is missing or not supported.",
            ),
            Rejection::Argument { message } => self.error(error_code::ARGUMENT_INVALID, message),
            Rejection::TooLarge { size, limit } => {
                let text = format!("The body has {size} bytes or more, and the limit is {limit}.");
                self.error(error_code::MESSAGE_TOO_LARGE, &text)
            }
            Rejection::TimedOut | Rejection::Broken => self.error(
                error_code::ARGUMENT_INVALID,
                "The body did not come to its end.",
            ),
        }
    }

    fn error(&self, code: ErrorCode, message: &str) -> Response {
        let write = |tracking_id: &str| ServiceError::write(code, message, tracking_id);
        self.error_response(code, write)
    }

    /// Says which version of WebSocket is spoken (RFC 6455, section 4.4).
    fn other_version(&self) -> Response {
        let text = "WebSockets of version 13 alone are spoken here.";
        let mut response = self.error(error_code::ARGUMENT_INVALID, text);
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        response.headers_mut().extend([
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::CONNECTION, HeaderValue::from_static("Upgrade")),
            (
                header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static(websocket::VERSION),
            ),
        ]);
        response
    }

    fn nested_error(&self, refusal: &Refusal, info: &Value) -> Response {
        let time = self.clock.now().format("%Y-%m-%dT%H:%M:%S%.6f");
        let time = format!("{time}0Z");
        let (code, message) = (refusal.code, &refusal.message);
        self.error_response(code, |tracking_id| {
            ServiceError::write_nested(code, message, tracking_id, &time, info)
        })
    }

    fn error_response(&self, code: ErrorCode, write: impl FnOnce(&str) -> String) -> Response {
        let id = Uuid::new_v4();
        let time = self.clock.now().format("%m/%d/%Y %H:%M:%S");
        let body = write(&format!("{}-G:0-TimeStamp:{time}", id.simple()));
        let status =
            StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = response(status, Bytes::from(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(ERROR_CODE_HEADER, HeaderValue::from_static(code.name));
        headers.insert(REQUEST_ID, request_id(&id));
        response
    }
}

/// An id as it stands in a header. Events come by the thousand: nothing else is allocated for theirs.
fn request_id(id: &Uuid) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    let text = id.hyphenated().encode_lower(&mut text);
    // Digits and hyphens are always good.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

fn with_etag(mut response: Response, etag: &str) -> Response {
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{etag}\"")) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// The device's JSON stands in the answer as the device wrote it.
fn method_response(answer: &MethodAnswer) -> Response {
    let MethodAnswer { status, payload } = answer;
    let body = format!("{{\"status\":{status},\"payload\":{payload}}}");
    let mut response = response(StatusCode::OK, Bytes::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

fn page_response(page: Page) -> Response {
    let mut response = json_response(StatusCode::OK, &Value::Array(page.rows));
    let headers = response.headers_mut();
    let item_type = HeaderValue::from_static(page.item_type.name());
    headers.insert(queries::ITEM_TYPE, item_type);
    let next = page.continuation.map(|next| next.write());
    if let Some(Ok(next)) = next.map(|next| HeaderValue::from_str(&next)) {
        headers.insert(queries::CONTINUATION, next);
    }
    response
}

fn identity_json(identity: &Identity) -> Value {
    // Texts, numbers and options of them always serialize.
    let mut value = serde_json::to_value(identity).unwrap_or_default();
    if let (Some(members), Some(_)) = (value.as_object_mut(), &identity.module_id) {
        for name in DEVICES_ALONE {
            members.shift_remove(name);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use http_body_util::BodyExt as _;

    fn responder() -> Responder {
        Responder::new(Clock::new(|| DateTime::UNIX_EPOCH))
    }

    async fn body(response: Response) -> String {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_refusal_has_code_header_and_body() {
        let response = responder().error(error_code::DEVICE_NOT_FOUND, "d1");
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()[ERROR_CODE_HEADER], "DeviceNotFound");
        assert_eq!(response.headers()["server"], "Microsoft-HTTPAPI/2.0");
        let header = response.headers()["x-ms-request-id"]
            .to_str()
            .unwrap()
            .replace('-', "");
        let expected = format!(
            r#"{{"Message":"ErrorCode:DeviceNotFound;d1","ExceptionMessage":"Tracking ID:{header}-G:0-TimeStamp:01/01/1970 00:00:00"}}"#
        );
        assert_eq!(body(response).await, expected);
    }

    #[tokio::test]
    async fn a_single_identity_carries_its_etag_quoted() {
        let identity = Identity {
            device_id: "d".to_owned(),
            module_id: Some("m".to_owned()),
            etag: "MA==".to_owned(),
            ..Identity::default()
        };
        let response = responder().answer(Answer::Reply {
            shape: Shape::OfReply,
            reply: Reply::Identity(Box::new(identity)),
        });
        assert_eq!(response.headers()["etag"], "\"MA==\"");
        let body = body(response).await;
        assert!(
            body.starts_with(r#"{"deviceId":"d","moduleId":"m","#) && !body.contains("status"),
            "{body}"
        );
    }
}
