//! Configurations: written, guarded, and merged into the twins that they mean.

use serde_json::{Value, json};

use super::sessions::{ONE, connect, device, module};
use super::twins::{listen, read};
use super::*;
use crate::emulator::hub::command::ConfigurationOperation;
use crate::model::twin::TwinChange;

pub(super) fn apply(hub: &mut Hub, operation: ConfigurationOperation) -> Effects {
    let token = policy_token("iothubowner");
    hub.apply(now(), Command::Configuration { token, operation })
}

pub(super) fn write(hub: &mut Hub, id: &str, body: Value, if_match: Option<&str>) -> Effects {
    let operation = ConfigurationOperation::Write {
        id: id.to_owned(),
        draft: Box::new(serde_json::from_value(body).unwrap()),
        if_match: if_match.map(str::to_owned),
    };
    apply(hub, operation)
}

/// One that sets `a` to its own id.
fn put(hub: &mut Hub, id: &str, priority: i64, condition: &str) -> Effects {
    let content = json!({ "deviceContent": { "properties.desired.a": { "by": id } } });
    let body = json!({ "priority": priority, "targetCondition": condition, "content": content });
    write(hub, id, body, None)
}

pub(super) fn remove(hub: &mut Hub, id: &str, if_match: Option<&str>) -> Effects {
    let operation = ConfigurationOperation::Delete {
        id: id.to_owned(),
        if_match: if_match.map(str::to_owned),
    };
    apply(hub, operation)
}

fn shown(effects: Effects) -> (String, Value, bool) {
    match effects.reply {
        Ok(Reply::Configuration {
            etag,
            configuration,
            is_new,
        }) => (etag, configuration, is_new),
        other => panic!("{other:?}"),
    }
}

pub(super) fn show(hub: &mut Hub, id: &str) -> Value {
    let id = id.to_owned();
    shown(apply(hub, ConfigurationOperation::Read { id })).1
}

pub(super) fn patch(hub: &mut Hub, id: &str, body: &Value) -> Effects {
    let operation = TwinOperation::Change {
        token: policy_token("service"),
        identity: device(id),
        change: Box::new(TwinChange::parse(body, false).unwrap()),
        if_match: None,
    };
    hub.apply(now(), Command::Twin(operation))
}

fn twin(hub: &mut Hub, id: &str) -> Value {
    read(hub, device(id)).unwrap().1
}

/// Whose content a device's twin holds.
fn held(hub: &mut Hub, id: &str) -> Value {
    twin(hub, id)["properties"]["desired"]["a"]["by"].clone()
}

