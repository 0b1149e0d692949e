//! Every cause by the facts that lead to it, and the words that name it with what mends it.

mod case;

use super::super::words::explanation;
use super::*;
use crate::command::monitor_events::ledger::after;
use case::{Case, seconds_ago};

#[test]
fn a_start_that_is_still_to_come() {
    let mut case = Case::new(Some(180), Some(180));
    let begin = seconds_ago(-3600);
    case.start = Start::At(Position::EnqueuedTime(begin.timestamp_millis() - 1));
    case.expect(&Cause::FutureStart(begin), &["still to come", "-s 10m"]);
    // The clocks may differ by a little.
    case.start = Start::At(Position::EnqueuedTime(seconds_ago(-2).timestamp_millis()));
    assert!(!matches!(case.told().0[0], Cause::FutureStart(_)));
}

#[test]
fn partitions_that_are_not_read() {
    let mut case = Case::new(Some(180), Some(180));
    case.attached = (3, 4);
    case.expect(&Cause::Refused, &["3 of 4", "-c GROUP"]);
}

#[test]
fn an_id_that_is_not_there() {
    let case = || Case::new(None, Some(180));
    case().unknown(&["Device1", "device2"], 9).expect(
        &Cause::OtherCase("Device1".to_owned()),
        &[
            "\"device1\"",
            "\"Device1\"",
            "hubctl monitor-events Device1",
        ],
    );
    case().unknown(&["device2"], 9).expect(
        &Cause::Misspelt(vec!["device2".to_owned()]),
        &["hubctl monitor-events device2"],
    );
    case().unknown(&[], 9).expect(
        &Cause::WrongHub { listed: 9 },
        &["contoso.azure-devices.net", "9 others", "-l"],
    );
    case().unknown(&[], 0).expect(
        &Cause::NoDevices,
        &[
            "no devices at all",
            "az iot hub device-identity create --hub-name contoso --device-id device1",
        ],
    );
    case()
        .all(0, None)
        .expect(&Cause::NoDevices, &["no devices at all"]);
}

#[test]
fn a_device_that_cannot_or_did_not_send() {
    let mut case = Case::new(Some(180), Some(180));
    if let Registry::Known(device) = &mut case.registry {
        device.is_enabled = false;
    }
    case.expect(&Cause::Disabled, &["disabled", "--set status=enabled"]);
    let never = Case::new(None, Some(180));
    never.expect(
        &Cause::NeverSent,
        &["never heard of", "hubctl send device1"],
    );
    let nobody = Case::new(None, None).all(4, None);
    nobody.expect(&Cause::NeverSent, &["no device", "hubctl send"]);
}

#[test]
fn a_route_past_the_built_in_endpoint() {
    let route = [
        "message route",
        "az iot hub message-route create --hub-name contoso",
        "--endpoint-name events",
    ];
    let bypassed = |device: &str, active, newest: Option<i64>| Cause::Bypassed {
        device: device.to_owned(),
        active: seconds_ago(active),
        newest: newest.map(seconds_ago),
    };
    Case::new(Some(2), None).expect(&bypassed("device1", 2, None), &route);
    Case::new(Some(2), Some(900)).expect(&bypassed("device1", 2, Some(900)), &route);
    let all = Case::new(None, Some(900)).all(3, Some(2));
    all.expect(&bypassed("device7", 2, Some(900)), &route);
    // Everything that is kept was read, and nothing of it was the device's.
    let mut everything = Case::new(Some(600), Some(300));
    everything.start = Start::At(Position::Earliest);
    everything.expect(&bypassed("device1", 600, Some(300)), &route);
    // Differences that say nothing.
    let (causes, _) = Case::new(Some(2), Some(6)).told();
    assert!(matches!(causes[0], Cause::BeforeStart { .. }), "{causes:?}");
}

#[test]
fn what_was_sent_before_the_start() {
    let before = |device: Option<&str>, partition: Option<&str>, sent| Cause::BeforeStart {
        device: device.map(str::to_owned),
        partition: partition.map(str::to_owned),
        sent: seconds_ago(sent),
    };
    for (age, begin) in [
        (30, "-s 1m"),
        (180, "-s 10m"),
        (3000, "-s 1h"),
        (3590, "-s 6h"),
        (5 * 86_400, "-s 7d"),
        (90 * 86_400, "--from earliest"),
    ] {
        Case::new(Some(age), Some(age)).expect(
            &before(Some("device1"), Some("2"), age),
            &["device1", "partition 2", "before the place", begin],
        );
    }
    // Another device has sent since; which partition it was cannot be told.
    let case = Case::new(Some(3000), Some(60));
    case.expect(&before(Some("device1"), None, 3000), &["-s 1h"]);
    let all = Case::new(None, Some(180)).all(3, Some(180));
    all.expect(&before(Some("device7"), Some("2"), 180), &["-s 10m"]);
    let without = Case::new(None, Some(180)).without_registry();
    without.expect(&before(None, Some("2"), 180), &["-s 10m"]);
}

