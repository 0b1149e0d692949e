//! `sas-token --from`: many devices, one line each, in order, whatever the lines hold.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::Hubctl;

use super::{EVERY_CHARACTER, HOST, KEY, folder, hubctl, offline, sas_token, shown, text, write};

const AT: [&str; 2] = ["--expires-at", "2100-01-01T00:00:00Z"];

/// Everything after `--from -`, with this on standard input.
fn fed(list: &[u8], arguments: &[&str]) -> Output {
    let folder = folder();
    let mut command = hubctl(&folder);
    command
        .args(["sas-token", "--from", "-"])
        .args(AT)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let list = list.to_vec();
    // It may well end without reading to the end; then writing fails, which is its right.
    let feeder = std::thread::spawn(move || stdin.write_all(&list));
    let output = child.wait_with_output().unwrap();
    let _ = feeder.join().unwrap();
    output
}

/// The lines that come of this list, which must all be made.
fn records(list: &str, arguments: &[&str]) -> Vec<String> {
    let output = fed(list.as_bytes(), &[&["--hub", HOST], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

fn token(device: &str) -> String {
    let one = offline(&folder(), &[&AT[..], &["--", device]].concat());
    one.trim_end().to_owned()
}

#[test]
fn every_shape_of_list_gives_the_tokens_that_one_at_a_time_gives() {
    let expected = [
        format!("device1,{}", token("device1")),
        format!("\"{EVERY_CHARACTER}\",{}", token(EVERY_CHARACTER)),
    ];
    let login = |device: &str| format!("HostName={HOST};DeviceId={device};SharedAccessKey={KEY}");
    let json = |device: &str| format!(r#"{{"deviceId":"{device}","key":"{KEY}"}}"#);
    let lists = [
        format!("device1,{KEY}\n\"{EVERY_CHARACTER}\",{KEY}"),
        format!(
            "\u{feff}status,Device ID,primary_key\r\non,device1,{KEY}\r\n\r\n,\"{EVERY_CHARACTER}\",\"{KEY}\"\r\n"
        ),
        format!("\n{}\n{}\n", json("device1"), json(EVERY_CHARACTER)),
    ];
    for list in &lists {
        assert_eq!(records(list, &[]), expected, "{list}");
    }
    let strings = format!("{}\n{}\n", login("device1"), login("device2"));
    let output = fed(strings.as_bytes(), &[]);
    let second = format!("device2,{}", token("device2"));
    assert_eq!(text(&output.stdout), format!("{}\n{second}\n", expected[0]));
}

#[test]
fn the_hub_may_come_from_a_connection_string() {
    let hub = format!("HostName={HOST};SharedAccessKeyName=o;SharedAccessKey={KEY}");
    let output = fed(format!("device1,{KEY}").as_bytes(), &["-l", &hub]);
    assert_eq!(
        text(&output.stdout),
        format!("device1,{}\n", token("device1"))
    );
    let output = fed(format!("device1,{KEY}").as_bytes(), &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("--hub"));
}

#[test]
fn records_are_json_or_connection_strings_where_that_is_asked_for() {
    let list = format!("{{\"deviceId\":\"d\",\"moduleId\":\"m\",\"key\":\"{KEY}\"}}");
    let module = offline(&folder(), &[&AT[..], &["d", "-m", "m"]].concat());
    let module = module.trim_end();
    assert_eq!(records(&list, &[]), [format!("d/m,{module}")]);
    let line: Value = serde_json::from_str(&records(&list, &["-f", "json"])[0]).unwrap();
    let one: Value = serde_json::from_str(&offline(
        &folder(),
        &[&AT[..], &["d", "-m", "m", "-f", "json"]].concat(),
    ))
    .unwrap();
    for (name, value) in line.as_object().unwrap() {
        assert_eq!(&one[name], value, "{name}");
    }
    assert_eq!(line["sasToken"], module);
    assert_eq!(
        records(&list, &["-f", "connection-string"]),
        [format!(
            "HostName={HOST};DeviceId=d;ModuleId=m;SharedAccessSignature={module}"
        )]
    );
    let refused = fed(list.as_bytes(), &["--hub", HOST, "-f", "env"]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn a_bad_line_is_told_by_its_number_and_the_rest_goes_on() {
    let list = format!(
        "deviceId,key\nd1,{KEY}\nd2\nd 3,{KEY}\n\nd4,{KEY}x\nd5,\nd6,{KEY}\n\"d7,{KEY}\nd8\u{0},{KEY}\n"
    );
    let mut list = list.into_bytes();
    list.extend_from_slice(b"d\xff,");
    list.extend_from_slice(KEY.as_bytes());
    let output = fed(&list, &["--hub", HOST]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        text(&output.stdout),
        format!("d1,{}\nd6,{}\n", token("d1"), token("d6"))
    );
    let told = text(&output.stderr);
    let numbers: Vec<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("line ")?.split_once(':'))
        .map(|(number, _)| number)
        .collect();
    assert_eq!(numbers, ["3", "4", "6", "7", "9", "10", "11"], "{told}");
    assert!(told.contains("7 of 9 lines gave no token"), "{told}");
    assert!(!told.contains(&KEY[..8]), "{told}");

    let strict = fed(&list, &["--hub", HOST, "--strict"]);
    assert_eq!(strict.status.code(), Some(3));
    assert_eq!(text(&strict.stdout), format!("d1,{}\n", token("d1")));
    assert!(text(&strict.stderr).starts_with("error: line 3 gives no token"));
}

#[test]
fn order_is_kept_across_pieces_and_threads() {
    let mut list = String::new();
    for number in 0..20_000 {
        let bad = if number % 7_000 == 5 { "*" } else { "" };
        writeln!(list, "device-{number},{bad}{KEY}").unwrap();
    }
    let made = |jobs: &str| {
        let output = fed(list.as_bytes(), &["--hub", HOST, "--jobs", jobs]);
        let told = text(&output.stderr);
        for line in [
            "line 6:",
            "line 7006:",
            "line 14006:",
            "made 19997, failed 3",
        ] {
            assert!(told.contains(line), "{told}");
        }
        text(&output.stdout)
    };
    let alone = made("1");
    let ids = alone.lines().map(|line| line.split_once(',').unwrap().0);
    let expected = (0..20_000).filter(|number| number % 7_000 != 5);
    assert!(ids.eq(expected.map(|number| format!("device-{number}"))));
    assert!(made("5") == alone);
}

#[test]
fn a_record_comes_as_soon_as_its_line() {
    let folder = folder();
    let mut command = hubctl(&folder);
    command
        .args(["sas-token", "--from", "-", "--hub", HOST])
        .args(AT);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for device in ["one", "two"] {
        writeln!(stdin, "{device},{KEY}").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, format!("{device},{}\n", token(device)));
    }
    // A reader that has seen enough ends it, and that is no failure.
    drop(stdout);
    let more = format!("three,{KEY}\n").repeat(10_000);
    let _ = stdin.write_all(more.as_bytes());
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_file_takes_its_place_when_it_is_whole() {
    let folder = folder();
    let list = write(&folder, "list", &format!("d1,{KEY}\nd2,bad\n"));
    let list = shown(&list);
    let target = folder.path().join("new/tokens");
    let to = shown(&target);
    let run = |more: &[&str]| {
        let fixed = ["--from", list, "--hub", HOST, "-o", to];
        sas_token(&folder, &[&fixed[..], &AT, more].concat())
    };
    assert_eq!(run(&["--strict"]).status.code(), Some(3));
    assert!(!target.exists());
    assert_eq!(run(&[]).status.code(), Some(3));
    let written = std::fs::read_to_string(&target).unwrap();
    assert_eq!(written, format!("d1,{}\n", token("d1")));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = target.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn what_belongs_to_one_device_is_refused() {
    let folder = folder();
    for one in [
        &["device1"][..],
        &["-m", "m"],
        &["--key", KEY],
        &["--policy"],
        &["--with-ca"],
        &["--prefix", "A_"],
        &["--all"],
    ] {
        let arguments = [&["--from", "-", "--hub", HOST][..], one].concat();
        let output = sas_token(&folder, &arguments);
        assert_eq!(output.status.code(), Some(2), "{one:?}");
    }
    let missing = sas_token(&folder, &["--from", "nowhere", "--hub", HOST]);
    assert_eq!(missing.status.code(), Some(3));
    let utf16 = fed(b"\xff\xfed\0,\0", &["--hub", HOST]);
    assert!(text(&utf16.stderr).contains("UTF-16"));
}

/// What stands in the place of the output is lost only for something better.
#[test]
fn no_list_and_no_good_file_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (list, output) = (path("keys.csv"), path("tokens.csv"));
    std::fs::write(&list, "d1,MDEy\n").unwrap();
    let refused = Hubctl::new(&["sas-token", "--from", &list, "--hub", "h", "-o", &list]).run();
    assert!(refused.failure(2).contains("keys.csv"));
    assert_eq!(std::fs::read_to_string(&list).unwrap(), "d1,MDEy\n");
    std::fs::write(&output, "old\n").unwrap();
    let bad = Hubctl::new(&["sas-token", "--from", "-", "--hub", "h", "-o", &output])
        .stdin("d1,b*d\n")
        .run();
    assert_eq!(bad.code, 3, "{}", bad.stderr);
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "old\n");
    let array = Hubctl::new(&["sas-token", "--from", "-", "--hub", "h"])
        .stdin("[{\"deviceId\":\"d\"}]")
        .run();
    assert!(array.failure(3).contains("jq -c"));
}
