//! A hub that strangers speak to, and what it says to them.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hubctl::emulator::driver::{self, Clock, HubHandle};
use hubctl::emulator::hub::Hub;
use hubctl::emulator::hub::options::{DEFAULT_RETENTION, HubOptions, Policy, STANDARD_POLICIES};
use hubctl::model::secret::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Of every policy.
pub const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// The most bytes on their way in either direction: more than any target sends.
const ROOM: usize = 1 << 20;

/// How long is listened at most, which is more than the hub listens.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Time passes when nobody has anything to do: what is waited for comes at once.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let builder = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    builder.expect("a runtime")
});

/// What the hub says to a client that says `said`, and then closes its half or listens until the hub has had enough. `serve`
/// serves the connection.
pub fn told<S>(
    said: &[u8],
    closes: bool,
    serve: impl FnOnce(DuplexStream, HubHandle) -> S,
) -> Vec<u8>
where
    S: Future<Output = ()> + Send + 'static,
{
    RUNTIME.block_on(async {
        let (mut client, server) = duplex(ROOM);
        let serving = tokio::spawn(serve(server, driver::start(hub(), Clock::new(now))));
        // The hub may have hung up before all is said.
        let _ = client.write_all(said).await;
        if closes {
            let _ = client.shutdown().await;
        }
        let mut told = Vec::new();
        // How it hangs up is all the same; and some things have no end.
        let _ = timeout(PATIENCE, client.read_to_end(&mut told)).await;
        drop(client);
        serving.await.expect("no panic");
        told
    })
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a time")
}

/// One with the device `d1`.
fn hub() -> Hub {
    let policy = |(name, rights): (&str, &[_])| Policy {
        name: name.to_owned(),
        key: Secret::new(KEY),
        rights: rights.to_vec(),
    };
    let options = HubOptions {
        name: "localhost".to_owned(),
        hosts: vec!["localhost".to_owned()],
        entity: "eh".to_owned(),
        policies: STANDARD_POLICIES.into_iter().map(policy).collect(),
        partitions: 1,
        consumer_groups: Vec::new(),
        routes: Vec::new(),
        enrichments: Vec::new(),
        retention_bytes: 1 << 20,
        retention: DEFAULT_RETENTION,
        secret: Secret::new("secret"),
        token_shortening: TimeDelta::zero(),
        has_storage: false,
        daily_quota: None,
    };
    let mut hub = Hub::new(now(), options).expect("a hub");
    hub.register(now(), "d1").expect("a device");
    hub
}
