//! Jobs whose changes could not be kept, and that are taken from a store again.

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::command::{Credential, Feed, JobOperation, JobRequest, MethodOperation, Task};
use super::test_kept::{Maps, at, begun, token};
use super::*;
use crate::model::device::IdentityId;
use crate::model::twin::TwinChange;

const BYTES: usize = 1 << 20;
const DEVICES: [&str; 3] = ["e1", "e2", "e3"];

fn tag(value: u32) -> Task {
    let body = json!({ "tags": { "a": value } });
    Task::UpdateTwin {
        change: Box::new(TwinChange::parse(&body, false).unwrap()),
        if_match: Some("*".to_owned()),
    }
}

fn reboot() -> Task {
    Task::Method {
        name: "reboot".to_owned(),
        payload: "1".to_owned(),
        connect: 5,
        response: 5,
    }
}

/// A hub with three devices beside the usual one, and its store.
struct Kept {
    hub: Hub,
    store: Maps,
    now: DateTime<Utc>,
    jobs: usize,
}

impl Kept {
    fn new() -> Self {
        let (mut hub, mut store) = begun(BYTES);
        for device in DEVICES {
            hub.register(at(0), device).unwrap();
        }
        store.keep(hub.take_records());
        Self {
            hub,
            store,
            now: at(0),
            jobs: 0,
        }
    }

    fn work(&mut self, operation: JobOperation) -> (Result<Value, Refusal>, Vec<Record>) {
        let token = Some(token());
        let effects = self.hub.apply(self.now, Command::Job { token, operation });
        let reply = effects.reply.map(|reply| {
            let Reply::Json(shown) = reply else {
                panic!("{reply:?}")
            };
            shown
        });
        (reply, effects.records)
    }

    fn create(&mut self, start: i64, task: Task) -> Vec<Record> {
        let request = JobRequest {
            condition: "deviceId >= 'e'".to_owned(),
            start: Some(self.now + TimeDelta::milliseconds(start)),
            max_seconds: 60,
            task,
            shown: json!({}),
        };
        let operation = JobOperation::Create {
            id: format!("j{}", self.jobs),
            request: Box::new(request),
        };
        let (reply, records) = self.work(operation);
        reply.unwrap();
        records
    }

    fn cancel(&mut self, number: usize) -> Vec<Record> {
        let id = format!("j{number}");
        self.work(JobOperation::Cancel { id }).1
    }

    fn read(&mut self, number: usize) -> Value {
        let id = format!("j{number}");
        self.work(JobOperation::Read { id }).0.unwrap()
    }

    fn connect(&mut self, device: &str) {
        let session = ListenerId(DEVICES.iter().position(|id| *id == device).unwrap() as u64);
        let open = Command::OpenSession {
            session,
            identity: IdentityId {
                device: device.to_owned(),
                module: None,
            },
            credential: Credential::token(token()),
        };
        let feed = Feed::Methods;
        let on = true;
        for command in [open, Command::Listen { session, feed, on }] {
            let effects = self.hub.apply(self.now, command);
            effects.reply.unwrap();
            self.store.keep(effects.records);
        }
    }

    /// Answers every call.
    fn answer(&mut self, calls: Vec<(ListenerId, Notice)>) -> Vec<Record> {
        let mut records = Vec::new();
        for (session, notice) in calls {
            let Notice::Call { call, .. } = notice else {
                continue;
            };
            let respond = MethodOperation::Respond {
                session,
                call,
                status: Ok(200),
                payload: bytes::Bytes::from_static(b"{}"),
            };
            let effects = self.hub.apply(self.now, Command::Method(respond));
            records.extend(effects.records);
        }
        records
    }

    fn pass(&mut self) -> (Vec<(ListenerId, Notice)>, Vec<Record>) {
        let notices = self.hub.pass_time(self.now);
        (notices, self.hub.take_records())
    }

    fn restart(&mut self) {
        self.hub = self.store.hub(BYTES);
    }
}

