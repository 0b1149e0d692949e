//! The flags that say which hub and how to reach it; the same for every command that goes there.

#![expect(
    clippy::doc_markdown,
    reason = "doc comments of flags are the help's text, where backticks would be noise"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::completion;
use super::transport::Transport;
use crate::model::span::parse_duration;

/// Which hub, and how to reach it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionOptions {
    /// Connection string, @FILE to read it from a file, or - for standard input
    ///
    /// Without it: the environment (IOTHUB_CONNECTION_STRING, IOTHUB_DEVICE_CONNECTION_STRING,
    /// EVENTHUB_CONNECTION_STRING, whichever can serve), then the profile saved by `hubctl login`.
    #[arg(short, long, value_name = "STRING|@FILE|-", hide_default_value = true)]
    pub login: Option<SecretText>,

    /// Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]
    #[arg(long, value_name = "NAME", conflicts_with = "login", add = ArgValueCandidates::new(completion::profiles))]
    pub profile: Option<String>,

    /// Trust the certificates in this PEM file besides the system's [env: HUBCTL_CA_FILE]
    #[arg(long, value_name = "PEM")]
    pub ca_file: Option<PathBuf>,

    /// The hub's AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]
    #[arg(long, value_name = "PORT")]
    pub amqp_port: Option<u16>,

    /// How AMQP goes: to its own port, or as a WebSocket to HTTPS's, which gets through proxies and where 5671 is blocked
    /// [env: HUBCTL_TRANSPORT] [default: amqp]
    #[arg(long, value_enum, value_name = "TRANSPORT")]
    pub transport: Option<Transport>,

    /// The hub's MQTT port [env: HUBCTL_MQTT_PORT] [default: 8883]
    #[arg(long, value_name = "PORT")]
    pub mqtt_port: Option<u16>,

    /// Give up a connection that is not made within this time
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = connect_limit)]
    pub connect_timeout: Duration,
}

/// Reads how long a connection may take to come up.
///
/// # Errors
/// A fragment that says what is wrong, for clap.
pub fn connect_limit(text: &str) -> Result<Duration, String> {
    let limit = parse_duration(text).map_err(|error| error.to_string())?;
    if limit.is_zero() {
        return Err(
            "in no time nothing connects; write how long it may take, such as 20s".to_owned(),
        );
    }
    Ok(limit)
}

/// A flag's text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(pub String);

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text)
    }
}
