//! Deployments: what the modules of edge devices are given, those that are missing made first. One that names all that an
//! agent is to do is a base; of those that mean a device, it follows the one of the highest priority, and the layers above it.
//!
//! Source: learn.microsoft.com, "Understand IoT Edge automatic deployments for single devices or at scale".

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::command::{ListenerId, Notice, Refusal};
use super::configurations::{Active, Configurations};
use super::twins::TwinDocument;
use super::{Hub, edge, refusal};
use crate::model::configuration::{Content, layered};
use crate::model::device::IdentityId;
use crate::model::twin::TwinChange;

type Notices = Vec<(ListenerId, Notice)>;

/// The deployments that a device follows, each on top of the one before; none for a device that is no edge device.
pub(super) fn followed(configurations: &Configurations, device: &TwinDocument) -> Vec<Arc<Active>> {
    if !edge::is_edge(&device.identity) {
        return Vec::new();
    }
    configurations.deployment(device)
}

/// Whether a device has to be given something, now that it follows others than before.
pub(super) fn is_new(before: &[Arc<Active>], after: &[Arc<Active>]) -> bool {
    let mut both = before.iter().zip(after);
    !after.is_empty() && (before.len() != after.len() || !both.all(|(a, b)| a.is(b)))
}

fn module_of(device: &str, module: &str) -> IdentityId {
    IdentityId {
        device: device.to_owned(),
        module: Some(module.to_owned()),
    }
}

impl Hub {
    /// Gives a device's modules what it follows asks of them. A twin that would become too large stays as it is.
    pub(super) fn deploy(
        &mut self,
        now: DateTime<Utc>,
        device: &str,
        followed: &[Arc<Active>],
    ) -> Notices {
        let mut modules: BTreeMap<&str, Vec<&Map<String, Value>>> = BTreeMap::new();
        for one in followed {
            let content = &one.configuration.content;
            for (module, paths) in content.modules_content.iter().flatten() {
                modules.entry(module).or_default().push(paths);
            }
        }
        let mut notices = Vec::new();
        for (module, layers) in modules {
            let made = layered(layers)
                .ok()
                .zip(self.make(now, device, module).ok());
            if let Some((change, ())) = made {
                let id = module_of(device, module);
                notices.extend(self.desire(now, &id, &change).unwrap_or_default());
            }
        }
        notices
    }

    /// Gives an edge device content: all of it, or none.
    pub(super) fn apply_content(
        &mut self,
        now: DateTime<Utc>,
        device: &str,
        content: &Content,
    ) -> Result<Notices, Refusal> {
        let own = IdentityId {
            device: device.to_owned(),
            module: None,
        };
        if !edge::is_edge(&self.entry(&own)?.identity) {
            return Err(refusal::no_edge_device());
        }
        content
            .check_for_device()
            .map_err(|error| refusal::of_configuration(&error))?;
        let own = content
            .device_content
            .iter()
            .map(|paths| (own.clone(), paths));
        let modules = content.modules_content.iter().flatten();
        let modules = modules.map(|(module, paths)| (module_of(device, module), paths));
        let mut wanted = Vec::new();
        for (identity, paths) in own.chain(modules) {
            let change = layered([paths]).map_err(|error| refusal::of_configuration(&error))?;
            self.check_twin(now, &identity, &change)?;
            wanted.push((identity, change));
        }
        let is_missing = |id: &&(IdentityId, TwinChange)| self.entry(&id.0).is_err();
        let missing = wanted.iter().filter(is_missing).count();
        self.registry.check_room_for_modules(device, missing)?;
        let mut notices = Vec::new();
        for (identity, change) in wanted {
            if let Some(module) = &identity.module {
                self.make(now, device, module)?;
            }
            notices.extend(self.desire(now, &identity, &change)?);
        }
        Ok(notices)
    }

    /// Makes a module where it is missing and there is room for it.
    fn make(&mut self, now: DateTime<Utc>, device: &str, module: &str) -> Result<(), Refusal> {
        if self.registry.find(device, Some(module)).is_none() {
            self.registry.check_room_for_modules(device, 1)?;
        }
        self.add_module(now, device, module)
    }
}
