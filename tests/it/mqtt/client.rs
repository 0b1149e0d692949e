//! A whole client of another's making: rumqttc, over TLS.

use std::collections::BTreeMap;

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::ConnectReturnCode;
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet};
use tokio::io::copy_bidirectional;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::events;
use crate::support::Emulator;
use crate::support::mqtt::{EVENTS, credentials, false_credentials, tls};
use crate::support::runner::LIMIT;

/// A port of this machine that leads to the hub through TLS; the client's own TLS is another's.
async fn tunnel(hub: &Emulator) -> (u16, impl Future<Output = ()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let carry = async move {
        let (mut inner, _) = listener.accept().await.unwrap();
        let mut outer = tls(hub, "mqtts").await;
        // How either side goes is seen by the client.
        let _ = copy_bidirectional(&mut inner, &mut outer).await;
    };
    (port, carry)
}

async fn incoming(events: &mut EventLoop) -> Packet {
    loop {
        if let Event::Incoming(packet) = timeout(LIMIT, events.poll()).await.unwrap().unwrap() {
            return packet;
        }
    }
}

fn options(lines: &BTreeMap<String, String>, port: u16) -> MqttOptions {
    let mut options = MqttOptions::new(&lines["CLIENT_ID"], "127.0.0.1", port);
    options.set_credentials(&lines["USERNAME"], &lines["PASSWORD"]);
    options
}

#[tokio::test]
async fn rumqttc_connects_publishes_subscribes_and_leaves() {
    let hub = Emulator::start(&[]);
    let (port, carry) = tunnel(&hub).await;
    let talk = async {
        let (client, mut loop_) = AsyncClient::new(options(&credentials(&hub, &[]), port), 10);
        let welcome = incoming(&mut loop_).await;
        assert!(matches!(welcome, Packet::ConnAck(ack) if ack.code == ConnectReturnCode::Success));
        let topic = format!("{EVENTS}by=rumqttc");
        client
            .publish(topic, QoS::AtLeastOnce, false, "hello")
            .await
            .unwrap();
        assert!(matches!(incoming(&mut loop_).await, Packet::PubAck(_)));
        client
            .subscribe("$iothub/twin/res/#", QoS::AtLeastOnce)
            .await
            .unwrap();
        assert!(matches!(incoming(&mut loop_).await, Packet::SubAck(_)));
        client.unsubscribe("$iothub/twin/res/#").await.unwrap();
        assert!(matches!(incoming(&mut loop_).await, Packet::UnsubAck(_)));
        client.disconnect().await.unwrap();
        while timeout(LIMIT, loop_.poll()).await.unwrap().is_ok() {}
    };
    tokio::join!(talk, carry);
    let events = tokio::task::spawn_blocking(move || events(&hub, 1))
        .await
        .unwrap();
    assert_eq!(events[0]["body"], "hello");
    assert_eq!(events[0]["properties"]["by"], "rumqttc");
}

#[tokio::test]
async fn rumqttc_is_told_why_it_is_not_let_in() {
    let hub = Emulator::start(&[]);
    let (port, carry) = tunnel(&hub).await;
    let talk = async {
        let (_client, mut loop_) = AsyncClient::new(options(&false_credentials(&hub), port), 10);
        let error = timeout(LIMIT, loop_.poll()).await.unwrap().unwrap_err();
        assert!(
            matches!(
                error,
                ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized)
            ),
            "{error:?}"
        );
    };
    tokio::join!(talk, carry);
}
