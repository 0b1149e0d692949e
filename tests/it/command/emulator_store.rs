//! `emulator --data-dir`: what was acknowledged is there again, however it ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::emulator::Stopped;
use crate::support::rest::{Owner, client, put_identity, url};
use crate::support::runtime::multi_thread;
use crate::support::{Emulator, Hubctl};

const DEVICES: usize = 8;
const KILLS: usize = 100;

fn devices() -> Vec<String> {
    (0..DEVICES)
        .flat_map(|number| ["--device".to_owned(), format!("board{number}")])
        .collect()
}

/// One device's messages, numbered.
#[derive(Default)]
struct Sent {
    next: u64,
    acknowledged: Vec<u64>,
}

/// Posts one message after the other until the hub is gone; the last one's fate is then unknown, and its number is not used
/// again.
async fn post_until_broken(
    client: Client,
    url: String,
    token: String,
    sent: &mut Sent,
    progress: &(AtomicUsize, Notify),
) {
    loop {
        let number = sent.next;
        sent.next += 1;
        let request = client
            .post(&url)
            .header(AUTHORIZATION, &token)
            .body(format!("{{\"n\":{number}}}"));
        match request.send().await {
            Ok(answer) => {
                assert_eq!(answer.status(), StatusCode::NO_CONTENT);
                sent.acknowledged.push(number);
                progress.0.fetch_add(1, Ordering::SeqCst);
                progress.1.notify_one();
            }
            Err(_) => return,
        }
    }
}

/// Kills the hub while all devices post, once it has acknowledged `until` messages and `ready` has come back.
fn kill_under_load(
    runtime: &tokio::runtime::Runtime,
    hub: Emulator,
    token: &str,
    sent: Vec<Sent>,
    until: usize,
    ready: impl FnOnce(),
) -> (Stopped, Vec<Sent>) {
    let progress = Arc::new((AtomicUsize::new(0), Notify::new()));
    let mut posting = JoinSet::new();
    let client = client(&hub);
    for (number, mut sent) in sent.into_iter().enumerate() {
        let url = url(&hub, &format!("/devices/board{number}/messages/events"));
        let (client, token) = (client.clone(), token.to_owned());
        let progress = Arc::clone(&progress);
        posting.spawn_on(
            async move {
                post_until_broken(client, url, token, &mut sent, &progress).await;
                (number, sent)
            },
            runtime.handle(),
        );
    }
    runtime.block_on(async {
        while progress.0.load(Ordering::SeqCst) < until {
            progress.1.notified().await;
        }
    });
    ready();
    let stopped = hub.stop();
    let sent = runtime.block_on(posting.join_all());
    let sent: BTreeMap<usize, Sent> = sent.into_iter().collect();
    (stopped, sent.into_values().collect())
}

/// Every event, as `monitor-events` shows it from the start to the last message of each of these devices.
fn all_events(hub: &Emulator, devices: &[&str]) -> Vec<Value> {
    let last = "{\"n\":\"last\"}";
    for device in devices {
        hub.owner(&["send", device, last, "--quiet"])
            .run()
            .success();
    }
    let mut reader = hub
        .owner(&["monitor-events", "-s", "0", "-f", "ndjson", "-q"])
        .start();
    let mut events = Vec::new();
    let mut left = devices.len();
    while left > 0 {
        let event: Value = serde_json::from_str(&reader.wait_for("\n")).unwrap();
        if event["body"]["n"] == "last" {
            left -= 1;
        }
        events.push(event);
    }
    reader.kill();
    events
}

/// Holds sequence numbers to count up from 0 in each partition, without a gap and each once.
fn hold_to_order(events: &[Value]) {
    let mut next = BTreeMap::new();
    for event in events {
        let expected = next.entry(event["partition"].to_string()).or_insert(0);
        assert_eq!(event["sequenceNumber"].as_i64(), Some(*expected), "{event}");
        *expected += 1;
    }
}

