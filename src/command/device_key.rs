//! A device's key, looked up in the hub's registry with the hub's own string.

use chrono::{DateTime, Utc};
use clap::ValueEnum;

use crate::client::https::{HttpsError, HubClient};
use crate::client::notice::Notify;
use crate::client::retry::{self, Backoff};
use crate::failure::https::{OpenedBy, explain, name_device};
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{HubCredential, HubString};
use crate::model::device::{Identity, Status};
use crate::model::identifier::{DeviceId, ModuleId};
use crate::model::secret::Secret;
use crate::protocol::sas::{self, SigningKey};

/// How long a token made for our own use is good for, in seconds.
pub const OWN_TOKEN_SECONDS: i64 = 3600;

/// Which of a device's two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum KeyType {
    /// The first.
    #[default]
    Primary,
    /// The second, for rolling over without a gap.
    Secondary,
}

impl KeyType {
    fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}

/// A device's (or module's) key and its id in the case it was registered with.
#[derive(Debug, Clone)]
pub struct DeviceKey {
    /// The device's id as the hub has it.
    pub device: DeviceId,
    /// The key, base64.
    pub key: Secret,
}

/// Looks up the key of `device`, or of its `module`, with the hub's own string. `now` is this machine's time.
///
/// # Errors
/// Missing ([`Kind::NotFound`]), disabled ([`Kind::Refused`]), without a symmetric key ([`Kind::Input`]), and what the
/// hub or the network say otherwise.
pub async fn device_key(
    client: &HubClient<'_>,
    hub: &HubString,
    device: &DeviceId,
    module: Option<&ModuleId>,
    key_type: KeyType,
    now: DateTime<Utc>,
    notify: Notify<'_>,
) -> Result<DeviceKey, Failure> {
    let identity = identity(client, hub, device, module, now, notify).await?;
    key_of(&identity, device, module, key_type)
}

/// Looks up the identity of `device`, or of its `module`, with the hub's own string. `now` is this machine's time.
///
/// # Errors
/// Missing ([`Kind::NotFound`]), and what the hub or the network say otherwise.
pub async fn identity(
    client: &HubClient<'_>,
    hub: &HubString,
    device: &DeviceId,
    module: Option<&ModuleId>,
    now: DateTime<Utc>,
    notify: Notify<'_>,
) -> Result<Identity, Failure> {
    let (token, opened_by) = service_token(hub, now)?;
    let backoff = Backoff::default();
    let (_, answer) = retry::persist(&backoff, false, true, notify, async || {
        client.identity(&token, device, module).await
    })
    .await;
    answer.map_err(|error| lookup_failure(device, module, &error, opened_by, now))
}

/// A token for the hub's service side: the one in the string, or one made from the policy's key.
///
/// # Errors
/// [`Kind::Input`] for a key that is not base64.
pub fn service_token(hub: &HubString, now: DateTime<Utc>) -> Result<(Secret, OpenedBy), Failure> {
    match &hub.credential {
        HubCredential::Token(token) => Ok((token.clone(), OpenedBy::PolicyToken)),
        HubCredential::Key { policy, key } => {
            let key = SigningKey::decoded(key).map_err(|error| {
                Failure::new(Kind::Input, "cannot make a token").because(&error)
            })?;
            let expiry = now.timestamp() + OWN_TOKEN_SECONDS;
            let token = sas::mint(&key, &hub.host.name, expiry, Some(policy));
            Ok((token, OpenedBy::PolicyKey))
        }
    }
}

fn lookup_failure(
    device: &DeviceId,
    module: Option<&ModuleId>,
    error: &HttpsError,
    opened_by: OpenedBy,
    now: DateTime<Utc>,
) -> Failure {
    let what = format!("cannot look up {}", name_of(device, module));
    name_device(explain(what, error, opened_by, now), device.as_str())
}

fn name_of(device: &DeviceId, module: Option<&ModuleId>) -> String {
    match module {
        None => format!("the device {:?}", device.as_str()),
        Some(module) => format!(
            "the module {:?} of the device {:?}",
            module.as_str(),
            device.as_str()
        ),
    }
}

