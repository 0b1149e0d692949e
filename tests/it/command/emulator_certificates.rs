//! Devices and modules that prove themselves with certificates, over every transport.

use std::sync::Arc;
use std::time::Duration;

use fe2o3_amqp::types::messaging::{Data, Message};
use fe2o3_amqp::{Connection, Sender, Session};
use futures_util::{SinkExt as _, StreamExt as _};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use reqwest::{Client, Method, StatusCode};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{ConnectReturnCode, Publish};
use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, ClientConfig, HandshakeKind};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message as SocketMessage;

use crate::support::Emulator;
use crate::support::admin::Admin;
use crate::support::blob_server::BlobServer;
use crate::support::holder::{Holder, connect, greeting, register};
use crate::support::mqtt::{Device, tls_with, websocket};
use crate::support::rest::{Owner, send, url};
use crate::support::runtime::{current_thread, multi_thread};

const PATIENCE: Duration = Duration::from_secs(20);
const WEBSOCKET: &str = "/$iothub/websocket";

fn event(device: &str, body: &str) -> Publish {
    let topic = format!("devices/{device}/messages/events/");
    Publish {
        pkid: 1,
        ..Publish::new(topic, QoS::AtLeastOnce, body)
    }
}

fn client(tls: &ClientConfig) -> Client {
    let builder = Client::builder().tls_backend_preconfigured(tls.clone());
    builder.no_proxy().build().unwrap()
}

/// Status and JSON of the answer to an event that a device posts without a token.
async fn post(hub: &Emulator, tls: &ClientConfig, device: &str) -> (StatusCode, Value) {
    let path = url(hub, &format!("/devices/{device}/messages/events"));
    let (status, _, body) = send(client(tls).post(path).body("https")).await;
    (status, body)
}

/// Sends an event over AMQP, without a security layer or a token.
async fn send_amqp<S>(stream: S, device: &str, body: &str)
where
    S: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Unpin + 'static,
{
    let sent = async {
        let mut connection = Connection::builder()
            .container_id("device")
            .hostname("localhost")
            .open_with_stream(stream)
            .await
            .unwrap();
        let mut session = Session::begin(&mut connection).await.unwrap();
        let address = format!("/devices/{device}/messages/events");
        let mut sender = Sender::attach(&mut session, "events", address)
            .await
            .unwrap();
        let message = Message::builder().data(Data::from(body.as_bytes().to_vec()));
        let outcome = sender.send(message.build()).await;
        assert!(outcome.unwrap().is_accepted());
        connection.close().await.unwrap();
    };
    timeout(PATIENCE, sent).await.unwrap();
}

/// The bytes that a WebSocket's messages carry.
fn bytes_of(socket: WebSocketStream<TlsStream<TcpStream>>) -> DuplexStream {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (mut reading, mut writing) = tokio::io::split(far);
    let (mut sink, mut messages) = socket.split();
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = reading.read(&mut buffer).await {
            let message = SocketMessage::binary(buffer[..count].to_vec());
            sink.send(message).await.unwrap();
        }
    });
    tokio::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            if writing.write_all(&message.into_data()).await.is_err() {
                return;
            }
        }
    });
    near
}

#[test]
fn a_certificate_opens_every_transport() {
    let hub = Emulator::start(&[]);
    let holder = Holder::any();
    register(&hub, "x1", &holder.hashes()[0], None);
    let tls = holder.tls(&hub, ALL_VERSIONS);

    for mut device in [
        Device::dial_with(&hub, &tls),
        Device::dial_websocket_with(&hub, WEBSOCKET, &tls),
    ] {
        assert_eq!(device.greet(connect("x1")).code, ConnectReturnCode::Success);
        device.publish(event("x1", "mqtt"));
    }
    multi_thread(2).block_on(async {
        assert_eq!(
            post(&hub, &tls, "x1").await,
            (StatusCode::NO_CONTENT, Value::Null)
        );
        send_amqp(tls_with(&hub, "amqps", &tls).await, "x1", "amqp").await;
        let stream = tls_with(&hub, "https", &tls).await;
        let socket = websocket(stream, WEBSOCKET, "AMQPWSB10").await;
        send_amqp(bytes_of(socket), "x1", "amqp").await;
    });
    let events = hub.events(&["--body", "text"]);
    let mut bodies: Vec<_> = events
        .iter()
        .map(|event| event["body"].to_string())
        .collect();
    bodies.sort();
    assert_eq!(
        bodies,
        [
            r#""amqp""#,
            r#""amqp""#,
            r#""https""#,
            r#""mqtt""#,
            r#""mqtt""#
        ]
    );
    for event in events {
        assert_eq!(event["deviceId"], "x1");
        let method = &event["systemProperties"]["iothub-connection-auth-method"];
        let method: Value = serde_json::from_str(method.as_str().unwrap()).unwrap();
        assert_eq!(
            (&method["scope"], &method["type"]),
            (&json!("device"), &json!("x509Certificate"))
        );
    }
}

