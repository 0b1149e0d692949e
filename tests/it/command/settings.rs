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
        (&["dps", "derive-key", "--registration-id", "d"], "--group-key"),
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
    assert!(error.stdout.is_empty() || !error.stdout.contains("right"), "{error:?}");
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
        assert!(error.contains("because: ") && error.contains("hint: "), "{error}");
    }
}

#[test]
fn a_file_that_is_not_there_comes_with_a_hint() {
    for (login, said) in [
        ("@/nonexistent", "Check the file's name and its permissions."),
        ("@nonexistent", "counts from the current folder"),
        ("@", "Write @FILE"),
    ] {
        let error = Hubctl::new(&["sas-token", "d", "-l", login]).run().failure(3);
        assert!(error.contains(said) && error.contains("because: "), "{error}");
    }
}
