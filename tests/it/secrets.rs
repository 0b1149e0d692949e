//! No key shows anywhere: every command, with its trace, its successes and its failures.

use crate::support::{Emulator, Hubctl};

/// A key that is base64 and opens nothing, and so is told of in failures, or rather not.
const WRONG_KEY: &str = "d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3I=";

#[test]
fn no_command_shows_a_key() {
    let hub = Emulator::start(&["--trace"]);
    let mut secrets = hub.secrets();
    assert!(secrets.len() >= 6, "five policies and a device have keys");
    secrets.push(WRONG_KEY.to_owned());
    let device = hub.device("device1");
    let wrong = |text: &str| {
        format!(
            "{}SharedAccessKey={WRONG_KEY}",
            text.split("SharedAccessKey=").next().unwrap()
        )
    };
    let (wrong_device, wrong_hub) = (wrong(device), wrong(hub.hub()));
    let broken = format!("{device}*");
    let misplaced = format!("{};{}", hub.secrets()[0], hub.hub());
    let token = hub.hubctl(&["sas-token", "-l", device]).run().success();
    let token = token.trim_end();
    let calls: Vec<Vec<&str>> = vec![
        vec!["sas-token", "device1"],
        vec!["sas-token", "-l", device, "-f", "json"],
        vec!["sas-token", "-l", device, "-f", "c"],
        vec!["sas-token", "-l", device, "-f", "rust"],
        vec!["sas-token", "-l", device, "-f", "env"],
        vec!["sas-token", "--policy"],
        vec!["sas-token", "nobody"],
        vec!["sas-token", "device1", "-l", &wrong_hub],
        vec!["sas-token", "-l", &broken],
        vec!["sas-token", "device1", "-l", &misplaced],
        vec!["send", "device1", "{\"n\":1}", "-p", "a=b"],
        vec!["send", "device1", "x", "--print-request"],
        vec!["send", "device1", "x", "-l", device],
        vec!["send", "device1", "x", "-l", &wrong_device],
        vec!["send", "device1", "x", "-l", &broken],
        vec!["monitor-events", "-s", "0", "--count", "1"],
        vec![
            "monitor-events",
            "-s",
            "0",
            "--count",
            "1",
            "-l",
            hub.event_hub(),
        ],
        vec!["monitor-events", "-l", &wrong_hub],
        vec!["monitor-events", "-c", "nowhere"],
        vec!["monitor-events", "-l", device],
        vec!["login", hub.hub()],
        vec!["login", &broken],
        vec!["login", &wrong_hub, "--token"],
        vec!["demo"],
        vec!["inspect-token", device],
        vec!["inspect-token", token, "-l", hub.hub()],
        vec!["inspect-token", token, "-l", device],
        vec!["inspect-token", token, "-l", &wrong_device],
        vec!["inspect-token", token, "--key", WRONG_KEY],
        vec!["inspect-token", token, "-l", &broken],
        vec!["root-ca", hub.hub()],
        vec!["dps", "derive-key", "a", "--group-key", WRONG_KEY],
    ];
    for arguments in calls {
        for more in [["--trace"].as_slice(), &["--json"]] {
            let finished = hub.owner(&arguments).args(more).run();
            for secret in &secrets {
                assert!(
                    !finished.stdout.contains(secret.as_str()),
                    "{arguments:?} shows a key on stdout"
                );
                assert!(
                    !finished.stderr.contains(secret.as_str()),
                    "{arguments:?} shows a key on stderr"
                );
            }
            assert!(
                !finished.stderr.contains("panicked"),
                "{arguments:?}: {}",
                finished.stderr
            );
        }
    }
}

