use std::io::Write;
use std::sync::{Arc, Mutex};

use chrono::TimeZone as _;
use clap::{Parser, ValueEnum as _};

use super::*;
use crate::command::context::{Colours, Terminals};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: SasTokenArgs,
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn midday() -> DateTime<Utc> {
    Utc.timestamp_opt(1_735_689_600, 0).unwrap()
}

fn context() -> Context {
    Context {
        stdin: Box::new(KEY.as_bytes()),
        stdout: Box::new(Sink::default()),
        stderr: Box::new(Sink::default()),
        terminals: Terminals::default(),
        environment: std::iter::empty().collect(),
        clock: midday,
        quiet: false,
        trace: false,
        json: false,
        colours: Colours::default(),
    }
}

/// Runs the command at a fixed time; what it says on stdout and stderr.
fn run_at_midday(terminals: Terminals, line: &[&str]) -> Result<(String, String), Failure> {
    let (out, err) = (Sink::default(), Sink::default());
    let mut context = Context {
        stdout: Box::new(out.clone()),
        stderr: Box::new(err.clone()),
        terminals,
        ..context()
    };
    let line = std::iter::once(&"sas-token").chain(line);
    run(&Line::try_parse_from(line).unwrap().args, &mut context)?;
    Ok((out.text(), err.text()))
}

fn offline<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--key", KEY, "--hub", "h.example"][..], more].concat()
}

fn failure(line: &[&str]) -> Failure {
    run_at_midday(Terminals::default(), line).unwrap_err()
}

#[test]
fn an_hour_is_the_default() {
    let (out, err) = run_at_midday(Terminals::default(), &offline(&["device1"])).unwrap();
    assert!(out.starts_with("SharedAccessSignature sr=h.example%2Fdevices%2Fdevice1&sig="));
    assert!(out.ends_with("&se=1735693200\n"), "{out}");
    assert_eq!(err, "");
}

#[test]
fn a_terminal_is_told_until_when() {
    let terminals = Terminals {
        stdout: true,
        ..Terminals::default()
    };
    let (_, err) = run_at_midday(terminals, &offline(&["d", "-d", "5400"])).unwrap();
    assert!(err.starts_with("valid until 202"), "{err}");
    assert!(err.ends_with(" (for 1 h 30 min)\n"), "{err}");
}

#[test]
fn the_key_comes_from_standard_input() {
    let line = ["d", "--hub", "h.example", "--key", "-"];
    assert_eq!(
        run_at_midday(Terminals::default(), &line).unwrap(),
        run_at_midday(Terminals::default(), &offline(&["d"])).unwrap()
    );
}

#[test]
fn what_has_expired_is_made_with_a_warning() {
    let (out, err) = run_at_midday(
        Terminals::default(),
        &offline(&["d", "--expires-at", "1735689600"]),
    )
    .unwrap();
    assert!(out.ends_with("&se=1735689\n"));
    assert_eq!(
        err,
        "warning: the token has expired already, at 1970-01-21T02:08:09Z (a bare number for --expires-at is \
         milliseconds since 1970)\n"
    );
}

#[test]
fn times_out_of_reach_are_refused() {
    for line in [
        &["d", "-d", "99999999999d"][..],
        &["d", "-d", "9000w", "--expires-at", "10000-01-01T00:00:00Z"],
        &["d", "-d", "4000000d"],
        &["d", "--expires-at", "1969-12-31T23:59:59Z"],
        &["d", "--expires-at", "soon"],
    ] {
        let Ok(parsed) =
            Line::try_parse_from(std::iter::once(&"sas-token").chain(&offline(line)[..]))
        else {
            continue;
        };
        let source = Source::Key {
            key: Secret::new(KEY),
            host: Host::parse("h").unwrap(),
            ca_file: None,
        };
        let Err(failure) = Plan::new(&parsed.args, source, midday()) else {
            panic!("{line:?} was taken");
        };
        assert_eq!(failure.kind, Kind::Usage, "{line:?}");
    }
}

#[test]
fn a_string_for_another_device_names_both() {
    let login = format!("HostName=h;DeviceId=one;SharedAccessKey={KEY}");
    let failure = failure(&["two", "--login", &login]);
    assert_eq!(
        failure.what,
        "--login is for the device \"one\", not for \"two\""
    );
    assert_eq!(failure.kind, Kind::Input);
}

