//! The README's walk, typed into a shell as it stands there.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Stdio};

use hubctl::emulator::fault::Trouble;
use tempfile::TempDir;

fn section(heading: &str) -> &'static str {
    let readme = include_str!("../../README.md");
    let mut sections = readme.split("\n## ");
    let found = sections.find(|section| section.starts_with(heading));
    found.unwrap()
}

/// Every line of code (indented by four) under the heading.
fn commands(heading: &str) -> String {
    let lines = section(heading)
        .lines()
        .filter_map(|line| line.strip_prefix("    "));
    lines.fold(String::new(), |script, line| script + line + "\n")
}

/// Runs the script with the real binary as `hubctl`, in a folder of its own, and returns that and its stdout.
fn shell(script: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_hubctl"));
    let path = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    // The emulator ends with the script; a shell left to itself would let it run, and hold our pipes open.
    let script = format!("set -eu\ntrap 'kill $!' EXIT\n{script}");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{script}\nstdout: {stdout}\nstderr: {stderr}"
    );
    (folder, stdout.into_owned())
}

/// Not everyone has curl; then what it would print stands in for it.
const CURL: &str = "command -v curl >/dev/null || { mkdir bin; PATH=$PWD/bin:$PATH; printf '#!/bin/sh\\necho 204\\n' > bin/curl; chmod +x bin/curl; }\n";

#[test]
fn the_readme_is_as_it_says() {
    // Only the ports are others, for the usual ones may be taken.
    let walk = commands("The walk").replace(
        "hubctl emulator",
        "hubctl emulator --https-port 0 --amqps-port 0 --mqtts-port 0",
    );
    let port = "PORT=$(echo \"$HUB\" | sed 's/.*HostName=[^:]*:\\([0-9]*\\).*/\\1/')\n";
    let board = commands("From token to flashed board");
    let watch = commands("Watching, plotting, recording");
    let local =
        commands("A hub of one's own").replace("https://localhost:8443", "https://localhost:$PORT");
    let local = local.replace("curl ", "curl --silent --write-out '%{http_code}\\n' ");
    let (folder, shown) = shell(&format!(
        "{CURL}{walk}{port}echo BOARD\n{board}echo WATCH\n{watch}cat values.tsv\necho LOCAL\n{local}"
    ));
    for header in ["include/iothub_secrets.h", "IotHubPost/iothub_secrets.h"] {
        let header = std::fs::read_to_string(folder.path().join(header)).unwrap();
        assert!(
            header.contains("#define SAS_TOKEN \"SharedAccessSignature sr="),
            "{header}"
        );
    }
    let (walk, rest) = shown.split_once("BOARD\n").unwrap();
    let (board, rest) = rest.split_once("WATCH\n").unwrap();
    let (watch, local) = rest.split_once("LOCAL\n").unwrap();
    assert!(watch.contains("\tdevice1\ttemperature\t24.5\n"), "{watch}");
    assert!(
        walk.starts_with("SharedAccessSignature sr=localhost%2Fdevices%2Fdevice1&sig="),
        "{walk}"
    );
    assert!(walk.contains("==== From: 'device1' at '"), "{walk}");
    let properties =
        "---- application properties ----\n{\n  \"alert\": \"true\"\n}\n====================";
    assert!(
        walk.contains(&format!("{{\"temperature\": 24.5}}\n{properties}")),
        "{walk}"
    );
    assert!(
        board.contains("opens      the device \"device1\" of the hub localhost"),
        "{board}"
    );
    assert!(board.contains("board       would connect"), "{board}");
    assert!(board.contains("204\n==== From: 'device1' at '"), "{board}");
    assert_eq!(local, "204\n");
}

/// Every fault that the tables name is one, and every order is obeyed.
#[test]
fn a_board_meets_its_bad_days_as_they_are_told() {
    let heading = "What does my board do when";
    let spans = |text: &'static str| text.split('`').skip(1).step_by(2);
    let (faults, _) = section(heading).split_once("\n\nConditions").unwrap();
    let (_, faults) = faults.split_once("|---|---|\n").unwrap();
    assert!(faults.lines().count() >= 12);
    for row in faults.lines() {
        let (_, specs) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        for spec in spans(specs) {
            spec.parse::<Trouble>().unwrap();
        }
    }
    let has_curl = Command::new("curl").arg("--version").output().is_ok();
    if !has_curl {
        return;
    }
    let script = commands(heading).replace(
        "hubctl emulator --device device1 --admin-port 8444",
        "hubctl emulator --device device1 --https-port 0 --amqps-port 0 --mqtts-port 0 --admin-port 0",
    );
    let orders: Vec<&str> = spans(section(heading))
        .filter(|code| code.starts_with("admin "))
        .collect();
    assert!(orders.len() >= 10, "{orders:?}");
    let (_, answers) = shell(&format!("{script}{}\n", orders.join("\n")));
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), orders.len(), "{answers:?}");
    for (order, answer) in orders.iter().zip(answers) {
        assert!(!answer.contains("\"error\""), "{order}: {answer}");
    }
}

#[test]
fn every_command_is_told_of() {
    let readme = include_str!("../../README.md");
    let help = Command::new(env!("CARGO_BIN_EXE_hubctl"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    for command in commands.filter_map(|line| line.split_whitespace().next()) {
        assert!(
            readme.contains(&format!("`{command}")) || command == "completions",
            "{command} is not in the README"
        );
    }
}
