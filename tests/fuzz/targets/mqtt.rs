//! Whatever a device sends: the hub takes it or hangs up, before it has let the device in and after.
#![no_main]

use std::sync::{Arc, LazyLock};

use chrono::{DateTime, TimeDelta, Utc};
use hubctl::emulator::connections::Connections;
use hubctl::emulator::driver::{self, Clock};
use hubctl::emulator::fault::Wire;
use hubctl::emulator::hub::Hub;
use hubctl::emulator::hub::options::{DEFAULT_RETENTION, HubOptions, Policy, STANDARD_POLICIES};
use hubctl::emulator::mqtt::options::Options;
use hubctl::emulator::mqtt::server::serve_connection;
use hubctl::model::secret::Secret;
use hubctl::protocol::mqtt::topic::{DeviceTopic, HubTopic};
use hubctl::protocol::mqtt::user_name::UserName;
use hubctl::protocol::sas::{SigningKey, mint};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::runtime::{Builder, Runtime};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let builder = Builder::new_current_thread().enable_all().build();
    builder.expect("a runtime")
});

/// The CONNECT of a device that is let in.
static CONNECT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let key = SigningKey::decoded(&Secret::new(KEY)).expect("a key");
    let token = mint(&key, "localhost/devices/d1", 2_000_000_000, Some("device"));
    let mut body = b"\0\x04MQTT\x04\xC2\0\x3C".to_vec();
    let user = "localhost/d1/?api-version=2021-04-12";
    for text in ["d1", user, token.expose()] {
        body.extend(
            u16::try_from(text.len())
                .expect("a short text")
                .to_be_bytes(),
        );
        body.extend(text.as_bytes());
    }
    let length = body.len();
    assert!((128..16_384).contains(&length));
    let length = [(length % 128 | 128) as u8, (length / 128) as u8];
    [&[0x10][..], &length, &body].concat()
});

fn clock() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a time")
}

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
        retention_bytes: 1 << 20,
        retention: DEFAULT_RETENTION,
        secret: Secret::new("secret"),
        token_shortening: TimeDelta::zero(),
        has_storage: false,
        daily_quota: None,
    };
    let mut hub = Hub::new(clock(), options).expect("a hub");
    hub.register(clock(), "d1").expect("a device");
    hub
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Some(topic) = DeviceTopic::parse(text) {
            assert_eq!(DeviceTopic::parse(&topic.to_string()), Some(topic));
        }
        let _ = (HubTopic::parse(text), UserName::parse(text));
    }
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let is_let_in = first % 2 == 0;
    let greeting: &[u8] = if is_let_in { &CONNECT } else { &[] };
    let told = RUNTIME.block_on(async {
        let hub = driver::start(hub(), Clock::new(clock));
        let options = Options::new(vec!["localhost".to_owned()], Clock::new(clock));
        let (mut client, server) = duplex(1 << 16);
        let serving = tokio::spawn(async move {
            let mut seat = Connections::default().enter(Wire::Mqtt);
            serve_connection(server, hub, Arc::new(options), &mut seat).await;
        });
        client
            .write_all(&[greeting, rest].concat())
            .await
            .expect("room");
        client.shutdown().await.expect("a stream");
        let mut told = Vec::new();
        // How it hangs up is all the same.
        let _ = client.read_to_end(&mut told).await;
        drop(client);
        serving.await.expect("no panic");
        told
    });
    if is_let_in {
        assert_eq!(told.get(..4), Some(&[0x20, 2, 0, 0][..]));
    }
});
