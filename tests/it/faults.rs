//! Bad days, each with the real binary: one clear error, the right exit code, and nothing lost.

use serde_json::json;

use crate::support::hostile::KEY;
use crate::support::rest::put_identity;
use crate::support::{Answer, Emulator, HostileHub, Hubctl};

/// A key that is base64 and opens nothing.
const WRONG_KEY: &str = "d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3I=";

fn with_wrong_key(connection_string: &str) -> String {
    let (rest, _) = connection_string.split_once("SharedAccessKey=").unwrap();
    format!("{rest}SharedAccessKey={WRONG_KEY}")
}

#[test]
fn a_wrong_key_is_refused_by_every_command() {
    let hub = Emulator::start(&[]);
    let device = with_wrong_key(hub.device("device1"));
    let owner = with_wrong_key(hub.hub());
    let event_hub = with_wrong_key(hub.event_hub());
    let event_hub = format!("{event_hub};EntityPath={}", hub.text("/eventHub"));
    for arguments in [
        ["send", "device1", "x", "-l", &device].as_slice(),
        &["send", "device1", "x", "-l", &owner],
        &["sas-token", "device1", "-l", &owner],
        &["monitor-events", "-l", &owner],
        &["monitor-events", "-l", &event_hub],
    ] {
        let error = hub.hubctl(arguments).run().failure(4);
        assert!(
            error.contains("because: ") && error.contains("hint: "),
            "{arguments:?}: {error}"
        );
    }
}

#[test]
fn an_expired_token_is_said_to_be_expired() {
    let hub = Emulator::start(&[]);
    let token = hub
        .hubctl(&[
            "sas-token",
            "-l",
            hub.device("device1"),
            "--expires-at",
            "2020-01-01T00:00:00Z",
        ])
        .run()
        .success();
    let (rest, _) = hub
        .device("device1")
        .split_once(";SharedAccessKey=")
        .unwrap();
    let device = format!("{rest};SharedAccessSignature={}", token.trim());
    let error = hub.hubctl(&["send", "device1", "x", "-l", &device]).run();
    let error = error.failure(4);
    assert!(error.contains("expired"), "{error}");
}

#[test]
fn a_clock_that_is_two_hours_off_is_told_from_the_date_header() {
    let past = chrono::Utc::now() - chrono::Duration::hours(2);
    let headers = format!(
        "Date: {}\r\niothub-errorcode: IotHubUnauthorizedAccess\r\n",
        past.format("%a, %d %b %Y %H:%M:%S GMT")
    );
    let body = r#"{"Message":"ErrorCode:IotHubUnauthorizedAccess;Unauthorized","ExceptionMessage":"Tracking ID:abc-G:9"}"#;
    let hub = HostileHub::start(vec![Answer::new("401 Unauthorized", &headers, body)]);
    let error = hostile(&hub, &["send", "device1", "x", "-l", &hub.device()])
        .run()
        .failure(4);
    assert!(
        error.contains("2 h") && error.contains("ahead") && error.contains("clock"),
        "{error}"
    );
    assert!(error.contains("abc-G:9"), "{error}");
}

fn hostile(hub: &HostileHub, arguments: &[&str]) -> Hubctl {
    Hubctl::new(arguments).env("HUBCTL_CA_FILE", hub.ca_file())
}

#[test]
fn a_missing_device_is_said_to_be_missing() {
    let hub = Emulator::start(&[]);
    for command in ["sas-token", "send"] {
        let error = hub
            .owner(&[command, "nobody"])
            .args(if command == "send" { &["x"] } else { &[] })
            .run()
            .failure(5);
        assert!(
            error.contains("nobody") && error.contains("DeviceNotFound"),
            "{error}"
        );
    }
}

#[test]
fn a_disabled_device_is_said_to_be_disabled() {
    let hub = Emulator::start(&[]);
    put_identity(
        &hub,
        "/devices/asleep",
        &json!({"deviceId": "asleep", "status": "disabled", "statusReason": "lost"}),
    );
    let error = hub.owner(&["sas-token", "asleep"]).run().failure(4);
    assert!(
        error.contains("asleep") && error.contains("disabled"),
        "{error}"
    );
    let error = hub.owner(&["send", "asleep", "x"]).run().failure(4);
    assert!(error.contains("disabled"), "{error}");
}

#[test]
fn a_device_that_has_only_certificates_is_said_to_have_no_key() {
    let hub = Emulator::start(&[]);
    let thumbprint = "A".repeat(40);
    for authentication in [
        json!({"type": "certificateAuthority"}),
        json!({"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": thumbprint, "secondaryThumbprint": thumbprint}}),
    ] {
        let id = format!("by-{}", authentication["type"].as_str().unwrap());
        put_identity(
            &hub,
            &format!("/devices/{id}"),
            &json!({"deviceId": id, "authentication": authentication}),
        );
        for command in [["sas-token", &id].as_slice(), &["send", &id, "x"]] {
            let error = hub.owner(command).run().failure(3);
            assert!(
                error.contains(&id) && error.contains("certificate"),
                "{error}"
            );
        }
    }
    let string = "HostName=localhost;DeviceId=d;x509=true";
    for command in [
        ["sas-token", "-l", string].as_slice(),
        &["send", "d", "x", "-l", string],
    ] {
        let error = hub.hubctl(command).run().failure(3);
        assert!(error.contains("certificate"), "{error}");
    }
}

