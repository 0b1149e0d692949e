//! `emulator`'s REST interface for twins, methods, queries and many identities at once, over real TLS.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Emulator;
use crate::support::rest::{self, Owner, client, url};

/// The hub's owner.
struct Service(Owner);

/// What the hub answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Its error's code, name and text, where it is of the generation that methods have.
    fn nested(&self) -> Value {
        assert_eq!(self.body["ExceptionMessage"], "");
        serde_json::from_str(self.body["Message"].as_str().unwrap()).unwrap()
    }
}

impl From<rest::Answer> for Answer {
    fn from((status, headers, body): rest::Answer) -> Self {
        Self {
            status,
            headers,
            body,
        }
    }
}

impl Service {
    fn of(hub: &Emulator) -> Self {
        Self(Owner::of(hub))
    }

    async fn ask(&self, method: Method, path: &str, if_match: Option<&str>, body: Value) -> Answer {
        self.0.ask(method, path, if_match, &body).await.into()
    }

    async fn twin(&self, path: &str) -> Value {
        self.0.read(path).await
    }

    async fn query(&self, query: &str, headers: &[(&str, &str)]) -> Answer {
        let body = json!({ "query": query }).to_string();
        let mut request = self.0.request(Method::POST, "/devices/query").body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        rest::send(request).await.into()
    }

    async fn bulk(&self, changes: Value) -> Answer {
        self.ask(Method::POST, "/devices", None, changes).await
    }
}

#[tokio::test]
async fn a_twin_is_patched_replaced_and_guarded() {
    let hub = Emulator::start(&[]);
    let service = Service::of(&hub);
    let path = "/twins/device1";
    let body = json!({ "tags": { "plant": "43" }, "properties": { "desired": { "a": { "b": 1, "c": 2 } } } });
    let patched = service.ask(Method::PATCH, path, Some("\"*\""), body).await;
    assert_eq!(patched.status, StatusCode::OK);
    let etag = patched.header("etag").to_owned();
    assert_eq!(
        etag,
        format!("\"{}\"", patched.body["etag"].as_str().unwrap())
    );
    assert!(
        patched
            .header("content-type")
            .starts_with("application/json")
    );
    let bare = etag.trim_matches('"');
    let removal = json!({ "properties": { "desired": { "a": { "b": null } } } });
    let patched = service
        .ask(Method::PATCH, path, Some(bare), removal.clone())
        .await;
    let desired = &patched.body["properties"]["desired"];
    assert_eq!(
        (&desired["a"], &desired["$version"]),
        (&json!({ "c": 2 }), &json!(3))
    );
    assert_eq!(desired["$metadata"]["a"]["$lastUpdatedVersion"], 3);
    let stale = service.ask(Method::PATCH, path, Some(&etag), removal).await;
    assert_eq!(
        (stale.status.as_u16(), stale.header("iothub-errorcode")),
        (412, "PreconditionFailed")
    );
    let bad = service
        .ask(Method::PATCH, path, None, json!({ "tags": { "a.b": 1 } }))
        .await;
    assert_eq!(
        (bad.status.as_u16(), bad.header("iothub-errorcode")),
        (400, "ArgumentInvalid")
    );
    assert_eq!(service.twin(path).await, patched.body);

    let replacement = json!({ "properties": { "desired": { "x": 1 } } });
    let replaced = service.ask(Method::PUT, path, Some("*"), replacement).await;
    assert_eq!(
        (
            &replaced.body["tags"],
            &replaced.body["properties"]["desired"]["x"]
        ),
        (&json!({}), &json!(1))
    );
    assert!(replaced.body["properties"]["desired"].get("a").is_none());
    for (method, path, code) in [
        (Method::GET, "/twins/nobody", 404),
        (Method::GET, "/twins/device1/modules/none", 404),
        (Method::DELETE, "/twins/device1", 405),
        (Method::GET, "/twins/device1/methods", 405),
    ] {
        let answer = service.ask(method, path, None, Value::Null).await;
        assert_eq!(answer.status, code, "{path}");
    }
}

#[tokio::test]
async fn twins_outlive_a_crash() {
    let hub = Emulator::start_kept(&[]);
    let service = Service::of(&hub);
    let module = json!({ "deviceId": "device1", "moduleId": "m+1" });
    let path = "/devices/device1/modules/m%2B1";
    let made = service.ask(Method::PUT, path, None, module).await;
    assert_eq!(made.status, StatusCode::OK);
    let path = "/twins/device1/modules/m%2B1";
    let body = json!({ "tags": { "a": [1.0] } });
    let patched = service.ask(Method::PATCH, path, None, body).await;
    assert_eq!(patched.body["moduleId"], "m+1");
    let device = service.twin("/twins/device1").await;
    let hub = hub.kill_and_restart(&[]);
    let service = Service::of(&hub);
    assert_eq!(service.twin(path).await, patched.body);
    assert_eq!(service.twin("/twins/device1").await, device);
}

