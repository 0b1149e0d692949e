//! The identity registry: devices and their modules, with `ETags`.
//!
//! Source: learn.microsoft.com, "Understand the identity registry in your IoT hub"; azure-iot-hub 2.7.0 `models/device.py`.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use super::command::Refusal;
use super::entry::Entry;
use super::record::{Kept, KeptIdentity, Record};
use super::{edge, refusal};
use crate::model::device::{Identity, Status};
use crate::model::glob::Glob;
use crate::model::identifier::{DeviceId, IdError, ModuleId};
use crate::model::secret::Secret;

/// The most devices in a hub, and modules on a device ("IoT Hub quotas and throttling").
const MAX_DEVICES: usize = 1_000_000;
const MAX_MODULES: usize = 50;

/// The most identities in one answer to a list.
const MAX_LIST: usize = 1000;

#[derive(Debug)]
struct Device {
    entry: Entry,
    modules: BTreeMap<String, Entry>,
}

/// All identities.
#[derive(Debug)]
pub(super) struct Registry {
    devices: BTreeMap<String, Device>,
    /// How often an id has been deleted: an id that is made anew gets new keys.
    deleted: HashMap<String, u32>,
    /// Counts every change; what `ETags` are made of.
    changes: u64,
    secret: Secret,
    /// What has changed since it was last asked for.
    records: Vec<Record>,
}

impl Registry {
    pub(super) fn new(secret: Secret) -> Self {
        Self {
            devices: BTreeMap::new(),
            deleted: HashMap::new(),
            changes: 0,
            secret,
            records: Vec::new(),
        }
    }

    /// As a store has kept it.
    pub(super) fn restore(&mut self, kept: Kept) {
        self.changes = kept.registry_changes;
        self.deleted = kept.deleted.into_iter().collect();
        let (devices, modules): (Vec<_>, Vec<_>) = kept
            .identities
            .into_iter()
            .partition(|(_, module, _)| module.is_none());
        for (device, module, kept) in devices.into_iter().chain(modules) {
            self.put(&device, module.as_deref(), Entry::restore(kept));
        }
    }

    /// What has changed since this was last called.
    pub(super) fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// Makes undone what has happened to an identity.
    pub(super) fn put_back(
        &mut self,
        device: &str,
        module: Option<&str>,
        before: Option<KeptIdentity>,
    ) {
        match before {
            Some(before) => self.put(device, module, Entry::restore(before)),
            None => self.remove(device, module),
        }
    }

    /// Makes it undone that an id was deleted for the last of so many times.
    pub(super) fn take_deletion_back(&mut self, path: String, times: u32) {
        self.deleted.insert(path, times.saturating_sub(1));
    }

    /// Counts changes from here again.
    pub(super) fn take_changes_back(&mut self, before: u64) {
        self.changes = before;
    }

    /// One identity's entry.
    pub(super) fn find(&self, device: &str, module: Option<&str>) -> Option<&Entry> {
        let device = self.devices.get(device)?;
        match module {
            None => Some(&device.entry),
            Some(module) => device.modules.get(module),
        }
    }

    fn find_mut(&mut self, device: &str, module: Option<&str>) -> Option<&mut Entry> {
        let device = self.devices.get_mut(device)?;
        match module {
            None => Some(&mut device.entry),
            Some(module) => device.modules.get_mut(module),
        }
    }

    /// Notes that a device or module has connected or gone. Not kept: after a restart nobody is connected.
    pub(super) fn set_connection(
        &mut self,
        device: &str,
        module: Option<&str>,
        now: DateTime<Utc>,
        is_connected: bool,
    ) {
        if let Some(entry) = self.find_mut(device, module) {
            entry.set_connection(now, is_connected);
        }
    }

    /// Notes that a device or module has shown a token that ends then, in seconds since 1970, if it was one.
    pub(super) fn note_token(&mut self, device: &str, module: Option<&str>, end: Option<i64>) {
        if let Some((entry, end)) = self.find_mut(device, module).zip(end) {
            entry.note_token(end);
        }
    }

    /// The tokens that these devices and their modules have shown so far have ended.
    pub(super) fn end_tokens(&mut self, pattern: Option<&Glob>) {
        let is_meant = |id: &str| pattern.is_none_or(|pattern| pattern.matches(id));
        let meant = self.devices.iter_mut().filter(|(id, _)| is_meant(id));
        for (_, device) in meant {
            device.entry.end_tokens();
            device.modules.values_mut().for_each(Entry::end_tokens);
        }
    }

    /// Notes that a device or module has been heard of.
    pub(super) fn touch(&mut self, device: &str, module: Option<&str>, now: DateTime<Utc>) {
        let Some(entry) = self.find_mut(device, module) else {
            return;
        };
        if entry.touch(now) {
            // Made undone it stays: it was heard of all the same.
            let kept = Box::new(entry.to_kept());
            self.records.push(Record::Identity {
                device: device.to_owned(),
                module: module.map(str::to_owned),
                before: Some(kept.clone()),
                after: Some(kept),
            });
        }
    }