#[test]
fn files_are_uploaded_with_a_certificate() {
    let storage = BlobServer::start();
    let hub = Emulator::start(&["--storage", &storage.connection_string()]);
    let (holder, other) = (Holder::any(), Holder::any());
    register(&hub, "x1", &holder.hashes()[0], None);
    let asked = async |holder: &Holder| {
        let tls = holder.tls(&hub, ALL_VERSIONS);
        let path = url(&hub, "/devices/x1/files");
        let (status, _, answer) =
            send(client(&tls).post(path).body(r#"{"blobName":"a.txt"}"#)).await;
        (status, answer["blobName"].clone())
    };
    multi_thread(2).block_on(async {
        assert_eq!(asked(&holder).await, (StatusCode::OK, json!("x1/a.txt")));
        assert_eq!(asked(&other).await, (StatusCode::UNAUTHORIZED, Value::Null));
    });
}

#[test]
fn the_end_of_all_tokens_is_not_the_certificates() {
    let hub = Emulator::start(&["--admin-port", "0"]);
    let holder = Holder::any();
    register(&hub, "x1", &holder.hashes()[0], None);
    let tls = holder.tls(&hub, ALL_VERSIONS);
    let mut device = Device::dial_with(&hub, &tls);
    assert_eq!(device.greet(connect("x1")).code, ConnectReturnCode::Success);
    let told = Admin::of(&hub).order(Method::POST, "/tokens/expire?device=x1", "");
    assert_eq!(told, json!({ "connections": 1 }));
    device.publish(event("x1", "still here"));
    let mut again = Device::dial_with(&hub, &tls);
    assert_eq!(again.greet(connect("x1")).code, ConnectReturnCode::Success);
    let (status, _) = current_thread().block_on(post(&hub, &tls, "x1"));
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[test]
fn each_key_is_proven_in_each_version_of_tls_or_the_handshake_fails() {
    let hub = Emulator::start(&[]);
    for algorithm in [
        &PKCS_ECDSA_P256_SHA256,
        &PKCS_ECDSA_P384_SHA384,
        &PKCS_ED25519,
    ] {
        let holder = Holder::self_signed(KeyPair::generate_for(algorithm).unwrap());
        let [sha1, sha256] = holder.hashes();
        let nobodys = "0".repeat(40);
        for (name, primary, secondary) in [
            ("first", &sha1, None),
            ("second", &nobodys, Some(sha256.as_str())),
        ] {
            let id = format!("{name}-{sha1}");
            register(&hub, &id, primary, secondary);
            for version in [&TLS12, &TLS13] {
                let tls = holder.tls(&hub, &[version]);
                let code = greeting(&hub, &tls, &id);
                assert_eq!(
                    code,
                    ConnectReturnCode::Success,
                    "{id} {algorithm:?} {version:?}"
                );
                // Whoever has seen the certificate has not got its key.
                let tls = holder.false_tls(&hub, &[version]);
                let refused = current_thread().block_on(refusal(&hub, &tls));
                assert!(
                    refused.contains("DecryptError"),
                    "{algorithm:?} {version:?}: {refused}"
                );
            }
        }
    }
}

/// How the hub ends a connection that is not to be.
async fn refusal(hub: &Emulator, tls: &Arc<ClientConfig>) -> String {
    let socket = TcpStream::connect(("127.0.0.1", hub.port("mqtts")))
        .await
        .unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(tls));
    let name = "localhost".try_into().unwrap();
    let error = match connector.connect(name, socket).await {
        Err(error) => error,
        // In TLS 1.3 the client is done before the server has looked.
        Ok(mut stream) => {
            let mut byte = [0];
            let read = timeout(PATIENCE, stream.read(&mut byte)).await.unwrap();
            read.unwrap_err()
        }
    };
    error.to_string()
}

#[test]
fn a_session_that_goes_on_keeps_its_certificate() {
    let hub = Emulator::start(&[]);
    let holder = Holder::any();
    register(&hub, "x1", &holder.hashes()[1], None);
    for version in [&TLS12, &TLS13] {
        let tls = holder.tls(&hub, &[version]);
        let kinds = [(); 2].map(|()| {
            current_thread().block_on(async {
                let mut stream = tls_with(&hub, "https", &tls).await;
                let request = "POST /devices/x1/messages/events?api-version=2021-04-12 HTTP/1.1\r\n\
                    host: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut answer = String::new();
                let read = stream.read_to_string(&mut answer);
                timeout(PATIENCE, read).await.unwrap().unwrap();
                assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
                stream.get_ref().1.handshake_kind().unwrap()
            })
        });
        assert_eq!(
            kinds,
            [HandshakeKind::Full, HandshakeKind::Resumed],
            "{version:?}"
        );
    }
}

#[test]
fn another_certificate_or_none_is_told_so() {
    let hub = Emulator::start(&[]);
    let (own, other) = (Holder::any(), Holder::any());
    let [sha1, _] = own.hashes();
    let registered = register(&hub, "x1", &sha1, None);
    assert_eq!(
        registered["authentication"],
        json!({
            "symmetricKey": { "primaryKey": null, "secondaryKey": null },
            "x509Thumbprint": { "primaryThumbprint": sha1, "secondaryThumbprint": null },
            "type": "selfSigned",
        })
    );
    let wrong = other.tls(&hub, ALL_VERSIONS);
    assert_eq!(
        greeting(&hub, &wrong, "x1"),
        ConnectReturnCode::NotAuthorized
    );
    let none = crate::support::mqtt::trusting(&hub, ALL_VERSIONS).with_no_client_auth();
    let none = Arc::new(none);
    assert_eq!(
        greeting(&hub, &none, "x1"),
        ConnectReturnCode::NotAuthorized
    );
    let right = own.tls(&hub, ALL_VERSIONS);
    assert_eq!(greeting(&hub, &right, "x1"), ConnectReturnCode::Success);
    // A device that signs tokens has to go on signing them, and one with a certificate may not begin to.
    assert_eq!(
        greeting(&hub, &right, "device1"),
        ConnectReturnCode::NotAuthorized
    );
    let mut signed = connect("x1");
    let key = hub
        .device("device1")
        .replace("DeviceId=device1", "DeviceId=x1");
    let token = hub.hubctl(&["sas-token", "-l", &key]).run().success();
    signed.set_login("localhost/x1/?api-version=2021-04-12", token.trim());
    let answer = Device::dial_with(&hub, &right).greet(signed);
    assert_eq!(answer.code, ConnectReturnCode::NotAuthorized);

    current_thread().block_on(async {
        let (status, body) = post(&hub, &wrong, "x1").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let [other_sha1, other_sha256] = other.hashes().map(|hash| hash.to_uppercase());
        let told = format!(
            "Thumbprint does not match configuration: Thumbprint: SHA1Hash={other_sha1}, SHA2Hash={other_sha256}; Configuration: PrimaryThumbprint={sha1}, SecondaryThumbprint="
        );
        assert!(body.to_string().contains(&told), "{body}");
        let (status, body) = post(&hub, &none, "x1").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(body.to_string().contains("Authorization header missing"), "{body}");
        // To the service's side a certificate means nothing.
        let (status, _, _) = send(client(&right).get(url(&hub, "/devices/x1"))).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn a_device_that_is_disabled_has_to_go_and_one_with_a_new_hash_stays() {
    let hub = Emulator::start(&[]);
    let holder = Holder::any();
    let [sha1, sha256] = holder.hashes();
    register(&hub, "x1", &sha1, None);
    let tls = holder.tls(&hub, ALL_VERSIONS);
    let mut device = Device::dial_with(&hub, &tls);
    assert_eq!(device.greet(connect("x1")).code, ConnectReturnCode::Success);
    let owner = Owner::of(&hub);
    let change = |status: &str, thumbprint: &str| {
        let authentication = json!({ "x509Thumbprint": { "primaryThumbprint": thumbprint } });
        let body = json!({ "deviceId": "x1", "status": status, "authentication": authentication });
        let answer = owner.ask(Method::PUT, "/devices/x1", Some("*"), &body);
        let (status, _, body) = current_thread().block_on(answer);
        assert_eq!(status, StatusCode::OK, "{body}");
    };
    change("enabled", &"0".repeat(40));
    device.publish(event("x1", "still there"));
    assert_eq!(greeting(&hub, &tls, "x1"), ConnectReturnCode::NotAuthorized);
    change("disabled", &sha256);
    assert!(device.next().is_none());
    assert_eq!(greeting(&hub, &tls, "x1"), ConnectReturnCode::NotAuthorized);
    change("enabled", &sha256);
    assert_eq!(greeting(&hub, &tls, "x1"), ConnectReturnCode::Success);
}
