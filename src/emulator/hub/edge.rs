//! Edge devices: the modules that they have of themselves, and which of them stands above a device.
//!
//! Source: learn.microsoft.com, "Understand the identity registry in your IoT hub" (`deviceScope`, `parentScopes`); outputs
//! of `az iot hub device-identity create --edge-enabled`; azure-iot-sdk-node, `e2etests/test/registry.js`. That a hub makes
//! modules without keys: azure-iot-sdk-java#1507; which, and who looks after them: terraform-provider-iothub, `CONCEPT.md`
//! (what a live hub answered), and azure-iot-cli-extension, `test_iothub_modules_int.py`.

use super::command::Refusal;
use super::refusal;
use crate::model::device::{Authentication, Identity};

const SCHEME: &str = "ms-azure-iot-edge://";

/// The modules of every edge device, whose names are the service's to give.
pub(super) const SYSTEM_MODULES: [&str; 2] = ["$edgeAgent", "$edgeHub"];

/// The most devices above one, for the sake of time alone.
const MAX_DEPTH: usize = 1000;

/// Whether the service alone makes, changes and deletes such a module.
pub(super) fn is_reserved(module: Option<&str>) -> bool {
    module.is_some_and(|module| module.starts_with('$'))
}

/// A module that the service makes by itself; the runtime on the device gives it its keys.
pub(super) fn module(device: &str, module: &str) -> Identity {
    Identity {
        device_id: device.to_owned(),
        module_id: Some(module.to_owned()),
        managed_by: Some("iotEdge".to_owned()),
        authentication: Authentication {
            kind: Some("none".to_owned()),
            ..Authentication::default()
        },
        ..Identity::default()
    }
}

/// An edge device's own scope, which it has for as long as it is there.
pub(super) fn own_scope(identity: &Identity) -> String {
    format!("{SCHEME}{}-{}", identity.device_id, identity.generation_id)
}

/// The device whose scope it is, if it is one.
pub(super) fn device_of(scope: &str) -> Option<&str> {
    let (device, _generation) = scope.strip_prefix(SCHEME)?.rsplit_once('-')?;
    Some(device)
}

/// Whether it is an IoT Edge device.
pub(super) fn is_edge(identity: &Identity) -> bool {
    identity.capabilities.is_some_and(|can| can.iot_edge)
}

/// Whether a scope is that of an edge device which may stand above this one: it is another, and has it nowhere above itself.
/// `find` knows the devices of the hub.
pub(super) fn is_above<'a>(
    scope: &str,
    device: &str,
    find: impl Fn(&str) -> Option<&'a Identity>,
) -> bool {
    let parent = device_of(scope).and_then(&find);
    if !parent.is_some_and(|parent| is_edge(parent) && own_scope(parent) == scope) {
        return false;
    }
    let above = |one: &&'a Identity| {
        one.parent_scopes
            .first()
            .and_then(|s| device_of(s))
            .and_then(&find)
    };
    let mut chain = std::iter::successors(parent, above);
    // A chain that comes back to itself, which an older store may hold, is no way up either.
    let met = chain
        .by_ref()
        .take(MAX_DEPTH)
        .any(|one| one.device_id == device);
    !met && chain.next().is_none()
}

/// Settles what a device is to stand behind, from a body and what it was before. `is_there` tells the scopes of other edge
/// devices. A device that is none names its parent as its own scope as well; that of an edge device is for the registry to
/// give.
pub(super) fn settle(
    wanted: &mut Identity,
    held: Option<&Identity>,
    is_there: impl Fn(&str) -> bool,
) -> Result<(), Refusal> {
    let is_edge_device = is_edge(wanted);
    let mut parents = std::mem::take(&mut wanted.parent_scopes);
    parents.retain(|scope| !scope.is_empty());
    // What stays of a device that was an edge device is not a parent.
    let former = held.filter(|held| is_edge(held)).map(own_scope);
    let named = wanted
        .device_scope
        .take()
        .filter(|scope| !is_edge_device && !scope.is_empty() && former.as_ref() != Some(scope));
    if parents.is_empty() {
        parents.extend(named);
    } else if named.is_some_and(|named| !parents.contains(&named)) {
        return Err(refusal::argument_invalid(
            "deviceScope and parentScopes name different parents.",
        ));
    }
    if parents.len() > 1 {
        return Err(refusal::argument_invalid(
            "A device has one parent at most.",
        ));
    }
    // A parent may have gone meanwhile, and what it leaves behind can be changed all the same.
    let is_kept = held.is_some_and(|held| held.parent_scopes == parents);
    if !is_kept && !parents.iter().all(|scope| is_there(scope)) {
        return Err(refusal::argument_invalid(
            "The scope is not that of another edge device in this hub.",
        ));
    }
    if !is_edge_device {
        wanted.device_scope = parents.first().cloned();
    }
    wanted.parent_scopes = parents;
    Ok(())
}
