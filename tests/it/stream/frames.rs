//! Events and requests in more frames than one, and how many of them may come at once.

use super::{read, read_all, told};
use crate::support::event_hub::{Fault, Log, Script, Setup};

fn megabyte(_: i64) -> usize {
    1 << 20
}

/// From nothing to more than a frame takes.
fn around_a_frame(number: i64) -> usize {
    usize::try_from(number).unwrap() * 331
}

#[test]
fn events_of_any_size_come_whole_wherever_they_are_cut() {
    for cuts in [&[] as &[usize], &[1, 7, 4_093, 65_000, 3, 8_191], &[65_472]] {
        let large = Log {
            fill: megabyte,
            ..Log::of(6)
        };
        let odd = Log {
            fill: around_a_frame,
            ..Log::of(400)
        };
        let logs = vec![large, odd];
        let mut setup = Setup::new(logs, Script::none());
        setup.manners.cuts = cuts;
        let (finished, hub) = read_all(setup, &[]);
        assert_eq!(told(&finished, "lost"), 0, "{}", finished.stderr);
        hub.check();
    }
}

#[test]
fn an_event_that_breaks_in_the_middle_comes_once_and_whole() {
    let breaks = [
        Fault::Reset,
        Fault::HangUp,
        Fault::Detach("amqp:link:detach-forced"),
        Fault::End("amqp:internal-error"),
    ];
    let cues = breaks.into_iter().zip([1, 3, 4, 6]);
    let cues = cues.map(|(fault, before)| (before, Fault::Torn(Box::new(fault))));
    let logs = vec![Log {
        fill: megabyte,
        ..Log::of(8)
    }];
    let mut setup = Setup::new(logs, Script::of(cues));
    setup.manners.cuts = &[5, 60_001, 1_000];
    let (finished, hub) = read_all(setup, &[]);
    assert_eq!(told(&finished, "trying again"), 4, "{}", finished.stderr);
    hub.check();
}

#[test]
fn an_event_that_is_aborted_comes_once_and_whole() {
    let aborted = [0, 1, 5, 9].map(|before| (before, Fault::Aborted));
    let (finished, hub) = read(10, Script::of(aborted));
    assert_eq!(told(&finished, "lost"), 0, "{}", finished.stderr);
    assert_eq!(hub.conduct().conduct.attaches.len(), 1);
}

#[test]
fn credit_is_given_anew_before_the_stream_stops() {
    let logs = vec![Log::of(16_000), Log::of(30)];
    let (_, hub) = read_all(Setup::new(logs, Script::none()), &[]);
    let state = hub.conduct();
    assert!(state.conduct.flows < 100, "{} flows", state.conduct.flows);
}

#[test]
fn events_that_the_service_does_not_settle_are_settled() {
    let logs = vec![Log {
        fill: around_a_frame,
        ..Log::of(300)
    }];
    let mut setup = Setup::new(logs, Script::of([(200, Fault::Reset)]));
    setup.manners.is_settled = false;
    let (_, hub) = read_all(setup, &[]);
    assert!(hub.conduct().conduct.settled > 0);
}

#[test]
fn a_service_that_asks_how_things_stand_is_answered() {
    let asked = (1..9).map(|before| (before, Fault::Echo));
    let (finished, hub) = read(10, Script::of(asked));
    assert_eq!(told(&finished, "lost"), 0, "{}", finished.stderr);
    assert_eq!(hub.conduct().conduct.connections, 1);
}

#[test]
fn a_service_that_takes_little_at_a_time_is_given_little() {
    for (session_window, node_credit) in [(1, 100), (5_000, 1), (1, 1), (3, 2)] {
        let logs = vec![Log::of(50); 32];
        let script = Script::of([(20, Fault::Reset)]);
        let mut setup = Setup::new(logs, script);
        setup.manners.session_window = session_window;
        setup.manners.node_credit = node_credit;
        setup.manners.max_frame_size = 512;
        let (_, hub) = read_all(setup, &[]);
        // The event hub and each of its partitions: at both connects, and at the end.
        assert_eq!(hub.conduct().conduct.requests, 99);
    }
}
