//! The stream on bad days: whatever goes wrong between the event hub and the real binary, each event comes once and in
//! its partition's order, each break is told once, and the exit code is right.

mod check;
mod connections;
mod frames;
mod hostile;
mod links;
mod redirect;
mod retention;
mod soak;
mod tokens;

use check::Check;

use crate::support::event_hub::{EventHub, Log, Script, Setup};
use crate::support::runner::Finished;

/// Reads a hub from the oldest event on until all that `expected` holds has come, and holds it to that.
fn read_from(hub: &EventHub, expected: &[Log], arguments: &[&str]) -> Finished {
    let count: usize = expected.iter().map(Log::count).sum();
    let finished = hub
        .reader(&["--from", "earliest", "--count", &count.to_string()])
        .args(arguments)
        .run();
    let mut check = Check::new(expected);
    for line in finished.stdout.lines() {
        check.line(line);
    }
    check.finish();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    finished
}

/// Starts a hub with a single partition of so many events, lets a script play, and reads everything.
fn read(count: i64, script: Script) -> (Finished, EventHub) {
    let logs = vec![Log::of(count)];
    let hub = Setup::new(logs.clone(), script).start();
    let finished = read_from(&hub, &logs, &[]);
    (finished, hub)
}

/// How many lines of what was told hold this text.
fn told(finished: &Finished, text: &str) -> usize {
    let lines = finished.stderr.lines();
    lines.filter(|line| line.contains(text)).count()
}

/// Holds a run to this exit code and a single error, and returns that.
fn ended_by(finished: &Finished, code: i32) -> String {
    assert_eq!(finished.code, code, "{}", finished.stderr);
    let errors: Vec<&str> = finished
        .stderr
        .lines()
        .filter(|line| line.starts_with("{\"error\":{"))
        .collect();
    let [error] = errors[..] else {
        panic!("not one error: {}", finished.stderr);
    };
    error.to_owned()
}
