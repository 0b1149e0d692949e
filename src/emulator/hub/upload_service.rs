//! Files that devices upload: access given, uploads ended, the service told.
//!
//! Source: learn.microsoft.com, "Upload files with IoT Hub".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::command::{
    Credential, FoundBlob, GivenFileNotification, OwnDoor, Refusal, Reply, UploadOperation,
};
use super::queue::Change;
use super::record::Record;
use super::service_queue::ServiceQueue;
use super::servicebound::{Given, Servicebound};
use super::uploads::{Upload, UploadId};
use super::{Hub, Outcome, keys, refusal};
use crate::model::file_notification::FileNotification;
use crate::protocol::blob::has_dot_segments;

/// The most uploads of a device that are open at a time.
const MAX_UPLOADS: usize = 10;

/// The most characters of a blob's name.
const MAX_NAME: usize = 1024;

/// The most segments of a blob's name, as "Naming and Referencing Containers, Blobs, and Metadata" has it.
const MAX_SEGMENTS: usize = 254;

/// Where notifications wait, as a hub begins. They are given out one by one.
pub(super) fn empty_queue() -> ServiceQueue<FileNotification> {
    ServiceQueue::new(1, TimeDelta::zero())
}

impl Servicebound for FileNotification {
    const PATH: &'static str = "messages/servicebound/filenotifications";

    fn queue(hub: &mut Hub) -> &mut ServiceQueue<Self> {
        &mut hub.file_notices
    }

    fn record(change: Change<Self>) -> Record {
        Record::FileNotification { change }
    }

    fn reply(given: Option<Given<Self>>) -> Reply {
        let given = given.and_then(|mut given| {
            Some(GivenFileNotification {
                notification: given.contents.pop()?,
                lock: given.lock,
                enqueued: given.enqueued,
                hub: given.hub,
            })
        });
        Reply::FileNotification(given)
    }
}

impl Hub {
    pub(super) fn work_on_upload(
        &mut self,
        now: DateTime<Utc>,
        operation: UploadOperation,
    ) -> Outcome {
        match operation {
            UploadOperation::Begin {
                credential,
                device,
                blob,
            } => {
                self.authorize_upload(now, credential.as_ref(), &device)?;
                self.begin_upload(now, device, &blob)
            }
            UploadOperation::Find {
                credential,
                device,
                correlation,
            } => {
                self.authorize_upload(now, credential.as_ref(), &device)?;
                let id = UploadId {
                    device,
                    correlation,
                };
                let upload = self.open_upload(now, &id)?;
                let (blob, expires) = (upload.blob.clone(), upload.expires());
                Ok((upload_reply(id, blob, expires), Vec::new()))
            }
            UploadOperation::End {
                credential,
                device,
                correlation,
                found,
            } => {
                self.authorize_upload(now, credential.as_ref(), &device)?;
                let id = UploadId {
                    device,
                    correlation,
                };
                self.end_upload(now, &id, found)
            }
        }
    }

    fn authorize_upload(
        &mut self,
        now: DateTime<Utc>,
        credential: Option<&Credential>,
        device: &str,
    ) -> Result<(), Refusal> {
        let path = OwnDoor::Files.path(device);
        self.authority.authorize_identity(
            &self.registry,
            now,
            credential,
            (device, None),
            &path,
        )?;
        self.registry.touch(device, None, now);
        if self.has_storage {
            Ok(())
        } else {
            Err(refusal::storage_not_configured())
        }
    }

    fn begin_upload(&mut self, now: DateTime<Utc>, device: String, name: &str) -> Outcome {
        if name.is_empty() {
            return Err(refusal::argument_invalid("blobName must not be empty."));
        }
        let blob = format!("{device}/{name}");
        check(&blob)?;
        let all = self.uploads.of(&device);
        let (stale, open): (Vec<_>, Vec<_>) = all
            .map(|(id, upload)| (id.clone(), upload.expires() <= now))
            .partition(|(_, is_stale)| *is_stale);
        for (id, _) in stale {
            self.set_upload(id, None);
        }
        if open.len() >= MAX_UPLOADS {
            return Err(refusal::too_many_uploads(MAX_UPLOADS));
        }
        let place = [self.next_number(), now.timestamp_micros(), 0];
        let token = keys::lock_token(&self.lock_secret, place);
        let id = UploadId {
            device,
            correlation: STANDARD.encode(format!("{}_{token}", now.format("%Y%m%d%H%M"))),
        };
        let upload = Upload {
            blob,
            began_micros: now.timestamp_micros(),
        };
        let reply = upload_reply(id.clone(), upload.blob.clone(), upload.expires());
        self.set_upload(id, Some(upload));
        Ok((reply, Vec::new()))
    }

    fn open_upload(&self, now: DateTime<Utc>, id: &UploadId) -> Result<&Upload, Refusal> {
        let upload = self.uploads.find(id);
        let upload = upload.ok_or_else(refusal::upload_not_found)?;
        if upload.expires() <= now {
            return Err(refusal::upload_expired());
        }
        Ok(upload)
    }

    fn end_upload(
        &mut self,
        now: DateTime<Utc>,
        id: &UploadId,
        found: Option<FoundBlob>,
    ) -> Outcome {
        let blob_name = self.open_upload(now, id)?.blob.clone();
        self.set_upload(id.clone(), None);
        let Some(found) = found else {
            return Ok((Reply::Done, Vec::new()));
        };
        let notification = FileNotification {
            device_id: id.device.clone(),
            blob_uri: found.uri,
            blob_name,
            last_updated_time: found.modified.to_rfc3339_opts(SecondsFormat::Secs, false),
            blob_size_in_bytes: found.size,
            // Seven fractional digits, as .NET writes them.
            enqueued_time_utc: format!("{}0Z", now.format("%Y-%m-%dT%H:%M:%S%.6f")),
        };
        self.push_servicebound(now, notification);
        Ok((Reply::Done, self.file_notices.wake(now)))
    }

    /// A device that is deleted has no uploads.
    pub(super) fn drop_uploads(&mut self, device: &str) {
        let all: Vec<UploadId> = self.uploads.of(device).map(|(id, _)| id.clone()).collect();
        for id in all {
            self.set_upload(id, None);
        }
    }

    fn set_upload(&mut self, id: UploadId, after: Option<Upload>) {
        let before = self.uploads.find(&id).cloned();
        self.uploads.put(&id, after.clone());
        if self.is_kept {
            self.records.push(Record::Upload { id, before, after });
        }
    }
}

/// Whether storage has blobs of that name: one that is resolved as an address is would be somebody else's.
fn check(blob: &str) -> Result<(), Refusal> {
    if blob.chars().count() > MAX_NAME || blob.split('/').count() > MAX_SEGMENTS {
        return Err(refusal::argument_invalid(format!(
            "A blob's name has up to {MAX_NAME} characters and {MAX_SEGMENTS} segments, with the device's id and the / before it."
        )));
    }
    if has_dot_segments(blob) || blob.contains(|c: char| c == '\\' || c.is_control()) {
        return Err(refusal::argument_invalid(
            "A blob's name has no segment . or .., no backslash and no control character.",
        ));
    }
    Ok(())
}

fn upload_reply(id: UploadId, blob: String, expires: DateTime<Utc>) -> Reply {
    Reply::Upload {
        correlation: id.correlation,
        blob,
        expires,
    }
}
