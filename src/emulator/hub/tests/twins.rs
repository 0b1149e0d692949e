//! Twins: read, changed, reported, searched; and who hears of it.

use serde_json::{Value, json};

use super::sessions::{ONE, TWO, connect, device, module};
use super::*;
use crate::emulator::query::{Continuation, Page, Query, Search};
use crate::model::device::IdentityId;
use crate::model::twin::TwinChange;

fn twin(operation: impl FnOnce(Option<String>) -> TwinOperation) -> Command {
    Command::Twin(operation(policy_token("service")))
}

pub(super) fn read(hub: &mut Hub, identity: IdentityId) -> Result<(String, Value), Refusal> {
    let command = twin(|token| TwinOperation::Read { token, identity });
    ask(hub, command).map(|reply| match reply {
        Reply::Twin { etag, twin } => (etag, twin),
        other => panic!("{other:?}"),
    })
}

pub(super) fn change(hub: &mut Hub, id: &str, body: &Value, if_match: Option<&str>) -> Effects {
    let change = Box::new(TwinChange::parse(body, false).unwrap());
    let if_match = if_match.map(str::to_owned);
    let command = twin(|token| TwinOperation::Change {
        token,
        identity: device(id),
        change,
        if_match,
    });
    hub.apply(now(), command)
}

fn desired(values: &Value) -> Value {
    json!({ "properties": { "desired": values } })
}

pub(super) fn listen(hub: &mut Hub, session: ListenerId, feed: Feed, on: bool) -> Effects {
    hub.apply(now(), Command::Listen { session, feed, on })
}

#[test]
fn a_twin_comes_and_goes_with_its_identity() {
    let mut hub = hub();
    assert_eq!(code(read(&mut hub, device("d1"))), 404_001);
    let identity = hub.register(now(), "d1").unwrap();
    let (etag, twin) = read(&mut hub, device("d1")).unwrap();
    assert_eq!(
        (etag.as_str(), &twin["version"]),
        ("AAAAAAAAAAE=", &json!(2))
    );
    assert_eq!(twin["deviceEtag"], *identity.etag);
    let made = &twin["properties"]["desired"]["$metadata"]["$lastUpdated"];
    assert_eq!(made, "2023-11-14T22:13:20.0000000Z");
    let module = module("d1", "m");
    assert_eq!(code(read(&mut hub, module)), 404_001);

    change(&mut hub, "d1", &json!({ "tags": { "a": 1 } }), None)
        .reply
        .unwrap();
    assert_eq!(read(&mut hub, device("d1")).unwrap().1["tags"]["a"], 1);
    delete(&mut hub, "d1", Some("*")).unwrap();
    hub.register(now(), "d1").unwrap();
    assert_eq!(read(&mut hub, device("d1")).unwrap().1["tags"], json!({}));
}

#[test]
fn twins_of_modules_go_with_their_device_and_no_other() {
    let mut hub = hub();
    let all = [
        device("a"),
        module("a", "m"),
        module("a", "n"),
        device("ab"),
        module("ab", "m"),
    ];
    for identity in &all {
        let body = Identity {
            module_id: identity.module.clone(),
            ..body(&identity.device)
        };
        write(&mut hub, &identity.device, body, None).unwrap();
        let change = TwinChange::parse(&json!({ "tags": { "a": 1 } }), false).unwrap();
        hub.change_twin(now(), identity, &change, None).unwrap();
    }
    let written = |hub: &Hub| {
        let has_tags = |identity: &&IdentityId| {
            let entry = hub.entry(identity).unwrap();
            *hub.twins.find(identity, entry) != crate::model::twin::Twin::new(entry.created())
        };
        let there = all.iter().filter(|identity| hub.entry(identity).is_ok());
        there
            .filter(has_tags)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let operation = RegistryOperation::Delete {
        device: "a".to_owned(),
        module: Some("m".to_owned()),
        if_match: Some("*".to_owned()),
    };
    registry(&mut hub, operation).unwrap();
    assert_eq!(written(&hub), ["a", "a/n", "ab", "ab/m"]);
    delete(&mut hub, "a", Some("*")).unwrap();
    // Made anew, they begin anew.
    for device in ["a", "ab"] {
        hub.register(now(), device).ok();
    }
    assert_eq!(written(&hub), ["ab", "ab/m"]);
}

#[test]
fn etags_guard_twins_and_rights_do() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    let tags = json!({ "tags": { "a": 1 } });
    for if_match in [None, Some(""), Some("*"), Some("AAAAAAAAAAQ=")] {
        change(&mut hub, "d1", &tags, if_match).reply.unwrap();
    }
    let stale = change(&mut hub, "d1", &tags, Some("AAAAAAAAAAQ="));
    assert_eq!(code(stale.reply), 412_001);
    let other_version = change(&mut hub, "d1", &desired(&json!({ "$version": 7 })), None);
    assert_eq!(code(other_version.reply), 412_001);
    let bad = change(&mut hub, "d1", &desired(&json!({ "a.b": 7 })), None);
    assert_eq!(code(bad.reply), 400_004);
    for (policy, allowed) in [
        ("service", true),
        ("iothubowner", true),
        ("registryReadWrite", false),
        ("device", false),
    ] {
        let command = Command::Twin(TwinOperation::Read {
            token: policy_token(policy),
            identity: device("d1"),
        });
        let answer = ask(&mut hub, command);
        assert_eq!(answer.is_ok(), allowed, "{policy}");
    }
}

