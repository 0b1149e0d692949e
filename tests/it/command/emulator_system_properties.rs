//! What devices say of their messages beside the user's properties, over each protocol, and where readers find it.

use fe2o3_amqp::types::messaging::{MessageAnnotations, Outcome};
use fe2o3_amqp::types::primitives::Timestamp;
use reqwest::Method;
use rumqttc::mqttbytes::QoS;
use serde_json::{Value, json};

use crate::support::Emulator;
use crate::support::amqp::{ARGUMENTS, EVENTS, Peer, message, send};
use crate::support::mqtt::{Device, connect_with, credentials, event};
use crate::support::rest::Owner;
use crate::support::runtime::{current_thread, multi_thread};

/// Those of the system's properties that are named, and the user's own.
fn told(event: &Value, names: &[&str]) -> (Value, Value) {
    let system = event["systemProperties"].as_object().unwrap();
    let found = names.iter().filter_map(|name| {
        let value = system.get(*name)?;
        Some(((*name).to_owned(), value.clone()))
    });
    (found.collect(), event["properties"].clone())
}

const PLUG_AND_PLAY: [&str; 3] = ["dt-subject", "iothub-interface-id", "dt-dataschema"];

#[test]
fn plug_and_play_over_mqtt_is_told_in_annotations() {
    let hub = Emulator::start(&[]);
    let mut login = credentials(&hub, &[]);
    let user = login.get_mut("USERNAME").unwrap();
    user.push_str("&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1");
    let mut connect = connect_with(&login);
    connect.last_will = Some(rumqttc::mqttbytes::v4::LastWill::new(
        "devices/device1/messages/events/",
        "gone",
        QoS::AtMostOnce,
        false,
    ));
    let mut device = Device::connect(&hub, connect);
    let bag = "%24.sub=thermostat1&%24.ifid=urn%3Aa&level=high";
    device.publish(event(QoS::AtLeastOnce, 1, bag, "{}"));
    device.publish(event(QoS::AtLeastOnce, 2, "", "{}"));
    drop(device);
    // The next connection of the device names no model.
    let mut device = Device::connect(&hub, connect_with(&credentials(&hub, &[])));
    device.publish(event(QoS::AtLeastOnce, 1, "dt-subject=own", "next"));

    let model = "dtmi:com:example:Thermostat;1";
    let events = hub.events(&[]);
    assert_eq!(events.len(), 4);
    let told = |index: usize| told(&events[index], &PLUG_AND_PLAY);
    // Which of them is first is not settled.
    let (will, next) = if events[2]["body"] == "gone" {
        (2, 3)
    } else {
        (3, 2)
    };
    let all = json!({ "dt-subject": "thermostat1", "iothub-interface-id": "urn:a",
        "dt-dataschema": model });
    assert_eq!(told(0), (all, json!({ "level": "high" })));
    let alone = json!({ "dt-dataschema": model });
    assert_eq!(told(1), (alone.clone(), json!({})));
    assert_eq!(told(will), (alone, json!({ "iothub-MessageType": "Will" })));
    assert_eq!(told(next), (json!({}), json!({ "dt-subject": "own" })));
}

#[test]
fn plug_and_play_over_amqp_is_told_in_annotations() {
    let hub = Emulator::start(&ARGUMENTS);
    multi_thread(2).block_on(async {
        let mut peer = Peer::device(&hub).await;
        let model = ("com.microsoft:model-id", "dtmi:com:example:Thermostat;1");
        let mut sender = peer.sender_with(EVENTS, model).await;
        let mut full = message(None, b"{}");
        let mut annotations = MessageAnnotations::builder();
        for (name, value) in [
            ("dt-subject", "thermostat1"),
            ("iothub-interface-id", "urn:a"),
        ] {
            annotations = annotations.insert(name, value);
        }
        full.message_annotations = Some(annotations.build());
        let sent = send(&mut sender, full).await;
        assert!(matches!(sent, Outcome::Accepted(_)), "{sent:?}");
        peer.leave().await;
    });
    let events = hub.events(&[]);
    let all = json!({ "dt-subject": "thermostat1", "iothub-interface-id": "urn:a",
        "dt-dataschema": "dtmi:com:example:Thermostat;1" });
    let own = json!({ "level": "high" });
    assert_eq!(told(&events[0], &PLUG_AND_PLAY), (all, own));
}

/// Where `device1` posts.
const POST: &str = "/devices/device1/messages/events";

/// What is sent as headers or under the same names in a batch, and where readers find it.
const HEADERS: [(&str, &str); 6] = [
    ("dt-subject", "thermostat1"),
    ("iothub-interface-id", "urn:a"),
    ("iothub-messageschema", "s1"),
    ("iothub-creationtimeutc", "2026-01-31T08:00:00.0000000Z"),
    ("iothub-operation", "o1"),
    ("iothub-app-level", "high"),
];

