//! `monitor-events`: where reading ends by itself.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, Utc};
use serde_json::Value;

use crate::support::Emulator;
use crate::support::event_hub::{Fault, Log, Script, Setup};

fn send(hub: &Emulator, bodies: &[&str]) {
    for body in bodies {
        hub.owner(&["send", "device1", body]).run().success();
    }
}

#[test]
fn all_that_is_there_is_read_and_then_it_ends() {
    let hub = Emulator::start(&["--partitions", "4"]);
    let read = hub
        .owner(&["monitor-events", "--from", "earliest", "--exit-at-end"])
        .run();
    assert_eq!(read.success(), "");
    send(&hub, &["a", "b", "c"]);
    let read = |from| {
        let ending = ["monitor-events", "--exit-at-end", "-f", "raw"];
        hub.owner(&ending).args(&["--from", from]).run()
    };
    for from in ["earliest", "last:3", "seq:0", "1h"] {
        assert_eq!(read(from).success(), "a\nb\nc\n", "{from}");
    }
    for from in ["latest", "last:0", "seq:3"] {
        let read = read(from);
        assert!(read.stderr.contains("0 events"), "{}", read.stderr);
        assert_eq!(read.success(), "", "{from}");
    }
    let csv = hub
        .owner(&["monitor-events", "--exit-at-end", "-f", "csv"])
        .run()
        .success();
    assert_eq!(csv.lines().count(), 1, "{csv}");
    // What is in the way of reading is told even where there is nothing to read.
    hub.owner(&["monitor-events", "--exit-at-end", "-c", "theirs"])
        .run()
        .failure(5);
}

#[test]
fn a_count_that_is_not_there_is_missed() {
    let hub = Emulator::start(&[]);
    send(&hub, &["a", "b"]);
    let arguments = ["monitor-events", "-s", "0", "--exit-at-end", "--count"];
    hub.owner(&arguments).args(&["2"]).run().success();
    let missed = hub.owner(&arguments).args(&["3"]).run().failure(12);
    assert!(missed.contains("only 2 of 3"), "{missed}");
    let none = hub
        .owner(&arguments)
        .args(&["1", "--where", "body = c"])
        .run()
        .failure(12);
    assert!(none.contains("only 0 of 1"), "{none}");
}

#[test]
fn an_end_is_reached_across_a_hub_made_anew() {
    let hub = Emulator::start(&["--partitions", "2"]);
    send(&hub, &["old"]);
    let until = Utc::now() + Duration::from_secs(12);
    let mut reader = hub
        .owner(&["monitor-events", "-s", "0", "-f", "raw", "--until"])
        .args(&[&until.to_rfc3339_opts(SecondsFormat::Millis, true)])
        .start();
    reader.wait_for("old");
    let hub = hub.kill_and_restart(&["--partitions", "2"]);
    reader.wait_for_talk("connection lost");
    send(&hub, &["new"]);
    reader.wait_for("new");
    assert_eq!(reader.finish().success(), "old\nnew\n");
}

#[test]
fn a_time_that_has_passed_is_an_end() {
    let hub = Emulator::start(&[]);
    send(&hub, &["a", "b"]);
    let lines = hub
        .owner(&["monitor-events", "-s", "0", "--exit-at-end", "-f", "ndjson"])
        .run()
        .success();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let time = first["enqueuedTime"].as_str().unwrap();
    // Up to and with this time.
    let read = hub
        .owner(&["monitor-events", "-s", "0", "--until", time, "-f", "raw"])
        .run()
        .success();
    assert_eq!(read.lines().next(), Some("a"));
    let read = hub
        .owner(&["monitor-events", "-s", "0", "--until", "now", "-f", "raw"])
        .run()
        .success();
    assert_eq!(read, "a\nb\n");
    let read = hub
        .owner(&["monitor-events", "-s", "2h", "--until", "1h", "-f", "raw"])
        .run()
        .success();
    assert_eq!(read, "");
    let missed = hub
        .owner(&[
            "monitor-events",
            "-s",
            "0",
            "--until",
            "now",
            "--count",
            "3",
        ])
        .run()
        .failure(12);
    assert!(missed.contains("--until"), "{missed}");
    for arguments in [
        ["--until", "1h"].as_slice(),
        &["-s", "1h", "--until", "2h"],
        &["--until", "sometime"],
    ] {
        hub.owner(&["monitor-events"])
            .args(arguments)
            .run()
            .failure(2);
    }
}

