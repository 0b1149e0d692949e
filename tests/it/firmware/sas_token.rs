//! `sas-token` itself: what signs, where the result goes, and how bad input ends.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use super::{HOST, KEY, folder, hubctl, offline, quiet, sas_token, shown, text, write};

#[test]
fn the_vectors_come_out_of_the_binary() {
    let folder = folder();
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../golden/sas_vectors.json")).unwrap();
    let mut reproduced = 0;
    for vector in &vectors {
        let field = |name: &str| vector[name].as_str().unwrap();
        let segments: Vec<&str> = field("uri").split('/').collect();
        // An id may begin with a hyphen, so the device stands behind `--`.
        let subject = match segments[1..] {
            [] => vec![],
            ["devices", device] => vec!["--".to_owned(), device.to_owned()],
            ["devices", device, "modules", module] => {
                vec![
                    format!("--module={module}"),
                    "--".to_owned(),
                    device.to_owned(),
                ]
            }
            // Scopes that no command asks for; the signing itself is tested on all 16 beside the code.
            _ => continue,
        };
        let milliseconds = (vector["se"].as_i64().unwrap() * 1000).to_string();
        let (host, key) = (segments[0], field("key"));
        let login = vector["skn"].as_str().map(|policy| {
            format!("HostName={host};SharedAccessKeyName={policy};SharedAccessKey={key}")
        });
        let signer = match &login {
            Some(login) => vec!["--policy", "--login", login],
            None if subject.is_empty() => continue,
            None => vec!["--key", key, "--hub", host],
        };
        let subject: Vec<&str> = subject.iter().map(String::as_str).collect();
        let arguments = [&signer[..], &["--expires-at", &milliseconds], &subject].concat();
        let output = sas_token(&folder, &arguments);
        assert_eq!(
            text(&output.stdout),
            format!("{}\n", field("token_py_device")),
            "{}",
            vector["id"]
        );
        reproduced += 1;
    }
    assert_eq!((vectors.len(), reproduced), (16, 12));
}

#[test]
fn a_device_string_needs_no_device_and_no_network() {
    let folder = folder();
    let login = format!("HostName={HOST};DeviceId=device1;SharedAccessKey={KEY}");
    let at = ["--expires-at", "2100-01-01T00:00:00Z"];
    let expected = offline(&folder, &[&["device1"][..], &at].concat());
    let from_file = format!(
        "@{}",
        shown(&write(&folder, "login", &format!("{login}\n")))
    );
    assert_eq!(
        quiet(&sas_token(
            &folder,
            &[&["-l", &from_file][..], &at].concat()
        )),
        expected
    );
    let mut with_variable = hubctl(&folder);
    with_variable
        .env("IOTHUB_DEVICE_CONNECTION_STRING", &login)
        .arg("sas-token")
        .args(at);
    assert_eq!(quiet(&with_variable.output().unwrap()), expected);
    let key_file = format!("@{}", shown(&write(&folder, "key", &format!("{KEY}\r\n"))));
    let line = ["device1", "--hub", HOST, "--key", &key_file];
    assert_eq!(
        quiet(&sas_token(&folder, &[&line[..], &at].concat())),
        expected
    );
}

#[test]
fn a_file_is_written_whole_private_and_only_when_it_changes() {
    let folder = folder();
    let path = folder.path().join("include/deep/iothub_secrets.h");
    let at = [
        "d",
        "--expires-at",
        "2050-01-01T00:00:00Z",
        "-o",
        shown(&path),
    ];
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert_eq!(offline(&folder, &at), "", "stdout stays empty");
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.starts_with("SharedAccessSignature ") && written.ends_with('\n'));
    let modified = || std::fs::metadata(&path).unwrap().modified().unwrap();
    let first = modified();
    offline(&folder, &at);
    assert_eq!(modified(), first);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    offline(&folder, &["other", "-o", shown(&path)]);
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .contains("%2Fother&")
    );
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1
    );
    assert!(offline(&folder, &["d", "-o", "-"]).starts_with("SharedAccessSignature "));
}

