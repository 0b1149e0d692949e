//! The formats, in one table.

use clap::ValueEnum;
use thiserror::Error;

use super::flashed::{Flashed, Protocol, Subject};
use super::{arduino, c, cmake, connection_string, curl, env, json, mqtt, nvs, rust};
use crate::model::identifier::{DeviceId, ModuleId};

/// How what is flashed is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// The token alone
    #[default]
    Token,
    /// One JSON object
    Json,
    /// A header for C and C++
    C,
    /// The same with the certificates in PROGMEM
    Arduino,
    /// A Rust file that needs no std
    Rust,
    /// The CSV that ESP-IDF's NVS partition generator reads
    Nvs,
    /// set(NAME ...) lines for CMake
    Cmake,
    /// NAME='value' lines for a shell
    Env,
    /// A ready POST with curl
    Curl,
    /// Host, port, client id, user name, password and topics for an MQTT client, as lines for a shell
    Mqtt,
    /// HostName=...;DeviceId=...;SharedAccessSignature=...
    ConnectionString,
}

/// Why a format cannot say what was asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unsuited {
    /// A hub's or module's token cannot post over HTTPS.
    #[error(
        "only a device posts over HTTPS; hubs take a module's messages over MQTT and AMQP alone"
    )]
    NoHttps,
    /// A hub's token is no device's.
    #[error(
        "a token for the whole hub belongs to no device, and only devices and modules speak MQTT"
    )]
    NoMqtt,
    /// Nothing in a connection string can stand for a `;`.
    #[error("an id that holds a ';' cannot stand in a connection string")]
    Semicolon,
    /// The format is of one protocol and the other was asked for.
    #[error("this format is for the other protocol")]
    OtherProtocol,
}

impl Format {
    /// Whether this format has something to say of a subject that talks over a protocol.
    ///
    /// # Errors
    /// [`Unsuited`].
    pub fn suits(self, subject: &Subject, protocol: Option<Protocol>) -> Result<(), Unsuited> {
        let posts = matches!(subject, Subject::Device(_));
        let device = subject.device().map_or("", DeviceId::as_str);
        let module = subject.module().map_or("", ModuleId::as_str);
        let semicolon = device.contains(';') || module.contains(';');
        match (self, protocol) {
            (Self::Curl, Some(Protocol::Mqtt)) | (Self::Mqtt, Some(Protocol::Https)) => {
                Err(Unsuited::OtherProtocol)
            }
            (Self::Curl, _) | (_, Some(Protocol::Https)) if !posts => Err(Unsuited::NoHttps),
            (Self::Mqtt, _) | (_, Some(Protocol::Mqtt)) if subject.device().is_none() => {
                Err(Unsuited::NoMqtt)
            }
            (Self::ConnectionString, _) if semicolon => Err(Unsuited::Semicolon),
            _ => Ok(()),
        }
    }

    /// The text in this format, with a final newline. Holds the token.
    ///
    /// # Errors
    /// [`Unsuited`], as [`suits`](Self::suits) says it.
    pub fn write(self, flashed: &Flashed) -> Result<String, Unsuited> {
        self.suits(&flashed.subject, flashed.protocol)?;
        Ok(match self {
            Self::Token => format!("{}\n", flashed.token.expose()),
            Self::Json => json::write(flashed),
            Self::C => c::write(flashed),
            Self::Arduino => arduino::write(flashed),
            Self::Rust => rust::write(flashed),
            Self::Nvs => nvs::write(flashed),
            Self::Cmake => cmake::write(flashed),
            Self::Env => env::write(flashed),
            Self::Curl => curl::write(flashed).ok_or(Unsuited::NoHttps)?,
            Self::Mqtt => mqtt::write(flashed).ok_or(Unsuited::NoMqtt)?,
            Self::ConnectionString => connection_string::write(flashed),
        })
    }

    /// Whether it holds names that a prefix can rename. NVS has no room for one: a key has 15 characters at the most.
    #[must_use]
    pub fn takes_prefix(self) -> bool {
        match self {
            Self::C | Self::Arduino | Self::Rust | Self::Cmake | Self::Env | Self::Mqtt => true,
            Self::Token | Self::Json | Self::Nvs | Self::Curl | Self::ConnectionString => false,
        }
    }

    /// Whether it has a place for certificates.
    #[must_use]
    pub fn takes_roots(self) -> bool {
        match self {
            Self::Json
            | Self::C
            | Self::Arduino
            | Self::Rust
            | Self::Nvs
            | Self::Cmake
            | Self::Env => true,
            Self::Token | Self::Curl | Self::Mqtt | Self::ConnectionString => false,
        }
    }
}
