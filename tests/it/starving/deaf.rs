//! Clients that take in nothing of what they are told, however much that is.

mod amqp_twin;

use std::time::Duration;

use bytes::BytesMut;
use fe2o3_amqp::types::messaging::Outcome;
use hubctl::protocol::amqp::frame::{FrameKind, begin_frame, end_frame};
use hubctl::protocol::amqp::performative::{
    Attach, Begin, Flow, Open, Performative, Role, SaslInit, Source,
};
use hubctl::protocol::websocket::HUB_PATH;
use reqwest::{Method, StatusCode};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish, Subscribe};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::all_is_well;
use crate::support::Emulator;
use crate::support::amqp::{ARGUMENTS, Peer, message, send};
use crate::support::mqtt::{
    Device, connect, connect_with, credentials_of, event, tls, tls_over, websocket,
};
use crate::support::rest::Owner;
use crate::support::runner::LIMIT;
use crate::support::runtime::current_thread;

/// How long nothing is taken from who does not listen before that counts as the end of the hub's patience.
const STALL: Duration = Duration::from_secs(2);

/// What a hub may take from who does not listen: its own buffers and, for the most part, those of both sides' sockets.
const MOST_TAKEN: usize = 24 * 1024 * 1024;

/// What there is to be said to who does not listen, in bytes, and what of that the hub's memory may grow by, in kilobytes.
const MUCH: usize = 32 * 1024 * 1024;
const MOST_GROWTH: u64 = 12 * 1024;

/// The port that a client comes to, and what is spoken over a WebSocket there.
type Door = (&'static str, Option<&'static str>);

const MQTT: [Door; 2] = [("mqtts", None), ("https", Some("mqtt"))];
const AMQP: [Door; 2] = [("amqps", None), ("https", Some("AMQPWSB10"))];

/// A client with little room for what it does not take in.
struct Deaf {
    runtime: Runtime,
    stream: TlsStream<TcpStream>,
    is_websocket: bool,
    heard: Vec<u8>,
}

impl Deaf {
    fn dial(hub: &Emulator, (port, subprotocol): Door) -> Self {
        let runtime = current_thread();
        let stream = runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            let address = ([127, 0, 0, 1], hub.port(port)).into();
            let socket = socket.connect(address).await.unwrap();
            let stream = tls_over(hub, socket).await;
            match subprotocol {
                None => stream,
                Some(subprotocol) => {
                    let socket = websocket(stream, HUB_PATH, subprotocol).await;
                    socket.into_inner()
                }
            }
        });
        Self {
            runtime,
            stream,
            is_websocket: subprotocol.is_some(),
            heard: Vec::new(),
        }
    }

    fn say(&mut self, bytes: Vec<u8>) {
        let bytes = if self.is_websocket {
            framed(bytes)
        } else {
            bytes
        };
        self.runtime.block_on(async {
            self.stream.write_all(&bytes).await.unwrap();
            self.stream.flush().await.unwrap();
        });
    }

    /// Takes in what comes up to these bytes; what that was, or `None` where the hub has hung up before.
    fn hear(&mut self, wanted: &[u8]) -> Option<Vec<u8>> {
        let (stream, heard) = (&mut self.stream, &mut self.heard);
        let mut seen = 0;
        self.runtime.block_on(async {
            loop {
                let mut places = heard[seen..].windows(wanted.len());
                if let Some(place) = places.position(|found| found == wanted) {
                    return Some(heard.drain(..seen + place + wanted.len()).collect());
                }
                seen = heard.len().saturating_sub(wanted.len());
                let read = timeout(LIMIT, stream.read_buf(heard)).await.unwrap();
                if !read.is_ok_and(|count| count > 0) {
                    return None;
                }
            }
        })
    }

    /// Takes in what is left until the hub has hung up.
    fn hear_the_end(&mut self) {
        let left = self.stream.read_to_end(&mut self.heard);
        // A reset is an end as well.
        let _ = self
            .runtime
            .block_on(async { timeout(LIMIT, left).await.unwrap() });
    }

    /// Comes in as `device2`, with this subscription.
    fn subscribe(&mut self, hub: &Emulator, filter: &str, qos: QoS) {
        let login = credentials_of(hub, hub.device("device2"), &[]);
        let mut subscribe = Subscribe::new(filter, qos);
        subscribe.pkid = 7;
        let mut greeting = BytesMut::new();
        connect_with(&login).write(&mut greeting).unwrap();
        subscribe.write(&mut greeting).unwrap();
        self.say(greeting.to_vec());
        let granted = [0x90, 3, 0, 7, qos as u8];
        assert!(self.hear(&granted).is_some());
    }
}