#[test]
fn files_that_cannot_be_written_are_refused() {
    let folder = folder();
    let read_only = write(&folder, "read_only", "old");
    let mut permissions = std::fs::metadata(&read_only).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&read_only, permissions).unwrap();
    let below_a_file = read_only.join("x");
    let mut targets = vec![
        shown(folder.path()),
        shown(&read_only),
        shown(&below_a_file),
    ];
    if cfg!(target_os = "linux") {
        targets.push("/dev/full");
    }
    for target in targets {
        let output = sas_token(&folder, &["d", "--key", KEY, "--hub", HOST, "-o", target]);
        assert_eq!(output.status.code(), Some(3), "{target}");
        assert!(
            text(&output.stderr).starts_with("error: cannot write "),
            "{target}"
        );
        assert_eq!(text(&output.stdout), "");
    }
    assert_eq!(std::fs::read_to_string(&read_only).unwrap(), "old");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_told() {
    let folder = folder();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = hubctl(&folder);
    command
        .args(["sas-token", "d", "--key", KEY, "--hub", HOST])
        .stdout(full);
    assert_eq!(command.output().unwrap().status.code(), Some(3));
}

#[test]
fn bad_input_has_its_exit_code_and_shows_no_key() {
    let folder = folder();
    let hub = format!("HostName={HOST};SharedAccessKeyName=service;SharedAccessKey={KEY}");
    let device = format!("HostName={HOST};DeviceId=one;SharedAccessKey={KEY}");
    let broken = format!("HostName={HOST};DeviceId=one;SharedAccessKey=*{KEY}");
    let half = &KEY[..30];
    let cases: [(&[&str], i32, &str); 14] = [
        (&["a b", "-l", &device], 2, "character 2 of the id"),
        (&["d", "-d", "soon", "-l", &device], 2, "is not a duration"),
        (
            &["one", "-d", "9999999999999h", "-l", &device],
            2,
            "too long a duration",
        ),
        (
            &["one", "-d", "9999999d", "-l", &device],
            2,
            "outlive the year 9999",
        ),
        (
            &["one", "--expires-at", "soon", "-l", &device],
            2,
            "--expires-at cannot be read",
        ),
        (
            &["one", "--prefix", "A-", "-f", "c", "-l", &device],
            2,
            "not '-'",
        ),
        (&["d", "--key", KEY], 2, "--hub"),
        (&["d", "--key", KEY, "--hub", "https://h"], 2, "a scheme"),
        (&["-l", &hub], 2, "no device was named"),
        (
            &["two", "-l", &device],
            3,
            "is for the device \"one\", not for \"two\"",
        ),
        (
            &["one", "-l", &broken],
            3,
            "a character that base64 does not have",
        ),
        (
            &["d", "--key", half, "--hub", HOST],
            3,
            "cut short, or lacks its closing '=' at character 31",
        ),
        (
            &["d", "--key", "@missing", "--hub", HOST],
            3,
            "cannot read missing",
        ),
        (&["d"], 3, "no connection string was given"),
    ];
    for (arguments, code, expected) in cases {
        let output = sas_token(&folder, arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected), "{said}");
        assert_eq!(text(&output.stdout), "");
        assert!(!said.contains(&KEY[..12]), "{said}");
        if code == 3 {
            let output = sas_token(&folder, &[arguments, &["-f", "json"]].concat());
            let error: Value = serde_json::from_slice(&output.stderr).unwrap();
            assert_eq!(error["error"]["exitCode"], code);
        }
    }
}

#[test]
fn a_key_that_is_piped_in_is_taken() {
    let folder = folder();
    let mut command = hubctl(&folder);
    command
        .args(["sas-token", "d", "--hub", HOST, "--key", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(format!("{KEY}\n").as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(text(&output.stdout).starts_with("SharedAccessSignature sr="));
}

#[test]
fn a_hub_that_is_not_there_is_unreachable() {
    let folder = folder();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let login =
        format!("HostName=127.0.0.1:{port};SharedAccessKeyName=service;SharedAccessKey={KEY}");
    let output = sas_token(&folder, &["d", "-l", &login]);
    assert_eq!(output.status.code(), Some(9), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains(KEY));
}
