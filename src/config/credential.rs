//! Where the credential comes from: the flag, the environment, the profile; the first that is there.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum as _;
use thiserror::Error;

use super::environment::Environment;
use super::file::{self, FileError};
use super::options::ConnectionOptions;
use super::profile::{ProfileError, Profiles};
use super::transport::{ProxyOptions, Transport};
use crate::model::connection_string::{ConnectionString, ConnectionStringError, Warning};

/// AMQP's port over TLS.
pub const AMQPS_PORT: u16 = 5671;

/// MQTT's port over TLS.
pub const MQTTS_PORT: u16 = 8883;

/// No connection string or certificate file is larger, in bytes.
const LIMIT: u64 = 1 << 20;

/// Which kinds of string can serve a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// A hub's own alone.
    Hub,
    /// A hub's, a device's or a module's.
    HubOrDevice,
    /// A hub's, or an Event Hub-compatible one.
    HubOrEventHub,
    /// Whatever there is.
    Any,
}

impl Serves {
    fn takes(self, connection_string: &ConnectionString) -> bool {
        match connection_string {
            ConnectionString::Hub(_) => true,
            ConnectionString::Device(_) => matches!(self, Self::HubOrDevice | Self::Any),
            ConnectionString::EventHub(_) => matches!(self, Self::HubOrEventHub | Self::Any),
        }
    }

    fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Hub => &["IOTHUB_CONNECTION_STRING"],
            Self::HubOrDevice => &[
                "IOTHUB_CONNECTION_STRING",
                "IOTHUB_DEVICE_CONNECTION_STRING",
            ],
            Self::HubOrEventHub => &["IOTHUB_CONNECTION_STRING", "EVENTHUB_CONNECTION_STRING"],
            Self::Any => &VARIABLES,
        }
    }

    /// What is needed, as a noun phrase.
    #[must_use]
    pub fn needed(self) -> &'static str {
        match self {
            Self::Hub => "a hub connection string",
            Self::HubOrDevice => "a hub or device connection string",
            Self::HubOrEventHub => "a hub or Event Hub-compatible connection string",
            Self::Any => "a connection string",
        }
    }
}

/// Every variable that may hold a connection string.
const VARIABLES: [&str; 3] = [
    "IOTHUB_CONNECTION_STRING",
    "IOTHUB_DEVICE_CONNECTION_STRING",
    "EVENTHUB_CONNECTION_STRING",
];

/// Where a connection string came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `--login STRING`.
    Argument,
    /// `--login @FILE`.
    File(PathBuf),
    /// `--login -`.
    Stdin,
    /// An environment variable.
    Variable(&'static str),
    /// A saved profile.
    Profile(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument => f.write_str("--login"),
            Self::File(path) => write!(f, "--login @{}", path.display()),
            Self::Stdin => f.write_str("--login - (standard input)"),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::Profile(name) => write!(f, "the profile {name:?}"),
        }
    }
}

/// Why there is no credential.
#[derive(Debug, Error)]
pub enum CredentialError {
    /// Nothing was given anywhere.
    #[error("no connection string was given")]
    Missing {
        /// What is needed.
        serves: Serves,
        /// The names of the saved profiles, of which none is the current one.
        saved: Vec<String>,
    },
    /// It cannot be read.
    #[error("the connection string from {origin} cannot be used: {source}")]
    Malformed {
        /// Where it came from.
        origin: Origin,
        /// What is wrong with it.
        #[source]
        source: ConnectionStringError,
    },
    /// It is of a kind that cannot serve.
    #[error("{origin} holds {kind}, and {} is needed here", serves.needed())]
    CannotServe {
        /// Where it came from.
        origin: Origin,
        /// What it is, with its article.
        kind: &'static str,
        /// What such a string opens, as a clause.
        opens: &'static str,
        /// What is needed.
        serves: Serves,
    },
    /// Its file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Standard input cannot be read.
    #[error("cannot read the connection string from standard input: {source}")]
    Stdin {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The saved profiles cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A variable that should hold a port does not.
    #[error("{name} is not a port number from 1 to 65535")]
    Port {
        /// The variable.
        name: &'static str,
    },
    /// An environment variable that holds no transport.
    #[error("the environment variable HUBCTL_TRANSPORT holds neither amqp nor amqp-ws")]
    Transport,
}

/// Everything that says which hub and how to reach it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The connection string, taken apart.
    pub connection_string: ConnectionString,
    /// Where it came from.
    pub origin: Origin,
    /// What looked odd about it.
    pub warnings: Vec<Warning>,
    /// Further trust anchors, PEM.
    pub ca_file: Option<PathBuf>,
    /// The hub's AMQP port.
    pub amqp_port: u16,
    /// How AMQP goes.
    pub transport: Transport,
    /// The proxy for HTTPS and what goes the same way.
    pub proxy: Option<Box<ProxyOptions>>,
    /// How long a connection may take to come up.
    pub connect_timeout: Duration,
}

