//! Twins: there as long as their identities are. One that nobody has written to yet follows from when its identity was made,
//! and takes no room.
//!
//! Source: learn.microsoft.com, "Understand and use device twins in IoT Hub".

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::command::{Door, Feed, ListenerId, Notice, Refusal, Reply, TwinOperation};
use super::configurations::{Configurations, source_of};
use super::entry::Entry;
use super::happening::{self, Happening};
use super::record::Record;
use super::{Hub, Outcome, edge, refusal};
use crate::emulator::query::{Document, Path, Search, Source, descend};
use crate::model::configuration::AGENT;
use crate::model::device::{Identity, IdentityId};
use crate::model::twin::{Twin, TwinChange, TwinError};

/// How many twins a query looks at before others have their turn.
const TURN: usize = 2000;

/// The member of a twin's JSON that says which configurations mean it.
const CONFIGURATIONS: &str = "configurations";

/// All twins that were ever written to.
#[derive(Debug, Default)]
pub(super) struct Twins {
    written: BTreeMap<IdentityId, Arc<Twin>>,
    /// What has changed since it was last asked for.
    records: Vec<Record>,
}

impl Twins {
    /// As a store has kept them.
    pub(super) fn restore(&mut self, twins: Vec<(IdentityId, Twin)>) {
        let shared = |(identity, twin)| (identity, Arc::new(twin));
        self.written = twins.into_iter().map(shared).collect();
    }

    /// What has changed since this was last called.
    pub(super) fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// The twin of an identity that is there.
    pub(super) fn find(&self, identity: &IdentityId, entry: &Entry) -> Arc<Twin> {
        let written = self.written.get(identity).cloned();
        written.unwrap_or_else(|| Arc::new(Twin::new(entry.created())))
    }

    /// Puts a twin in the place of what is there.
    pub(super) fn set(&mut self, identity: &IdentityId, after: Option<Arc<Twin>>) {
        self.records.push(Record::Twin {
            identity: identity.clone(),
            before: self.written.get(identity).cloned(),
            after: after.clone(),
        });
        self.put(identity, after);
    }

    /// The same for what a store knows already.
    pub(super) fn put(&mut self, identity: &IdentityId, twin: Option<Arc<Twin>>) {
        match twin {
            Some(twin) => self.written.insert(identity.clone(), twin),
            None => self.written.remove(identity),
        };
    }

    /// Forgets the twins of a device and its modules, or of one of them.
    pub(super) fn remove(&mut self, device: &str, module: Option<&str>) {
        let first = IdentityId {
            device: device.to_owned(),
            module: module.map(str::to_owned),
        };
        let all = self.written.range(&first..).map(|(identity, _)| identity);
        let is_gone = |identity: &&IdentityId| {
            identity.device == device && (module.is_none() || **identity == first)
        };
        for identity in all.take_while(is_gone).cloned().collect::<Vec<_>>() {
            self.set(&identity, None);
        }
    }
}

impl Hub {
    /// Carries out what is asked of twins.
    pub(super) fn work_on_twin(&mut self, now: DateTime<Utc>, operation: TwinOperation) -> Outcome {
        let quiet = |reply| (reply, Vec::new());
        match operation {
            TwinOperation::Read { token, identity } => {
                self.open(now, token.as_deref(), &Door::twin(&identity))?;
                self.twin_reply(&identity).map(quiet)
            }
            TwinOperation::Change {
                token,
                identity,
                change,
                if_match,
            } => {
                self.open(now, token.as_deref(), &Door::twin(&identity))?;
                let notices = self.change_twin(now, &identity, &change, if_match.as_deref())?;
                Ok((self.twin_reply(&identity)?, notices))
            }
            TwinOperation::Query { token, mut search } => {
                self.open(now, token.as_deref(), &Door::query())?;
                self.search_on(&mut search);
                Ok(quiet(Reply::Search(search)))
            }
            TwinOperation::ReadOwn { session } => {
                let identity = self.session_identity(session)?;
                let twin = self.twins.find(&identity, self.entry(&identity)?);
                Ok(quiet(Reply::OwnTwin(twin.to_own_json())))
            }
            TwinOperation::Report { session, patch } => {
                let identity = self.session_identity(session)?;
                self.report(now, &identity, &patch)
            }
        }
    }

