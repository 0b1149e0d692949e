//! Messages to devices through the emulator: sent over AMQP, received over HTTPS, and there again after a crash.

use std::collections::BTreeSet;
use std::time::Duration;

use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::types::definitions::{AmqpError, ErrorCondition};
use fe2o3_amqp::types::messaging::{ApplicationProperties, Data, Message, Outcome, Properties};
use fe2o3_amqp::{Connection, Sender, Session};
use reqwest::{Method, Response, StatusCode};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, Packet, PubAck, Publish};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::Emulator;
use crate::support::mqtt::{Device, connect};
use crate::support::rest::Owner;
use crate::support::runtime::multi_thread;

const ARGUMENTS: [&str; 2] = ["--plain-amqp-port", "0"];
const PATIENCE: Duration = Duration::from_secs(20);
const BOUND: &str = "/devices/device1/messages/devicebound";
const FEEDBACK: &str = "/messages/serviceBound/feedback";

/// Whoever speaks with the hub: for the device and for the service, with the owner's token.
struct Bench(Owner);

impl Bench {
    fn new(hub: &Emulator) -> Self {
        Self(Owner::of(hub))
    }

    async fn ask(&self, method: Method, path: &str) -> Response {
        self.0.request(method, path).send().await.unwrap()
    }

    /// The next message's body and lock token.
    async fn receive(&self) -> Option<(String, String)> {
        let answer = self.ask(Method::GET, BOUND).await;
        if answer.status() == StatusCode::NO_CONTENT {
            return None;
        }
        assert_eq!(answer.status(), StatusCode::OK);
        let lock = lock(&answer);
        Some((answer.text().await.unwrap(), lock))
    }

    async fn complete(&self, lock: &str) -> StatusCode {
        let path = format!("{BOUND}/{lock}");
        self.ask(Method::DELETE, &path).await.status()
    }

    async fn json(&self, method: Method, path: &str) -> Value {
        let answer = self.ask(method, path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }
}

fn lock(answer: &Response) -> String {
    let etag = answer.headers()["etag"].to_str().unwrap();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    etag.trim_matches('"').to_owned()
}

/// A service's link, with SASL PLAIN.
struct Service {
    sender: Sender,
    // They end what they began when they are dropped.
    _session: fe2o3_amqp::session::SessionHandle<()>,
    _connection: fe2o3_amqp::connection::ConnectionHandle<()>,
}

impl Service {
    async fn connect(hub: &Emulator, token: &str) -> Self {
        let mut connection = Connection::builder()
            .container_id("service")
            .sasl_profile(SaslProfile::Plain {
                username: "iothubowner@sas.root.localhost".to_owned(),
                password: token.to_owned(),
            })
            .open(format!("amqp://localhost:{}", hub.port("amqp")).as_str())
            .await
            .unwrap();
        let mut session = Session::begin(&mut connection).await.unwrap();
        let sender = Sender::attach(&mut session, "c2d", "/messages/devicebound");
        Self {
            sender: sender.await.unwrap(),
            _session: session,
            _connection: connection,
        }
    }

    /// `None` once the hub is gone: this library does not always say so.
    async fn send(&mut self, to: &str, body: &str) -> Option<Outcome> {
        let properties = Properties::builder()
            .to(to.to_owned())
            .message_id(format!("id of {body}"))
            .content_type("text/plain");
        let application = ApplicationProperties::builder()
            .insert("iothub-ack", "full")
            .insert("level", 7_i32);
        let message = Message::builder()
            .properties(properties.build())
            .application_properties(application.build())
            .data(Data::from(body.as_bytes().to_vec()))
            .build();
        let sent = timeout(PATIENCE, self.sender.send(message)).await;
        sent.ok()?.ok()
    }