#[test]
fn a_module_has_its_own_key() {
    let hub = Emulator::start(&[]);
    let made = put_identity(
        &hub,
        "/devices/device1/modules/camera",
        &json!({"deviceId": "device1", "moduleId": "camera"}),
    );
    let key = made["authentication"]["symmetricKey"]["primaryKey"]
        .as_str()
        .unwrap();
    let expiry = ["--expires-at", "2100-01-01T00:00:00Z"];
    let looked_up = hub
        .owner(&["sas-token", "device1", "-m", "camera"])
        .args(&expiry)
        .run()
        .success();
    assert!(
        looked_up.contains("%2Fdevices%2Fdevice1%2Fmodules%2Fcamera&sig="),
        "{looked_up}"
    );
    let offline = [
        "sas-token",
        "device1",
        "-m",
        "camera",
        "--hub",
        "localhost",
        "--key",
        "-",
    ];
    let offline = Hubctl::new(&offline)
        .args(&expiry)
        .stdin(key)
        .run()
        .success();
    assert_eq!(looked_up, offline);
    let error = hub
        .owner(&["sas-token", "device1", "-m", "none"])
        .run()
        .failure(5);
    assert!(error.contains("none"), "{error}");
    let string = format!(
        "HostName=localhost:{};DeviceId=device1;ModuleId=camera;SharedAccessKey={key}",
        hub.port("https")
    );
    let error = hub.hubctl(&["send", "device1", "x", "-l", &string]).run();
    assert_ne!(error.code, 0);
    assert!(error.stderr.contains("module"), "{}", error.stderr);
}

#[test]
fn a_string_of_the_wrong_kind_is_named() {
    let hub = Emulator::start(&[]);
    let error = hub
        .hubctl(&["monitor-events", "-l", hub.device("device1")])
        .run()
        .failure(3);
    assert!(error.contains("a device connection string"), "{error}");
    assert!(
        error.contains("Shared access policies") && error.contains("Built-in endpoints"),
        "{error}"
    );
    let error = hub
        .hubctl(&["send", "device1", "x", "-l", hub.event_hub()])
        .run()
        .failure(3);
    assert!(
        error.contains("an Event Hub-compatible connection string"),
        "{error}"
    );
    let error = hub
        .hubctl(&["sas-token", "other", "-l", hub.device("device1")])
        .run()
        .failure(3);
    assert!(
        error.contains("device1") && error.contains("other"),
        "{error}"
    );
}

#[test]
fn a_closed_port_a_lost_name_and_a_strange_ca_are_unreachable() {
    let hub = Emulator::start(&[]);
    // A port that was free a moment ago, and is closed again.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let nobody = format!("HostName=localhost:{closed};DeviceId=device1;SharedAccessKey={KEY}");
    let error = hub
        .hubctl(&["send", "device1", "x", "-l", &nobody])
        .run()
        .failure(9);
    assert!(error.contains(&closed.to_string()), "{error}");
    let lost = format!("HostName=hub.invalid;DeviceId=device1;SharedAccessKey={KEY}");
    let error = hub
        .hubctl(&["send", "device1", "x", "-l", &lost])
        .run()
        .failure(9);
    assert!(error.contains("hub.invalid"), "{error}");
    let lost =
        format!("HostName=hub.invalid;SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}");
    let error = hub
        .hubctl(&["monitor-events", "-l", &lost])
        .run()
        .failure(9);
    assert!(error.contains("hub.invalid"), "{error}");
    for arguments in [["send", "device1", "x"].as_slice(), &["monitor-events"]] {
        let without_ca = Hubctl::new(arguments)
            .env("IOTHUB_CONNECTION_STRING", hub.hub())
            .env("HUBCTL_AMQP_PORT", hub.port("amqps").to_string());
        let error = without_ca.run().failure(9);
        assert!(error.contains("--ca-file"), "{error}");
    }
    let error = hub
        .owner(&["monitor-events", "--amqp-port", &closed.to_string()])
        .run()
        .failure(9);
    assert!(error.contains(&closed.to_string()), "{error}");
}

