//! Files that devices upload: access given, uploads ended, the service told.
//!
//! Source: learn.microsoft.com, "Upload files with IoT Hub".

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use super::command::{
    Credential, FeedbackOperation, FoundBlob, GivenFileNotification, ListenerId, Notice,
    Outcome as Settlement, Refusal, Reply, UploadOperation,
};
use super::options::Right;
use super::queue::{Change, Holder, Queued, Step};
use super::record::Record;
use super::uploads::{Upload, UploadId};
use super::{Hub, Outcome, file_notices, keys, refusal};
use crate::model::file_notification::FileNotification;

/// The most uploads of a device that are open at a time.
const MAX_UPLOADS: usize = 10;

/// The most characters of a blob's name.
const MAX_NAME: usize = 1024;

/// Who else must hear of something.
type Notices = Vec<(ListenerId, Notice)>;

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
        let path = format!("devices/{device}/files");
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
        if blob.chars().count() > MAX_NAME {
            return Err(refusal::argument_invalid(format!(
                "A blob's name has up to {MAX_NAME} characters, with the device's id and the / before it."
            )));
        }
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
        let item = Queued {
            number: self.next_number(),
            enqueued: now,
            expires: now + file_notices::TIME_TO_LIVE,
            deliveries: 0,
            lock: None,
            content: Arc::new(notification),
        };
        let change = self.file_notices.push(item);
        self.note_file_notice(change);
        Ok((Reply::Done, self.file_notices.wake()))
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

    pub(super) fn work_on_file_notices(
        &mut self,
        now: DateTime<Utc>,
        operation: FeedbackOperation,
    ) -> Outcome {
        match operation {
            FeedbackOperation::Receive { token } => {
                self.authorize_file_notices(now, token.as_deref())?;
                let given = self.give_file_notice(Holder::Until(now + file_notices::LOCK_TIME));
                Ok((Reply::FileNotification(given), Vec::new()))
            }
            FeedbackOperation::Settle {
                token,
                lock,
                outcome,
            } => {
                self.authorize_file_notices(now, token.as_deref())?;
                let lock = lock.ok_or_else(refusal::lock_lost)?;
                self.settle_file_notice(now, (lock, None), outcome)
            }
            FeedbackOperation::Take { listener } => {
                let given = self.give_file_notice(Holder::Listener(listener));
                if given.is_none() {
                    self.file_notices.wait(listener);
                }
                Ok((Reply::FileNotification(given), Vec::new()))
            }
            FeedbackOperation::SettleTaken {
                listener,
                lock,
                outcome,
            } => self.settle_file_notice(now, (lock, Some(listener)), outcome),
        }
    }

    fn authorize_file_notices(
        &self,
        now: DateTime<Utc>,
        token: Option<&str>,
    ) -> Result<(), Refusal> {
        let path = "messages/servicebound/filenotifications";
        self.authority
            .authorize_service(now, token, path, Right::ServiceConnect)
    }

    fn give_file_notice(&mut self, holder: Holder) -> Option<GivenFileNotification> {
        let token =
            |item: &Queued<FileNotification>| keys::lock_token(&self.lock_secret, item.place());
        let change = self.file_notices.lock(holder, token)?;
        let item = change.after.as_ref()?;
        let given = GivenFileNotification {
            lock: item.lock?.token,
            enqueued: item.enqueued,
            hub: self.name.clone(),
            notification: Arc::clone(&item.content),
        };
        self.note_file_notice(change);
        Some(given)
    }

    fn settle_file_notice(
        &mut self,
        now: DateTime<Utc>,
        lock: (Uuid, Option<ListenerId>),
        outcome: Settlement,
    ) -> Outcome {
        let steps = self.file_notices.settle(now, lock, outcome);
        if steps.is_empty() {
            return Err(refusal::lock_lost());
        }
        Ok((Reply::Done, self.follow_file_notices(steps)))
    }

    /// What a link held is there for the next one.
    pub(super) fn leave_file_notices(
        &mut self,
        now: DateTime<Utc>,
        listener: ListenerId,
    ) -> Notices {
        let steps = self.file_notices.leave(now, listener);
        self.follow_file_notices(steps)
    }

    fn follow_file_notices(&mut self, steps: Vec<Step<FileNotification>>) -> Notices {
        for (change, _) in steps {
            self.note_file_notice(change);
        }
        self.file_notices.wake()
    }

    pub(super) fn note_file_notice(&mut self, change: Change<FileNotification>) {
        if self.is_kept {
            self.records.push(Record::FileNotification { change });
        }
    }
}

fn upload_reply(id: UploadId, blob: String, expires: DateTime<Utc>) -> Reply {
    Reply::Upload {
        correlation: id.correlation,
        blob,
        expires,
    }
}
