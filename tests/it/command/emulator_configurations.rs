//! `emulator`'s REST interface for configurations, over real TLS.

use reqwest::header::{AUTHORIZATION, HeaderMap, IF_MATCH};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Emulator;
use crate::support::rest::{client, url};

/// A hub, and who asks it with the rights of a policy.
struct Service {
    hub: Emulator,
    client: Client,
    token: String,
}

impl Service {
    fn of(hub: Emulator) -> Self {
        let token = hub.owner(&["sas-token", "--policy"]).run().success();
        Self {
            client: client(&hub),
            token: token.trim().to_owned(),
            hub,
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        if_match: Option<&str>,
        body: &Value,
    ) -> (StatusCode, HeaderMap, Value) {
        let request = self.client.request(method, url(&self.hub, path));
        let mut request = request
            .header(AUTHORIZATION, &self.token)
            .body(body.to_string());
        if let Some(if_match) = if_match {
            request = request.header(IF_MATCH, if_match);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        (
            status,
            headers,
            serde_json::from_slice(&body).unwrap_or_default(),
        )
    }

    async fn read(&self, path: &str) -> Value {
        let (status, _, body) = self.ask(Method::GET, path, None, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }
}

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
    let service = Service::of(Emulator::start(&[]));
    let path = "/configurations/chillers";
    let wanted = configuration();
    let (status, headers, made) = service.ask(Method::PUT, path, None, &wanted).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        headers["etag"],
        format!("\"{}\"", made["etag"].as_str().unwrap())
    );
    for name in ["id", "labels", "content", "targetCondition", "priority"] {
        assert_eq!(made[name], wanted[name], "{name}");
    }
    assert_eq!(made["metrics"]["results"], json!({ "all": 1 }));
    let (status, headers, _) = service.ask(Method::PUT, path, None, &wanted).await;
    assert_eq!(
        (status.as_u16(), &headers["iothub-errorcode"]),
        (409, &"GenericConflict".parse().unwrap())
    );
    // Bare as well as quoted.
    let first = made["etag"].as_str().unwrap();
    let (status, _, changed) = service.ask(Method::PUT, path, Some(first), &wanted).await;
    assert_eq!(status, StatusCode::OK);
    let quoted = format!("\"{first}\"");
    let (status, _, _) = service.ask(Method::PUT, path, Some(&quoted), &wanted).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    let other = json!({ "content": { "deviceContent": { "properties.desired.x": 1 } } });
    let (status, _, body) = service.ask(Method::PUT, path, Some("\"*\""), &other).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        body["Message"]
            .as_str()
            .unwrap()
            .contains("cannot be changed"),
        "{body}"
    );
    assert_eq!(service.read(path).await, changed);
    assert_eq!(service.read("/configurations").await, json!([changed]));
    let queries =
        json!({ "targetCondition": "tags.a", "customMetricQueries": { "m": "SELECT *" } });
    let (status, _, tried) = service
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
        let (status, _, _) = service.ask(method, path, None, &Value::Null).await;
        assert_eq!(status, expected, "{path}");
    }
}

#[tokio::test]
async fn configurations_come_into_twins_and_outlive_a_crash() {
    let service = Service::of(Emulator::start_kept(&["--device", "d2"]));
    let path = "/configurations/chillers";
    let (status, _, _) = service.ask(Method::PUT, path, None, &configuration()).await;
    assert_eq!(status, StatusCode::CREATED);
    let tags = json!({ "tags": { "plant": "43" } });
    service
        .ask(Method::PATCH, "/twins/device1", None, &tags)
        .await;
    let twin = service.read("/twins/device1").await;
    assert_eq!(
        twin["properties"]["desired"]["chiller"],
        json!({ "temperature": 38 })
    );
    assert_eq!(
        twin["configurations"],
        json!({ "chillers": { "status": "Applied" } })
    );
    let other = service.read("/twins/d2").await;
    assert_eq!(
        (
            &other["properties"]["desired"]["chiller"],
            other.get("configurations")
        ),
        (&Value::Null, None)
    );
    let content = json!({ "deviceContent": { "properties.desired.given": [1] } });
    let apply = "/devices/d2/applyConfigurationContent";
    let (status, _, _) = service.ask(Method::POST, apply, None, &content).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let kept = (service.read(path).await, service.read("/twins/d2").await);
    assert_eq!(
        kept.0["systemMetrics"]["results"],
        json!({ "targetedCount": 1, "appliedCount": 1 })
    );
    assert_eq!(kept.1["properties"]["desired"]["given"], json!([1]));

    let service = Service::of(service.hub.kill_and_restart(&[]));
    assert_eq!(
        (service.read(path).await, service.read("/twins/d2").await),
        kept
    );
    assert_eq!(service.read("/twins/device1").await, twin);
    let (status, _, _) = service.ask(Method::PATCH, "/twins/d2", None, &tags).await;
    assert_eq!(status, StatusCode::OK);
    let given = service.read("/twins/d2").await;
    assert_eq!(given["properties"]["desired"]["chiller"]["temperature"], 38);
}
