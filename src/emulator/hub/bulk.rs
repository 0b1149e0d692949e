//! Many identities at once: each change is carried out or refused by itself.
//!
//! Source: learn.microsoft.com, "Import and export IoT Hub device identities in bulk" (import modes).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::command::{BulkChange, BulkError, ImportMode, ListenerId, Notice, Refusal, Reply};
use super::happening::Happening;
use super::{Hub, Outcome, edge, refusal};
use crate::model::device::{Identity, IdentityId, Status};
use crate::model::twin::TwinChange;

/// The most identities in one request.
const MAX_CHANGES: usize = 100;

fn identity_id((device, module): (&str, Option<&str>)) -> IdentityId {
    IdentityId {
        device: device.to_owned(),
        module: module.map(str::to_owned),
    }
}

type Notices = Vec<(ListenerId, Notice)>;

/// How one of many changes is carried out.
type Change = fn(&mut Hub, DateTime<Utc>, &IdentityId, BulkChange) -> Result<Notices, Refusal>;

impl Hub {
    /// Makes an identity, or with `if_match` replaces it. One that is disabled is no longer connected.
    pub(super) fn write_identity(
        &mut self,
        now: DateTime<Utc>,
        id: (&str, Option<&str>),
        identity: Identity,
        if_match: Option<&str>,
    ) -> Result<(Identity, Notices), Refusal> {
        let present = self.registry.find(id.0, id.1);
        let is_new = present.is_none();
        let was_edge = present.is_some_and(|present| edge::is_edge(&present.identity));
        let identity = self.registry.write(now, id, identity, if_match)?;
        if edge::is_edge(&identity) {
            for module in edge::SYSTEM_MODULES {
                self.add_module(now, id.0, module)?;
            }
        }
        if is_new || was_edge != edge::is_edge(&identity) {
            // Nobody can listen for what is given to it yet: neither it itself nor the modules of an edge device.
            self.reconfigure(now, &identity_id(id), None);
        }
        let mut notices = if identity.status == Status::Disabled {
            self.dismiss(now, id.0, id.1)
        } else {
            Vec::new()
        };
        if is_new {
            let id = identity_id(id);
            let twin = self.twin_to_tell(&id);
            notices.extend(self.happened(now, &id, Happening::Created, || twin));
        }
        Ok((identity, notices))
    }

    /// Makes a module that the service makes by itself, where it is missing.
    pub(super) fn add_module(
        &mut self,
        now: DateTime<Utc>,
        device: &str,
        module: &str,
    ) -> Result<(), Refusal> {
        if self.registry.add_module(now, device, module)? {
            // Nobody can listen for it yet.
            self.reconfigure(now, &identity_id((device, Some(module))), None);
        }
        Ok(())
    }

    /// Deletes an identity, with all that hangs on it.
    pub(super) fn delete_identity(
        &mut self,
        now: DateTime<Utc>,
        (device, module): (&str, Option<&str>),
        if_match: Option<&str>,
    ) -> Result<Notices, Refusal> {
        let id = identity_id((device, module));
        let twin = self.twin_to_tell(&id);
        self.registry.delete(device, module, if_match)?;
        self.twins.remove(device, module);
        let mut notices = self.dismiss(now, device, module);
        self.drop_messages(device, module);
        if module.is_none() {
            self.drop_uploads(device);
        }
        notices.extend(self.happened(now, &id, Happening::Deleted, || twin));
        Ok(notices)
    }

    /// Carries out many changes.
    pub(super) fn change_many(&mut self, now: DateTime<Utc>, changes: Vec<BulkChange>) -> Outcome {
        if changes.is_empty() || changes.len() > MAX_CHANGES {
            return Err(refusal::argument_invalid(format!(
                "The request has {} identities, and 1 to {MAX_CHANGES} are allowed.",
                changes.len()
            )));
        }
        let mut seen = BTreeSet::new();
        for change in &changes {
            if !seen.insert(change.id()) {
                return Err(refusal::defined_twice(&change.id()));
            }
        }
        Ok(self.carry_out_each(now, changes, Self::change_one))
    }

