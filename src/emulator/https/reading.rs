//! Headers and bodies, as far as requests have them alike.

use http::{HeaderMap, header};
use serde_json::Value;

use super::rejection::Rejection;

pub(super) fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
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

/// Reads a body that has to be JSON.
pub(super) fn json_body(body: &[u8]) -> Result<Value, Rejection> {
    serde_json::from_slice(body).map_err(|error| Rejection::Argument {
        message: format!(
            "The body is not JSON (line {}, column {}).",
            error.line(),
            error.column()
        ),
    })
}

/// A member that is null counts as left out, as it does for the SDKs.
pub(super) fn drop_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(drop_nulls);
    }
}
