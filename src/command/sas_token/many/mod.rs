//! Tokens for many devices: a list of keys, or every device of a hub; one record a line.

mod all;
mod chunks;
mod record;
mod sink;
mod workers;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use self::chunks::Chunks;
use self::record::{Recorder, Shape};
use self::sink::{Sink, Target};
use self::workers::{usual_jobs, work};
use super::SasTokenArgs;
use super::plan::{expired_warning, expiry};
use crate::command::Context;
use crate::command::teller::Teller;
use crate::config::credential::CredentialError;
use crate::config::file::{self, Replacement};
use crate::config::{Serves, Settings};
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{ConnectionString, Host};
use crate::model::key_list::Form;

/// What has no place where there are many devices.
const OF_ONE: [&str; 8] = [
    "device", "module", "key", "policy", "min_left", "with_ca", "prefix", "protocol",
];

/// Which devices, where there are many.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Many at once")]
pub(super) struct ManyOptions {
    /// Make a token for each line of this file, or of standard input for -: deviceId,key
    ///
    /// The lines are CSV (a header line may name the columns: deviceId, moduleId, key or primaryKey), JSON objects with the
    /// same names, or device connection strings, which bring their own hub; the first line tells which. Other lines need
    /// --hub, or a connection string to take the hub's name from. No network is touched. Each token becomes one line, in
    /// the order of the input: deviceId,token (deviceId/moduleId,token for a module), or what --format json or
    /// connection-string says. A line that gives no token is reported by its number, and the rest goes on.
    #[arg(long, value_name = "FILE|-", conflicts_with_all = OF_ONE, conflicts_with = "key_type")]
    from: Option<PathBuf>,

    /// Make a token for every device of the hub, each with its own key
    ///
    /// A hub lists 1000 devices at the most; for more, export them and use --from. Devices that are disabled or have no
    /// key are named and passed over.
    #[arg(long, conflicts_with_all = OF_ONE, conflicts_with_all = ["from", "hub"])]
    all: bool,

    /// Stop at the first line that gives no token
    #[arg(long, requires = "from")]
    strict: bool,

    /// Threads to work with [default: one for each processor]
    #[arg(long, value_name = "N", requires = "from", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

impl ManyOptions {
    /// Whether this is about many devices.
    pub(super) fn is_asked_for(&self) -> bool {
        self.all || self.from.is_some()
    }
}

/// Makes the tokens and writes them.
///
/// # Errors
/// [`Kind::Usage`] for a format of one device, [`Kind::Input`] for what cannot be read and for lines without a token;
/// for `--all`, what the hub answers.
pub(super) fn run(
    args: &SasTokenArgs,
    now: DateTime<Utc>,
    context: &mut Context,
) -> Result<(), Failure> {
    let shape = Shape::of(args.format)?;
    let expires = expiry(args, now)?;
    if expires <= now {
        context.warn(&expired_warning(args, expires));
    }
    let expiry = expires.timestamp();
    match &args.many.from {
        Some(path) => from(args, path, context, |hub| Recorder::new(shape, expiry, hub)),
        None => all::run(args, now, context, |hub| Recorder::new(shape, expiry, hub)),
    }
}

fn from(
    args: &SasTokenArgs,
    path: &Path,
    context: &mut Context,
    recorder: impl Fn(Option<Host>) -> Recorder + Sync,
) -> Result<(), Failure> {
    let (input, length) = open(args, path, context)?;
    let mut chunks = Chunks::new(input);
    let (form, first) = chunks.look().map_err(|error| {
        Failure::new(Kind::Input, format!("cannot read {}", name_of(path))).because(&error)
    })?;
    if first.trim_start().starts_with('[') {
        return Err(
            Failure::new(Kind::Input, format!("{} is one JSON array", name_of(path)))
                .hint("Put each device on a line of its own, as jq -c '.[]' does."),
        );
    }
    if let Some(output) = args
        .output
        .as_deref()
        .filter(|output| file::is_same(path, output))
    {
        let what = format!("{} is read and would be written at once", output.display());
        return Err(Failure::new(Kind::Usage, what)
            .hint("Name another file behind -o: the keys would be lost."));
    }
    let hub = hub_of(args, form, &first, context)?;
    let target = target(args, context)?;
    let shows_bar = context.terminals.stderr && !context.quiet && !context.json;
    // On a terminal the records themselves show how far it is.
    let shows_bar = shows_bar && !(context.terminals.stdout && args.output.is_none());
    let is_json = context.json;
    let mut sink = Sink::new(target, Teller::new(context));
    sink.is_strict = args.many.strict;
    sink.is_json = is_json;
    if shows_bar {
        let bar = bar(length);
        sink.teller.set_bar(bar.clone());
        sink.bar = Some(bar);
    }
    let jobs = args.many.jobs.map_or_else(usual_jobs, usize::from);
    work(chunks, form, sink, jobs, || recorder(hub.clone())).finish()
}

/// The list, and its length in bytes where it has one.
fn open(
    args: &SasTokenArgs,
    path: &Path,
    context: &mut Context,
) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    if path != Path::new("-") {
        let file = file::open(path)?;
        let metadata = file.metadata().ok();
        let length = metadata.and_then(|metadata| metadata.is_file().then_some(metadata.len()));
        return Ok((Box::new(file), length));
    }
    if args
        .connection
        .login
        .as_ref()
        .is_some_and(|login| login.0 == "-")
    {
        return Err(Failure::new(
            Kind::Usage,
            "standard input cannot be both the list and the connection string",
        )
        .hint("Name a file for one of them: --from FILE or --login @FILE."));
    }
    let stdin = std::mem::replace(&mut context.stdin, Box::new(io::empty()));
    Ok((stdin, None))
}

/// The hub of the lines that name none.
fn hub_of(
    args: &SasTokenArgs,
    form: Form,
    first: &str,
    context: &mut Context,
) -> Result<Option<Host>, Failure> {
    if let Some(host) = &args.hub {
        return Ok(Some(host.clone()));
    }
    let is_named = args.connection.login.is_some() || args.connection.profile.is_some();
    let brings_hub = match form {
        Form::ConnectionStrings => true,
        Form::Json => first.contains("\"connectionString\""),
        Form::Csv(_) => false,
    };
    if brings_hub && !is_named {
        return Ok(None);
    }
    let serves = Serves::HubOrDevice;
    let resolved = Settings::resolve(
        &args.connection,
        serves,
        &context.environment,
        &mut context.stdin,
    );
    let settings = match resolved {
        Ok(settings) => settings,
        Err(CredentialError::Missing { .. }) => {
            return Err(
                Failure::new(Kind::Input, "nothing says which hub the tokens are for")
                    .hint("Give its name with --hub, such as --hub contoso.azure-devices.net."),
            );
        }
        Err(error) => return Err(error.into()),
    };
    for warning in &settings.warnings {
        context.warn(&warning.to_string());
    }
    Ok(match settings.connection_string {
        ConnectionString::Hub(hub) => Some(hub.host),
        ConnectionString::Device(device) => Some(device.host),
        ConnectionString::EventHub(_) => None,
    })
}

fn target(args: &SasTokenArgs, context: &mut Context) -> Result<Target, Failure> {
    match args.output.as_deref().filter(|path| *path != "-") {
        Some(path) => Ok(Target::File(Replacement::begin(path)?)),
        None => Ok(Target::Stream(std::mem::replace(
            &mut context.stdout,
            Box::new(io::sink()),
        ))),
    }
}

fn name_of(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    path.display().to_string()
}

fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{spinner} {bytes} {bytes_per_sec}",
        ),
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style)
}
