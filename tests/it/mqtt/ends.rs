//! Who is not let in, and how connections end.

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Method;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, LastWill, Packet};
use serde_json::Value;

use super::events;
use crate::support::Emulator;
use crate::support::mqtt::{
    Device, EVENTS, connect, connect_with, credentials, event, false_credentials,
};
use crate::support::rest::{self, Owner};
use crate::support::runtime::current_thread;

/// The answer to a CONNECT that is not let in; the hub hangs up after it.
fn refused(hub: &Emulator, connect: Connect) -> ConnectReturnCode {
    let mut device = Device::dial(hub);
    let answer = device.greet(connect);
    assert_eq!(device.next(), None);
    assert!(!answer.session_present);
    answer.code
}

/// Whether `device1` is connected, as the registry has it.
fn connection_state(hub: &Emulator) -> String {
    let identity = rest::ask(hub, Method::GET, "/devices/device1", &Value::Null);
    identity["connectionState"].as_str().unwrap().to_owned()
}

#[test]
fn who_is_not_who_it_says_is_not_let_in() {
    let hub = Emulator::start(&["--device", "device2"]);
    let good = connect(&hub);
    let other = connect_with(&false_credentials(&hub));
    assert_eq!(refused(&hub, other), ConnectReturnCode::NotAuthorized);
    let mut foreign = good.clone();
    foreign.client_id = "device2".to_owned();
    assert_eq!(
        refused(&hub, foreign.clone()),
        ConnectReturnCode::BadClientId
    );
    let login = foreign.login.as_mut().unwrap();
    login.username = login.username.replace("/device1/", "/device2/");
    assert_eq!(refused(&hub, foreign), ConnectReturnCode::NotAuthorized);
    let mut elsewhere = good.clone();
    let login = elsewhere.login.as_mut().unwrap();
    login.username = login
        .username
        .replace("localhost/", "contoso.azure-devices.net/");
    assert_eq!(
        refused(&hub, elsewhere),
        ConnectReturnCode::BadUserNamePassword
    );
    // All that changed nothing for the one that is.
    Device::connect(&hub, good).publish(event(QoS::AtLeastOnce, 1, "", "x"));
}