/// A binary message of a WebSocket's client.
fn framed(bytes: Vec<u8>) -> Vec<u8> {
    let mut frame = Frame::message(bytes, OpCode::Data(Data::Binary), true);
    frame.header_mut().mask = Some([1, 2, 3, 4]);
    let mut out = Vec::new();
    frame.format(&mut out).unwrap();
    out
}

/// What the hub's memory may come to at most from now on; `None` where the system does not tell it.
fn most_memory(hub: &Emulator) -> Option<u64> {
    hub.peak_memory().map(|kilobytes| kilobytes + MOST_GROWTH)
}

fn assert_bounded(hub: &Emulator, most: Option<u64>) {
    let peak = hub.peak_memory();
    assert!(peak <= most, "{peak:?} KB, {most:?} KB at most");
}

/// A body of this many bytes that says its number again and again.
fn numbered(number: usize, length: usize) -> Vec<u8> {
    mark(number).repeat(length / mark(number).len())
}

fn mark(number: usize) -> Vec<u8> {
    format!("number {number:04};").into_bytes()
}

/// Changes the twin of `device2`, which does not listen, until it is hung up on; the version that the twin has then.
fn is_told_until_it_is_gone(hub: &Emulator, mut deaf: Deaf) -> u64 {
    let most = most_memory(hub);
    let owner = Owner::of(hub);
    let runtime = current_thread();
    let is_connected = || {
        let device = runtime.block_on(owner.read("/devices/device2"));
        device["connectionState"] == "Connected"
    };
    let (mut said, mut version) = (0, 1);
    while is_connected() {
        assert!(said < MUCH, "it is still there");
        // As much as desired properties may come to.
        let value = format!("{version} {}", "x".repeat(3_900));
        let names = (0..8).map(|number| (format!("name{number}"), json!(value)));
        let desired: Value = names.collect::<serde_json::Map<_, _>>().into();
        said += desired.to_string().len();
        let patch = json!({ "properties": { "desired": desired } });
        let ask = owner.ask(Method::PATCH, "/twins/device2", None, &patch);
        let (status, _, twin) = runtime.block_on(ask);
        assert_eq!(status, StatusCode::OK, "{twin}");
        version = twin["properties"]["desired"]["$version"].as_u64().unwrap();
    }
    assert!(version > 1);
    all_is_well(hub);
    assert_bounded(hub, most);
    deaf.hear_the_end();
    version
}

#[test]
fn who_does_not_hear_of_its_twin_is_hung_up_on() {
    for door in MQTT {
        let hub = Emulator::start(&["--device", "device2"]);
        all_is_well(&hub);
        let mut deaf = Deaf::dial(&hub, door);
        let filter = "$iothub/twin/PATCH/properties/desired/#";
        deaf.subscribe(&hub, filter, QoS::AtMostOnce);
        let version = is_told_until_it_is_gone(&hub, deaf);

        // When it comes back it learns what it has missed.
        let login = credentials_of(&hub, hub.device("device2"), &[]);
        let mut device = Device::connect(&hub, connect_with(&login));
        device.subscribe(&["$iothub/twin/res/#"]);
        let ask = Publish::new("$iothub/twin/GET/?$rid=1", QoS::AtMostOnce, "");
        device.send(&[Packet::Publish(ask)]);
        let Some(Packet::Publish(answer)) = device.next() else {
            panic!("no twin")
        };
        let twin: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(twin["desired"]["$version"], version);
    }
}