#[test]
fn who_listens_hears_of_desired_properties() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    let body = desired(&json!({ "a": null, "b": { "c": 1 } }));
    assert_eq!(change(&mut hub, "d1", &body, None).notices, []);
    listen(&mut hub, ONE, Feed::Desired, true).reply.unwrap();
    let patch = json!({ "a": null, "b": { "c": 1 }, "$version": 3 });
    let notice = Notice::Desired { version: 3, patch };
    assert_eq!(change(&mut hub, "d1", &body, None).notices, [(ONE, notice)]);
    assert_eq!(
        change(&mut hub, "d1", &json!({ "tags": { "a": 1 } }), None).notices,
        []
    );
    listen(&mut hub, ONE, Feed::Desired, false).reply.unwrap();
    assert_eq!(change(&mut hub, "d1", &body, None).notices, []);
    // What a connection wants to hear goes with it.
    listen(&mut hub, ONE, Feed::Desired, true).reply.unwrap();
    connect(&mut hub, TWO, device("d1")).reply.unwrap();
    assert_eq!(change(&mut hub, "d1", &body, None).notices, []);
    assert_eq!(
        code(listen(&mut hub, ONE, Feed::Desired, true).reply),
        404_103
    );
}

#[test]
fn a_device_reads_and_reports_its_own() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    let report = |hub: &mut Hub, patch: Value| {
        let operation = TwinOperation::Report {
            session: ONE,
            patch,
        };
        ask(hub, Command::Twin(operation))
    };
    for (patch, expected) in [(json!({ "a": 1, "b": 2 }), 2), (json!({ "a": null }), 3)] {
        match report(&mut hub, patch) {
            Ok(Reply::Reported { version }) => assert_eq!(version, expected),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(code(report(&mut hub, json!([1]))), 400_004);
    assert_eq!(code(report(&mut hub, json!({ "$x": 1 }))), 400_004);
    change(&mut hub, "d1", &json!({ "tags": { "a": 1 } }), None)
        .reply
        .unwrap();
    let own = ask(
        &mut hub,
        Command::Twin(TwinOperation::ReadOwn { session: ONE }),
    );
    let expected = json!({ "desired": { "$version": 1 }, "reported": { "b": 2, "$version": 3 } });
    assert!(matches!(own, Ok(Reply::OwnTwin(own)) if own == expected));
    let stranger = Command::Twin(TwinOperation::ReadOwn { session: TWO });
    assert_eq!(code(ask(&mut hub, stranger)), 404_103);
    let (etag, twin) = read(&mut hub, device("d1")).unwrap();
    assert_eq!(
        (etag.as_str(), &twin["version"]),
        ("AAAAAAAAAAI=", &json!(5))
    );
}

/// All pages of a query, and how many turns they took.
fn search(hub: &mut Hub, text: &str, rows: usize) -> (Vec<Page>, usize) {
    let mut place = Continuation::beginning(text);
    let (mut pages, mut turns) = (Vec::new(), 0);
    loop {
        let mut search = Box::new(Search::new(Query::parse(text).unwrap(), rows, place));
        while !search.is_done() {
            let command = twin(|token| TwinOperation::Query { token, search });
            search = match ask(hub, command) {
                Ok(Reply::Search(search)) => search,
                other => panic!("{other:?}"),
            };
            turns += 1;
        }
        let page = search.into_page();
        let next = page.continuation.clone();
        pages.push(page);
        match next {
            Some(next) => place = next,
            None => return (pages, turns),
        }
    }
}

#[test]
fn queries_go_through_devices_and_modules() {
    let mut hub = hub();
    for id in ["a", "b", "c"] {
        hub.register(now(), id).unwrap();
        for module in ["m1", "m2"] {
            write(&mut hub, id, module_body(id, module), None).unwrap();
        }
    }
    change(&mut hub, "b", &desired(&json!({ "x": { "y": 5 } })), None)
        .reply
        .unwrap();
    let rows = |hub: &mut Hub, text: &str, size: usize| {
        let (pages, _) = search(hub, text, size);
        let rows = pages.into_iter().flat_map(|page| page.rows);
        Value::from(rows.collect::<Vec<_>>())
    };
    assert_eq!(
        rows(
            &mut hub,
            "SELECT deviceId, properties.desired.x.y FROM devices WHERE properties.desired.$version = 2",
            1
        ),
        json!([{ "deviceId": "b", "y": 5 }])
    );
    for size in [1, 2, 5] {
        assert_eq!(
            rows(
                &mut hub,
                "SELECT DeviceID AS d, moduleId AS m FROM devices.modules WHERE deviceId != 'b'",
                size
            ),
            json!([{ "d": "a", "m": "m1" }, { "d": "a", "m": "m2" }, { "d": "c", "m": "m1" }, { "d": "c", "m": "m2" }])
        );
    }
    let whole = rows(&mut hub, "SELECT * FROM devices WHERE deviceId = 'b'", 9);
    assert_eq!(whole[0], read(&mut hub, device("b")).unwrap().1);
}

#[test]
fn a_long_query_takes_turns() {
    let mut hub = hub();
    for index in 0..4500 {
        hub.register(now(), &format!("d{index:04}")).unwrap();
    }
    let (pages, turns) = search(
        &mut hub,
        "SELECT COUNT() AS n FROM devices WHERE deviceId >= 'd0500'",
        10,
    );
    assert_eq!(
        (pages[0].rows.as_slice(), turns),
        ([json!({ "n": 4000 })].as_slice(), 3)
    );
    let (pages, _) = search(&mut hub, "SELECT deviceId FROM devices", 1000);
    let counts: Vec<usize> = pages.iter().map(|page| page.rows.len()).collect();
    assert_eq!(counts, [1000, 1000, 1000, 1000, 500]);
}
