//! `dps`: keys and tokens for the Device Provisioning Service, made without any network.
#![expect(
    clippy::doc_markdown,
    reason = "doc comments of flags are the help's text, where backticks would be noise"
)]

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;

use super::Context;
use super::key::read_key;
use crate::config::file;
use crate::config::options::SecretText;
use crate::failure::{Failure, Kind};
use crate::firmware::{Flashed, Format, Prefix, Roots, Subject};
use crate::model::connection_string::Host;
use crate::model::registration::{IdScope, RegistrationId};
use crate::model::secret::Secret;
use crate::model::span::{describe_duration, parse_duration, parse_expiry};
use crate::protocol::sas::{self, KeyError, REGISTRATION_POLICY, SigningKey};

/// MQTT's port over TLS.
const MQTT_PORT: u16 = 8883;

/// No file that is made here is larger, in bytes.
const FILE_LIMIT: u64 = 1 << 16;

/// The last second of the year 9999, beyond which RFC 3339 has no dates.
const LAST_EXPIRY: i64 = 253_402_300_799;

/// Make keys and tokens for the Device Provisioning Service, without any network
#[derive(Debug, Args)]
pub struct DpsArgs {
    #[command(subcommand)]
    command: DpsCommand,
}

#[derive(Debug, Subcommand)]
enum DpsCommand {
    DeriveKey(DeriveKeyArgs),
    Token(TokenArgs),
}

/// Derive a device's key from its enrollment group's key
///
/// base64(HMAC-SHA256(the group's key, decoded from base64; the registration id)). Only this key belongs onto the device,
/// never the group's.
#[derive(Debug, Args)]
struct DeriveKeyArgs {
    /// The device's registration id: letters in lower case, digits and - . _ :
    #[arg(value_name = "REGISTRATION_ID")]
    registration_id: RegistrationId,

    /// The enrollment group's key (base64), @FILE, or - for standard input
    #[arg(long, value_name = "KEY|@FILE|-")]
    group_key: SecretText,
}

/// Make a token to register a device with
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("signer").required(true).args(["key", "group_key"])))]
struct TokenArgs {
    /// The provisioning service's ID scope
    #[arg(long, value_name = "ID")]
    scope: IdScope,

    /// The device's registration id: letters in lower case, digits and - . _ :
    #[arg(long, value_name = "ID")]
    registration_id: RegistrationId,

    /// The device's own key (base64), @FILE, or - for standard input
    #[arg(long, value_name = "KEY|@FILE|-")]
    key: Option<SecretText>,

    /// The enrollment group's key, from which the device's is derived
    #[arg(long, value_name = "KEY|@FILE|-")]
    group_key: Option<SecretText>,

    /// How long the token is good for
    #[arg(short, long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    duration: Duration,

    /// When the token expires: RFC 3339, or milliseconds since 1970
    #[arg(long, value_name = "TIME", conflicts_with = "duration")]
    expires_at: Option<String>,

    /// The provisioning service's host name
    #[arg(long, value_name = "HOST", default_value = "global.azure-devices-provisioning.net", value_parser = parse_host)]
    host: Host,

    /// How to write it down
    #[arg(short, long, value_name = "FORMAT", default_value = "token")]
    format: Format,

    /// Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Begin every name with this, such as DEV1_, in the formats that have names
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<Prefix>,

    /// Add the certificates that the device must trust, as IOT_HUB_ROOT_CA
    #[arg(long)]
    with_ca: bool,
}

impl DpsArgs {
    /// Whether the answer is JSON, so that errors are as well.
    #[must_use]
    pub fn answers_in_json(&self) -> bool {
        match &self.command {
            DpsCommand::DeriveKey(_) => false,
            DpsCommand::Token(args) => args.format == Format::Json,
        }
    }
}

/// Derives the key or makes the token.
///
/// # Errors
/// [`Kind::Usage`] and [`Kind::Input`].
pub fn run(args: &DpsArgs, context: &mut Context) -> Result<(), Failure> {
    match &args.command {
        DpsCommand::DeriveKey(args) => derive_key(args, context),
        DpsCommand::Token(args) => token(args, context),
    }
}

fn derive_key(args: &DeriveKeyArgs, context: &mut Context) -> Result<(), Failure> {
    let group = read_key(&args.group_key.0, context)?;
    let key = derived(&group, &args.registration_id)?;
    let text = if context.json {
        let registration_id = args.registration_id.as_str();
        Secret::new(json!({ "registrationId": registration_id, "key": key.expose() }).to_string())
    } else {
        key
    };
    context.print(
        Secret::new(format!("{}\n", text.expose()))
            .expose()
            .as_bytes(),
    )
}

fn derived(group: &Secret, registration_id: &RegistrationId) -> Result<Secret, Failure> {
    let group = SigningKey::decoded(group).map_err(|error| unusable("the group's key", &error))?;
    Ok(group.derive(registration_id.as_str()))
}

