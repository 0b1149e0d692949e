//! `replay`: posts a recording's events again, spaced as they were.

mod event;
mod lines;
mod pace;
mod run;
mod sender;
mod tally;

use std::io::{self, Read};

use clap::Args;
use clap_complete::ArgValueCandidates;

use self::pace::Speed;
use self::run::Run;
use self::sender::Way;
use super::Context;
use super::teller::Teller;
use crate::config::{ConnectionOptions, Origin, Serves, completion, file};
use crate::failure::{Failure, Kind};
use crate::model::identifier::DeviceId;

/// Post recorded events again, spaced as they were
///
/// Takes what record wrote, or monitor-events -f ndjson. Each event is posted over HTTPS as its board does, as its own
/// device, with the same properties, ids, content type and body; a hub connection string looks each device's key up
/// once. A device's events keep their order. What is no telemetry is passed over and counted; what cannot be posted is
/// reported by its line. Events go out in the order of the recording: one that is older than those before it goes out
/// at once.
///
/// Half a line at the end, which a killed recording leaves behind, is told and passed over. With --json the summary is
/// one JSON object on standard output, as send has it, with skipped.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The recording; - for standard input
    #[arg(value_name = "FILE|-")]
    file: String,

    /// So many times as fast as it was recorded; 0 or max for as fast as it goes
    #[arg(long, value_name = "X", default_value = "1", value_parser = Speed::parse)]
    speed: Speed,

    /// Post all of it as this device
    #[arg(long, value_name = "DEVICE", add = ArgValueCandidates::new(completion::devices))]
    to: Option<DeviceId>,

    /// Requests under way at the same time, one of each device at the most
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,

    /// Tell of lines that are no events and pass them over, instead of stopping there
    #[arg(long)]
    skip_bad: bool,

    /// Try an event this often again after 408, 429, 5xx and broken connections
    #[arg(long, value_name = "N", default_value = "4")]
    retries: u32,

    /// Try each event once
    #[arg(long, conflicts_with = "retries")]
    no_retry: bool,

    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Replays.
///
/// # Errors
/// What the first lost event failed of; [`Kind::Input`] for a line that is no event; [`Kind::Interrupted`] where Ctrl-C
/// or SIGTERM came before the end.
pub fn run(args: &ReplayArgs, context: &mut Context) -> Result<(), Failure> {
    let settings = context.settings(&args.connection, Serves::HubOrDevice)?;
    let way = Way::new(&settings.connection_string, args.to.as_ref())?;
    let input = open(args, settings.origin == Origin::Stdin, context)?;
    let run = Run {
        args,
        settings: &settings,
        way: &way,
        clock: context.clock,
        shows_bar: context.terminals.stderr && !context.quiet && !context.json,
    };
    let ended = {
        let teller = Teller::new(context);
        Context::block_on(run.deliver(input, &teller))?
    };
    if context.json {
        context.print(ended.summary_json().as_bytes())?;
    } else {
        for line in ended.summary() {
            context.note(&line);
        }
    }
    ended.judge((context.clock)())
}

fn open(
    args: &ReplayArgs,
    is_used_up: bool,
    context: &mut Context,
) -> Result<Box<dyn Read + Send>, Failure> {
    if args.file != "-" {
        return Ok(Box::new(file::open(args.file.as_ref())?));
    }
    if is_used_up {
        return Err(Failure::new(
            Kind::Usage,
            "the connection string and the recording cannot both come from standard input",
        )
        .hint("Give one of them as a file: --login @FILE."));
    }
    Ok(std::mem::replace(&mut context.stdin, Box::new(io::empty())))
}
