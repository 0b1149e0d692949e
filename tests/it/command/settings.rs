//! Which key and which hub: what is refused, and what is said about it.

use crate::support::Hubctl;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[test]
fn an_empty_key_is_refused_wherever_a_key_signs() {
    let registration = ["--scope", "0ne0000000A", "--registration-id", "d"];
    let token = [&["dps", "token"][..], &registration].concat();
    let cases: [(&[&str], &str); 4] = [
        (&["sas-token", "device1", "--hub", "localhost"], "--key"),
        (&token, "--key"),
        (&token, "--group-key"),
        (&["dps", "derive-key", "d"], "--group-key"),
    ];
    for (line, flag) in cases {
        for key in ["", "-"] {
            let error = Hubctl::new(line).args(&[flag, key]).run().failure(3);
            assert!(error.contains("the key is empty"), "{line:?}: {error}");
            assert!(error.contains("hint: "), "{line:?}: {error}");
        }
    }
    let token = format!("SharedAccessSignature sr=h&sig={KEY}&se=4102444800");
    let error = Hubctl::new(&["inspect-token", &token, "--key", ""]).run();
    assert!(
        error.stdout.is_empty() || !error.stdout.contains("right"),
        "{error:?}"
    );
    assert!(error.stderr.contains("the key is empty"), "{error:?}");
}

#[test]
fn the_hub_of_a_login_is_the_logins() {
    let login = format!("HostName=one;DeviceId=d;SharedAccessKey={KEY}");
    for line in [
        &["--login", &login][..],
        &["--profile", "work"],
        &["--policy"],
        &[],
    ] {
        let error = Hubctl::new(&["sas-token", "d", "--hub", "two"])
            .args(line)
            .run()
            .failure(2);
        assert!(error.contains("--hub"), "{line:?}: {error}");
    }
}

#[test]
fn a_variable_that_cannot_serve_is_named() {
    let device = format!("HostName=h;DeviceId=d;SharedAccessKey={KEY}");
    let event_hub =
        format!("Endpoint=sb://h/;SharedAccessKeyName=p;SharedAccessKey={KEY};EntityPath=e");
    for (line, name, value, kind) in [
        (
            &["monitor-events"][..],
            "IOTHUB_DEVICE_CONNECTION_STRING",
            &device,
            "holds a device connection string",
        ),
        (
            &["sas-token", "d"],
            "EVENTHUB_CONNECTION_STRING",
            &event_hub,
            "holds an Event Hub-compatible connection string",
        ),
    ] {
        let error = Hubctl::new(line).env(name, value).run().failure(3);
        assert!(error.contains(name) && error.contains(kind), "{error}");
        assert!(
            error.contains("because: ") && error.contains("hint: "),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_is_not_there_comes_with_a_hint() {
    for (login, said) in [
        (
            "@/nonexistent",
            "Check the file's name and its permissions.",
        ),
        ("@nonexistent", "counts from the current folder"),
        ("@", "Write @FILE"),
    ] {
        let error = Hubctl::new(&["sas-token", "d", "-l", login])
            .run()
            .failure(3);
        assert!(
            error.contains(said) && error.contains("because: "),
            "{error}"
        );
    }
}

#[test]
fn a_folder_that_had_to_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("build/include/secrets.h");
    let line = [
        "sas-token",
        "d",
        "--hub",
        "h",
        "--key",
        KEY,
        "-f",
        "c",
        "-o",
    ];
    let path = file.to_str().unwrap();
    let made = Hubctl::new(&line).args(&[path]).run();
    assert!(
        made.stderr.starts_with("made the folder "),
        "{}",
        made.stderr
    );
    assert!(made.stderr.contains("include"), "{}", made.stderr);
    made.success();
    let again = Hubctl::new(&line).args(&[path, "--quiet"]).run();
    assert_eq!(again.stderr, "");
    assert!(file.is_file());
}

#[cfg(unix)]
#[test]
fn a_file_that_is_kept_is_private_all_the_same() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let at = "2100-01-01T00:00:00Z";
    let line = [
        "sas-token",
        "d",
        "--hub",
        "h",
        "--key",
        KEY,
        "--expires-at",
        at,
        "-o",
    ];
    let write = || {
        Hubctl::new(&line)
            .args(&[file.to_str().unwrap()])
            .run()
            .success();
        std::fs::metadata(&file).unwrap()
    };
    let before = write().modified().unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let after = write();
    assert_eq!(after.permissions().mode() & 0o777, 0o600);
    assert_eq!(after.modified().unwrap(), before);
}

#[test]
fn an_expiry_is_not_so_long_ago() {
    let line = ["sas-token", "d", "--hub", "h", "--key", KEY];
    for time in ["10m", "soon"] {
        let error = Hubctl::new(&line)
            .args(&["--expires-at", time])
            .run()
            .failure(2);
        assert!(
            error.contains("--duration") && !error.contains("ago"),
            "{error}"
        );
    }
}

#[test]
fn a_connection_has_to_have_some_time() {
    for line in [
        &["send", "d", "x"][..],
        &["monitor-events"],
        &["root-ca", "localhost"],
    ] {
        let call = Hubctl::new(line).args(&["--connect-timeout", "0"]);
        let error = call.run().failure(2);
        assert!(
            error.contains("--connect-timeout") && error.contains("such as 20s"),
            "{error}"
        );
    }
}

#[test]
fn a_proxys_variable_is_named_with_what_belongs_into_it() {
    let login = format!("HostName=localhost;DeviceId=d;SharedAccessKey={KEY}");
    for (url, problem) in [
        ("http://:99999", "it names no host"),
        ("http://proxy:99999", "its port is no number"),
    ] {
        let call = Hubctl::new(&["send", "d", "x", "-l", &login]);
        let error = call.env("HTTPS_PROXY", url).run().failure(3);
        assert!(
            error.contains("HTTPS_PROXY does not hold the URL of a proxy: ")
                && error.contains(problem)
                && error.contains("Set HTTPS_PROXY to http://PROXY:3128"),
            "{error}"
        );
    }
}
