//! Hundreds of thousands of events under a fault every few thousand, by a seed: each comes once, in order.
//!
//! `SOAK_EVENTS` makes it longer, `SOAK_SEED` another, `SOAK_PAUSE` says how many events lie between two faults at the least.
//! What happened is told, with the memory that it took:
//! `SOAK_EVENTS=10000000 cargo test --release --test it soak -- --nocapture`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::Instant;

use super::check::Check;
use crate::support::event_hub::{Log, Script, Setup};

const PARTITIONS: usize = 8;

fn number(name: &str, otherwise: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(otherwise, |value| value.parse().unwrap())
}

/// Mostly small, now and then of several frames.
fn fill(number: i64) -> usize {
    match number % 1_009 {
        0 => 150_000,
        left => usize::try_from(left % 97).unwrap(),
    }
}

#[test]
fn a_soak_under_faults_of_all_kinds_gives_each_event_once() {
    let events = number("SOAK_EVENTS", 200_000);
    let seed = number("SOAK_SEED", 7);
    let each = i64::try_from(events).unwrap() / i64::try_from(PARTITIONS).unwrap();
    let logs = vec![
        Log {
            fill,
            ..Log::of(each)
        };
        PARTITIONS
    ];
    // A fault costs a moment whatever comes in between; a long run is for many events rather than for many faults.
    let pause = number("SOAK_PAUSE", 1_200.max(events / 2_000));
    let mut setup = Setup::new(logs.clone(), Script::seeded(seed, pause));
    setup.manners.idle_time_out = 5_000;
    setup.manners.cuts = &[30_011, 1, 64_000, 17];
    let hub = setup.start();
    let (reader, writer) = std::io::pipe().unwrap();
    let started = Instant::now();
    let count = each.unsigned_abs() * PARTITIONS as u64;
    let running = hub
        .reader(&["--from", "earliest", "--idle-timeout", "1s"])
        .args(&["--count", &count.to_string()])
        .stdout(writer)
        .start();
    let mut check = Check::new(&logs);
    let mut lines = BufReader::new(reader);
    let mut line = String::new();
    let mut peak = 0;
    while lines.read_line(&mut line).unwrap() > 0 {
        check.line(&line);
        line.clear();
        if check.count.is_multiple_of(10_000) {
            peak = running.peak_memory().unwrap_or(peak);
        }
    }
    let finished = running.finish();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    check.finish();
    let state = hub.conduct();
    let Script::Seeded(seeded) = &state.setup.script else {
        unreachable!()
    };
    let faults: u32 = seeded.played.values().sum();
    assert!(
        u64::from(faults) > events / pause / 5,
        "{:?}",
        seeded.played
    );
    assert!(!finished.stderr.contains("panic"), "{}", finished.stderr);
    let _ = writeln!(
        std::io::stderr(),
        "soak: seed {seed}, {} events, {faults} faults {:?}, {} connections, {} links, {:.1} s, at most {peak} KB",
        check.count,
        seeded.played,
        state.conduct.connections,
        state.conduct.attaches.len(),
        started.elapsed().as_secs_f32(),
    );
}
