//! `sas-token`: makes a token for a device, a module or a hub, and writes it the way it will be used.
//!
//! With a key at hand nothing is touched but the clock: no network, no certificates, no runtime.
#![expect(
    clippy::doc_markdown,
    reason = "doc comments of flags are the help's text, where backticks would be noise"
)]

mod deliver;
mod many;
mod plan;
mod suit;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use clap::{ArgGroup, Args};
use clap_complete::ArgValueCandidates;

use super::Context;
use super::device_key::{DeviceKey, KeyType, device_key};
use super::teller::{Teller, hub_client};
use crate::client::notice::Notice;
use crate::config::completion;
use crate::config::credential;
use crate::config::file;
use crate::config::options::SecretText;
use crate::config::{ConnectionOptions, Serves};
use crate::failure::{Failure, Kind};
use crate::firmware::{Flashed, Format, Prefix, Protocol, Roots, Subject};
use crate::model::connection_string::Host;
use crate::model::identifier::{DeviceId, ModuleId};
use crate::model::secret::Secret;
use crate::model::span::parse_duration;
use crate::protocol::sas::{self, KeyError, SigningKey};
use crate::trust;
use plan::{LookUp, Plan, Signer, Source};

/// No key is longer than this file, in bytes.
const KEY_FILE_LIMIT: u64 = 1 << 16;

/// Make a SAS token, alone or as a file to flash
///
/// With a device's or module's connection string, or with --key and --hub, the token is made without any network. With a
/// hub's connection string the device's key is looked up first. Standard output holds the result and nothing else.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("keys").args(["key", "from"])))]
pub struct SasTokenArgs {
    /// The device; may be left out where the connection string names it
    #[arg(value_name = "DEVICE", add = ArgValueCandidates::new(completion::devices))]
    device: Option<DeviceId>,

    /// A module of the device
    #[arg(short, long, value_name = "MODULE")]
    module: Option<ModuleId>,

    /// How long the token is good for
    #[arg(short, long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    duration: Duration,

    /// When the token expires: RFC 3339, or milliseconds since 1970
    #[arg(long, value_name = "TIME", conflicts_with = "duration")]
    expires_at: Option<String>,

    /// Which of the device's two keys to look up and sign with [default: primary]
    #[arg(long, value_name = "WHICH")]
    key_type: Option<KeyType>,

    /// Sign with this key (base64), with the key in @FILE, or with the one on standard input for -
    ///
    /// A key given as it stands can be seen in the list of processes; @FILE and - keep it out of there.
    #[arg(long, value_name = "KEY|@FILE|-", requires = "hub", conflicts_with_all = ["login", "profile"])]
    key: Option<SecretText>,

    /// The hub's host name, where --key or the keys of --from sign
    #[arg(long, value_name = "HOST", requires = "keys", conflicts_with_all = ["login", "profile", "policy"], value_parser = parse_host)]
    hub: Option<Host>,

    /// Sign with the policy's key of the hub's connection string: for the whole hub, or for DEVICE if it is named
    #[arg(long, conflicts_with_all = ["key", "key_type"])]
    policy: bool,

    /// How to write it down
    #[arg(short, long, value_name = "FORMAT", default_value = "token")]
    format: Format,

    /// Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Begin every name with this, such as DEV1_, in the formats that have names
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<Prefix>,

    /// Leave FILE as it is while its token, made by the same key for the same use, has at least this long to run
    ///
    /// Without it, FILE is left as it is where nothing but the time of its making would change: where its token expires in
    /// the very second that was asked for, as it does with --expires-at.
    #[arg(long, value_name = "DURATION", requires = "output", conflicts_with = "expires_at", value_parser = parse_duration)]
    min_left: Option<Duration>,

    /// Add the certificates that the device must trust, as IOT_HUB_ROOT_CA
    ///
    /// For a hub of Azure's these are the roots to pin today (see `hubctl root-ca`), unless --ca-file names others; for a
    /// local hub, those of its CA file.
    #[arg(long)]
    with_ca: bool,

    /// Leave out what only the other protocol needs; the token is the same for both
    #[arg(long = "for", value_name = "PROTOCOL")]
    protocol: Option<Protocol>,

    #[command(flatten)]
    many: many::ManyOptions,

    #[command(flatten)]
    connection: ConnectionOptions,
}

impl SasTokenArgs {
    /// Whether the answer is JSON, so that errors are as well.
    #[must_use]
    pub fn answers_in_json(&self) -> bool {
        self.format == Format::Json
    }
}