#[test]
fn messages_wait_for_who_does_not_hear_them() {
    const LENGTH: usize = 60_000;
    for door in MQTT {
        let hub = Emulator::start(&[&ARGUMENTS[..], &["--device", "device2"]].concat());
        all_is_well(&hub);
        let mut deaf = Deaf::dial(&hub, door);
        // What it is sent is done with, heard or not.
        let filter = "devices/device2/messages/devicebound/#";
        deaf.subscribe(&hub, filter, QoS::AtMostOnce);
        let most = most_memory(&hub);
        let token = hub.owner(&["sas-token", "--policy"]).run().success();
        let accepted = current_thread().block_on(async {
            let user = "iothubowner@sas.root.localhost";
            let mut service = Peer::connect(&hub, user, token.trim()).await;
            let mut sender = service.sender("/messages/devicebound").await;
            let to = Some("/devices/device2/messages/devicebound");
            let mut accepted = 0;
            // Its queue is full in the end.
            while let Outcome::Accepted(_) =
                send(&mut sender, message(to, &numbered(accepted, LENGTH))).await
            {
                accepted += 1;
                assert!(accepted * LENGTH < MUCH, "{door:?}: there is still room");
            }
            service.leave().await;
            accepted
        });
        all_is_well(&hub);
        assert_bounded(&hub, most);
        for number in 0..accepted {
            assert!(deaf.hear(&mark(number)).is_some(), "{door:?}: {number}");
        }
    }
}

#[test]
fn events_wait_for_who_does_not_read_them() {
    const LENGTH: usize = 200_000;
    // One without room for more in its session may have all the credit that there is.
    for (door, window) in [(AMQP[0], 1_000_000), (AMQP[1], 1_000_000), (AMQP[0], 1)] {
        let arguments = ["--device", "device2", "--partitions", "1"];
        let hub = Emulator::start(&[&arguments[..], &["--retention-size", "1"]].concat());
        all_is_well(&hub);
        let mut deaf = Deaf::dial(&hub, door);
        let user = b"\0iothubowner\0";
        let (_, key) = hub.hub().rsplit_once("SharedAccessKey=").unwrap();
        let plain = SaslInit {
            mechanism: "PLAIN",
            initial_response: Some(&[user, key.as_bytes()].concat()),
            hostname: None,
        };
        let partition = "/ConsumerGroups/$Default/Partitions/0";
        let address = format!("{}{partition}", hub.text("/eventHub"));
        let credit = Flow {
            incoming_window: window,
            handle: Some(0),
            delivery_count: Some(0),
            link_credit: Some(1_000_000),
            ..Flow::default()
        };
        let attach = Attach {
            source: Some(Source::at(&address)),
            ..Attach::new("deaf reader", 0, Role::Receiver)
        };
        let attach = [
            frame(FrameKind::Amqp, &Performative::Attach(attach)),
            frame(FrameKind::Amqp, &Performative::Flow(credit)),
        ];
        deaf.say([greeting(plain), attach.concat()].concat());
        assert!(deaf.hear(b"deaf reader").is_some());
        let most = most_memory(&hub);
        let login = credentials_of(&hub, hub.device("device2"), &[]);
        let mut device = Device::connect(&hub, connect_with(&login));
        let count = MUCH / LENGTH;
        for number in 0..count {
            let body = numbered(number, LENGTH);
            let publish = Publish {
                topic: "devices/device2/messages/events/".to_owned(),
                ..event(QoS::AtLeastOnce, 1, "", body)
            };
            device.publish(publish);
        }
        all_is_well(&hub);
        assert_bounded(&hub, most);
        if window == 1 {
            continue;
        }
        // What is still there is read, once it is listened to.
        let heard = deaf.hear(&mark(count - 1)).unwrap();
        assert!(heard.len() < MUCH / 2, "{door:?}: {}", heard.len());
    }
}

/// Says this again and again, and never reads; how much of it the hub took.
fn taken_from_the_deaf<S: AsyncWrite + Unpin>(
    runtime: &Runtime,
    stream: &mut S,
    said: &[u8],
) -> usize {
    runtime.block_on(async {
        let mut taken = 0;
        while taken < MOST_TAKEN {
            // From where it was taken up to: half a request with another behind it is none, and answered by the end.
            match timeout(STALL, stream.write(&said[taken % said.len()..])).await {
                Ok(Ok(count)) => taken += count,
                // It takes no more, or has hung up.
                Ok(Err(_)) | Err(_) => break,
            }
        }
        taken
    })
}

