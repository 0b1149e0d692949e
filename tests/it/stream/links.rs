//! Links and sessions that end: taken up again after the last event, or given up, as their reason has it.

use super::{ended_by, read, read_all, told};
use crate::support::event_hub::{Cue, Fault, Log, Script, Setup};

/// Reasons that pass, and what is told of the wait.
const PASSING: [&str; 23] = [
    "amqp:link:detach-forced",
    "amqp:internal-error",
    "amqp:not-found",
    "amqp:not-allowed",
    "amqp:not-implemented",
    "amqp:resource-limit-exceeded",
    "amqp:link:message-size-exceeded",
    "com.microsoft:timeout",
    "com.microsoft:entity-disabled",
    "com.microsoft:operation-cancelled",
    "com.microsoft:container-close",
    "com.microsoft:argument-error",
    "com.microsoft:argument-out-of-range",
    "com.microsoft:precondition-failed",
    "com.microsoft:message-lock-lost",
    "com.microsoft:iot-hub-not-found-error",
    "com.microsoft:iot-hub-suspended",
    "com.microsoft:device-container-throttled",
    "com.microsoft:device-already-exists",
    "com.microsoft:quota-exceeded",
    "com.microsoft:partition-not-owned",
    "amqp:session:window-violation",
    "amqp:connection:forced",
];

#[test]
fn a_detached_link_is_attached_again_after_the_last_event() {
    let cues = PASSING.iter().enumerate().map(|(index, condition)| {
        let before = i64::try_from(index).unwrap() * 10 + 5;
        (before, Fault::Detach(condition))
    });
    let (finished, hub) = read(240, Script::of(cues));
    for condition in PASSING {
        let line = format!(
            "partition 0: the service ended the link: as the script has it ({condition}); trying again in "
        );
        assert_eq!(told(&finished, &line), 1, "{line}\n{}", finished.stderr);
    }
    assert_eq!(told(&finished, "connection lost"), 0);
    let state = hub.conduct();
    assert_eq!(state.conduct.connections, 1);
    assert_eq!(state.conduct.attaches.len(), PASSING.len() + 1);
}

#[test]
fn a_link_that_is_told_its_token_is_no_good_gets_a_new_connection_and_a_new_token() {
    for condition in ["amqp:unauthorized-access", "com.microsoft:auth-failed"] {
        let (finished, hub) = read(10, Script::of([(5, Fault::Detach(condition))]));
        assert_eq!(
            told(&finished, "connection lost: "),
            1,
            "{}",
            finished.stderr
        );
        assert_eq!(told(&finished, condition), 1, "{}", finished.stderr);
        let state = hub.conduct();
        assert_eq!((state.conduct.connections, state.conduct.tokens), (2, 2));
    }
}

#[test]
fn a_session_that_ended_is_begun_again() {
    let (finished, hub) = read(
        20,
        Script::of([
            (5, Fault::End("amqp:session:window-violation")),
            (9, Fault::End("amqp:internal-error")),
        ]),
    );
    assert_eq!(told(&finished, "the service ended the session"), 2);
    assert_eq!(hub.conduct().conduct.connections, 1);
}

#[test]
fn a_busy_service_is_given_its_pause_while_the_others_read_on() {
    let logs = vec![Log::of(100), Log::of(3_000), Log::of(3_000)];
    let cue = Cue {
        partition: 0,
        before: 50,
        fault: Fault::Detach("com.microsoft:server-busy"),
    };
    let setup = Setup::new(logs, Script::Cues([cue].into()));
    let (finished, hub) = read_all(setup, &[]);
    assert_eq!(
        told(&finished, "trying again in 4.0 s"),
        1,
        "{}",
        finished.stderr
    );
    let lines: Vec<&str> = finished.stdout.lines().collect();
    let of_the_busy = |line: &&&str| line.starts_with("{\"partition\":\"0\"");
    let at_the_end = lines.iter().rev().take_while(of_the_busy).count();
    assert_eq!(at_the_end, 50, "the others waited for the busy one");
    assert_eq!(hub.conduct().conduct.connections, 1);
}