#[test]
fn a_module_string_signs_for_its_module() {
    let login = format!("HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey={KEY}");
    let (out, _) = run_at_midday(Terminals::default(), &["--login", &login]).unwrap();
    assert!(out.contains("sr=h%2Fdevices%2Fd%2Fmodules%2Fm&"), "{out}");
}

#[test]
fn a_policy_signs_for_the_hub_or_for_one_device() {
    let login = format!("HostName=h:8443;SharedAccessKeyName=service;SharedAccessKey={KEY}");
    let (out, _) = run_at_midday(Terminals::default(), &["--policy", "-l", &login]).unwrap();
    assert!(out.starts_with("SharedAccessSignature sr=h&"), "{out}");
    assert!(out.ends_with("&skn=service\n"), "{out}");
    let (out, _) = run_at_midday(Terminals::default(), &["--policy", "d", "-l", &login]).unwrap();
    assert!(
        out.starts_with("SharedAccessSignature sr=h%2Fdevices%2Fd&"),
        "{out}"
    );
}

#[test]
fn what_cannot_sign_is_named() {
    let token = "SharedAccessSignature=SharedAccessSignature sr=h&sig=MDEy&se=1";
    let cases = [
        (
            "HostName=h;DeviceId=d;x509=true".to_owned(),
            &[][..],
            "x509",
        ),
        (
            format!("HostName=h;DeviceId=d;{token}"),
            &[],
            "holds a token, and no key",
        ),
        (
            format!("HostName=h;{token}"),
            &["--policy"],
            "holds a token, and no key",
        ),
        (
            format!("HostName=h;DeviceId=d;SharedAccessKey={KEY}"),
            &["--policy"],
            "has no policy",
        ),
        (
            format!("HostName=h;DeviceId=d;SharedAccessKey={KEY}"),
            &["-m", "m"],
            "does not sign for its module \"m\"",
        ),
        (
            format!("Endpoint=sb://n/;SharedAccessKeyName=p;SharedAccessKey={KEY}"),
            &[],
            "a hub or device connection string is needed",
        ),
    ];
    for (login, more, expected) in cases {
        let failure = failure(&[&["--login", login.as_str()][..], more].concat());
        assert_eq!(failure.kind, Kind::Input, "{expected}");
        let text = failure.to_text(false);
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains(KEY) && !text.contains("MDEy"), "{text}");
    }
}

#[test]
fn a_hub_needs_a_device_or_policy() {
    let login = format!("HostName=h;SharedAccessKeyName=p;SharedAccessKey={KEY}");
    assert_eq!(failure(&["--login", &login]).kind, Kind::Usage);
    assert_eq!(failure(&offline(&[])).kind, Kind::Usage);
    assert_eq!(
        failure(&offline(&["d", "--prefix", "A_"])).kind,
        Kind::Usage
    );
}

/// What `--min-left` makes of a file that an earlier run with other arguments left, `later` seconds later.
fn is_kept(earlier: &[&str], later: i64, now: &[&str]) -> bool {
    let described = |line: &[&str], seconds: i64| {
        let line = std::iter::once(&"sas-token").chain(line);
        let args = Line::try_parse_from(line).unwrap().args;
        let now = midday() + chrono::TimeDelta::seconds(seconds);
        let mut context = context();
        let source = source(&args, &mut context).unwrap();
        let plan = Plan::new(&args, source, now).unwrap();
        let (flashed, key) = sign(&args, plan, now, &mut context).unwrap();
        (args, flashed, key)
    };
    let (args, flashed, _) = described(earlier, 0);
    let standing = args.format.write(&flashed).unwrap();
    let (args, flashed, key) = described(now, later);
    let keep = deliver::Keep {
        format: args.format,
        min_left: args
            .min_left
            .map(|left| chrono::TimeDelta::from_std(left).unwrap()),
        key: &key,
    };
    keep.earlier(&standing, &flashed).is_some()
}

