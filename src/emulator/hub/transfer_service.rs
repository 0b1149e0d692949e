//! The registry on its way to storage and back, page by page.
//!
//! Source: learn.microsoft.com, "Import and export IoT Hub device identities in bulk" (the lines of the files).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::command::{
    Door, ExportPlace, Exported, Refusal, Reply, TransferOperation, TransferRequest,
};
use super::entry::Entry;
use super::job::JobStatus;
use super::options::Right;
use super::transfers::Transfer;
use super::{Hub, Outcome, keys, refusal};
use crate::emulator::query::{Document as _, Source};
use crate::model::device::IdentityId;

/// The most jobs that are known; the oldest that are over are forgotten first.
const MAX_TRANSFERS: usize = 100;

/// How many identities are given at a time.
const PAGE: usize = 500;

impl Hub {
    pub(super) fn work_on_transfer(
        &mut self,
        now: DateTime<Utc>,
        operation: TransferOperation,
    ) -> Outcome {
        let quiet = |reply| Ok((reply, Vec::new()));
        match operation {
            TransferOperation::Create { token, request } => {
                let door = Door::transfer("create", Right::RegistryWrite);
                self.open(now, token.as_deref(), &door)?;
                self.create_transfer(now, *request)
            }
            TransferOperation::Withdraw { id } => {
                self.transfers.all.retain(|transfer| transfer.id != id);
                quiet(Reply::Done)
            }
            TransferOperation::List { token } => {
                self.open(now, token.as_deref(), &Door::transfers())?;
                let all = self.transfers.all.iter();
                quiet(Reply::Json(all.map(Transfer::to_json).collect()))
            }
            TransferOperation::Read { token, id } => {
                let door = Door::transfer(&id, Right::RegistryRead);
                self.open(now, token.as_deref(), &door)?;
                let transfer = self.transfers.find(&id);
                let transfer = transfer.ok_or_else(|| refusal::job_not_found(&id))?;
                quiet(Reply::Json(transfer.to_json()))
            }
            TransferOperation::Cancel { token, id } => {
                let door = Door::transfer(&id, Right::RegistryWrite);
                self.open(now, token.as_deref(), &door)?;
                let transfer = self.transfers.find_mut(&id);
                let transfer = transfer.ok_or_else(|| refusal::job_not_found(&id))?;
                transfer.end(now, JobStatus::Cancelled, None);
                quiet(Reply::Done)
            }
            TransferOperation::Begin { id } => {
                self.running(&id)?.run(0);
                quiet(Reply::Done)
            }
            TransferOperation::Export { id, after } => {
                let excludes_keys = self.running(&id)?.request.excludes_keys;
                let page = self.export_page(after, excludes_keys);
                let devices = self.registry.devices_behind(None).count();
                let modules = self.registry.modules_behind(None).count();
                let transfer = self.running(&id)?;
                transfer.exported += page.rows.len();
                transfer.run(percent(transfer.exported, devices + modules));
                quiet(Reply::Exported(page))
            }
            TransferOperation::Import {
                id,
                changes,
                progress,
            } => {
                self.running(&id)?.run(progress);
                Ok(self.import_many(now, changes))
            }
            TransferOperation::ExportConfigurations { id } => {
                self.running(&id)?;
                quiet(Reply::Json(self.all_configurations()))
            }
            TransferOperation::ImportConfiguration {
                id,
                configuration,
                draft,
                etag,
            } => {
                self.running(&id)?;
                self.import_configuration(now, &configuration, *draft, etag.as_deref())
            }
            TransferOperation::End { id, failure } => {
                if let Some(transfer) = self.transfers.find_mut(&id) {
                    let status = if failure.is_some() {
                        JobStatus::Failed
                    } else {
                        JobStatus::Completed
                    };
                    transfer.end(now, status, failure);
                }
                quiet(Reply::Done)
            }
        }
    }

    /// "Concurrent jobs can be rejected", the C# SDK's own tests have it: with `JobQuotaExceeded`.
    fn create_transfer(&mut self, now: DateTime<Utc>, request: TransferRequest) -> Outcome {
        if self.transfers.all.iter().any(|known| !known.is_over()) {
            return Err(refusal::transfer_is_under_way());
        }
        if self.transfers.all.len() >= MAX_TRANSFERS {
            self.transfers.all.remove(0);
        }
        let place = [self.next_number(), now.timestamp_micros(), 0];
        let id = keys::lock_token(&self.lock_secret, place).to_string();
        let transfer = Transfer::new(now, id, request);
        let shown = transfer.to_json();
        self.transfers.all.push(transfer);
        Ok((Reply::Json(shown), Vec::new()))
    }

    fn running(&mut self, id: &str) -> Result<&mut Transfer, Refusal> {
        let transfer = self.transfers.find_mut(id);
        let running = transfer.filter(|transfer| !transfer.is_over());
        running.ok_or_else(|| refusal::job_not_found(id))
    }

    fn export_page(&self, after: Option<ExportPlace>, excludes_keys: bool) -> Exported {
        let (source, after) = match after {
            None => (Source::Devices, None),
            Some(ExportPlace::Device(id)) => (Source::Devices, Some(id)),
            Some(ExportPlace::Modules) => (Source::Modules, None),
            Some(ExportPlace::Module(id)) => (Source::Modules, Some(id)),
        };
        let all = self.identities_behind(source, after.as_ref());
        let mut last = None;
        let mut rows = Vec::new();
        for (id, entry) in all.take(PAGE) {
            rows.push(self.exported(&id, entry, excludes_keys));
            last = Some(id);
        }
        let is_full = rows.len() == PAGE;
        let next = match (source, last) {
            (Source::Devices, Some(id)) if is_full => Some(ExportPlace::Device(id)),
            (Source::Modules, Some(id)) if is_full => Some(ExportPlace::Module(id)),
            (Source::Devices, _) => Some(ExportPlace::Modules),
            (Source::Modules | Source::Jobs, _) => None,
        };
        Exported { rows, next }
    }

    fn exported(&self, id: &IdentityId, entry: &Entry, excludes_keys: bool) -> Value {
        let document = self.document(id, entry);
        // Texts, numbers and options of them always serialize.
        let identity = serde_json::to_value(&document.identity).unwrap_or_default();
        let etag = document.twin.etag();
        let twin = document.whole();
        let mut row = Map::new();
        let mut set = |name: &str, value: Option<&Value>| {
            row.extend(value.map(|value| (name.to_owned(), value.clone())));
        };
        set("id", identity.get("deviceId"));
        set("moduleId", identity.get("moduleId"));
        set("eTag", identity.get("etag"));
        if id.module.is_none() {
            set("status", identity.get("status"));
            let reason = identity.get("statusReason");
            set("statusReason", reason.filter(|reason| !reason.is_null()));
        }
        let hidden = Value::Null;
        let authentication = identity.get("authentication");
        set(
            "authentication",
            if excludes_keys {
                Some(&hidden)
            } else {
                authentication
            },
        );
        set("twinETag", Some(&etag.into()));
        set("tags", twin.get("tags"));
        set("properties", twin.get("properties"));
        for name in ["capabilities", "deviceScope", "parentScopes", "managedBy"] {
            set(name, identity.get(name));
        }
        Value::Object(row)
    }
}

fn percent(part: usize, whole: usize) -> u8 {
    let percent = part.saturating_mul(100) / whole.max(1);
    u8::try_from(percent.min(100)).unwrap_or(100)
}
