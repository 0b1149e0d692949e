//! What the emulator's page is told without asking: events as they come, and devices that come and go.

use std::net::SocketAddr;

use reqwest::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::support::Emulator;
use crate::support::browser::{Browser, Piece, Told};
use crate::support::mqtt::{Device, connect, tls_over};
use crate::support::runner::LIMIT;
use crate::support::runtime::{current_thread, multi_thread};

fn send(hub: &Emulator, device: &str, body: &str, arguments: &[&str]) {
    let send = ["send", device, body];
    hub.owner(&send).args(arguments).run().success();
}

#[test]
fn events_come_as_they_are_and_go_on_after_a_break() {
    let hub = Emulator::start(&["--device", "device2", "--partitions", "2"]);
    let hostile = "</script><img src=x onerror=alert(1)>\n\nevent: devices\ndata: {}\n\nid: 9\r";
    send(&hub, "device1", hostile, &["-p", "data=<b>: 1"]);
    current_thread().block_on(async {
        let browser = Browser::let_in(&hub).await;
        let mut told = browser.listen(None).await;
        let hello = told.next_of("hello").await;
        assert!(hello.id.is_some());
        let event = told.next_of("event").await;
        assert_eq!(event.data["deviceId"], "device1");
        assert_eq!(event.data["body"], hostile);
        assert_eq!(event.data["source"], "Telemetry");
        let (partition, number) = (&event.data["partition"], &event.data["sequenceNumber"]);
        let id = event.id.unwrap();
        assert!(id.starts_with(&format!("{partition}:{number},")), "{id}");
        send(&hub, "device2", "{\"live\": 1}", &["-p", "level=high"]);
        let live = told.next_of("event").await;
        assert_eq!(live.data["properties"], json!({ "level": "high" }));
        assert_eq!(live.data["contentType"], "application/json");
        drop(told);

        send(&hub, "device1", "while it was away", &[]);
        let mut back = browser.listen(Some(&id)).await;
        let bodies = [next_body(&mut back).await, next_body(&mut back).await];
        assert_eq!(bodies, ["{\"live\": 1}", "while it was away"]);
        let mut back = browser.listen(live.id.as_deref()).await;
        assert_eq!(next_body(&mut back).await, "while it was away");
        send(&hub, "device1", &"\u{e9}".repeat(20_000), &[]);
        let long = back.next_of("event").await.data;
        assert_eq!(long["bodyLength"], 40_000);
        assert_eq!(long["body"].as_str().unwrap().len(), 8192);
    });
}

async fn next_body(told: &mut Told) -> String {
    let event = told.next_of("event").await;
    event.data["body"].as_str().unwrap().to_owned()
}

#[test]
fn those_who_look_on_take_no_readers_place() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let runtime = multi_thread(1);
    let browser = runtime.block_on(Browser::let_in(&hub));
    let mut all = Vec::new();
    for _ in 0..16 {
        all.push(runtime.block_on(browser.listen(None)));
    }
    let one_more = runtime.block_on(browser.get("/ui/events").send()).unwrap();
    assert_eq!(one_more.status(), StatusCode::SERVICE_UNAVAILABLE);
    send(&hub, "device1", "x", &[]);
    assert_eq!(hub.events(&[]).len(), 1);
    for told in &mut all {
        assert_eq!(runtime.block_on(next_body(told)), "x");
    }
}

#[test]
fn a_browser_that_was_long_away_is_told_how_much_it_missed() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let lines = "x\n".repeat(1200);
    let many = ["send", "device1", "-", "--lines", "--batch"];
    hub.owner(&many).stdin(lines.as_str()).run().success();
    current_thread().block_on(async {
        let browser = Browser::let_in(&hub).await;
        let mut told = browser.listen(Some("0:99")).await;
        let skipped = told.next_of("skipped").await;
        assert_eq!(skipped.data, json!({ "partition": 0, "count": 600 }));
        let event = told.next_of("event").await;
        assert_eq!(event.data["sequenceNumber"], 700);
        assert_eq!(event.id.as_deref(), Some("0:700"));
    });
}

#[test]
fn a_browser_that_is_slow_misses_events_and_is_told() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let runtime = multi_thread(1);
    let browser = runtime.block_on(Browser::let_in(&hub));
    let mut slow = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let port = hub.port("https");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut slow = tls_over(&hub, socket.connect(address).await.unwrap()).await;
        let cookie = browser.cookie.as_deref().unwrap();
        let request =
            format!("GET /ui/events HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
        slow.write_all(request.as_bytes()).await.unwrap();
        slow
    });
    // More than the buffers of two sockets hold.
    let line = format!("{}\n", "y".repeat(8000));
    let all = 4000;
    let many = ["send", "device1", "-", "--lines", "--batch"];
    hub.owner(&many).stdin(line.repeat(all)).run().success();
    send(&hub, "device1", "the end", &[]);
    let text = runtime.block_on(async {
        let mut bytes = Vec::new();
        while !bytes
            .windows(9)
            .rev()
            .take(100_000)
            .any(|end| end == b"\"the end\"")
        {
            let read = timeout(LIMIT, slow.read_buf(&mut bytes)).await.unwrap();
            assert_ne!(read.unwrap(), 0);
        }
        String::from_utf8(bytes).unwrap()
    });
    let body = text.split_once("\r\n\r\n").unwrap().1;
    let (told, missed) = count(&unchunked(body));
    assert!(missed > 0 && told > 500, "told {told}, missed {missed}");
    assert_eq!(told + missed, all + 1);
}

/// How many events there are in a stream, and how many it says are missing.
fn count(text: &str) -> (usize, usize) {
    let pieces = text.split_terminator("\n\n").filter_map(Piece::read);
    pieces.fold((0, 0), |(told, missed), piece| match piece.name.as_str() {
        "event" => (told + 1, missed),
        "skipped" => {
            let count = piece.data["count"].as_u64().unwrap();
            (told, missed + usize::try_from(count).unwrap())
        }
        _ => (told, missed),
    })
}

/// A chunked body as far as it has come (RFC 9112, section 7.1).
fn unchunked(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        let Some(chunk) = rest.get(..length) else {
            break;
        };
        whole.push_str(chunk);
        text = rest[length..].strip_prefix("\r\n").unwrap_or_default();
    }
    whole
}

#[test]
fn devices_are_seen_to_come_and_go() {
    let hub = Emulator::start(&["--device", "device2"]);
    let runtime = multi_thread(1);
    let browser = runtime.block_on(Browser::let_in(&hub));
    let mut told = runtime.block_on(browser.listen(None));
    let first = runtime.block_on(told.next_of("devices")).data;
    assert_eq!(
        (&first["isWhole"], &first["total"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(first["changed"][0]["connectionState"], "Disconnected");
    assert!(!first.to_string().contains("symmetricKey"));
    let mut until = |state: &str| {
        loop {
            let change = runtime.block_on(told.next_of("devices")).data;
            let changed = change["changed"].as_array().unwrap();
            assert!(changed.iter().all(|row| row["deviceId"] == "device1"));
            if changed.iter().any(|row| row["connectionState"] == state) {
                return change;
            }
        }
    };
    let device = Device::connect(&hub, connect(&hub));
    assert_eq!(until("Connected")["connected"], 1);
    drop(device);
    assert_eq!(until("Disconnected")["connected"], 0);
}
