//! A device as the hub's identity registry tells it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::object;

/// The JSON of `GET /devices/{id}` (api-version 2021-04-12); fields that are not known here are ignored when read.
///
/// Source: azure-iot-hub 2.7.0, `protocol/models/device.py`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Identity {
    /// The device's id, in the case it was registered with.
    pub device_id: String,
    /// The module's id, for modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_id: Option<String>,
    /// Changes when an id is deleted and made anew.
    pub generation_id: String,
    /// Changes with each change of the identity.
    pub etag: String,
    /// Whether the device is connected now, as far as the hub knows.
    pub connection_state: String,
    /// `enabled` or `disabled`.
    pub status: Status,
    /// Why it was disabled, in the operator's words.
    pub status_reason: Option<String>,
    /// RFC 3339 without offset, `0001-01-01T00:00:00` for never.
    pub connection_state_updated_time: String,
    /// RFC 3339 without offset, `0001-01-01T00:00:00` for never.
    pub status_updated_time: String,
    /// RFC 3339 without offset, `0001-01-01T00:00:00` for never.
    pub last_activity_time: String,
    /// Messages that wait for the device.
    pub cloud_to_device_message_count: i64,
    /// How the device proves who it is.
    #[serde(deserialize_with = "object::read")]
    pub authentication: Authentication,
    /// What the device can do beyond sending; modules have none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "object::read_optional"
    )]
    pub capabilities: Option<Capabilities>,
    /// The edge device's own scope, for devices behind one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_scope: Option<String>,
    /// The scopes of the edge devices above.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parent_scopes: Vec<String>,
    /// Who looks after a module, for modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
}

/// Which device or module of a hub is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityId {
    /// The device.
    pub device: String,
    /// The module, for a module of the device.
    pub module: Option<String>,
}

impl IdentityId {
    /// What tokens name it by below the host: `devices/{device}[/modules/{module}]`.
    #[must_use]
    pub fn path(&self) -> String {
        match &self.module {
            None => format!("devices/{}", self.device),
            Some(module) => format!("devices/{}/modules/{module}", self.device),
        }
    }
}

/// `device`, or `device/module`, which is also how MQTT clients call themselves. Ids hold no `/`.
impl fmt::Display for IdentityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.module {
            None => f.write_str(&self.device),
            Some(module) => write!(f, "{}/{module}", self.device),
        }
    }
}

/// What a device can do beyond sending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Capabilities {
    /// Whether it is an IoT Edge device.
    pub iot_edge: bool,
}

/// Whether the hub lets a device in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It may connect.
    #[default]
    Enabled,
    /// It is kept out.
    Disabled,
}

/// How a device proves who it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Authentication {
    /// The two keys of a device that signs tokens.
    #[serde(deserialize_with = "object::read_optional")]
    pub symmetric_key: Option<SymmetricKey>,
    /// The certificates' thumbprints of a device that uses its own.
    #[serde(deserialize_with = "object::read_optional")]
    pub x509_thumbprint: Option<Thumbprint>,
    /// `sas`, `selfSigned`, `certificateAuthority` or `none`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// A device's two keys, base64.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SymmetricKey {
    /// The first key, base64.
    pub primary_key: Option<String>,
    /// The second key, base64, for rolling over without a gap.
    pub secondary_key: Option<String>,
}

impl std::fmt::Debug for SymmetricKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SymmetricKey(…)")
    }
}

/// Thumbprints (hex) of a device's own certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Thumbprint {
    /// SHA-1 or SHA-256 in hex.
    pub primary_thumbprint: Option<String>,
    /// SHA-1 or SHA-256 in hex.
    pub secondary_thumbprint: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_out_of_debug() {
        let identity = Identity {
            authentication: Authentication {
                symmetric_key: Some(SymmetricKey {
                    primary_key: Some("c2VjcmV0".into()),
                    secondary_key: None,
                }),
                ..Authentication::default()
            },
            ..Identity::default()
        };
        assert!(!format!("{identity:?}").contains("c2VjcmV0"));
    }
}
