//! Jobs in the store.

use super::*;
use crate::emulator::hub::command::{JobRequest, Task};
use crate::emulator::hub::record::{JobFacts, JobRow, KeptJob};

fn job(id: &str) -> JobFacts {
    let task = Task::Method {
        name: "reboot".to_owned(),
        payload: "{\"a\":1.0}".to_owned(),
        connect: 1,
        response: 2,
    };
    let request = JobRequest {
        condition: "*".to_owned(),
        start: Some(now() + chrono::TimeDelta::nanoseconds(1_234_567_000)),
        max_seconds: 3,
        task,
        shown: serde_json::json!({ "payload": [1.0, null, "ü"] }),
    };
    JobFacts::new(now(), id.to_owned(), request)
}

#[test]
fn jobs_are_kept_row_by_row_and_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let (store, empty) = open(home.path()).unwrap();
    assert_eq!(empty.jobs, []);
    let made = |job: &JobFacts| Record::Job {
        id: job.id.clone(),
        before: None,
        after: Some(Arc::new(job.clone())),
    };
    let identity = |device: &str, module: Option<&str>| IdentityId {
        device: device.to_owned(),
        module: module.map(str::to_owned),
    };
    let row = |of: &str, identity: &IdentityId, before, after| Record::JobRow {
        job: of.to_owned(),
        identity: identity.clone(),
        before,
        after,
    };
    // One id is the beginning of the other, and holds what stands between ids elsewhere.
    let (one, two) = (job("a"), job("a/b"));
    let (device, module) = (identity("a+b", None), identity("a+b", Some("m")));
    let new = Arc::new(JobRow::pending(now()));
    let begin = [
        made(&one),
        made(&two),
        row("a", &device, None, Some(Arc::clone(&new))),
        row("a/b", &module, None, Some(Arc::clone(&new))),
    ];
    store.keep(&begin).unwrap();
    // As a disk that says no leaves it.
    let failed = vec![
        row("a", &device, Some(Arc::clone(&new)), None),
        Record::Job {
            id: "a".to_owned(),
            before: Some(Arc::new(one.clone())),
            after: None,
        },
    ];
    store.write().as_mut().unwrap().keep(&failed).unwrap();
    store.failed.lock().unwrap().extend(failed);
    store.keep(&[]).unwrap();
    drop(store);
    let (_, kept) = open(home.path()).unwrap();
    let with = |facts, identity| KeptJob {
        facts,
        rows: vec![(identity, (*new).clone())],
    };
    assert_eq!(kept.jobs, [with(one, device), with(two, module)]);
}
