//! A device that speaks MQTT by hand: packets out, packets in, over TLS or a WebSocket.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use rumqttc::mqttbytes::Error;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    ConnAck, Connect, ConnectReturnCode, Packet, Publish, SubAck, Subscribe, SubscribeFilter,
};
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ALL_VERSIONS, ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::Emulator;
use super::runner::LIMIT;
use super::runtime::current_thread;

/// Where a device publishes its events.
pub const EVENTS: &str = "devices/device1/messages/events/";

enum Stream {
    Tls(Box<TlsStream<TcpStream>>),
    WebSocket(Box<WebSocketStream<TlsStream<TcpStream>>>),
}

/// A device that is connected, or tries to be.
pub struct Device {
    runtime: Runtime,
    stream: Stream,
    input: BytesMut,
}

/// What `sas-token --format mqtt` says of `device1`, by the names without `MQTT_`; further arguments may follow.
pub fn credentials(hub: &Emulator, arguments: &[&str]) -> BTreeMap<String, String> {
    credentials_of(hub, hub.device("device1"), arguments)
}

/// The same of one that has not got `device1`'s key.
pub fn false_credentials(hub: &Emulator) -> BTreeMap<String, String> {
    let (own, _) = hub
        .device("device1")
        .split_once("SharedAccessKey=")
        .unwrap();
    let login = format!("{own}SharedAccessKey=bm90IHRoZSBrZXkgb2YgdGhpcyBkZXZpY2U=");
    credentials_of(hub, &login, &[])
}

/// The same of whoever has this connection string.
pub fn credentials_of(hub: &Emulator, login: &str, arguments: &[&str]) -> BTreeMap<String, String> {
    let call = ["sas-token", "--format", "mqtt", "-l", login];
    let printed = hub.hubctl(&call).args(arguments).run().success();
    let pairs = printed.lines().filter_map(|line| line.split_once('='));
    let pair = |(name, value): (&str, &str)| {
        let name = name.strip_prefix("MQTT_")?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    pairs.filter_map(pair).collect()
}

/// The CONNECT that these credentials are for.
pub fn connect_with(credentials: &BTreeMap<String, String>) -> Connect {
    let mut connect = Connect::new(credentials["CLIENT_ID"].as_str());
    connect.keep_alive = 60;
    connect.set_login(&credentials["USERNAME"], &credentials["PASSWORD"]);
    connect
}

/// The CONNECT of `device1`.
pub fn connect(hub: &Emulator) -> Connect {
    connect_with(&credentials(hub, &[]))
}

/// A message to `device1`'s events.
pub fn event(qos: QoS, id: u16, properties: &str, body: impl Into<Vec<u8>>) -> Publish {
    Publish {
        pkid: id,
        ..Publish::new(format!("{EVENTS}{properties}"), qos, body)
    }
}

/// TLS that trusts this hub and nobody else.
pub fn trusting(
    hub: &Emulator,
    versions: &[&'static SupportedProtocolVersion],
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(hub.text("/caFile")).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(versions).unwrap();
    builder.with_root_certificates(roots)
}

/// A TLS connection to one of this hub's ports, without a certificate.
pub async fn tls(hub: &Emulator, port: &str) -> TlsStream<TcpStream> {
    let config = trusting(hub, ALL_VERSIONS).with_no_client_auth();
    tls_with(hub, port, &Arc::new(config)).await
}

/// The same, set up in another way.
pub async fn tls_with(
    hub: &Emulator,
    port: &str,
    config: &Arc<ClientConfig>,
) -> TlsStream<TcpStream> {
    let socket = TcpStream::connect(("127.0.0.1", hub.port(port)))
        .await
        .unwrap();
    tls_around(socket, config).await
}

/// The same without a certificate, over a socket that is connected.
pub async fn tls_over(hub: &Emulator, socket: TcpStream) -> TlsStream<TcpStream> {
    let config = trusting(hub, ALL_VERSIONS).with_no_client_auth();
    tls_around(socket, &Arc::new(config)).await
}

async fn tls_around(socket: TcpStream, config: &Arc<ClientConfig>) -> TlsStream<TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::clone(config));
    connector.connect(name, socket).await.unwrap()
}

/// A WebSocket at this path, for this subprotocol.
pub async fn websocket(
    stream: TlsStream<TcpStream>,
    path: &str,
    subprotocol: &str,
) -> WebSocketStream<TlsStream<TcpStream>> {
    let url = format!("wss://localhost{path}");
    let mut request = url.into_client_request().unwrap();
    let name = "sec-websocket-protocol";
    request
        .headers_mut()
        .insert(name, subprotocol.parse().unwrap());
    let (socket, answer) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    assert_eq!(answer.headers()[name], subprotocol);
    socket
}

impl Device {
    /// A connection over which nothing has been said yet.
    pub fn dial(hub: &Emulator) -> Self {
        let runtime = current_thread();
        let stream = runtime.block_on(tls(hub, "mqtts"));
        Self::of(runtime, Stream::Tls(Box::new(stream)))
    }

