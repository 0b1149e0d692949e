//! The process: streams, environment, clock and exit code.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use chrono::Utc;
use clap::Parser as _;
use hubctl::cli::Cli;
use hubctl::command::Context;
use hubctl::command::context::Terminals;
use hubctl::config::Environment;
use hubctl::failure::{Failure, Kind};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout with code 0, mistakes to stderr with code 2.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                Kind::Usage.exit_code()
            } else {
                0
            });
        }
    };
    // Only an installation that has been done before can fail here, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut context = context_of_process();
    cli.prepare(&mut context);
    match cli.run(&mut context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&mut context, &failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

fn tell(context: &mut Context, failure: &Failure) {
    if failure.kind == Kind::PipeClosed {
        return;
    }
    let text = if context.json {
        failure.to_json()
    } else {
        failure.to_text()
    };
    // With stderr gone the exit code is all that can be said.
    let _ = context.stderr.write_all(text.as_bytes());
}

fn context_of_process() -> Context {
    Context {
        stdin: Box::new(io::stdin()),
        stdout: Box::new(io::stdout()),
        stderr: Box::new(io::stderr()),
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
        colour: false,
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
