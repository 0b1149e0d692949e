//! Headers and bodies, as far as requests have them alike.

use std::sync::Arc;

use http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(super) use super::super::bulk_line::drop_nulls;
use super::super::hub::command::{Certificate, Credential};
use super::rejection::Rejection;
use crate::model::object::Object;

/// The most that a list has.
const MAX_TOP: usize = 1000;

pub(super) fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// What a device proves itself with: the token that it shows, or else the certificate of its connection.
pub(super) fn credential(
    token: Option<String>,
    certificate: Option<&Arc<Certificate>>,
) -> Option<Credential> {
    let certificate = || certificate.map(|held| Credential::Certificate(Arc::clone(held)));
    token.map(Credential::token).or_else(certificate)
}

/// `If-Match` comes quoted from the Node and Python SDKs, bare from C# and curl.
pub(super) fn if_match(headers: &HeaderMap) -> Option<String> {
    let value = text(headers, &header::IF_MATCH)?;
    let value = value.trim();
    let bare = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    Some(bare.unwrap_or(value).to_owned())
}

/// How many a list may have: as many as `top` says, and never more than the service gives at a time.
pub(super) fn top(given: Option<&str>) -> Result<usize, Rejection> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(MAX_TOP);
    };
    let is_number = given.bytes().all(|byte| byte.is_ascii_digit());
    let is_zero = given.bytes().all(|byte| byte == b'0');
    if !is_number || is_zero {
        return Err(Rejection::argument("top is a number from 1 on."));
    }
    // One that is too large to be read is larger than the most.
    Ok(given.parse().unwrap_or(MAX_TOP).min(MAX_TOP))
}

/// Reads a body that has to be JSON.
pub(super) fn json_body(body: &[u8]) -> Result<Value, Rejection> {
    serde_json::from_slice(body).map_err(|error| misread("not JSON", &error))
}

/// Reads an object of one form; `what` says, in words, what a body is that cannot be read so.
pub(super) fn read<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, Rejection> {
    let read = serde_json::from_slice(body).map(|Object(read)| read);
    read.map_err(|error| misread(what, &error))
}

/// Why a body is not what it has to be, `what` in words, and where.
pub(super) fn misread(what: &str, error: &serde_json::Error) -> Rejection {
    Rejection::argument(misreading(what, error))
}

/// The words of [`misread`].
pub(super) fn misreading(what: &str, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    format!("The body is {what} (line {line}, column {column}).")
}
