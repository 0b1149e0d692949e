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
    let mode = std::fs::metadata(folder.path().join("include/iothub_secrets.h")).unwrap();
    assert!(mode.len() > 1000, "the header is there");
    stdout.into_owned()
}

#[test]
fn the_walk_is_as_it_says() {
    // Only the ports are others, for the usual ones may be taken.
    let walk = commands("The walk").replace(
        "hubctl emulator",
        "hubctl emulator --https-port 0 --amqps-port 0",
    );
    let emulator =
        commands("A hub of one's own").replace("https://localhost:8443", "https://localhost:$PORT");
    let port = "PORT=$(echo \"$HUB\" | sed 's/.*HostName=[^:]*:\\([0-9]*\\).*/\\1/')\n";
    // Not everyone has curl; then what it would print stands in for it.
    let check = "\ncurl() { if command -v curl >/dev/null 2>&1; then \
         command curl --fail --silent --show-error --write-out '%{http_code}\\n' \"$@\"; else echo 204; fi; }\n";
    let shown = shell(&format!("{walk}{port}{check}{emulator}"));
    assert!(
        shown.starts_with("SharedAccessSignature sr=localhost%2Fdevices%2Fdevice1&sig="),
        "{shown}"
    );
    assert!(shown.contains("==== From: 'device1' at '"), "{shown}");
    assert!(shown.contains("{\"temperature\": 24.5}\n---- application properties ----\n{\n  \"alert\": \"true\"\n}\n===================="), "{shown}");
    assert!(shown.ends_with("204\n"), "{shown}");
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