#[test]
fn a_file_is_kept_while_it_is_good_enough() {
    const DAY: i64 = 86_400;
    let month = ["d", "--key", KEY, "--hub", "h", "-d", "30d", "-f", "c"];
    let line = |more: &[&'static str]| [&month[..], more].concat();
    let due = line(&["-o", "f", "--min-left", "7d"]);
    assert!(is_kept(&month, 0, &due));
    assert!(is_kept(&month, 23 * DAY, &due));
    assert!(!is_kept(&month, 23 * DAY + 1, &due));
    assert!(!is_kept(&month, 31 * DAY, &due));
    assert!(
        !is_kept(&month, DAY, &line(&["-o", "f"])),
        "another token was asked for"
    );
    for other in [
        ["e", "--key", KEY, "--hub", "h", "-d", "30d", "-f", "c"],
        ["d", "--key", KEY, "--hub", "g", "-d", "30d", "-f", "c"],
        ["d", "--key", KEY, "--hub", "h:8443", "-d", "30d", "-f", "c"],
        ["d", "--key", "MDEy", "--hub", "h", "-d", "30d", "-f", "c"],
        ["d", "--key", KEY, "--hub", "h", "-d", "30d", "-f", "rust"],
        ["d", "--key", KEY, "--hub", "h", "-d", "99d", "-f", "c"],
        ["d", "--key", KEY, "--hub", "h", "-d", "6d", "-f", "c"],
    ] {
        assert!(!is_kept(&other, 0, &due), "{other:?}");
    }
    assert!(!is_kept(&line(&["--prefix", "A_"]), 0, &due));
    assert!(!is_kept(&line(&["--for", "mqtt"]), 0, &due));
}

#[test]
fn a_file_is_kept_where_only_the_clock_has_moved() {
    let at = "--expires-at";
    for format in Format::value_variants() {
        let format = format.to_possible_value().unwrap();
        let line = |time| {
            let format = format.get_name();
            vec!["d", "--key", KEY, "--hub", "h", at, time, "-f", format]
        };
        let time = "2050-01-01T00:00:00Z";
        assert!(is_kept(&line(time), 99, &line(time)), "{format:?}");
        assert!(!is_kept(&line("2050-01-01T00:00:01Z"), 99, &line(time)));
    }
}

#[test]
fn options_without_a_place_are_refused() {
    for (more, expected) in [
        (&["--with-ca"][..], "--with-ca has no place"),
        (&["--prefix", "A_", "-f", "nvs"], "--prefix has no name"),
        (
            &["-o", "f", "--min-left", "1h"],
            "as long as the token's whole life",
        ),
        (&["-f", "curl", "-m", "m"], "does not suit"),
        (&["-f", "mqtt", "--for", "https"], "does not suit"),
    ] {
        let failure = failure(&offline(&[&["d"], more].concat()));
        assert_eq!(failure.kind, Kind::Usage);
        assert!(failure.what.contains(expected) || failure.to_text(false).contains(expected));
    }
    let failure = failure(&offline(&["d", "--with-ca", "-f", "c"]));
    assert_eq!(failure.kind, Kind::Input);
    assert_eq!(
        failure.what,
        "h.example is no hub of Azure's, so its certificates are not known"
    );
}

#[test]
fn what_will_not_work_is_warned_of() {
    let warned = |line: &[&str]| run_at_midday(Terminals::default(), line).unwrap().1;
    let mqtt = offline(&["a+b", "-f", "mqtt"]);
    assert!(warned(&mqtt).contains("wildcards"));
    assert_eq!(warned(&offline(&["a+b", "-f", "c"])), "");
    let at = ["d", "--key", KEY, "--hub"];
    let china = [&at[..], &["c.azure-devices.cn", "--with-ca", "-f", "c"]].concat();
    assert!(warned(&china).contains("hubctl root-ca c.azure-devices.cn"));
    let public = [&at[..], &["c.azure-devices.net", "--with-ca", "-f", "c"]].concat();
    assert_eq!(warned(&public), "");
}

#[test]
fn an_empty_key_signs_nothing() {
    for key in ["", " ", "@/dev/null"] {
        if key.starts_with('@') && cfg!(windows) {
            continue;
        }
        let failure = failure(&["d", "--hub", "h", "--key", key]);
        assert_eq!(failure.kind, Kind::Input, "{key:?}");
        assert_eq!(failure.cause.as_deref(), Some("the key is empty"));
    }
}
