//! Requests about twins, and about many identities with their twins.

use http::{HeaderMap, Method, header};
use serde_json::{Value, json};

use super::super::bulk_line;
use super::super::hub::command::{BulkError, RegistryOperation, TwinOperation};
use super::reading::{if_match, json_body, text};
use super::rejection::Rejection;
use crate::model::device::IdentityId;
use crate::model::twin::TwinChange;

/// How many bytes a twin's JSON may have: with metadata it is several times its own size.
pub(super) const MAX_TWIN_BYTES: usize = 512 * 1024;

/// How many bytes many identities may have.
pub(super) const MAX_BULK_BYTES: usize = 1024 * 1024;

/// What is wanted of a twin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TwinRequest {
    identity: IdentityId,
    verb: Verb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Patch,
    Put,
}

impl TwinRequest {
    pub(super) fn of(method: &Method, identity: IdentityId) -> Result<Self, Rejection> {
        let verb = match *method {
            Method::GET => Verb::Get,
            Method::PATCH => Verb::Patch,
            Method::PUT => Verb::Put,
            _ => {
                return Err(Rejection::Method {
                    allowed: "GET, PATCH, PUT",
                });
            }
        };
        Ok(Self { identity, verb })
    }

    /// Whose it is.
    pub(super) fn identity(&self) -> &IdentityId {
        &self.identity
    }

    /// Whether its body is looked at.
    pub(super) fn has_body(&self) -> bool {
        self.verb != Verb::Get
    }

    pub(super) fn into_operation(
        self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<TwinOperation, Rejection> {
        let token = text(headers, &header::AUTHORIZATION);
        let identity = self.identity;
        if self.verb == Verb::Get {
            return Ok(TwinOperation::Read { token, identity });
        }
        let change = read_change(&json_body(body)?, self.verb == Verb::Put)?;
        Ok(TwinOperation::Change {
            token,
            identity,
            change: Box::new(change),
            if_match: if_match(headers),
        })
    }
}

fn read_change(body: &Value, replaces: bool) -> Result<TwinChange, Rejection> {
    TwinChange::parse(body, replaces).map_err(|error| Rejection::argument(format!("{error}.")))
}

/// Reads the body of `POST /devices`.
pub(super) fn read_bulk(body: &[u8]) -> Result<RegistryOperation, Rejection> {
    let Value::Array(devices) = json_body(body)? else {
        return Err(Rejection::argument("The body is no array of devices."));
    };
    let change = |device: Value| {
        let Value::Object(members) = device else {
            return Err(Rejection::argument("A device is a JSON object."));
        };
        bulk_line::read(members).map_err(Rejection::argument)
    };
    let changes = devices.into_iter().map(change).collect::<Result<_, _>>()?;
    Ok(RegistryOperation::Bulk { changes })
}

/// The answer to `POST /devices`.
pub(super) fn bulk_result(errors: &[BulkError]) -> Value {
    let error = |error: &BulkError| {
        json!({
            "deviceId": error.identity.device,
            "moduleId": error.identity.module,
            "errorCode": error.refusal.code.name,
            "errorStatus": error.refusal.message,
            "operation": error.mode.name(),
        })
    };
    json!({
        "isSuccessful": errors.is_empty(),
        "errors": errors.iter().map(error).collect::<Vec<_>>(),
        "warnings": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::hub::command::{BulkChange, ImportMode};
    use crate::model::twin::Change;

    fn read(body: &Value) -> Result<Vec<BulkChange>, Rejection> {
        let operation = read_bulk(body.to_string().as_bytes())?;
        let RegistryOperation::Bulk { changes } = operation else {
            panic!("{operation:?}")
        };
        Ok(changes)
    }

    #[test]
    fn the_sdks_devices_are_read() {
        // As Python writes them: nothing where nothing is given.
        let python = json!({ "id": "a+b", "eTag": "MA==", "importMode": "updateIfMatchETag", "status": "disabled",
            "authentication": { "type": "sas", "symmetricKey": { "primaryKey": "x" } }, "twinETag": "AA",
            "tags": { "t": null }, "properties": { "desired": { "d": 1 } } });
        // As Node does: what the registry gave, but for the id's name.
        let node = json!({ "id": "n", "etag": "MQ==", "importMode": "Delete", "statusReason": null,
            "connectionState": "Disconnected", "capabilities": { "iotEdge": false } });
        let module = json!({ "id": "d", "moduleId": "m", "tags": null });
        let changes = read(&json!([python, node, module])).unwrap();
        let summary =
            |change: &BulkChange| (change.id().to_string(), change.mode, change.etag.clone());
        assert_eq!(
            changes.iter().map(summary).collect::<Vec<_>>(),
            [
                (
                    "a+b".to_owned(),
                    ImportMode::UpdateIfMatchETag,
                    Some("MA==".to_owned())
                ),
                ("n".to_owned(), ImportMode::Delete, Some("MQ==".to_owned())),
                ("d/m".to_owned(), ImportMode::CreateOrUpdate, None),
            ]
        );
        let Some(Change::Merge(tags)) = &changes[0].twin.tags else {
            panic!("{changes:?}")
        };
        assert_eq!(
            (tags["t"].is_null(), changes[0].twin_etag.as_deref()),
            (true, Some("AA"))
        );
        assert!(changes[0].twin.desired.is_some());
        assert_eq!(changes[2].twin, TwinChange::default());
        for bad in [
            json!({}),
            json!([1]),
            json!([{ "importMode": "create" }]),
            json!([{ "id": "a", "importMode": "destroy" }]),
            json!([{ "id": "a", "status": "asleep" }]),
            json!([{ "id": "a", "tags": [] }]),
        ] {
            assert!(
                matches!(read(&bad), Err(Rejection::Argument { .. })),
                "{bad}"
            );
        }
    }
}
