//! `monitor-events`: what a hub holds is shown as it is, once, and the end has its reason.

use serde_json::Value;

use crate::support::{Answer, Emulator, HostileHub};

#[test]
fn the_text_is_that_of_the_contract() {
    let hub = Emulator::start(&[]);
    hub.owner(&[
        "send",
        "device1",
        "{\"temperature\": 24.5}",
        "-p",
        "alert=true",
    ])
    .run()
    .success();
    hub.owner(&["send", "device1", "plain"]).run().success();
    let json = hub
        .owner(&["monitor-events", "-s", "0", "--count", "2", "-f", "ndjson"])
        .run()
        .success();
    let times: Vec<String> = json
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["enqueuedTime"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let read = hub
        .owner(&["monitor-events", "device1", "-s", "0", "--count", "2"])
        .run();
    assert!(
        read.stderr
            .starts_with("Monitoring events from device device1...\n"),
        "{}",
        read.stderr
    );
    assert_eq!(
        read.success(),
        format!(
            "==== From: 'device1' at '{}' ====\n\
             {{\"temperature\": 24.5}}\n\
             ---- application properties ----\n\
             {{\n  \"alert\": \"true\"\n}}\n\
             ====================\n\
             ==== From: 'device1' at '{}' ====\n\
             plain\n\
             ====================\n",
            times[0], times[1]
        )
    );
}

#[test]
fn the_hubs_string_and_the_event_hubs_read_the_same() {
    let hub = Emulator::start(&["--partitions", "2", "--device", "device2"]);
    for device in ["device1", "device2"] {
        hub.owner(&["send", device, "{\"from\":\"here\"}"])
            .run()
            .success();
    }
    let arguments = ["monitor-events", "-s", "0", "--count", "2", "-f", "ndjson"];
    let sorted = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let by_hub = hub.owner(&arguments).run();
    assert!(by_hub.stderr.contains("redirected"), "{}", by_hub.stderr);
    let by_event_hub = hub
        .hubctl(&arguments)
        .env("EVENTHUB_CONNECTION_STRING", hub.event_hub())
        .run()
        .success();
    assert_eq!(sorted(by_hub.success()), sorted(by_event_hub));
}

#[test]
fn one_device_alone_is_shown() {
    let hub = Emulator::start(&["--device", "Device1"]);
    for device in ["device1", "Device1", "device1"] {
        hub.owner(&["send", device, device]).run().success();
    }
    let read = hub
        .owner(&[
            "monitor-events",
            "device1",
            "-s",
            "0",
            "--count",
            "2",
            "-f",
            "ndjson",
        ])
        .run()
        .success();
    assert!(
        read.lines()
            .all(|line| line.contains("\"body\":\"device1\"")),
        "{read}"
    );
}

#[test]
fn a_start_in_time_leaves_out_what_was_before() {
    let hub = Emulator::start(&[]);
    hub.owner(&["send", "device1", "old"]).run().success();
    let old = hub
        .owner(&["monitor-events", "-s", "0", "--count", "1", "-f", "ndjson"])
        .run()
        .success();
    let old: Value = serde_json::from_str(&old).unwrap();
    let mut reader = hub
        .owner(&["monitor-events", "-f", "ndjson", "--count", "1"])
        .start();
    reader.wait_for_talk("attached");
    hub.owner(&["send", "device1", "new"]).run().success();
    let new: Value = serde_json::from_str(&reader.finish().success()).unwrap();
    assert_eq!((&old["body"], &new["body"]), (&"old".into(), &"new".into()));
    assert_eq!(
        new["sequenceNumber"].as_i64(),
        old["sequenceNumber"].as_i64().map(|number| number + 1)
    );
    let since = new["enqueuedTime"].as_str().unwrap();
    let read = hub
        .owner(&[
            "monitor-events",
            "-s",
            since,
            "--count",
            "1",
            "-f",
            "ndjson",
        ])
        .run()
        .success();
    assert!(read.contains("\"body\":\"new\""), "{read}");
}

#[test]
fn a_count_that_does_not_come_is_missed() {
    let hub = Emulator::start(&[]);
    hub.owner(&["send", "device1", "x"]).run().success();
    let missed = hub
        .owner(&["monitor-events", "-s", "0", "--count", "2", "-d", "1s"])
        .run();
    assert_eq!(missed.code, 12, "{}", missed.stderr);
    let over = hub.owner(&["monitor-events", "-s", "0", "-d", "1s"]).run();
    assert_eq!(over.code, 0, "{}", over.stderr);
    assert!(over.stderr.contains("1 event"), "{}", over.stderr);
}

#[test]
fn one_partition_alone_can_be_read() {
    let hub = Emulator::start(&["--partitions", "2"]);
    hub.owner(&["send", "device1", "x"]).run().success();
    let everywhere = hub
        .owner(&["monitor-events", "-s", "0", "--count", "1", "-f", "ndjson"])
        .run()
        .success();
    let event: Value = serde_json::from_str(&everywhere).unwrap();
    let partition = event["partition"].to_string().trim_matches('"').to_owned();
    let other = if partition == "0" { "1" } else { "0" };
    let here = hub
        .owner(&[
            "monitor-events",
            "-s",
            "0",
            "--count",
            "1",
            "--partition",
            &partition,
            "-f",
            "ndjson",
        ])
        .run();
    assert_eq!(here.success(), everywhere);
    let there = hub
        .owner(&[
            "monitor-events",
            "-s",
            "0",
            "-d",
            "1s",
            "--partition",
            other,
        ])
        .run();
    assert_eq!(there.success(), "");
    let error = hub.owner(&["monitor-events", "--partition", "7"]).run();
    assert_ne!(error.code, 0);
    assert!(
        error.stderr.contains('7') && error.stderr.contains("0, 1"),
        "{}",
        error.stderr
    );
}

#[test]
fn a_missing_consumer_group_is_named() {
    let hub = Emulator::start(&["--consumer-group", "mine"]);
    hub.owner(&["send", "device1", "x"]).run().success();
    hub.owner(&["monitor-events", "-s", "0", "-c", "mine", "--count", "1"])
        .run()
        .success();
    let error = hub
        .owner(&["monitor-events", "-c", "theirs"])
        .run()
        .failure(5);
    assert!(
        error.contains("theirs") && error.contains("consumer group"),
        "{error}"
    );
}

#[test]
fn a_sixth_reader_is_told_to_take_another_group() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let readers: Vec<_> = (0..5)
        .map(|_| {
            let mut reader = hub.owner(&["monitor-events"]).start();
            reader.wait_for_talk("attached");
            reader
        })
        .collect();
    let sixth = hub.owner(&["monitor-events"]).run();
    assert!([6, 7].contains(&sixth.code), "{}", sixth.stderr);
    assert!(
        sixth.stderr.contains("consumer group") && sixth.stderr.contains("-c"),
        "{}",
        sixth.stderr
    );
    drop(readers);
}

