//! An emulator that is made to misbehave while it runs.

use std::net::TcpStream;

use reqwest::header::{AUTHORIZATION, HeaderName};
use reqwest::{Method, RequestBuilder, StatusCode};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::Packet;
use serde_json::json;

use crate::support::Emulator;
use crate::support::admin::{Admin, answer};
use crate::support::mqtt::{Device, connect, connect_with, credentials, event};
use crate::support::rest::{client, url};

const ARGUMENTS: [&str; 2] = ["--admin-port", "0"];

/// A token of `device1`'s for so long.
fn token(hub: &Emulator, lifetime: &str) -> String {
    let call = ["sas-token", "device1", "-d", lifetime, "-l"];
    let token = hub.hubctl(&call).args(&[hub.device("device1")]).run();
    token.success().trim().to_owned()
}

/// What the hub answers to a message of `device1`'s that comes with this token: the status, and the error.
fn post_with(hub: &Emulator, token: &str) -> (u16, String) {
    let url = url(hub, "/devices/device1/messages/events");
    let request = client(hub).post(url).header(AUTHORIZATION, token);
    let (status, headers, _) = answer(request.body("x"));
    let error = headers.get("iothub-errorcode");
    let error = error.map_or("", |code| code.to_str().unwrap());
    (status.as_u16(), error.to_owned())
}

fn post(hub: &Emulator) -> (u16, String) {
    post_with(hub, &token(hub, "1h"))
}

/// What it answers when all is well.
fn taken() -> (u16, String) {
    (204, String::new())
}

#[test]
fn faults_come_and_go_while_it_runs_and_are_counted() {
    let hub = Emulator::start(&[&ARGUMENTS[..], &["--fault", "drop,on=mqtt"]].concat());
    let admin = Admin::of(&hub);
    assert_eq!(post(&hub), taken());
    let throttle = admin.fault("throttle:7s,on=https,device=device*");
    assert_eq!(post(&hub).0, 429);
    let expected = [
        ("drop,on=mqtt".to_owned(), 0),
        ("throttle:7s,on=https,device=device*".to_owned(), 1),
    ];
    assert_eq!(admin.strikes(), expected);
    admin.order(Method::DELETE, &format!("/faults/{throttle}"), "");
    assert_eq!(post(&hub), taken());
    let (status, error) = admin.ask(Method::DELETE, &format!("/faults/{throttle}"), "");
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(error["error"].as_str().unwrap().contains("no fault 2"));
    let removed = admin.order(Method::DELETE, "/faults", "");
    assert_eq!(removed, json!({ "removed": ["drop,on=mqtt"] }));
    assert_eq!(admin.strikes(), []);
    assert_eq!(hub.events(&[]).len(), 2);
}

#[test]
fn a_page_in_a_browser_has_no_say() {
    let hub = Emulator::start(&ARGUMENTS);
    let admin = Admin::of(&hub);
    let status = |request: RequestBuilder| answer(request).0;
    let form = admin.bare(Method::POST, "/faults").body("drop");
    assert_eq!(status(form), StatusCode::FORBIDDEN);
    let rebound = admin
        .bare(Method::GET, "/faults")
        .header("Host", "evil.example");
    assert_eq!(status(rebound), StatusCode::FORBIDDEN);
    let page = admin
        .bare(Method::POST, "/faults")
        .header("Origin", "https://evil.example")
        .header("Hubctl-Admin", "1");
    assert_eq!(status(page.body("drop")), StatusCode::FORBIDDEN);
    let asking = admin.bare(Method::OPTIONS, "/faults");
    let asking = asking.header("Access-Control-Request-Headers", "hubctl-admin");
    let (status, headers, _) = answer(asking);
    assert_eq!(status, StatusCode::FORBIDDEN);
    let allows = |name: &HeaderName| name.as_str().starts_with("access-control");
    assert!(!headers.keys().any(allows));
    assert_eq!(admin.strikes(), []);
    let long = "x".repeat(20_000);
    assert_eq!(admin.ask(Method::POST, "/faults", &long).0, 400);
}

