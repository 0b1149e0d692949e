//! The command line itself: mistakes in the three lines of every error, as JSON where that is asked for, in colour.

use serde_json::Value;

use crate::support::{Emulator, Hubctl};

#[test]
fn a_mistake_is_told_in_three_lines() {
    for arguments in [
        ["sas-token", "--bogus"].as_slice(),
        &["bogus"],
        &["sas-token", "a b"],
        &["send", "--count", "many"],
        &["completions"],
        &["monitor-events", "-f", "xml"],
    ] {
        let error = Hubctl::new(arguments).run().failure(2);
        assert!(
            error.lines().count() <= 3 && error.contains("\n  hint: "),
            "{error}"
        );
        let error = Hubctl::new(&["--json"]).args(arguments).run();
        let told: Value =
            serde_json::from_str(&error.stderr).unwrap_or_else(|_| panic!("{}", error.stderr));
        assert_eq!((error.code, &told["error"]["kind"]), (2, &"usage".into()));
    }
}

#[test]
fn colour_is_as_it_was_asked_for() {
    let call = |arguments: &[&str]| Hubctl::new(arguments).run();
    let red = "\u{1b}[1;31merror:";
    assert!(
        call(&["login", "HostName=h", "--color", "always"])
            .stderr
            .starts_with(red)
    );
    assert!(call(&["--color=always", "--bogus"]).stderr.starts_with(red));
    assert!(call(&["--bogus"]).stderr.starts_with("error:"));
    assert!(
        call(&["--help", "--color", "always"])
            .stdout
            .contains('\u{1b}')
    );
    assert!(!call(&["--help"]).stdout.contains('\u{1b}'));
    // NO_COLOR is for those who were not asked; who says always means it.
    assert!(
        Hubctl::new(&["--bogus", "--color", "always"])
            .env("NO_COLOR", "1")
            .run()
            .stderr
            .starts_with(red)
    );
}

#[test]
fn help_and_version_are_results() {
    for arguments in [["--help"].as_slice(), &["--version"], &["sas-token", "-h"]] {
        assert!(!Hubctl::new(arguments).run().success().is_empty());
    }
    assert_eq!(Hubctl::new(&[]).run().code, 2);
}

#[test]
fn only_the_error_is_json_whichever_way_that_is_asked_for() {
    let hub = Emulator::start(&[]);
    let call = ["monitor-events", "-s", "0", "--exit-at-end", "--count", "1"];
    for json in [["--json"].as_slice(), &["-f", "ndjson"], &["-f", "json"]] {
        let missed = hub.owner(&call).args(json).run();
        assert_eq!(missed.code, 12, "{}", missed.stderr);
        let mut lines = missed.stderr.lines();
        let error: Value = serde_json::from_str(lines.next_back().unwrap()).unwrap();
        assert_eq!(error["error"]["kind"], "conditionMissed");
        let notes: Vec<&str> = lines.collect();
        assert_eq!(notes[0], "Monitoring events from all devices...");
        assert!(
            notes
                .iter()
                .any(|note| note.starts_with("partitions attached")),
            "{notes:?}"
        );
        let quiet = hub.owner(&call).args(json).args(&["-q"]).run();
        assert_eq!(quiet.stderr.lines().count(), 1, "{}", quiet.stderr);
        // A number of seconds for one of milliseconds is warned of.
        let warned = hub.owner(&["monitor-events", "-s", "1700000000", "--exit-at-end", "-q"]);
        let warned = warned.args(json).run();
        assert!(
            warned.stderr.starts_with("warning: a bare number"),
            "{}",
            warned.stderr
        );
    }
}