#[tokio::test]
async fn a_method_of_a_device_that_is_not_there_is_refused() {
    let hub = Emulator::start(&[]);
    let service = Service::of(&hub);
    let path = "/twins/device1/methods";
    let invoke = |body: Value| service.ask(Method::POST, path, None, body);
    let absent = invoke(json!({ "methodName": "reboot", "payload": null })).await;
    assert_eq!(
        (absent.status.as_u16(), absent.header("iothub-errorcode")),
        (404, "DeviceNotOnline")
    );
    let error = absent.nested();
    assert_eq!(
        (&error["errorCode"], &error["info"]),
        (&json!(404_103), &Value::Null)
    );
    assert_eq!(error["message"], "Timed out waiting for device to connect.");
    let waited = invoke(json!({ "methodName": "reboot", "connectTimeoutInSeconds": 1 })).await;
    let error = waited.nested();
    assert_eq!(
        (&error["errorCode"], &error["info"]["timeout"]),
        (&json!(404_103), &json!("00:00:01"))
    );
    let impatient = invoke(json!({ "methodName": "reboot", "responseTimeoutInSeconds": 1 })).await;
    assert_eq!(impatient.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        impatient.nested()["message"],
        "responseTimeoutInSeconds must be within [5; 300]."
    );
    let unknown = service
        .ask(
            Method::POST,
            "/twins/nobody/methods",
            None,
            json!({ "methodName": "x" }),
        )
        .await;
    assert_eq!(unknown.nested()["errorCode"], 404_001);
    let request = client(&hub)
        .post(url(&hub, path))
        .body("{\"methodName\":\"x\"}");
    let stranger = Answer::from(rest::send(request).await);
    assert_eq!(
        (
            stranger.status.as_u16(),
            stranger.header("iothub-errorcode")
        ),
        (401, "IotHubUnauthorized")
    );
}

#[tokio::test]
async fn queries_come_in_pages() {
    let hub = Emulator::start(&["--device", "a", "--device", "b", "--device", "c"]);
    let service = Service::of(&hub);
    let body = json!({ "tags": { "floor": 2 } });
    service.ask(Method::PATCH, "/twins/b", None, body).await;
    let mut ids = Vec::new();
    let mut next = String::new();
    loop {
        let headers = [
            ("x-ms-max-item-count", "2"),
            ("x-ms-continuation", next.as_str()),
        ];
        let page = service.query("SELECT * FROM devices", &headers).await;
        assert_eq!(
            (page.status, page.header("x-ms-item-type")),
            (StatusCode::OK, "Twin")
        );
        let rows = page.body.as_array().unwrap();
        assert!(rows.len() <= 2);
        ids.extend(
            rows.iter()
                .map(|row| row["deviceId"].as_str().unwrap().to_owned()),
        );
        match page.headers.get("x-ms-continuation") {
            Some(value) => value.to_str().unwrap().clone_into(&mut next),
            None => break,
        }
    }
    assert_eq!(ids, ["a", "b", "c", "device1"]);
    let counted = service
        .query(
            "SELECT tags.floor AS f, COUNT() AS n FROM devices GROUP BY tags.floor",
            &[],
        )
        .await;
    assert_eq!(counted.header("x-ms-item-type"), "Raw");
    assert_eq!(counted.body, json!([{ "n": 3 }, { "f": 2, "n": 1 }]));
    let bad = service
        .query("SELECT * FROM devices WHERE tags.floor ==", &[])
        .await;
    assert_eq!(
        (bad.status.as_u16(), bad.header("iothub-errorcode")),
        (400, "ArgumentInvalid")
    );
    assert!(
        bad.body["Message"]
            .as_str()
            .unwrap()
            .contains("position 40"),
        "{}",
        bad.body
    );
}

#[tokio::test]
async fn many_identities_change_at_once() {
    let hub = Emulator::start(&[]);
    let service = Service::of(&hub);
    let changes = json!([
        { "id": "a", "importMode": "create", "tags": { "t": 1 } },
        { "id": "b", "importMode": "create" },
    ]);
    let made = service.bulk(changes.clone()).await;
    assert_eq!(
        (made.status, &made.body["isSuccessful"]),
        (StatusCode::OK, &json!(true))
    );
    assert_eq!(service.twin("/twins/a").await["tags"]["t"], 1);
    let again = service.bulk(changes).await;
    assert_eq!(
        (again.status, &again.body["isSuccessful"]),
        (StatusCode::BAD_REQUEST, &json!(false))
    );
    let errors = again.body["errors"].as_array().unwrap();
    let error = &errors[0];
    assert_eq!(
        (errors.len(), &error["deviceId"], &error["errorCode"]),
        (2, &json!("a"), &json!("DeviceAlreadyExists"))
    );
    let gone = service
        .bulk(json!([{ "id": "a", "importMode": "delete" }]))
        .await;
    assert_eq!(gone.status, StatusCode::OK);
    let missing = service
        .ask(Method::GET, "/twins/a", None, Value::Null)
        .await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}