#[test]
fn throttling_and_failures_are_tried_again_and_told() {
    let bodiless = |status: &str, headers: &str| Answer::new(status, headers, "");
    for first in [
        bodiless("429 Too Many Requests", "Retry-After: 0\r\n"),
        bodiless("500 Internal Server Error", ""),
        bodiless("503 Service Unavailable", "Retry-After: 0\r\n"),
        Answer::Cut("HTTP/1.1 204 No Con".to_owned()),
    ] {
        let hub = HostileHub::start(vec![first.clone(), Answer::taken()]);
        let sent = hostile(&hub, &["send", "device1", "x", "-l", &hub.device()]).run();
        assert_eq!(sent.code, 0, "{first:?}: {}", sent.stderr);
        assert_eq!(hub.requests().len(), 2, "{first:?}");
        assert!(
            sent.stderr.contains("retry: "),
            "{first:?}: {}",
            sent.stderr
        );
    }
}

#[test]
fn what_goes_on_failing_ends_with_its_exit_code() {
    let quota = "Total number of messages on IotHub 'h' exceeded the allocated quota. Max allowed message count: '8000'";
    let quota = format!(
        r#"{{"Message":"ErrorCode:IotHubQuotaExceeded;{quota}","ExceptionMessage":"Tracking ID:q-1"}}"#
    );
    let cases = [
        (
            Answer::new("429 Too Many Requests", "Retry-After: 0\r\n", ""),
            7,
            "429",
        ),
        (
            Answer::new("503 Service Unavailable", "Retry-After: 0\r\n", ""),
            10,
            "503",
        ),
        (
            Answer::new(
                "500 Internal Server Error",
                "Retry-After: 0\r\n",
                "not json",
            ),
            10,
            "500",
        ),
        (Answer::new("403 Forbidden", "", &quota), 7, "q-1"),
        (
            Answer::new(
                "413 Payload Too Large",
                "",
                r#"{"Message":"ErrorCode:MessageTooLarge;too large"}"#,
            ),
            3,
            "413001",
        ),
    ];
    for (answer, code, mention) in cases {
        let hub = HostileHub::start(vec![answer.clone()]);
        let error = hostile(&hub, &["send", "device1", "x", "-l", &hub.device()])
            .run()
            .failure(code);
        assert!(error.contains(mention), "{answer:?}: {error}");
    }
}

#[test]
fn an_answer_that_is_no_identity_is_the_services_failure() {
    for answer in [
        Answer::new("200 OK", "Content-Type: application/json\r\n", "not json"),
        Answer::new("302 Found", "Location: https://elsewhere.invalid/\r\n", ""),
    ] {
        let hub = HostileHub::start(vec![answer]);
        hostile(&hub, &["sas-token", "device1", "-l", &hub.hub()])
            .run()
            .failure(10);
    }
    let hub = HostileHub::start(vec![Answer::Cut(
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"devi".to_owned(),
    )]);
    let error = hostile(&hub, &["sas-token", "device1", "-l", &hub.hub()]).run();
    assert!(
        matches!(error.code, 9 | 10),
        "{} {}",
        error.code,
        error.stderr
    );
}

#[test]
fn a_reader_goes_on_when_its_hub_is_killed_and_started_again() {
    let hub = Emulator::start(&[]);
    let mut reader = hub.owner(&["monitor-events", "-f", "ndjson"]).start();
    reader.wait_for_talk("attached");
    hub.owner(&["send", "device1", "{\"n\":1}"]).run().success();
    reader.wait_for("{\"n\":1}");
    let hub = hub.kill_and_restart(&[]);
    hub.owner(&["send", "device1", "{\"n\":2}"]).run().success();
    reader.wait_for("{\"n\":2}");
    #[cfg(unix)]
    {
        let finished = reader.interrupt();
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        assert_eq!(finished.stdout.lines().count(), 2, "{}", finished.stdout);
        assert!(finished.stderr.contains("2 events"), "{}", finished.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_a_normal_end() {
    let hub = Emulator::start(&[]);
    let line = "x".repeat(4000);
    let lines: String = (0..500)
        .map(|n| format!("{{\"n\":{n},\"line\":\"{line}\"}}\n"))
        .collect();
    hub.owner(&["send", "device1", "-", "--lines", "--quiet"])
        .stdin(lines)
        .run()
        .success();
    let mut reader = hub
        .owner(&["monitor-events", "-s", "0", "-f", "ndjson"])
        .start();
    reader.wait_for("\"n\":0");
    reader.close_stdout();
    let finished = reader.finish();
    assert_eq!(
        (finished.code, finished.stderr.contains("error")),
        (0, false),
        "{}",
        finished.stderr
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let device = format!("HostName=h;DeviceId=d;SharedAccessKey={KEY}");
    let error = Hubctl::new(&["sas-token", "-l", &device, "-o", "/dev/full"])
        .run()
        .failure(3);
    assert!(
        error.contains("/dev/full") && error.contains("No space left"),
        "{error}"
    );
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let error = Hubctl::new(&["sas-token", "-l", &device])
        .stdout(full)
        .run()
        .failure(3);
    assert!(error.contains("No space left"), "{error}");
}
