//! What `monitor-events` can be told.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use clap_complete::ArgValueCandidates;

use super::format::Format;
use super::from::From;
use super::live::{Field, Wish};
use super::selection::Source;
use crate::config::{ConnectionOptions, completion};
use crate::model::glob::Glob;
use crate::model::identifier::{DeviceId, IdError, ModuleId};
use crate::model::span::parse_duration;
use crate::render::{self, BodyFormat};

/// Show what devices send, as it arrives
///
/// The hub's own connection string is enough; an Event Hub-compatible one works as well. Runs until it is stopped
/// (Ctrl-C), has shown --count events, or comes to the end that --duration, --until or
/// --exit-at-end sets. What breaks on the way is mended by itself, nothing lost
/// and nothing twice.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct MonitorEventsArgs {
    /// Only what this device sends, or devices that match: *, ?, [a-z]. All without it. The case of letters counts
    ///
    /// An id that holds * or ? itself is matched as well when it is written as it is.
    #[arg(value_parser = device_glob, value_name = "DEVICE", add = ArgValueCandidates::new(completion::devices))]
    pub(super) device: Option<Glob>,

    /// Only what this module of a device sends, or modules that match: *, ?, [a-z]
    #[arg(short, long, value_name = "MODULE", value_parser = module_glob)]
    pub(super) module: Option<Glob>,

    /// Only messages from here; may be given several times, or a list with commas
    #[arg(long, value_name = "SOURCE", value_delimiter = ',')]
    pub(super) source: Vec<Source>,

    /// Only events of which this is true, such as 'body.temperature > 30'; may be given several times, all have to hold
    ///
    /// NAME OP VALUE with =, !=, <, <=, >, >= or ~ (contains); NAME alone or NAME exists; and, or, not, parentheses. NAME is one
    /// of the keys of -f ndjson: deviceId, enqueuedTime, properties.alert, systemProperties.x, body.a.b[0]. What reads as a
    /// number on both sides is compared as one, times as times, all else as text.
    #[arg(long = "where", value_name = "EXPR")]
    pub(super) conditions: Vec<String>,

    /// The consumer group to read in
    #[arg(short, long, value_name = "GROUP", default_value = "$Default", value_parser = NonEmptyStringValueParser::new())]
    pub(super) consumer_group: String,

    /// Begin with what the hub enqueued at this time: RFC 3339, milliseconds since 1970, or 10m for ten minutes ago
    ///
    /// Without it only what comes after the start is shown.
    #[arg(
        short,
        long,
        value_name = "TIME",
        conflicts_with = "from",
        allow_hyphen_values = true
    )]
    pub(super) start_time: Option<String>,

    /// Begin here: earliest, latest, offset:X, seq:N or last:N (of each partition), or a time as --start-time has it
    #[arg(long, value_name = "PLACE", value_parser = From::parse, allow_hyphen_values = true)]
    pub(super) from: Option<From>,

    /// Stop with what the hub enqueued at this time, which may be yet to come; written as for --start-time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(super) until: Option<String>,

    /// Stop when all has been read that was there at the start
    #[arg(long)]
    pub(super) exit_at_end: bool,

    /// Stop after this time
    #[arg(short, long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) duration: Option<Duration>,

    /// Stop after this many events; exit code 12 where --duration, --until or --exit-at-end stops it before
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,

    /// Only this partition; may be given several times
    #[arg(long, value_name = "N")]
    pub(super) partition: Vec<String>,

    /// Keep in this file how far was read, and go on from there the next time
    ///
    /// The file holds a position for each partition; where it has one, it goes before --from and -s. It is written every
    /// second and at the end, from what really went to stdout. A run that is killed is repeated from at most a second
    /// before; one that is stopped is neither repeated nor left out.
    #[arg(long, value_name = "FILE")]
    pub(super) resume: Option<PathBuf>,

    /// With nothing to show for this long, say why that may be; 0 for never
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub(super) explain_after: Duration,

    /// Show system properties and annotations as well
    #[arg(short, long, conflicts_with = "raw")]
    verbose: bool,

    /// Show bodies alone, with the properties on a line of their own where there are any, as iothub-explorer did
    #[arg(short, long, conflicts_with = "format")]
    raw: bool,

    /// How to show events: text, json, ndjson, csv, raw (bodies alone), or a template
    ///
    /// A template is any text with names in braces, such as '{enqueuedTime} {deviceId} {body.temperature|-}\n'. Names are those
    /// of --where; what is missing is left empty, or is what stands behind the bar. \n, \t, \r and \\ are as in C, {{ and }}
    /// are braces; no line feed is added.
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = Format::parse,
          add = ArgValueCandidates::new(Format::candidates))]
    format: Format,

    /// How to read bodies, whatever the format
    #[arg(long, value_name = "AS", default_value = "auto")]
    body: BodyFormat,

    /// Print the JSON Schema of what -f ndjson writes on a line, and end
    #[arg(long, exclusive = true)]
    pub(super) schema: bool,

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

    /// Plot numbers of JSON bodies or of properties, per device, live: temperature, axes[0], or properties.level; several
    /// with commas
    ///
    /// What begins with body., properties. or systemProperties. is found as --where finds it. The chart is drawn on standard error. Where standard output is no terminal, it gets each value as a line of time,
    /// device, field and value with tabs between them, for gnuplot and its like.
    #[arg(long, value_name = "FIELD", value_delimiter = ',', conflicts_with_all = ["format", "raw", "verbose"],
          value_parser = Field::parse)]
    pub(super) plot: Vec<Field>,

    /// Ask the service for a sign of life this often; twice as long without one, and the connection is made anew
    ///
    /// For networks that forget idle connections without a word, as mobile ones and some routers do.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = positive_duration)]
    pub(super) idle_timeout: Duration,

    /// How long each token is good for; the next one is put when a quarter of it is left
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = positive_duration)]
    pub(super) token_lifetime: Duration,

    /// Whether what is written is a recording, which the command is that fills this in.
    #[arg(skip)]
    pub(in crate::command) is_recording: bool,

    #[command(flatten)]
    pub(super) connection: ConnectionOptions,
}

impl MonitorEventsArgs {
    /// Whether a JSON format was asked for, so that errors are JSON as well.
    #[must_use]
    pub fn answers_in_json(&self) -> bool {
        !self.raw && self.format.is_json()
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
        if self.is_recording {
            return render::Format::Recording;
        }
        if self.raw {
            return render::Format::Raw {
                with_properties: true,
            };
        }
        self.format.to_render(self.verbose)
    }

    pub(super) fn body(&self) -> BodyFormat {
        self.body
    }
}

/// An id as it was written, if it is one, or a pattern of ids.
fn device_glob(text: &str) -> Result<Glob, String> {
    id_glob::<DeviceId>(text)
}

/// The same for a module's.
fn module_glob(text: &str) -> Result<Glob, String> {
    id_glob::<ModuleId>(text)
}

fn id_glob<Id: FromStr<Err = IdError>>(text: &str) -> Result<Glob, String> {
    let glob = Glob::new(text).map_err(|error| error.to_string())?;
    if let Some(id) = glob.literal() {
        id.parse::<Id>().map_err(|error| error.to_string())?;
    }
    Ok(glob)
}

/// A duration of a second at the least.
fn positive_duration(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text).map_err(|error| error.to_string())?;
    if duration < Duration::from_secs(1) {
        return Err("it has to be a second at the least".to_owned());
    }
    Ok(duration)
}