    /// Changes tags and desired properties, and says who is to hear of it.
    pub(super) fn change_twin(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        change: &TwinChange,
        if_match: Option<&str>,
    ) -> Result<Vec<(ListenerId, Notice)>, Refusal> {
        let present = self.twins.find(identity, self.entry(identity)?);
        if edge::is_reserved(identity.module.as_deref()) {
            return Err(refusal::reserved_module());
        }
        let lets_through = |etag: &str| etag.is_empty() || etag == "*" || etag == present.etag();
        if !if_match.is_none_or(lets_through) {
            return Err(refusal::etag_mismatch());
        }
        self.patch_twin(now, identity, change)
    }

    /// The same, whosever module it is and whatever the twin's `ETag`.
    pub(super) fn patch_twin(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        change: &TwinChange,
    ) -> Result<Vec<(ListenerId, Notice)>, Refusal> {
        let present = self.twins.find(identity, self.entry(identity)?);
        let (twin, told) = present
            .changed(now, change)
            .map_err(|error| refused(&error))?;
        if twin == *present {
            return Ok(Vec::new());
        }
        let mut notices = self.put_twin(now, identity, change, twin, told);
        notices.extend(self.reconfigure(now, identity, Some(present)));
        Ok(notices)
    }

    /// Puts a twin in the place of what is there; `told` is the patch that leads to its desired properties.
    pub(super) fn put_twin(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        change: &TwinChange,
        twin: Twin,
        told: Option<Value>,
    ) -> Vec<(ListenerId, Notice)> {
        let version = twin.desired_version();
        let (happening, body) = happening::changed(change, &twin, twin.version());
        self.twins.set(identity, Some(Arc::new(twin)));
        let mut notices = self.happened(now, identity, happening, || body);
        let listener = self.sessions.listener(identity, Feed::Desired);
        let notice = listener.zip(told);
        notices.extend(notice.map(|(id, patch)| (id, Notice::Desired { version, patch })));
        notices
    }

    fn report(&mut self, now: DateTime<Utc>, identity: &IdentityId, patch: &Value) -> Outcome {
        let present = self.twins.find(identity, self.entry(identity)?);
        let form = TwinError::Form {
            part: "properties.reported",
        };
        let members = patch.as_object().ok_or_else(|| refused(&form))?;
        let twin = present.reported(now, members);
        let twin = twin.map_err(|error| refused(&error))?;
        let version = twin.reported_version();
        let body = happening::reported(members, &twin, twin.version());
        self.twins.set(identity, Some(Arc::new(twin)));
        let (device, module) = (identity.device.as_str(), identity.module.as_deref());
        self.registry.touch(device, module, now);
        let mut notices = self.happened(now, identity, Happening::TwinUpdated, || body);
        notices.extend(self.reconfigure(now, identity, Some(present)));
        Ok((Reply::Reported { version }, notices))
    }

    fn search_on(&self, search: &mut Search) {
        let after = search.after().map(|(device, module)| IdentityId {
            device: device.to_owned(),
            module: module.map(str::to_owned),
        });
        let source = search.source();
        if source == Source::Jobs {
            let documents = self.jobs.documents();
            let behind = documents
                .iter()
                .filter(|(key, _)| after.as_ref() < Some(*key));
            behind.for_each(|(key, document)| search.offer(key, document));
            search.end();
            return;
        }
        let identities = self.identities_behind(source, after.as_ref());
        for (looked_at, (identity, entry)) in identities.enumerate() {
            if search.is_done() || looked_at == TURN {
                return;
            }
            let document = self.configured(&identity, entry);
            search.offer(&identity, &document);
        }
        search.end();
    }

    /// The same to the end.
    pub(super) fn search_all(&self, search: &mut Search) {
        while !search.is_done() {
            self.search_on(search);
        }
    }

    pub(super) fn document(&self, identity: &IdentityId, entry: &Entry) -> TwinDocument {
        TwinDocument {
            twin: self.twins.find(identity, entry),
            identity: self.counted(entry.to_identity()),
        }
    }

