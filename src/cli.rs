//! The whole parser, dispatch, completions and man pages.
#![expect(
    clippy::doc_markdown,
    reason = "doc comments of flags are the help's text, where backticks would be noise"
)]

use std::ffi::OsString;

use clap::{Args, ColorChoice, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use clap_complete::env::{CompleteEnv, Shells};

use crate::command::context::Colours;
use crate::command::{
    Context, demo, dps, emulator, inspect_token, login, logout, monitor_events, record, replay,
    root_ca, sas_token, send,
};
use crate::failure::Failure;

/// No wider than is easily read.
const MAX_TERM_WIDTH: usize = 100;

/// Tokens, test messages and live events for Azure IoT Hub, and a local hub to try it all on
#[derive(Debug, Parser)]
#[command(
    name = "hubctl",
    version,
    disable_help_subcommand = true,
    max_term_width = MAX_TERM_WIDTH
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
struct Global {
    /// Say nothing but results, warnings and errors
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Tell on stderr what goes over the wire, secrets masked
    #[arg(long, global = true)]
    trace: bool,

    /// Errors as one JSON object on stderr
    #[arg(long, global = true)]
    json: bool,

    /// When to use colour; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Colour,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// On a terminal.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    SasToken(sas_token::SasTokenArgs),
    InspectToken(inspect_token::InspectTokenArgs),
    RootCa(root_ca::RootCaArgs),
    Dps(dps::DpsArgs),
    Send(send::SendArgs),
    MonitorEvents(monitor_events::MonitorEventsArgs),
    Record(record::RecordArgs),
    Replay(replay::ReplayArgs),
    Emulator(emulator::EmulatorArgs),
    Demo(demo::DemoArgs),
    Login(login::LoginArgs),
    Logout(logout::LogoutArgs),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Cli {
    /// Sets the context's switches by the global flags.
    pub fn prepare(&self, context: &mut Context) {
        context.quiet = self.global.quiet;
        context.trace = self.global.trace;
        context.json = self.global.json || self.command.answers_in_json();
        set_colour(self.global.color, context);
    }

    /// Runs the command.
    ///
    /// # Errors
    /// The command's own.
    pub fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self.command {
            Command::SasToken(args) => sas_token::run(&args, context),
            Command::Send(args) => send::run(&args, context),
            Command::MonitorEvents(args) => monitor_events::run(&args, context),
            Command::Record(args) => record::run(args, context),
            Command::Replay(args) => replay::run(&args, context),
            Command::Emulator(args) => emulator::run(&args, context),
            Command::Demo(args) => demo::run(&args, context),
            Command::Login(args) => login::run(args, context),
            Command::Logout(args) => logout::run(&args, context),
            Command::InspectToken(args) => inspect_token::run(&args, context),
            Command::RootCa(args) => root_ca::run(&args, context),
            Command::Dps(args) => dps::run(&args, context),
            Command::Completions { shell } => context.print(&completions(shell)),
        }
    }
}

impl Command {
    /// Whether a JSON format was asked for, so that errors are JSON as well.
    fn answers_in_json(&self) -> bool {
        match self {
            Self::SasToken(args) => args.answers_in_json(),
            Self::InspectToken(args) => args.answers_in_json(),
            Self::RootCa(args) => args.answers_in_json(),
            Self::Dps(args) => args.answers_in_json(),
            Self::MonitorEvents(args) => args.answers_in_json(),
            Self::Send(_)
            | Self::Record(_)
            | Self::Replay(_)
            | Self::Emulator(_)
            | Self::Demo(_)
            | Self::Login(_)
            | Self::Logout(_)
            | Self::Completions { .. } => false,
        }
    }
}

/// Puts what iothub-explorer took with one dash and two letters into the parser's words.
#[must_use]
pub fn respell(mut words: Vec<OsString>) -> Vec<OsString> {
    let Some(command) = words.iter().position(|word| word == "monitor-events") else {
        return words;
    };
    let options = words[command..].iter_mut();
    for word in options.take_while(|word| word.as_os_str() != "--") {
        for (old, new) in [("-cg", "--consumer-group"), ("-st", "--start-time")] {
            if word == old {
                *word = new.into();
            }
        }
    }
    words
}

/// Looks the words over for what the parser's own errors depend on: whether they are to be JSON, and in colour.
pub fn foresee(words: &[OsString], context: &mut Context) {
    let words: Vec<&str> = words
        .iter()
        .filter_map(|word| word.to_str())
        .take_while(|word| *word != "--")
        .collect();
    context.json = words.contains(&"--json");
    let value = |index: usize, word: &str| match word.strip_prefix("--color")? {
        "" => words.get(index + 1).copied().map(str::to_owned),
        value => value.strip_prefix('=').map(str::to_owned),
    };
    let wanted = words
        .iter()
        .enumerate()
        .find_map(|(index, word)| value(index, word));
    let wanted = wanted.and_then(|wanted| Colour::from_str(&wanted, false).ok());
    set_colour(wanted.unwrap_or(Colour::Auto), context);
}

fn set_colour(wanted: Colour, context: &mut Context) {
    let allowed = context.environment.variable("NO_COLOR").is_none();
    let colour = |is_terminal| match wanted {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => is_terminal && allowed,
    };
    context.colours = Colours {
        stdout: colour(context.terminals.stdout),
        stderr: colour(context.terminals.stderr),
    };
}

/// Adds a command's arguments to it.
type Describe = fn(clap::Command) -> clap::Command;

/// The commands that firmware builds call by the thousand, and what describes their arguments.
const ALONE: [(&str, Describe); 3] = [
    ("sas-token", sas_token::SasTokenArgs::augment_args),
    ("send", send::SendArgs::augment_args),
    (
        "inspect-token",
        inspect_token::InspectTokenArgs::augment_args,
    ),
];

/// The parser for these words, its help in colour or not.
#[must_use]
pub fn command(words: &[OsString], context: &Context) -> clap::Command {
    let command = alone(words).unwrap_or_else(Cli::command);
    command.color(if context.colours.stdout {
        ColorChoice::Always
    } else {
        ColorChoice::Never
    })
}

/// The parser with one command in it, where the first word names that: to describe every command's arguments takes longer
/// than to mint a token.
fn alone(words: &[OsString]) -> Option<clap::Command> {
    let first = words.get(1)?;
    let (name, describe) = ALONE.iter().find(|(name, _)| first == name)?;
    let command = Global::augment_args(clap::Command::new("hubctl"));
    Some(
        command
            .max_term_width(MAX_TERM_WIDTH)
            .subcommand(describe(clap::Command::new(*name))),
    )
}

/// Answers a shell that asks what Tab may offer, and ends the process then. The scripts of [`completions`] ask with this
/// variable; whoever does not gets nothing of it.
pub fn complete_for_shell() {
    CompleteEnv::with_factory(Cli::command)
        .var(COMPLETE)
        .complete();
}

/// What the scripts of [`completions`] set.
const COMPLETE: &str = "HUBCTL_COMPLETE";

/// The completions for one shell: a script that asks this program, which knows devices and profiles.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let shells = Shells::builtins();
    let mut script = Vec::new();
    if let Some(completer) = shells.completer(&shell.to_string()) {
        // Writing to memory cannot fail.
        let _ = completer.write_registration(COMPLETE, "hubctl", "hubctl", "hubctl", &mut script);
    }
    script
}