    async fn sends(&mut self, body: &str) {
        let outcome = self.send(BOUND, body).await;
        assert!(matches!(outcome, Some(Outcome::Accepted(_))), "{outcome:?}");
    }
}

#[test]
fn a_device_receives_and_the_service_hears_of_it() {
    let hub = Emulator::start(&ARGUMENTS);
    let bench = Bench::new(&hub);
    multi_thread(2).block_on(async {
        let mut service = Service::connect(&hub, &bench.0.token).await;
        assert_eq!(bench.receive().await, None);
        service.sends("one").await;
        let nobody = "/devices/nobody/messages/devicebound";
        let Some(Outcome::Rejected(refused)) = service.send(nobody, "x").await else {
            panic!("not refused")
        };
        let error = refused.error.unwrap();
        assert_eq!(
            error.condition,
            ErrorCondition::AmqpError(AmqpError::NotFound)
        );
        assert!(error.description.unwrap().contains("404001"));

        let answer = bench.ask(Method::GET, BOUND).await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("iothub-messageid"), "id of one");
        assert_eq!(header("iothub-to"), BOUND);
        assert_eq!(header("iothub-ack"), "full");
        assert_eq!(header("iothub-app-level"), "7");
        assert_eq!(header("iothub-deliverycount"), "0");
        let first = lock(&answer);
        assert_eq!(answer.text().await.unwrap(), "one");
        let path = format!("{BOUND}/{first}/abandon");
        let given_back = bench.ask(Method::POST, &path).await;
        assert_eq!(given_back.status(), StatusCode::NO_CONTENT);
        let (_, second) = bench.receive().await.unwrap();
        let path = format!("{BOUND}/{first}");
        let lost = bench.ask(Method::DELETE, &path).await;
        assert_eq!(lost.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(lost.headers()["iothub-errorcode"], "DeviceMessageLockLost");
        assert_eq!(bench.complete(&second).await, StatusCode::NO_CONTENT);

        let told = bench.ask(Method::GET, FEEDBACK).await;
        assert_eq!(
            told.headers()["content-type"],
            "application/vnd.microsoft.iothub.feedback.json"
        );
        let lock = lock(&told);
        let told: Value = serde_json::from_slice(&told.bytes().await.unwrap()).unwrap();
        assert_eq!(told[0]["originalMessageId"], "id of one");
        assert_eq!(told[0]["statusCode"], "Success");
        let path = format!("{FEEDBACK}/{lock}");
        for expected in [StatusCode::NO_CONTENT, StatusCode::PRECONDITION_FAILED] {
            let settled = bench.ask(Method::DELETE, &path).await;
            assert_eq!(settled.status(), expected);
        }

        service.sends("two").await;
        service.sends("three").await;
        let device = bench.json(Method::GET, "/devices/device1").await;
        assert_eq!(device["cloudToDeviceMessageCount"], 2);
        let path = "/devices/device1/commands";
        let purged = bench.json(Method::DELETE, path).await;
        let expected = json!({ "totalMessagesPurged": 2, "deviceId": "device1", "moduleId": null });
        assert_eq!(purged, expected);
        assert_eq!(bench.receive().await, None);
        let unknown = bench.ask(Method::DELETE, "/devices/nobody/commands");
        assert_eq!(unknown.await.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn what_was_accepted_survives_kills_and_what_was_completed_does_not_come_again() {
    const ROUNDS: usize = 8;
    const BODIES: usize = 5;
    let runtime = multi_thread(2);
    let mut hub = Emulator::start_kept(&ARGUMENTS);
    let bench = Bench::new(&hub);
    let mut waiting: BTreeSet<String> = BTreeSet::new();
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    let mut completed: BTreeSet<String> = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut service = runtime.block_on(Service::connect(&hub, &bench.0.token));
        runtime.block_on(async {
            for number in 0..BODIES {
                let body = format!("{round}-{number}");
                service.sends(&body).await;
                waiting.insert(body);
            }
            // One is completed, one is held; what was completed before the last crash may be half done.
            for is_completed in [true, false] {
                let (body, lock) = bench.receive().await.unwrap();
                assert!(!completed.contains(&body), "{body} came again");
                assert!(waiting.contains(&body) || unknown.contains(&body), "{body}");
                if is_completed {
                    assert_eq!(bench.complete(&lock).await, StatusCode::NO_CONTENT);
                    waiting.remove(&body);
                    completed.insert(body);
                }
            }
        });
        // Killed with a message on its way, whose fate is not known unless it was told in time.
        let last = format!("{round}-last");
        let body = last.clone();
        let going = runtime.spawn(async move { service.send(BOUND, &body).await });
        let stopped = hub.stop();
        going.abort();
        match runtime.block_on(going) {
            Ok(Some(Outcome::Accepted(_))) => waiting.insert(last),
            Ok(_) | Err(_) => unknown.insert(last),
        };
        hub = stopped.restart(&ARGUMENTS);
    }
    // Those that are held come back when their minute is over; the rest is there.
    let path = "/devices/device1";
    let device = runtime.block_on(bench.json(Method::GET, path));
    let count = device["cloudToDeviceMessageCount"].as_u64().unwrap();
    let count = usize::try_from(count).unwrap();
    assert!(
        (waiting.len()..=waiting.len() + unknown.len()).contains(&count),
        "{count} wait of {waiting:?} and {unknown:?}"
    );
    let mut seen = BTreeSet::new();
    runtime.block_on(async {
        while let Some((body, lock)) = bench.receive().await {
            assert!(!completed.contains(&body), "{body} came again");
            assert!(seen.insert(body), "one came twice");
            assert_eq!(bench.complete(&lock).await, StatusCode::NO_CONTENT);
        }
    });
    let held: Vec<_> = waiting.difference(&seen).collect();
    assert!(held.len() <= ROUNDS, "lost or held: {held:?}");
    let device = runtime.block_on(bench.json(Method::GET, path));
    let left = usize::try_from(device["cloudToDeviceMessageCount"].as_u64().unwrap());
    assert_eq!(left.unwrap(), count - seen.len());
    assert!(seen.len() + ROUNDS >= count);
    // What became of those that were completed is known after all the crashes too.
    let told = runtime.block_on(bench.json(Method::GET, FEEDBACK));
    let told: BTreeSet<String> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["originalMessageId"].as_str().unwrap().to_owned())
        .collect();
    let expected = |body: &String| told.contains(&format!("id of {body}"));
    assert!(completed.iter().all(expected), "{told:?} of {completed:?}");
}

/// The body of the message that a device is given next, and its packet's identifier.
fn given(device: &mut Device) -> (String, u16) {
    match device.next() {
        Some(Packet::Publish(publish)) => {
            assert_eq!(publish.qos, QoS::AtLeastOnce);
            assert!(publish.topic.contains("&level=7"), "{}", publish.topic);
            (
                String::from_utf8(publish.payload.to_vec()).unwrap(),
                publish.pkid,
            )
        }
        other => panic!("no message: {other:?}"),
    }
}

#[test]
fn a_device_over_mqtt_is_given_again_what_it_did_not_acknowledge() {
    let hub = Emulator::start(&ARGUMENTS);
    let bench = Bench::new(&hub);
    let runtime = multi_thread(2);
    let mut service = runtime.block_on(Service::connect(&hub, &bench.0.token));
    let connect = || Connect {
        clean_session: false,
        ..connect(&hub)
    };
    let mut device = Device::connect(&hub, connect());
    device.subscribe(&[
        "devices/device1/messages/devicebound/#",
        "$iothub/twin/res/#",
    ]);
    runtime.block_on(service.sends("one"));
    assert_eq!(given(&mut device).0, "one");

    // It comes back, and its older connection is closed by that.
    let mut device = Device::connect(&hub, connect());
    let (body, id) = given(&mut device);
    assert_eq!(body, "one");
    runtime.block_on(service.sends("two"));
    let (body, other) = given(&mut device);
    assert_eq!(body, "two");
    let twin = Publish::new("$iothub/twin/GET/?$rid=1", QoS::AtMostOnce, "");
    device.send(&[
        Packet::PubAck(PubAck::new(id)),
        Packet::PubAck(PubAck::new(other)),
        Packet::Publish(twin),
    ]);
    // What was sent before was done before.
    assert!(
        matches!(device.next(), Some(Packet::Publish(twin)) if twin.topic.contains("/res/200/"))
    );
    let identity = runtime.block_on(bench.json(Method::GET, "/devices/device1"));
    assert_eq!(identity["cloudToDeviceMessageCount"], 0);
    assert_eq!(identity["connectionState"], "Connected");
}