/// Makes the token and writes it.
///
/// # Errors
/// [`Kind::Usage`] and [`Kind::Input`] for what was asked; what the hub answers where the key is looked up.
pub fn run(args: &SasTokenArgs, context: &mut Context) -> Result<(), Failure> {
    // Tokens count whole seconds.
    let now = context.now().trunc_subsecs(0);
    if args.many.is_asked_for() {
        return many::run(args, now, context);
    }
    let source = source(args, context)?;
    let mqtt_port = credential::mqtt_port(&args.connection, &context.environment)?;
    let origin = match &source {
        Source::Login(settings) => Some(settings.origin.clone()),
        Source::Key { .. } => None,
    };
    let plan = Plan::new(args, source, now)?;
    for warning in &plan.warnings {
        context.warn(warning);
    }
    let roots = roots(args, plan.ca_file.as_deref())?;
    let (flashed, key) = sign(args, plan, now, context)?;
    let flashed = Flashed {
        mqtt_port,
        roots,
        ..flashed
    };
    deliver::deliver(args, &flashed, &key, context)?;
    if let (Some(origin), Some(device)) = (&origin, flashed.subject.device()) {
        context.learn(origin, &[device.as_str()]);
    }
    Ok(())
}

/// What the device must trust, where that is asked for.
fn roots(args: &SasTokenArgs, ca_file: Option<&Path>) -> Result<Option<Roots>, Failure> {
    let Some(path) = ca_file.filter(|_| args.with_ca) else {
        return Ok(args.with_ca.then(Roots::azure));
    };
    let certificates = trust::read_certificates(path)?;
    let roots = Roots::own(&certificates).map_err(|error| {
        let what = format!("cannot flash the certificates of {}", path.display());
        Failure::new(Kind::Input, what).because(&error).hint(
            "Name a file with --ca-file that holds the hub's own certificate authority and no other.",
        )
    })?;
    Ok(Some(roots))
}

/// What signs: the key of the flags, or the connection string.
fn source(args: &SasTokenArgs, context: &mut Context) -> Result<Source, Failure> {
    if let (Some(key), Some(host)) = (&args.key, &args.hub) {
        return Ok(Source::Key {
            key: read_key(&key.0, context)?,
            host: host.clone(),
            ca_file: credential::ca_file(&args.connection, &context.environment),
        });
    }
    context
        .settings(&args.connection, Serves::HubOrDevice)
        .map(Source::Login)
}

fn read_key(text: &str, context: &mut Context) -> Result<Secret, Failure> {
    let text = if text == "-" {
        let mut text = String::new();
        let mut stdin = context.stdin.as_mut().take(KEY_FILE_LIMIT);
        stdin.read_to_string(&mut text).map_err(|error| {
            Failure::new(Kind::Input, "cannot read the key from standard input").because(&error)
        })?;
        Secret::new(text)
    } else if let Some(path) = text.strip_prefix('@') {
        Secret::new(file::read_text(path.as_ref(), KEY_FILE_LIMIT)?)
    } else {
        Secret::new(text)
    };
    Ok(Secret::new(text.expose().trim()))
}

fn sign(
    args: &SasTokenArgs,
    plan: Plan,
    now: DateTime<Utc>,
    context: &mut Context,
) -> Result<(Flashed, SigningKey), Failure> {
    let mut subject = plan.subject;
    let (key, policy) = match plan.signer {
        Signer::Key(key) => (key, None),
        Signer::Policy { name, key } => (key, Some(name)),
        Signer::LookUp(look_up) => {
            let found = ask_hub(&look_up, now, context)?;
            subject = Subject::of(found.device, look_up.module);
            (found.key, None)
        }
    };
    let signing = SigningKey::decoded(&key).map_err(|error| unusable_key(&error))?;
    let token = sas::mint(
        &signing,
        &subject.resource(&plan.host),
        plan.expires.timestamp(),
        policy.as_deref(),
    );
    let flashed = Flashed {
        host: plan.host,
        subject,
        policy,
        token,
        expires: plan.expires,
        made: now,
        prefix: args.prefix.clone().unwrap_or_default(),
        protocol: args.protocol,
        mqtt_port: credential::MQTTS_PORT,
        roots: None,
        ca_file: plan.ca_file.map(|file| file.display().to_string()),
    };
    Ok((flashed, signing))
}

fn ask_hub(
    look_up: &LookUp,
    now: DateTime<Utc>,
    context: &mut Context,
) -> Result<DeviceKey, Failure> {
    let teller = Teller::new(context);
    let notify = |notice: Notice<'_>| teller.tell(notice);
    let client = hub_client(&look_up.hub.host, &look_up.settings, &notify)?;
    Context::block_on(device_key(
        &client,
        &look_up.hub,
        &look_up.device,
        look_up.module.as_ref(),
        look_up.key_type,
        now,
        &notify,
    ))
}

fn unusable_key(error: &KeyError) -> Failure {
    Failure::new(Kind::Input, "cannot sign with the key")
        .because(error)
        .hint("Copy the key again, whole and on one line; a connection string goes into --login.")
}

fn parse_host(text: &str) -> Result<Host, String> {
    Host::parse(text).map_err(|(what, index)| format!("it holds {what} at character {}", index + 1))
}

#[cfg(test)]
mod tests;