/// Every man page: its file name and its text.
///
/// # Errors
/// None that can be met: the pages are written to memory.
pub fn man_pages() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    let mut left = vec![&command];
    while let Some(page) = left.pop() {
        if page.is_hide_set() {
            continue;
        }
        left.extend(page.get_subcommands());
        let name = page
            .get_display_name()
            .unwrap_or(page.get_name())
            .to_owned();
        let mut text = Vec::new();
        clap_mangen::Man::new(page.clone()).render(&mut text)?;
        pages.push((format!("{name}.1"), text));
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_alone_is_described_as_among_the_others() {
        let mut whole = Cli::command();
        whole.build();
        for (name, _) in ALONE {
            let words = ["hubctl", name].map(OsString::from);
            let mut alone = alone(&words).unwrap();
            alone.build();
            let help = |command: &clap::Command| {
                let mut command = command.find_subcommand(name).unwrap().clone();
                format!("{}{}", command.render_usage(), command.render_long_help())
            };
            assert_eq!(help(&alone), help(&whole));
        }
    }

    #[test]
    fn only_a_command_in_front_is_looked_for() {
        for words in [
            ["hubctl", "--quiet"],
            ["hubctl", "emulator"],
            ["hubctl", "--help"],
        ] {
            assert!(alone(&words.map(OsString::from)).is_none());
        }
    }
}
