//! Devices that speak MQTT with the emulator, and what becomes of what they send.

mod client;
mod ends;
mod twin;

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{ConnectReturnCode, Packet, SubscribeReasonCode};
use serde_json::Value;

use crate::support::Emulator;
use crate::support::mqtt::{Device, connect, credentials, event};

/// The first `count` events of the hub, oldest first.
fn events(hub: &Emulator, count: usize) -> Vec<Value> {
    let count = count.to_string();
    let arguments = ["monitor-events", "--from", "earliest", "-f", "ndjson"];
    let read = hub.owner(&arguments).args(&["--count", &count]);
    let lines = read.run().success();
    let parse = |line| serde_json::from_str(line).unwrap();
    lines.lines().map(parse).collect()
}

#[test]
fn what_is_published_arrives_with_its_properties() {
    let hub = Emulator::start(&[]);
    let mut device = Device::connect(&hub, connect(&hub));
    let properties = "%24.mid=m1&%24.cid=c1&%24.uid=u1&%24.ct=application%2Fjson&%24.ce=utf-8\
        &level=high%20alarm&empty=&flag&a%26b=%3D";
    device.publish(event(
        QoS::AtLeastOnce,
        7,
        properties,
        r#"{"temperature":24.5}"#,
    ));
    // Of this one nothing is heard but the answer to what comes after it.
    let quiet = event(QoS::AtMostOnce, 0, "", [0, 255]);
    let mut retained = event(QoS::AtMostOnce, 0, "a=b", "kept");
    retained.retain = true;
    device.send(&[
        Packet::Publish(quiet),
        Packet::Publish(retained),
        Packet::PingReq,
    ]);
    assert_eq!(device.next(), Some(Packet::PingResp));

    let events = events(&hub, 3);
    let first = &events[0];
    assert_eq!(first["deviceId"], "device1");
    assert_eq!(first["source"], "Telemetry");
    assert_eq!(first["body"]["temperature"], 24.5);
    assert_eq!(first["messageId"], "m1");
    assert_eq!(first["correlationId"], "c1");
    assert_eq!(first["contentType"], "application/json");
    let expected = serde_json::json!({
        "level": "high alarm", "empty": "", "flag": "", "a&b": "="
    });
    assert_eq!(first["properties"], expected);
    assert_eq!(events[1]["bodyBase64"], "AP8=");
    assert_eq!(events[2]["body"], "kept");
    let expected = serde_json::json!({ "a": "b", "mqtt-retain": "true" });
    assert_eq!(events[2]["properties"], expected);
}

#[test]
fn a_thousand_at_once_are_acknowledged_in_order_and_stored_in_order() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let mut device = Device::connect(&hub, connect(&hub));
    let ids = (1..=1000_u16).rev();
    let publishes: Vec<_> = ids
        .clone()
        .map(|id| Packet::Publish(event(QoS::AtLeastOnce, id, "n", id.to_string())))
        .collect();
    device.send(&publishes);
    for id in ids.clone() {
        match device.next() {
            Some(Packet::PubAck(ack)) => assert_eq!(ack.pkid, id),
            other => panic!("no PUBACK: {other:?}"),
        }
    }
    let bodies = events(&hub, 1000).into_iter().map(|event| {
        let body = event["body"].clone();
        body.as_str().map_or(body.to_string(), str::to_owned)
    });
    let expected: Vec<_> = ids.map(|id| id.to_string()).collect();
    assert_eq!(bodies.collect::<Vec<_>>(), expected);
}

#[test]
fn modules_publish_under_their_own_names() {
    let hub = Emulator::start(&[]);
    let identity = serde_json::json!({ "deviceId": "device1", "moduleId": "m1" });
    let path = "/devices/device1/modules/m1";
    crate::support::rest::put_identity(&hub, path, &identity);
    // A device's key opens its modules; the names have to be the module's.
    let mut connect = connect(&hub);
    connect.client_id = "device1/m1".to_owned();
    let login = connect.login.as_mut().unwrap();
    login.username = login.username.replace("/device1/", "/device1/m1/");
    let token = hub
        .owner(&["sas-token", "device1", "-m", "m1"])
        .run()
        .success();
    token.trim().clone_into(&mut login.password);
    let mut module = Device::connect(&hub, connect);
    let mut publish = event(QoS::AtLeastOnce, 1, "", "hello");
    publish.topic = "devices/device1/modules/m1/messages/events/".to_owned();
    module.publish(publish);
    let events = events(&hub, 1);
    assert_eq!(events[0]["moduleId"], "m1");
    assert_eq!(events[0]["deviceId"], "device1");
}

#[test]
fn over_websocket_it_is_the_same() {
    let hub = Emulator::start(&[]);
    let mut device = Device::dial_websocket(&hub);
    let welcome = device.greet(connect(&hub));
    assert_eq!(welcome.code, ConnectReturnCode::Success);
    let body = "x".repeat(200_000);
    device.publish(event(QoS::AtLeastOnce, 1, "by=websocket", body.as_str()));
    let events = events(&hub, 1);
    assert_eq!(events[0]["body"], body);
    assert_eq!(events[0]["properties"]["by"], "websocket");
}

#[test]
fn subscriptions_are_granted_and_remembered_of_who_comes_back() {
    let hub = Emulator::start(&[]);
    let mut first = connect(&hub);
    first.clean_session = false;
    let mut device = Device::dial(&hub);
    assert!(!device.greet(first.clone()).session_present);
    let lines = credentials(&hub, &[]);
    let filters = ["MESSAGES", "METHODS", "TWIN", "DESIRED"].map(|name| {
        let name = format!("TOPIC_{name}");
        lines[&name].as_str()
    });
    let granted = device.subscribe(&filters).return_codes;
    assert_eq!(granted, [SubscribeReasonCode::Success(QoS::AtLeastOnce); 4]);
    let refused = device.subscribe(&["devices/device2/messages/devicebound/#", "#"]);
    assert_eq!(refused.return_codes, [SubscribeReasonCode::Failure; 2]);
    device.send(&[Packet::Disconnect]);
    assert_eq!(device.next(), None);

    let mut again = Device::dial(&hub);
    assert!(again.greet(first).session_present);
    let mut anew = Device::dial(&hub);
    assert!(!anew.greet(connect(&hub)).session_present);
}
