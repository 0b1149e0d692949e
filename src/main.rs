//! The process: streams, environment, clock and exit code.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use chrono::Utc;
use clap::FromArgMatches as _;
use clap::error::ErrorKind;
use hubctl::cli::{self, Cli};
use hubctl::command::Context;
use hubctl::command::context::{Colours, Terminals};
use hubctl::config::Environment;
use hubctl::failure::mask::Masked;
use hubctl::failure::{Failure, Kind};

fn main() -> ExitCode {
    cli::complete_for_shell();
    let mut context = context_of_process();
    let words = cli::respell(std::env::args_os().collect());
    cli::foresee(&words, &mut context);
    let command = cli::command(&words, &context);
    let parsed = command
        .try_get_matches_from(&words)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return end_of_parsing(&error, &mut context),
    };
    // Only an installation that has been done before can fail here, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli.prepare(&mut context);
    match cli.run(&mut context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => tell(&mut context, &failure),
    }
}

/// Help and version go to stdout with code 0, mistakes to stderr with code 2.
fn end_of_parsing(error: &clap::Error, context: &mut Context) -> ExitCode {
    let shows_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if error.use_stderr() && !shows_help {
        return tell(context, &Failure::from(error));
    }
    // With the stream gone the exit code is all that can be said.
    let _ = error.print();
    ExitCode::from(if shows_help {
        Kind::Usage.exit_code()
    } else {
        0
    })
}

fn tell(context: &mut Context, failure: &Failure) -> ExitCode {
    if failure.kind != Kind::PipeClosed {
        let text = if context.json {
            failure.to_json()
        } else {
            failure.to_text(context.colours.stderr)
        };
        // With stderr gone the exit code is all that can be said.
        let _ = context.stderr.write_all(text.as_bytes());
    }
    ExitCode::from(failure.kind.exit_code())
}

fn context_of_process() -> Context {
    Context {
        stdin: Box::new(io::stdin()),
        stdout: Box::new(io::stdout()),
        stderr: Box::new(Masked::new(io::stderr())),
        terminals: Terminals {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
            stdout_is_file: stdout_is_file(),
        },
        environment: Environment::of_process(),
        clock: Utc::now,
        quiet: false,
        trace: false,
        json: false,
        colours: Colours::default(),
    }
}

#[cfg(unix)]
fn stdout_is_file() -> bool {
    use std::os::fd::AsFd as _;
    let handle = io::stdout().as_fd().try_clone_to_owned();
    handle.is_ok_and(|handle| {
        std::fs::File::from(handle)
            .metadata()
            .is_ok_and(|metadata| metadata.is_file())
    })
}

#[cfg(not(unix))]
fn stdout_is_file() -> bool {
    false
}
