//! `send`: what is posted arrives, and what is wrong is said.

use std::collections::BTreeMap;

use serde_json::Value;

#[cfg(unix)]
use crate::support::runner::Running;
use crate::support::{Answer, Emulator, HostileHub, Hubctl};

/// Everything that the hub holds, in the order of each partition.
fn events(hub: &Emulator, count: usize) -> Vec<Value> {
    let read = hub
        .owner(&[
            "monitor-events",
            "-s",
            "0",
            "-f",
            "ndjson",
            "--count",
            &count.to_string(),
        ])
        .run()
        .success();
    read.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_message_arrives_with_its_properties() {
    let hub = Emulator::start(&[]);
    let sent = hub
        .owner(&[
            "send",
            "device1",
            "{\"temperature\": 24.5}",
            "-p",
            "alert=true",
            "-p",
            "level=a-b",
        ])
        .args(&["--message-id", "m1", "--correlation-id", "c1"])
        .run();
    assert_eq!(sent.success(), "");
    let event = &events(&hub, 1)[0];
    assert_eq!(event["deviceId"], "device1");
    assert_eq!(event["body"]["temperature"], 24.5);
    assert_eq!(event["properties"]["alert"], "true");
    assert_eq!(event["properties"]["level"], "a-b");
    assert_eq!(
        (&event["messageId"], &event["correlationId"]),
        (&"m1".into(), &"c1".into())
    );
    assert_eq!(event["contentType"], "application/json");
}

#[test]
fn a_body_comes_from_an_argument_a_file_or_stdin() {
    let hub = Emulator::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    std::fs::write(&file, [0xff, 0x00, 0x80]).unwrap();
    hub.owner(&["send", "device1", &format!("@{}", file.display())])
        .run()
        .success();
    hub.owner(&["send", "device1", "-"])
        .stdin("from stdin")
        .run()
        .success();
    hub.owner(&["send", "device1", ""]).run().success();
    let events = events(&hub, 3);
    assert_eq!(events[0]["bodyBase64"], "/wCA");
    assert_eq!(events[1]["body"], "from stdin");
    assert_eq!(events[2]["body"], "");
    assert_eq!(events[1].get("contentType"), None);
}

#[test]
fn lines_are_sent_in_order() {
    let hub = Emulator::start(&[]);
    let lines: String = (0..300).map(|n| format!("{n}\n")).collect();
    let sent = hub
        .owner(&["send", "device1", "-", "--lines"])
        .stdin(lines)
        .run();
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    assert!(
        sent.stderr.contains("sent 300, retried 0, failed 0") && sent.stderr.contains("p99"),
        "{}",
        sent.stderr
    );
    let bodies: Vec<u64> = events(&hub, 300)
        .iter()
        .map(|event| event["body"].as_u64().unwrap())
        .collect();
    assert_eq!(bodies, (0..300).collect::<Vec<_>>());
}

#[test]
fn with_concurrency_nothing_is_lost() {
    let hub = Emulator::start(&[]);
    let lines: String = (0..1000).map(|n| format!("{n}\n")).collect();
    hub.owner(&["send", "device1", "-", "--lines", "--concurrency", "16"])
        .stdin(lines)
        .run()
        .success();
    let mut bodies: Vec<u64> = events(&hub, 1000)
        .iter()
        .map(|event| event["body"].as_u64().unwrap())
        .collect();
    bodies.sort_unstable();
    assert_eq!(bodies, (0..1000).collect::<Vec<_>>());
}

#[test]
fn a_message_is_repeated_by_count() {
    let hub = Emulator::start(&[]);
    hub.owner(&["send", "device1", "x", "--count", "7", "--interval", "1ms"])
        .run()
        .success();
    assert_eq!(events(&hub, 7).len(), 7);
}

#[test]
fn what_no_hub_takes_is_refused_before_it_is_sent() {
    let hub = HostileHub::start(vec![Answer::taken()]);
    let send = |arguments: &[&str]| {
        let device = hub.device();
        Hubctl::new(&["send", "-l", &device, "device1"])
            .env("HUBCTL_CA_FILE", hub.ca_file())
            .args(arguments)
            .run()
    };
    let large = "x".repeat(262_145);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    std::fs::write(&file, large).unwrap();
    let error = send(&[&format!("@{}", file.display())]).failure(3);
    assert!(
        error.contains("262145") && error.contains("262144"),
        "{error}"
    );
    let error = send(&["x", "-p", "naïve=1"]).failure(2);
    assert!(error.contains('ï'), "{error}");
    send(&["x", "-p", "no-equals-sign"]).failure(2);
    let error = send(&["@/nowhere/at/all"]).failure(3);
    assert!(error.contains("/nowhere/at/all"), "{error}");
    assert_eq!(hub.requests(), Vec::<String>::new());
}

#[test]
fn a_value_beyond_the_listed_characters_is_sent_and_warned_of() {
    let hub = Emulator::start(&[]);
    let sent = hub
        .owner(&[
            "send",
            "device1",
            "x",
            "-p",
            "at=2026-01-31T08:00:00Z room 5",
        ])
        .run();
    assert!(
        sent.stderr.contains("warning: ") && sent.stderr.contains("':'"),
        "{}",
        sent.stderr
    );
    sent.success();
    assert_eq!(
        events(&hub, 1)[0]["properties"]["at"],
        "2026-01-31T08:00:00Z room 5"
    );
}

#[test]
fn the_request_is_shown_without_its_token() {
    let hub = HostileHub::start(vec![Answer::taken()]);
    let shown = Hubctl::new(&[
        "send",
        "it's a {message}",
        "--print-request",
        "-l",
        &hub.device(),
    ])
    .run()
    .success();
    assert!(
        shown.starts_with("curl ") && shown.contains("/devices/device1/messages/events"),
        "{shown}"
    );
    assert!(shown.contains(r"'it'\''s a {message}'"), "{shown}");
    assert!(shown.contains("&sig=***&"), "{shown}");
    assert_eq!(hub.requests(), Vec::<String>::new());
}

#[test]
fn the_request_that_is_shown_has_the_real_body() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("it's a body");
    std::fs::write(&file, [0xff, 0x00]).unwrap();
    let at_file = format!("@{}", file.display());
    let device = "HostName=localhost;DeviceId=device1;SharedAccessKey=a2V5";
    let show = |arguments: &[&str], stdin: &[u8]| {
        let shown = Hubctl::new(&["send", "-l", device, "device1", "--print-request"])
            .args(arguments)
            .stdin(stdin)
            .run();
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        (shown.stdout, shown.stderr)
    };
    let (shown, _) = show(&["-"], b"@/etc/hostname");
    assert!(shown.ends_with("--data-raw '@/etc/hostname'\n"), "{shown}");
    let (shown, _) = show(&[&at_file], b"");
    let quoted = at_file.replace('\'', r"'\''");
    let end = format!("--data-binary '{quoted}'\n");
    assert!(shown.ends_with(&end), "{shown}");
    let (shown, told) = show(&["-"], b"\xff\x00");
    assert!(shown.ends_with("--data-binary '@-'\n"), "{shown}");
    assert!(told.contains("pipe it into curl"), "{told}");
    let (shown, _) = show(&["--lines", "--batch"], b"a\nb\n");
    assert!(
        shown.ends_with("--data-raw '[{\"body\":\"YQ==\"},{\"body\":\"Yg==\"}]'\n")
            && shown.contains("application/vnd.microsoft.iothub.json"),
        "{shown}"
    );
    let (shown, _) = show(&["#{n}", "--template"], b"");
    assert!(shown.ends_with("--data-raw '#1'\n"), "{shown}");
}