#[test]
fn a_time_to_come_is_waited_for() {
    let hub = Emulator::start(&["--partitions", "2"]);
    let until = Utc::now() + Duration::from_secs(6);
    let started = Instant::now();
    let mut reader = hub
        .owner(&["monitor-events", "-f", "raw", "--until"])
        .args(&[&until.to_rfc3339_opts(SecondsFormat::Millis, true)])
        .start();
    reader.wait_for_talk("attached");
    send(&hub, &["a"]);
    reader.wait_for("a");
    assert_eq!(reader.finish().success(), "a\n");
    assert!(started.elapsed() >= Duration::from_secs(6));
}

#[test]
fn a_time_with_a_sign_is_told_what_times_are() {
    let hub = Emulator::start(&[]);
    for option in ["-s", "--until", "--from"] {
        for time in ["-5", "-5m", "soon"] {
            let call = hub.owner(&["monitor-events", option, time]);
            let error = call.run().failure(2);
            assert!(
                error.contains("10m (") && error.contains("milliseconds since 1970"),
                "{option} {time}: {error}"
            );
            assert!(!error.contains("-- -5"), "{error}");
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_left_behind_is_told_even_where_the_hub_answers_no_more() {
    let script = Script::of([(100, Fault::Mute(0))]);
    let hub = Setup::new(vec![Log::of(1000)], script).start();
    let mut reader = hub.reader(&["--from", "earliest"]).start();
    reader.wait_for("\"sequenceNumber\":99,");
    let ended = reader.interrupt();
    let line = ended.stderr.lines().last().unwrap();
    assert_eq!(
        line,
        "interrupted: 100 events; partition 0: 0 to 99; no gaps; at least 900 left behind, the newest 0.9 s later"
    );
    assert_eq!(ended.code, 0);
}

#[test]
fn the_end_comes_with_the_time_and_not_long_after_it() {
    let hub = Emulator::start(&["--partitions", "2"]);
    let lateness = || {
        let until = Utc::now() + Duration::from_secs(2);
        let reader = hub
            .owner(&["monitor-events", "--until"])
            .args(&[&until.timestamp_millis().to_string()])
            .start();
        reader.finish().success();
        (Utc::now() - until).num_milliseconds()
    };
    // A busy machine may be late by itself.
    let best = (0..3).map(|_| lateness()).min().unwrap();
    assert!((0..900).contains(&best), "{best} ms");
}

#[test]
fn what_was_enqueued_before_the_end_is_read_while_more_comes() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let sender = hub
        .owner(&[
            "send", "device1", "x", "--count", "1000000", "--rate", "2000",
        ])
        .args(&["--concurrency", "4"])
        .start();
    let until = Utc::now() + Duration::from_secs(2);
    let until = until.timestamp_millis().to_string();
    let read = |arguments: &[&str]| {
        let call = [
            "monitor-events",
            "--from",
            "earliest",
            "-f",
            "{sequenceNumber}\n",
        ];
        hub.owner(&call).args(arguments).run().success()
    };
    let bounded = read(&["--until", &until]);
    let count = bounded.lines().count().to_string();
    // There is more, or it would not have been cut off in the midst of it.
    let further = (count.parse::<u64>().unwrap() + 1).to_string();
    read(&["--count", &further]);
    sender.kill();
    assert!(!bounded.is_empty());
    assert_eq!(read(&["--until", &until]), bounded);
}
