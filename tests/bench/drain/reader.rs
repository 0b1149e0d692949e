//! What it is like to watch: how soon events are seen, and what waiting costs.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::emulator::Emulator;
use crate::peers::{cost, hubctl};
use crate::source::{Source, since_epoch};

/// How long nothing is read. Standard output's buffer in a pipe is 64 KB; long after it is full, memory must have stopped
/// growing.
const STALL: Duration = Duration::from_secs(5);

/// How long nothing comes: the time over which the processor's is taken, and not a wait for anything.
const IDLE: Duration = Duration::from_secs(30);

/// From enqueued to written, over a pipe, for each of the source's events.
pub fn live(source: &Source) {
    const EVENTS: usize = 10_000;
    let mut child = hubctl(source)
        .args([
            "--from",
            "earliest",
            "-f",
            "ndjson",
            "--count",
            &EVENTS.to_string(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut waits = Vec::with_capacity(EVENTS);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        let seen = since_epoch();
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        let enqueued =
            chrono::DateTime::parse_from_rfc3339(event["enqueuedTime"].as_str().unwrap()).unwrap();
        let enqueued = Duration::from_millis(enqueued.timestamp_millis().try_into().unwrap());
        waits.push(seen.saturating_sub(enqueued));
        line.clear();
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(waits.len(), EVENTS);
    waits.sort();
    println!(
        "live, 1,000 events/s: seen {:.1} ms (median), {:.1} ms (p99), {:.1} ms (longest) after they were enqueued; \
         the clock of events has whole milliseconds, so up to 1 ms of each is rounding",
        milliseconds(waits[EVENTS / 2]),
        milliseconds(waits[EVENTS * 99 / 100]),
        milliseconds(waits[EVENTS - 1]),
    );
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// From start to the first event, whole process, redirect included.
pub fn first(folder: &Path) {
    const ROUNDS: usize = 21;
    let hub = Emulator::start_kept(&folder.join("hub"));
    let sent = hub
        .hubctl(&["send", "device1", "{\"t\":1}", "--quiet"])
        .status()
        .unwrap();
    assert!(sent.success());
    let mut waits: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            let mut child = hub
                .hubctl(&["monitor-events", "--quiet", "--from", "earliest"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut byte = [0];
            child.stdout.take().unwrap().read_exact(&mut byte).unwrap();
            let wait = started.elapsed();
            child.kill().unwrap();
            child.wait().unwrap();
            wait
        })
        .collect();
    waits.sort();
    println!(
        "first event, redirect included: {:.1} ms after start (median of {ROUNDS}), {:.1} ms (longest)",
        milliseconds(waits[ROUNDS / 2]),
        milliseconds(waits[ROUNDS - 1])
    );
}

/// Processor time with nothing coming.
pub fn idle(folder: &Path) {
    let hub = Emulator::start_kept(&folder.join("hub"));
    let mut child = hub
        .hubctl(&["monitor-events"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("attached") {
        line.clear();
        assert!(talk.read_line(&mut line).unwrap() > 0);
    }
    let before = cost(child.id()).unwrap();
    std::thread::sleep(IDLE);
    let after = cost(child.id()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    println!(
        "idle, four partitions attached: {:.2} % of a core over {} s (the system counts in 10 ms), {:.1} MB",
        (after.cpu_seconds - before.cpu_seconds) / IDLE.as_secs_f64() * 100.0,
        IDLE.as_secs(),
        after.peak_mb
    );
}

/// Memory while the pipe is not read and the source has no end.
pub fn stall(source: &Source) {
    let mut child = hubctl(source)
        .args(["--from", "earliest", "-f", "ndjson"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(STALL);
    let stalled = cost(child.id()).unwrap();
    let sent = source.account.sent.load(Ordering::Relaxed);
    // Then it is read for a while, and has to go on.
    let mut out = child.stdout.take().unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut read = 0;
    let began = Instant::now();
    while began.elapsed() < STALL {
        read += out.read(&mut buffer).unwrap();
    }
    let after = cost(child.id()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    println!(
        "stalled for {} s: {:.1} MB with {sent} events sent; then {:.0} MB read in {} s: {:.1} MB",
        STALL.as_secs(),
        stalled.peak_mb,
        read as f64 / 1e6,
        STALL.as_secs(),
        after.peak_mb
    );
}
