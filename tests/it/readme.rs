//! The README's walk, typed into a shell as it stands there.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Stdio};

/// Every line of code (indented by four) under the heading.
fn commands(heading: &str) -> String {
    let readme = include_str!("../../README.md");
    let section = readme
        .split("\n## ")
        .find(|section| section.starts_with(heading))
        .unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    lines.fold(String::new(), |script, line| script + line + "\n")
}

/// Runs the script with the real binary as `hubctl`, in a folder of its own, and returns its stdout.
fn shell(script: &str) -> String {
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
    for header in ["include/iothub_secrets.h", "IotHubPost/iothub_secrets.h"] {
        let header = std::fs::read_to_string(folder.path().join(header)).unwrap();
        assert!(
            header.contains("#define SAS_TOKEN \"SharedAccessSignature sr="),
            "{header}"
        );
    }
    stdout.into_owned()
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
    let shown = shell(&format!(
        "{CURL}{walk}{port}echo BOARD\n{board}echo WATCH\n{watch}cat values.tsv\necho LOCAL\n{local}"
    ));
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
