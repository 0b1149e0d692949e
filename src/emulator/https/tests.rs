//! Clients that take their time, with less of it than usual.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::Instant;

use super::*;
use crate::emulator::clock::Clock;
use crate::emulator::connections::Connections;
use crate::emulator::driver;
use crate::emulator::fault::{Mischief, Wire};
use crate::emulator::hub::Hub;
use crate::emulator::storage;
use crate::emulator::test_hub;
use crate::emulator::transfer::Dock;
use crate::model::secret::Secret;
use crate::protocol::sas::{self, SigningKey};

const SHORT: Duration = Duration::from_millis(200);

/// Longer than anyone has to wait for it.
const LONG: Duration = Duration::from_secs(60);

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap()
}

/// The other end of a connection that is being served, with this patience.
fn client(patience: Patience) -> DuplexStream {
    let (near, far) = duplex(4096);
    let clock = Clock::new(now);
    let hub = Hub::new(now(), test_hub::options(1)).unwrap();
    let hub = driver::start(hub, clock.clone());
    let (dock, _) = Dock::open(&storage::Options::default()).unwrap();
    let connections = Connections::default();
    let mut seat = connections.enter(Wire::Https);
    let desk = Desk::new(clock, Mischief::default(), connections, hub, Arc::new(dock));
    tokio::spawn(async move {
        let never = std::future::pending();
        serve_with(patience, far, (&desk, None), &mut seat, never).await;
    });
    near
}

/// What comes back to these bytes, which are not all, until the end; and how long that took.
async fn told(patience: Patience, said: &str) -> (String, Duration) {
    let began = Instant::now();
    let mut client = client(patience);
    client.write_all(said.as_bytes()).await.unwrap();
    let mut told = String::new();
    let end = timeout(LONG, client.read_to_string(&mut told)).await;
    end.unwrap().unwrap();
    (told, began.elapsed())
}

#[tokio::test]
async fn headers_have_to_come_in_time() {
    let patience = Patience {
        headers: SHORT,
        ..Patience::default()
    };
    let (_, taken) = told(patience, "GET / HTTP/1.1\r\nX: ").await;
    assert!(taken >= SHORT && taken < LONG, "{taken:?}");
}

#[tokio::test]
async fn a_body_has_to_come_in_time() {
    let patience = Patience {
        body: SHORT,
        // The next request does not come.
        headers: SHORT,
        ..Patience::default()
    };
    let key = SigningKey::decoded(&Secret::new(test_hub::KEY)).unwrap();
    let owner = sas::mint(&key, "localhost", i64::MAX, Some("iothubowner"));
    let head = format!(
        "PUT /devices/d?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Length: 9\r\n\r\n1234",
        owner.expose()
    );
    let (told, taken) = told(patience, &head).await;
    assert!(told.contains("The body did not come to its end."), "{told}");
    assert!(taken >= SHORT && taken < LONG, "{taken:?}");
}

#[tokio::test]
async fn who_does_not_read_is_let_go_and_nothing_piles_up_for_him() {
    let patience = Patience {
        listening: SHORT,
        ..Patience::default()
    };
    let began = Instant::now();
    let mut deaf = client(patience);
    let request = b"GET /devices HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(10);
    let mut taken = 0;
    let ask = async {
        while let Ok(count) = deaf.write(&request).await {
            taken += count;
            assert!(taken < 1024 * 1024, "{taken}");
        }
    };
    timeout(LONG, ask).await.unwrap();
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
}
