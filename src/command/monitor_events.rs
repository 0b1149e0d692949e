//! `monitor-events`: shows what devices send, as it arrives.

mod args;
mod clock;
mod collector;
mod from;
mod live;
mod output;
mod plan;
mod told;
mod watch;

use chrono::SecondsFormat;

use super::Context;
use crate::config::Serves;
use crate::failure::{Failure, Kind};
use crate::model::span::{describe_duration, seconds_taken_for_milliseconds};
pub use args::MonitorEventsArgs;
use collector::{Collector, Selection};
use live::Live;
use output::Output;
use plan::Plan;
use watch::{End, watch};

/// Reads events and shows them until there is a reason to stop.
///
/// # Errors
/// [`Kind::Input`] for what was asked, [`Kind::ConditionMissed`] where `--count` was not reached within `--duration`, and
/// whatever ends the stream.
pub fn run(args: &MonitorEventsArgs, context: &mut Context) -> Result<(), Failure> {
    read(args, context, |context| {
        let sink = Box::new(std::io::sink());
        Ok(std::mem::replace(&mut context.stdout, sink))
    })
}

/// The same into what `open` gives, which is asked when it is clear what is to be read.
///
/// # Errors
/// Those of [`run`] and of `open`.
pub(super) fn read(
    args: &MonitorEventsArgs,
    context: &mut Context,
    open: impl FnOnce(&mut Context) -> Result<Box<dyn std::io::Write + Send>, Failure>,
) -> Result<(), Failure> {
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
    let stdout = open(context)?;
    let selection = Selection {
        device: args.device.clone(),
        count: args.count,
    };
    let live = Live::start(args.live(), context)?;
    let mut collector = Collector::new(selection, args.format(), context).with_live(live);
    let end = Context::block_on(async {
        let output = Output::start(stdout)?;
        watch(plan, &mut collector, output).await
    });
    collector.finish_live();
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