#[test]
fn a_job_begins_after_a_restart_though_its_time_has_passed() {
    let mut kept = Kept::new();
    let records = kept.create(30_000, tag(7));
    kept.store.keep(records);
    kept.restart();
    assert_eq!(kept.hub.due(), Some(at(30_000)));
    assert_eq!(kept.read(0)["status"], "scheduled");
    // The hub was away for much longer than the job may take.
    kept.now = at(3_600_000);
    let (_, records) = kept.pass();
    kept.store.keep(records);
    let job = kept.read(0);
    assert_eq!(
        (
            &job["status"],
            &job["deviceJobStatistics"]["succeededCount"]
        ),
        (&json!("completed"), &json!(3))
    );
    kept.restart();
    assert_eq!(kept.read(0), job);
    assert!(kept.store.twins.values().all(|twin| {
        let shown = format!("{twin:?}");
        shown.contains("Number(7)")
    }));
    // What is over is known for thirty days.
    kept.now = at(3_600_000) + TimeDelta::days(30);
    assert_eq!(kept.hub.due(), Some(kept.now));
    let (_, records) = kept.pass();
    kept.store.keep(records);
    assert_eq!(kept.hub.jobs.contents(), "");
    kept.restart();
    assert_eq!(kept.hub.jobs.contents(), "");
    assert_eq!(kept.hub.due(), None);
}

#[test]
fn a_method_that_was_being_called_is_called_again() {
    let mut kept = Kept::new();
    for device in DEVICES {
        kept.connect(device);
    }
    let records = kept.create(0, reboot());
    kept.store.keep(records);
    let (mut calls, records) = kept.pass();
    kept.store.keep(records);
    assert_eq!(calls.len(), 3);
    calls.truncate(1);
    let records = kept.answer(calls);
    kept.store.keep(records);
    kept.restart();
    for device in DEVICES {
        kept.connect(device);
    }
    kept.now = at(1000);
    let (calls, records) = kept.pass();
    kept.store.keep(records);
    assert_eq!(calls.len(), 2, "one has answered");
    let records = kept.answer(calls);
    kept.store.keep(records);
    kept.restart();
    let job = kept.read(0);
    assert_eq!(
        (
            &job["status"],
            &job["deviceJobStatistics"]["succeededCount"]
        ),
        (&json!("completed"), &json!(3))
    );
}

#[derive(Debug, Clone)]
enum Step {
    Create { later: i64, is_method: bool },
    Cancel(usize),
    Pass { ms: i64, answers: bool },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<(Step, bool)>> {
    let step = prop_oneof![
        4 => (0_i64..20_000, any::<bool>())
            .prop_map(|(later, is_method)| Step::Create { later, is_method }),
        1 => (0_usize..5).prop_map(Step::Cancel),
        6 => (0_i64..15_000, any::<bool>()).prop_map(|(ms, answers)| Step::Pass { ms, answers }),
        2 => Just(Step::Restart),
    ];
    let fails = proptest::bool::weighted(0.3);
    proptest::collection::vec((step, fails), 1..25)
}

proptest! {
    /// What could not be kept never was; what was kept is there after a restart; and every job comes to its end.
    #[test]
    fn jobs_stand_as_they_are_kept(steps in steps()) {
        let mut kept = Kept::new();
        kept.connect("e1");
        kept.connect("e2");
        for (step, fails) in steps {
            let before = kept.hub.jobs.contents();
            let mut is_new = false;
            let records = match step {
                Step::Create { later, is_method } => {
                    is_new = true;
                    let task = if is_method { reboot() } else { tag(1) };
                    kept.create(later, task)
                }
                Step::Cancel(number) => kept.cancel(number),
                Step::Pass { ms, answers } => {
                    kept.now += TimeDelta::milliseconds(ms);
                    let (calls, mut records) = kept.pass();
                    if answers {
                        records.extend(kept.answer(calls));
                    }
                    records
                }
                Step::Restart => {
                    kept.restart();
                    prop_assert_eq!(kept.hub.jobs.contents(), before);
                    kept.connect("e1");
                    kept.connect("e2");
                    continue;
                }
            };
            if fails {
                kept.hub.take_back(records);
                prop_assert_eq!(kept.hub.jobs.contents(), before);
            } else {
                kept.store.keep(records);
                kept.jobs += usize::from(is_new);
            }
        }
        let mut left = 50;
        while kept.hub.jobs.all.iter().any(|job| !job.is_over()) {
            kept.now = kept.now.max(kept.hub.due().unwrap());
            let (calls, records) = kept.pass();
            kept.store.keep(records);
            let records = kept.answer(calls);
            kept.store.keep(records);
            left -= 1;
            prop_assert!(left > 0, "{}", kept.hub.jobs.contents());
        }
        prop_assert_eq!(kept.hub.jobs.all.len(), kept.jobs);
        let before = kept.hub.jobs.contents();
        kept.restart();
        prop_assert_eq!(kept.hub.jobs.contents(), before);
    }
}