/// The key of an identity that the registry gave.
///
/// # Errors
/// As for [`device_key`].
pub fn key_of(
    identity: &Identity,
    device: &DeviceId,
    module: Option<&ModuleId>,
    key_type: KeyType,
) -> Result<DeviceKey, Failure> {
    let name = name_of(device, module);
    // Modules have no status of their own; theirs reads as enabled.
    if identity.status == Status::Disabled {
        let reason = identity.status_reason.as_deref().filter(|r| !r.is_empty());
        let failure = Failure::new(Kind::Refused, format!("{name} is disabled"));
        let failure = match reason {
            Some(reason) => failure.because(&format!("the operator's reason: {reason}")),
            None => failure.because("the hub keeps it out, whatever its key"),
        };
        return Err(failure.hint(format!(
            "Enable it: `az iot hub device-identity update -d {device} --set status=enabled`, or in the portal under Device management > Devices."
        )));
    }
    let keys = identity.authentication.symmetric_key.as_ref();
    let key = keys.and_then(|keys| match key_type {
        KeyType::Primary => keys.primary_key.as_deref(),
        KeyType::Secondary => keys.secondary_key.as_deref(),
    });
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        return Err(without_key(&name, identity, key_type));
    };
    Ok(DeviceKey {
        device: identity
            .device_id
            .parse()
            .unwrap_or_else(|_| device.clone()),
        key: Secret::new(key),
    })
}

fn without_key(name: &str, identity: &Identity, key_type: KeyType) -> Failure {
    let authentication = &identity.authentication;
    let thumbprint = authentication.x509_thumbprint.as_ref();
    let certificates = match authentication.kind.as_deref() {
        Some("selfSigned") => "it proves itself with a certificate of its own (X.509)",
        Some("certificateAuthority") => {
            "it proves itself with a certificate of an authority (X.509)"
        }
        Some(_) | None
            if thumbprint.is_some_and(|print| {
                print.primary_thumbprint.is_some() || print.secondary_thumbprint.is_some()
            }) =>
        {
            "it proves itself with a certificate (X.509)"
        }
        Some(_) | None => "the hub has none for it",
    };
    Failure::new(
        Kind::Input,
        format!("{name} has no {} key to sign with", key_type.name()),
    )
    .because(certificates)
    .hint("Tokens need a symmetric key. Use a device whose authentication type is \"Symmetric key\", or give this one keys in the portal.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::device::{Authentication, SymmetricKey, Thumbprint};

    fn identity(authentication: Authentication, status: Status) -> Identity {
        Identity {
            device_id: "Device1".to_owned(),
            status,
            status_reason: Some("stolen".to_owned()),
            authentication,
            ..Identity::default()
        }
    }

    fn keyed() -> Authentication {
        Authentication {
            symmetric_key: Some(SymmetricKey {
                primary_key: Some("cHJpbWFyeQ==".to_owned()),
                secondary_key: None,
            }),
            ..Authentication::default()
        }
    }

    fn looked_up(identity: &Identity, key_type: KeyType) -> Result<DeviceKey, Failure> {
        key_of(identity, &"device1".parse().unwrap(), None, key_type)
    }

    #[test]
    fn the_key_comes_with_the_id_as_registered() {
        let key = looked_up(&identity(keyed(), Status::Enabled), KeyType::Primary).unwrap();
        assert_eq!(key.device.as_str(), "Device1");
        assert_eq!(key.key.expose(), "cHJpbWFyeQ==");
    }

    #[test]
    fn what_keeps_a_device_from_signing_is_said() {
        let disabled = looked_up(&identity(keyed(), Status::Disabled), KeyType::Primary);
        let disabled = disabled.unwrap_err();
        assert_eq!(disabled.kind, Kind::Refused);
        assert!(disabled.to_text(false).contains("is disabled"));
        assert!(disabled.to_text(false).contains("stolen"));

        let second = looked_up(&identity(keyed(), Status::Enabled), KeyType::Secondary);
        assert_eq!(second.unwrap_err().kind, Kind::Input);

        let certificates = Authentication {
            x509_thumbprint: Some(Thumbprint {
                primary_thumbprint: Some("AB".to_owned()),
                secondary_thumbprint: None,
            }),
            ..Authentication::default()
        };
        let without = looked_up(&identity(certificates, Status::Enabled), KeyType::Primary);
        let without = without.unwrap_err();
        assert_eq!(without.kind, Kind::Input);
        assert!(without.to_text(false).contains("X.509"));
    }
}
