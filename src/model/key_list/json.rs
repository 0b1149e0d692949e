//! One JSON object a line, in the shapes that device lists come in: our own, the registry's, and the portal's strings.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Entry, LineError, of_connection_string};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, default)]
    device_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    module_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    key: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    primary_key: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    symmetric_key: Option<Keys<'a>>,
    #[serde(borrow, default)]
    authentication: Option<Authentication<'a>>,
    #[serde(borrow, default)]
    connection_string: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authentication<'a> {
    #[serde(borrow, default)]
    symmetric_key: Option<Keys<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys<'a> {
    #[serde(borrow, default)]
    primary_key: Option<Cow<'a, str>>,
}

pub(super) fn read(line: &str) -> Result<Entry<'_>, LineError> {
    // Of the parser's error only the place is told: its text may quote the key.
    let line: Line<'_> = serde_json::from_str(line).map_err(|error| LineError::Json {
        column: error.column().max(1),
    })?;
    if let Some(text) = &line.connection_string {
        return of_connection_string(text);
    }
    let nested = line
        .symmetric_key
        .or(line.authentication.and_then(|it| it.symmetric_key));
    let key = line
        .key
        .or(line.primary_key)
        .or(nested.and_then(|keys| keys.primary_key));
    Ok(Entry {
        host: None,
        device: line
            .device_id
            .ok_or(LineError::Missing { what: "deviceId" })?,
        module: line.module_id.filter(|module| !module.is_empty()),
        key: key.ok_or(LineError::Missing { what: "key" })?,
    })
}