#[test]
fn etags_guard_configurations_and_rights_do() {
    let mut hub = hub();
    let (first, made, is_new) = shown(put(&mut hub, "one", 1, "tags.a = 1"));
    assert_eq!(
        (
            is_new,
            &made["etag"],
            &made["schemaVersion"],
            &made["priority"]
        ),
        (true, &json!(first), &json!("1.0"), &json!(1))
    );
    assert_eq!(code(put(&mut hub, "one", 2, "*").reply), 409_401);
    let other = json!({ "deviceContent": { "properties.desired.b": 1 } });
    let change = |hub: &mut Hub, id: &str, etag: &str| {
        let body = json!({ "targetCondition": "*", "content": other });
        write(hub, id, body, Some(etag))
    };
    let (second, changed, is_new) = shown(change(&mut hub, "one", &first));
    assert_eq!((is_new, &changed["content"]), (false, &made["content"]));
    assert_ne!(first, second);
    assert_eq!(code(change(&mut hub, "one", &first).reply), 412_001);
    assert_eq!(code(change(&mut hub, "two", "*").reply), 412_001);
    shown(change(&mut hub, "one", "*"));
    assert_eq!(code(remove(&mut hub, "one", Some(&second)).reply), 412_001);
    for (policy, allowed) in [
        ("registryReadWrite", true),
        ("service", false),
        ("device", false),
    ] {
        let command = Command::Configuration {
            token: policy_token(policy),
            operation: ConfigurationOperation::List { top: 9 },
        };
        assert_eq!(ask(&mut hub, command).is_ok(), allowed, "{policy}");
    }
    remove(&mut hub, "one", Some("*")).reply.unwrap();
    assert_eq!(code(remove(&mut hub, "one", None).reply), 404_301);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let mut hub = hub();
    let module = json!({ "moduleContent": { "properties.desired.a": 1 } });
    let own = json!({ "deviceContent": { "properties.desired.a": 1 } });
    for (bad, wanted) in [
        (json!({ "targetCondition": "tags.a =" }), 400_401),
        (
            json!({ "targetCondition": "FROM devices.jobs WHERE status = 'x'" }),
            400_401,
        ),
        (
            json!({ "targetCondition": "tags.a = 1 AND properties.desired.a = 1" }),
            400_401,
        ),
        (json!({ "targetCondition": "IS_DEFINED(status)" }), 400_401),
        (
            json!({ "targetCondition": "*", "content": module }),
            400_402,
        ),
        (
            json!({ "targetCondition": "FROM devices.modules WHERE tags.a = 1", "content": own }),
            400_402,
        ),
        (
            json!({ "metrics": { "queries": { "m": "SELECT" } } }),
            400_404,
        ),
        (
            json!({ "content": { "deviceContent": { "tags.a": 1 } } }),
            400_402,
        ),
        (
            json!({ "content": { "modulesContent": { "m": { "properties.desired.a": 1 } } } }),
            400_402,
        ),
        // What no twin can hold would never be there.
        (
            json!({ "content": { "deviceContent": { "properties.desired": { "a.b": 1 } } } }),
            400_402,
        ),
        (
            json!({ "content": { "deviceContent": { "properties.desired.a": vec!["x".repeat(4_000); 9] } } }),
            400_402,
        ),
        (json!({ "id": "other" }), 400_004),
    ] {
        assert_eq!(
            code(write(&mut hub, "c", bad.clone(), None).reply),
            wanted,
            "{bad}"
        );
    }
    let good = "deviceId = 'd' OR tags.a = 1 OR Properties.Reported.a.b = 2";
    write(&mut hub, "c", json!({ "targetCondition": good }), None)
        .reply
        .unwrap();
    let metrics = [
        (
            "good",
            "SELECT deviceId FROM devices WHERE configurations.[[a-b]].status = 'Applied'",
        ),
        ("bad", "SELECT"),
    ];
    let named = |(name, query): (&str, &str)| (name.to_owned(), query.to_owned());
    let test = ConfigurationOperation::Test {
        condition: Some("tags.a ==".to_owned()),
        metrics: metrics.map(named).into(),
    };
    let Ok(Reply::Json(answer)) = apply(&mut hub, test).reply else {
        panic!("no answer")
    };
    assert!(
        answer["targetConditionError"]
            .as_str()
            .unwrap()
            .contains("position 8"),
        "{answer}"
    );
    let errors = answer["customMetricQueryErrors"].as_object().unwrap();
    assert_eq!(errors.keys().collect::<Vec<_>>(), ["bad"]);
}

#[test]
fn the_highest_priority_wins_and_then_the_newest() {
    let mut hub = hub();
    for id in ["d1", "d2"] {
        hub.register(now(), id).unwrap();
    }
    patch(&mut hub, "d1", &json!({ "tags": { "x": 1 } }))
        .reply
        .unwrap();
    put(&mut hub, "low", 1, "*").reply.unwrap();
    assert_eq!(
        (held(&mut hub, "d1"), held(&mut hub, "d2")),
        (json!("low"), json!("low"))
    );
    put(&mut hub, "high", 5, "tags.x = 1").reply.unwrap();
    assert_eq!(
        (held(&mut hub, "d1"), held(&mut hub, "d2")),
        (json!("high"), json!("low"))
    );
    put(&mut hub, "lower", 0, "*").reply.unwrap();
    let body = json!({ "targetCondition": "*", "priority": 5, "content": { "deviceContent": { "properties.desired.a.by": "newer" } } });
    let operation = ConfigurationOperation::Write {
        id: "a-newer".to_owned(),
        draft: Box::new(serde_json::from_value(body).unwrap()),
        if_match: None,
    };
    let token = policy_token("iothubowner");
    let later = now() + chrono::TimeDelta::seconds(1);
    hub.apply(later, Command::Configuration { token, operation })
        .reply
        .unwrap();
    assert_eq!(held(&mut hub, "d1"), "newer");
    let statuses = &twin(&mut hub, "d1")["configurations"];
    assert_eq!(
        (&statuses["a-newer"]["status"], &statuses["high"]["status"]),
        (&json!("Applied"), &json!("Targeted"))
    );
    let low = show(&mut hub, "low");
    assert_eq!(
        low["systemMetrics"]["results"],
        json!({ "targetedCount": 2, "appliedCount": 0 })
    );
    // Without it the next one has its turn.
    remove(&mut hub, "a-newer", None).reply.unwrap();
    assert_eq!(
        (held(&mut hub, "d1"), held(&mut hub, "d2")),
        (json!("high"), json!("low"))
    );
    assert_eq!(
        show(&mut hub, "low")["systemMetrics"]["results"],
        json!({ "targetedCount": 2, "appliedCount": 1 })
    );
}

