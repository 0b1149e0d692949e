//! `login`: saves a hub under a name, so that later commands need no `--login`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Local, TimeDelta, Utc};
use clap::Args;
use clap_complete::ArgValueCandidates;

use super::Context;
use crate::config::options::SecretText;
use crate::config::profile::{DEFAULT_PROFILE, Profile, Profiles, check_name};
use crate::config::{ConnectionOptions, Serves, Settings, Transport, completion, known_devices};
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{
    ConnectionString, DeviceCredential, EventHubCredential, HubCredential,
};
use crate::model::identifier::ModuleId;
use crate::model::secret::Secret;
use crate::model::span::parse_duration;
use crate::protocol::sas::{self, SigningKey, Token};

/// The last second of the year 9999, beyond which RFC 3339 has no dates.
const LAST_EXPIRY: i64 = 253_402_300_799;

/// Save a hub's connection string, so that later commands need no --login
///
/// Without a connection string: shows what is saved, or with --profile makes that profile the current one. The file is
/// readable by its owner alone (mode 0600).
#[derive(Debug, Args)]
pub struct LoginArgs {
    /// Connection string, @FILE to read it from a file, or - for standard input
    #[arg(value_name = "STRING|@FILE|-")]
    connection_string: Option<SecretText>,

    /// The same, as every other command has it
    #[arg(
        short,
        long,
        value_name = "STRING|@FILE|-",
        conflicts_with = "connection_string"
    )]
    login: Option<SecretText>,

    /// Save it under this name
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completion::profiles))]
    profile: Option<String>,

    /// Save a token made from the key instead of the key itself
    #[arg(long)]
    token: bool,

    /// How long the saved token is good for
    #[arg(short, long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    duration: Duration,

    /// Save these trust anchors with it
    #[arg(long, value_name = "PEM")]
    ca_file: Option<PathBuf>,

    /// Save this AMQP port with it
    #[arg(long, value_name = "PORT")]
    amqp_port: Option<u16>,

    /// Save this transport with it
    #[arg(long, value_enum, value_name = "TRANSPORT")]
    transport: Option<Transport>,
}

/// Saves, shows or switches profiles.
///
/// # Errors
/// [`Kind::Input`] for a string or a file that cannot be used, [`Kind::Usage`] for a name that is none.
pub fn run(args: LoginArgs, context: &mut Context) -> Result<(), Failure> {
    let path = Profiles::path(&context.environment)?;
    let mut profiles = Profiles::load(&path)?;
    let Some(login) = args.connection_string.or(args.login) else {
        let Some(name) = args.profile else {
            if profiles.profiles.is_empty() {
                context.note("no profile is saved; save one with `hubctl login STRING`");
            }
            return context.print(describe(&profiles, context.now()).as_bytes());
        };
        profiles.find(Some(&name))?;
        context.note(&format!("{name} is the current profile now"));
        profiles.current = Some(name);
        return Ok(profiles.save(&path)?);
    };
    let name = args.profile.unwrap_or_else(|| DEFAULT_PROFILE.to_owned());
    check_name(&name)?;
    let options = ConnectionOptions {
        login: Some(login),
        ..ConnectionOptions::default()
    };
    let settings = context.settings(&options, Serves::Any)?;
    let now = context.now();
    let kept = kept(settings, args.token.then_some(args.duration), now)?;
    let ca_file = args
        .ca_file
        .map(|file| std::path::absolute(&file).unwrap_or(file));
    let (held, host) = (held(&kept, now), host_of(&kept));
    profiles.profiles.insert(
        name.clone(),
        Profile {
            connection_string: kept.write(),
            ca_file,
            amqp_port: args.amqp_port,
            transport: args.transport,
        },
    );
    profiles.current = Some(name.clone());
    profiles.save(&path)?;
    // What Tab offers are the devices of the hub that stood here before.
    known_devices::forget(&context.environment, &name);
    let article = if held.starts_with("token") { "a " } else { "" };
    context.note(&format!(
        "saved {article}{held}, for {host} as the profile {name:?}, which is the current one now"
    ));
    Ok(())
}

