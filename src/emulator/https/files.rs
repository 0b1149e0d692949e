//! Files that devices upload: access to a blob in storage, and word of what became of it.
//!
//! Source: learn.microsoft.com, "Upload files with IoT Hub"; azure-iot-device of npm 1.18.4 `file_upload_api.js`;
//! azure-iot-device of Python's 2.14.0 `pipeline_stages_iothub_http.py`.

use std::sync::Arc;

use http::header;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::desk::Desk;
use super::super::hub::command::{
    Certificate, Command, Credential, FoundBlob, Refusal, Reply, UploadOperation,
};
use super::super::storage::StorageError;
use super::reading::{credential, misreading, text};
use super::rejection::Rejection;
use crate::model::object::Object;
use crate::protocol::rest::error_code::{self, ErrorCode};

/// How many bytes the body may have.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// What a device asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileRequest {
    /// Access to a blob.
    Begin { device: String },
    /// It has been uploaded, or not.
    End {
        device: String,
        /// Which upload; Node says so in the path, others in the body.
        correlation: Option<String>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Beginning {
    blob_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ending {
    correlation_id: Option<String>,
    is_success: Option<bool>,
}

/// The same with what its body says.
#[derive(Debug)]
pub(super) enum FileWork {
    Begin {
        device: String,
        blob: String,
    },
    End {
        device: String,
        correlation: String,
        is_success: Option<bool>,
    },
}

impl FileRequest {
    /// Who asks.
    pub(super) fn device(&self) -> &str {
        match self {
            Self::Begin { device } | Self::End { device, .. } => device,
        }
    }

    pub(super) fn into_work(self, body: &[u8]) -> Result<FileWork, Rejection> {
        Ok(match self {
            Self::Begin { device } => {
                let beginning: Beginning = read(body, "no JSON with a blobName")?;
                let blob = beginning.blob_name.unwrap_or_default();
                FileWork::Begin { device, blob }
            }
            Self::End {
                device,
                correlation,
            } => {
                let ending: Ending = read(body, "no JSON with an isSuccess")?;
                FileWork::End {
                    device,
                    correlation: correlation.or(ending.correlation_id).unwrap_or_default(),
                    is_success: ending.is_success,
                }
            }
        })
    }
}

/// Carries out what a device asks.
pub(super) async fn carry_out(
    desk: &Desk,
    work: FileWork,
    head: &Parts,
) -> Result<Reply, Rejection> {
    let headers = &head.headers;
    let credential = credential(
        text(headers, &header::AUTHORIZATION),
        head.extensions.get::<Arc<Certificate>>(),
    );
    match work {
        FileWork::Begin { device, blob } => {
            let host = text(headers, &header::HOST);
            begin(desk, credential, device, host, blob)
                .await
                .map(Reply::Json)
        }
        FileWork::End {
            device,
            correlation,
            is_success,
        } => end(desk, credential, (device, correlation), is_success).await,
    }
}

async fn begin(
    desk: &Desk,
    credential: Option<Credential>,
    device: String,
    own_host: Option<String>,
    blob: String,
) -> Result<Value, Rejection> {
    let begun = ask(
        desk,
        UploadOperation::Begin {
            credential: credential.clone(),
            device: device.clone(),
            blob,
        },
    );
    let Reply::Upload {
        correlation,
        blob,
        expires,
    } = begun.await?
    else {
        return Err(Rejection::Unanswered);
    };
    // Storage has the right time, however wrong the hub's is.
    let expires = desk.clock.machine_time(expires);
    let access = match desk.dock.storage.prepare(desk.clock.machine_now()).await {
        Ok(()) => desk.dock.storage.access(&blob, expires),
        Err(error) => Err(error),
    };
    let access = match access {
        Ok(access) => access,
        Err(error) => {
            let withdraw = UploadOperation::End {
                credential,
                device,
                correlation,
                found: None,
            };
            ask(desk, withdraw).await?;
            return Err(storage_rejection(&error));
        }
    };
    // A device that has come here comes here with its file as well, where storage itself is out of its reach.
    let own_host = || own_host.unwrap_or_else(|| "localhost".to_owned());
    Ok(json!({
        "correlationId": correlation,
        "hostName": access.host.unwrap_or_else(own_host),
        "containerName": access.container,
        "blobName": blob,
        "sasToken": access.token,
    }))
}

async fn end(
    desk: &Desk,
    credential: Option<Credential>,
    (device, correlation): (String, String),
    is_success: Option<bool>,
) -> Result<Reply, Rejection> {
    let find = UploadOperation::Find {
        credential: credential.clone(),
        device: device.clone(),
        correlation: correlation.clone(),
    };
    let Reply::Upload { blob, .. } = ask(desk, find).await? else {
        return Err(Rejection::Unanswered);
    };
    let is_success = is_success.ok_or_else(|| {
        let why =
            "isSuccess is missing: true for a file that was uploaded, false for one that was not.";
        refused(error_code::INVALID_UPLOAD_STATUS, why.to_owned())
    })?;
    let found = if is_success {
        let found = desk
            .dock
            .storage
            .inspect(&blob, desk.clock.machine_now())
            .await;
        let found = found.map_err(|error| storage_rejection(&error))?;
        Some(FoundBlob {
            uri: found.uri,
            size: found.size,
            modified: found.modified,
        })
    } else {
        None
    };
    let end = UploadOperation::End {
        credential,
        device,
        correlation,
        found,
    };
    ask(desk, end).await
}

async fn ask(desk: &Desk, operation: UploadOperation) -> Result<Reply, Rejection> {
    let reply = desk.hub.ask(Command::Upload(operation)).await;
    reply.map_err(Rejection::nested)
}

fn read<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, Rejection> {
    let read = serde_json::from_slice(body).map(|Object(read)| read);
    read.map_err(|error| refused(error_code::ARGUMENT_INVALID, misreading(what, &error)))
}

fn storage_rejection(error: &StorageError) -> Rejection {
    let code = if error.is_final() {
        error_code::INVALID_STORAGE_OR_BLOB
    } else {
        error_code::SERVICE_UNAVAILABLE
    };
    let words = error.to_string();
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let message: String = first.into_iter().chain(letters).chain(['.']).collect();
    refused(code, message)
}

fn refused(code: ErrorCode, message: String) -> Rejection {
    Rejection::nested(Refusal {
        code,
        condition: "com.microsoft:argument-error",
        message,
    })
}
