//! What `monitor-events` can be told.

use std::time::Duration;

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;

use super::from::From;
use crate::config::{ConnectionOptions, completion};
use crate::model::identifier::{DeviceId, IdError};
use crate::model::span::parse_duration;
use crate::render;

/// Show what devices send, as it arrives
///
/// The hub's own connection string is enough; an Event Hub-compatible one works as well. Runs until it is stopped
/// (Ctrl-C), has shown --count events, or --duration is over. What breaks on the way is mended by itself, nothing lost
/// and nothing twice.
#[derive(Debug, Args)]
pub struct MonitorEventsArgs {
    /// Only what this device sends; all devices without it. The case of letters counts
    #[arg(value_parser = device_id, value_name = "DEVICE", add = ArgValueCandidates::new(completion::devices))]
    pub(super) device: Option<String>,

    /// The consumer group to read in
    #[arg(short, long, value_name = "GROUP", default_value = "$Default")]
    pub(super) consumer_group: String,

    /// Begin with what the hub enqueued at this time: RFC 3339, milliseconds since 1970, or 10m for ten minutes ago
    ///
    /// Without it only what comes after the start is shown.
    #[arg(short, long, value_name = "TIME", conflicts_with = "from")]
    pub(super) start_time: Option<String>,

    /// Begin here: earliest, latest, offset:X, seq:N or last:N (of each partition), or a time as --start-time has it
    #[arg(long, value_name = "PLACE", value_parser = From::parse)]
    pub(super) from: Option<From>,

    /// Stop after this time
    #[arg(short, long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) duration: Option<Duration>,

    /// Stop after this many events; with --duration, exit code 12 where they did not come in time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,

    /// Only this partition; may be given several times
    #[arg(long, value_name = "N")]
    pub(super) partition: Vec<String>,

    /// Show system properties and annotations as well
    #[arg(short, long, conflicts_with = "raw")]
    verbose: bool,

    /// Show bodies alone, with the properties on a line of their own where there are any
    #[arg(short, long, conflicts_with = "format")]
    raw: bool,

    /// How to show events
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Ask the service for a sign of life this often; twice as long without one, and the connection is made anew
    ///
    /// For networks that forget idle connections without a word, as mobile ones and some routers do.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = positive_duration)]
    pub(super) idle_timeout: Duration,

    /// How long each token is good for; the next one is put when a quarter of it is left
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = positive_duration)]
    pub(super) token_lifetime: Duration,

    #[command(flatten)]
    pub(super) connection: ConnectionOptions,
}

/// How to show events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Blocks for people
    Text,
    /// JSON objects over several lines
    Json,
    /// One JSON object a line
    Ndjson,
}

impl MonitorEventsArgs {
    /// Whether a JSON format was asked for, so that errors are JSON as well.
    #[must_use]
    pub fn answers_in_json(&self) -> bool {
        match self.format {
            Format::Json | Format::Ndjson => true,
            Format::Text => false,
        }
    }

    pub(super) fn format(&self) -> render::Format {
        match self.format {
            _ if self.raw => render::Format::Raw,
            Format::Text => render::Format::Text {
                is_verbose: self.verbose,
            },
            Format::Json => render::Format::Json,
            Format::Ndjson => render::Format::Ndjson,
        }
    }
}

/// A duration of a second at the least.
fn positive_duration(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text).map_err(|error| error.to_string())?;
    if duration < Duration::from_secs(1) {
        return Err("it has to be a second at the least".to_owned());
    }
    Ok(duration)
}

/// An id as it was written, if it is one.
fn device_id(text: &str) -> Result<String, IdError> {
    text.parse::<DeviceId>().map(|id| id.to_string())
}
