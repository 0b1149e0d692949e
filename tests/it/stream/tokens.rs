//! Tokens: renewed ahead of time, refused, expired.

use std::time::Duration;

use super::{ended_by, read, read_all, told};
use crate::support::event_hub::{ENTITY, EventHub, Fault, Log, Script, Setup};
use crate::support::hostile::KEY;
use crate::support::runner::Finished;
use crate::support::{Certificates, Hubctl};

/// Reads for so many times 25 ms with tokens that live three seconds, from a hub that ends links when they have expired.
fn read_with_short_tokens(
    count: i64,
    script: Script,
    refuses_renewals: bool,
) -> (Finished, EventHub) {
    let logs = vec![Log::of(count), Log::of(count)];
    let mut setup = Setup::new(logs, script);
    setup.manners.pace = Some(Duration::from_millis(25));
    setup.manners.expires = true;
    setup.manners.refuses_renewals = refuses_renewals;
    read_all(
        setup,
        &["--token-lifetime", "3s", "--connect-timeout", "1s"],
    )
}

#[test]
fn tokens_are_renewed_ahead_of_time_on_the_same_connection() {
    let (finished, hub) = read_with_short_tokens(320, Script::none(), false);
    assert_eq!(told(&finished, "lost"), 0, "{}", finished.stderr);
    let renewed = told(&finished, "token renewed");
    assert!(renewed >= 3, "{}", finished.stderr);
    let state = hub.conduct();
    assert_eq!(state.conduct.connections, 1);
    assert_eq!(state.conduct.attaches.len(), 2);
    assert!(state.conduct.tokens > renewed);
}

#[test]
fn a_renewal_that_is_refused_once_is_tried_again_on_the_same_connection() {
    let script = Script::of([(2, Fault::Token(401))]);
    let (finished, hub) = read_with_short_tokens(160, script, false);
    let refused =
        "token not renewed: $cbs answered 401: ExpiredToken: try another; trying again in 0.2 s";
    assert_eq!(told(&finished, refused), 1, "{}", finished.stderr);
    assert!(told(&finished, "token renewed") >= 1, "{}", finished.stderr);
    assert_eq!(hub.conduct().conduct.connections, 1);
}

#[test]
fn a_renewal_finds_its_way_where_the_service_has_ended_the_idle_one() {
    let script = Script::of([(2, Fault::IdleCbs), (200, Fault::IdleCbs)]);
    let (finished, hub) = read_with_short_tokens(320, script, false);
    assert_eq!(told(&finished, "lost"), 0, "{}", finished.stderr);
    assert!(told(&finished, "token renewed") >= 3, "{}", finished.stderr);
    let state = hub.conduct();
    assert_eq!(state.conduct.connections, 1);
    assert_eq!(state.conduct.attaches.len(), 2);
}

#[test]
fn a_renewal_that_nobody_answers_is_followed_by_a_new_connection() {
    let script = Script::of([(2, Fault::Token(0))]);
    let (finished, hub) = read_with_short_tokens(200, script, false);
    let lost = "connection lost: opening the event hub with a token: no answer within 1 s ($cbs)";
    assert_eq!(told(&finished, lost), 1, "{}", finished.stderr);
    assert_eq!(hub.conduct().conduct.connections, 2);
}

#[test]
fn a_token_that_expires_after_all_is_followed_by_a_new_connection() {
    let (finished, hub) = read_with_short_tokens(260, Script::none(), true);
    assert!(
        told(&finished, "token not renewed") >= 2,
        "{}",
        finished.stderr
    );
    let state = hub.conduct();
    assert!(state.conduct.connections > 1, "{}", finished.stderr);
    assert!(told(&finished, "ExpiredToken (amqp:unauthorized-access)") >= 1);
}

#[test]
fn a_token_that_is_refused_when_a_connection_is_made_again_is_tried_again() {
    for status in [401, 403, 500, 503] {
        let script = Script::of([(5, Fault::Token(status)), (5, Fault::Reset)]);
        let (finished, hub) = read(10, script);
        let refused = format!("$cbs answered {status}");
        assert_eq!(told(&finished, &refused), 1, "{}", finished.stderr);
        assert_eq!(hub.conduct().conduct.tokens, 3);
    }
}

#[test]
fn a_token_that_is_refused_at_the_start_ends_the_stream() {
    let hub = Setup::new(vec![Log::of(10)], Script::none()).start();
    hub.refuse_token(401);
    let finished = hub.reader(&["--from", "earliest"]).run();
    let error = ended_by(&finished, 4);
    assert!(error.contains("401"), "{error}");
    assert_eq!(hub.conduct().conduct.tokens, 1);
}

#[test]
fn a_refused_token_is_held_against_the_namespaces_clock() {
    let certificates = Certificates::make();
    for (hours, is_off) in [(2, true), (0, false)] {
        let time = chrono::Utc::now() - chrono::Duration::hours(hours);
        let mut setup = Setup::new(vec![Log::of(10)], Script::none());
        setup.manners.date = Some(time.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        let hub = EventHub::start(setup, Some(&certificates));
        hub.refuse_token(401);
        let string = format!(
            "Endpoint=sb://localhost:{};SharedAccessKeyName=p;SharedAccessKey={KEY};EntityPath={ENTITY}",
            hub.port
        );
        let error = Hubctl::new(&["monitor-events", "-l", &string])
            .env("HUBCTL_CA_FILE", certificates.ca_file())
            .run()
            .failure(4);
        assert_eq!(error.contains("clock is 2 h ahead"), is_off, "{error}");
        assert_eq!(error.contains("EntityPath=e "), !is_off, "{error}");
        hub.check();
    }
}
