//! The identity registry: devices and their modules, with `ETags`.
//!
//! Source: learn.microsoft.com, "Understand the identity registry in your IoT hub"; azure-iot-hub 2.7.0 `models/device.py`.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use super::command::Refusal;
use super::entry::Entry;
use super::refusal;
use crate::model::device::{Identity, Status};
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
}

impl Registry {
    pub(super) fn new(secret: Secret) -> Self {
        Self {
            devices: BTreeMap::new(),
            deleted: HashMap::new(),
            changes: 0,
            secret,
        }
    }

    /// One identity's entry.
    pub(super) fn find(&self, device: &str, module: Option<&str>) -> Option<&Entry> {
        let device = self.devices.get(device)?;
        match module {
            None => Some(&device.entry),
            Some(module) => device.modules.get(module),
        }
    }

    /// Notes that a device has been heard of.
    pub(super) fn touch(&mut self, device: &str, now: DateTime<Utc>) {
        if let Some(device) = self.devices.get_mut(device) {
            device.entry.last_activity = Some(now);
        }
    }

    pub(super) fn read(&self, device: &str, module: Option<&str>) -> Result<Identity, Refusal> {
        self.find(device, module)
            .map(Entry::to_identity)
            .ok_or_else(|| not_found(self, device, module))
    }

    /// Up to `top` devices, in the order of their ids.
    pub(super) fn list(&self, top: usize) -> Vec<Identity> {
        self.devices
            .values()
            .take(top.min(MAX_LIST))
            .map(|device| device.entry.to_identity())
            .collect()
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

    /// Creates an identity, or with `if_match` replaces it.
    pub(super) fn write(
        &mut self,
        now: DateTime<Utc>,
        (device, module): (&str, Option<&str>),
        identity: Identity,
        if_match: Option<&str>,
    ) -> Result<Identity, Refusal> {
        check_ids(device, module, &identity)?;
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
            // "If-Match on what does not exist: 412" stands in that overview, and nothing seen at the service speaks
            // against it.
            (None, Some(_)) => return Err(refusal::etag_mismatch()),
            (None, None) => self.check_room(device, module)?,
            (Some(_), Some(_)) => {}
        }
        let path = self.key_path(device, module);
        let entry = Entry::new(now, identity, present, |which| {
            super::keys::derive(&self.secret, &format!("{path}/{which}"))
        })?;
        Ok(self.store(device, module, entry))
    }

    fn check_room(&self, device: &str, module: Option<&str>) -> Result<(), Refusal> {
        if module.is_none() && self.devices.len() >= MAX_DEVICES {
            return Err(refusal::too_many_devices(MAX_DEVICES));
        }
        let modules = self.devices.get(device).map_or(0, |d| d.modules.len());
        if module.is_some() && modules >= MAX_MODULES {
            return Err(refusal::too_many_modules(MAX_MODULES));
        }
        Ok(())
    }

    /// What an identity's keys are derived from; ids hold no `/`, so no two identities share a path.
    fn key_path(&self, device: &str, module: Option<&str>) -> String {
        let path = name(device, module);
        match self.deleted.get(&path) {
            None => path,
            Some(times) => format!("{path}/{times}"),
        }
    }

    fn store(&mut self, device: &str, module: Option<&str>, mut entry: Entry) -> Identity {
        entry.identity.etag = STANDARD.encode(self.changes.to_string());
        self.changes += 1;
        let identity = entry.to_identity();
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
        identity
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
            return Err(not_found(self, device, module));
        };
        if if_match.is_some_and(|etag| !etag.is_empty() && !present.matches(etag)) {
            return Err(refusal::etag_mismatch());
        }
        let mut gone = vec![name(device, module)];
        if let Some(module) = module {
            if let Some(device) = self.devices.get_mut(device) {
                device.modules.remove(module);
            }
        } else {
            let modules = self.devices.remove(device).map(|found| found.modules);
            let modules = modules.into_iter().flatten();
            gone.extend(modules.map(|(module, _)| name(device, Some(&module))));
        }
        for path in gone {
            *self.deleted.entry(path).or_default() += 1;
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

fn not_found(registry: &Registry, device: &str, module: Option<&str>) -> Refusal {
    match module {
        Some(module) if registry.devices.contains_key(device) => {
            refusal::module_not_found(device, module)
        }
        Some(_) | None => refusal::device_not_found(device),
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
