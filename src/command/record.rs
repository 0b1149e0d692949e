//! `record`: keeps events in a file that `replay` posts again.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Context;
use super::monitor_events::{self, MonitorEventsArgs};
use crate::config::file::FileError;
use crate::config::recording::{self, RecordingError, Standing};
use crate::failure::{Failure, Kind};

/// Keep events in a file, to be replayed
///
/// Reads as monitor-events does and writes the same lines as its -f ndjson, with bodies that can be posted again as they
/// were. How far it has come is told on standard error. Half a line that a killed recording left behind is cut off by
/// --append, and passed over by replay.
#[derive(Debug, Args)]
#[command(mut_args(hide_what_is_shown))]
pub struct RecordArgs {
    /// Where to; - for standard output
    #[arg(value_name = "FILE", conflicts_with_all = ["format", "body", "raw", "verbose", "schema", "stats", "plot"])]
    file: PathBuf,

    /// Carry a recording on that is there already
    #[arg(long, conflicts_with = "force")]
    append: bool,

    /// Overwrite a file that is there already
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    events: MonitorEventsArgs,
}

/// How events are shown is of no use here.
fn hide_what_is_shown(argument: clap::Arg) -> clap::Arg {
    let is_of_no_use = [
        "format", "body", "raw", "verbose", "schema", "stats", "plot",
    ]
    .iter()
    .any(|name| argument.get_id() == name);
    argument.hide(is_of_no_use)
}

/// Records until there is a reason to stop.
///
/// # Errors
/// Those of `monitor-events`, and [`Kind::Input`] for a file that cannot be written.
pub fn run(args: RecordArgs, context: &mut Context) -> Result<(), Failure> {
    let mut events = args.events;
    events.is_recording = true;
    if args.file.as_os_str() == "-" {
        return monitor_events::run(&events, context);
    }
    let standing = match (args.append, args.force) {
        (true, _) => Standing::Append,
        (false, true) => Standing::Replace,
        (false, false) => Standing::Refuse,
    };
    let mut fault = None;
    let ended = monitor_events::read(&events, context, |context| {
        let tape = recording::open(&args.file, standing)?;
        if tape.torn > 0 {
            context.warn(&format!(
                "the last line of {} was torn: {} bytes were cut off",
                args.file.display(),
                tape.torn
            ));
        }
        fault = Some(tape.fault());
        Ok(Box::new(tape))
    });
    match fault.and_then(|fault| fault.take()) {
        Some(source) => Err(not_written(&args.file, source)),
        None => ended,
    }
}

fn not_written(path: &Path, source: io::Error) -> Failure {
    let error = FileError::Write {
        path: path.to_owned(),
        source,
    };
    Failure::from(error).hint(
        "What was recorded so far stands there. Free some space, and carry on with --append and --from seq:N.",
    )
}

impl From<RecordingError> for Failure {
    fn from(error: RecordingError) -> Self {
        match error {
            RecordingError::File(source) => source.into(),
            RecordingError::Exists { .. } => Self::new(Kind::Input, error.to_string()).hint(
                "Carry it on with --append, overwrite it with --force, or name another file.",
            ),
            RecordingError::Foreign { .. } => Self::new(Kind::Input, error.to_string())
                .hint("Name a recording, or another file, or overwrite this one with --force."),
        }
    }
}
