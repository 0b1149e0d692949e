//! `record`: what becomes of the file that it writes to.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::Emulator;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recording.ndjson");
    (folder, file)
}

#[test]
fn a_recording_is_not_overwritten_by_mistake() {
    let hub = Emulator::start(&[]);
    hub.owner(&["send", "device1", "x"]).run().success();
    let (_folder, file) = folder();
    let path = file.to_str().unwrap();
    fs::write(&file, "dear diary").unwrap();
    let call = |more: &[&str]| {
        let call = hub.owner(&["record", path, "-s", "0", "--count", "1"]);
        call.args(more).run()
    };
    assert!(call(&[]).failure(3).contains("is there already"));
    assert!(call(&["--append"]).failure(3).contains("is no recording"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "dear diary");
    let forced = call(&["--force"]);
    assert!(
        forced.stderr.contains("recorded 1 event, "),
        "{}",
        forced.stderr
    );
    assert_eq!(forced.success(), "");
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .starts_with("{\"partition\":")
    );
    // What is shown is of no use where all is kept.
    call(&["-f", "text"]).failure(2);
    let piped = hub
        .owner(&["record", "-", "-s", "0", "--count", "1", "-q"])
        .run();
    assert_eq!(piped.stderr, "");
    assert!(piped.success().ends_with("\"body\":\"x\"}\n"));
}

#[test]
fn a_recording_in_a_folder_that_is_not_there_is_refused() {
    let hub = Emulator::start(&[]);
    let (folder, _) = folder();
    let missing = folder.path().join("nodir");
    let file = missing.join("events.ndjson");
    for how in [[].as_slice(), &["--append"], &["--force"]] {
        let error = hub
            .owner(&["record", file.to_str().unwrap()])
            .args(how)
            .run()
            .failure(3);
        assert!(
            error.contains(&format!("the folder {} is not there", missing.display())),
            "{error}"
        );
        assert!(!error.contains("Free some space"), "{error}");
    }
    assert!(!missing.exists());
}

#[test]
fn positions_that_cannot_be_kept_leave_the_recording_as_it_was() {
    let hub = Emulator::start(&[]);
    let (folder, file) = folder();
    let damaged = folder.path().join("damaged.json");
    fs::write(&damaged, "no positions").unwrap();
    let missing = folder.path().join("nodir");
    for positions in [&missing.join("positions.json"), &damaged] {
        let record = |how: &str| {
            let record = hub.owner(&["record", file.to_str().unwrap(), how]);
            let record = record.args(&["--resume", positions.to_str().unwrap()]);
            record.run().failure(3);
        };
        for how in ["--exit-at-end", "--append", "--force"] {
            record(how);
            assert!(!file.exists(), "{how}");
        }
        fs::write(&file, "dear diary").unwrap();
        record("--force");
        assert_eq!(fs::read_to_string(&file).unwrap(), "dear diary");
        fs::remove_file(&file).unwrap();
    }
    assert!(!missing.exists());
}
