//! Faults of single links of AMQP, and of messages on their way to devices.

use std::time::{Duration, Instant};

use fe2o3_amqp::types::messaging::{Body, Data, Message, MessageAnnotations, Outcome};
use fe2o3_amqp::types::primitives::Value as AmqpValue;
use reqwest::Method;
use rumqttc::mqttbytes::v4::Packet;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::Emulator;
use crate::support::admin::Admin;
use crate::support::amqp::{ARGUMENTS, BOUND, EVENTS, PATIENCE, Peer, message, send};
use crate::support::mqtt::{Device, connect};
use crate::support::rest::Owner;
use crate::support::runtime::multi_thread;

fn start(arguments: &[&str]) -> Emulator {
    Emulator::start(&[&ARGUMENTS[..], &["--admin-port", "0"], arguments].concat())
}

fn post(hub: &Emulator, body: &str) {
    hub.owner(&["send", "device1", body]).run().success();
}

#[test]
fn a_reader_whose_link_is_detached_comes_back_and_misses_nothing() {
    let hub = start(&[]);
    let admin = Admin::of(&hub);
    let mut reader = hub.owner(&["monitor-events", "-f", "ndjson"]).start();
    reader.wait_for_talk("Monitoring");
    post(&hub, "first");
    reader.wait_for("first");
    let none = admin.order(Method::POST, "/links/detach?kind=events", "");
    assert_eq!(none, json!({ "detached": 0 }));
    let path = "/links/detach?kind=reader&condition=com.microsoft:server-busy";
    let detached = admin.order(Method::POST, path, "");
    assert_eq!(detached, json!({ "detached": 4 }));
    reader.wait_for_talk("com.microsoft:server-busy");
    post(&hub, "second");
    reader.wait_for("second");
    let one = admin.order(Method::POST, "/links/detach?partition=0", "");
    assert_eq!(one, json!({ "detached": 1 }));
    reader.wait_for_talk("amqp:link:detach-forced");
    post(&hub, "third");
    reader.wait_for("third");
    assert_eq!(reader.interrupt().code, 0);
}

#[test]
fn a_link_that_breaks_at_every_third_event_gives_each_once() {
    for fault in [
        "detach:amqp:internal-error,at=read,every=3",
        "drop,at=read,every=4",
    ] {
        let hub = start(&[]);
        for number in 0..10 {
            post(&hub, &format!("n{number}"));
        }
        let admin = Admin::of(&hub);
        admin.fault(fault);
        let events = hub.events(&[]);
        let bodies: Vec<&str> = events
            .iter()
            .map(|event| event["body"].as_str().unwrap())
            .collect();
        assert_eq!(
            bodies,
            ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"]
        );
        let strikes = admin.strikes()[0].1;
        assert!(strikes >= 3, "{fault}: {strikes}");
    }
}

#[test]
fn a_device_is_refused_detached_and_cut_off_as_it_sends() {
    let hub = start(&[]);
    let admin = Admin::of(&hub);
    multi_thread(2).block_on(async {
        let order = |spec: &'static str| {
            admin.order(Method::DELETE, "/faults", "");
            admin.fault(spec)
        };
        let mut peer = Peer::device(&hub).await;
        let mut sender = peer.sender(EVENTS).await;
        order("throttle,device=device1,count=1");
        for (body, is_taken) in [(&b"0"[..], false), (b"1", true)] {
            let sent = send(&mut sender, message(None, body)).await;
            assert_eq!(matches!(sent, Outcome::Accepted(_)), is_taken, "{sent:?}");
            if let Outcome::Rejected(refused) = sent {
                let error = format!("{:?}", refused.error);
                assert!(
                    error.contains("device-container-throttled") && error.contains("429001"),
                    "{error}"
                );
            }
        }
        order("delay:1s,device=device1,count=1");
        let began = Instant::now();
        send(&mut sender, message(None, b"2")).await;
        assert!(began.elapsed() >= Duration::from_secs(1));
        order("detach:amqp:resource-limit-exceeded,after=1");
        send(&mut sender, message(None, b"3")).await;
        let _unanswered = sender.send_batchable(message(None, b"4")).await.unwrap();
        let error = timeout(PATIENCE, sender.on_detach()).await.unwrap();
        let error = format!("{error:?}");
        assert!(error.contains("ResourceLimitExceeded"), "{error}");
        // The connection is there still, for another link.
        let mut sender = peer.sender("/devices/device1/messages/events/").await;
        order("drop,device=device1");
        let _unanswered = sender.send_batchable(message(None, b"5")).await.unwrap();
        peer.wait_for_the_cut().await;
    });
    let events = hub.events(&[]);
    let bodies: Vec<&Value> = events.iter().map(|event| &event["body"]).collect();
    assert_eq!(bodies, [1, 2, 3, 5]);
}

/// A request for the whole twin.
fn twin_request() -> Message<Data> {
    let annotations = MessageAnnotations::builder().insert("operation", "GET");
    Message::builder()
        .message_annotations(annotations.build())
        .data(Data::from(b" ".to_vec()))
        .build()
}