    fn configured(&self, identity: &IdentityId, entry: &Entry) -> ConfiguredDocument<'_> {
        let is_agent = identity.module.as_deref() == Some(AGENT);
        let device = is_agent.then(|| IdentityId {
            device: identity.device.clone(),
            module: None,
        });
        let device = device.and_then(|id| Some(self.document(&id, self.entry(&id).ok()?)));
        ConfiguredDocument {
            document: self.document(identity, entry),
            configurations: &self.configurations,
            source: source_of(identity),
            device,
        }
    }

    pub(super) fn identities_behind<'a>(
        &'a self,
        source: Source,
        after: Option<&'a IdentityId>,
    ) -> Box<dyn Iterator<Item = (IdentityId, &'a Entry)> + 'a> {
        let id = |device: &str, module: Option<&str>| IdentityId {
            device: device.to_owned(),
            module: module.map(str::to_owned),
        };
        match source {
            Source::Devices => {
                let after = after.map(|after| after.device.as_str());
                let devices = self.registry.devices_behind(after);
                Box::new(devices.map(move |(device, entry)| (id(device, None), entry)))
            }
            Source::Modules => {
                let after =
                    after.and_then(|after| Some((&*after.device, after.module.as_deref()?)));
                let modules = self.registry.modules_behind(after);
                let named = move |(device, module, entry)| (id(device, Some(module)), entry);
                Box::new(modules.map(named))
            }
            Source::Jobs => Box::new(std::iter::empty()),
        }
    }

    /// A twin as the service's side sees it; none for an identity that is not there.
    pub(super) fn twin_json(&self, identity: &IdentityId) -> Option<Value> {
        let entry = self.entry(identity).ok()?;
        let twin = self.twins.find(identity, entry);
        Some(twin.to_json(&self.counted(entry.to_identity())))
    }

    fn twin_reply(&self, identity: &IdentityId) -> Result<Reply, Refusal> {
        let entry = self.entry(identity)?;
        let document = self.configured(identity, entry);
        Ok(Reply::Twin {
            etag: document.document.twin.etag(),
            twin: document.whole(),
        })
    }

    /// Whoever works with a twin gets the code of a device that is not there, even where it is a module: seen at a live
    /// hub (terraform-provider-iothub, `twins.go`). Its words are not in evidence, and name what was asked for.
    pub(super) fn entry(&self, identity: &IdentityId) -> Result<&Entry, Refusal> {
        let (device, module) = (identity.device.as_str(), identity.module.as_deref());
        let entry = self.registry.find(device, module);
        entry.ok_or_else(|| refusal::device_not_found(&identity.to_string()))
    }
}

pub(super) fn refused(error: &TwinError) -> Refusal {
    match error {
        TwinError::Version { .. } => refusal::version_mismatch(error),
        TwinError::Form { .. }
        | TwinError::Key { .. }
        | TwinError::Depth { .. }
        | TwinError::Text { .. }
        | TwinError::Integer { .. }
        | TwinError::Size { .. } => refusal::argument_invalid(format!("{error}.")),
    }
}

/// A twin as conditions of configurations see it.
pub(super) struct TwinDocument {
    pub twin: Arc<Twin>,
    pub identity: Identity,
}

/// A twin as queries and the service's side see it: with the configurations that mean it.
struct ConfiguredDocument<'a> {
    document: TwinDocument,
    configurations: &'a Configurations,
    source: Source,
    /// Of an edge device's agent, whose twin tells of the device's deployments.
    device: Option<TwinDocument>,
}

impl ConfiguredDocument<'_> {
    fn statuses(&self) -> Option<Value> {
        match &self.device {
            Some(device) => self.configurations.deployment_statuses(device),
            None => self.configurations.statuses(self.source, &self.document),
        }
    }
}

impl Document for ConfiguredDocument<'_> {
    fn at(&self, path: &Path) -> Option<Cow<'_, Value>> {
        match path.split()? {
            (first, rest) if first.eq_ignore_ascii_case(CONFIGURATIONS) => {
                descend(Cow::Owned(self.statuses()?), rest)
            }
            _ => self.document.at(path),
        }
    }

    fn whole(&self) -> Value {
        let mut whole = self.document.whole();
        if let (Some(members), Some(statuses)) = (whole.as_object_mut(), self.statuses()) {
            members.insert(CONFIGURATIONS.to_owned(), statuses);
        }
        whole
    }
}

impl Document for TwinDocument {
    fn at(&self, path: &Path) -> Option<Cow<'_, Value>> {
        let (first, rest) = path.split()?;
        descend(Cow::Owned(self.twin.member(&self.identity, first)?), rest)
    }

    fn whole(&self) -> Value {
        self.twin.to_json(&self.identity)
    }
}
