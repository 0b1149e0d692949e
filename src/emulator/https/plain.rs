//! Responses without anything of their own.

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderValue};
use http_body_util::Full;
use serde_json::Value;

/// A whole response.
pub(super) type Response = http::Response<Full<Bytes>>;

const SERVER: HeaderValue = HeaderValue::from_static("Microsoft-HTTPAPI/2.0");
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

pub(super) fn response(status: StatusCode, body: Bytes) -> Response {
    let mut response = http::Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::SERVER, SERVER);
    response
}

pub(super) fn json_response(status: StatusCode, value: &Value) -> Response {
    let mut response = response(status, Bytes::from(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}
