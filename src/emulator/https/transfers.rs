//! Requests about jobs that import or export identities.
//!
//! Source: azure-iot-hub 2.7.0 `models/job_properties.py`; azure-iothub 1.16.6 `registry.js`.

use std::sync::Arc;

use http::{HeaderMap, Method, header};
use serde::Deserialize;
use serde_json::Value;

use super::super::clock::Clock;
use super::super::desk::Desk;
use super::super::driver::HubHandle;
use super::super::hub::command::{
    Command, Direction, Door, Refusal, Reply, TransferOperation, TransferRequest,
};
use super::super::hub::options::Right;
use super::super::transfer::{Dock, Order};
use super::reading::{self, text};
use super::rejection::Rejection;
use crate::protocol::rest::error_code;

/// How many bytes the body may have.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// What the service calls the files where nobody says otherwise.
const DEVICES: &str = "devices.txt";
const ERRORS: &str = "importErrors.log";
const CONFIGURATIONS: &str = "configurations.txt";

/// What is wanted of such jobs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TransferAsked {
    Create,
    List,
    Read { id: String },
    Cancel { id: String },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(rename = "type")]
    kind: Option<String>,
    input_blob_container_uri: Option<String>,
    input_blob_name: Option<String>,
    output_blob_container_uri: Option<String>,
    output_blob_name: Option<String>,
    exclude_keys_in_export: Option<bool>,
    storage_authentication_type: Option<String>,
    include_configurations: Option<bool>,
    configurations_blob_name: Option<String>,
}

impl TransferAsked {
    /// What is wanted of one.
    pub(super) fn of(method: &Method, id: String) -> Result<Self, Rejection> {
        match *method {
            Method::GET => Ok(Self::Read { id }),
            Method::DELETE => Ok(Self::Cancel { id }),
            _ => Err(Rejection::Method {
                allowed: "GET, DELETE",
            }),
        }
    }

    /// What it opens.
    pub(super) fn door(&self) -> Door {
        match self {
            Self::Create => Door::transfer("create", Right::RegistryWrite),
            Self::List => Door::transfers(),
            Self::Read { id } => Door::transfer(id, Right::RegistryRead),
            Self::Cancel { id } => Door::transfer(id, Right::RegistryWrite),
        }
    }

    /// The command that does it; none for one that storage has to be asked about.
    pub(super) fn into_command(self, token: Option<String>) -> Option<Command> {
        Some(Command::Transfer(match self {
            Self::Create => return None,
            Self::List => TransferOperation::List { token },
            Self::Read { id } => TransferOperation::Read { token, id },
            Self::Cancel { id } => TransferOperation::Cancel { token, id },
        }))
    }
}

/// The job that a command cancels.
pub(super) fn cancelled_by(command: &Command) -> Option<String> {
    if let Command::Transfer(TransferOperation::Cancel { id, .. }) = command {
        Some(id.clone())
    } else {
        None
    }
}

/// Makes a job and has it carried out.
pub(super) async fn create(
    desk: &Desk,
    headers: &HeaderMap,
    request: TransferRequest,
) -> Result<Reply, Rejection> {
    let token = text(headers, &header::AUTHORIZATION);
    let (hub, dock) = (desk.hub.clone(), Arc::clone(&desk.dock));
    // A client that hangs up must not leave a job behind that never begins.
    let made = tokio::spawn(make(hub, dock, desk.clock.clone(), token, request));
    made.await.map_err(|_| Rejection::Unanswered)?
}

async fn make(
    hub: HubHandle,
    dock: Arc<Dock>,
    clock: Clock,
    token: Option<String>,
    request: TransferRequest,
) -> Result<Reply, Rejection> {
    let create = TransferOperation::Create {
        token,
        request: Box::new(request.clone()),
    };
    let Reply::Json(job) = hub.ask(Command::Transfer(create)).await? else {
        return Err(Rejection::Unanswered);
    };
    let id = job.get("jobId").and_then(Value::as_str);
    let id = id.unwrap_or_default().to_owned();
    if let Err(why) = look_at_containers(&dock, &clock, &request).await {
        let withdraw = TransferOperation::Withdraw { id };
        hub.ask(Command::Transfer(withdraw)).await?;
        return Err(Rejection::Refused(Refusal {
            code: error_code::BLOB_CONTAINER_VALIDATION_ERROR,
            condition: "com.microsoft:argument-error",
            message: why,
        }));
    }
    dock.order(Order { id, request });
    Ok(Reply::Json(job))
}