#[test]
fn a_twin_is_changed_when_it_comes_to_be_meant() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    put(&mut hub, "tagged", 1, "tags.plant = '43'")
        .reply
        .unwrap();
    put(&mut hub, "reported", 2, "properties.reported.ready = true")
        .reply
        .unwrap();
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    listen(&mut hub, ONE, Feed::Desired, true).reply.unwrap();
    let tags = json!({ "tags": { "plant": "43" } });
    let told = json!({ "a": { "by": "tagged" }, "$version": 2 });
    let notice = Notice::Desired {
        version: 2,
        patch: told,
    };
    assert_eq!(patch(&mut hub, "d1", &tags).notices, [(ONE, notice)]);
    assert_eq!(patch(&mut hub, "d1", &tags).notices, []);
    // What is changed by hand stays, as long as the same configuration wins.
    let by_hand = json!({ "properties": { "desired": { "a": { "by": "hand" } } }, "tags": { "plant": "43" } });
    patch(&mut hub, "d1", &by_hand).reply.unwrap();
    assert_eq!(held(&mut hub, "d1"), "hand");
    let report = TwinOperation::Report {
        session: ONE,
        patch: json!({ "ready": true }),
    };
    let effects = hub.apply(now(), Command::Twin(report));
    let told = json!({ "a": { "by": "reported" }, "$version": 4 });
    assert_eq!(
        effects.notices,
        [(
            ONE,
            Notice::Desired {
                version: 4,
                patch: told
            }
        )]
    );
    // One that is made later is meant as well.
    put(&mut hub, "all", 0, "*").reply.unwrap();
    hub.register(now(), "d2").unwrap();
    assert_eq!(held(&mut hub, "d2"), "all");
}

#[test]
fn modules_have_configurations_of_their_own() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    let condition = "FROM devices.modules WHERE moduleId = 'm'";
    let body = json!({ "targetCondition": condition, "content": { "moduleContent": { "properties.desired": { "x": 1 } } } });
    write(&mut hub, "modules", body, None).reply.unwrap();
    let module = module("d1", "m");
    super::write(&mut hub, "d1", module_body("d1", "m"), None).unwrap();
    assert_eq!(
        read(&mut hub, module.clone()).unwrap().1["properties"]["desired"]["x"],
        1
    );
    assert_eq!(
        twin(&mut hub, "d1")["properties"]["desired"]["x"],
        Value::Null
    );
    assert_eq!(
        show(&mut hub, "modules")["systemMetrics"]["results"]["appliedCount"],
        1
    );
}

#[test]
fn metrics_count_the_rows_of_their_queries() {
    let mut hub = hub();
    for id in ["d1", "d2", "d3"] {
        hub.register(now(), id).unwrap();
    }
    let body = json!({ "targetCondition": "deviceId != 'd3'", "metrics": { "queries": {
        "applied": "SELECT deviceId FROM devices WHERE configurations.[[c-1]].status = 'Applied'",
        "all": "SELECT deviceId FROM devices",
    } } });
    let (_, made, _) = shown(write(&mut hub, "c-1", body, None));
    assert_eq!(
        made["metrics"]["results"],
        json!({ "all": 3, "applied": 2 })
    );
    assert_eq!(made["systemMetrics"]["results"]["targetedCount"], 2);
    for query in made["systemMetrics"]["queries"]
        .as_object()
        .unwrap()
        .values()
    {
        crate::emulator::query::Query::parse(query.as_str().unwrap()).unwrap();
    }
}

#[test]
fn what_could_not_be_kept_never_was() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    hub.is_kept = true;
    put(&mut hub, "first", 1, "*").reply.unwrap();
    let before = (twin(&mut hub, "d1"), show(&mut hub, "first"));
    let failed = put(&mut hub, "second", 2, "*");
    assert_eq!(held(&mut hub, "d1"), "second");
    hub.take_back(failed.records);
    let failed = remove(&mut hub, "first", None);
    hub.take_back(failed.records);
    assert_eq!((twin(&mut hub, "d1"), show(&mut hub, "first")), before);
    assert_eq!(code(remove(&mut hub, "second", None).reply), 404_301);
}