#[test]
fn who_never_reads_is_not_listened_to_for_ever() {
    let hub = Emulator::start(&["--plain-amqp-port", "0"]);
    let runtime = current_thread();
    let login = ["sas-token", "--policy", "-l", hub.hub()];
    let token = hub.hubctl(&login).run().success();
    let request = format!(
        "GET /devices?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n",
        token.trim()
    );
    let mut https = runtime.block_on(tls(&hub, "https"));
    let bytes = taken_from_the_deaf(&runtime, &mut https, request.repeat(20).as_bytes());
    assert!((1..MOST_TAKEN).contains(&bytes), "HTTPS: {bytes}");
    all_is_well(&hub);

    let mut mqtt = runtime.block_on(tls(&hub, "mqtts"));
    let (greeting, asked) = twin_lover(&hub);
    runtime.block_on(mqtt.write_all(&greeting)).unwrap();
    let bytes = taken_from_the_deaf(&runtime, &mut mqtt, &asked);
    assert!((1..MOST_TAKEN).contains(&bytes), "MQTT: {bytes}");
    all_is_well(&hub);

    let mut amqp = runtime.block_on(async {
        let port = hub.port("amqp");
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .unwrap()
    });
    let (greeting, asked) = flow_lover();
    runtime.block_on(amqp.write_all(&greeting)).unwrap();
    let bytes = taken_from_the_deaf(&runtime, &mut amqp, &asked);
    assert!((1..MOST_TAKEN).contains(&bytes), "AMQP: {bytes}");
    all_is_well(&hub);
}

#[test]
fn who_never_reads_a_websocket_is_not_listened_to_for_ever() {
    let hub = Emulator::start(&[]);
    for (door, (greeting, asked)) in [(MQTT[1], twin_lover(&hub)), (AMQP[1], flow_lover())] {
        let mut deaf = Deaf::dial(&hub, door);
        deaf.say(greeting);
        let most = most_memory(&hub);
        let bytes = taken_from_the_deaf(&deaf.runtime, &mut deaf.stream, &framed(asked));
        assert!((1..MOST_TAKEN).contains(&bytes), "{door:?}: {bytes}");
        all_is_well(&hub);
        assert_bounded(&hub, most);
    }
}

/// What `device1` says to come in, and with what it then asks for its twin many times.
fn twin_lover(hub: &Emulator) -> (Vec<u8>, Vec<u8>) {
    let mut greeting = BytesMut::new();
    connect(hub).write(&mut greeting).unwrap();
    let ask = Publish::new("$iothub/twin/GET/?$rid=1", QoS::AtMostOnce, "");
    let mut asked = BytesMut::new();
    ask.write(&mut asked).unwrap();
    (greeting.to_vec(), asked.repeat(500))
}

/// What is said to begin a session before anything is proven, and with what it is then asked about many times.
fn flow_lover() -> (Vec<u8>, Vec<u8>) {
    let anonymous = SaslInit {
        mechanism: "ANONYMOUS",
        initial_response: None,
        hostname: None,
    };
    let echo = Flow {
        echo: true,
        next_incoming_id: Some(1),
        ..Flow::default()
    };
    let flow = frame(FrameKind::Amqp, &Performative::Flow(echo));
    (greeting(anonymous), flow.repeat(500))
}

/// What a client says to begin a session.
fn greeting(login: SaslInit<'_>) -> Vec<u8> {
    let open = Open {
        container_id: "deaf",
        ..Open::default()
    };
    [
        b"AMQP\x03\x01\x00\x00".to_vec(),
        frame(FrameKind::Sasl, &Performative::SaslInit(login)),
        b"AMQP\x00\x01\x00\x00".to_vec(),
        frame(FrameKind::Amqp, &Performative::Open(open)),
        frame(FrameKind::Amqp, &Performative::Begin(Begin::default())),
    ]
    .concat()
}

fn frame(kind: FrameKind, performative: &Performative<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let start = begin_frame(&mut out, kind, 0);
    performative.encode(&mut out);
    end_frame(&mut out, start);
    out
}
