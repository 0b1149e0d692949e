//! Content for edge devices: applied to one, and deployed to all that are meant.

use serde_json::{Value, json};

use super::configurations::{apply, patch, remove, show, write};
use super::sessions::module;
use super::twins::read;
use super::*;
use crate::emulator::hub::command::ConfigurationOperation;
use crate::model::device::Capabilities;

/// A hub with two edge devices and one that is none.
fn edge_hub() -> Hub {
    let mut hub = hub();
    hub.register(now(), "plain").unwrap();
    for id in ["e1", "e2"] {
        let identity = Identity {
            capabilities: Some(Capabilities { iot_edge: true }),
            ..body(id)
        };
        super::write(&mut hub, id, identity, None).unwrap();
    }
    hub
}

/// The desired properties of a module, without what the twin says of them.
fn desired(hub: &mut Hub, device: &str, id: &str) -> Value {
    let mut twin = read(hub, module(device, id)).unwrap().1;
    let desired = twin["properties"]["desired"].as_object_mut().unwrap();
    desired.retain(|name, _| !name.starts_with('$'));
    Value::Object(desired.clone())
}

fn give(hub: &mut Hub, device: &str, content: Value) -> Result<Reply, Refusal> {
    let operation = ConfigurationOperation::Apply {
        device: device.to_owned(),
        content: Box::new(serde_json::from_value(content).unwrap()),
    };
    apply(hub, operation).reply
}

/// All that an agent is to do: to run modules with these names.
fn base(modules: &Value) -> Value {
    json!({ "properties.desired": { "schemaVersion": "1.1", "modules": modules } })
}