#[test]
fn a_twin_over_amqp_is_refused_late_or_never_heard_of_again() {
    const TWIN: &str = "/devices/device1/twin";
    let hub = start(&[]);
    let admin = Admin::of(&hub);
    multi_thread(2).block_on(async {
        let mut peer = Peer::device(&hub).await;
        let mut receiver = peer.receiver(TWIN).await;
        let mut sender = peer.sender(TWIN).await;
        for (spec, status) in [
            ("throttle,at=twin,device=device1", 429),
            ("unavailable,at=twin,on=amqp", 503),
            ("delay:1s,at=twin", 200),
        ] {
            admin.order(Method::DELETE, "/faults", "");
            admin.fault(spec);
            let began = Instant::now();
            send(&mut sender, twin_request()).await;
            let told = timeout(PATIENCE, receiver.recv::<Body<AmqpValue>>());
            let told = told.await.unwrap().unwrap();
            let annotations = told.message().message_annotations.as_ref().unwrap();
            let expected = format!("Int({status})");
            let told = format!("{annotations:?}");
            assert!(told.contains(&expected), "{spec}: {told}");
            let is_late = began.elapsed() >= Duration::from_secs(1);
            assert_eq!(is_late, spec.starts_with("delay"));
        }
        admin.order(Method::DELETE, "/faults", "");
        admin.fault("drop,at=twin");
        let _unanswered = sender.send_batchable(twin_request()).await.unwrap();
        peer.wait_for_the_cut().await;
    });
}

#[test]
fn a_connection_of_amqp_breaks_as_its_device_is_called() {
    let hub = start(&["--fault", "drop,at=call"]);
    multi_thread(2).block_on(async {
        let mut peer = Peer::device(&hub).await;
        let address = "/devices/device1/methods/devicebound";
        let _receiver = peer.receiver(address).await;
        let call = json!({ "methodName": "reboot", "responseTimeoutInSeconds": 5 });
        let owner = Owner::of(&hub);
        let asked = owner.ask(Method::POST, "/twins/device1/methods", None, &call);
        let (_, _, error) = asked.await;
        assert!(error.to_string().contains("504101"), "{error}");
        peer.wait_for_the_cut().await;
    });
}

#[test]
fn a_message_to_a_device_is_late_or_comes_again() {
    let hub = start(&[]);
    let admin = Admin::of(&hub);
    let owner = Owner::of(&hub);
    let runtime = multi_thread(2);
    let to_device = |body: &'static [u8]| {
        runtime.block_on(async {
            let user = "iothubowner@sas.root.localhost";
            let mut service = Peer::connect(&hub, user, &owner.token).await;
            let mut sender = service.sender("/messages/devicebound").await;
            let sent = send(&mut sender, message(Some(BOUND), body)).await;
            assert!(matches!(sent, Outcome::Accepted(_)), "{sent:?}");
            service.leave().await;
        });
    };
    let given = |device: &mut Device| match device.next() {
        Some(Packet::Publish(publish)) => Some(publish.payload.to_vec()),
        None => None,
        other => panic!("{other:?}"),
    };
    let filter = ["devices/device1/messages/devicebound/#"];
    admin.fault("drop,at=receive,device=device1,count=1");
    to_device(b"one");
    // The connection breaks with the message on its way, and it comes again.
    let mut device = Device::connect(&hub, connect(&hub));
    device.subscribe(&filter);
    assert_eq!(given(&mut device), None);
    admin.fault("delay:1s,at=receive,count=1");
    let began = Instant::now();
    let mut device = Device::connect(&hub, connect(&hub));
    device.subscribe(&filter);
    assert_eq!(given(&mut device), Some(b"one".to_vec()));
    assert!(began.elapsed() >= Duration::from_secs(1));
    drop(device);
    // The same over AMQP, where the link alone is detached.
    admin.fault("detach,at=receive,device=device1,count=1");
    runtime.block_on(async {
        let mut peer = Peer::device(&hub).await;
        let mut receiver = peer.receiver(BOUND).await;
        let gone = timeout(PATIENCE, receiver.recv::<Body<AmqpValue>>()).await;
        let error = format!("{:?}", gone.unwrap().err());
        assert!(error.contains("DetachForced"), "{error}");
        let mut receiver = peer
            .receiver("/devices/device1/messages/deviceBound/")
            .await;
        let again = timeout(PATIENCE, receiver.recv::<Body<AmqpValue>>());
        let again = again.await.unwrap().unwrap();
        let body = again.body().try_as_data().unwrap().next().unwrap();
        assert_eq!(body.to_vec(), b"one");
        receiver.accept(&again).await.unwrap();
        peer.leave().await;
    });
    let struck: Vec<u64> = admin
        .strikes()
        .iter()
        .map(|(_, strikes)| *strikes)
        .collect();
    assert_eq!(struck, [1, 1, 1]);
}

#[test]
fn a_token_that_ends_now_detaches_a_devices_links() {
    let hub = start(&[]);
    let admin = Admin::of(&hub);
    multi_thread(2).block_on(async {
        let mut peer = Peer::device(&hub).await;
        let mut receiver = peer.receiver(BOUND).await;
        let path = "/tokens/expire?device=device1";
        let ended = admin.order(Method::POST, path, "");
        assert_eq!(ended, json!({ "connections": 1 }));
        let gone = timeout(PATIENCE, receiver.recv::<Body<AmqpValue>>()).await;
        let error = format!("{:?}", gone.unwrap().err());
        assert!(error.contains("UnauthorizedAccess"), "{error}");
    });
}
