//! Jobs: scheduled, carried out as time passes, queried, cancelled.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::sessions::{ONE, TWO, connect, device};
use super::twins::{listen, read};
use super::*;
use crate::emulator::hub::command::{JobOperation, JobRequest, Task};
use crate::emulator::query::{Continuation, ItemType, Query, Search};
use crate::model::twin::TwinChange;

fn after(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

fn apply(hub: &mut Hub, operation: JobOperation) -> Result<Value, Refusal> {
    let token = policy_token("iothubowner");
    ask(hub, Command::Job { token, operation }).map(|reply| match reply {
        Reply::Json(shown) => shown,
        Reply::Page(page) => Value::Array(page.rows),
        other => panic!("{other:?}"),
    })
}

fn create(
    hub: &mut Hub,
    id: &str,
    condition: &str,
    start: i64,
    task: Task,
) -> Result<Value, Refusal> {
    let request = JobRequest {
        condition: condition.to_owned(),
        start: Some(after(start)),
        max_seconds: 60,
        task,
        shown: json!({}),
    };
    let operation = JobOperation::Create {
        id: id.to_owned(),
        request: Box::new(request),
    };
    apply(hub, operation)
}

fn tag(value: u32) -> Task {
    let change = TwinChange::parse(&json!({ "tags": { "a": value } }), false).unwrap();
    Task::UpdateTwin {
        change: Box::new(change),
        if_match: Some("*".to_owned()),
    }
}

fn method(connect: u32) -> Task {
    Task::Method {
        name: "reboot".to_owned(),
        payload: "{\"delay\":5}".to_owned(),
        connect,
        response: 10,
    }
}

fn show(hub: &mut Hub, id: &str) -> Value {
    apply(hub, JobOperation::Read { id: id.to_owned() }).unwrap()
}

/// Failed, succeeded, running and pending devices of a job.
fn statistics(job: &Value) -> [u64; 4] {
    let count = |name: &str| job["deviceJobStatistics"][name].as_u64().unwrap();
    [
        "failedCount",
        "succeededCount",
        "runningCount",
        "pendingCount",
    ]
    .map(count)
}

fn rows(hub: &mut Hub, text: &str) -> Vec<Value> {
    let mut search = Search::new(
        Query::parse(text).unwrap(),
        1,
        Continuation::beginning(text),
    );
    let mut found = Vec::new();
    loop {
        let command = Command::Twin(TwinOperation::Query {
            token: policy_token("service"),
            search: Box::new(search),
        });
        let Ok(Reply::Search(done)) = ask(hub, command) else {
            panic!("no rows")
        };
        let page = done.into_page();
        assert_eq!(page.item_type, ItemType::DeviceJob);
        found.extend(page.rows);
        let Some(next) = page.continuation else {
            return found;
        };
        search = Search::new(Query::parse(text).unwrap(), 1, next);
    }
}

fn tags(hub: &mut Hub, id: &str) -> Value {
    read(hub, device(id)).unwrap().1["tags"]["a"].clone()
}

#[test]
fn a_job_changes_twins_when_its_time_has_come() {
    let mut hub = hub();
    for id in ["d1", "d2", "d3"] {
        hub.register(now(), id).unwrap();
    }
    let condition = "deviceId IN ['d1', 'd3']";
    let job = create(&mut hub, "j1", condition, 30, tag(7)).unwrap();
    assert_eq!(
        (&job["status"], &job["type"], &job["endTime"]),
        (&json!("queued"), &json!("scheduleUpdateTwin"), &Value::Null)
    );
    assert_eq!(show(&mut hub, "j1")["status"], "scheduled");
    assert_eq!(hub.due(), Some(after(30)));
    hub.pass_time(after(29));
    assert_eq!(
        (tags(&mut hub, "d1"), statistics(&show(&mut hub, "j1"))),
        (Value::Null, [0; 4])
    );
    hub.pass_time(after(30));
    assert_eq!(
        (
            tags(&mut hub, "d1"),
            tags(&mut hub, "d2"),
            tags(&mut hub, "d3")
        ),
        (json!(7), Value::Null, json!(7))
    );
    let job = show(&mut hub, "j1");
    assert_eq!(
        (&job["status"], statistics(&job)),
        (&json!("completed"), [0, 2, 0, 0])
    );
    // Then it is forgotten.
    assert_eq!(hub.due(), Some(after(30) + TimeDelta::days(30)));
    assert_eq!(
        create(&mut hub, "j0", "deviceId = 'd1'", 0, tag(8)).unwrap()["status"],
        "queued"
    );
    hub.pass_time(now());
    let found = rows(
        &mut hub,
        "SELECT * FROM devices.jobs WHERE devices.jobs.status = 'completed'",
    );
    let of = |row: &Value| format!("{}/{}", row["deviceId"], row["jobId"]).replace('"', "");
    assert_eq!(
        found.iter().map(of).collect::<Vec<_>>(),
        ["d1/j0", "d1/j1", "d3/j1"]
    );
    let one = rows(
        &mut hub,
        "SELECT * FROM devices.jobs WHERE jobId = 'j0' AND deviceId = 'd1'",
    );
    assert_eq!(one[0]["jobType"], "scheduleUpdateTwin");
}

#[test]
fn a_job_calls_methods_and_hears_what_becomes_of_them() {
    let mut hub = hub();
    for (id, session) in [("d1", Some(ONE)), ("d2", Some(TWO)), ("d3", None)] {
        hub.register(now(), id).unwrap();
        if let Some(session) = session {
            connect(&mut hub, session, device(id)).reply.unwrap();
            listen(&mut hub, session, Feed::Methods, true)
                .reply
                .unwrap();
        }
    }
    create(&mut hub, "j1", "*", 0, method(0)).unwrap();
    let mut calls = Vec::new();
    for (session, notice) in hub.pass_time(now()) {
        let Notice::Call {
            call,
            name,
            payload,
        } = notice
        else {
            panic!("{notice:?}")
        };
        assert_eq!(
            (name.as_str(), payload.as_str()),
            ("reboot", "{\"delay\":5}")
        );
        calls.push((session, call));
    }
    // The third is not there, and nobody was to wait for it.
    assert_eq!(calls.len(), 2);
    assert_eq!(statistics(&show(&mut hub, "j1")), [1, 0, 2, 0]);
    let respond = MethodOperation::Respond {
        session: calls[0].0,
        call: calls[0].1,
        status: Ok(200),
        payload: Bytes::from_static(b"{\"ok\":true}"),
    };
    ask(&mut hub, Command::Method(respond)).unwrap();
    assert_eq!(
        (statistics(&show(&mut hub, "j1")), hub.due()),
        ([1, 1, 1, 0], Some(after(10)))
    );
    hub.pass_time(after(10));
    let job = show(&mut hub, "j1");
    assert_eq!(
        (&job["status"], statistics(&job)),
        (&json!("completed"), [2, 1, 0, 0])
    );
    let found = rows(&mut hub, "SELECT * FROM devices.jobs");
    let answer = json!({ "deviceMethodResponse": { "status": 200, "payload": { "ok": true } } });
    assert_eq!(found[0]["outcome"], answer);
    let codes: Vec<&Value> = found[1..].iter().map(|row| &row["error"]["code"]).collect();
    assert_eq!(codes, ["504101", "404103"]);
}

#[test]
fn a_job_is_cancelled_or_takes_too_long() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    for id in ["waits", "late"] {
        create(&mut hub, id, "*", 0, method(300)).unwrap();
    }
    create(&mut hub, "never", "*", 50, tag(1)).unwrap();
    hub.pass_time(now());
    for id in ["waits", "never"] {
        let job = apply(&mut hub, JobOperation::Cancel { id: id.to_owned() }).unwrap();
        assert_eq!(job["status"], "cancelled");
    }
    // The limit is the job's own.
    hub.pass_time(after(60));
    let job = show(&mut hub, "late");
    assert_eq!(
        (&job["status"], job["failureReason"].is_string()),
        (&json!("failed"), true)
    );
    assert_eq!(
        (tags(&mut hub, "d1"), hub.due()),
        (Value::Null, Some(now() + TimeDelta::days(30)))
    );
    // Nobody waits for the calls any more.
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    assert_eq!(listen(&mut hub, ONE, Feed::Methods, true).notices, []);
    let query = |hub: &mut Hub, kind: Option<&str>, status: Option<&str>| {
        let (kind, status) = (kind.map(str::to_owned), status.map(str::to_owned));
        let operation = JobOperation::Query {
            kind,
            status,
            rows: 100,
            place: Box::new(Continuation::beginning("")),
        };
        let found = apply(hub, operation).unwrap();
        found.as_array().unwrap().len()
    };
    assert_eq!(query(&mut hub, None, None), 3);
    assert_eq!(query(&mut hub, Some("ScheduleUpdateTwin"), None), 1);
    assert_eq!(query(&mut hub, None, Some("cancelled")), 2);
    assert_eq!(
        query(&mut hub, Some("scheduleUpdateTwin"), Some("failed")),
        0
    );
}

