//! What a command is given: streams, environment and clock.

use std::future::Future;
use std::io::{self, Read, Write};
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::config::file;
use crate::config::{ConnectionOptions, Environment, Origin, Serves, Settings, known_devices};
use crate::failure::{Failure, Kind};

/// Where a command gets the time from.
pub type Clock = fn() -> DateTime<Utc>;

/// What lies at the other end of the process's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terminals {
    /// Standard input is a terminal.
    pub stdin: bool,
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
    /// Standard output is a regular file, so that nobody waits for single records.
    pub stdout_is_file: bool,
}

/// Which streams are written in colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Colours {
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

/// What a command is given by the process.
pub struct Context {
    /// Standard input.
    pub stdin: Box<dyn Read + Send>,
    /// Standard output: data and nothing else.
    pub stdout: Box<dyn Write + Send>,
    /// Standard error: talk.
    pub stderr: Box<dyn Write + Send>,
    /// What the streams are connected to.
    pub terminals: Terminals,
    /// The environment.
    pub environment: Environment,
    /// The clock.
    pub clock: Clock,
    /// No notes, no progress.
    pub quiet: bool,
    /// What goes over the wire is told on stderr, secrets masked.
    pub trace: bool,
    /// Errors as JSON.
    pub json: bool,
    /// Where to use colour.
    pub colours: Colours,
}

impl Context {
    /// Writes data to stdout and flushes it.
    ///
    /// # Errors
    /// [`Kind::PipeClosed`] when the reader has gone, which is a normal end.
    pub fn print(&mut self, data: &[u8]) -> Result<(), Failure> {
        self.stdout
            .write_all(data)
            .and_then(|()| self.stdout.flush())
            .map_err(|error| output_failure(&error))
    }

    /// Tells the user something on stderr that is no error; silent with `--quiet`.
    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            // With stderr gone there is nobody left to tell.
            let _ = writeln!(self.stderr, "{text}");
        }
    }

    /// Warns the user on stderr, even with `--quiet`.
    pub fn warn(&mut self, text: &str) {
        let _ = writeln!(self.stderr, "warning: {text}");
    }

    /// Writes a file that holds a secret, and tells of the folder that had to be made for it.
    ///
    /// # Errors
    /// [`Kind::Input`].
    pub fn write_private(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let made = file::missing_folder(path);
        file::replace_private(path, bytes)?;
        if let Some(folder) = made {
            self.note(&format!("made the folder {}", folder.display()));
        }
        Ok(())
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    /// Brings flags, environment and profile together, and passes on what looked odd.
    ///
    /// # Errors
    /// [`Kind::Input`].
    pub fn settings(
        &mut self,
        options: &ConnectionOptions,
        serves: Serves,
    ) -> Result<Settings, Failure> {
        let settings = Settings::resolve(options, serves, &self.environment, &mut self.stdin)?;
        for warning in &settings.warnings {
            self.warn(&warning.to_string());
        }
        Ok(settings)
    }

    /// Keeps ids of devices that are there, for Tab to complete; only those of a saved profile's hub are kept.
    pub fn learn(&self, origin: &Origin, ids: &[&str]) {
        if let Origin::Profile(profile) = origin {
            known_devices::learn(&self.environment, profile, ids);
        }
    }

    /// Runs a future on a runtime of this thread's own. Only commands that need a network pay for one.
    ///
    /// # Errors
    /// The future's own, or [`Kind::Bug`] when the system gives no runtime.
    pub fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime =
            runtime.map_err(|error| Failure::new(Kind::Bug, "cannot start").because(&error))?;
        runtime.block_on(future)
    }
}

/// What a failed write to stdout means.
#[must_use]
pub fn output_failure(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::new(Kind::PipeClosed, "the reader of standard output has gone");
    }
    Failure::new(Kind::Input, "cannot write to standard output")
        .because(error)
        .hint("Free some space, or send the output elsewhere.")
}
