//! `monitor-events --resume`: over several runs, however they end, nothing is lost.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::runner::Finished;
use crate::support::{Emulator, Hubctl};

fn resume(hub: &Emulator, file: &Path) -> Hubctl {
    hub.owner(&["monitor-events", "-f", "ndjson", "--resume"])
        .args(&[file.to_str().unwrap()])
}

/// Without a JSON format, whose errors are JSON as well.
fn refused(hub: &Emulator, file: &Path) -> Hubctl {
    hub.owner(&["monitor-events", "--resume"])
        .args(&[file.to_str().unwrap()])
}

/// Sends numbered messages of both devices.
fn send(hub: &Emulator, numbers: std::ops::Range<u32>) {
    for device in ["device1", "pump"] {
        let lines: String = numbers
            .clone()
            .map(|number| format!("{number}\n"))
            .collect();
        hub.owner(&["send", device, "--lines", "-"])
            .stdin(lines)
            .run()
            .success();
    }
}

/// The numbers that each device's events carried, in the order of their coming.
fn numbers(text: &str) -> BTreeMap<String, Vec<u64>> {
    let mut numbers = BTreeMap::<String, Vec<u64>>::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let device = event["deviceId"].as_str().unwrap().to_owned();
        let number = event["body"].to_string().trim_matches('"').parse().unwrap();
        numbers.entry(device).or_default().push(number);
    }
    numbers
}

