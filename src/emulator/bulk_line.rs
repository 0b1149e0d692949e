//! One identity of many, as requests and files have it.
//!
//! Source: azure-iot-hub 2.7.0, `export_import_device.py`.

use serde_json::{Map, Value};

use super::hub::command::{BulkChange, ImportMode};
use crate::model::configuration::Draft;
use crate::model::device::Identity;
use crate::model::twin::TwinChange;

/// What an object asks for; an error says in a sentence why it asks for nothing.
pub(super) fn read(mut members: Map<String, Value>) -> Result<BulkChange, String> {
    let id = text_of(&mut members, "id").ok_or("A device has no id.")?;
    let mode = match text_of(&mut members, "importMode") {
        None => ImportMode::default(),
        Some(name) => {
            ImportMode::named(&name).ok_or_else(|| format!("There is no import mode '{name}'."))?
        }
    };
    // Node sends its own devices' `etag`, all others the `eTag` of import and export.
    let small = text_of(&mut members, "etag");
    let etag = text_of(&mut members, "eTag").or(small);
    let twin_etag = text_of(&mut members, "twinETag");
    let mut twin = Map::new();
    for name in ["tags", "properties"] {
        let part = members.shift_remove(name).filter(|part| !part.is_null());
        twin.extend(part.map(|part| (name.to_owned(), part)));
    }
    let twin = TwinChange::parse(&Value::Object(twin), false);
    let twin = twin.map_err(|error| format!("{error}."))?;
    members.insert("deviceId".to_owned(), id.clone().into());
    let mut identity = Value::Object(members);
    drop_nulls(&mut identity);
    let identity: Identity = serde_json::from_value(identity)
        .map_err(|_| format!("'{id}' is described by what is no device identity."))?;
    Ok(BulkChange {
        mode,
        identity,
        etag,
        twin,
        twin_etag,
    })
}

/// A line of a file of configurations: its id, what is to be there, and the `ETag` of what is.
pub(super) fn read_configuration(line: &[u8]) -> Result<(String, Draft, Option<String>), String> {
    let no_json = |error: serde_json::Error| {
        let column = error.column();
        format!("It is no configuration (column {column}).")
    };
    let mut members: Map<String, Value> = serde_json::from_slice(line).map_err(no_json)?;
    let etag = text_of(&mut members, "etag");
    let draft: Draft = serde_json::from_value(Value::Object(members)).map_err(no_json)?;
    let id = draft.id.clone().ok_or("A configuration has no id.")?;
    Ok((id, draft, etag))
}

/// What a line of a file asks for, which may have come from an export: what only a twin's own hub knows is passed over.
pub(super) fn read_line(line: &[u8]) -> Result<BulkChange, String> {
    let mut members: Map<String, Value> = serde_json::from_slice(line)
        .map_err(|error| format!("It is no JSON object (column {}).", error.column()))?;
    let properties = members.get_mut("properties");
    let desired = properties.and_then(|properties| properties.get_mut("desired"));
    if let Some(desired) = desired.and_then(Value::as_object_mut) {
        desired.retain(|name, _| !name.starts_with('$'));
    }
    // Java writes it with a capital.
    if let Some(Value::String(status)) = members.get_mut("status") {
        status.make_ascii_lowercase();
    }
    read(members)
}

fn text_of(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    let value = members.shift_remove(name)?;
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
}

/// A member that is null counts as left out, as it does for the SDKs.
pub(super) fn drop_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(drop_nulls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::twin::Change;

    #[test]
    fn a_line_of_an_export_is_read() {
        let line = br#"{"id":"d","eTag":"MQ==","status":"Enabled","authentication":null,"twinETag":"AAAAAAAAAAI=","tags":{"a":1},
            "properties":{"desired":{"b":2,"$metadata":{"$lastUpdated":"x"},"$version":7},"reported":{"$version":3}}}"#;
        let change = read_line(line).unwrap();
        assert_eq!(change.mode, ImportMode::CreateOrUpdate);
        let Some(Change::Merge(desired)) = &change.twin.desired else {
            panic!("{change:?}")
        };
        assert_eq!(Value::Object(desired.clone()).to_string(), r#"{"b":2}"#);
    }

    #[test]
    fn what_is_no_line_is_told_without_its_content() {
        for (line, told) in [
            ("hunter2", "no JSON object"),
            ("[]", "no JSON object"),
            (r#"{"authentication":"hunter2"}"#, "no id"),
            (r#"{"id":"d","authentication":"hunter2"}"#, "'d'"),
            (r#"{"id":"d","authentication":["hunter2"]}"#, "'d'"),
            (
                r#"{"id":"d","importMode":"destroy"}"#,
                "import mode 'destroy'",
            ),
        ] {
            let error = read_line(line.as_bytes()).unwrap_err();
            assert!(
                error.contains(told) && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
