//! Jobs that carry the registry to storage and back, and how far they have come. Gone when the hub ends.
//!
//! Source: azure-iot-hub 2.7.0 `models/job_properties.py`; azure-iothub 1.16.6 `registry.js`.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::command::TransferRequest;
use super::job::JobStatus;

#[derive(Debug)]
pub(super) struct Transfer {
    pub id: String,
    pub request: TransferRequest,
    started: DateTime<Utc>,
    ended: Option<DateTime<Utc>>,
    pub status: JobStatus,
    progress: u8,
    failure: Option<String>,
    /// How many identities have been exported.
    pub exported: usize,
}

/// All of them, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    pub all: Vec<Transfer>,
}

impl Transfers {
    pub(super) fn find(&self, id: &str) -> Option<&Transfer> {
        self.all.iter().find(|transfer| transfer.id == id)
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Transfer> {
        self.all.iter_mut().find(|transfer| transfer.id == id)
    }
}

impl Transfer {
    pub(super) fn new(now: DateTime<Utc>, id: String, request: TransferRequest) -> Self {
        Self {
            id,
            request,
            started: now,
            ended: None,
            status: JobStatus::Enqueued,
            progress: 0,
            failure: None,
            exported: 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    pub(super) fn run(&mut self, progress: u8) {
        (self.status, self.progress) = (JobStatus::Running, progress.min(99));
    }

    /// Ends, unless it has been ended before.
    pub(super) fn end(&mut self, now: DateTime<Utc>, status: JobStatus, failure: Option<String>) {
        if self.is_over() {
            return;
        }
        (self.status, self.failure, self.ended) = (status, failure, Some(now));
        if status == JobStatus::Completed {
            self.progress = 100;
        }
    }

    /// As the service shows it, but for what gives access to the containers.
    pub(super) fn to_json(&self) -> Value {
        let request = &self.request;
        let bare = |uri: &str| uri.split('?').next().unwrap_or_default().to_owned();
        json!({
            "jobId": self.id,
            "startTimeUtc": time(self.started),
            "endTimeUtc": self.ended.map(time),
            "type": request.direction.name(),
            "status": self.status.name(),
            "progress": self.progress,
            "inputBlobContainerUri": request.input.as_deref().map(bare),
            "inputBlobName": request.input.is_some().then_some(&request.input_blob),
            "outputBlobContainerUri": bare(&request.output),
            "outputBlobName": request.output_blob,
            "excludeKeysInExport": request.excludes_keys,
            "includeConfigurations": request.configurations_blob.is_some(),
            "configurationsBlobName": request.configurations_blob,
            "storageAuthenticationType": if request.by_identity {
                "identityBased"
            } else {
                "keyBased"
            },
            "failureReason": self.failure,
        })
    }
}

fn time(time: DateTime<Utc>) -> String {
    format!("{}0Z", time.format("%Y-%m-%dT%H:%M:%S%.6f"))
}
