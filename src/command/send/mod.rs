//! `send`: posts device-to-cloud messages over HTTPS, as a board does.

mod curl;
mod delivery;
mod histogram;
pub(super) mod message;
mod pace;
pub(super) mod plan;
pub(super) mod post;
pub(super) mod run;
mod show;
mod source;
pub(super) mod tally;
mod template;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use clap_complete::ArgValueCandidates;

use self::plan::{Input, Plan, Stdin, plan};
use self::run::Run;
use self::source::Source;
use super::Context;
use super::teller::Teller;
use crate::config::{ConnectionOptions, Origin, Serves, completion, file};
use crate::failure::https::too_large;
use crate::failure::{Failure, Kind};
use crate::model::span::parse_duration;
use crate::protocol::rest::MAX_MESSAGE_BYTES;

/// Send messages as a device, over HTTPS, exactly as a board does
///
/// A hub connection string looks the device's key up first; a device's own string goes straight to work. Bodies that
/// are JSON are declared as application/json and utf-8 unless --content-type says otherwise. What the hub does not
/// acknowledge is reported as lost, by number.
///
/// Ctrl-C and SIGTERM end a run in order: nothing new is sent, the summary is given, and the exit code is 130.
///
/// With --json the summary is one JSON object on standard output, whether all went well or not: device, sent, retried,
/// failed, skippedEmptyLines, seconds, messagesPerSecond, and latencyMilliseconds with p50, p95, p99 and max (null where
/// nothing was acknowledged). An error is one JSON object on standard error.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct SendArgs {
    /// The device; may be left out with a device's own connection string, with which a lone argument that is not the
    /// device's id is the message
    #[arg(add = ArgValueCandidates::new(completion::devices))]
    device: Option<String>,

    /// The message, @FILE to read it from a file, or - for standard input, which is also read when MESSAGE is left out
    #[arg(value_name = "MESSAGE|@FILE|-")]
    message: Option<String>,

    /// Add an application property; may be repeated
    #[arg(short, long, value_name = "NAME=VALUE", help_heading = "Message")]
    property: Vec<String>,

    /// The message's id
    #[arg(long, value_name = "ID", help_heading = "Message")]
    message_id: Option<String>,

    /// The id of the message that this one answers
    #[arg(long, value_name = "ID", help_heading = "Message")]
    correlation_id: Option<String>,

    /// What the body is, such as application/json
    #[arg(long, value_name = "TYPE", help_heading = "Message")]
    content_type: Option<String>,

    /// How the body's text is encoded: utf-8, utf-16 or utf-32
    #[arg(long, value_name = "ENCODING", help_heading = "Message")]
    content_encoding: Option<String>,

    /// Fill in what stands in braces in the message, its ids and property values: n (the message's number), uuid, now,
    /// random:20..30 and device
    #[arg(long, help_heading = "Message")]
    template: bool,

    /// Send each line of the input as a message of its own; empty lines are skipped and counted
    #[arg(long, help_heading = "Many messages", conflicts_with = "count")]
    lines: bool,

    /// Send the message this often
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Many messages",
          value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,

    /// Start a message this long after the one before
    #[arg(long, value_name = "DURATION", help_heading = "Many messages", value_parser = parse_duration)]
    interval: Option<Duration>,

    /// Send so many messages a second at the most
    #[arg(long, value_name = "N", help_heading = "Many messages", conflicts_with = "interval", value_parser = parse_rate)]
    rate: Option<f64>,

    /// Requests under way at the same time; with 1, order is kept
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Many messages",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,

    /// Pack messages into requests of up to 500 messages and 256 KB
    #[arg(long, help_heading = "Many messages", conflicts_with_all = ["interval", "rate"])]
    batch: bool,

    /// Try a message this often again after 408, 429, 5xx and broken connections
    #[arg(long, value_name = "N", default_value = "4")]
    retries: u32,

    /// Try each message once
    #[arg(long, conflicts_with = "retries")]
    no_retry: bool,

    /// Print the first request (with --batch, the first batch) as a curl command, its token masked, and send nothing
    #[arg(long)]
    print_request: bool,

    #[command(flatten)]
    connection: ConnectionOptions,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.001..=1e6).contains(&rate) {
        return Ok(rate);
    }
    Err("give a number of messages a second from 0.001 to 1000000".to_owned())
}