#[test]
fn another_partition_than_the_one_asked_for() {
    let other = Cause::OtherPartition("2".to_owned());
    let words = ["partition 2", "--partition 2"];
    Case::new(Some(9), Some(9))
        .asked("0")
        .expect(&other, &words);
    let without = Case::new(None, Some(9)).without_registry().asked("0");
    without.expect(&other, &words);
    let (causes, _) = Case::new(Some(9), Some(9)).asked("2").told();
    assert!(!causes.contains(&other));
}

#[test]
fn events_that_come_and_are_not_shown() {
    let mut case = Case::new(Some(1), Some(1));
    case.module = Some(Glob::new("motor").unwrap());
    case.passed.by_module = 1;
    case.passed.last_module = Some("camera".to_owned());
    case.sources = vec![Source::Telemetry];
    case.passed.by_source = 2;
    case.passed.last_source = Some("twinChangeEvents".to_owned());
    case.expect(
        &Cause::Filtered,
        &[
            "3 events of device1 were read and not shown",
            "1 by -m motor, the last of its module camera",
            "2 by --source telemetry, the last from twinChangeEvents",
        ],
    );
    assert_eq!(case.told().0.len(), 1);
    let mut case = Case::new(Some(1), Some(1));
    case.conditions = vec!["body.x > 1".to_owned()];
    case.passed.by_conditions = 1;
    case.missing = vec![Field::parse("body.x").unwrap()];
    let words = [
        "1 event of device1 was",
        "1 by --where \"body.x > 1\"",
        "none of them has body.x",
    ];
    case.expect(&Cause::Filtered, &words);
    let others = Case::new(Some(3000), Some(1)).others(&["device8", "device9"]);
    let facts = others.facts();
    let causes = explain(&facts);
    assert_eq!(causes.last(), Some(&Cause::OthersSend));
    let text = explanation(&facts, &causes);
    assert!(
        text.contains("12 events of other devices") && text.contains("\"device8\", \"device9\"")
    );
    let unknown = Case::new(None, Some(1))
        .without_registry()
        .others(&["device8"]);
    unknown.expect(&Cause::OthersSend, &["device8", "hubctl monitor-events"]);
    let same = Case::new(None, Some(1))
        .without_registry()
        .others(&["x", "DEVICE1"]);
    same.expect(
        &Cause::OtherCase("DEVICE1".to_owned()),
        &["monitor-events DEVICE1"],
    );
}

#[test]
fn a_pattern_is_held_against_the_registry() {
    let all = |pattern: &str, matching: usize, others: &[&str]| {
        let mut case = Case::new(None, Some(180));
        case.device = Some(Glob::new(pattern).unwrap());
        case.registry(Registry::All {
            listed: 5,
            matching,
            latest: (matching > 0).then(|| ("pump7".to_owned(), seconds_ago(180))),
            others: others.iter().map(|id| (*id).to_owned()).collect(),
        })
    };
    let (causes, line) = all("Pump*", 0, &["pump7", "fan"]).told();
    assert!(
        matches!(&causes[0], Cause::NoneMatches { other_case: Some(id), .. } if id == "pump7"),
        "{causes:?}"
    );
    assert!(line.contains("case of letters"), "{line}");
    let (_, line) = all("valve*", 0, &["fan", "pump7"]).told();
    for word in [
        "none of 5 devices",
        "\"valve*\"",
        "\"fan\", \"pump7\" and others",
        "-l",
    ] {
        assert!(line.contains(word), "{word:?} is not in {line:?}");
    }
    let nothing = all("valve*", 0, &["fan"]);
    let facts = nothing.facts();
    let text = explanation(&facts, &explain(&facts));
    assert!(text.ends_with("5 devices of which 0 match"), "{text}");
    let (causes, line) = all("pump*", 2, &[]).others(&["fan"]).told();
    assert!(matches!(causes[0], Cause::BeforeStart { .. }), "{causes:?}");
    assert!(line.contains("pump7") && line.contains("-s 10m"), "{line}");
    assert_eq!(causes[1], Cause::OthersSend);
    let case = all("pump*", 2, &[]).others(&["fan"]);
    let facts = case.facts();
    let text = explanation(&facts, &explain(&facts));
    assert!(text.contains("did not match \"pump*\""), "{text}");
    assert!(
        text.contains("5 devices of which 2 match, pump7 heard of"),
        "{text}"
    );
}

