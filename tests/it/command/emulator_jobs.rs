//! `emulator`'s REST interface for jobs, over real TLS.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Emulator;
use crate::support::rest::{self, Owner};

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

#[tokio::test]
async fn jobs_are_listed_page_by_page_and_by_what_there_is() {
    let hub = Emulator::start(&[]);
    let owner = Owner::of(&hub);
    let wanted = json!({ "type": "scheduleUpdateTwin", "updateTwin": { "tags": { "a": 1 } }, "queryCondition": "*" });
    let ids: Vec<String> = (0..5).map(|number| format!("job-{number}")).collect();
    for id in &ids {
        let path = format!("/jobs/v2/{id}");
        let (status, _, _) = owner.ask(Method::PUT, &path, None, &wanted).await;
        assert_eq!(status, StatusCode::OK);
    }
    let ask = |kind: &'static str, status: &'static str, count: &'static str, next: &str| {
        let path = format!("/jobs/v2/query?jobType={kind}&jobStatus={status}");
        let request = owner.request(Method::GET, &path);
        let request = request.header("x-ms-max-item-count", count);
        rest::send(request.header("x-ms-continuation", next))
    };
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let (status, headers, jobs) = ask("", "", "2", &next).await;
        assert_eq!(status, StatusCode::OK, "{jobs}");
        assert_eq!(headers["x-ms-item-type"], "JobResponse");
        let jobs = jobs.as_array().unwrap();
        assert!((1..=2).contains(&jobs.len()), "{jobs:?}");
        found.extend(
            jobs.iter()
                .map(|job| job["jobId"].as_str().unwrap().to_owned()),
        );
        match headers.get("x-ms-continuation") {
            Some(token) => token.to_str().unwrap().clone_into(&mut next),
            None => break,
        }
    }
    assert_eq!(found, ids);
    // The last token was given out for another question.
    let (status, _, _) = ask("scheduleUpdateTwin", "", "2", &next).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    for (kind, status, expected) in [
        ("ScheduleUpdateTwin", "", 5),
        ("scheduleDeviceMethod", "", 0),
        ("", "failed", 0),
    ] {
        let (_, headers, jobs) = ask(kind, status, "100", "").await;
        assert_eq!(jobs.as_array().unwrap().len(), expected, "{kind} {status}");
        assert!(!headers.contains_key("x-ms-continuation"));
    }
    for (kind, status, names) in [
        ("bogus", "", "scheduleDeviceMethod"),
        ("", "bogus", "completed"),
    ] {
        let (code, headers, body) = ask(kind, status, "100", "").await;
        assert_eq!(code, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(headers["iothub-errorcode"], "ArgumentInvalid");
        assert!(body["Message"].as_str().unwrap().contains(names), "{body}");
    }
    let (status, _, _) = ask("", "", "0", "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