/// What the Node device SDK sent for the same message, held against what comes from here: the same path, the same
/// properties under the same headers, a token for the same resource, the same body.
#[test]
fn the_request_is_that_of_the_device_sdk() {
    let golden: Value =
        serde_json::from_str(include_str!("../golden/sdk/js_device_http_send.json")).unwrap();
    let golden = &golden["request"];
    let hub = HostileHub::start(vec![Answer::taken()]);
    let sent = Hubctl::new(&[
        "send",
        golden["body"].as_str().unwrap(),
        "-l",
        &hub.device(),
    ])
    .env("HUBCTL_CA_FILE", hub.ca_file())
    .args(&[
        "-p",
        "alert=true",
        "-p",
        "unit=celsius",
        "--message-id",
        "m-1",
        "--correlation-id",
        "c-1",
    ])
    .args(&[
        "--content-type",
        "application/json",
        "--content-encoding",
        "utf-8",
    ])
    .run();
    sent.success();
    let request = hub.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let line = format!(
        "{} {} HTTP/1.1",
        golden["method"].as_str().unwrap(),
        golden["path"].as_str().unwrap()
    );
    assert_eq!(lines.next(), Some(line.as_str()));
    assert_eq!(Some(body), golden["body"].as_str());
    let ours: BTreeMap<String, &str> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(k, v)| (k.to_lowercase(), v))
        .collect();
    let mut compared = 0;
    for (name, value) in golden["headers"].as_object().unwrap() {
        let (name, value) = (name.to_lowercase(), value.as_str().unwrap());
        match name.as_str() {
            // The connection's own, and where the test's message differs: it has no user id and no address.
            "host" | "connection" | "transfer-encoding" | "user-agent" | "iothub-to"
            | "iothub-userid" => {}
            "authorization" => {
                let resource = |token: &str| {
                    token
                        .split('&')
                        .next()
                        .unwrap()
                        .split_once("%2F")
                        .unwrap()
                        .1
                        .to_owned()
                };
                assert_eq!(resource(ours[&name]), resource(value));
            }
            _ => {
                assert_eq!(ours.get(&name), Some(&value), "{name}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 6);
}

#[test]
fn a_device_that_is_gone_is_missing_and_not_refused() {
    let hub = Emulator::start(&[]);
    let gone = hub
        .device("device1")
        .replace("DeviceId=device1", "DeviceId=gone");
    let error = hub.hubctl(&["send", "x", "-l", &gone]).run().failure(5);
    assert!(
        error.contains("does not contain the specified device 'gone'")
            && error.contains("device-identity create -d gone"),
        "{error}"
    );
}

#[test]
fn a_policy_without_the_right_is_told_which_it_lacks() {
    let hub = Emulator::start(&[]);
    let error = hub
        .hubctl(&["send", "device1", "x", "-l", hub.policy("service")])
        .run()
        .failure(4);
    assert!(
        error.contains("lacks the right RegistryRead") && error.contains("registryRead and"),
        "{error}"
    );
}

#[test]
fn a_lone_word_with_a_devices_string_is_the_message() {
    let hub = Emulator::start(&[]);
    hub.hubctl(&["send", "hello", "-l", hub.device("device1")])
        .run()
        .success();
    hub.hubctl(&["send", "device1", "-l", hub.device("device1")])
        .stdin("from stdin")
        .run()
        .success();
    let events = events(&hub, 2);
    assert_eq!(events[0]["body"], "hello");
    assert_eq!(events[1]["body"], "from stdin");
}

#[test]
fn a_module_is_told_that_it_cannot_post() {
    let module = "HostName=localhost;DeviceId=device1;ModuleId=m;SharedAccessKey=a2V5";
    for line in [&["hello"][..], &["other", "hello"], &[]] {
        let error = Hubctl::new(&["send", "-l", module])
            .args(line)
            .run()
            .failure(3);
        assert!(error.contains("over HTTPS"), "{error}");
    }
}

#[test]
fn an_empty_message_must_be_asked_for() {
    let hub = Emulator::start(&[]);
    let error = hub.owner(&["send", "device1"]).run().failure(2);
    assert!(
        error.contains("nothing to send") && error.contains("standard input is empty"),
        "{error}"
    );
    hub.owner(&["send", "device1", "-"]).run().success();
    hub.owner(&["send", "device1", ""]).run().success();
    assert_eq!(events(&hub, 2)[1]["body"], "");
}

#[test]
fn empty_lines_are_skipped_and_counted() {
    let hub = Emulator::start(&[]);
    let sent = hub
        .owner(&["send", "device1", "-", "--lines"])
        .stdin("a\n\nb\n\r\n")
        .run();
    assert!(
        sent.stderr
            .contains("sent 2, retried 0, failed 0, skipped 2 empty lines in"),
        "{}",
        sent.stderr
    );
    sent.success();
}

/// A hub that takes the first message and asks to wait with the second: a run that is long for certain.
#[cfg(unix)]
fn long_run(hub: &HostileHub, arguments: &[&str]) -> Running {
    let running = Hubctl::new(&["send", "x", "--count", "100", "-l", &hub.device()])
        .args(arguments)
        .env("HUBCTL_CA_FILE", hub.ca_file())
        .start();
    // The first is taken; the second waits for its next try.
    hub.wait_for_requests(2);
    running
}

#[cfg(unix)]
#[test]
fn a_wish_to_terminate_ends_a_run_as_ctrl_c_does() {
    let busy = Answer::new("429 Too Many Requests", "Retry-After: 30\r\n", "");
    for [signal, json] in [["-TERM", ""], ["-INT", ""], ["-TERM", "--json"]] {
        let hub = HostileHub::start(vec![Answer::taken(), busy.clone()]);
        let arguments: &[&str] = if json.is_empty() { &[] } else { &[json] };
        let running = long_run(&hub, arguments);
        let id = running.id().to_string();
        let killed = std::process::Command::new("kill")
            .args([signal, &id])
            .status();
        assert!(killed.unwrap().success());
        let ended = running.finish();
        assert_eq!(ended.code, 130, "{}", ended.stderr);
        if json.is_empty() {
            assert!(ended.stderr.contains("sent 1, retried"), "{}", ended.stderr);
        } else {
            let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
            assert_eq!(summary["sent"], 1);
        }
    }
}
