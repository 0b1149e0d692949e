//! What an emulator tells of beside telemetry, where a route asks for it.

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish};
use serde_json::{Value, json};

use crate::support::Emulator;
use crate::support::mqtt::{Device, connect};
use crate::support::rest::put_identity;

/// All events of a kind, in the order of each partition.
fn events(hub: &Emulator, source: &str) -> Vec<Value> {
    hub.events(&["--source", source])
}

fn operations(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["properties"]["opType"].as_str().unwrap())
        .collect()
}

/// A device connects, reports, and goes; another is made.
fn live_a_little(hub: &Emulator) {
    put_identity(hub, "/devices/device2", &json!({ "deviceId": "device2" }));
    let mut device = Device::connect(hub, connect(hub));
    device.subscribe(&["$iothub/twin/res/#"]);
    let report = "$iothub/twin/PATCH/properties/reported/?$rid=1";
    let report = Publish::new(report, QoS::AtMostOnce, r#"{"battery":3.7}"#);
    device.send(&[Packet::Publish(report)]);
    assert!(matches!(device.next(), Some(Packet::Publish(_))));
    device.send(&[Packet::Disconnect]);
    // The hub hangs up once it knows that the device is gone.
    assert_eq!(device.next(), None);
}

#[test]
fn what_happens_to_devices_is_told_where_a_route_asks_for_it() {
    let hub = Emulator::start(&[
        "--route",
        "twin",
        "--route",
        "lifecycle",
        "--route",
        "connection",
    ]);
    live_a_little(&hub);

    let mut made = events(&hub, "lifecycle");
    // The one that is there from the start as well.
    assert_eq!(operations(&made), ["createDeviceIdentity"; 2]);
    made.retain(|event| event["deviceId"] == "device2");
    assert_eq!(made[0]["source"], "deviceLifecycleEvents");
    assert_eq!(made[0]["properties"]["hubName"], "localhost");
    assert_eq!(
        made[0]["properties"]["iothub-message-schema"],
        "deviceLifecycleNotification"
    );
    assert_eq!(made[0]["contentType"], "application/json");
    assert_eq!(made[0]["body"]["deviceId"], "device2");

    let changed = events(&hub, "twin");
    assert_eq!(operations(&changed), ["updateTwin"]);
    assert_eq!(
        changed[0]["body"]["properties"]["reported"],
        json!({ "battery": 3.7, "$version": 2 })
    );

    let came = events(&hub, "connection");
    assert_eq!(operations(&came), ["deviceConnected", "deviceDisconnected"]);
    let numbers: Vec<&str> = came
        .iter()
        .map(|event| event["body"]["sequenceNumber"].as_str().unwrap())
        .collect();
    assert!(numbers[0] < numbers[1], "{numbers:?}");

    // Telemetry has no route of its own, and comes as ever.
    hub.owner(&["send", "device1", "x"]).run().success();
    assert_eq!(events(&hub, "telemetry").len(), 1);
}

#[test]
fn without_a_route_nothing_but_telemetry_is_told() {
    let hub = Emulator::start(&["--route", "twin=store"]);
    live_a_little(&hub);
    for source in ["twin", "lifecycle", "connection"] {
        assert_eq!(events(&hub, source), [Value::Null; 0], "{source}");
    }
}