    pub(super) fn read(&self, device: &str, module: Option<&str>) -> Result<Identity, Refusal> {
        self.find(device, module)
            .map(Entry::to_identity)
            .ok_or_else(|| self.not_found(device, module))
    }

    /// For an identity that is not there.
    pub(super) fn not_found(&self, device: &str, module: Option<&str>) -> Refusal {
        match module {
            Some(module) if self.devices.contains_key(device) => {
                refusal::module_not_found(device, module)
            }
            Some(_) | None => refusal::device_not_found(device),
        }
    }

    /// Up to `top` devices, in the order of their ids.
    pub(super) fn list(&self, top: usize) -> Vec<Identity> {
        self.devices
            .values()
            .take(top.min(MAX_LIST))
            .map(|device| device.entry.to_identity())
            .collect()
    }

    /// Devices in the order of their ids, from behind one on.
    pub(super) fn devices_behind(
        &self,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&str, &Entry)> {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let found = self.devices.range::<str, _>((begin, Bound::Unbounded));
        found.map(|(id, device)| (id.as_str(), &device.entry))
    }

    /// Modules in the order of their devices' ids and their own, from behind one on.
    pub(super) fn modules_behind<'a>(
        &'a self,
        after: Option<(&'a str, &'a str)>,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Entry)> {
        let begin = after.map_or(Bound::Unbounded, |(device, _)| Bound::Included(device));
        let found = self.devices.range::<str, _>((begin, Bound::Unbounded));
        found.flat_map(move |(id, device)| {
            let after = after.filter(|(device, _)| device == id);
            let begin = after.map_or(Bound::Unbounded, |(_, module)| Bound::Excluded(module));
            let modules = device.modules.range::<str, _>((begin, Bound::Unbounded));
            modules.map(|(module, entry)| (id.as_str(), module.as_str(), entry))
        })
    }

    pub(super) fn list_modules(&self, device: &str) -> Result<Vec<Identity>, Refusal> {
        let found = self
            .devices
            .get(device)
            .ok_or_else(|| refusal::device_not_found(device))?;
        Ok(found.modules.values().map(Entry::to_identity).collect())
    }

    /// How many devices there are, and how many of them are enabled.
    pub(super) fn count(&self) -> (usize, usize) {
        let is_enabled = |device: &&Device| device.entry.status() == Status::Enabled;
        let enabled = self.devices.values().filter(is_enabled).count();
        (self.devices.len(), enabled)
    }

    /// Creates an identity, or with `if_match` replaces it. What a live hub answered to either:
    /// terraform-provider-iothub, `CONCEPT.md`.
    pub(super) fn write(
        &mut self,
        now: DateTime<Utc>,
        (device, module): (&str, Option<&str>),
        mut identity: Identity,
        if_match: Option<&str>,
    ) -> Result<Identity, Refusal> {
        check_ids(device, module, &identity)?;
        if edge::is_reserved(module) {
            return Err(refusal::argument_invalid(
                "The ids of modules that begin with $ are the service's own.",
            ));
        }
        if module.is_some() && !self.devices.contains_key(device) {
            return Err(refusal::device_not_found(device));
        }
        let present = self.find(device, module);
        match (present, if_match.filter(|etag| !etag.is_empty())) {
            // Seen at the service, whatever the overview of its REST interface says.
            (Some(_), None) => return Err(refusal::already_registered(device, module)),
            (Some(present), Some(etag)) if !present.matches(etag) => {
                return Err(refusal::etag_mismatch());
            }
            (None, Some(_)) => return Err(self.not_found(device, module)),
            (None, None) => self.check_room(device, module)?,
            (Some(_), Some(_)) => {}
        }
        if module.is_none() {
            let held = present.map(|present| &present.identity);
            edge::settle(&mut identity, held, |scope| {
                edge::is_above(scope, device, |id| Some(&self.find(id, None)?.identity))
            })?;
        }
        if identity.authentication.kind.as_deref() == Some("none") {
            // Only the service itself makes identities that cannot prove who they are.
            if module.is_none() {
                return Err(refusal::argument_invalid(
                    "DeviceAuthenticationTypeIsMissing",
                ));
            }
            identity.authentication.kind = None;
        }
        let mut path = self.key_path(device, module);
        if present.is_some() {
            // Keys that are not sent are made anew, and are others than before.
            path = format!("{path}/renewed/{}", self.changes);
        }
        let entry = Entry::new(now, identity, present, |which| {
            super::keys::derive(&self.secret, &format!("{path}/{which}"))
        })?;
        Ok(self.store(device, module, entry))
    }

    /// Makes a module that the service makes by itself; false if it is there.
    pub(super) fn add_module(
        &mut self,
        now: DateTime<Utc>,
        device: &str,
        module: &str,
    ) -> Result<bool, Refusal> {
        if self.find(device, Some(module)).is_some() {
            return Ok(false);
        }
        let identity = edge::module(device, module);
        let entry = Entry::new(now, identity, None, |_| String::new())?;
        self.store(device, Some(module), entry);
        Ok(true)
    }

    fn check_room(&self, device: &str, module: Option<&str>) -> Result<(), Refusal> {
        if module.is_none() && self.devices.len() >= MAX_DEVICES {
            return Err(refusal::too_many_devices(MAX_DEVICES));
        }
        self.check_room_for_modules(device, usize::from(module.is_some()))
    }

    /// Whether a device can have so many modules more.
    pub(super) fn check_room_for_modules(&self, device: &str, more: usize) -> Result<(), Refusal> {
        let modules = self.devices.get(device).map_or(0, |d| d.modules.len());
        if more > 0 && modules + more > MAX_MODULES {
            return Err(refusal::too_many_modules(MAX_MODULES));
        }
        Ok(())
    }

    /// What an identity's keys are derived from; ids hold no `/`, so no two identities share a path.
    fn key_path(&self, device: &str, module: Option<&str>) -> String {
        let path = name(device, module);
        match self.deleted.get(&path) {
            Some(0) | None => path,
            Some(times) => format!("{path}/{times}"),
        }
    }

    fn store(&mut self, device: &str, module: Option<&str>, mut entry: Entry) -> Identity {
        entry.identity.etag = STANDARD.encode(self.changes.to_string());
        self.records.push(Record::RegistryChanges {
            before: self.changes,
            after: self.changes + 1,
        });
        self.changes += 1;
        let identity = entry.to_identity();
        self.note(device, module, Some(&entry));
        self.put(device, module, entry);
        identity
    }

    /// Notes that an identity is about to become `after`.
    fn note(&mut self, device: &str, module: Option<&str>, after: Option<&Entry>) {
        let kept = |entry: &Entry| Box::new(entry.to_kept());
        let record = Record::Identity {
            device: device.to_owned(),
            module: module.map(str::to_owned),
            before: self.find(device, module).map(kept),
            after: after.map(kept),
        };
        self.records.push(record);
    }

    fn put(&mut self, device: &str, module: Option<&str>, entry: Entry) {
        match (self.devices.get_mut(device), module) {
            (Some(device), Some(module)) => {
                device.modules.insert(module.to_owned(), entry);
            }
            (Some(device), None) => device.entry = entry,
            (None, _) => {
                let modules = BTreeMap::new();
                self.devices
                    .insert(device.to_owned(), Device { entry, modules });
            }
        }
    }

    fn remove(&mut self, device: &str, module: Option<&str>) {
        match module {
            None => drop(self.devices.remove(device)),
            Some(module) => {
                if let Some(device) = self.devices.get_mut(device) {
                    device.modules.remove(module);
                }
            }
        }
    }

    /// Deletes an identity, a device with its modules. One that is not there is a 404: the overview's 204 would hide a
    /// mistyped id, and whoever deletes for good measure lets 404 pass anyway.
    pub(super) fn delete(
        &mut self,
        device: &str,
        module: Option<&str>,
        if_match: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(present) = self.find(device, module) else {
            return Err(self.not_found(device, module));
        };
        if edge::is_reserved(module) {
            return Err(refusal::reserved_module());
        }
        match if_match.filter(|etag| !etag.is_empty()) {
            None => return Err(refusal::etag_missing()),
            Some(etag) if !present.matches(etag) => return Err(refusal::etag_mismatch()),
            Some(_) => {}
        }
        let mut gone = vec![module.map(str::to_owned)];
        if module.is_none() {
            let modules = self.devices.get(device).map(|found| &found.modules);
            gone.extend(
                modules
                    .into_iter()
                    .flat_map(BTreeMap::keys)
                    .cloned()
                    .map(Some),
            );
        }
        // Modules before their device, so that what is undone from behind finds the device there.
        for module in gone.iter().rev() {
            let module = module.as_deref();
            self.note(device, module, None);
            self.remove(device, module);
            let path = name(device, module);
            let times = self.deleted.entry(path.clone()).or_default();
            *times += 1;
            let times = *times;
            self.records.push(Record::Deleted { path, times });
        }
        Ok(())
    }
}

fn name(device: &str, module: Option<&str>) -> String {
    match module {
        None => format!("device/{device}"),
        Some(module) => format!("device/{device}/module/{module}"),
    }
}

fn check_ids(device: &str, module: Option<&str>, identity: &Identity) -> Result<(), Refusal> {
    let invalid = |error: IdError| refusal::argument_invalid(error.to_string());
    device.parse::<DeviceId>().map_err(invalid)?;
    if let Some(module) = module {
        module.parse::<ModuleId>().map_err(invalid)?;
    }
    let agrees = |in_body: Option<&str>| in_body.is_none() || in_body == module;
    if identity.device_id != device || !agrees(identity.module_id.as_deref()) {
        return Err(refusal::argument_invalid(
            "The id in the body is not the one in the path.",
        ));
    }
    Ok(())
}
