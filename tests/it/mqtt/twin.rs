//! A device's twin and its methods, from both sides.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish, SubscribeReasonCode};
use serde_json::{Value, json};

use crate::support::Emulator;
use crate::support::admin::Admin;
use crate::support::mqtt::{Device, connect};
use crate::support::rest::{Owner, ask};
use crate::support::runtime::current_thread;

/// A device that hears of everything that there is.
fn listening(hub: &Emulator) -> Device {
    let mut device = Device::connect(hub, connect(hub));
    let answer = device.subscribe(&[
        "$iothub/twin/res/#",
        "$iothub/twin/PATCH/properties/desired/#",
        "$iothub/methods/POST/#",
    ]);
    let granted = [SubscribeReasonCode::Success(QoS::AtLeastOnce); 3];
    assert_eq!(answer.return_codes, granted);
    device
}

/// Topic and JSON of the message that comes next.
fn heard(device: &mut Device) -> (String, Value) {
    match device.next() {
        Some(Packet::Publish(publish)) => {
            let body = serde_json::from_slice(&publish.payload).unwrap_or_default();
            (publish.topic, body)
        }
        other => panic!("no message: {other:?}"),
    }
}

fn say(device: &mut Device, topic: &str, body: &str) {
    let publish = Publish::new(topic, QoS::AtMostOnce, body);
    device.send(&[Packet::Publish(publish)]);
}

#[test]
fn a_device_and_its_service_share_the_twin() {
    let hub = Emulator::start(&[]);
    let mut device = listening(&hub);
    say(&mut device, "$iothub/twin/GET/?$rid=1", "");
    let (topic, twin) = heard(&mut device);
    assert_eq!(topic, "$iothub/twin/res/200/?$rid=1");
    let empty = json!({ "desired": { "$version": 1 }, "reported": { "$version": 1 } });
    assert_eq!(twin, empty);

    let report = "$iothub/twin/PATCH/properties/reported/?$rid=2";
    say(&mut device, report, r#"{"firmware":"1.2"}"#);
    let (topic, _) = heard(&mut device);
    assert_eq!(topic, "$iothub/twin/res/204/?$rid=2&$version=2");
    say(&mut device, report, "no JSON");
    let (topic, error) = heard(&mut device);
    assert_eq!(topic, "$iothub/twin/res/400/?$rid=2");
    assert_eq!(error["errorCode"].as_u64().unwrap() / 1000, 400, "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("properties.reported"), "{message}");
    // Whatever a request is known by comes back as it was.
    for request in ["12:30", "%2f%", "{1}/a b"] {
        say(
            &mut device,
            &format!("$iothub/twin/GET/?$rid={request}"),
            "",
        );
        let expected = format!("$iothub/twin/res/200/?$rid={request}");
        assert_eq!(heard(&mut device).0, expected);
    }
    let twin = ask(&hub, Method::GET, "/twins/device1", &Value::Null);
    assert_eq!(twin["properties"]["reported"]["firmware"], "1.2");

    let change = json!({ "properties": { "desired": { "interval": 5 } } });
    ask(&hub, Method::PATCH, "/twins/device1", &change);
    let (topic, patch) = heard(&mut device);
    assert_eq!(topic, "$iothub/twin/PATCH/properties/desired/?$version=2");
    assert_eq!(patch, json!({ "interval": 5, "$version": 2 }));
}

#[test]
fn a_device_answers_the_call_of_its_method() {
    let hub = Emulator::start(&[]);
    let mut device = listening(&hub);
    let call = json!({
        "methodName": "reboot", "responseTimeoutInSeconds": 30, "payload": { "in": 5 }
    });
    let board = std::thread::spawn(move || {
        let (topic, payload) = heard(&mut device);
        let request = topic
            .strip_prefix("$iothub/methods/POST/reboot/?$rid=")
            .unwrap_or_else(|| panic!("{topic}"));
        assert_eq!(payload, json!({ "in": 5 }));
        let answer = format!("$iothub/methods/res/202/?$rid={request}");
        say(&mut device, &answer, r#"{"done":true}"#);
        device
    });
    let answered = ask(&hub, Method::POST, "/twins/device1/methods", &call);
    let expected = json!({ "status": 202, "payload": { "done": true } });
    assert_eq!(answered, expected);
    board.join().unwrap();
}

#[test]
fn a_twin_is_refused_late_or_never_heard_of_again() {
    let hub = Emulator::start(&["--admin-port", "0"]);
    let admin = Admin::of(&hub);
    let order = |spec: &'static str| {
        admin.order(Method::DELETE, "/faults", "");
        admin.fault(spec)
    };
    let report = "$iothub/twin/PATCH/properties/reported/?$rid=r";
    let reported = || {
        let twin = ask(&hub, Method::GET, "/twins/device1", &Value::Null);
        twin["properties"]["reported"]["n"].clone()
    };
    let mut device = listening(&hub);
    order("throttle,at=twin,device=device1,count=1");
    for (status, code) in [(429, json!(429_001)), (200, Value::Null)] {
        say(&mut device, "$iothub/twin/GET/?$rid=1", "");
        let (topic, body) = heard(&mut device);
        assert_eq!(topic, format!("$iothub/twin/res/{status}/?$rid=1"));
        assert_eq!(body["errorCode"], code, "{body}");
    }
    order("unavailable,at=twin,device=device2");
    admin.fault("unavailable,at=twin,on=mqtt,after=1");
    for (number, status) in [(1, "204/?$rid=r&$version=2"), (2, "503/?$rid=r")] {
        say(&mut device, report, &json!({ "n": number }).to_string());
        let expected = format!("$iothub/twin/res/{status}");
        assert_eq!(heard(&mut device).0, expected);
    }
    assert_eq!(reported(), 1);
    order("delay:1s,at=twin,count=1");
    let began = Instant::now();
    say(&mut device, report, r#"{"n":3}"#);
    assert_eq!(
        heard(&mut device).0,
        "$iothub/twin/res/204/?$rid=r&$version=3"
    );
    assert!(began.elapsed() >= Duration::from_secs(1));
    order("drop,at=twin");
    say(&mut device, report, r#"{"n":4}"#);
    assert!(device.next().is_none());
    assert_eq!(reported(), 4);
}

#[test]
fn a_connection_breaks_as_its_device_is_called() {
    let hub = Emulator::start(&["--fault", "drop,at=call,device=device1,count=1"]);
    let mut device = listening(&hub);
    let call = json!({ "methodName": "reboot", "responseTimeoutInSeconds": 5 });
    let path = "/twins/device1/methods";
    let owner = Owner::of(&hub);
    let asked = owner.ask(Method::POST, path, None, &call);
    let (status, _, error) = current_thread().block_on(asked);
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{error}");
    assert!(error.to_string().contains("504101"), "{error}");
    assert!(device.next().is_none());
    // It comes back, and is called once more.
    let mut device = listening(&hub);
    let board = std::thread::spawn(move || heard(&mut device).0);
    let asked = owner.ask(Method::POST, path, None, &call);
    current_thread().block_on(asked);
    let topic = board.join().unwrap();
    assert!(topic.starts_with("$iothub/methods/POST/reboot/"), "{topic}");
}
