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

/// Starts a hub, reads it from the oldest event on until all has come that it holds, and holds it to that.
fn read_all(setup: Setup, arguments: &[&str]) -> (Finished, EventHub) {
    let logs = setup.logs.clone();
    let count: usize = logs.iter().map(Log::count).sum();
    let hub = setup.start();
    let finished = hub
        .reader(&["--from", "earliest", "--count", &count.to_string()])
        .args(arguments)
        .run();
    Check::whole(&logs, &finished.stdout);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    (finished, hub)
}

/// The same with a single partition of so many events, while a script plays.
fn read(count: i64, script: Script) -> (Finished, EventHub) {
    read_all(Setup::new(vec![Log::of(count)], script), &[])
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
