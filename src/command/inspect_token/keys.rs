//! The keys to check a token with: the one given, those of a login, or a device's two as its hub has them.

use super::examine::Examined;
use super::fields::Fields;
use super::finding::Finding;
use super::spellings::Expected;
use super::verify::{self, Candidate, KeyOf, Verdict};
use crate::client::notice::Notice;
use crate::command::Context;
use crate::command::device_key::identity;
use crate::command::key::read_key;
use crate::command::teller::{Teller, hub_client};
use crate::config::{ConnectionOptions, Serves, Settings};
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{
    ConnectionString, DeviceCredential, EventHubCredential, HubCredential, HubString,
};
use crate::model::device::Identity;
use crate::model::identifier::{DeviceId, ModuleId};
use crate::model::secret::Secret;

/// What the token should open, and the keys to try.
pub(super) type Given = Result<(Expected, Vec<Candidate>), Failure>;

/// The key of `--key`.
pub(super) fn given(text: &str, findings: &mut Vec<Finding>, context: &mut Context) -> Given {
    let key = read_key(text, context)?;
    let clean: String = key.expose().split_whitespace().collect();
    let from_command_line = text != "-" && !text.starts_with('@');
    let broken = clean != key.expose() || (from_command_line && text.trim() != text);
    let clean = Secret::new(clean);
    if clean.expose().is_empty() {
        return Err(Failure::new(Kind::Input, "cannot check the signature")
            .because("the key is empty")
            .hint("Give the key's text, @FILE, or - and the key on standard input."));
    }
    if broken {
        findings.push(
            Finding::wrong(
                "keyLineBreak",
                "key",
                "a line break or blank stands inside the key",
            )
            .should_be("the key on one line"),
        );
    }
    if let Err(error) = clean.decode_base64() {
        findings.push(
            Finding::odd(
                "keyNotBase64",
                "key",
                format!("the key is not base64: {error}"),
            )
            .should_be("the whole key as the portal shows it, 44 or 88 characters"),
        );
    }
    let candidate = Candidate {
        name: "the key given".to_owned(),
        of: KeyOf::Unknown,
        key: clean,
    };
    Ok((Expected::default(), vec![candidate]))
}

/// The keys that a login holds or can look up.
pub(super) fn of_login(
    options: &ConnectionOptions,
    fields: &Fields,
    examined: &Examined,
    context: &mut Context,
) -> Given {
    let settings = context.settings(options, Serves::Any)?;
    match &settings.connection_string {
        ConnectionString::Device(device) => {
            let DeviceCredential::Key(key) = &device.credential else {
                return Err(keyless(&settings));
            };
            let what = if device.module_id.is_some() {
                "module"
            } else {
                "device"
            };
            let expected = Expected {
                host: Some(device.host.name.clone()),
                device: Some(device.device_id.to_string()),
                module: device.module_id.as_ref().map(ToString::to_string),
            };
            let name = format!("the {what}'s key of the login");
            Ok((expected, vec![candidate(name, KeyOf::Device, key)]))
        }
        ConnectionString::EventHub(event_hub) => {
            let EventHubCredential::Key { policy, key } = &event_hub.credential else {
                return Err(keyless(&settings));
            };
            let expected = Expected {
                host: Some(event_hub.endpoint.name.clone()),
                ..Expected::default()
            };
            let name = format!("the key of the policy {policy:?}");
            let of = KeyOf::Policy(policy.clone());
            Ok((expected, vec![candidate(name, of, key)]))
        }
        ConnectionString::Hub(hub) => of_hub(hub, &settings, fields, examined, context),
    }
}

fn candidate(name: impl Into<String>, of: KeyOf, key: &Secret) -> Candidate {
    Candidate {
        name: name.into(),
        of,
        key: key.clone(),
    }
}

fn keyless(settings: &Settings) -> Failure {
    let kind = settings.connection_string.kind_name();
    Failure::new(
        Kind::Input,
        format!("{} holds {kind} without a key", settings.origin),
    )
    .hint("Give the key with --key, or the connection string that holds it.")
}

/// The policy's key, and a device's two where the token is for one and the policy's key did not sign it.
fn of_hub(
    hub: &HubString,
    settings: &Settings,
    fields: &Fields,
    examined: &Examined,
    context: &mut Context,
) -> Given {
    let mut expected = Expected {
        host: Some(hub.host.name.clone()),
        ..Expected::default()
    };
    let mut candidates = Vec::new();
    if let HubCredential::Key { policy, key } = &hub.credential {
        let name = format!("the key of the policy {policy:?}");
        candidates.push(candidate(name, KeyOf::Policy(policy.clone()), key));
    }
    // The host may be a mistake of the token's; the login's hub is asked all the same.
    let device = examined
        .opens
        .device()
        .and_then(|id| id.parse::<DeviceId>().ok());
    let Some(device) = device else {
        if candidates.is_empty() {
            return Err(keyless(settings));
        }
        return Ok((expected, candidates));
    };
    let by_policy = verify::verify(
        fields,
        examined,
        &Expected::default(),
        &candidates,
        &mut Vec::new(),
    );
    if matches!(by_policy, Verdict::Right(_)) {
        return Ok((expected, candidates));
    }
    let module = examined
        .opens
        .module()
        .and_then(|id| id.parse::<ModuleId>().ok());
    let identity = look_up(hub, settings, &device, module.as_ref(), context)?;
    expected.device = Some(identity.device_id.clone());
    expected.module.clone_from(&identity.module_id);
    let keys = identity.authentication.symmetric_key.unwrap_or_default();
    let what = if module.is_some() { "module" } else { "device" };
    let before = candidates.len();
    for (which, key) in [
        ("primary", keys.primary_key),
        ("secondary", keys.secondary_key),
    ] {
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            let name = format!("the {what}'s {which} key");
            candidates.push(candidate(name, KeyOf::Device, &Secret::new(key)));
        }
    }
    if candidates.len() == before {
        return Err(Failure::new(
            Kind::Input,
            format!("the {what} has no symmetric key to check the signature with"),
        )
        .hint("It proves itself with a certificate, and tokens do not open the hub for it."));
    }
    Ok((expected, candidates))
}

fn look_up(
    hub: &HubString,
    settings: &Settings,
    device: &DeviceId,
    module: Option<&ModuleId>,
    context: &mut Context,
) -> Result<Identity, Failure> {
    let now = context.now();
    let teller = Teller::new(context);
    let notify = |notice: Notice<'_>| teller.tell(notice);
    let client = hub_client(&hub.host, settings, &notify)?;
    Context::block_on(identity(&client, hub, device, module, now, &notify))
}
