//! Where the pieces come together again, in the order of the input: output, faults, counts.

use std::io::Write;

use indicatif::ProgressBar;
use serde_json::json;

use crate::command::context::output_failure;
use crate::command::teller::Teller;
use crate::config::file::Replacement;
use crate::failure::{Failure, Kind};

/// Where records go.
pub(super) enum Target {
    /// Standard output.
    Stream(Box<dyn Write + Send>),
    /// `-o FILE`.
    File(Replacement),
}

/// A line without a record, and why.
pub(super) struct Fault {
    /// The line's number; in its piece, or in the whole input.
    pub(super) line: u64,
    /// Why, a fragment.
    pub(super) why: String,
}

/// What became of one piece of the input.
#[derive(Default)]
pub(super) struct Outcome {
    /// How many bytes it had.
    pub(super) bytes: u64,
    /// How many lines it had.
    pub(super) lines: u64,
    /// How many records came of it.
    pub(super) made: u64,
    /// Which lines gave none, counted from 1 in the piece.
    pub(super) faults: Vec<Fault>,
}

/// Takes what becomes of the pieces, one after the other.
pub(super) struct Sink<'a> {
    pub(super) target: Target,
    pub(super) teller: Teller<'a>,
    pub(super) bar: Option<ProgressBar>,
    /// The first fault ends it.
    pub(super) is_strict: bool,
    /// Faults are told as JSON.
    pub(super) is_json: bool,
    /// The number of the piece that comes next.
    pub(super) turn: u64,
    pub(super) lines: u64,
    pub(super) made: u64,
    pub(super) failed: u64,
    /// Why it ended early.
    pub(super) end: Option<Failure>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(target: Target, teller: Teller<'a>) -> Self {
        Self {
            target,
            teller,
            bar: None,
            is_strict: false,
            is_json: false,
            turn: 0,
            lines: 0,
            made: 0,
            failed: 0,
            end: None,
        }
    }

    /// Writes the records of the next piece, and tells its faults.
    pub(super) fn take(&mut self, records: &[u8], outcome: &Outcome) {
        self.turn += 1;
        if let Err(failure) = self.target.write(records) {
            self.end = Some(failure);
            return;
        }
        for fault in &outcome.faults {
            self.tell(fault);
        }
        self.lines += outcome.lines;
        self.made += outcome.made;
        if let Some(bar) = &self.bar {
            bar.inc(outcome.bytes);
        }
    }

    fn tell(&mut self, fault: &Fault) {
        self.failed += 1;
        let line = self.lines + fault.line;
        if self.is_strict {
            self.end = Some(
                Failure::new(Kind::Input, format!("line {line} gives no token"))
                    .because(&fault.why)
                    .hint("Mend the line, or leave --strict out to go on without it."),
            );
        } else if self.is_json {
            self.teller
                .line(&json!({"line": line, "cause": fault.why}).to_string());
        } else {
            self.teller.line(&format!("line {line}: {}", fault.why));
        }
    }

    /// Says what came of it all, and puts a file in its place.
    ///
    /// # Errors
    /// What ended it early, or [`Kind::Input`] where lines gave no token.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.teller.clear_bar();
        if let Some(end) = self.end {
            return Err(end);
        }
        let (made, failed) = (self.made, self.failed);
        // A file that stands there is worth more than an empty one.
        if made > 0 || failed == 0 {
            self.target.finish()?;
        }
        if failed == 0 {
            self.teller.note(&format!("made {made}, failed 0"));
            return Ok(());
        }
        Err(Failure::new(
            Kind::Input,
            format!("{failed} of {} lines gave no token", made + failed),
        )
        .because(&format!("made {made}, failed {failed}"))
        .hint("Each is named above by its number; the rest is done."))
    }
}

impl Target {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stream(stream) => stream
                .write_all(bytes)
                .and_then(|()| stream.flush())
                .map_err(|error| output_failure(&error)),
            Self::File(file) => Ok(file.append(bytes)?),
        }
    }

    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Stream(_) => Ok(()),
            Self::File(file) => Ok(file.finish()?),
        }
    }
}
