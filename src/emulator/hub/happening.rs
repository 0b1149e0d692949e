//! What happens in the hub itself, told as events where a route asks for it: twins that change, devices that are made and
//! deleted, that connect and go.
//!
//! Source: learn.microsoft.com, "IoT Hub non-telemetry event schemas".

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::Hub;
use super::command::{DeviceMessage, ListenerId, Notice};
use super::message::{Origin, Sender};
use crate::model::device::IdentityId;
use crate::model::twin::{Change, Twin, TwinChange};
use crate::protocol::amqp::event::application;
use crate::protocol::amqp::source::MessageSource;

/// Something that happens to a device or module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    Created,
    Deleted,
    Connected,
    Disconnected,
    TwinUpdated,
    TwinReplaced,
}

impl Happening {
    fn source(self) -> MessageSource {
        match self {
            Self::Created | Self::Deleted => MessageSource::Lifecycle,
            Self::Connected | Self::Disconnected => MessageSource::Connection,
            Self::TwinUpdated | Self::TwinReplaced => MessageSource::Twin,
        }
    }

    /// The annotation, and the name of the body's schema.
    fn names(self, is_module: bool) -> (&'static str, &'static str) {
        match self.source() {
            MessageSource::Lifecycle if is_module => {
                ("moduleLifecycleEvents", "moduleLifecycleNotification")
            }
            MessageSource::Lifecycle | MessageSource::Telemetry => {
                ("deviceLifecycleEvents", "deviceLifecycleNotification")
            }
            MessageSource::Connection => (
                "deviceConnectionStateEvents",
                "deviceConnectionStateNotification",
            ),
            MessageSource::Twin => ("twinChangeEvents", "twinChangeNotification"),
        }
    }

    fn operation(self, is_module: bool) -> &'static str {
        match (self, is_module) {
            (Self::Created, false) => "createDeviceIdentity",
            (Self::Created, true) => "createModuleIdentity",
            (Self::Deleted, false) => "deleteDeviceIdentity",
            (Self::Deleted, true) => "deleteModuleIdentity",
            (Self::Connected, false) => "deviceConnected",
            (Self::Connected, true) => "moduleConnected",
            (Self::Disconnected, false) => "deviceDisconnected",
            (Self::Disconnected, true) => "moduleDisconnected",
            (Self::TwinUpdated, _) => "updateTwin",
            (Self::TwinReplaced, _) => "replaceTwin",
        }
    }
}

impl Hub {
    /// Tells that something has happened, if a route wants to know; returns who reads it. `body` is made for that alone.
    pub(super) fn happened(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        happening: Happening,
        body: impl FnOnce() -> Value,
    ) -> Vec<(ListenerId, Notice)> {
        if !self.told.contains(&happening.source()) {
            return Vec::new();
        }
        let is_module = identity.module.is_some();
        let (annotation, schema) = happening.names(is_module);
        let time = now.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut properties = vec![
            ("hubName", self.name.clone()),
            ("deviceId", identity.device.clone()),
            ("operationTimestamp", time.replace('Z', "0Z")),
            ("opType", happening.operation(is_module).to_owned()),
            (application::MESSAGE_SCHEMA, schema.to_owned()),
        ];
        properties.extend(identity.module.clone().map(|module| ("moduleId", module)));
        let named = |(name, value): (&str, String)| (name.to_owned(), value);
        let message = DeviceMessage {
            body: body().to_string().into(),
            user_id: Some(self.name.clone()),
            content_type: Some("application/json".to_owned()),
            content_encoding: Some("utf-8".to_owned()),
            properties: properties.into_iter().map(named).collect(),
            ..DeviceMessage::default()
        };
        let sender = Sender {
            device: &identity.device,
            module: identity.module.as_deref(),
            origin: Origin::Hub { source: annotation },
        };
        self.append(now, sender, &message)
    }

    /// The twin of a device or module that is made or about to go, if a route wants to know of that.
    pub(super) fn twin_to_tell(&self, identity: &IdentityId) -> Value {
        if !self.told.contains(&MessageSource::Lifecycle) {
            return Value::Null;
        }
        self.twin_json(identity).unwrap_or_default()
    }

    /// Tells that a device or module has connected or gone.
    pub(super) fn tell_of_connection(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        happening: Happening,
    ) -> Vec<(ListenerId, Notice)> {
        // A number that grows, by which readers put events that overtook each other in order.
        let number = now.timestamp_micros();
        let body = || json!({ "sequenceNumber": format!("{number:064X}") });
        self.happened(now, identity, happening, body)
    }
}

/// What a change of a twin by the service's side came to.
pub(super) fn changed(change: &TwinChange, after: &Twin, version: u64) -> (Happening, Value) {
    let mut body = Map::new();
    body.insert("version".to_owned(), version.into());
    let mut is_replaced = false;
    let mut members = |change: &Change| match change {
        Change::Merge(members) => members.clone(),
        Change::Replace(members) => {
            is_replaced = true;
            members.clone()
        }
    };
    if let Some(tags) = &change.tags {
        body.insert("tags".to_owned(), Value::Object(members(tags)));
    }
    if let Some(desired) = &change.desired {
        let mut desired = members(desired);
        desired.insert("$version".to_owned(), after.desired_version().into());
        body.insert("properties".to_owned(), json!({ "desired": desired }));
    }
    let happening = if is_replaced {
        Happening::TwinReplaced
    } else {
        Happening::TwinUpdated
    };
    (happening, Value::Object(body))
}

/// What a report of a device came to.
pub(super) fn reported(patch: &Map<String, Value>, after: &Twin, version: u64) -> Value {
    let mut reported = patch.clone();
    reported.insert("$version".to_owned(), after.reported_version().into());
    json!({ "version": version, "properties": { "reported": reported } })
}