/// The string that is saved: the one given, or for `token` the same with a token in the key's place.
fn kept(
    settings: Settings,
    token: Option<Duration>,
    now: DateTime<Utc>,
) -> Result<ConnectionString, Failure> {
    let Some(duration) = token else {
        return Ok(settings.connection_string);
    };
    let expiry = TimeDelta::from_std(duration)
        .ok()
        .and_then(|duration| now.checked_add_signed(duration))
        .map(|expires| expires.timestamp())
        .filter(|expiry| *expiry <= LAST_EXPIRY)
        .ok_or_else(|| {
            Failure::new(Kind::Usage, "the token would outlive the year 9999")
                .hint("Give a --duration such as 1h, 7d or 52w.")
        })?;
    let kind = settings.connection_string.kind_name();
    match settings.connection_string {
        ConnectionString::Hub(mut hub) => {
            if let HubCredential::Key { policy, key } = &hub.credential {
                let token = signed(key, &hub.host.name, expiry, Some(policy))?;
                hub.credential = HubCredential::Token(token);
            }
            Ok(ConnectionString::Hub(hub))
        }
        ConnectionString::Device(mut device) if device.credential != DeviceCredential::X509 => {
            if let DeviceCredential::Key(key) = &device.credential {
                let module = device.module_id.as_ref().map(ModuleId::as_str);
                let id = Some(device.device_id.as_str());
                let resource = sas::resource(&device.host.name, id, module);
                device.credential = DeviceCredential::Token(signed(key, &resource, expiry, None)?);
            }
            Ok(ConnectionString::Device(device))
        }
        ConnectionString::Device(_) | ConnectionString::EventHub(_) => Err(Failure::new(
            Kind::Usage,
            "--token needs the key of a hub's policy, a device or a module",
        )
        .because(&format!("{} holds {kind}", settings.origin))
        .hint("Leave --token out to save the string as it is.")),
    }
}

fn signed(
    key: &Secret,
    resource: &str,
    expiry: i64,
    policy: Option<&str>,
) -> Result<Secret, Failure> {
    let signing = SigningKey::decoded(key).map_err(|error| {
        Failure::new(Kind::Input, "cannot make a token")
            .because(&error)
            .hint("Copy the connection string again, whole and on one line.")
    })?;
    Ok(sas::mint(&signing, resource, expiry, policy))
}

/// What is kept: the kind of string, or that it is a token and until when that is good.
fn held(connection_string: &ConnectionString, now: DateTime<Utc>) -> String {
    let token = match connection_string {
        ConnectionString::Hub(hub) => match &hub.credential {
            HubCredential::Token(token) => Some(token),
            HubCredential::Key { .. } => None,
        },
        ConnectionString::Device(device) => match &device.credential {
            DeviceCredential::Token(token) => Some(token),
            DeviceCredential::Key(_) | DeviceCredential::X509 => None,
        },
        ConnectionString::EventHub(event_hub) => match &event_hub.credential {
            EventHubCredential::Token(token) => Some(token),
            EventHubCredential::Key { .. } => None,
        },
    };
    let Some(token) = token else {
        return connection_string.kind_name().to_owned();
    };
    let expires = Token::parse(token.expose())
        .ok()
        .and_then(|token| DateTime::from_timestamp(token.expiry, 0));
    let Some(expires) = expires else {
        return "token, without an expiry that can be read".to_owned();
    };
    let local = expires
        .with_timezone(&Local)
        .format("%Y-%m-%d %H:%M:%S %:z");
    if expires <= now {
        format!("token, expired at {local}")
    } else {
        format!("token, valid until {local}")
    }
}

fn host_of(connection_string: &ConnectionString) -> String {
    match connection_string {
        ConnectionString::Hub(hub) => hub.host.authority(),
        ConnectionString::Device(device) => {
            format!("{} on {}", device.device_id, device.host.authority())
        }
        ConnectionString::EventHub(event_hub) => event_hub.endpoint.authority(),
    }
}

/// One line a profile: a mark for the current one, its name, its host, and what is kept.
fn describe(profiles: &Profiles, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    for (name, profile) in &profiles.profiles {
        let mark = if profiles.current.as_deref() == Some(name) {
            '*'
        } else {
            ' '
        };
        let line = match ConnectionString::parse(&profile.connection_string) {
            Ok(parsed) => {
                format!(
                    "{}\t{}",
                    host_of(&parsed.connection_string),
                    held(&parsed.connection_string, now)
                )
            }
            Err(error) => format!("cannot be used: {error}"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{mark} {name}\t{line}");
    }
    text
}