/// 127.0.0.2 leads to what listens on all addresses, and to nothing that listens on 127.0.0.1 alone.
#[cfg(target_os = "linux")]
#[test]
fn other_machines_cannot_reach_its_orders() {
    let open = ["--host", "0.0.0.0", "--allow-remote"];
    let hub = Emulator::start(&[&ARGUMENTS[..], &open].concat());
    assert!(TcpStream::connect(("127.0.0.2", hub.port("https"))).is_ok());
    assert!(TcpStream::connect(("127.0.0.2", hub.port("admin"))).is_err());
    assert_eq!(Admin::of(&hub).strikes(), []);
}

#[test]
fn connections_are_cut_off_all_or_some() {
    let hub = Emulator::start(&ARGUMENTS);
    let admin = Admin::of(&hub);
    let mut device = Device::connect(&hub, connect(&hub));
    let shown = admin.order(Method::GET, "/connections", "");
    let only = &shown["connections"][0];
    assert_eq!(
        (&only["on"], &only["devices"]),
        (&json!("mqtt"), &json!(["device1"]))
    );
    for (path, dropped) in [
        ("/connections/drop?on=amqp", 0),
        ("/connections/drop?device=device2", 0),
        ("/connections/drop?on=mqtt&device=device?", 1),
    ] {
        let answer = admin.order(Method::POST, path, "");
        assert_eq!(answer, json!({ "dropped": dropped }), "{path}");
    }
    assert_eq!(device.next(), None);
    let mut device = Device::connect(&hub, connect(&hub));
    let shown = admin.order(Method::GET, "/connections", "");
    let path = format!("/connections/{}/drop", shown["connections"][0]["id"]);
    admin.order(Method::POST, &path, "");
    assert_eq!(device.next(), None);
    let (status, error) = admin.ask(Method::POST, &path, "");
    assert_eq!(status, StatusCode::NOT_FOUND, "{error}");
    let mut socket = Device::dial_websocket(&hub);
    socket.greet(connect(&hub));
    let answer = admin.order(Method::POST, "/connections/drop?on=mqtt", "");
    assert_eq!(answer, json!({ "dropped": 1 }));
    assert_eq!(socket.next(), None);
    // Who has not said anything yet is one as well.
    let _silent = TcpStream::connect(("127.0.0.1", hub.port("https"))).unwrap();
    while admin.order(Method::GET, "/connections", "")["connections"]
        .as_array()
        .unwrap()
        .is_empty()
    {}
    assert_eq!(
        admin.order(Method::POST, "/connections/drop", ""),
        json!({ "dropped": 1 })
    );
}

#[test]
fn its_clock_goes_wrong_and_right_again() {
    let hub = Emulator::start(&ARGUMENTS);
    let admin = Admin::of(&hub);
    let mut device = Device::connect(&hub, connect(&hub));
    let first = admin.fault("skew:10m");
    assert_eq!(post(&hub), taken());
    assert_eq!(admin.fault("skew:2h"), first + 1);
    // A token of an hour has ended by then, the one of the device that is connected as well.
    assert_eq!(post(&hub).0, 401);
    let error = hub.owner(&["send", "device1", "x"]).run().failure(4);
    assert!(error.contains("clock"), "{error}");
    assert_eq!(device.next(), None);
    assert_eq!(admin.strikes(), [("skew:7200s".to_owned(), 0)]);
    admin.order(Method::DELETE, "/faults", "");
    assert_eq!(post(&hub), taken());
}

