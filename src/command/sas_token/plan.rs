//! What will be signed, for whom, with what and until when: decided without a network, a file or a clock.

use std::path::PathBuf;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::SasTokenArgs;
use super::suit::{check_options, sovereign_warning, trusted_file, unsuited, wildcard_warning};
use crate::command::device_key::KeyType;
use crate::config::Settings;
use crate::failure::{Failure, Kind};
use crate::firmware::Subject;
use crate::model::connection_string::{
    ConnectionString, DeviceCredential, DeviceString, Host, HubCredential, HubString,
};
use crate::model::identifier::{DeviceId, ModuleId};
use crate::model::secret::Secret;
use crate::model::span::parse_expiry;

/// The last second of the year 9999, beyond which RFC 3339 has no dates.
const LAST_EXPIRY: i64 = 253_402_300_799;

/// Seconds of a time far enough in the past that somebody may have given seconds for milliseconds.
const EARLY: i64 = 86_400 * 365;

/// What the user gave to sign with.
pub(super) enum Source {
    /// `--key` and `--hub`.
    Key {
        /// The key, not yet checked.
        key: Secret,
        /// The hub's host.
        host: Host,
        /// The PEM file of `--ca-file` or the environment.
        ca_file: Option<PathBuf>,
    },
    /// A connection string, and how to reach its hub.
    Login(Settings),
}

/// What signs the token.
pub(super) enum Signer {
    /// The device's or module's own key.
    Key(Secret),
    /// A policy's key.
    Policy {
        /// The policy's name.
        name: String,
        /// Its key.
        key: Secret,
    },
    /// The device's or module's own key, which the hub must be asked for first.
    LookUp(Box<LookUp>),
}

/// Whose key the hub is asked for, and how.
pub(super) struct LookUp {
    /// The hub's string.
    pub(super) hub: HubString,
    /// How to reach the hub.
    pub(super) settings: Settings,
    /// The device.
    pub(super) device: DeviceId,
    /// Its module.
    pub(super) module: Option<ModuleId>,
    /// Which of the two keys.
    pub(super) key_type: KeyType,
}

/// What will be done.
pub(super) struct Plan {
    /// The hub's host.
    pub(super) host: Host,
    /// What the token opens.
    pub(super) subject: Subject,
    /// What signs it.
    pub(super) signer: Signer,
    /// When it expires.
    pub(super) expires: DateTime<Utc>,
    /// The PEM file that says what to trust, where that is not what Azure's hubs present.
    pub(super) ca_file: Option<PathBuf>,
    /// What looks odd.
    pub(super) warnings: Vec<String>,
}

impl Plan {
    /// Decides it all.
    ///
    /// # Errors
    /// [`Kind::Usage`] and [`Kind::Input`].
    pub(super) fn new(
        args: &SasTokenArgs,
        source: Source,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        check_options(args)?;
        let expires = expiry(args, now)?;
        let mut warnings = Vec::new();
        if expires <= now {
            warnings.push(expired_warning(args, expires));
        }
        let ca_file = match &source {
            Source::Key { ca_file, .. } => ca_file.clone(),
            Source::Login(settings) => settings.ca_file.clone(),
        };
        let (host, subject, signer) = match source {
            Source::Key { key, host, .. } => (host, named_subject(args)?, Signer::Key(key)),
            Source::Login(settings) => match &settings.connection_string {
                ConnectionString::Device(device) => of_device(args, device, &settings)?,
                ConnectionString::Hub(hub) => of_hub(args, hub.clone(), settings)?,
                ConnectionString::EventHub(_) => {
                    return Err(Failure::new(
                        Kind::Input,
                        "an Event Hub-compatible connection string cannot sign for a device",
                    )
                    .hint("Give the hub's connection string, or the device's."));
                }
            },
        };
        if args.key_type.is_some() && !matches!(signer, Signer::LookUp(_)) {
            warnings.push(
                "--key-type is passed over: there is one key here and nothing to look up"
                    .to_owned(),
            );
        }
        args.format
            .suits(&subject, args.protocol)
            .map_err(unsuited)?;
        let ca_file = trusted_file(args, &host, ca_file)?;
        warnings.extend(wildcard_warning(args, &subject));
        warnings.extend(sovereign_warning(args, &host, ca_file.is_some()));
        Ok(Self {
            host,
            subject,
            signer,
            expires,
            ca_file,
            warnings,
        })
    }
}

/// When the tokens expire.
pub(super) fn expiry(args: &SasTokenArgs, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    let expires = match &args.expires_at {
        Some(text) => parse_expiry(text).map_err(|error| {
            Failure::new(Kind::Usage, "--expires-at cannot be read")
                .because(&error)
                .hint("For a time that counts from now, give --duration, such as --duration 7d.")
        })?,
        None => TimeDelta::from_std(args.duration)
            .ok()
            .and_then(|duration| now.checked_add_signed(duration))
            .ok_or_else(too_far)?,
    };
    match expires.timestamp() {
        ..0 => Err(
            Failure::new(Kind::Usage, "a token cannot have expired before 1970")
                .hint("Tokens count their expiry in seconds since then."),
        ),
        0..=LAST_EXPIRY => Ok(expires.trunc_subsecs(0)),
        _ => Err(too_far()),
    }
}

