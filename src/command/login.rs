//! `login`: saves a hub under a name, so that later commands need no `--login`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use clap_complete::ArgValueCandidates;

use super::Context;
use crate::config::options::SecretText;
use crate::config::profile::{DEFAULT_PROFILE, Profile, Profiles};
use crate::config::{ConnectionOptions, Serves, Settings, completion};
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{ConnectionString, HubCredential};
use crate::model::span::parse_duration;
use crate::protocol::sas::{self, SigningKey};

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
}

/// Saves, shows or switches profiles.
///
/// # Errors
/// [`Kind::Input`] for a string or a file that cannot be used.
pub fn run(args: LoginArgs, context: &mut Context) -> Result<(), Failure> {
    let path = Profiles::path(&context.environment)?;
    let mut profiles = Profiles::load(&path)?;
    let Some(login) = args.connection_string.or(args.login) else {
        let Some(name) = args.profile else {
            return context.print(describe(&profiles).as_bytes());
        };
        profiles.find(Some(&name))?;
        context.note(&format!("{name} is the current profile now"));
        profiles.current = Some(name);
        return Ok(profiles.save(&path)?);
    };
    let options = ConnectionOptions {
        login: Some(login),
        ..ConnectionOptions::default()
    };
    let settings = context.settings(&options, Serves::Any)?;
    let connection_string = kept_text(
        &settings,
        args.token.then_some(args.duration),
        context.now(),
    )?;
    let ca_file = args
        .ca_file
        .map(|file| std::path::absolute(&file).unwrap_or(file));
    let name = args.profile.unwrap_or_else(|| DEFAULT_PROFILE.to_owned());
    let host = host_of(&settings.connection_string);
    let kind = settings.connection_string.kind_name();
    profiles.profiles.insert(
        name.clone(),
        Profile {
            connection_string,
            ca_file,
            amqp_port: args.amqp_port,
        },
    );
    profiles.current = Some(name.clone());
    profiles.save(&path)?;
    context.note(&format!("saved {kind} for {host} as the profile {name:?}"));
    Ok(())
}

/// The text that is saved: the string itself, or one that holds a token in the key's place.
fn kept_text(
    settings: &Settings,
    token: Option<Duration>,
    now: DateTime<Utc>,
) -> Result<String, Failure> {
    let Some(duration) = token else {
        return Ok(settings.connection_string.write());
    };
    let ConnectionString::Hub(hub) = &settings.connection_string else {
        return Err(Failure::new(
            Kind::Usage,
            "--token needs a hub connection string with a policy's key",
        )
        .hint("Leave --token out to save the string as it is."));
    };
    let HubCredential::Key { policy, key } = &hub.credential else {
        return Ok(settings.connection_string.write());
    };
    let signing = SigningKey::decoded(key)
        .map_err(|error| Failure::new(Kind::Input, "cannot make a token").because(&error))?;
    let expiry = now
        .timestamp()
        .saturating_add(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX));
    let token = sas::mint(&signing, &hub.host.name, expiry, Some(policy));
    Ok(format!(
        "HostName={};SharedAccessSignature={}",
        hub.host.authority(),
        token.expose()
    ))
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

/// One line a profile: a mark for the current one, its name, its host and its kind.
fn describe(profiles: &Profiles) -> String {
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
                    parsed.connection_string.kind_name()
                )
            }
            Err(error) => format!("cannot be used: {error}"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{mark} {name}\t{line}");
    }
    text
}