fn ids(hub: &mut Hub, device: &str) -> Vec<String> {
    let operation = RegistryOperation::ListModules {
        device: device.to_owned(),
    };
    match registry(hub, operation) {
        Ok(Reply::Identities(all)) => all.into_iter().filter_map(|one| one.module_id).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_edge_device_is_given_content_and_the_modules_that_it_lacks() {
    let mut hub = edge_hub();
    let content = json!({
        "modulesContent": {
            "$edgeAgent": base(&json!({ "m": { "status": "running" } })),
            "$edgeHub": { "properties.desired": { "routes": { "all": "FROM /* INTO $upstream" } } },
            "m": { "properties.desired": { "interval": 5 } },
        },
        "deviceContent": { "properties.desired.own": 1 },
    });
    give(&mut hub, "e1", content).unwrap();
    assert_eq!(ids(&mut hub, "e1"), ["$edgeAgent", "$edgeHub", "m"]);
    assert_eq!(ids(&mut hub, "e2"), ["$edgeAgent", "$edgeHub"]);
    assert_eq!(
        desired(&mut hub, "e1", "$edgeAgent"),
        json!({ "schemaVersion": "1.1", "modules": { "m": { "status": "running" } } })
    );
    assert_eq!(desired(&mut hub, "e1", "m"), json!({ "interval": 5 }));
    let made = RegistryOperation::Read {
        device: "e1".to_owned(),
        module: Some("m".to_owned()),
    };
    let Ok(Reply::Identity(made)) = registry(&mut hub, made) else {
        panic!("no module")
    };
    assert_eq!(made.authentication.kind.as_deref(), Some("none"));
    // All of the desired properties take the place of what there was; paths in them are set beside it.
    let later = json!({ "modulesContent": {
        "$edgeAgent": base(&json!({})),
        "m": { "properties.desired.more": { "a": 1 } },
    } });
    give(&mut hub, "e1", later).unwrap();
    assert_eq!(
        desired(&mut hub, "e1", "$edgeAgent"),
        json!({ "schemaVersion": "1.1", "modules": {} })
    );
    assert_eq!(
        desired(&mut hub, "e1", "m"),
        json!({ "interval": 5, "more": { "a": 1 } })
    );
}

#[test]
fn content_is_applied_whole_or_not_at_all() {
    let mut hub = edge_hub();
    let agent = base(&json!({}));
    let large = "x".repeat(5000);
    for (device, content, wanted) in [
        (
            "plain",
            json!({ "modulesContent": { "$edgeAgent": agent } }),
            400_004,
        ),
        (
            "nobody",
            json!({ "modulesContent": { "$edgeAgent": agent } }),
            404_001,
        ),
        ("e1", json!({ "modulesContent": { "m": {} } }), 400_402),
        (
            "e1",
            json!({ "deviceContent": { "properties.desired.a": 1 } }),
            400_402,
        ),
        (
            "e1",
            json!({ "modulesContent": { "$edgeAgent": agent, "a b": {} } }),
            400_402,
        ),
        (
            "e1",
            json!({ "modulesContent": { "$edgeAgent": agent, "m": { "properties.desired.a": large } } }),
            400_004,
        ),
    ] {
        assert_eq!(
            code(give(&mut hub, device, content.clone())),
            wanted,
            "{content}"
        );
    }
    let many = (0..49).map(|n| (format!("m{n}"), json!({})));
    let mut many: serde_json::Map<String, Value> = many.collect();
    many.insert("$edgeAgent".to_owned(), agent);
    let too_many = json!({ "modulesContent": many });
    assert_eq!(code(give(&mut hub, "e1", too_many)), 413_003);
    assert_eq!(ids(&mut hub, "e1").len(), 2);
    assert_eq!(desired(&mut hub, "e1", "$edgeAgent"), json!({}));
}

fn deploy(hub: &mut Hub, id: &str, priority: i64, condition: &str, modules: &Value) {
    let body = json!({ "targetCondition": condition, "priority": priority, "content": { "modulesContent": modules } });
    write(hub, id, body, None).reply.unwrap();
}

#[test]
fn deployments_come_to_the_edge_devices_that_they_mean() {
    let mut hub = edge_hub();
    let tags = json!({ "tags": { "site": "here" } });
    for device in ["e1", "plain"] {
        patch(&mut hub, device, &tags).reply.unwrap();
    }
    let running = |module: &str| base(&json!({ module: { "status": "running" } }));
    let here = "tags.site = 'here'";
    deploy(
        &mut hub,
        "low",
        1,
        here,
        &json!({ "$edgeAgent": running("low") }),
    );
    deploy(
        &mut hub,
        "high",
        5,
        here,
        &json!({ "$edgeAgent": running("high"), "high": { "properties.desired.a": 1 } }),
    );
    assert_eq!(
        desired(&mut hub, "e1", "$edgeAgent")["modules"],
        json!({ "high": { "status": "running" } })
    );
    assert_eq!(ids(&mut hub, "e1"), ["$edgeAgent", "$edgeHub", "high"]);
    assert_eq!(ids(&mut hub, "plain").len() + ids(&mut hub, "e2").len(), 2);
    // A layer above it adds to it, one below it does not.
    for (id, priority) in [("under", 3), ("over", 9)] {
        let path = format!("properties.desired.modules.{id}");
        deploy(
            &mut hub,
            id,
            priority,
            here,
            &json!({ "$edgeAgent": { path: { "status": "running" } } }),
        );
    }
    let both = json!({ "high": { "status": "running" }, "over": { "status": "running" } });
    assert_eq!(desired(&mut hub, "e1", "$edgeAgent")["modules"], both);
    let agent = read(&mut hub, module("e1", "$edgeAgent")).unwrap().1;
    let status = |id: &str| agent["configurations"][id]["status"].clone();
    assert_eq!(
        ["low", "high", "under", "over"].map(status),
        ["Targeted", "Applied", "Targeted", "Applied"]
    );
    let shown = show(&mut hub, "over");
    assert_eq!(
        shown["systemMetrics"]["results"],
        json!({ "targetedCount": 1, "appliedCount": 1, "reportedSuccessfulCount": 0, "reportedFailedCount": 0 })
    );
    // A layer that is gone is taken away again, and another device that comes to be meant is given all.
    remove(&mut hub, "over", None).reply.unwrap();
    patch(&mut hub, "e2", &tags).reply.unwrap();
    for device in ["e1", "e2"] {
        assert_eq!(
            desired(&mut hub, device, "$edgeAgent")["modules"],
            json!({ "high": { "status": "running" } })
        );
    }
    // So is one that becomes an edge device.
    let identity = Identity {
        capabilities: Some(Capabilities { iot_edge: true }),
        ..body("plain")
    };
    super::write(&mut hub, "plain", identity, Some("*")).unwrap();
    assert_eq!(ids(&mut hub, "plain"), ["$edgeAgent", "$edgeHub", "high"]);
}

#[test]
fn what_agents_report_is_counted() {
    let mut hub = edge_hub();
    deploy(
        &mut hub,
        "all",
        1,
        "*",
        &json!({ "$edgeAgent": base(&json!({})) }),
    );
    let version =
        read(&mut hub, module("e1", "$edgeAgent")).unwrap().1["properties"]["desired"]["$version"]
            .clone();
    let mut report = |device: &str, code: u32| {
        let identity = module(device, "$edgeAgent");
        let patch = json!({ "lastDesiredVersion": version, "lastDesiredStatus": { "code": code } });
        let entry = hub.entry(&identity).unwrap();
        let twin = hub.twins.find(&identity, entry);
        let twin = twin.reported(now(), patch.as_object().unwrap()).unwrap();
        hub.twins.set(&identity, Some(std::sync::Arc::new(twin)));
    };
    report("e1", 200);
    report("e2", 400);
    let shown = show(&mut hub, "all");
    assert_eq!(
        shown["systemMetrics"]["results"],
        json!({ "targetedCount": 2, "appliedCount": 2, "reportedSuccessfulCount": 1, "reportedFailedCount": 1 })
    );
    for query in shown["systemMetrics"]["queries"]
        .as_object()
        .unwrap()
        .values()
    {
        crate::emulator::query::Query::parse(query.as_str().unwrap()).unwrap();
    }
}
