//! Devices that speak AMQP to the emulator: what they send is read, what they are sent they settle.

use fe2o3_amqp::types::messaging::{Body, Outcome};
use fe2o3_amqp::types::primitives::Value as AmqpValue;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::Emulator;
use crate::support::amqp::{ARGUMENTS, BOUND, EVENTS, PATIENCE, Peer, message, send};
use crate::support::rest::{Owner, put_identity};
use crate::support::runtime::multi_thread;

/// The device in the registry.
const DEVICE: &str = "/devices/device1";

#[test]
fn what_a_device_sends_is_read_and_it_is_connected_meanwhile() {
    let hub = Emulator::start(&ARGUMENTS);
    let owner = Owner::of(&hub);
    multi_thread(2).block_on(async {
        let mut peer = Peer::device(&hub).await;
        let mut sender = peer.sender(EVENTS).await;
        let sent = send(&mut sender, message(None, b"twenty")).await;
        assert!(matches!(sent, Outcome::Accepted(_)), "{sent:?}");
        // The library holds itself to what the link says.
        let large = sender.send(message(None, &vec![b'x'; 300_000])).await;
        let error = format!("{:?}", large.unwrap_err());
        assert!(error.contains("max_size: 262144"), "{error}");
        assert_eq!(owner.read(DEVICE).await["connectionState"], "Connected");
        peer.leave().await;
        // The hub has closed the session before it answered the close, or does so right after.
        let is_gone = |device: &Value| device["connectionState"] == "Disconnected";
        owner.read_until(DEVICE, is_gone).await;
    });
    let events = hub.events(&[]);
    assert_eq!(events.len(), 1, "{events:?}");
    let event = events[0].to_string();
    assert!(
        event.contains("twenty") && event.contains("device1"),
        "{event}"
    );
    assert!(event.contains("\"level\":\"high\""), "{event}");
}

#[test]
fn a_device_settles_what_it_is_sent_and_a_newer_connection_takes_its_place() {
    let hub = Emulator::start(&ARGUMENTS);
    let owner = Owner::of(&hub);
    multi_thread(2).block_on(async {
        let mut service = Peer::connect(&hub, "iothubowner@sas.root.localhost", &owner.token).await;
        let mut sender = service.sender("/messages/devicebound").await;
        for body in [&b"one"[..], b"two"] {
            let sent = send(&mut sender, message(Some(BOUND), body)).await;
            assert!(matches!(sent, Outcome::Accepted(_)), "{sent:?}");
        }
        let mut peer = Peer::device(&hub).await;
        let mut receiver = peer.receiver(BOUND).await;
        let first = timeout(PATIENCE, receiver.recv::<Body<AmqpValue>>());
        let first = first.await.unwrap().unwrap();
        assert_eq!(first.delivery_tag().len(), 16);
        receiver.accept(&first).await.unwrap();
        let second = timeout(PATIENCE, receiver.recv::<Body<AmqpValue>>());
        let second = second.await.unwrap().unwrap();
        let body = second.body().try_as_data().unwrap().next().unwrap();
        assert_eq!(body.to_vec(), b"two");

        // The same device comes once more: its older link ends, and what that held is given to the newer one.
        let mut newer = Peer::device(&hub).await;
        let mut newer_receiver = newer.receiver(BOUND).await;
        let gone = timeout(PATIENCE, receiver.recv::<Body<AmqpValue>>()).await;
        assert!(gone.unwrap().is_err());
        let again = timeout(PATIENCE, newer_receiver.recv::<Body<AmqpValue>>());
        let again = again.await.unwrap().unwrap();
        assert_eq!(again.delivery_tag().len(), 16);
        let body = again.body().try_as_data().unwrap().next().unwrap();
        assert_eq!(body.to_vec(), b"two");
        newer_receiver.accept(&again).await.unwrap();
        let is_empty = |device: &Value| device["cloudToDeviceMessageCount"] == 0;
        owner.read_until(DEVICE, is_empty).await;
    });
}

#[test]
fn a_module_takes_what_it_is_sent() {
    let hub = Emulator::start(&ARGUMENTS);
    let module = "/devices/device1/modules/m";
    put_identity(
        &hub,
        module,
        &json!({ "deviceId": "device1", "moduleId": "m" }),
    );
    let owner = Owner::of(&hub);
    multi_thread(2).block_on(async {
        let mut peer = Peer::connect(&hub, "iothubowner@sas.root.localhost", &owner.token).await;
        let mut sender = peer.sender("/messages/devicebound").await;
        let bound = format!("{module}/messages/devicebound");
        let sent = send(&mut sender, message(Some(&bound), b"for m")).await;
        assert!(matches!(sent, Outcome::Accepted(_)), "{sent:?}");
        // Whoever may connect devices may speak for any of them.
        let mut receiver = peer.receiver(&bound).await;
        let given = timeout(PATIENCE, receiver.recv::<Body<AmqpValue>>());
        let given = given.await.unwrap().unwrap();
        let body = given.body().try_as_data().unwrap().next().unwrap();
        assert_eq!(body.to_vec(), b"for m");
        receiver.accept(&given).await.unwrap();
    });
}