fn positions(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// Waits until the file holds all that was sent so far.
fn wait_for_count(file: &Path, count: i64) {
    let deadline = std::time::Instant::now() + crate::support::runner::LIMIT;
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let places = value["partitions"].as_object().cloned().unwrap_or_default();
        let reached: i64 = places
            .values()
            .filter_map(|place| place["sequenceNumber"].as_i64())
            .map(|number| number + 1)
            .sum();
        if reached == count {
            return;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "{reached} of {count}: {text}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn each_event_comes_once_over_several_runs() {
    let hub = Emulator::start(&["--device", "pump"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("positions.json");
    let mut read = String::new();
    // The first run meets no event at all; what comes during the pause after it is wanted all the same.
    let mut reader = resume(&hub, &file).start();
    reader.wait_for_talk("attached 4/4");
    read += &reader.interrupt().success();
    let mut sent = 0;
    for round in 0..4 {
        send(&hub, sent..sent + 5);
        sent += 5;
        let mut reader = resume(&hub, &file).start();
        let last = format!("\"body\":{}", sent - 1);
        reader.wait_for(&last);
        reader.wait_for(&last);
        if round % 2 == 0 {
            send(&hub, sent..sent + 3);
            sent += 3;
            let last = format!("\"body\":{}", sent - 1);
            reader.wait_for(&last);
            reader.wait_for(&last);
        }
        let ended = reader.interrupt();
        let line = ended.stderr.lines().last().unwrap().to_owned();
        assert!(line.contains("no gaps; nothing left behind"), "{line}");
        read += &ended.success();
    }
    let all: Vec<u64> = (0..sent.into()).collect();
    for (device, numbers) in numbers(&read) {
        assert_eq!(numbers, all, "{device}");
    }
    assert_eq!(numbers(&read).len(), 2);
    let written = positions(&file);
    assert_eq!(written["version"], 1);
    assert_eq!(written["hub"], "localhost");
    assert_eq!(written["consumerGroup"], "$Default");
}

#[test]
fn a_count_ends_behind_the_last_that_was_shown() {
    let hub = Emulator::start(&["--device", "pump"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("positions.json");
    send(&hub, 0..6);
    let mut read = String::new();
    for _ in 0..4 {
        let run = resume(&hub, &file).args(&["--from", "earliest", "--count", "3"]);
        read += &run.run().success();
    }
    let all: Vec<u64> = (0..6).collect();
    assert!(
        numbers(&read).values().all(|numbers| *numbers == all),
        "{read}"
    );
}

#[test]
fn a_run_that_is_killed_loses_nothing() {
    let hub = Emulator::start(&["--device", "pump"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("positions.json");
    send(&hub, 0..5);
    let mut reader = resume(&hub, &file).args(&["--from", "earliest"]).start();
    let mut first = String::new();
    for _ in 0..10 {
        first += &reader.wait_for("\"body\":");
    }
    wait_for_count(&file, 10);
    send(&hub, 5..8);
    for _ in 0..6 {
        first += &reader.wait_for("\"body\":");
    }
    reader.kill();
    send(&hub, 8..10);
    // The lock went with its holder. Only what came after the last save may come again.
    let second = resume(&hub, &file).args(&["-d", "2s"]).run().success();
    for (device, first) in numbers(&first) {
        let second = &numbers(&second)[&device];
        assert!(
            *second.first().unwrap() >= 5 && *second.last().unwrap() == 9,
            "{second:?}"
        );
        let mut both: Vec<u64> = first.iter().chain(second).copied().collect();
        both.sort_unstable();
        both.dedup();
        assert_eq!(both, (0..10).collect::<Vec<u64>>(), "{device}");
    }
}

#[test]
fn two_readers_do_not_share_a_file() {
    let hub = Emulator::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("positions.json");
    let mut reader = resume(&hub, &file).start();
    reader.wait_for_talk("attached 4/4");
    let error = refused(&hub, &file).run().failure(6);
    assert!(
        error.contains("positions.json") && error.contains("another hubctl"),
        "{error}"
    );
    reader.interrupt().success();
    resume(&hub, &file).args(&["-d", "1s"]).run().success();
}

#[test]
fn a_file_of_something_else_is_refused() {
    let hub = Emulator::start(&["--consumer-group", "mine"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("positions.json");
    resume(&hub, &file).args(&["-d", "1s"]).run().success();
    let good = positions(&file);
    let error = refused(&hub, &file).args(&["-c", "mine"]).run().failure(3);
    assert!(
        error.contains("$Default") && error.contains("mine"),
        "{error}"
    );
    let mut others = good.clone();
    others["hub"] = json!("contoso.azure-devices.net");
    std::fs::write(&file, others.to_string()).unwrap();
    let error = refused(&hub, &file).run().failure(3);
    assert!(
        error.contains("contoso.azure-devices.net") && error.contains("localhost"),
        "{error}"
    );
    let mut newer = good.clone();
    newer["version"] = json!(9);
    for (text, word) in [
        (newer.to_string(), "version is 9"),
        ("{]".to_owned(), "no positions"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = refused(&hub, &file).run().failure(3);
        assert!(
            error.contains(word) && error.contains("positions.json"),
            "{error}"
        );
    }
    // One that was made by an event hub's own string says only that; the hub's string leads to another.
    let mut by_string = good.clone();
    by_string.as_object_mut().unwrap().remove("hub");
    by_string["eventHub"] = json!("telemetry");
    std::fs::write(&file, by_string.to_string()).unwrap();
    let error = refused(&hub, &file).run().failure(3);
    let entity = hub.text("/eventHub");
    assert!(
        error.contains("event hub telemetry") && error.contains(entity),
        "{error}"
    );
    assert_eq!(positions(&file), by_string);
    // The same event hub by its own string.
    std::fs::write(&file, good.to_string()).unwrap();
    hub.hubctl(&[
        "monitor-events",
        "-d",
        "1s",
        "--resume",
        file.to_str().unwrap(),
    ])
    .env("EVENTHUB_CONNECTION_STRING", hub.event_hub())
    .run()
    .success();
}

#[test]
fn positions_that_are_of_no_use_are_told() {
    let hub = Emulator::start(&["--device", "pump"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("positions.json");
    send(&hub, 0..4);
    let run = resume(&hub, &file).args(&["--from", "earliest", "--count", "8"]);
    run.run().success();
    let good = positions(&file);
    let count = |run: Finished| {
        let told = run.stderr.clone();
        (run.success().lines().count(), told)
    };
    // A log that ends before the position, and an event hub that is younger than the file's.
    let mut ahead = good.clone();
    for place in ahead["partitions"].as_object_mut().unwrap().values_mut() {
        place["sequenceNumber"] = json!(1000);
    }
    let mut older = good.clone();
    older["createdAt"] = json!("2020-01-01T00:00:00.000Z");
    let mut another = good;
    another["eventHub"] = json!("iothub-ehub-before");
    for useless in [ahead, older, another] {
        std::fs::write(&file, useless.to_string()).unwrap();
        let (count, told) = count(
            resume(&hub, &file)
                .args(&["--count", "8", "-d", "20s"])
                .run(),
        );
        assert_eq!(count, 8, "{told}");
        assert!(told.contains("made anew"), "{told}");
    }
}

#[test]
fn a_second_wish_to_stop_is_heard_at_once() {
    let hub = Emulator::start(&[]);
    let mut reader = hub.owner(&["monitor-events"]).start();
    reader.wait_for_talk("attached 4/4");
    // A hub that has stopped answering keeps a farewell waiting.
    let emulator = hub.id().to_string();
    let signal = |name: &str, id: &str| {
        let sent = Command::new("kill").args([name, id]).status().unwrap();
        assert!(sent.success());
    };
    signal("-STOP", &emulator);
    let id = reader.id().to_string();
    signal("-TERM", &id);
    let asked = std::time::Instant::now();
    let ended = reader.interrupt();
    // The farewell's own limits are a second for each of its steps.
    assert!(asked.elapsed() < std::time::Duration::from_millis(1500));
    signal("-CONT", &emulator);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("0 events"), "{}", ended.stderr);
}

#[test]
fn a_bounded_run_begins_where_the_last_one_ended() {
    let hub = Emulator::start(&["--device", "pump"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ends");
    let run = |arguments: &[&str]| {
        let finished = resume(&hub, &file)
            .args(&["--exit-at-end"])
            .args(arguments)
            .run();
        numbers(&finished.success())
    };
    let each = |numbers: std::ops::Range<u64>| {
        ["device1", "pump"].map(|device| (device.to_owned(), numbers.clone().collect::<Vec<_>>()))
    };
    send(&hub, 0..3);
    assert_eq!(run(&["--from", "earliest"]), BTreeMap::from(each(0..3)));
    // Without --from the default start lies behind all that is there.
    send(&hub, 3..5);
    assert_eq!(run(&[]), BTreeMap::from(each(3..5)));
    assert_eq!(run(&["--from", "earliest"]), BTreeMap::new());
}

#[test]
fn what_lies_beyond_the_end_is_left_to_the_next_run() {
    let hub = Emulator::start(&["--device", "pump"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("until");
    send(&hub, 0..3);
    let earlier = hub
        .owner(&["monitor-events", "--from", "earliest", "--exit-at-end"])
        .args(&["-f", "{enqueuedTime}\n"])
        .run()
        .success();
    let until = earlier.lines().max().unwrap();
    send(&hub, 3..6);
    let bounded = resume(&hub, &file)
        .args(&["--from", "earliest", "--until", until])
        .run();
    let rest = resume(&hub, &file).args(&["--exit-at-end"]).run();
    let (bounded, rest) = (numbers(&bounded.success()), numbers(&rest.success()));
    for device in ["device1", "pump"] {
        let both = [&bounded[device][..], &rest[device]].concat();
        assert_eq!(both, (0..6).collect::<Vec<_>>(), "{bounded:?} {rest:?}");
        assert!(bounded[device].len() >= 3);
    }
}

#[test]
fn a_folder_that_is_not_there_is_not_made() {
    let hub = Emulator::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nodir");
    let error = refused(&hub, &missing.join("positions.json"))
        .run()
        .failure(3);
    let name = missing.display().to_string();
    assert!(
        error.contains(&format!("the folder {name} is not there")),
        "{error}"
    );
    assert!(!missing.exists());
}

#[test]
fn a_run_without_events_leaves_the_file_as_it_is() {
    let hub = Emulator::start(&["--device", "pump"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("positions.json");
    send(&hub, 0..3);
    let run = |arguments: &[&str]| {
        let run = resume(&hub, &file).args(&["--exit-at-end"]);
        run.args(arguments).run().success()
    };
    run(&["--from", "earliest"]);
    let before = positions(&file);
    let places = before["partitions"].as_object().unwrap();
    let with_time = places
        .values()
        .filter(|place| place["enqueuedTime"].is_string());
    assert!(with_time.count() > 0, "{before}");
    assert_eq!(run(&[]), "");
    assert_eq!(positions(&file), before);
}