    /// Carries out changes that come from a file, which an export may have written.
    pub(super) fn import_many(
        &mut self,
        now: DateTime<Utc>,
        changes: Vec<BulkChange>,
    ) -> (Reply, Notices) {
        // One that stands in the file twice is made once and refused once.
        self.carry_out_each(now, changes, Self::import_one)
    }

    /// Carries out changes by themselves, in their order.
    fn carry_out_each(
        &mut self,
        now: DateTime<Utc>,
        changes: Vec<BulkChange>,
        carry_out: Change,
    ) -> (Reply, Notices) {
        let mut errors = Vec::new();
        let mut notices = Vec::new();
        for change in changes {
            let (identity, mode) = (change.id(), change.mode);
            match carry_out(self, now, &identity, change) {
                Ok(told) => notices.extend(told),
                Err(refusal) => errors.push(BulkError {
                    identity,
                    mode,
                    refusal,
                }),
            }
        }
        (Reply::Bulk(errors), notices)
    }

    /// The modules that edge devices have of themselves are there as soon as their devices are: what an export knows of
    /// them is how they were deployed.
    fn import_one(
        &mut self,
        now: DateTime<Utc>,
        id: &IdentityId,
        change: BulkChange,
    ) -> Result<Notices, Refusal> {
        let is_there = || {
            self.registry
                .find(&id.device, id.module.as_deref())
                .is_some()
        };
        if edge::is_reserved(id.module.as_deref()) && change.mode.may_update() && is_there() {
            return self.patch_twin(now, id, &change.twin);
        }
        self.change_one(now, id, change)
    }

    fn change_one(
        &mut self,
        now: DateTime<Utc>,
        id: &IdentityId,
        change: BulkChange,
    ) -> Result<Notices, Refusal> {
        let ids = (id.device.as_str(), id.module.as_deref());
        let is_there = self.registry.find(ids.0, ids.1).is_some();
        // Who asks for a match and names nothing to match has not said that any will do.
        let etag = || change.etag.as_deref().ok_or_else(refusal::etag_missing);
        let if_match = match change.mode {
            ImportMode::UpdateTwin => return self.change_twin(now, id, &change.twin, None),
            ImportMode::UpdateTwinIfMatchETag => {
                self.entry(id)?;
                let etag = change.twin_etag.as_deref();
                let etag = etag.ok_or_else(refusal::etag_missing)?;
                return self.change_twin(now, id, &change.twin, Some(etag));
            }
            ImportMode::Delete => return self.delete_identity(now, ids, Some("*")),
            ImportMode::DeleteIfMatchETag => {
                return self.delete_identity(now, ids, change.etag.as_deref());
            }
            ImportMode::Update | ImportMode::UpdateIfMatchETag if !is_there => {
                return Err(self.registry.not_found(ids.0, ids.1));
            }
            ImportMode::Update => Some("*"),
            ImportMode::UpdateIfMatchETag => Some(etag()?),
            ImportMode::CreateOrUpdate => is_there.then_some("*"),
            ImportMode::CreateOrUpdateIfMatchETag if is_there => Some(etag()?),
            ImportMode::Create | ImportMode::CreateOrUpdateIfMatchETag => None,
        };
        let writes_twin = change.twin.tags.is_some() || change.twin.desired.is_some();
        if writes_twin {
            self.check_twin(now, id, &change.twin)?;
        }
        let (_, mut notices) = self.write_identity(now, ids, change.identity, if_match)?;
        if writes_twin {
            notices.extend(self.change_twin(now, id, &change.twin, None)?);
        }
        Ok(notices)
    }

    /// Looks at a change of a twin before its identity is made or changed.
    pub(super) fn check_twin(
        &self,
        now: DateTime<Utc>,
        id: &IdentityId,
        change: &TwinChange,
    ) -> Result<(), Refusal> {
        let twin = match self.entry(id) {
            Ok(entry) => self.twins.find(id, entry),
            Err(_) => std::sync::Arc::new(crate::model::twin::Twin::new(now)),
        };
        let changed = twin.changed(now, change);
        changed
            .map(drop)
            .map_err(|error| super::twins::refused(&error))
    }
}