/// A string or key that was pasted into the wrong place comes back in nobody's words: not the parser's, not a file's.
#[test]
fn a_misplaced_secret_is_not_repeated() {
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let hub = format!("HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey={key}");
    let at = |text: &str| format!("@{text}");
    let (hub_file, key_file) = (at(&hub), at(key));
    let calls: Vec<Vec<&str>> = vec![
        vec!["sas-token", "device1", &hub],
        vec!["sas-token", "device1", "--key", key, "--hub", &hub],
        vec!["sas-token", "device1", "--hub", key, "--key", key],
        vec!["sas-token", "device1", key, "--hub", "h"],
        vec!["sas-token", "device1", "--key", &key_file, "--hub", "h"],
        vec!["sas-token", "device1", "-d", key],
        vec!["sas-token", "device1", "--expires-at", key],
        vec!["sas-token", "device1", "--key-type", key],
        vec!["sas-token", "device1", "--profile", &hub],
        vec!["sas-token", "device1", "-l", &hub_file],
        vec!["sas-token", "device1", "-l", "HostName=", &hub],
        vec!["sas-token", "device1", "-l", &hub, "--ca-file", key],
        vec![&hub],
        vec!["login", &hub, &hub],
        vec!["login", "--profile", &hub],
        vec!["logout", "--profile", key],
        vec!["send", "device1", &hub_file],
        vec!["send", &hub, "x"],
        vec!["monitor-events", "--partition", &hub],
        vec!["monitor-events", "--from", &hub],
        vec!["monitor-events", "-s", key],
        vec!["emulator", "--hostname", &hub],
        vec!["dps", "token", "--scope", key, "--registration-id", key],
        vec!["dps", "derive-key", key],
        vec!["root-ca", &hub_file],
    ];
    for arguments in calls {
        for more in [[].as_slice(), &["--json"]] {
            let finished = Hubctl::new(&arguments)
                .args(more)
                .env("HUBCTL_PROFILE", &hub)
                .run();
            assert_ne!(finished.code, 0, "{arguments:?}");
            let shown = finished.stdout + &finished.stderr;
            assert!(!shown.contains(key), "{arguments:?}: {shown}");
        }
    }
}

#[test]
fn a_trace_masks_tokens() {
    let hub = Emulator::start(&[]);
    let sent = hub.owner(&["send", "device1", "x", "--trace"]).run();
    assert!(
        sent.stderr.contains("/devices/device1/messages/events"),
        "{}",
        sent.stderr
    );
    let read = hub
        .owner(&["monitor-events", "-s", "0", "--count", "1", "--trace"])
        .run();
    assert!(
        read.stderr.contains("trace: > channel 0: Open"),
        "{}",
        read.stderr
    );
    assert!(read.stderr.contains("trace: < channel"), "{}", read.stderr);
    for finished in [sent, read] {
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        assert!(
            !finished.stderr.contains("&sig="),
            "a token's signature shows: {}",
            finished.stderr
        );
    }
}

#[test]
fn a_key_from_a_file_or_stdin_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let file = folder.path().join("login");
    std::fs::write(
        &file,
        format!("HostName=h;DeviceId=d;SharedAccessKey={key}\n"),
    )
    .unwrap();
    let from_file = Hubctl::new(&["sas-token", "-l", &format!("@{}", file.display())])
        .run()
        .success();
    let from_stdin = Hubctl::new(&["sas-token", "-l", "-"])
        .stdin(std::fs::read(&file).unwrap())
        .run()
        .success();
    for token in [from_file, from_stdin] {
        assert!(
            token.starts_with("SharedAccessSignature sr=h%2Fdevices%2Fd&sig="),
            "{token}"
        );
    }
}

/// An id may hold each character of a connection string; but nobody means that.
#[test]
fn a_connection_string_is_no_device() {
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let hub = format!("HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey={key}");
    for arguments in [
        ["send", &hub, "hi", "-l", &hub].as_slice(),
        &["send", &hub, "hi", "-l", &hub, "--print-request"],
        &["sas-token", &hub, "--hub", "h", "--key", "MDEy", "-f", "c"],
        &["monitor-events", &hub, "-l", &hub],
    ] {
        let refused = Hubctl::new(arguments).args(&["--trace"]).run();
        assert_eq!(refused.code, 2, "{arguments:?}: {}", refused.stderr);
        let shown = refused.stdout + &refused.stderr;
        assert!(!shown.contains(&key[..20]), "{arguments:?}: {shown}");
        assert!(shown.contains("--login"), "{arguments:?}: {shown}");
    }
}

/// What is drawn and told while events are read and posted again goes past the mask of the errors.
#[test]
fn what_is_drawn_recorded_and_replayed_shows_no_key() {
    let hub = Emulator::start(&[]);
    let device = hub.device("device1");
    hub.owner(&["send", "device1", "{\"n\":1}"]).run().success();
    let read = ["-s", "0", "--count", "1", "--trace"];
    let line = hub.owner(&["record", "-"]).args(&read).run().success();
    for arguments in [
        ["monitor-events", "--stats"].as_slice(),
        &["monitor-events", "--plot", "n"],
    ] {
        assert_no_key(&hub, hub.owner(arguments).args(&read));
    }
    for login in [hub.hub(), device] {
        let replay = hub.hubctl(&["replay", "-", "--trace", "-l", login]);
        assert_no_key(&hub, replay.stdin(line.as_str()));
    }
    assert_no_key(&hub, hub.owner(&["replay", device]));
}

fn assert_no_key(hub: &Emulator, call: Hubctl) {
    let finished = call.run();
    for secret in hub.secrets() {
        assert!(!finished.stdout.contains(&secret), "a key on stdout");
        assert!(!finished.stderr.contains(&secret), "a key on stderr");
    }
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
}