fn token(args: &TokenArgs, context: &mut Context) -> Result<(), Failure> {
    // Tokens count whole seconds.
    let now = context.now().trunc_subsecs(0);
    suits(args)?;
    let expires = expiry(args, now)?;
    let key = match (&args.key, &args.group_key) {
        (_, Some(group)) => derived(&read_key(&group.0, context)?, &args.registration_id)?,
        (Some(key), None) => read_key(&key.0, context)?,
        (None, None) => return Err(Failure::new(Kind::Usage, "neither --key nor --group-key")),
    };
    let signing = SigningKey::decoded(&key).map_err(|error| unusable("the key", &error))?;
    let subject = Subject::Registration(args.scope.clone(), args.registration_id.clone());
    let resource = subject.resource(&args.host);
    let policy = Some(REGISTRATION_POLICY);
    let flashed = Flashed {
        host: args.host.clone(),
        subject,
        policy: policy.map(str::to_owned),
        token: sas::mint(&signing, &resource, expires.timestamp(), policy),
        expires,
        made: now,
        prefix: args.prefix.clone().unwrap_or_default(),
        protocol: None,
        mqtt_port: MQTT_PORT,
        roots: args.with_ca.then(Roots::azure),
        ca_file: None,
    };
    deliver(args, &flashed, context)
}

/// Whether the format has something to say of a registration, and a place for what is asked for beside it.
fn suits(args: &TokenArgs) -> Result<(), Failure> {
    let usage = |what: &str| Failure::new(Kind::Usage, what);
    match args.format {
        Format::Curl | Format::Mqtt | Format::ConnectionString => {
            return Err(
                usage("this format is for a hub's token, not for a registration's")
                    .hint("Use --format token, json, c, arduino, rust, nvs, cmake or env."),
            );
        }
        Format::Token
        | Format::Json
        | Format::C
        | Format::Arduino
        | Format::Rust
        | Format::Nvs
        | Format::Cmake
        | Format::Env => {}
    }
    if args.prefix.is_some() && !args.format.takes_prefix() {
        return Err(usage("--prefix has no name to stand before")
            .hint("Use it with --format c, arduino, rust, cmake or env."));
    }
    if args.with_ca && !args.format.takes_roots() {
        return Err(usage("--with-ca has no place in this format")
            .hint("Use it with --format c, arduino, rust, nvs, cmake, env or json."));
    }
    Ok(())
}

fn expiry(args: &TokenArgs, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    let expires = match &args.expires_at {
        Some(text) => Some(parse_expiry(text).map_err(|error| {
            Failure::new(Kind::Usage, "--expires-at cannot be read")
                .because(&error)
                .hint("For a time that counts from now, give --duration, such as --duration 7d.")
        })?),
        None => TimeDelta::from_std(args.duration)
            .ok()
            .and_then(|duration| now.checked_add_signed(duration)),
    };
    expires
        .filter(|expires| (0..=LAST_EXPIRY).contains(&expires.timestamp()))
        .map(|expires| expires.trunc_subsecs(0))
        .ok_or_else(|| {
            Failure::new(
                Kind::Usage,
                "the token would expire before 1970 or after 9999",
            )
            .hint("Give a --duration such as 1h, 7d or 52w.")
        })
}

fn deliver(args: &TokenArgs, flashed: &Flashed, context: &mut Context) -> Result<(), Failure> {
    let text = args
        .format
        .write(flashed)
        .map_err(|error| Failure::new(Kind::Usage, "this format cannot hold it").because(&error))?;
    let text = Secret::new(text);
    let bytes = text.expose().as_bytes();
    let watched = if let Some(path) = args.output.as_deref().filter(|path| *path != "-") {
        let stands = file::standing(path, FILE_LIMIT)?;
        if stands.as_deref() == Some(bytes) {
            file::keep_private(path)?;
        } else {
            context.write_private(path, bytes)?;
        }
        context.terminals.stderr
    } else {
        context.print(bytes)?;
        context.terminals.stdout
    };
    match (flashed.expires - flashed.made).to_std() {
        Ok(left) if !left.is_zero() => {
            if watched {
                let until = flashed.expires_text();
                context.note(&format!(
                    "valid until {until} (for {})",
                    describe_duration(left)
                ));
            }
        }
        Ok(_) | Err(_) => context.warn(&format!(
            "the token has expired already, at {}",
            flashed.expires_text()
        )),
    }
    Ok(())
}

fn unusable(what: &str, error: &KeyError) -> Failure {
    Failure::new(Kind::Input, format!("cannot use {what}"))
        .because(error)
        .hint("Copy the key again, whole and on one line, from the enrollment in the portal.")
}

fn parse_host(text: &str) -> Result<Host, String> {
    Host::parse(text).map_err(|(what, index)| format!("it holds {what} at character {}", index + 1))
}
