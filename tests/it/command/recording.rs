//! `record` and `replay`: what was sent once is sent again as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::DateTime;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::Emulator;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recording.ndjson");
    (folder, file)
}

fn recorded(hub: &Emulator, file: &Path, count: usize) -> Vec<Value> {
    hub.owner(&["record", file.to_str().unwrap(), "-s", "0"])
        .args(&["--count", &count.to_string()])
        .run()
        .success();
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Writes a recording: each event's time in milliseconds, device and what else there is.
fn write(file: &Path, events: &[(i64, &str, Value)]) {
    let lines = events.iter().map(|(time, device, rest)| {
        let time = DateTime::from_timestamp_millis(1_525_338_803_000 + time).unwrap();
        let mut event = json!({
            "partition": "0",
            "enqueuedTime": time.to_rfc3339(),
            "deviceId": device,
            "source": "Telemetry",
            "body": {"n": time.timestamp_millis()},
        });
        let fields = rest.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(fields);
        format!("{event}\n")
    });
    fs::write(file, lines.collect::<String>()).unwrap();
}

/// What the sender says of an event.
fn sent(event: &Value) -> Value {
    let mut event = event.clone();
    let fields = event.as_object_mut().unwrap();
    for name in ["sequenceNumber", "offset", "enqueuedTime", "partition"] {
        fields.shift_remove(name);
    }
    let encoding = fields["systemProperties"].get("content-encoding").cloned();
    fields.insert("systemProperties".to_owned(), json!(encoding));
    event
}

fn enqueued(event: &Value) -> i64 {
    let text = event["enqueuedTime"].as_str().unwrap();
    DateTime::parse_from_rfc3339(text)
        .unwrap()
        .timestamp_millis()
}

#[test]
fn what_is_replayed_is_what_was_recorded() {
    let hub = Emulator::start(&["--partitions", "1", "--device", "device2"]);
    let (folder, first) = folder();
    let binary = folder.path().join("binary");
    fs::write(&binary, [0, 255, 10, 34]).unwrap();
    let binary = format!("@{}", binary.display());
    let odd = "quote=\" \\ 'x' a=b; %20 {n}";
    let calls: [&[&str]; 7] = [
        &[
            "device1",
            "{\"t\": 1.50,  \"n\": 12345678901234567890123}",
            "-p",
            odd,
            "-p",
            "empty=",
        ],
        &[
            "device1",
            &binary,
            "--content-type",
            "application/octet-stream",
        ],
        &[
            "device2",
            "",
            "--message-id",
            "m-1",
            "--correlation-id",
            "c:1",
        ],
        &["device1", "\"hello\""],
        &[
            "device1",
            "\"hello\"",
            "--content-type",
            "text/plain",
            "--content-encoding",
            "utf-16",
        ],
        &["device1", "no json", "--content-type", "application/json"],
        &["device2", "plain \u{1b} text"],
    ];
    for call in calls {
        hub.owner(&["send"]).args(call).run().success();
    }
    let before = recorded(&hub, &first, calls.len());
    assert_eq!(before[1]["bodyBase64"], "AP8KIg==");
    assert!(
        fs::read_to_string(&first)
            .unwrap()
            .contains("{\"t\": 1.50,  \"n\"")
    );

    let other = Emulator::start(&["--partitions", "1", "--device", "device2"]);
    let replayed = other
        .owner(&[
            "replay",
            first.to_str().unwrap(),
            "--speed",
            "max",
            "--concurrency",
            "1",
        ])
        .run();
    assert!(
        replayed.stderr.contains("sent 7, retried 0, failed 0"),
        "{}",
        replayed.stderr
    );
    assert_eq!(replayed.success(), "");
    let second = folder.path().join("second");
    let after = recorded(&other, &second, calls.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(sent(before), sent(after));
    }
}

#[test]
fn events_are_spaced_as_they_were() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let (_folder, file) = folder();
    let events = [0, 300, 900].map(|time| (time, "device1", json!({})));
    write(&file, &events);
    hub.owner(&["replay", file.to_str().unwrap()])
        .run()
        .success();
    let read = recorded(&hub, &file.with_extension("again"), 3);
    let since = |index: usize| enqueued(&read[index]) - enqueued(&read[0]);
    // Not before its time, but for the way there of the first; later only by what this machine has to do beside.
    assert!((200..2300).contains(&since(1)), "{}", since(1));
    assert!((800..2900).contains(&since(2)), "{}", since(2));
}

#[test]
fn speed_shortens_an_hour() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let (_folder, file) = folder();
    let hour = 3_600_000;
    write(
        &file,
        &[(0, "device1", json!({})), (hour, "device1", json!({}))],
    );
    let path = file.to_str().unwrap();
    for speed in ["max", "0", "36000"] {
        let started = Instant::now();
        hub.owner(&["replay", path, "--speed", speed])
            .run()
            .success();
        let took = started.elapsed();
        assert!(took < Duration::from_secs(30), "{speed}: {took:?}");
        assert!(
            speed != "36000" || took >= Duration::from_millis(100),
            "{took:?}"
        );
    }
    assert_eq!(recorded(&hub, &file.with_extension("again"), 6).len(), 6);
}