#[test]
fn a_policy_without_service_connect_is_told_which_has_it() {
    let hub = Emulator::start(&[]);
    for policy in ["device", "registryRead"] {
        let error = hub
            .hubctl(&["monitor-events", "-l", hub.policy(policy)])
            .run()
            .failure(4);
        assert!(
            error.contains("ServiceConnect") || error.contains("service connect"),
            "{error}"
        );
        assert!(error.contains("iothubowner"), "{error}");
    }
    hub.owner(&["send", "device1", "x"]).run().success();
    hub.hubctl(&[
        "monitor-events",
        "-s",
        "0",
        "--count",
        "1",
        "-l",
        hub.policy("service"),
    ])
    .run()
    .success();
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_with_a_count() {
    let hub = Emulator::start(&[]);
    let mut reader = hub.owner(&["monitor-events", "device1"]).start();
    reader.wait_for_talk("attached");
    hub.owner(&["send", "device1", "x"]).run().success();
    reader.wait_for("====================");
    let finished = reader.interrupt();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(
        finished.stderr.lines().last().unwrap().contains("1 event"),
        "{}",
        finished.stderr
    );
}

#[test]
fn the_event_hubs_emulators_port_is_read_without_tls() {
    let hub = Emulator::start(&["--plain-amqp-port", "0"]);
    hub.owner(&["send", "device1", "x"]).run().success();
    let string = hub.text("/emulatorConnectionString");
    let read = hub
        .hubctl(&["monitor-events", "-l", string, "-s", "0", "--count", "1"])
        .run();
    assert!(read.success().contains("\nx\n"));
}

#[test]
fn hostile_bodies_stay_one_line_each() {
    let hub = Emulator::start(&[]);
    let bodies: [&[u8]; 7] = [
        b"{\n\"a\":\n1}",
        b"{\"a\":1e999}",
        b"\"\\ud800\"",
        b"123456789012345678901234567890",
        b"\xff\xfe",
        b"a\0b\nc",
        b"",
    ];
    for body in bodies {
        hub.owner(&["send", "device1", "-"])
            .stdin(body)
            .run()
            .success();
    }
    let read = hub
        .owner(&["monitor-events", "-s", "0", "--count", "7", "-f", "ndjson"])
        .run()
        .success();
    let lines: Vec<&str> = read.lines().collect();
    assert_eq!(lines.len(), 7, "{read}");
    for line in &lines {
        serde_json::from_str::<serde::de::IgnoredAny>(line)
            .unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    assert!(
        lines[3].contains("123456789012345678901234567890"),
        "{}",
        lines[3]
    );
    assert!(lines[4].contains("\"bodyBase64\":\"//4=\""), "{}", lines[4]);
}

#[test]
fn a_refusal_is_held_against_the_hubs_clock() {
    let past = chrono::Utc::now() - chrono::Duration::hours(2);
    let date = format!("Date: {}\r\n", past.format("%a, %d %b %Y %H:%M:%S GMT"));
    let rest = HostileHub::start(vec![Answer::new("401 Unauthorized", &date, "{}")]);
    let amqp = Emulator::start(&[]);
    // One name, two servers: REST with a clock of its own, and AMQP that knows another key.
    let folder = tempfile::tempdir().unwrap();
    let both = folder.path().join("both.pem");
    let certificates = [
        std::fs::read_to_string(rest.ca_file()).unwrap(),
        std::fs::read_to_string(amqp.text("/caFile")).unwrap(),
    ];
    std::fs::write(&both, certificates.concat()).unwrap();
    let error = amqp
        .hubctl(&["monitor-events", "-l", &rest.hub()])
        .env("HUBCTL_CA_FILE", &both)
        .run()
        .failure(4);
    assert!(error.contains("2 h") && error.contains("clock"), "{error}");
}

#[test]
fn slips_in_where_to_begin_are_told() {
    let hub = Emulator::start(&[]);
    let read = hub
        .owner(&["monitor-events", "-s", "1795422172", "-d", "1s"])
        .run();
    assert!(
        read.stderr.contains("warning: ") && read.stderr.contains("2026-11-23T08:22:52Z"),
        "{}",
        read.stderr
    );
    let error = hub
        .owner(&["monitor-events", "-s", "2026-11-23T08:22:52"])
        .run()
        .failure(2);
    assert!(error.contains("2026-11-23T08:22:52Z"), "{error}");
    for place in ["offset:", "seq:x", "last:", "sometime"] {
        hub.owner(&["monitor-events", "--from", place])
            .run()
            .failure(2);
    }
}
