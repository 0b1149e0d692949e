//! `demo`: the whole walk on a hub of its own, by the very commands that do it for real.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use clap::{Args, Command};
use tokio::sync::oneshot;

use super::context::Clock;
use super::{Context, monitor_events, sas_token, send};
use crate::emulator::endpoint::{Endpoints, Ports};
use crate::emulator::hub::options::DEFAULT_RETENTION;
use crate::emulator::server::{Emulator, Options};
use crate::emulator::storage;
use crate::failure::{Failure, Kind};
use crate::tracer::Tracer;

const DEVICE: &str = "device1";
const MESSAGE: &str = "{\"temperature\": 24.5}";
const PARTITIONS: usize = 4;

/// Walk the whole way on a hub of its own: token, message, event
///
/// Starts a local hub on ports that are free, mints a token, posts a message, and shows the event that came of it; over
/// real TLS sockets, with no account and no network. Each step is shown as the command that does it for real.
#[derive(Debug, Args)]
pub struct DemoArgs {}

/// Walks the whole way.
///
/// # Errors
/// That of the step that failed; [`Kind::Service`] when another event came back than was sent.
pub fn run(_args: &DemoArgs, context: &mut Context) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|error| {
        Failure::new(Kind::Input, "cannot make a folder for the demo's keys").because(&error)
    })?;
    context.note("A hub of our own, with one device:\n  $ hubctl emulator --device device1");
    let hub = LocalHub::start(folder.path().to_owned(), context.clock)?;
    let outside = std::mem::replace(&mut context.environment, environment_for(&hub.endpoints));
    let walked = walk(context);
    context.environment = outside;
    hub.stop();
    walked?;
    context.note(
        "\nThe event came back. For real: put your hub's connection string into IOTHUB_CONNECTION_STRING, or give it with\n\
         --login, and leave the emulator out.",
    );
    Ok(())
}

fn walk(context: &mut Context) -> Result<(), Failure> {
    let token = step(
        context,
        "A token for the device",
        &["sas-token", DEVICE],
        sas_token::run,
    )?;
    context.print(&token)?;
    let words = ["send", DEVICE, MESSAGE, "-p", "alert=true"];
    let nothing = step(
        context,
        "A message, posted as the board will",
        &words,
        send::run,
    )?;
    context.print(&nothing)?;
    let words = [
        "monitor-events",
        DEVICE,
        "-s",
        "10m",
        "--count",
        "1",
        "--duration",
        "20s",
    ];
    let event = step(context, "And here it is", &words, monitor_events::run)?;
    context.print(&event)?;
    let text = String::from_utf8_lossy(&event);
    if text.contains("From: 'device1'")
        && text.contains(MESSAGE)
        && text.contains("\"alert\": \"true\"")
    {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Service,
        "the event that came back is not the message that was sent",
    ))
}

/// Runs a command by its words, shown as they would be typed, and returns what it wrote to stdout.
fn step<A: Args>(
    context: &mut Context,
    title: &str,
    words: &[&str],
    run: fn(&A, &mut Context) -> Result<(), Failure>,
) -> Result<Vec<u8>, Failure> {
    context.note(&format!("\n{title}:\n  $ hubctl {}", as_typed(words)));
    let matches = A::augment_args(Command::new("demo")).try_get_matches_from(words);
    let args = matches.and_then(|matches| A::from_arg_matches(&matches));
    let args = args.map_err(|error| {
        Failure::new(Kind::Bug, "the demo's own command is wrong").because(&error)
    })?;
    let kept = Kept::default();
    let stdout = std::mem::replace(&mut context.stdout, Box::new(kept.clone()));
    let result = run(&args, context);
    context.stdout = stdout;
    result.map(|()| kept.take())
}

/// The words as a shell takes them.
fn as_typed(words: &[&str]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=.".contains(c);
    let quote = |word: &&str| {
        if word.chars().all(is_plain) {
            (*word).to_owned()
        } else {
            format!("'{word}'")
        }
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// What a step wrote, kept to be looked at before it is shown.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn take(&self) -> Vec<u8> {
        self.0
            .lock()
            .map(|mut bytes| std::mem::take(&mut *bytes))
            .unwrap_or_default()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self
            .0
            .lock()
            .map_err(|_| io::Error::other("a writer has panicked"))?;
        kept.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn environment_for(endpoints: &Endpoints) -> crate::config::Environment {
    let variables = [
        (
            "IOTHUB_CONNECTION_STRING",
            endpoints.owner_string().expose().to_owned(),
        ),
        ("HUBCTL_CA_FILE", endpoints.ca_file.display().to_string()),
        ("HUBCTL_AMQP_PORT", endpoints.ports.amqps.to_string()),
    ];
    variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A hub in a thread of its own, for the steps run as they do for real, one after the other, each on its own runtime.
struct LocalHub {
    endpoints: Endpoints,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), Failure>>,
}

impl LocalHub {
    fn start(data_dir: std::path::PathBuf, clock: Clock) -> Result<Self, Failure> {
        let options = Options {
            address: std::net::IpAddr::from([127, 0, 0, 1]),
            hosts: Vec::new(),
            ports: Ports {
                https: 0,
                amqps: 0,
                amqp: None,
                mqtts: 0,
                admin: None,
            },
            data_dir,
            keep: false,
            partitions: Some(PARTITIONS),
            retention: DEFAULT_RETENTION,
            retention_bytes: None,
            storage: storage::Options::default(),
            troubles: Vec::new(),
            seed: 0,
            consumer_groups: Vec::new(),
            routes: Vec::new(),
            enrichments: Vec::new(),
            device_authorities: Vec::new(),
            devices: vec![DEVICE.to_owned()],
        };
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            Context::block_on(async move {
                let running = Emulator::start(options, clock, Tracer::default()).await?;
                // Whoever waits for it goes on, or has gone.
                let _ = ready.send(running.endpoints().clone());
                let _ = stopped.await;
                running.stop().await;
                Ok(())
            })
        });
        match started.recv() {
            Ok(endpoints) => Ok(Self {
                endpoints,
                stop,
                thread,
            }),
            Err(_) => Err(outcome(thread)
                .err()
                .unwrap_or_else(|| Failure::new(Kind::Bug, "the hub did not start"))),
        }
    }

    fn stop(self) {
        // A hub that has ended by itself needs no stopping; the walk has told what came of it.
        let _ = self.stop.send(());
        let _ = outcome(self.thread);
    }
}

fn outcome(thread: JoinHandle<Result<(), Failure>>) -> Result<(), Failure> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Failure::new(Kind::Bug, "the hub's thread has panicked")))
}
