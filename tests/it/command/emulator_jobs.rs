//! `emulator`'s REST interface for jobs, over real TLS.

use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Emulator;
use crate::support::rest::{client, url};

/// How long a job may take.
const PATIENCE: Duration = Duration::from_secs(20);

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
        body: &Value,
    ) -> (StatusCode, HeaderMap, Value) {
        let request = self.client.request(method, url(&self.hub, path));
        let request = request.header(AUTHORIZATION, &self.token);
        let response = request.body(body.to_string()).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        (
            status,
            headers,
            serde_json::from_slice(&body).unwrap_or_default(),
        )
    }

    async fn read(&self, path: &str) -> Value {
        let (status, _, body) = self.ask(Method::GET, path, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// The job once it is over; each look at it is a round trip, which is rest enough.
    async fn ended(&self, path: &str) -> Value {
        let began = Instant::now();
        loop {
            let job = self.read(path).await;
            if !job["endTime"].is_null() {
                return job;
            }
            assert!(began.elapsed() < PATIENCE, "{job}");
        }
    }
}

#[tokio::test]
async fn a_job_patches_the_twins_that_are_meant() {
    let service = Service::of(Emulator::start_kept(&["--device", "d2"]));
    let path = "/jobs/v2/job-1";
    let wanted = json!({
        "jobId": "job-1",
        "type": "scheduleUpdateTwin",
        "updateTwin": { "etag": "*", "tags": { "floor": 2 } },
        "queryCondition": "deviceId = 'd2'",
        "maxExecutionTimeInSeconds": 60,
    });
    let (status, _, made) = service.ask(Method::PUT, path, &wanted).await;
    assert_eq!(
        (status, &made["status"], &made["updateTwin"]),
        (StatusCode::OK, &json!("enqueued"), &wanted["updateTwin"])
    );
    let (status, _, _) = service.ask(Method::PUT, path, &wanted).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let job = service.ended(path).await;
    assert_eq!(
        (
            &job["status"],
            &job["deviceJobStatistics"]["succeededCount"]
        ),
        (&json!("completed"), &json!(1))
    );
    assert_eq!(
        service.read("/twins/d2").await["tags"],
        json!({ "floor": 2 })
    );
    assert_eq!(service.read("/twins/device1").await["tags"], json!({}));
    let query = json!({ "query": "SELECT * FROM devices.jobs WHERE jobId = 'job-1'" });
    let (_, headers, rows) = service.ask(Method::POST, "/devices/query", &query).await;
    assert_eq!(headers["x-ms-item-type"], "DeviceJob");
    assert_eq!(
        (&rows[0]["deviceId"], &rows[0]["status"]),
        (&json!("d2"), &json!("completed"))
    );
    // What it did outlives a crash; it does not.
    let service = Service::of(service.hub.kill_and_restart(&[]));
    assert_eq!(
        service.read("/twins/d2").await["tags"],
        json!({ "floor": 2 })
    );
    let (status, headers, _) = service.ask(Method::GET, path, &Value::Null).await;
    assert_eq!(
        (status.as_u16(), &headers["iothub-errorcode"]),
        (404, &"JobNotFound".parse().unwrap())
    );
}

#[tokio::test]
async fn jobs_wait_are_cancelled_and_fail_device_by_device() {
    let service = Service::of(Emulator::start(&[]));
    let later = json!({ "type": "scheduleUpdateTwin", "updateTwin": { "tags": { "a": 1 } }, "queryCondition": "*", "startTime": "2999-01-01T00:00:00Z" });
    let (_, _, made) = service.ask(Method::PUT, "/jobs/v2/later", &later).await;
    assert_eq!(made["status"], "scheduled");
    let call = json!({ "type": "scheduleDeviceMethod", "cloudToDeviceMethod": { "methodName": "reboot", "payload": null }, "queryCondition": "*" });
    service.ask(Method::PUT, "/jobs/v2/call", &call).await;
    let job = service.ended("/jobs/v2/call").await;
    assert_eq!(job["deviceJobStatistics"]["failedCount"], 1);
    let (status, _, cancelled) = service
        .ask(Method::POST, "/jobs/v2/later/cancel", &Value::Null)
        .await;
    assert_eq!(
        (status, &cancelled["status"]),
        (StatusCode::OK, &json!("cancelled"))
    );
    let (_, headers, all) = service
        .ask(Method::GET, "/jobs/v2/query", &Value::Null)
        .await;
    assert_eq!(
        (&headers["x-ms-item-type"], all.as_array().unwrap().len()),
        (&"JobResponse".parse().unwrap(), 2)
    );
    let bad =
        json!({ "type": "scheduleUpdateTwin", "updateTwin": {}, "queryCondition": "tags.a ==" });
    let (status, _, body) = service.ask(Method::PUT, "/jobs/v2/bad", &bad).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        body["Message"].as_str().unwrap().contains("position 8"),
        "{body}"
    );
}