/// Sends.
///
/// # Errors
/// What the first lost message failed of; [`Kind::Interrupted`] where Ctrl-C or SIGTERM came before the end.
pub fn run(args: &SendArgs, context: &mut Context) -> Result<(), Failure> {
    let settings = context.settings(&args.connection, Serves::HubOrDevice)?;
    let stdin = Stdin {
        is_terminal: context.terminals.stdin,
        is_used_up: settings.origin == Origin::Stdin,
    };
    let plan = plan(args, &settings.connection_string, stdin)?;
    for name in &plan.form.capitals {
        let small = name.to_ascii_lowercase();
        context.warn(&format!(
            "HTTPS does not keep the case of names: the property {name} arrives as {small}"
        ));
    }
    for (name, character) in &plan.form.unlisted {
        context.warn(&format!(
            "the value of the property {name} holds {character:?}, which is not among the characters that IoT Hub lists for HTTPS"
        ));
    }
    let source = open_source(args, &plan, context)?;
    let template = plan::template(args, &source)?;
    let run = Run {
        args,
        plan: &plan,
        settings: &settings,
        clock: context.clock,
        shows_bar: context.terminals.stderr && !context.quiet && !context.json,
    };
    if args.print_request {
        let shown = show::show(&run, &source, template, &Teller::new(context))?;
        for note in shown.notes {
            context.note(note);
        }
        return context.print(shown.command.as_bytes());
    }
    let ended = {
        let teller = Teller::new(context);
        Context::block_on(run.deliver(&source, template, &teller))?
    };
    if context.json {
        context.print(run.summary_json(&ended).as_bytes())?;
    } else if let Some(summary) = run.summary(&ended) {
        context.note(&summary);
    }
    run.judge(ended, &source)?;
    context.learn(&settings.origin, &[plan.device.as_str()]);
    Ok(())
}

/// The source of bodies. A single body is read now, so that one that cannot be sent costs no connection.
fn open_source(args: &SendArgs, plan: &Plan, context: &mut Context) -> Result<Source, Failure> {
    if args.lines {
        return Ok(Source::lines(match &plan.input {
            Input::Text(text) => Box::new(io::Cursor::new(text.clone())),
            Input::File(path) => Box::new(file::open(path)?),
            Input::Stdin { .. } => std::mem::replace(&mut context.stdin, Box::new(io::empty())),
        }));
    }
    let limit = MAX_MESSAGE_BYTES as u64;
    let body = match &plan.input {
        Input::Text(text) => Bytes::from(text.clone()),
        Input::File(path) => {
            let file = file::open(path)?;
            let length = file.metadata().map_or(0, |metadata| metadata.len());
            if length > limit {
                return Err(oversized(&format!("{} has {length} bytes", path.display())));
            }
            read_body(file, &format!("cannot read {}", path.display()))?
        }
        Input::Stdin { is_named } => {
            let body = read_body(&mut context.stdin, "cannot read standard input")?;
            // Nobody wished for an empty message by leaving it out: cron and the like close standard input.
            if body.is_empty() && !is_named {
                return Err(nothing_to_send());
            }
            body
        }
    };
    if body.len() as u64 > limit {
        return Err(oversized(&format!("it has more than {limit} bytes")));
    }
    Ok(Source::repeated(body, args.count))
}

fn read_body(input: impl Read, what: &str) -> Result<Bytes, Failure> {
    let mut body = Vec::new();
    input
        .take(MAX_MESSAGE_BYTES as u64 + 1)
        .read_to_end(&mut body)
        .map_err(|error| Failure::new(Kind::Input, what).because(&error))?;
    Ok(Bytes::from(body))
}

fn nothing_to_send() -> Failure {
    Failure::new(
        Kind::Usage,
        "nothing to send: no message was given, and standard input is empty",
    )
    .hint("Give the message, or '' for an empty one.")
}

fn oversized(cause: &str) -> Failure {
    Failure::new(Kind::Input, "the message is too large")
        .because(cause)
        .hint(too_large())
}
