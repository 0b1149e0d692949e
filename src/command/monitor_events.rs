//! `monitor-events`: shows what devices send, as it arrives.

mod clock;
mod collector;
mod output;
mod plan;
mod told;

use std::ops::ControlFlow;
use std::time::Duration;

use chrono::SecondsFormat;
use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;
use tokio::time::{Instant, sleep_until};

use super::Context;
use crate::client::event_stream::EventStream;
use crate::config::{ConnectionOptions, Serves, completion};
use crate::failure::{Failure, Kind};
use crate::model::identifier::{DeviceId, IdError};
use crate::model::span::{describe_duration, parse_duration, seconds_taken_for_milliseconds};
use crate::render;
use collector::{Collector, Selection};
use output::Output;
use plan::{From, Plan};

/// Show what devices send, as it arrives
///
/// The hub's own connection string is enough; an Event Hub-compatible one works as well. Runs until it is stopped
/// (Ctrl-C), has shown --count events, or --duration is over. What breaks on the way is mended by itself, nothing lost
/// and nothing twice.
#[derive(Debug, Args)]
pub struct MonitorEventsArgs {
    /// Only what this device sends; all devices without it. The case of letters counts
    #[arg(value_parser = device_id, value_name = "DEVICE", add = ArgValueCandidates::new(completion::devices))]
    device: Option<String>,

    /// The consumer group to read in
    #[arg(short, long, value_name = "GROUP", default_value = "$Default")]
    consumer_group: String,

    /// Begin with what the hub enqueued at this time: RFC 3339, milliseconds since 1970, or 10m for ten minutes ago
    ///
    /// Without it only what comes after the start is shown.
    #[arg(short, long, value_name = "TIME", conflicts_with = "from")]
    start_time: Option<String>,

    /// Begin here: earliest, latest, offset:X, seq:N or last:N (of each partition), or a time as --start-time has it
    #[arg(long, value_name = "PLACE", value_parser = From::parse)]
    from: Option<From>,

    /// Stop after this time
    #[arg(short, long, value_name = "DURATION", value_parser = parse_duration)]
    duration: Option<Duration>,

    /// Stop after this many events; with --duration, exit code 12 where they did not come in time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Only this partition; may be given several times
    #[arg(long, value_name = "N")]
    partition: Vec<String>,

    /// Show system properties and annotations as well
    #[arg(short, long, conflicts_with = "raw")]
    verbose: bool,

    /// Show bodies alone, with the properties on a line of their own where there are any
    #[arg(short, long, conflicts_with = "format")]
    raw: bool,

    /// How to show events
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    #[command(flatten)]
    connection: ConnectionOptions,
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

    fn format(&self) -> render::Format {
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

/// Why it came to an end without a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// As many events as were asked for.
    Count,
    /// The time is over.
    Duration,
    /// Ctrl-C, or a wish to terminate.
    Signal,
    /// Nobody reads what is written.
    OutputClosed,
}

/// An id as it was written, if it is one.
fn device_id(text: &str) -> Result<String, IdError> {
    text.parse::<DeviceId>().map(|id| id.to_string())
}

/// Reads events and shows them until there is a reason to stop.
///
/// # Errors
/// [`Kind::Input`] for what was asked, [`Kind::ConditionMissed`] where `--count` was not reached within `--duration`, and
/// whatever ends the stream.
pub fn run(args: &MonitorEventsArgs, context: &mut Context) -> Result<(), Failure> {
    let settings = context.settings(&args.connection, Serves::HubOrEventHub)?;
    let plan = Plan::new(args, &settings, context)?;
    if let Some(meant) = args
        .start_time
        .as_deref()
        .and_then(seconds_taken_for_milliseconds)
    {
        context.warn(&format!(
            "a bare number for --start-time is milliseconds since 1970, which this makes a day of that year; \
             for {} write three zeros more",
            meant.to_rfc3339_opts(SecondsFormat::Secs, true)
        ));
    }
    let from = match &args.device {
        Some(device) => format!("device {device}"),
        None => "all devices".to_owned(),
    };
    context.note(&format!("Monitoring events from {from}..."));
    let stdout = std::mem::replace(&mut context.stdout, Box::new(std::io::sink()));
    let selection = Selection {
        device: args.device.clone(),
        count: args.count,
    };
    let mut collector = Collector::new(selection, args.format(), context);
    let end = Context::block_on(async {
        let output = Output::start(stdout)?;
        watch(plan, &mut collector, output).await
    });
    let shown = collector.shown();
    if end.as_ref().is_ok_and(|end| *end != End::OutputClosed) || end.is_err() && shown > 0 {
        let noun = if shown == 1 { "event" } else { "events" };
        context.note(&format!("{shown} {noun}"));
    }
    if let Some(device) = args.device.as_deref().filter(|_| shown > 0) {
        context.learn(&settings.origin, &[device]);
    }
    let end = end.map_err(|failure| clock::blame_clock(failure, &settings, context))?;
    finish(end, shown, args)
}

fn finish(end: End, shown: u64, args: &MonitorEventsArgs) -> Result<(), Failure> {
    let (End::Duration, Some(count), Some(duration)) = (end, args.count, args.duration) else {
        return Ok(());
    };
    Err(Failure::new(
        Kind::ConditionMissed,
        format!("only {shown} of {count} events came"),
    )
    .because(&format!(
        "--duration {} is over",
        describe_duration(duration)
    ))
    .hint(
        "Is the device sending, under exactly this id? -s 1h shows what it sent in the last hour.",
    ))
}

/// Advances the stream and passes on what it gives, until there is a reason to stop.
async fn watch(
    plan: Plan,
    collector: &mut Collector<'_>,
    mut output: Output,
) -> Result<End, Failure> {
    let over_at = plan.duration.map(|duration| Instant::now() + duration);
    let mut stream = EventStream::new(plan.stream);
    let mut stop = std::pin::pin!(stop_signal());
    let mut over = std::pin::pin!(async {
        match over_at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    });
    let end = loop {
        let advanced = tokio::select! {
            biased;
            () = &mut stop => break Ok(End::Signal),
            () = output.closed() => break Ok(End::OutputClosed),
            () = &mut over => break Ok(End::Duration),
            advanced = stream.advance(collector) => advanced,
        };
        let written = tokio::select! {
            biased;
            written = output.write(collector.buffer()) => written,
            () = &mut stop => break Ok(End::Signal),
            () = &mut over => break Ok(End::Duration),
        };
        match (advanced, written) {
            (Err(error), _) => break Err(error.into()),
            (_, Err(_)) => break Ok(End::OutputClosed),
            (Ok(ControlFlow::Break(())), _) => break Ok(End::Count),
            (Ok(ControlFlow::Continue(())), Ok(())) => {}
        }
    };
    stream.close().await;
    output.finish(collector.buffer()).await?;
    end
}

/// Comes when the user or the system wants an end.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
