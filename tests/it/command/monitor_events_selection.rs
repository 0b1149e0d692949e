//! `monitor-events`: which events are shown.

use crate::support::{Emulator, Hubctl};

/// What `monitor-events` shows with these arguments of all that is there, a body a line.
fn shown(hub: &Emulator, arguments: &[&str]) -> Vec<String> {
    let read = hub
        .owner(&["monitor-events", "-s", "0", "--exit-at-end", "-f", "raw"])
        .args(arguments)
        .run()
        .success();
    let mut lines: Vec<String> = read.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn refused(arguments: &[&str]) -> String {
    let hub = "HostName=localhost;SharedAccessKeyName=p;SharedAccessKey=aw==";
    let call = Hubctl::new(&["monitor-events", "-l", hub]).args(arguments);
    call.run().failure(2)
}

#[test]
fn a_condition_on_the_source_takes_what_the_option_takes() {
    let hub = Emulator::start(&[]);
    hub.owner(&["send", "device1", "hello"]).run().success();
    for condition in ["source = telemetry", "source = Telemetry"] {
        assert_eq!(shown(&hub, &["--where", condition]), ["hello"]);
    }
    for condition in ["source != telemetry", "source = twin"] {
        assert!(shown(&hub, &["--where", condition]).is_empty());
    }
}

#[test]
fn an_offset_that_the_service_refuses_is_the_command_lines() {
    let hub = Emulator::start(&[]);
    let call = hub.owner(&["monitor-events", "--from", "offset:zz", "-d", "5s"]);
    let error = call.run().failure(2);
    for word in [
        "--from offset:zz",
        "'zz' is invalid",
        "--partition N",
        "-s 1h",
    ] {
        assert!(error.contains(word), "{word} is not in {error}");
    }
}

#[test]
fn devices_are_picked_by_pattern() {
    let hub = Emulator::start(&[
        "--device", "device2", "--device", "what?", "--device", "whats",
    ]);
    for device in ["device1", "device2", "what?", "whats"] {
        hub.owner(&["send", device, device]).run().success();
    }
    assert_eq!(shown(&hub, &["device*"]), ["device1", "device2"]);
    assert_eq!(shown(&hub, &["device[2-9]"]), ["device2"]);
    assert_eq!(shown(&hub, &["device[!2]"]), ["device1"]);
    // An id that is a pattern as well matches both ways.
    assert_eq!(shown(&hub, &["what?"]), ["what?", "whats"]);
    assert_eq!(shown(&hub, &["DEVICE?"]), Vec::<String>::new());
    assert_eq!(shown(&hub, &["-m", "*"]), Vec::<String>::new());
    let read = hub
        .owner(&[
            "monitor-events",
            "device*",
            "--from",
            "earliest",
            "--exit-at-end",
        ])
        .run();
    assert!(
        read.stderr
            .starts_with("Monitoring events from devices device*...\n"),
        "{}",
        read.stderr
    );
    refused(&["device 1"]);
    refused(&["-m", "a b"]);
}

#[test]
fn sources_are_told_apart() {
    let hub = Emulator::start(&[]);
    hub.owner(&["send", "device1", "x"]).run().success();
    assert_eq!(shown(&hub, &["--source", "telemetry"]), ["x"]);
    assert_eq!(shown(&hub, &["--source", "twin,telemetry"]), ["x"]);
    assert_eq!(
        shown(
            &hub,
            &["--source", "twin", "--source", "lifecycle,connection"]
        ),
        Vec::<String>::new()
    );
    assert!(refused(&["--source", "jobs"]).contains("telemetry"));
}

#[test]
fn conditions_pick_events() {
    let hub = Emulator::start(&["--device", "device2"]);
    let events: [(&str, &str, &[&str]); 5] = [
        (
            "device1",
            "{\"t\":20,\"tags\":[\"a\",{\"b\":1}]}",
            &["-p", "alert=true"],
        ),
        ("device1", "{\"t\":30.5}", &["-p", "level=10"]),
        (
            "device2",
            "{\"t\":\"31\",\"on\":true}",
            &["-p", "level=9", "-p", "alert=false"],
        ),
        ("device2", "{\"t\":40", &[]),
        ("device1", "plain text", &["-p", "my-key=x"]),
    ];
    for (device, body, properties) in events {
        hub.owner(&["send", device, body])
            .args(properties)
            .run()
            .success();
    }
    let numbers = |condition: &str| {
        let shown = shown(&hub, &["--where", condition]);
        let mut numbers: Vec<usize> = shown
            .iter()
            .map(|line| events.iter().position(|(_, body, _)| body == line).unwrap())
            .collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(numbers("body.t > 25"), [1, 2]);
    assert_eq!(
        numbers("$body.t > 30 AND $connectionDeviceId = 'device1'"),
        [1]
    );
    assert_eq!(numbers("body.tags[1].b = 1"), [0]);
    assert_eq!(numbers("properties.alert = true"), [0]);
    assert_eq!(numbers("properties.alert"), [0]);
    assert_eq!(numbers("properties.level > 9"), [1]);
    assert_eq!(numbers("properties['my-key'] exists or body.on"), [2, 4]);
    assert_eq!(numbers("not (body.t exists)"), [3, 4]);
    assert_eq!(numbers("body ~ text"), [4]);
    assert_eq!(
        numbers("enqueuedTime > 1h and deviceId != device2"),
        [0, 1, 4]
    );
    assert_eq!(numbers("enqueuedTime < 2020-01-01T00:00:00Z"), [0; 0]);
    assert_eq!(
        shown(
            &hub,
            &["--where", "body.t > 25", "--where", "deviceId = device2"]
        )
        .len(),
        1
    );
}

#[test]
fn a_mistake_in_a_condition_is_told_with_its_place() {
    for (condition, column, expected) in [
        ("body.t >", "column 9", "a number"),
        ("temperature > 5", "column 1", "body.PATH"),
        ("body.t > 5)", "column 11", "and, or, or the end"),
        ("enqueuedTime > yesterday", "column 16", "is not a time"),
    ] {
        let error = refused(&["--where", condition]);
        assert!(
            error.contains(column) && error.contains(expected),
            "{error}"
        );
        assert_eq!(error.lines().count(), 3, "{error}");
    }
}

#[test]
fn the_old_tools_short_spellings_are_understood() {
    let hub = Emulator::start(&["--consumer-group", "mine"]);
    hub.owner(&["send", "device1", "x"]).run().success();
    let read = hub
        .owner(&[
            "monitor-events",
            "device1",
            "-cg",
            "mine",
            "-st",
            "0",
            "--count",
            "1",
        ])
        .run();
    assert!(
        read.stderr.contains("consumer group mine"),
        "{}",
        read.stderr
    );
    assert!(read.success().contains("\nx\n"));
    let read = hub
        .owner(&[
            "monitor-events",
            "-cg",
            "theirs",
            "-st",
            "0",
            "--count",
            "1",
        ])
        .run();
    assert!(read.failure(5).contains("theirs"));
}

#[test]
fn a_pattern_with_an_empty_range_is_refused() {
    let hub = Emulator::start(&[]);
    for arguments in [["device[2-1]"].as_slice(), &["-m", "cam[!2-1]"]] {
        let call = hub.owner(&["monitor-events", "--exit-at-end"]);
        let error = call.args(arguments).run().failure(2);
        assert!(
            error.contains(arguments[arguments.len() - 1])
                && error.contains("the range 2-1 is empty; write 1-2"),
            "{error}"
        );
    }
}