impl Settings {
    /// Brings flags, environment and profile together.
    ///
    /// # Errors
    /// [`CredentialError`], which names where the string came from and never holds any of it.
    pub fn resolve(
        options: &ConnectionOptions,
        serves: Serves,
        environment: &Environment,
        stdin: &mut dyn Read,
    ) -> Result<Self, CredentialError> {
        let found = find(options, serves, environment, stdin)?;
        let parsed =
            ConnectionString::parse(&found.text).map_err(|source| CredentialError::Malformed {
                origin: found.origin.clone(),
                source,
            })?;
        if !serves.takes(&parsed.connection_string) {
            return Err(CredentialError::CannotServe {
                origin: found.origin,
                kind: parsed.connection_string.kind_name(),
                opens: opens(&parsed.connection_string),
                serves,
            });
        }
        Ok(Self {
            connection_string: parsed.connection_string,
            origin: found.origin,
            warnings: parsed.warnings,
            ca_file: ca_file(options, environment).or(found.ca_file),
            amqp_port: port(options.amqp_port, environment, "HUBCTL_AMQP_PORT")?
                .or(found.amqp_port)
                .unwrap_or(AMQPS_PORT),
            transport: transport(options.transport, environment)?
                .or(found.transport)
                .unwrap_or_default(),
            proxy: ProxyOptions::of(environment).map(Box::new),
            connect_timeout: options.connect_timeout,
        })
    }
}

fn opens(connection_string: &ConnectionString) -> &'static str {
    match connection_string {
        ConnectionString::Hub(_) => "it opens the hub itself",
        ConnectionString::Device(device) if device.module_id.is_some() => {
            "it opens the hub for that one module, and nothing else of it"
        }
        ConnectionString::Device(_) => {
            "it opens the hub for that one device, and nothing else of it"
        }
        ConnectionString::EventHub(_) => {
            "it opens event hubs, and neither an IoT hub's devices nor their keys"
        }
    }
}

/// The hub's MQTT port, of the flag or the environment.
///
/// # Errors
/// [`CredentialError::Port`].
pub fn mqtt_port(
    options: &ConnectionOptions,
    environment: &Environment,
) -> Result<u16, CredentialError> {
    let port = port(options.mqtt_port, environment, "HUBCTL_MQTT_PORT")?;
    Ok(port.unwrap_or(MQTTS_PORT))
}

/// The PEM file of further trust anchors, of the flag or the environment.
#[must_use]
pub fn ca_file(options: &ConnectionOptions, environment: &Environment) -> Option<PathBuf> {
    let file = options.ca_file.clone();
    file.or_else(|| environment.variable("HUBCTL_CA_FILE").map(PathBuf::from))
}

fn port(
    flag: Option<u16>,
    environment: &Environment,
    name: &'static str,
) -> Result<Option<u16>, CredentialError> {
    match (flag, environment.variable(name)) {
        (Some(port), _) => Ok(Some(port)),
        (None, Some(text)) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|_| CredentialError::Port { name }),
        (None, None) => Ok(None),
    }
}

fn transport(
    flag: Option<Transport>,
    environment: &Environment,
) -> Result<Option<Transport>, CredentialError> {
    match (flag, environment.variable("HUBCTL_TRANSPORT")) {
        (Some(transport), _) => Ok(Some(transport)),
        (None, Some(text)) => Transport::from_str(text.trim(), true)
            .map(Some)
            .map_err(|_| CredentialError::Transport),
        (None, None) => Ok(None),
    }
}

struct Found {
    text: String,
    origin: Origin,
    ca_file: Option<PathBuf>,
    amqp_port: Option<u16>,
    transport: Option<Transport>,
}

impl Found {
    fn new(text: String, origin: Origin) -> Self {
        Self {
            text,
            origin,
            ca_file: None,
            amqp_port: None,
            transport: None,
        }
    }
}

fn find(
    options: &ConnectionOptions,
    serves: Serves,
    environment: &Environment,
    stdin: &mut dyn Read,
) -> Result<Found, CredentialError> {
    if let Some(login) = &options.login {
        return read_login(&login.0, stdin);
    }
    if options.profile.is_none() {
        for name in serves.variables() {
            if let Some(text) = environment.variable(name) {
                return Ok(Found::new(text.to_owned(), Origin::Variable(name)));
            }
        }
    }
    let name = options
        .profile
        .as_deref()
        .or_else(|| environment.variable("HUBCTL_PROFILE"));
    let mut saved = Vec::new();
    match Profiles::path(environment) {
        Ok(path) => {
            let profiles = Profiles::load(&path)?;
            if let Some((name, profile)) = profiles.find(name)? {
                return Ok(Found {
                    text: profile.connection_string.clone(),
                    origin: Origin::Profile(name.to_owned()),
                    ca_file: profile.ca_file.clone(),
                    amqp_port: profile.amqp_port,
                    transport: profile.transport,
                });
            }
            saved.extend(profiles.profiles.into_keys());
        }
        Err(error) if name.is_some() => return Err(error.into()),
        Err(_) => {}
    }
    // Nothing is here that can serve. A variable that holds another kind is then no silence: the caller says what it holds.
    for name in VARIABLES {
        if let Some(text) = environment.variable(name) {
            return Ok(Found::new(text.to_owned(), Origin::Variable(name)));
        }
    }
    Err(CredentialError::Missing { serves, saved })
}

/// The text of `--login`: itself, a file's after `@`, or standard input's for `-`.
///
/// # Errors
/// [`CredentialError::File`] and [`CredentialError::Stdin`].
fn read_login(login: &str, stdin: &mut dyn Read) -> Result<Found, CredentialError> {
    if login == "-" {
        let mut text = String::new();
        stdin
            .take(LIMIT)
            .read_to_string(&mut text)
            .map_err(|source| CredentialError::Stdin { source })?;
        return Ok(Found::new(text, Origin::Stdin));
    }
    if let Some(path) = login.strip_prefix('@') {
        let path = Path::new(path);
        return Ok(Found::new(
            file::read_text(path, LIMIT)?,
            Origin::File(path.to_owned()),
        ));
    }
    Ok(Found::new(login.to_owned(), Origin::Argument))
}

#[cfg(test)]
mod tests;
