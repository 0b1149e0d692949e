//! How many messages a second the emulator takes over HTTPS and keeps, how soon it is back after a `kill -9`, and how fast it
//! hands out what it kept.
//!
//! `cargo bench --bench hub [-- MESSAGES]`, a million if not told. The real binary over TLS on both sides, on this machine:
//! `hubctl send` posts each message by itself over sixteen connections that stay, `hubctl monitor-events` reads. Both share the
//! processors with the emulator. Every message is counted.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MESSAGES: usize = 1_000_000;
const RESTARTS: usize = 3;

/// An emulator that keeps its events in a folder.
struct Hub {
    child: Child,
    connection_string: String,
    ca_file: String,
    amqps_port: u64,
    started_in: Duration,
}

impl Drop for Hub {
    fn drop(&mut self) {
        // SIGKILL: nothing is put in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Hub {
    fn start(folder: &Path) -> Self {
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_hubctl"))
            .args(["emulator", "--quiet", "--device", "device1", "--data-dir"])
            .arg(folder)
            .args(["--https-port", "0", "--amqps-port", "0"])
            .args(["--mqtts-port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let started_in = began.elapsed();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            child,
            connection_string: text("hubConnectionString"),
            ca_file: text("caFile"),
            amqps_port: ready["ports"]["amqps"].as_u64().unwrap(),
            started_in,
        }
    }

    fn hubctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
        command.args(arguments).args(["-q", "--ca-file"]);
        command.arg(&self.ca_file);
        command.env("IOTHUB_CONNECTION_STRING", &self.connection_string);
        command
    }
}

fn main() {
    let given = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let messages: usize = given.unwrap_or(MESSAGES);
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines");
    write_lines(&lines, messages);

    let data = folder.path().join("data");
    let mut hub = Hub::start(&data);
    let began = Instant::now();
    let mut send = hub.hubctl(&["send", "device1", "-", "--lines", "--concurrency", "16"]);
    let status = send.stdin(File::open(&lines).unwrap()).status().unwrap();
    assert!(status.success(), "{status}");
    tell("sent and kept over HTTPS", messages, began.elapsed());

    for _ in 0..RESTARTS {
        drop(hub);
        hub = Hub::start(&data);
        println!(
            "back after kill -9 in {:.2} s",
            hub.started_in.as_secs_f64()
        );
    }
    let events = folder.path().join("events");
    let began = Instant::now();
    let mut read = hub.hubctl(&["monitor-events", "--from", "earliest", "--exit-at-end"]);
    read.args(["-f", "ndjson", "--amqp-port"])
        .arg(hub.amqps_port.to_string())
        .stdout(File::create(&events).unwrap());
    let status = read.status().unwrap();
    assert!(status.success(), "{status}");
    tell("read from the store", messages, began.elapsed());
    let found = BufReader::new(File::open(&events).unwrap()).lines().count();
    assert_eq!(found, messages, "what is read is what was sent");
}

fn write_lines(path: &Path, count: usize) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    for number in 0..count {
        let padding = "x".repeat(160);
        writeln!(file, "{{\"number\":{number},\"padding\":\"{padding}\"}}").unwrap();
    }
    file.flush().unwrap();
}

fn tell(what: &str, messages: usize, took: Duration) {
    // Far fewer than a double counts.
    let rate = u32::try_from(messages).map_or(f64::NAN, f64::from) / took.as_secs_f64();
    println!(
        "{what}: {rate:.0} messages/s ({messages} in {:.1} s)",
        took.as_secs_f64()
    );
}
