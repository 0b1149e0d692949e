//! How many messages a second the emulator takes over HTTPS and keeps, how soon it is back after a `kill -9`, and how fast it
//! hands out what it kept.
//!
//! `cargo bench --bench hub [-- MESSAGES]`, a million if not told. The real binary over TLS on both sides, on this machine:
//! `hubctl send` posts each message by itself over sixteen connections that stay, `hubctl monitor-events` reads. Both share the
//! processors with the emulator. Every message is counted.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

mod emulator;

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use emulator::Emulator;

const MESSAGES: usize = 1_000_000;
const RESTARTS: usize = 3;

fn main() {
    let given = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let messages: usize = given.unwrap_or(MESSAGES);
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines");
    write_lines(&lines, messages);

    let data = folder.path().join("data");
    let mut hub = Emulator::start_kept(&data);
    let began = Instant::now();
    let mut send = hub.hubctl(&["send", "-q", "device1", "-", "--lines"]);
    send.args(["--concurrency", "16"]);
    let status = send.stdin(File::open(&lines).unwrap()).status().unwrap();
    assert!(status.success(), "{status}");
    tell("sent and kept over HTTPS", messages, began.elapsed());

    for _ in 0..RESTARTS {
        drop(hub);
        let began = Instant::now();
        hub = Emulator::start_kept(&data);
        let took = began.elapsed().as_secs_f64();
        println!("back after kill -9 in {took:.2} s");
    }
    let events = folder.path().join("events");
    let began = Instant::now();
    let mut read = hub.hubctl(&["monitor-events", "-q", "--from", "earliest"]);
    read.args(["--exit-at-end", "-f", "ndjson"])
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
