//! `monitor-events`: shows what devices send, as it arrives.

mod args;
mod bounds;
mod clock;
mod collector;
mod diagnosis;
mod format;
mod from;
mod ledger;
mod live;
mod output;
mod page;
mod plan;
mod resume;
mod selection;
mod stop;
mod summary;
mod told;
mod transport;
mod watch;

use chrono::SecondsFormat;

use super::Context;
use crate::config::Serves;
use crate::failure::{Failure, Kind};
use crate::model::glob::Glob;
use crate::model::span::{describe_duration, seconds_taken_for_milliseconds};
use crate::render::EventWriter;
use crate::render::event::SCHEMA;
pub use args::MonitorEventsArgs;
use collector::Collector;
use diagnosis::{Silence, Wanted};
use live::Live;
use output::{Output, Written};
use page::{OddBody, Scribe};
use plan::Plan;
use resume::Resumption;
use summary::Summary;
use watch::{End, watch};

/// Reads events and shows them until there is a reason to stop.
///
/// # Errors
/// [`Kind::Input`] for what was asked, [`Kind::ConditionMissed`] where `--count` was not reached within `--duration`, and
/// whatever ends the stream.
pub fn run(args: &MonitorEventsArgs, context: &mut Context) -> Result<(), Failure> {
    if args.schema {
        return context.print(SCHEMA.as_bytes());
    }
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
    let selection = plan::selection(args, context.now())?;
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
    let from = senders(args.device.as_ref());
    context.note(&format!("Monitoring events from {from}..."));
    // Before anything is made or emptied that this might refuse.
    let written = Written::default();
    let resuming = Resumption::open(&plan, written.clone())?;
    let stdout = open(context)?;
    let wanted = Wanted {
        device: args.device.as_ref(),
        module: args.module.as_ref(),
        sources: &args.source,
        conditions: &args.conditions,
    };
    let mut silence = Silence::new(&plan, &settings, wanted, context.clock);
    let writer = EventWriter::new(args.format(), args.body());
    let live = Live::start(args.live(), context)?;
    let clock = context.clock;
    let mut collector =
        Collector::new(selection, plan.bounds(args), &writer, context).with_live(live);
    let odd_body = OddBody::default();
    let mut scribe = Scribe::new(writer, odd_body.clone());
    let (end, found) = Context::block_on(async {
        let output = Output::start(stdout, move |page, text| scribe.write(page, text), written)?;
        Box::pin(watch(
            plan,
            resuming,
            &mut collector,
            &mut silence,
            (output, odd_body),
        ))
        .await
    })?;
    collector.finish_live();
    let shown = collector.shown();
    if end.as_ref().is_ok_and(|end| *end != End::OutputClosed) || end.is_err() && shown > 0 {
        let summary = Summary {
            reason: end.as_ref().ok().and_then(End::reason),
            shown,
            accounts: collector.ledger().accounts(),
            now_ms: clock().timestamp_millis(),
            logs: found.as_ref().map(|found| found.partitions.as_slice()),
        };
        collector.tell(&summary.line());
    }
    // Beyond --until there may be events that are meant to stay unread.
    let logs = found.as_ref().filter(|_| args.until.is_none());
    let logs = logs.map(|found| found.partitions.as_slice());
    let reason = silence.shortfall(&collector.seen(), logs);
    if let Some(device) = args
        .device
        .as_ref()
        .and_then(Glob::literal)
        .filter(|_| shown > 0)
    {
        context.learn(&settings.origin, &[device]);
    }
    let end = end
        .map_err(|failure| clock::blame_clock(failure, &settings, context))
        .map_err(|failure| transport::name_proxy(failure, &settings))?;
    finish(end, shown, args, reason)
}

/// Whose events they are, in words.
fn senders(device: Option<&Glob>) -> String {
    match device.map(|device| (device.literal(), device)) {
        Some((Some(device), _)) => format!("device {device}"),
        Some((None, glob)) => format!("devices {}", glob.as_str()),
        None => "all devices".to_owned(),
    }
}

fn finish(
    end: End,
    shown: u64,
    args: &MonitorEventsArgs,
    reason: Option<String>,
) -> Result<(), Failure> {
    let Some(count) = args.count else {
        return Ok(());
    };
    let because = match (end, args.duration) {
        (End::Duration, Some(duration)) => {
            format!("--duration {} is over", describe_duration(duration))
        }
        (End::Bounds, _) if args.exit_at_end => "all that was there has been read".to_owned(),
        (End::Bounds, _) => "all up to --until has been read".to_owned(),
        (End::Duration | End::Count | End::Signal(_) | End::OutputClosed, _) => return Ok(()),
    };
    Err(Failure::new(
        Kind::ConditionMissed,
        format!("only {shown} of {count} events came"),
    )
    .because(&because)
    .hint(reason.unwrap_or_else(|| {
        "Is the device sending, under exactly this id? -s 1h shows what it sent in the last hour.".to_owned()
    })))
}