/// Whether the containers are what they have to be. The service looks at them before it takes a job, with these words.
async fn look_at_containers(
    dock: &Dock,
    clock: &Clock,
    request: &TransferRequest,
) -> Result<(), String> {
    let storage = &dock.storage;
    let container = |uri: &str, what: &str| {
        let container = storage.container(uri, request.by_identity, clock.machine_now());
        container.map_err(|error| format!("{what}: {error}."))
    };
    if let Some(input) = &request.input {
        let input = container(input, "inputBlobContainerUri")?;
        for (blob, what) in [
            (Some(&request.input_blob), "devices"),
            (request.configurations_blob.as_ref(), "configurations"),
        ] {
            let Some(blob) = blob else {
                continue;
            };
            let found = storage.find(&input, blob).await;
            found.map_err(|error| {
                format!("Failed to read {what} blob from the input container: {error}.")
            })?;
        }
    }
    let output = container(&request.output, "outputBlobContainerUri")?;
    let made = storage.create(&output, &request.output_blob).await;
    made.map_err(|error| format!("Unauthorized to write to output blob container: {error}."))
}

/// Reads a job that is to be made.
pub(super) fn read(body: &[u8]) -> Result<TransferRequest, Rejection> {
    let body: Body = reading::read(body, "no job")?;
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let kind = body.kind.unwrap_or_default();
    let directions = [Direction::Import, Direction::Export];
    let mut directions = directions.into_iter();
    let direction = directions.find(|known| kind.eq_ignore_ascii_case(known.name()));
    let direction =
        direction.ok_or_else(|| Rejection::argument("A job's type is import or export."))?;
    let missing = |what: &str| Rejection::argument(format!("A job asks for {what}."));
    let input = given(body.input_blob_container_uri);
    let output = given(body.output_blob_container_uri);
    let configurations = given(body.configurations_blob_name);
    let configurations = configurations.unwrap_or_else(|| CONFIGURATIONS.to_owned());
    let is_with_them = body.include_configurations == Some(true);
    let authentication = body.storage_authentication_type.unwrap_or_default();
    let (input, output, output_blob) = match direction {
        Direction::Export => {
            let named = given(body.output_blob_name);
            let output = output.ok_or_else(|| missing("outputBlobContainerUri"))?;
            (None, output, named.unwrap_or_else(|| DEVICES.to_owned()))
        }
        Direction::Import => {
            let input = input.ok_or_else(|| missing("inputBlobContainerUri"))?;
            // As the C# SDK has it.
            let output = output.unwrap_or_else(|| input.clone());
            (Some(input), output, ERRORS.to_owned())
        }
    };
    Ok(TransferRequest {
        direction,
        input,
        input_blob: given(body.input_blob_name).unwrap_or_else(|| DEVICES.to_owned()),
        output,
        output_blob,
        configurations_blob: is_with_them.then_some(configurations),
        excludes_keys: body.exclude_keys_in_export.unwrap_or(false),
        by_identity: authentication.eq_ignore_ascii_case("identityBased"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdks_jobs_are_read() {
        let python = br#"{"type":"export","outputBlobContainerUri":"https://a.blob.core.windows.net/c?sig=x","outputBlobName":"all.txt","excludeKeysInExport":true,"storageAuthenticationType":"keyBased"}"#;
        let export = read(python).unwrap();
        assert_eq!(export.direction, Direction::Export);
        assert_eq!(
            (export.output_blob.as_str(), export.excludes_keys),
            ("all.txt", true)
        );
        assert!(!export.by_identity && !format!("{export:?}").contains("sig="));
        let node = br#"{"type":"import","inputBlobContainerUri":"i","outputBlobContainerUri":"o","storageAuthenticationType":"IdentityBased","identity":{"userAssignedIdentity":"u"}}"#;
        let import = read(node).unwrap();
        assert_eq!(import.input.as_deref(), Some("i"));
        assert_eq!(
            (import.input_blob.as_str(), import.output_blob.as_str()),
            (DEVICES, ERRORS)
        );
        assert!(import.by_identity);
    }

    #[test]
    fn configurations_go_along_where_they_are_asked_for() {
        let of = |more: &str| {
            let body = format!("{{\"type\":\"import\",\"inputBlobContainerUri\":\"i\"{more}}}");
            read(body.as_bytes()).unwrap()
        };
        // What is refused goes to where the file is, unless another place is named.
        assert_eq!(
            (of("").output.as_str(), of("").configurations_blob),
            ("i", None)
        );
        let usual = of(",\"includeConfigurations\":true");
        assert_eq!(usual.configurations_blob.as_deref(), Some(CONFIGURATIONS));
        let named = of(",\"includeConfigurations\":true,\"configurationsBlobName\":\"c\"");
        assert_eq!(named.configurations_blob.as_deref(), Some("c"));
    }

    #[test]
    fn what_is_no_job_is_refused() {
        for bad in [
            "[]",
            "{}",
            r#"{"type":"backup","outputBlobContainerUri":"o"}"#,
            r#"{"type":"export"}"#,
            r#"{"type":"export","outputBlobContainerUri":" "}"#,
            r#"{"type":"import","outputBlobContainerUri":"o"}"#,
        ] {
            let read = read(bad.as_bytes());
            assert!(matches!(read, Err(Rejection::Argument { .. })), "{bad}");
        }
    }
}
