//! `emulator`'s REST interface for configurations, over real TLS.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Emulator;
use crate::support::rest::Owner;

fn configuration() -> Value {
    json!({
        "id": "chillers",
        "schemaVersion": "1.0",
        "labels": { "made": "here" },
        "content": { "deviceContent": { "properties.desired.chiller": { "temperature": 38 } } },
        "targetCondition": "tags.plant = '43'",
        "priority": 10,
        "metrics": { "queries": { "all": "SELECT deviceId FROM devices" }, "results": {} },
    })
}

#[tokio::test]
async fn a_configuration_is_made_changed_guarded_and_deleted() {
    let hub = Emulator::start(&[]);
    let owner = Owner::of(&hub);
    let path = "/configurations/chillers";
    let wanted = configuration();
    let (status, headers, made) = owner.ask(Method::PUT, path, None, &wanted).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        headers["etag"],
        format!("\"{}\"", made["etag"].as_str().unwrap())
    );
    for name in ["id", "labels", "content", "targetCondition", "priority"] {
        assert_eq!(made[name], wanted[name], "{name}");
    }
    assert_eq!(made["metrics"]["results"], json!({ "all": 1 }));
    let (status, headers, _) = owner.ask(Method::PUT, path, None, &wanted).await;
    assert_eq!(
        (status.as_u16(), &headers["iothub-errorcode"]),
        (409, &"ConfigurationAlreadyExists".parse().unwrap())
    );
    // Bare as well as quoted.
    let first = made["etag"].as_str().unwrap();
    let (status, _, changed) = owner.ask(Method::PUT, path, Some(first), &wanted).await;
    assert_eq!(status, StatusCode::OK);
    let quoted = format!("\"{first}\"");
    let (status, _, _) = owner.ask(Method::PUT, path, Some(&quoted), &wanted).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    let other = json!({ "content": { "deviceContent": { "properties.desired.x": 1 } } });
    let (status, _, body) = owner.ask(Method::PUT, path, Some("\"*\""), &other).await;
    assert_eq!(
        (status, &body["content"]),
        (StatusCode::OK, &wanted["content"])
    );
    let without = json!({ "priority": 3 });
    let (status, headers, _) = owner.ask(Method::PUT, path, Some("\"*\""), &without).await;
    assert_eq!(
        (status.as_u16(), &headers["iothub-errorcode"]),
        (400, &"InvalidConfigurationContent".parse().unwrap())
    );
    assert_ne!(body["etag"], changed["etag"]);
    assert_eq!(owner.read(path).await, body);
    assert_eq!(owner.read("/configurations").await, json!([body]));
    let queries =
        json!({ "targetCondition": "tags.a", "customMetricQueries": { "m": "SELECT *" } });
    let (status, _, tried) = owner
        .ask(Method::POST, "/configurations/testQueries", None, &queries)
        .await;
    assert_eq!(
        (status, tried.get("targetConditionError")),
        (StatusCode::OK, None)
    );
    assert!(tried["customMetricQueryErrors"]["m"].is_string(), "{tried}");
    for (method, path, expected) in [
        (Method::DELETE, path, 204),
        (Method::GET, path, 404),
        (Method::DELETE, path, 404),
        (Method::POST, path, 405),
        (Method::GET, "/configurations/testQueries", 405),
    ] {
        let (status, _, _) = owner.ask(method, path, None, &Value::Null).await;
        assert_eq!(status, expected, "{path}");
    }
}

#[tokio::test]
async fn configurations_come_into_twins_and_outlive_a_crash() {
    let hub = Emulator::start_kept(&["--device", "d2"]);
    let owner = Owner::of(&hub);
    let path = "/configurations/chillers";
    let (status, _, _) = owner.ask(Method::PUT, path, None, &configuration()).await;
    assert_eq!(status, StatusCode::CREATED);
    let tags = json!({ "tags": { "plant": "43" } });
    owner
        .ask(Method::PATCH, "/twins/device1", None, &tags)
        .await;
    let twin = owner.read("/twins/device1").await;
    assert_eq!(
        twin["properties"]["desired"]["chiller"],
        json!({ "temperature": 38 })
    );
    assert_eq!(
        twin["configurations"],
        json!({ "chillers": { "status": "Applied" } })
    );
    let other = owner.read("/twins/d2").await;
    assert_eq!(
        (
            &other["properties"]["desired"]["chiller"],
            other.get("configurations")
        ),
        (&Value::Null, None)
    );
    let content = json!({
        "modulesContent": { "$edgeAgent": { "properties.desired": { "schemaVersion": "1.1" } }, "m": { "properties.desired.given": [1] } },
    });
    let apply = |device: &str| format!("/devices/{device}/applyConfigurationContent");
    let (status, _, _) = owner.ask(Method::POST, &apply("d2"), None, &content).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let edge = json!({ "deviceId": "edge", "capabilities": { "iotEdge": true } });
    owner.ask(Method::PUT, "/devices/edge", None, &edge).await;
    let (status, _, _) = owner
        .ask(Method::POST, &apply("edge"), None, &content)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let given = "/twins/edge/modules/m";
    let kept = (owner.read(path).await, owner.read(given).await);
    assert_eq!(
        kept.0["systemMetrics"]["results"],
        json!({ "targetedCount": 1, "appliedCount": 1 })
    );
    assert_eq!(kept.1["properties"]["desired"]["given"], json!([1]));

    let hub = hub.kill_and_restart(&[]);
    let owner = Owner::of(&hub);
    assert_eq!((owner.read(path).await, owner.read(given).await), kept);
    assert_eq!(owner.read("/twins/device1").await, twin);
    let (status, _, _) = owner.ask(Method::PATCH, "/twins/d2", None, &tags).await;
    assert_eq!(status, StatusCode::OK);
    let d2 = owner.read("/twins/d2").await;
    assert_eq!(d2["properties"]["desired"]["chiller"]["temperature"], 38);
}
