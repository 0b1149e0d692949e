//! `emulator`'s REST interface for jobs, over real TLS.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Emulator;
use crate::support::rest::Owner;

/// The job once it is over.
async fn ended(owner: &Owner, path: &str) -> Value {
    let is_over = |job: &Value| !job["endTime"].is_null();
    owner.read_until(path, is_over).await
}

#[tokio::test]
async fn a_job_patches_the_twins_that_are_meant() {
    let hub = Emulator::start_kept(&["--device", "d2"]);
    let owner = Owner::of(&hub);
    let path = "/jobs/v2/job-1";
    let wanted = json!({
        "jobId": "job-1",
        "type": "scheduleUpdateTwin",
        "updateTwin": { "etag": "*", "tags": { "floor": 2 } },
        "queryCondition": "deviceId = 'd2'",
        "maxExecutionTimeInSeconds": 60,
    });
    let (status, _, made) = owner.ask(Method::PUT, path, None, &wanted).await;
    assert_eq!(
        (status, &made["status"], &made["updateTwin"]),
        (StatusCode::OK, &json!("queued"), &wanted["updateTwin"])
    );
    let (status, _, _) = owner.ask(Method::PUT, path, None, &wanted).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let job = ended(&owner, path).await;
    assert_eq!(
        (
            &job["status"],
            &job["deviceJobStatistics"]["succeededCount"]
        ),
        (&json!("completed"), &json!(1))
    );
    assert_eq!(owner.read("/twins/d2").await["tags"], json!({ "floor": 2 }));
    assert_eq!(owner.read("/twins/device1").await["tags"], json!({}));
    let query = json!({ "query": "SELECT * FROM devices.jobs WHERE jobId = 'job-1'" });
    let (_, headers, rows) = owner
        .ask(Method::POST, "/devices/query", None, &query)
        .await;
    assert_eq!(headers["x-ms-item-type"], "DeviceJob");
    assert_eq!(
        (&rows[0]["deviceId"], &rows[0]["status"]),
        (&json!("d2"), &json!("completed"))
    );
    // What it did outlives a crash, and it does as well.
    let hub = hub.kill_and_restart(&[]);
    let owner = Owner::of(&hub);
    assert_eq!(owner.read("/twins/d2").await["tags"], json!({ "floor": 2 }));
    assert_eq!(owner.read(path).await, job);
    let (_, _, again) = owner
        .ask(Method::POST, "/devices/query", None, &query)
        .await;
    assert_eq!(again, rows);
}

#[tokio::test]
async fn a_job_whose_time_came_while_the_hub_was_away_begins_when_it_is_back() {
    let hub = Emulator::start_kept(&[]);
    let owner = Owner::of(&hub);
    let start = chrono::Utc::now() + chrono::TimeDelta::minutes(10);
    let wanted = json!({
        "type": "scheduleUpdateTwin",
        "updateTwin": { "tags": { "floor": 3 } },
        "queryCondition": "*",
        "startTime": start.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "maxExecutionTimeInSeconds": 1,
    });
    for path in ["/jobs/v2/later", "/jobs/v2/never"] {
        let (status, _, made) = owner.ask(Method::PUT, path, None, &wanted).await;
        assert_eq!(
            (status, &made["status"]),
            (StatusCode::OK, &json!("queued"))
        );
    }
    let cancel = "/jobs/v2/never/cancel";
    owner.ask(Method::POST, cancel, None, &Value::Null).await;
    let hub = hub.kill_and_restart(&[]);
    let owner = Owner::of(&hub);
    assert_eq!(
        owner.read("/jobs/v2/later").await["status"],
        json!("scheduled")
    );
    // By its clock it is half an hour later.
    let hub = hub.kill_and_restart(&["--fault", "skew:30m"]);
    let owner = Owner::of(&hub);
    let job = ended(&owner, "/jobs/v2/later").await;
    assert_eq!(job["status"], "completed");
    assert_eq!(owner.read("/jobs/v2/never").await["status"], "cancelled");
    let twin = owner.read("/twins/device1").await;
    assert_eq!(twin["tags"], json!({ "floor": 3 }));
}

#[tokio::test]
async fn jobs_wait_are_cancelled_and_fail_device_by_device() {
    let hub = Emulator::start(&[]);
    let owner = Owner::of(&hub);
    let start = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    let later = json!({ "type": "scheduleUpdateTwin", "updateTwin": { "tags": { "a": 1 } }, "queryCondition": "*", "startTime": start.to_rfc3339() });
    let (_, _, made) = owner.ask(Method::PUT, "/jobs/v2/later", None, &later).await;
    assert_eq!(made["status"], "queued");
    assert_eq!(owner.read("/jobs/v2/later").await["status"], "scheduled");
    let call = json!({ "type": "scheduleDeviceMethod", "cloudToDeviceMethod": { "methodName": "reboot", "payload": null }, "queryCondition": "*" });
    owner.ask(Method::PUT, "/jobs/v2/call", None, &call).await;
    let job = ended(&owner, "/jobs/v2/call").await;
    assert_eq!(job["deviceJobStatistics"]["failedCount"], 1);
    let (status, _, cancelled) = owner
        .ask(Method::POST, "/jobs/v2/later/cancel", None, &Value::Null)
        .await;
    assert_eq!(
        (status, &cancelled["status"]),
        (StatusCode::OK, &json!("cancelled"))
    );
    let (_, headers, all) = owner
        .ask(Method::GET, "/jobs/v2/query", None, &Value::Null)
        .await;
    assert_eq!(
        (&headers["x-ms-item-type"], all.as_array().unwrap().len()),
        (&"JobResponse".parse().unwrap(), 2)
    );
    let bad =
        json!({ "type": "scheduleUpdateTwin", "updateTwin": {}, "queryCondition": "tags.a ==" });
    let (status, _, body) = owner.ask(Method::PUT, "/jobs/v2/bad", None, &bad).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        body["Message"].as_str().unwrap().contains("position 8"),
        "{body}"
    );
}
