//! Whatever a device sends: the hub takes it or hangs up, before it has let the device in and after.
#![no_main]

mod hub;
mod mint;

use std::sync::{Arc, LazyLock};

use hubctl::emulator::connections::Connections;
use hubctl::emulator::driver::Clock;
use hubctl::emulator::fault::Wire;
use hubctl::emulator::mqtt::options::Options;
use hubctl::emulator::mqtt::server::serve_connection;
use hubctl::protocol::mqtt::topic::{DeviceTopic, HubTopic};
use hubctl::protocol::mqtt::user_name::UserName;

/// The CONNECT of a device that is let in.
static CONNECT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut body = b"\0\x04MQTT\x04\xC2\0\x3C".to_vec();
    let user = "localhost/d1/?api-version=2021-04-12";
    for text in ["d1", user, &mint::token("device")] {
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
    let closes = first & 4 == 0;
    let greeting: &[u8] = if is_let_in { &CONNECT } else { &[] };
    let told = hub::told(&[greeting, rest].concat(), closes, async |stream, hub| {
        let options = Options::new(vec!["localhost".to_owned()], Clock::new(hub::now));
        let mut seat = Connections::default().enter(Wire::Mqtt);
        serve_connection(stream, hub, Arc::new(options), &mut seat).await;
    });
    if is_let_in {
        assert_eq!(told.get(..4), Some(&[0x20, 2, 0, 0][..]));
    }
});
