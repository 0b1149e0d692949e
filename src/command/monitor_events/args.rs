//! What `monitor-events` can be told.

use std::time::Duration;

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;

use super::from::From;
use super::live::{Field, Wish};
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

    /// Count instead: a live table per device of count, rate, last seen, lag, silence, bytes and cost
    ///
    /// Drawn on standard error, in place on a terminal, as a line every five seconds elsewhere. Events are shown as well
    /// where standard output is no terminal, or with a format other than text. Lag is from when the hub enqueued an event
    /// until it came here, by this machine's clock. The cost is in messages as the hub meters them: of 4 KB in the paid
    /// tiers, of 0.5 KB in the free one. Gaps are sequence numbers that are missing in a partition; a device's messages
    /// have no numbers of their own, so of a device its longest silence is told, where that is three times its usual
    /// interval or more.
    #[arg(long, conflicts_with = "plot")]
    pub(super) stats: bool,

    /// Plot numbers of JSON bodies, per device, live: temperature, climate.humidity, or axes[0]; several with commas
    ///
    /// The chart is drawn on standard error. Where standard output is no terminal, it gets each value as a line of time,
    /// device, field and value with tabs between them, for gnuplot and its like.
    #[arg(long, value_name = "FIELD", value_delimiter = ',', conflicts_with_all = ["format", "raw", "verbose"],
          value_parser = Field::parse)]
    pub(super) plot: Vec<Field>,

    /// Whether what is written is a recording, which the command is that fills this in.
    #[arg(skip)]
    pub(in crate::command) is_recording: bool,

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

    /// What is to be shown live.
    pub(super) fn live(&self) -> Option<Wish> {
        if self.is_recording {
            return Some(Wish::Progress);
        }
        if self.stats {
            let is_text = self.format() == render::Format::Text { is_verbose: false };
            return Some(Wish::Stats {
                shows_events: !is_text,
            });
        }
        (!self.plot.is_empty()).then(|| Wish::Plot(self.plot.clone()))
    }

    pub(super) fn format(&self) -> render::Format {
        match self.format {
            _ if self.is_recording => render::Format::Recording,
            _ if self.raw => render::Format::Raw,
            Format::Text => render::Format::Text {
                is_verbose: self.verbose,
            },
            Format::Json => render::Format::Json,
            Format::Ndjson => render::Format::Ndjson,
        }
    }
}

/// An id as it was written, if it is one.
fn device_id(text: &str) -> Result<String, IdError> {
    text.parse::<DeviceId>().map(|id| id.to_string())
}