fn too_far() -> Failure {
    Failure::new(Kind::Usage, "the token would outlive the year 9999")
        .hint("Give a --duration such as 1h, 7d or 52w.")
}

/// Said where a token is of no use any more.
pub(super) fn expired_warning(args: &SasTokenArgs, expires: DateTime<Utc>) -> String {
    let mut warning = format!(
        "the token has expired already, at {}",
        expires.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    );
    if args.expires_at.is_some() && expires.timestamp() < EARLY {
        warning.push_str(" (a bare number for --expires-at is milliseconds since 1970)");
    }
    warning
}

/// The device that the command line names.
fn named_device(args: &SasTokenArgs) -> Result<DeviceId, Failure> {
    args.device.clone().ok_or_else(|| {
        Failure::new(Kind::Usage, "no device was named").hint(
            "Name it: `hubctl sas-token DEVICE`; with a hub's connection string, --policy makes a token for the whole hub.",
        )
    })
}

fn named_subject(args: &SasTokenArgs) -> Result<Subject, Failure> {
    Ok(Subject::of(named_device(args)?, args.module.clone()))
}

/// With a device's or module's own string everything is at hand, and the string says for whom.
fn of_device(
    args: &SasTokenArgs,
    device: &DeviceString,
    settings: &Settings,
) -> Result<(Host, Subject, Signer), Failure> {
    let origin = &settings.origin;
    if args.policy {
        return Err(Failure::new(
            Kind::Input,
            format!(
                "{origin} holds {}, which has no policy",
                settings.connection_string.kind_name()
            ),
        )
        .hint("--policy needs a hub's connection string, with a SharedAccessKeyName."));
    }
    agree(args, device, settings)?;
    let DeviceCredential::Key(key) = &device.credential else {
        return Err(no_key(device, settings));
    };
    let subject = Subject::of(device.device_id.clone(), device.module_id.clone());
    Ok((device.host.clone(), subject, Signer::Key(key.clone())))
}

/// Whether the command line names the same device and module as the string, where it names any.
fn agree(args: &SasTokenArgs, device: &DeviceString, settings: &Settings) -> Result<(), Failure> {
    let origin = &settings.origin;
    let other = |what: String| {
        let cause = "the key of a device's or module's own string signs for that one alone";
        Err(Failure::new(Kind::Input, what).because(cause).hint(
            "Leave the name out, or use its own connection string, or a hub's, which can sign for every device.",
        ))
    };
    let id = &device.device_id;
    if let Some(asked) = args.device.as_ref().filter(|asked| *asked != id) {
        return other(format!(
            "{origin} is for the device {}, not for {}",
            quoted(id),
            quoted(asked)
        ));
    }
    match (&args.module, &device.module_id) {
        (Some(asked), Some(module)) if asked != module => other(format!(
            "{origin} is for the module {}, not for {}",
            quoted_module(module),
            quoted_module(asked)
        )),
        (Some(asked), None) => other(format!(
            "{origin} is for the device {}, whose key does not sign for its module {}",
            quoted(id),
            quoted_module(asked)
        )),
        (None | Some(_), _) => Ok(()),
    }
}

fn quoted(device: &DeviceId) -> String {
    format!("{:?}", device.as_str())
}

fn quoted_module(module: &ModuleId) -> String {
    format!("{:?}", module.as_str())
}

fn no_key(device: &DeviceString, settings: &Settings) -> Failure {
    let (holds, hint) = match device.credential {
        DeviceCredential::X509 => (
            "no key: the device proves itself with a certificate (x509), and needs no token",
            "Connect with the certificate, or give the device symmetric keys.",
        ),
        DeviceCredential::Token(_) | DeviceCredential::Key(_) => (
            "a token, and no key to make another with",
            "Use the token that it holds until it expires, or a string with a SharedAccessKey.",
        ),
    };
    Failure::new(
        Kind::Input,
        format!("cannot make a token for {}", quoted(&device.device_id)),
    )
    .because(&format!(
        "the connection string from {} holds {holds}",
        settings.origin
    ))
    .hint(hint)
}

/// With a hub's string the policy signs, or the device's key is looked up.
fn of_hub(
    args: &SasTokenArgs,
    hub: HubString,
    settings: Settings,
) -> Result<(Host, Subject, Signer), Failure> {
    if !args.policy {
        let host = hub.host.clone();
        let look_up = LookUp {
            hub,
            settings,
            device: named_device(args)?,
            module: args.module.clone(),
            key_type: args.key_type.unwrap_or_default(),
        };
        return Ok((
            host,
            named_subject(args)?,
            Signer::LookUp(Box::new(look_up)),
        ));
    }
    let subject = match (&args.device, &args.module) {
        (None, None) => Subject::Hub,
        (Some(_), _) | (None, Some(_)) => named_subject(args)?,
    };
    match hub.credential {
        HubCredential::Key { policy, key } => {
            Ok((hub.host, subject, Signer::Policy { name: policy, key }))
        }
        HubCredential::Token(_) => {
            Err(Failure::new(Kind::Input, "cannot make a token for the hub")
                .because(&format!(
                    "the connection string from {} holds a token, and no key to make another with",
                    settings.origin
                ))
                .hint("Use a string with SharedAccessKeyName and SharedAccessKey."))
        }
    }
}
