//! Clients that are slow, half there or do not listen, and a good one beside them whom they must not starve.

mod deaf;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use reqwest::header::AUTHORIZATION;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::Connect;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::support::Emulator;
use crate::support::admin::{Admin, answer};
use crate::support::mqtt::{Device, connect, event, tls};
use crate::support::rest::{client, url};
use crate::support::runner::LIMIT;
use crate::support::runtime::{current_thread, multi_thread};

const PORTS: [&str; 3] = ["https", "amqps", "mqtts"];

/// A good client sends over HTTPS and MQTT and reads it over AMQP, each within the limit.
fn all_is_well(hub: &Emulator) {
    let body = uuid::Uuid::new_v4().to_string();
    let login = ["sas-token", "device1", "-l", hub.device("device1")];
    let token = hub.hubctl(&login).run().success();
    let began = Instant::now();
    let request = client(hub).post(url(hub, "/devices/device1/messages/events"));
    let (status, _, _) = answer(
        request
            .header(AUTHORIZATION, token.trim())
            .body(body.clone()),
    );
    assert_eq!(status, 204);
    let mut device = Device::connect(hub, connect(hub));
    device.publish(event(QoS::AtLeastOnce, 1, "", body.as_str()));
    let events = hub.events(&["--body", "text"]);
    let came = events.iter().filter(|event| event["body"] == body);
    assert_eq!(came.count(), 2);
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
}

fn dial(hub: &Emulator, port: &str) -> TcpStream {
    TcpStream::connect(("127.0.0.1", hub.port(port))).unwrap()
}

#[test]
fn hundreds_who_never_finish_their_handshake_keep_nobody_out() {
    let hub = Emulator::start(&["--admin-port", "0"]);
    let half: Vec<TcpStream> = PORTS
        .iter()
        .flat_map(|port| (0..200).map(move |number| (port, number)))
        .map(|(port, number)| {
            let mut socket = dial(&hub, port);
            // Nothing at all, or the beginning of a ClientHello.
            socket
                .write_all(&[0x16, 0x03, 0x01, 0x02, 0x00][..number % 6])
                .unwrap();
            socket
        })
        .collect();
    all_is_well(&hub);
    drop(half);
}

#[test]
fn who_sends_a_byte_at_a_time_keeps_nobody_out() {
    let hub = Emulator::start(&[]);
    let is_over = AtomicBool::new(false);
    let runtime = multi_thread(1);
    let mut packet = bytes::BytesMut::new();
    Connect::new("device1").write(&mut packet).unwrap();
    let long = format!("GET /devices?a={} HTTP/1.1\r\n", "a".repeat(60_000));
    let said: [(&str, &[u8]); 3] = [
        ("https", long.as_bytes()),
        ("amqps", b"AMQP\x03\x01\x00\x00\x00\x00\x40"),
        ("mqtts", &packet),
    ];
    std::thread::scope(|scope| {
        let mut slow = Vec::new();
        for (port, bytes) in said {
            for _ in 0..30 {
                slow.push((runtime.block_on(tls(&hub, port)), bytes, 0));
            }
        }
        let trickle = scope.spawn(|| {
            let mut slow = slow;
            let mut sent = 0;
            while !is_over.load(Ordering::Acquire) {
                for (stream, bytes, place) in &mut slow {
                    let next = &bytes[*place..=*place];
                    // The hub may have had enough of it.
                    let write = async { stream.write_all(next).await.and(stream.flush().await) };
                    if runtime.block_on(write).is_ok() {
                        sent += 1;
                    }
                    *place = (*place + 1).min(bytes.len() - 2);
                }
            }
            sent
        });
        let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| all_is_well(&hub)));
        is_over.store(true, Ordering::Release);
        assert!(trickle.join().unwrap() > 90);
        good.unwrap();
    });
}

/// What comes back to these bytes until the hub hangs up.
fn answer_to(hub: &Emulator, port: &str, bytes: &[u8]) -> Vec<u8> {
    current_thread().block_on(async {
        let mut stream = tls(hub, port).await;
        // It may hang up before all is said.
        let _ = stream.write_all(bytes).await;
        let _ = stream.flush().await;
        let mut told = Vec::new();
        let _ = timeout(LIMIT, stream.read_to_end(&mut told)).await.unwrap();
        told
    })
}

#[test]
fn what_is_too_long_or_means_nothing_is_refused_without_harm() {
    let hub = Emulator::start(&[]);
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let told = answer_to(&hub, "https", large.as_bytes());
    // A connection that ends with bytes unread takes its last words back.
    let is_refused = told.is_empty() || told.starts_with(b"HTTP/1.1 431");
    assert!(is_refused, "{}", String::from_utf8_lossy(&told));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1000));
    let told = answer_to(&hub, "https", many.as_bytes());
    let text = String::from_utf8_lossy(&told);
    assert!(text.starts_with("HTTP/1.1 431"), "{text}");
    let login = ["sas-token", "device1", "-l", hub.device("device1")];
    let token = hub.hubctl(&login).run().success();
    let path = url(&hub, "/devices/device1/messages/events");
    let large = client(&hub).post(path).header(AUTHORIZATION, token.trim());
    assert_eq!(answer(large.body(vec![b'x'; 300_000])).0, 413);
    let random: Vec<u8> = (0..30_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_769).to_be_bytes())
        .collect();
    for port in PORTS {
        for bytes in [
            &b"\x00"[..],
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            // MQTT: a CONNECT of 256 MB; AMQP: a frame of 4 GB behind a good header.
            b"\x10\xff\xff\xff\x7f",
            b"AMQP\x03\x01\x00\x00\xff\xff\xff\xff\x02\x01\x00\x00",
            b"GET / HTTP/0.9\r\n\r\n",
            &random,
        ] {
            // Garbage that may still become something waits for more; what is said to the rest is that port's own.
            let wait = async {
                let mut stream = tls(&hub, port).await;
                let _ = stream.write_all(bytes).await;
                let _ = stream.shutdown().await;
                let mut told = Vec::new();
                let _ = stream.read_to_end(&mut told).await;
            };
            current_thread().block_on(async { timeout(LIMIT, wait).await.unwrap() });
        }
    }
    // No TLS at all.
    for port in PORTS {
        let mut socket = dial(&hub, port);
        socket
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let _ = socket.read_to_end(&mut Vec::new());
    }
    all_is_well(&hub);
}

/// The admin port takes 64 connections at once, and lets go of the silent after ten seconds.
#[test]
fn a_port_whose_connections_are_all_taken_is_free_again_after_its_time_limit() {
    let hub = Emulator::start(&["--admin-port", "0"]);
    let silent: Vec<TcpStream> = (0..70)
        .map(|_| {
            let mut socket = dial(&hub, "admin");
            socket.write_all(b"GET /fau").unwrap();
            socket
        })
        .collect();
    assert_eq!(Admin::of(&hub).strikes(), []);
    drop(silent);
}