    /// The same over TLS that is set up in another way.
    pub fn dial_with(hub: &Emulator, config: &Arc<ClientConfig>) -> Self {
        let runtime = current_thread();
        let stream = runtime.block_on(tls_with(hub, "mqtts", config));
        Self::of(runtime, Stream::Tls(Box::new(stream)))
    }

    fn of(runtime: Runtime, stream: Stream) -> Self {
        Self {
            runtime,
            stream,
            input: BytesMut::new(),
        }
    }

    /// The same over WebSocket, on HTTPS's port.
    pub fn dial_websocket(hub: &Emulator) -> Self {
        let config = trusting(hub, ALL_VERSIONS).with_no_client_auth();
        let path = "/$iothub/websocket?iothub-no-client-cert=true";
        Self::dial_websocket_with(hub, path, &Arc::new(config))
    }

    /// The same at this path and over TLS that is set up in another way.
    pub fn dial_websocket_with(hub: &Emulator, path: &str, config: &Arc<ClientConfig>) -> Self {
        let runtime = current_thread();
        let socket = runtime.block_on(async {
            let stream = tls_with(hub, "https", config).await;
            websocket(stream, path, "mqtt").await
        });
        Self::of(runtime, Stream::WebSocket(Box::new(socket)))
    }

    /// One that has been let in.
    pub fn connect(hub: &Emulator, connect: Connect) -> Self {
        let mut device = Self::dial(hub);
        let welcome = device.greet(connect);
        assert_eq!(welcome.code, ConnectReturnCode::Success);
        device
    }

    /// Says who it is, and what it is told.
    pub fn greet(&mut self, connect: Connect) -> ConnAck {
        self.send(&[Packet::Connect(connect)]);
        match self.next() {
            Some(Packet::ConnAck(answer)) => answer,
            other => panic!("no CONNACK: {other:?}"),
        }
    }

    /// Sends packets in one piece.
    pub fn send(&mut self, packets: &[Packet]) {
        let mut bytes = BytesMut::new();
        for packet in packets {
            // The codec writes a CONNECT's flags at the buffer's beginning.
            let mut one = BytesMut::new();
            packet.write(&mut one, usize::MAX).unwrap();
            bytes.extend_from_slice(&one);
        }
        self.send_bytes(bytes.freeze());
    }

    /// Sends whatever these bytes are. A hub that has hung up is found out when the answer is read.
    pub fn send_bytes(&mut self, bytes: Bytes) {
        let stream = &mut self.stream;
        self.runtime.block_on(async {
            let _ = match stream {
                Stream::Tls(stream) => stream.write_all(&bytes).await,
                Stream::WebSocket(socket) => {
                    socket.send(Message::Binary(bytes)).await.unwrap();
                    Ok(())
                }
            };
        });
    }

    /// Says that nothing more is said, and goes on listening.
    pub fn finish(&mut self) {
        let stream = &mut self.stream;
        self.runtime.block_on(async {
            match stream {
                Stream::Tls(stream) => stream.shutdown().await.unwrap(),
                Stream::WebSocket(socket) => socket.close().await.unwrap(),
            }
        });
    }

    /// Publishes one event and waits until the hub has it.
    pub fn publish(&mut self, publish: Publish) {
        let id = publish.pkid;
        self.send(&[Packet::Publish(publish)]);
        match self.next() {
            Some(Packet::PubAck(ack)) => assert_eq!(ack.pkid, id),
            other => panic!("no PUBACK: {other:?}"),
        }
    }

    /// Subscribes, each message to be acknowledged; what it is told.
    pub fn subscribe(&mut self, filters: &[&str]) -> SubAck {
        let filters = filters.iter().copied().map(str::to_owned);
        let filters = filters.map(|filter| SubscribeFilter::new(filter, QoS::AtLeastOnce));
        let mut subscribe = Subscribe::new_many(filters);
        subscribe.pkid = 1;
        self.send(&[Packet::Subscribe(subscribe)]);
        match self.next() {
            Some(Packet::SubAck(answer)) => answer,
            other => panic!("no SUBACK: {other:?}"),
        }
    }

    /// The next packet; `None` once the hub has hung up.
    pub fn next(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.input, 1 << 20) {
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("no packet: {error}"),
            }
            if !self.read() {
                assert!(self.input.is_empty(), "{:?}", self.input);
                return None;
            }
        }
    }

    fn read(&mut self) -> bool {
        let (stream, input) = (&mut self.stream, &mut self.input);
        self.runtime.block_on(async {
            match stream {
                Stream::Tls(stream) => {
                    let read = timeout(LIMIT, stream.read_buf(input)).await;
                    read.unwrap().is_ok_and(|count| count > 0)
                }
                Stream::WebSocket(socket) => match timeout(LIMIT, socket.next()).await.unwrap() {
                    Some(Ok(Message::Binary(bytes))) => {
                        input.extend_from_slice(&bytes);
                        true
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                    _ => false,
                },
            }
        })
    }
}