#[test]
fn tokens_end_now_and_new_ones_are_taken() {
    let hub = Emulator::start(&ARGUMENTS);
    let admin = Admin::of(&hub);
    let old = connect_with(&credentials(&hub, &["-d", "1h"]));
    let mut device = Device::connect(&hub, old.clone());
    let elsewhere = admin.order(Method::POST, "/tokens/expire?device=other", "");
    assert_eq!(elsewhere, json!({ "connections": 0 }));
    device.publish(event(QoS::AtLeastOnce, 1, "", "x"));
    let ended = admin.order(Method::POST, "/tokens/expire?device=device1", "");
    assert_eq!(ended, json!({ "connections": 1 }));
    assert_eq!(device.next(), None);
    let mut again = Device::dial(&hub);
    assert_ne!(
        again.greet(old).code,
        rumqttc::mqttbytes::v4::ConnectReturnCode::Success
    );
    Device::connect(&hub, connect_with(&credentials(&hub, &["-d", "2h"])));
    // Over HTTPS too, where no connection stands for a token.
    let newest = token(&hub, "3h");
    assert_eq!(post_with(&hub, &newest), taken());
    admin.order(Method::POST, "/tokens/expire", "");
    assert_eq!(post_with(&hub, &newest).0, 401);
    assert_eq!(post_with(&hub, &token(&hub, "4h")), taken());
}

#[test]
fn tokens_end_early_for_those_who_are_connected_too() {
    let hub = Emulator::start(&ARGUMENTS);
    let admin = Admin::of(&hub);
    let mut short = Device::connect(&hub, connect_with(&credentials(&hub, &["-d", "30m"])));
    let expire = admin.fault("expire:50m");
    assert_eq!(short.next(), None);
    let short = token(&hub, "49m");
    assert_eq!(post_with(&hub, &short).0, 401);
    assert_eq!(post(&hub), taken());
    admin.order(Method::DELETE, &format!("/faults/{expire}"), "");
    assert_eq!(post_with(&hub, &short), taken());
}

#[test]
fn the_quota_is_used_up_and_there_again() {
    let hub = Emulator::start(&ARGUMENTS);
    let admin = Admin::of(&hub);
    admin.order(Method::POST, "/quota/fill", "");
    let used_up = (403, "IotHubQuotaExceeded".to_owned());
    assert_eq!(post(&hub), used_up);
    admin.order(Method::POST, "/quota/empty", "");
    assert_eq!(post(&hub), taken());
    let quota = admin.fault("quota:2");
    assert_eq!(post(&hub), taken());
    assert_eq!(post(&hub), taken());
    assert_eq!(post(&hub), used_up);
    admin.order(Method::DELETE, &format!("/faults/{quota}"), "");
    assert_eq!(post(&hub), taken());
}

/// Which of twenty messages of each of two devices are acknowledged: the devices take turns in `order`.
fn acknowledged(seed: &str, order: [usize; 2]) -> [Vec<bool>; 2] {
    let fault = ["--fault", "drop,on=mqtt,rate=0.3", "--seed", seed];
    let hub = Emulator::start(&[&["--device", "device2"], &fault[..]].concat());
    let own = ["device1", "device2"].map(|id| {
        let call = ["sas-token", "--format", "mqtt", "-l", hub.device(id)];
        let printed = hub.hubctl(&call).run().success();
        let pairs = printed.lines().filter_map(|line| line.split_once('='));
        let pair = |(name, value): (&str, &str)| {
            let name = name.strip_prefix("MQTT_")?.to_owned();
            Some((name, value.trim_matches('\'').to_owned()))
        };
        let credentials = pairs.filter_map(pair).collect();
        (
            connect_with(&credentials),
            format!("devices/{id}/messages/events/"),
        )
    });
    let mut answers = [Vec::new(), Vec::new()];
    for _ in 0..20 {
        for which in order {
            let (connect, topic) = &own[which];
            let mut device = Device::connect(&hub, connect.clone());
            let mut publish = event(QoS::AtLeastOnce, 1, "", "x");
            publish.topic.clone_from(topic);
            device.send(&[Packet::Publish(publish)]);
            answers[which].push(device.next().is_some());
        }
    }
    answers
}

#[test]
fn the_same_seed_makes_the_same_day_for_each_device_whatever_the_others_do() {
    let first = acknowledged("7", [0, 1]);
    assert_eq!(acknowledged("7", [1, 0]), first);
    assert_ne!(acknowledged("8", [0, 1]), first);
    for seen in &first {
        let lost = seen
            .iter()
            .filter(|is_acknowledged| !**is_acknowledged)
            .count();
        assert!((1..20).contains(&lost), "{first:?}");
    }
    assert_ne!(first[0], first[1]);
}