#[test]
fn headers_of_the_system_are_told_of_single_messages_and_of_batches() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let owner = Owner::of(&hub);
    let batch = HEADERS.map(|(name, value)| (name.to_owned(), value.into()));
    let shouted = HEADERS.map(|(name, value)| (name.to_uppercase(), value.into()));
    let batch = [batch, shouted].map(|named| {
        let properties: serde_json::Map<String, Value> = named.into_iter().collect();
        json!({ "body": "e30=", "properties": properties })
    });
    current_thread().block_on(async {
        let mut single = owner.request(Method::POST, POST).body("{}");
        for (name, value) in HEADERS {
            single = single.header(name, value);
        }
        assert_eq!(single.send().await.unwrap().status(), 204);
        let batch = owner
            .request(Method::POST, POST)
            .header("content-type", "application/vnd.microsoft.iothub.json")
            .body(json!(batch).to_string());
        assert_eq!(batch.send().await.unwrap().status(), 204);
    });
    let events = hub.events(&[]);
    assert_eq!(events.len(), 3);
    for (event, name) in events.iter().zip(["level", "level", "LEVEL"]) {
        let annotations = json!({ "dt-subject": "thermostat1", "iothub-interface-id": "urn:a" });
        let properties = json!({
            name: "high",
            "iothub-message-schema": "s1",
            "iothub-creation-time-utc": "2026-01-31T08:00:00.0000000Z",
            "iothub-operation": "o1",
        });
        assert_eq!(told(event, &PLUG_AND_PLAY), (annotations, properties));
    }
}

const ADDRESSED: [&str; 2] = ["to", "absolute-expiry-time"];

#[test]
fn where_messages_go_and_when_they_end_is_told_over_each_protocol() {
    let hub = Emulator::start(&[&ARGUMENTS[..], &["--partitions", "1"]].concat());
    // As Node's and Python's clients write them.
    let mut device = Device::connect(&hub, connect_with(&credentials(&hub, &[])));
    let bag = "%24.to=%2Fa&%24.exp=2026-01-31T08%3A00%3A00.000Z";
    device.publish(event(QoS::AtLeastOnce, 1, bag, "{}"));
    let bag = "%24.to=%2Fa&%24.exp=2026-01-31T08%3A00%3A00";
    device.publish(event(QoS::AtLeastOnce, 2, bag, "{}"));
    device.publish(event(QoS::AtLeastOnce, 3, "%24.exp=soon", "{}"));
    drop(device);
    let owner = Owner::of(&hub);
    multi_thread(2).block_on(async {
        let mut peer = Peer::device(&hub).await;
        let mut sender = peer.sender(EVENTS).await;
        let mut full = message(Some("/a"), b"{}");
        let properties = full.properties.as_mut().unwrap();
        properties.absolute_expiry_time = Some(Timestamp::from_milliseconds(1_769_846_400_000));
        let sent = send(&mut sender, full).await;
        assert!(matches!(sent, Outcome::Accepted(_)), "{sent:?}");
        peer.leave().await;
        for expiry in ["2026-01-31T08:00:00.0000000Z", "soon"] {
            let single = owner.request(Method::POST, POST).body("{}");
            let single = single
                .header("iothub-to", "/a")
                .header("iothub-expiry", expiry);
            assert_eq!(single.send().await.unwrap().status(), 204);
        }
        let properties = json!({ "iothub-to": "/a", "IoTHub-Expiry": "2026-01-31T08:00:00Z" });
        let batch = json!([{ "body": "e30=", "properties": properties }]);
        let batch = owner
            .request(Method::POST, POST)
            .header("content-type", "application/vnd.microsoft.iothub.json")
            .body(batch.to_string());
        assert_eq!(batch.send().await.unwrap().status(), 204);
    });
    let both = json!({ "to": "/a", "absolute-expiry-time": "2026-01-31T08:00:00.000Z" });
    let found: Vec<_> = hub.events(&[]);
    let found: Vec<_> = found
        .iter()
        .map(|event| told(event, &ADDRESSED).0)
        .collect();
    let expected = [
        both.clone(),
        both.clone(),
        json!({}),
        both.clone(),
        both.clone(),
        json!({ "to": "/a" }),
        both,
    ];
    assert_eq!(found, expected);
}

#[test]
fn batches_are_read_as_leniently_as_at_the_service() {
    let hub = Emulator::start(&["--partitions", "1"]);
    let owner = Owner::of(&hub);
    let post = |body: &'static str| {
        let batch = owner
            .request(Method::POST, POST)
            .header("content-type", "application/vnd.microsoft.iothub.json")
            .body(body);
        current_thread().block_on(async {
            let answer = batch.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    };
    for taken in [
        r#"[{"body":"e30=","properties":null}]"#,
        r#"[{"body":"{}","base64Encoded":"false"}]"#,
        r#"[{"body":"e30=","properties":{"iothub-app-n":1.50,"iothub-app-b":true}},]"#,
        "[{\"body\":\"e30=\",\"properties\":{\"iothub-app-text\":\"two\n\tlines\",}}]",
    ] {
        assert_eq!(post(taken), (204, String::new()), "{taken}");
    }
    for (refused, place) in [
        (r#"[{"body":"\d"}]"#, "line 1 column 12"),
        (
            "[{\"body\":\"a\nb\",\"properties\":{\"iothub-app-a\":\"x\"y\"}}]",
            "line 2 column 36",
        ),
    ] {
        let (status, told) = post(refused);
        assert_eq!(status, 400, "{refused}");
        assert!(told.contains(place), "{told}");
    }
    let events = hub.events(&[]);
    let properties: Vec<_> = events.iter().map(|event| &event["properties"]).collect();
    let expected = [
        json!({}),
        json!({}),
        json!({ "n": "1.50", "b": "true" }),
        json!({ "text": "two\n\tlines" }),
    ];
    assert_eq!(properties, expected.each_ref());
    assert!(
        events
            .iter()
            .all(|event| event["body"].to_string().contains("{}"))
    );
}