#[test]
fn half_a_line_at_the_end_is_told_and_passed_over() {
    let hub = Emulator::start(&[]);
    let (_folder, file) = folder();
    write(&file, &[(0, "device1", json!({}))]);
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{whole}{}", &whole[..40])).unwrap();
    let replayed = hub.owner(&["replay", file.to_str().unwrap()]).run();
    assert!(
        replayed.stderr.contains("warning: line 2 is torn"),
        "{}",
        replayed.stderr
    );
    assert!(replayed.stderr.contains("sent 1,"), "{}", replayed.stderr);
    replayed.success();

    // And cut off where the recording is carried on.
    let carried = hub
        .owner(&[
            "record",
            file.to_str().unwrap(),
            "--append",
            "-s",
            "0",
            "--count",
            "1",
        ])
        .run();
    assert!(
        carried.stderr.contains("40 bytes were cut off"),
        "{}",
        carried.stderr
    );
    carried.success();
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with(&whole) && text.lines().count() == 2,
        "{text}"
    );
    assert!(
        text.lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "{text}"
    );
}

#[test]
fn a_line_that_is_no_event_stops_it_by_number() {
    let hub = Emulator::start(&[]);
    let (_folder, file) = folder();
    write(&file, &[(0, "device1", json!({}))]);
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{whole}\n{{\"deviceId\":1}}\n{whole}")).unwrap();
    let path = file.to_str().unwrap();
    let stopped = hub.owner(&["replay", path]).run().failure(3);
    assert!(
        stopped.contains("line 3 of the recording is no event; 1 were posted before it"),
        "{stopped}"
    );
    let skipped = hub
        .owner(&["replay", "-", "--skip-bad"])
        .stdin(fs::read(&file).unwrap())
        .run();
    assert!(
        skipped.stderr.contains("skipped: line 3 is no event: "),
        "{}",
        skipped.stderr
    );
    assert!(
        skipped.stderr.contains("sent 2,") && skipped.stderr.contains("; skipped 1: not events")
    );
    skipped.success();
}

#[test]
fn what_cannot_be_posted_is_reported_by_line_and_the_rest_goes_on() {
    let hub = Emulator::start(&[]);
    let (_folder, file) = folder();
    write(
        &file,
        &[
            (0, "nobody", json!({})),
            (1, "device1", json!({"source": "twinChangeEvents"})),
            (2, "device1", json!({"properties": {"name": "é"}})),
            (3, "device1", json!({"moduleId": "m"})),
            (4, "device1", json!({})),
            (5, "nobody", json!({})),
        ],
    );
    let path = file.to_str().unwrap();
    let replayed = hub.owner(&["replay", path]).run();
    let told = replayed.failure(5);
    for line in [
        "lost: line 1: cannot look up the device \"nobody\"",
        "lost: line 3: its property \"name\" holds what a header cannot carry",
        "lost: line 4: it came from the module \"m\"",
        "lost: line 6: ",
        "sent 1, retried 0, failed 4",
        "; skipped 1: not telemetry",
        "error: 4 of 5 events were lost, line 1 first",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    let to = hub
        .owner(&["replay", path, "--to", "device1", "--json"])
        .run();
    assert_eq!(to.code, 3, "{}", to.stderr);
    let summary: Value = serde_json::from_str(&to.stdout).unwrap();
    assert_eq!(
        (&summary["sent"], &summary["failed"], &summary["skipped"]),
        (&4.into(), &1.into(), &1.into())
    );
    let unknown = hub
        .owner(&["replay", path, "--to", "nobody"])
        .run()
        .failure(5);
    assert!(unknown.contains("and the rest was not posted"), "{unknown}");
}

#[test]
fn a_devices_own_string_posts_its_own_events() {
    let hub = Emulator::start(&["--device", "device2"]);
    let (_folder, file) = folder();
    write(
        &file,
        &[(0, "device1", json!({})), (1, "device2", json!({}))],
    );
    let path = file.to_str().unwrap();
    let own = hub
        .hubctl(&["replay", path, "-l", hub.device("device1")])
        .run()
        .failure(3);
    assert!(
        own.contains("lost: line 2: it is of \"device2\"") && own.contains("sent 1,"),
        "{own}"
    );
    let all = hub
        .hubctl(&[
            "replay",
            path,
            "-l",
            hub.device("device1"),
            "--to",
            "device1",
        ])
        .run();
    assert!(all.stderr.contains("sent 2,"), "{}", all.stderr);
    all.success();
    hub.hubctl(&[
        "replay",
        path,
        "-l",
        hub.device("device1"),
        "--to",
        "device2",
    ])
    .run()
    .failure(2);
    hub.hubctl(&["replay", path, "-l", hub.event_hub()])
        .run()
        .failure(3);
}

#[cfg(unix)]
#[test]
fn an_interrupted_replay_says_what_was_posted() {
    let hub = Emulator::start(&[]);
    let (_folder, file) = folder();
    write(
        &file,
        &[
            (0, "device1", json!({})),
            (86_400_000, "device1", json!({})),
        ],
    );
    let mut reader = hub.owner(&["monitor-events", "-f", "ndjson"]).start();
    reader.wait_for_talk("attached");
    let mut replay = hub
        .owner(&["replay", file.to_str().unwrap(), "--trace"])
        .start();
    reader.wait_for("device1");
    replay.wait_for_talk("trace: < 204");
    let ended = replay.interrupt();
    let told = ended.failure(130);
    assert!(
        told.contains("1 events were posted, the rest was not"),
        "{told}"
    );
}