#[test]
fn a_trace_says_why_a_device_is_not_let_in_or_let_go() {
    let mut hub = Emulator::start(&["--trace"]);
    let other = connect_with(&false_credentials(&hub));
    assert_eq!(refused(&hub, other), ConnectReturnCode::NotAuthorized);
    let told = hub.wait_for_talk("mqtt 1 device1: ends: ");
    assert!(told.contains("trace: mqtt 1: comes"), "{told}");
    assert!(
        told.contains("CONNECT is refused (NotAuthorized): "),
        "{told}"
    );
    let mut device = Device::connect(&hub, connect(&hub));
    let mut foreign = event(QoS::AtLeastOnce, 1, "", "x");
    foreign.topic = EVENTS.replace("device1", "device2");
    device.send(&[Packet::Publish(foreign)]);
    assert_eq!(device.next(), None);
    let told = hub.wait_for_talk("mqtt 2 device1: ends: ");
    assert!(
        told.contains("mqtt 2 device1: CONNECT is accepted"),
        "{told}"
    );
    let topic = "the topic \"devices/device2/messages/events/\" is another device's";
    assert!(told.contains(topic), "{told}");
    rest::ask(&hub, Method::GET, "/devices/device1", &Value::Null);
    hub.wait_for_talk("GET /devices/device1?api-version=");
    let path = "/elsewhere?sig=c2VjcmV0&a=b";
    let url = format!("https://localhost:{}{path}", hub.port("https"));
    current_thread().block_on(async { rest::client(&hub).get(url).send().await.unwrap() });
    let secrets = hub.secrets();
    let told = hub.wait_for_talk("GET /elsewhere?sig=***&a=b: 404, ");
    assert!(told.contains("/devices/device1?api-version="), "{told}");
    for secret in secrets.iter().map(String::as_str).chain(["c2VjcmV0"]) {
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn the_newer_connection_wins_and_the_olders_will_is_heard() {
    let hub = Emulator::start(&[]);
    let mut with_will = connect(&hub);
    let will = LastWill::new(EVENTS, "gone", QoS::AtLeastOnce, true);
    with_will.last_will = Some(will);
    let mut first = Device::connect(&hub, with_will);
    let mut second = Device::connect(&hub, connect(&hub));
    assert_eq!(first.next(), None);
    assert_eq!(connection_state(&hub), "Connected");
    let events = events(&hub, 1);
    assert_eq!(events[0]["body"], "gone");
    let expected = serde_json::json!({ "iothub-MessageType": "Will", "mqtt-retain": "true" });
    assert_eq!(events[0]["properties"], expected);
    second.publish(event(QoS::AtLeastOnce, 1, "", "still here"));
}

#[test]
fn a_will_is_heard_of_who_breaks_off_and_not_of_who_says_goodbye() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let mut with_will = connect(&hub);
    with_will.last_will = Some(LastWill::new(EVENTS, "gone", QoS::AtMostOnce, false));
    let mut polite = Device::connect(&hub, with_will.clone());
    polite.send(&[Packet::Disconnect]);
    assert_eq!(polite.next(), None);
    assert_eq!(connection_state(&hub), "Disconnected");
    let mut other = Device::connect(&hub, with_will);
    other.publish(event(QoS::AtLeastOnce, 1, "", "first"));
    drop(other);
    let events = events(&hub, 2);
    assert_eq!(events[0]["body"], "first");
    assert_eq!(events[1]["body"], "gone");
}

#[test]
fn silence_ends_a_connection_after_half_as_long_again() {
    let hub = Emulator::start(&[]);
    let mut quiet = connect(&hub);
    quiet.keep_alive = 1;
    let mut device = Device::connect(&hub, quiet);
    let began = Instant::now();
    assert_eq!(device.next(), None);
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1400), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_connection_ends_with_its_token() {
    let hub = Emulator::start(&[]);
    let token = credentials(&hub, &["-d", "3s"]);
    let mut device = Device::connect(&hub, connect_with(&token));
    device.publish(event(QoS::AtLeastOnce, 1, "", "in time"));
    assert_eq!(device.next(), None);
    assert_eq!(
        refused(&hub, connect_with(&token)),
        ConnectReturnCode::NotAuthorized
    );
}

#[test]
fn what_the_hub_does_not_take_ends_the_connection() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let mut other_topic = event(QoS::AtLeastOnce, 2, "", "x");
    other_topic.topic = "devices/device2/messages/events/".to_owned();
    let too_large = event(QoS::AtLeastOnce, 2, "", vec![b'x'; 262_145]);
    let twice = event(QoS::ExactlyOnce, 2, "", "x");
    let bad = [twice, other_topic, too_large].map(Packet::Publish);
    for bad in bad.into_iter().chain([Packet::Connect(connect(&hub))]) {
        let mut device = Device::connect(&hub, connect(&hub));
        let good = event(QoS::AtLeastOnce, 1, "", "before");
        device.send(&[Packet::Publish(good), bad.clone()]);
        assert!(matches!(device.next(), Some(Packet::PubAck(ack)) if ack.pkid == 1));
        assert_eq!(device.next(), None, "{bad:?}");
    }
    for noise in ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\0\0\0\0"] {
        let mut stranger = Device::dial(&hub);
        stranger.send_bytes(Bytes::from_static(noise.as_bytes()));
        assert_eq!(stranger.next(), None);
    }
    let most = event(QoS::AtLeastOnce, 1, "", vec![b'x'; 262_144]);
    Device::connect(&hub, connect(&hub)).publish(most);
    assert_eq!(events(&hub, 5)[3]["body"], "before");
}

#[test]
fn who_is_deleted_is_hung_up_on() {
    let hub = Emulator::start(&[]);
    let mut device = Device::connect(&hub, connect(&hub));
    assert_eq!(connection_state(&hub), "Connected");
    let owner = Owner::of(&hub);
    let path = "/devices/device1";
    let deleted = owner.ask(Method::DELETE, path, Some("\"*\""), &Value::Null);
    let (status, _, _) = current_thread().block_on(deleted);
    assert_eq!(status, 204);
    assert_eq!(device.next(), None);
    assert_eq!(
        refused(&hub, connect(&hub)),
        ConnectReturnCode::NotAuthorized
    );
}

#[test]
fn who_says_nothing_more_still_hears_what_became_of_it() {
    let hub = Emulator::start(&[]);
    let greeting = connect(&hub);
    // It was a matter of luck.
    for id in 1..=10 {
        let mut device = Device::dial(&hub);
        let last_words = event(QoS::AtLeastOnce, id, "", "x");
        device.send(&[
            Packet::Connect(greeting.clone()),
            Packet::Publish(last_words),
        ]);
        device.finish();
        assert!(matches!(device.next(), Some(Packet::ConnAck(_))), "{id}");
        assert!(
            matches!(device.next(), Some(Packet::PubAck(ack)) if ack.pkid == id),
            "{id}"
        );
        assert_eq!(device.next(), None);
    }
}
