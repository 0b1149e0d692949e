//! Connections that break, in every way that they can.

use std::io::{BufRead as _, BufReader};

use super::{Check, read, read_all, told};
use crate::support::event_hub::{Fault, Log, Script, Setup};

#[test]
fn a_connection_that_breaks_is_made_again_after_the_last_event() {
    for (fault, reason) in [
        (Fault::Reset, "the connection broke: "),
        (Fault::HangUp, "the connection was closed without a word"),
        (
            Fault::Close("amqp:connection:forced"),
            "the service ended the connection: as the script has it (amqp:connection:forced)",
        ),
        (
            Fault::Torn(Box::new(Fault::Reset)),
            "the connection broke: ",
        ),
        (
            Fault::Torn(Box::new(Fault::HangUp)),
            "the connection was closed without a word",
        ),
    ] {
        let (finished, hub) = read(20, Script::of([(7, fault.clone()), (12, fault.clone())]));
        let lost = told(&finished, "connection lost: ");
        let named = told(&finished, reason);
        assert_eq!((lost, named), (2, 2), "{fault:?}: {}", finished.stderr);
        let attached = told(&finished, "partitions attached 1/1");
        assert_eq!(attached, 3, "{fault:?}: {}", finished.stderr);
        let state = hub.conduct();
        assert_eq!(state.conduct.connections, 3, "{fault:?}");
        let closes = if matches!(fault, Fault::Close(_)) {
            2
        } else {
            0
        };
        assert_eq!(state.conduct.farewells, closes, "{fault:?}");
    }
}

#[test]
fn a_connection_that_is_only_half_there_is_noticed_and_made_again() {
    for keep_alives in [0, 3] {
        let logs = vec![Log::of(20)];
        let script = Script::of([(7, Fault::Mute(keep_alives))]);
        let mut setup = Setup::new(logs, script);
        setup.manners.idle_time_out = 600;
        let (finished, hub) = read_all(setup, &["--idle-timeout", "1s"]);
        let silent = told(&finished, "nothing came for 2 s, not even a keep-alive");
        assert_eq!(silent, 1, "{}", finished.stderr);
        let state = hub.conduct();
        assert_eq!(state.conduct.connections, 2);
    }
}

#[test]
fn an_idle_connection_is_kept_alive_from_both_sides() {
    let logs = vec![Log::of(3)];
    let mut setup = Setup::new(logs, Script::none());
    setup.manners.idle_time_out = 500;
    // Events are further apart than silence may last.
    setup.manners.pace = Some(std::time::Duration::from_millis(2_500));
    let (finished, hub) = read_all(setup, &["--idle-timeout", "1s"]);
    assert_eq!(told(&finished, "lost"), 0, "{}", finished.stderr);
    assert_eq!(hub.conduct().conduct.connections, 1);
}

#[test]
fn whoever_stalls_behind_a_pipe_loses_nothing_by_it() {
    let logs = vec![Log::of(20_000); 2];
    let mut setup = Setup::new(logs.clone(), Script::none());
    setup.manners.idle_time_out = 500;
    setup.manners.closes_idle = true;
    let hub = setup.start();
    let (reader, writer) = std::io::pipe().unwrap();
    let running = hub
        .reader(&[
            "--from",
            "earliest",
            "--count",
            "40000",
            "--idle-timeout",
            "1s",
        ])
        .stdout(writer)
        .start();
    // Nobody reads until the service has had enough of it.
    hub.wait_for_ends(1);
    let mut check = Check::new(&logs);
    for line in BufReader::new(reader).lines() {
        check.line(&line.unwrap());
    }
    check.finish();
    let finished = running.finish();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(
        told(&finished, "connection lost") >= 1,
        "{}",
        finished.stderr
    );
    hub.check();
}

#[test]
fn a_stream_that_is_quiet_goes_on_when_something_comes() {
    let hub = Setup::new(vec![Log::of(5), Log::of(0)], Script::none()).start();
    let mut reader = hub.reader(&["--count", "3"]).start();
    reader.wait_for_talk("attached 2/2");
    hub.enqueue(1, 1);
    reader.wait_for("\"sequenceNumber\":0,");
    hub.enqueue(0, 2);
    reader.wait_for("\"sequenceNumber\":5,");
    reader.wait_for("\"sequenceNumber\":6,");
    assert_eq!(reader.finish().code, 0);
    hub.check();
}