#[test]
fn killed_a_hundred_times_under_load_it_keeps_what_it_acknowledged() {
    let arguments = devices();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = multi_thread(2);
    let mut hub = Emulator::start_kept(&arguments);
    let token = hub.owner(&["sas-token", "--policy"]).run().success();
    let mut sent: Vec<Sent> = (0..DEVICES).map(|_| Sent::default()).collect();
    let mut restarts = Vec::new();
    for round in 0..KILLS {
        // At another place each time.
        let until = 1 + round * 37 % 60;
        let after = kill_under_load(&runtime, hub, token.trim(), sent, until, || ());
        sent = after.1;
        let began = Instant::now();
        hub = after.0.restart(&arguments);
        restarts.push(began.elapsed());
    }
    let names: Vec<String> = (0..DEVICES).map(|n| format!("board{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let events = all_events(&hub, &names);
    hold_to_order(&events);
    let total: usize = sent.iter().map(|sent| sent.acknowledged.len()).sum();
    for (name, sent) in names.iter().zip(&sent) {
        let own = events.iter().filter(|event| event["deviceId"] == *name);
        let seen: Vec<u64> = own
            .filter_map(|event| event["body"]["n"].as_u64())
            .collect();
        assert!(
            seen.windows(2).all(|pair| pair[0] < pair[1]),
            "{name}: out of order, or twice: {seen:?}"
        );
        let lost = sent.acknowledged.iter().find(|n| !seen.contains(n));
        assert_eq!(lost, None, "{name}: acknowledged and gone");
    }
    restarts.sort();
    let median = restarts[restarts.len() / 2];
    eprintln!(
        "{total} acknowledged, {} kept, a restart takes {median:?}",
        events.len()
    );
    assert!(median < Duration::from_secs(1), "{restarts:?}");
}

#[test]
fn a_reader_sees_each_event_once_through_kills_of_a_hub_with_its_data() {
    let arguments = devices();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = multi_thread(2);
    let mut hub = Emulator::start_kept(&arguments);
    let token = hub.owner(&["sas-token", "--policy"]).run().success();
    let mut reader = hub
        .owner(&["monitor-events", "-s", "0", "-f", "ndjson"])
        .start();
    reader.wait_for_talk("attached");
    let mut sent: Vec<Sent> = (0..DEVICES).map(|_| Sent::default()).collect();
    let mut seen: Vec<Value> = Vec::new();
    for round in 0..4 {
        let first: Vec<u64> = sent.iter().map(|sent| sent.next).collect();
        let is_new = |event: &Value| {
            let device = event["deviceId"].as_str().unwrap();
            let number: usize = device.trim_start_matches("board").parse().unwrap();
            event["body"]["n"].as_u64() >= Some(first[number])
        };
        // It reads again, and so may have seen what the hub is about to lose.
        let follow = || {
            while !seen.last().is_some_and(is_new) {
                seen.push(serde_json::from_str(&reader.wait_for("\n")).unwrap());
            }
        };
        let until = 50 + round * 40;
        let after = kill_under_load(&runtime, hub, token.trim(), sent, until, follow);
        sent = after.1;
        hub = after.0.restart(&arguments);
    }
    let names: Vec<String> = (0..DEVICES).map(|n| format!("board{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let held = all_events(&hub, &names);
    while seen.len() < held.len() {
        seen.push(serde_json::from_str(&reader.wait_for("\n")).unwrap());
    }
    hold_to_order(&seen);
    let place = |event: &Value| {
        (
            event["partition"].to_string(),
            event["sequenceNumber"].as_i64(),
        )
    };
    let of = |events: &[Value]| -> BTreeMap<_, Value> {
        events
            .iter()
            .map(|event| (place(event), event["body"].clone()))
            .collect()
    };
    assert_eq!(of(&seen), of(&held));
    #[cfg(unix)]
    {
        let finished = reader.interrupt();
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        assert_eq!(finished.stdout.lines().count(), held.len());
    }
}

#[test]
fn the_registry_is_there_again_and_named_devices_stay_as_they_are() {
    let hub = Emulator::start_kept(&[]);
    let runtime = multi_thread(2);
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let own = json!({
        "deviceId": "named",
        "status": "disabled",
        "statusReason": "in the drawer",
        "authentication": { "type": "sas", "symmetricKey": { "primaryKey": key, "secondaryKey": key } },
    });
    put_identity(&hub, "/devices/named", &own);
    put_identity(&hub, "/devices/gone", &json!({ "deviceId": "gone" }));
    put_identity(&hub, "/devices/other", &json!({ "deviceId": "other" }));
    let module = json!({ "deviceId": "other", "moduleId": "m" });
    put_identity(&hub, "/devices/other/modules/m", &module);
    let owner = Owner::of(&hub);
    let deleted = owner.ask(Method::DELETE, "/devices/gone", Some("*"), &Value::Null);
    let (status, _, _) = runtime.block_on(deleted);
    assert_eq!(status, StatusCode::NO_CONTENT);
    let everything = |owner: &Owner| -> Vec<Value> {
        let paths = ["/devices", "/devices/other/modules", "/devices/gone"];
        let ask = |path: &&str| {
            let asked = owner.ask(Method::GET, path, None, &Value::Null);
            let (status, _, body) = runtime.block_on(asked);
            if status.is_success() {
                body
            } else {
                json!(status.as_u16())
            }
        };
        paths.iter().map(ask).collect()
    };
    let before = everything(&owner);
    assert_eq!(before[0].as_array().unwrap().len(), 3);
    assert_eq!(before[1].as_array().unwrap().len(), 1);
    assert_eq!(before[2], 404);
    let hub = hub.kill_and_restart(&["--device", "named"]);
    assert_eq!(everything(&Owner::of(&hub)), before);
    assert!(hub.device("named").ends_with(key));
}

#[test]
fn a_store_that_cannot_be_used_is_named_with_a_way_out() {
    let hub = Emulator::start_kept(&["--partitions", "3"]);
    let folder = hub.data().to_str().unwrap().to_owned();
    let start = |more: &[&str]| {
        let ports = ["--https-port=0", "--amqps-port=0", "--mqtts-port=0"];
        Hubctl::new(&["emulator", "--data-dir", &folder])
            .args(&ports)
            .args(more)
            .run()
    };
    let error = start(&[]).failure(6);
    assert!(
        error.contains(&folder) && error.contains("in use"),
        "{error}"
    );
    let data = hub.stop().data;
    let error = start(&["--partitions", "4"]).failure(3);
    assert!(
        error.contains("3 partitions, not 4") && error.contains("--partitions 3"),
        "{error}"
    );
    let store = data.path().join("store");
    let moved = data.path().join("kept");
    let form = store.join("version");
    std::fs::write(&form, "99").unwrap();
    let error = start(&[]).failure(3);
    assert!(error.contains("99") && error.contains("store"), "{error}");
    std::fs::remove_file(&form).unwrap();
    let error = start(&[]).failure(3);
    assert!(
        error.contains("damaged") && error.contains("move"),
        "{error}"
    );
    std::fs::rename(&store, &moved).unwrap();
    std::fs::write(moved.join("version"), "1").unwrap();
    std::fs::rename(&moved, &store).unwrap();
    std::fs::remove_dir_all(store.join("db/keyspaces")).unwrap();
    let error = start(&[]).failure(3);
    assert!(
        error.contains("damaged") && error.contains("hint"),
        "{error}"
    );
}