#[test]
fn a_module_that_the_device_has_not() {
    let mut case = Case::new(Some(1), Some(1));
    case.module = Some(Glob::new("camra").unwrap());
    let modules = |case: &mut Case, ids: &[&str]| {
        if let Registry::Known(device) = &mut case.registry {
            device.modules = Some(ids.iter().map(|id| (*id).to_owned()).collect());
        }
    };
    modules(&mut case, &["$edgeAgent", "camera"]);
    case.passed.by_module = 2;
    let ids = vec!["$edgeAgent".to_owned(), "camera".to_owned()];
    case.expect(
        &Cause::NoModule(ids),
        &["no module \"camra\"", "\"camera\"", "-m camera"],
    );
    modules(&mut case, &[]);
    case.expect(&Cause::NoModule(vec![]), &["has no modules", "-m"]);
    modules(&mut case, &["camra"]);
    case.expect(&Cause::Filtered, &["the last of the device itself"]);
}

#[test]
fn what_only_a_route_brings() {
    let mut case = Case::new(Some(180), Some(180));
    case.sources = vec![Source::Twin];
    let words = [
        "--source twin",
        "--source-type TwinChangeEvents",
        "--endpoint-name events",
    ];
    case.expect(&Cause::Unrouted, &words);
    case.passed.by_source = 1;
    assert_eq!(case.told().0, [Cause::Filtered, Cause::Unrouted]);
    case.passed.by_source = 0;
    case.without_registry().expect(&Cause::Unrouted, &words);
}

#[test]
fn what_the_logs_alone_tell() {
    let empty = Case::new(None, None).without_registry();
    empty.expect(&Cause::Empty, &["never had an event", "hubctl send"]);
    let mut stalled = Case::new(Some(1), Some(1));
    stalled.logs.as_mut().unwrap()[2].unread = 7;
    stalled.expect(&Cause::Stalled, &["7 events", "--trace"]);
    stalled
        .without_registry()
        .expect(&Cause::Stalled, &["7 events"]);
    let mut behind = Case::new(Some(1), Some(1)).others(&["device8"]);
    behind.logs.as_mut().unwrap()[2].unread = 7;
    behind.expect(&Cause::Behind, &["7 events", "still to be read", "-s TIME"]);
    let mut filtered = Case::new(None, Some(1)).all(3, Some(1));
    filtered.passed.by_conditions = 2;
    assert_eq!(filtered.told().0, [Cause::Filtered]);
    let mut dumb = Case::new(Some(1), Some(1));
    dumb.logs = Err("it hung up".to_owned());
    dumb.expect(&Cause::Quiet, &["hubctl send"]);
    dumb.start = Start::At(after(3));
    let facts = dumb.facts();
    let text = explanation(&facts, &explain(&facts));
    assert!(text.contains("it hung up"), "{text}");
}

#[test]
fn everything_that_was_looked_at_is_told() {
    let case = Case::new(Some(3600), Some(60));
    let facts = case.facts();
    let text = explanation(&facts, &explain(&facts));
    for word in [
        "nothing for 10 s",
        "attached 4/4",
        "$Default",
        "partition 2 1 min ago (number 41), 3 without any",
        "device device1: enabled, disconnected since 2027-01-15T07:00:00Z, heard of 1 h ago",
        "message route",
    ] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    let shut = Case::new(None, None).without_registry();
    let facts = shut.facts();
    let text = explanation(&facts, &explain(&facts));
    assert!(
        text.contains("not looked at: the device registry (it is shut)"),
        "{text}"
    );
}

#[test]
fn the_year_one_is_never() {
    let identity = |text: &str| Identity {
        last_activity_time: text.to_owned(),
        ..Identity::default()
    };
    for never in ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", ""] {
        assert_eq!(activity(&identity(never)), None, "{never}");
    }
    for text in [
        "2027-01-15T08:00:00.0000000",
        "2027-01-15T08:00:00Z",
        "2027-01-15T08:00:00",
    ] {
        assert_eq!(activity(&identity(text)), Some(seconds_ago(0)), "{text}");
    }
}
