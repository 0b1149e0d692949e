//! Events that are gone before they were read: counted, told, and nothing else is lost by it.

use super::{read_all, told};
use crate::support::event_hub::{Cue, Fault, Log, Script, Setup};

#[test]
fn what_retention_passed_during_a_break_is_told_once() {
    let logs = vec![Log::of(100), Log::of(100)];
    let cues = [Fault::Trim(60), Fault::Reset].map(|fault| Cue {
        partition: 0,
        before: 40,
        fault,
    });
    let hub = Setup::new(logs.clone(), Script::Cues(cues.into())).start();
    let mut expected = logs;
    // What was under way when it was reset may be gone as well, so only what is there for sure is counted.
    let finished = hub
        .reader(&["--from", "earliest", "--duration", "3s"])
        .run();
    let numbers = |partition: &str| -> Vec<i64> {
        let head = format!("{{\"partition\":\"{partition}\",\"sequenceNumber\":");
        let lines = finished.stdout.lines();
        lines
            .filter_map(|line| line.strip_prefix(&head)?.split(',').next()?.parse().ok())
            .collect()
    };
    let read = numbers("0");
    let before = i64::try_from(read.iter().filter(|number| **number < 60).count()).unwrap();
    assert!(before <= 40);
    expected[0].holes.push(before..60);
    let all = (0..before).chain(60..100).collect::<Vec<i64>>();
    assert_eq!(read, all);
    assert_eq!(numbers("1"), (0..100).collect::<Vec<i64>>());
    let gone = format!(
        "partition 0: {} events are gone, retention has passed them",
        60 - before
    );
    assert_eq!(told(&finished, &gone), 1, "{}", finished.stderr);
    assert_eq!(told(&finished, "missing"), 0, "{}", finished.stderr);
    hub.check();
}

#[test]
fn a_jump_within_the_stream_is_told_and_summed() {
    let mut log = Log::of(1_000);
    log.holes = vec![10..15, 500..800];
    let logs = vec![log];
    let (finished, hub) = read_all(Setup::new(logs, Script::none()), &[]);
    // Both jumps may come in one go.
    let missing: u64 = finished
        .stderr
        .lines()
        .filter_map(|line| {
            let count = line.strip_prefix("partition 0: ")?;
            count
                .split_once(" events are missing")?
                .0
                .parse::<u64>()
                .ok()
        })
        .sum();
    assert_eq!(missing, 305, "{}", finished.stderr);
    hub.check();
}

#[test]
fn a_place_that_retention_has_passed_is_told() {
    let log = Log {
        first: 70,
        ..Log::of(100)
    };
    let hub = Setup::new(vec![log], Script::none()).start();
    for (place, missing) in [
        ("seq:50", 1),
        ("last:90", 0),
        ("earliest", 0),
        ("seq:70", 0),
    ] {
        let finished = hub.reader(&["--from", place, "--count", "30"]).run();
        assert_eq!(finished.stdout.lines().count(), 30, "{}", finished.stderr);
        let told = told(&finished, "partition 0: 20 events are missing");
        assert_eq!(told, missing, "{place}: {}", finished.stderr);
        assert_eq!(finished.stderr.contains("missing"), missing > 0, "{place}");
    }
}
