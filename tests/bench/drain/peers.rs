//! Who reads, and how it is timed: from the first event that the source sends to the end of the process.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;

use crate::source::{ENTITY, Source};

#[derive(Clone)]
pub struct Rate {
    pub events_per_second: f64,
    pub cpu_per_million: f64,
    pub peak_mb: f64,
}

impl Rate {
    pub fn median(mut rates: Vec<Self>) -> Option<Self> {
        rates.sort_by(|a, b| a.events_per_second.total_cmp(&b.events_per_second));
        rates.get(rates.len() / 2).cloned()
    }
}

enum Kind {
    Hubctl,
    Proton { program: Option<PathBuf> },
    EventHubs { modules: Option<PathBuf> },
}

pub struct Peer {
    kind: Kind,
    events: u64,
}

impl Peer {
    pub fn hubctl(events: u64) -> Self {
        Self {
            kind: Kind::Hubctl,
            events,
        }
    }

    /// Compiles the program; there is none where the library is missing.
    pub fn proton(folder: &Path, events: u64) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/drain/proton.cpp");
        let program = folder.join("proton");
        let compiled = Command::new("c++")
            .args(["-O2", "-o"])
            .args([&program, &source])
            .args(["-lqpid-proton-cpp"])
            .stderr(Stdio::null())
            .status();
        let is_there = compiled.is_ok_and(|status| status.success());
        let kind = Kind::Proton {
            program: is_there.then_some(program),
        };
        Self { kind, events }
    }

    pub fn event_hubs(events: u64) -> Self {
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/npm/node_modules");
        let modules = modules
            .join("@azure/event-hubs")
            .exists()
            .then_some(modules);
        Self {
            kind: Kind::EventHubs { modules },
            events,
        }
    }

    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Hubctl => "hubctl monitor-events -f ndjson > file",
            Kind::Proton { .. } => "qpid-proton C++, counting",
            Kind::EventHubs { .. } => "@azure/event-hubs, NDJSON > file",
        }
    }

    fn command(&self, source: &Source) -> Option<Command> {
        let count = self.events.to_string();
        Some(match &self.kind {
            Kind::Hubctl => {
                let mut command = hubctl(source);
                command.args(["--from", "earliest", "-f", "ndjson", "--count", &count]);
                command
            }
            Kind::Proton { program } => {
                let mut command = Command::new(program.as_ref()?);
                command
                    .arg(source.port.to_string())
                    .arg(source.certificates.ca_file())
                    .arg(count);
                command
            }
            Kind::EventHubs { modules } => {
                let script =
                    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/drain/event_hubs.js");
                let mut command = Command::new("node");
                command
                    .arg(script)
                    .args([source.port.to_string(), count])
                    .env("NODE_PATH", modules.as_ref()?)
                    .env("NODE_EXTRA_CA_CERTS", source.certificates.ca_file());
                command
            }
        })
    }

    /// Reads its number of events from the source; none where the peer is not there.
    pub fn run(&self, source: &Source, folder: &Path) -> Option<Rate> {
        let output = folder.join("output");
        let mut command = self.command(source)?;
        command.stdout(File::create(&output).unwrap());
        let mut child = command.spawn().unwrap();
        let (status, cost) = wait(&mut child);
        let end = source.started.elapsed().as_secs_f64();
        assert!(status.success(), "{} ended with {status}", self.name());
        let begin = source.account.first_at.load(Ordering::Relaxed) as f64 / 1e6;
        if !matches!(self.kind, Kind::Proton { .. }) {
            let lines = BufReader::new(File::open(&output).unwrap())
                .split(b'\n')
                .count();
            assert_eq!(
                u64::try_from(lines).unwrap(),
                self.events,
                "lines of {}",
                self.name()
            );
        }
        std::fs::remove_file(output).unwrap();
        Some(Rate {
            events_per_second: self.events as f64 / (end - begin),
            cpu_per_million: cost.cpu_seconds / self.events as f64 * 1e6,
            peak_mb: cost.peak_mb,
        })
    }
}

/// The command on the source, without what it is to do there.
pub fn hubctl(source: &Source) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
    command
        .args(["monitor-events", "--quiet", "-l"])
        .arg(format!(
            "Endpoint=sb://localhost:{};SharedAccessKeyName=p;SharedAccessKey=k;EntityPath={ENTITY}",
            source.port
        ))
        .arg("--ca-file")
        .arg(source.certificates.ca_file());
    command
}

pub struct Cost {
    pub cpu_seconds: f64,
    pub peak_mb: f64,
}

/// Waits for a process to end; what it had cost shortly before, read every few milliseconds.
///
/// The system lets go of a process's memory, and of the word of its peak, before anybody can hear of the end; what is left
/// for its parent (`wait4`) is not to be had from the standard library.
fn wait(child: &mut Child) -> (ExitStatus, Cost) {
    let mut last = Cost {
        cpu_seconds: 0.0,
        peak_mb: 0.0,
    };
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (status, last);
        }
        if let Some(cost) = cost(child.id()) {
            last = cost;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// What a process has cost so far, where the system tells.
pub fn cost(process: u32) -> Option<Cost> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let peak_kb: f64 = peak.trim().trim_end_matches(" kB").parse().ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().ok()? + fields[12].parse::<f64>().ok()?;
    Some(Cost {
        cpu_seconds: ticks / 100.0,
        peak_mb: peak_kb / 1024.0,
    })
}