#[test]
fn a_stolen_link_ends_the_stream_with_a_conflict() {
    let logs = vec![Log::of(10)];
    let script = Script::of([(5, Fault::Detach("amqp:link:stolen"))]);
    let hub = Setup::new(logs, script).start();
    let finished = hub.reader(&["--from", "earliest"]).run();
    assert_eq!(finished.stdout.lines().count(), 5);
    let error = ended_by(&finished, 6);
    assert!(
        error.contains("amqp:link:stolen") && error.contains("-c GROUP"),
        "{error}"
    );
    assert_eq!(hub.conduct().conduct.attaches.len(), 1);
}

#[test]
fn a_refusal_that_does_not_pass_ends_the_stream_with_its_code() {
    for (condition, code) in [
        ("amqp:not-found", 5),
        ("amqp:resource-limit-exceeded", 7),
        ("amqp:not-allowed", 6),
    ] {
        let refusals = (0..40).map(|_| (5, Fault::Refuse(condition)));
        let script = Script::of(refusals.chain([(5, Fault::Detach(condition))]));
        let hub = Setup::new(vec![Log::of(10)], script).start();
        let finished = hub.reader(&["--from", "earliest"]).run();
        assert_eq!(finished.stdout.lines().count(), 5);
        let error = ended_by(&finished, code);
        assert!(error.contains(condition), "{error}");
        let attaches = hub.conduct().conduct.attaches.len();
        assert!((4..20).contains(&attaches), "{attaches} tries");
    }
}

#[test]
fn a_refusal_at_the_start_is_told_at_once() {
    let hub = Setup::new(vec![Log::of(10)], Script::none()).start();
    hub.refuse(0, "amqp:resource-limit-exceeded");
    let finished = hub.reader(&["--from", "earliest"]).run();
    let error = ended_by(&finished, 7);
    assert!(error.contains("amqp:resource-limit-exceeded"), "{error}");
    assert_eq!(hub.conduct().conduct.attaches.len(), 1);
}

#[test]
fn a_place_that_the_service_refuses_is_named() {
    for (condition, place, code) in [
        ("amqp:invalid-field", "offset:4096", 2),
        ("com.microsoft:argument-error", "seq:5", 2),
        ("com.microsoft:argument-out-of-range", "seq:5", 2),
        ("com.microsoft:argument-error", "earliest", 10),
    ] {
        let hub = Setup::new(vec![Log::of(10)], Script::none()).start();
        hub.refuse(0, condition);
        let finished = hub.reader(&["--from", place]).run();
        let error = ended_by(&finished, code);
        assert!(error.contains(condition), "{error}");
        let named = format!("--from {place} in partition 0");
        assert_eq!(error.contains(&named), code == 2, "{error}");
        assert_eq!(hub.conduct().conduct.attaches.len(), 1);
    }
}

#[test]
fn an_event_hub_that_is_not_there_is_the_entity_paths() {
    let hub = || Setup::new(vec![Log::of(10)], Script::none()).start();
    let (by_token, by_link, by_group) = (hub(), hub(), hub());
    by_token.refuse_token(404);
    by_link.refuse(0, "amqp:not-found");
    by_group.refuse(0, "amqp:not-found");
    for finished in [by_token.reader(&[]).run(), by_link.reader(&[]).run()] {
        let error = ended_by(&finished, 5);
        for word in ["EntityPath=e ", "Built-in endpoints"] {
            assert!(error.contains(word), "{word} is not in {error}");
        }
    }
    let error = by_group.reader(&["-c", "mine"]).run();
    let error = ended_by(&error, 5);
    assert!(
        error.contains("There is no consumer group") && !error.contains("EntityPath"),
        "{error}"
    );
}
