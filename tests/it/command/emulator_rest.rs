//! What `emulator`'s REST interface has alike for all that is asked of it, over real TLS.

use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::support::Emulator;
use crate::support::rest::{Owner, client, send, url};

/// The name of an answer's error.
fn error(headers: &HeaderMap) -> &str {
    headers["iothub-errorcode"].to_str().unwrap()
}

#[tokio::test]
async fn who_may_not_ask_hears_that_before_what_is_wrong_with_the_body() {
    let hub = Emulator::start(&[]);
    let stranger = client(&hub);
    let owner = Owner::of(&hub);
    let service = hub.hubctl(&["sas-token", "--policy"]);
    let service = service.env("IOTHUB_CONNECTION_STRING", hub.policy("service"));
    let service = service.run().success().trim().to_owned();
    let device = hub.owner(&["sas-token", "device1"]).run().success();
    let device = device.trim().to_owned();
    let long = json!({ "query": format!("SELECT * FROM devices {}", " ".repeat(100_000)) });
    let (long, no_query) = (long.to_string(), r#"{"query":"SELECT"}"#.to_owned());
    let bad = || "{bad".to_owned();
    let text = str::to_owned;
    for (method, path, body, status) in [
        (Method::POST, "/devices/query", bad(), 400),
        (Method::POST, "/devices/query", no_query, 400),
        (Method::POST, "/devices/query", long, 413),
        (Method::PUT, "/devices/x", bad(), 400),
        (Method::PUT, "/devices/device1/modules/m", bad(), 400),
        (Method::POST, "/devices", bad(), 400),
        (Method::PATCH, "/twins/device1", bad(), 400),
        (Method::POST, "/twins/device1/methods", bad(), 400),
        (Method::PUT, "/jobs/v2/x", text("{}"), 400),
        (Method::POST, "/jobs/create", text("{}"), 400),
        (Method::PUT, "/configurations/c", bad(), 400),
        (Method::POST, "/configurations/testQueries", bad(), 400),
        (
            Method::POST,
            "/devices/device1/applyConfigurationContent",
            bad(),
            400,
        ),
    ] {
        let url = url(&hub, path);
        let ask = |token: Option<&str>| {
            let request = stranger.request(method.clone(), &url).body(body.clone());
            match token {
                Some(token) => request.header(AUTHORIZATION, token),
                None => request,
            }
        };
        for token in [None, Some("SharedAccessSignature none"), Some(&device)] {
            let (status, headers, body) = send(ask(token)).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}: {body}");
            assert!(error(&headers).starts_with("IotHubUnauthorized"));
        }
        let (found, _, _) = send(ask(Some(&owner.token))).await;
        assert_eq!(found, status, "{method} {path}");
        let needs_registry = !path.contains("twins") && !path.contains("devices/query");
        let (found, _, answer) = send(ask(Some(&service))).await;
        let expected = if needs_registry { 401 } else { status };
        assert_eq!(found, expected, "{method} {path}: {answer}");
        if needs_registry {
            let message = answer["Message"].as_str().unwrap();
            assert!(message.contains("does not allow access"), "{message}");
        }
    }
    // What stands in headers, the same.
    let query = json!({ "query": "SELECT * FROM devices" }).to_string();
    let no_page = |request: RequestBuilder| {
        let request = request.body(query.clone());
        send(request.header("x-ms-max-item-count", "0"))
    };
    let (status, _, _) = no_page(stranger.post(url(&hub, "/devices/query"))).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _, _) = no_page(owner.request(Method::POST, "/devices/query")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_device_that_may_not_ask_hears_that_first_as_well() {
    let hub = Emulator::start(&["--device", "other"]);
    let stranger = client(&hub);
    let [own, other] = ["device1", "other"].map(|device| {
        let token = hub.owner(&["sas-token", device]).run().success();
        token.trim().to_owned()
    });
    let batch = "application/vnd.microsoft.iothub.json";
    for (path, content_type) in [
        ("/devices/device1/messages/events", batch),
        ("/devices/device1/files", "application/json"),
        ("/devices/device1/files/notifications", "application/json"),
    ] {
        for (token, expected) in [(&own, 400), (&other, 401)] {
            let request = stranger.post(url(&hub, path)).body("{bad");
            let request = request.header("content-type", content_type);
            let (status, _, _) = send(request.header(AUTHORIZATION, token)).await;
            assert_eq!(status, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn an_array_is_no_object() {
    let hub = Emulator::start(&[]);
    let owner = Owner::of(&hub);
    let keys =
        json!({ "type": "sas", "symmetricKey": ["a2V5a2V5a2V5a2V5a2V5", "a2V5a2V5a2V5a2V5a2V5"] });
    let content = json!({ "deviceContent": { "properties.desired.a": {} } });
    for (method, path, body) in [
        (Method::PUT, "/devices/arr", json!(["arr"])),
        (
            Method::PUT,
            "/devices/device1/modules/m",
            json!(["device1", "m"]),
        ),
        (
            Method::PUT,
            "/devices/a",
            json!({ "deviceId": "a", "capabilities": [true] }),
        ),
        (
            Method::PUT,
            "/devices/a",
            json!({ "deviceId": "a", "authentication": [] }),
        ),
        (
            Method::PUT,
            "/devices/a",
            json!({ "deviceId": "a", "authentication": keys }),
        ),
        (
            Method::POST,
            "/devices",
            json!([{ "id": "a", "capabilities": [true] }]),
        ),
        (
            Method::POST,
            "/devices",
            json!([{ "id": "a", "authentication": [] }]),
        ),
        (Method::PUT, "/configurations/c9", json!(["c9"])),
        (
            Method::PUT,
            "/configurations/c9",
            json!({ "id": "c9", "content": [] }),
        ),
        (
            Method::PUT,
            "/configurations/c9",
            json!({ "id": "c9", "content": content, "metrics": [{}] }),
        ),
        (
            Method::POST,
            "/configurations/testQueries",
            json!(["tags.a = 1", {}]),
        ),
        (
            Method::PUT,
            "/jobs/v2/j",
            json!(["scheduleUpdateTwin", null, {}, "*", null, 60]),
        ),
        (
            Method::PUT,
            "/jobs/v2/j",
            json!({ "type": "scheduleDeviceMethod", "cloudToDeviceMethod": ["reboot"], "queryCondition": "*" }),
        ),
        (
            Method::POST,
            "/twins/device1/methods",
            json!(["reboot", null, 5, 0]),
        ),
    ] {
        let (status, headers, answer) = owner.ask(method, path, None, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {body}: {answer}");
        assert_eq!(error(&headers), "ArgumentInvalid", "{path} {body}");
    }
    assert_eq!(owner.read("/devices").await.as_array().unwrap().len(), 1);
    assert_eq!(owner.read("/devices/device1/modules").await, json!([]));
    assert_eq!(owner.read("/configurations").await, json!([]));
}

#[tokio::test]
async fn a_list_is_as_long_as_a_number_says() {
    let hub = Emulator::start(&["--device", "a", "--device", "b"]);
    let owner = Owner::of(&hub);
    let ask = |path: &str, top: &str| {
        let path = format!("{path}?top={top}");
        send(owner.request(Method::GET, &path))
    };
    for path in ["/devices", "/configurations"] {
        for bad in ["0", "-1", "abc", "1.5", "+1"] {
            let (status, headers, body) = ask(path, bad).await;
            assert_eq!(
                status,
                StatusCode::BAD_REQUEST,
                "{path}?top={bad} gives {body}"
            );
            assert_eq!(error(&headers), "ArgumentInvalid");
        }
    }
    for (top, count) in [("2", 2), ("1001", 3), ("99999999999999999999", 3)] {
        let (status, _, body) = ask("/devices", top).await;
        assert_eq!(status, StatusCode::OK, "top={top} gives {body}");
        assert_eq!(body.as_array().unwrap().len(), count, "top={top}");
    }
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own() {
    let hub = Emulator::start(&[]);
    let owner = Owner::of(&hub);
    let event = owner.request(Method::POST, "/devices/device1/messages/events");
    let query = json!({ "query": "SELECT * FROM devices" }).to_string();
    let mut ids = Vec::new();
    for (request, expected) in [
        (owner.request(Method::GET, "/devices/device1"), 200),
        (event.body("{}"), 204),
        (
            owner.request(Method::POST, "/devices/query").body(query),
            200,
        ),
        (owner.request(Method::GET, "/devices/nobody"), 404),
    ] {
        let (status, headers, _) = send(request).await;
        assert_eq!(status, expected);
        let given: Vec<_> = headers.get_all("x-ms-request-id").iter().collect();
        let [id] = given[..] else {
            panic!("{expected}: {headers:?}")
        };
        let id = id.to_str().unwrap().to_owned();
        assert_eq!(id.split('-').count(), 5, "{id}");
        assert!(!ids.contains(&id), "{id} twice");
        ids.push(id);
    }
}

#[tokio::test]
async fn what_is_to_match_an_etag_needs_one() {
    let hub = Emulator::start(&[]);
    let owner = Owner::of(&hub);
    let read = |path: &'static str| owner.read(path);
    let (device, twin) = (read("/devices/device1").await, read("/twins/device1").await);
    for mode in [
        "deleteIfMatchETag",
        "updateIfMatchETag",
        "createOrUpdateIfMatchETag",
        "updateTwinIfMatchETag",
    ] {
        let change = json!([{ "id": "device1", "importMode": mode, "tags": { "a": 1 }, "status": "disabled" }]);
        let (status, _, answer) = owner.ask(Method::POST, "/devices", None, &change).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{mode}");
        let error = &answer["errors"][0];
        assert_eq!(error["errorCode"], "PreconditionFailed", "{mode}");
        assert_eq!(read("/devices/device1").await, device, "{mode}");
        assert_eq!(read("/twins/device1").await, twin, "{mode}");
    }
    // One that is not there yet has none.
    let new = json!([{ "id": "new", "importMode": "createOrUpdateIfMatchETag" }]);
    let (status, _, _) = owner.ask(Method::POST, "/devices", None, &new).await;
    assert_eq!(status, StatusCode::OK);
    let etag = &device["etag"];
    let gone = json!([{ "id": "device1", "importMode": "deleteIfMatchETag", "eTag": etag }]);
    let (status, _, answer) = owner.ask(Method::POST, "/devices", None, &gone).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test]
async fn a_module_that_is_not_there_is_named() {
    let hub = Emulator::start(&[]);
    let owner = Owner::of(&hub);
    let ask = |method: Method, path: &'static str, body: Value| {
        let request = owner.request(method, path).body(body.to_string());
        async {
            let answer = send(request).await;
            (answer.0, error(&answer.1).to_owned(), answer.2)
        }
    };
    let (_, _, expected) = ask(Method::GET, "/devices/device1/modules/none", Value::Null).await;
    let expected = expected["Message"].as_str().unwrap();
    assert!(expected.starts_with("ErrorCode:ModuleNotFound;") && expected.contains("none"));
    for (method, body) in [
        (Method::GET, Value::Null),
        (Method::PATCH, json!({ "tags": {} })),
    ] {
        let (status, code, body) = ask(method, "/twins/device1/modules/none", body).await;
        assert_eq!(
            (status, code.as_str()),
            (StatusCode::NOT_FOUND, "DeviceNotFound")
        );
        // A live hub's code, whatever is missing.
        assert_eq!(body["Message"], "ErrorCode:DeviceNotFound;device1/none");
    }
    let call = json!({ "methodName": "reboot" });
    let path = "/twins/device1/modules/none/methods";
    let (status, code, body) = ask(Method::POST, path, call).await;
    assert_eq!(
        (status, code.as_str()),
        (StatusCode::NOT_FOUND, "ModuleNotFound")
    );
    let nested: Value = serde_json::from_str(body["Message"].as_str().unwrap()).unwrap();
    assert_eq!(nested["errorCode"], 404_010);
    assert!(nested["message"].as_str().unwrap().contains("none"));
    let (_, code, _) = ask(Method::GET, "/twins/nobody/modules/none", Value::Null).await;
    assert_eq!(code, "DeviceNotFound");
}