#[test]
fn what_is_no_job_is_refused() {
    let mut hub = hub();
    create(&mut hub, "j1", "*", 0, tag(1)).unwrap();
    assert_eq!(code(create(&mut hub, "j1", "*", 0, tag(1))), 409_104);
    assert_eq!(code(create(&mut hub, "j2", "tags.a =", 0, tag(1))), 400_004);
    let long = "j".repeat(65);
    for id in ["j 2", "J2", "j_2", "j.2", "", &long] {
        assert_eq!(code(create(&mut hub, id, "*", 0, tag(1))), 400_004, "{id}");
    }
    let week = 168 * 60 * 60;
    let late = create(&mut hub, "late", "*", week + 1, tag(1));
    assert_eq!(code(late), 400_004);
    create(&mut hub, "o'clock-8", "*", week, tag(1)).unwrap();
    let unknown = show(&mut hub, "j2");
    assert_eq!(
        (&unknown["status"], &unknown["type"]),
        (&json!("unknown"), &json!("unknown"))
    );
    let id = "j2".to_owned();
    assert_eq!(code(apply(&mut hub, JobOperation::Cancel { id })), 404_002);
    for (policy, allowed) in [("registryReadWrite", true), ("service", false)] {
        let command = Command::Job {
            token: policy_token(policy),
            operation: JobOperation::Read {
                id: "j1".to_owned(),
            },
        };
        assert_eq!(ask(&mut hub, command).is_ok(), allowed, "{policy}");
    }
}
