//! How many messages a second the emulator takes over MQTT, each acknowledged, and what a device that is connected and
//! silent costs.
//!
//! `cargo bench --bench mqtt [-- MESSAGES DEVICES]`. The real binary over TLS on this machine, with the load in this process:
//! both share the processors. Every acknowledgement is counted and its number looked at.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

#[expect(dead_code, reason = "devices alone speak to it, and it keeps nothing")]
mod emulator;

use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf as _, BytesMut};
use emulator::Emulator;
use hubctl::model::secret::Secret;
use hubctl::protocol::mqtt::packet::{Connect, Packet, Publish, QoS, read, write};
use hubctl::protocol::sas::{SigningKey, mint};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const ROUNDS: usize = 3;
/// Messages that are written at once, and that may wait for their acknowledgements.
const CHUNK: u64 = 256;
const WINDOW: u64 = 2048;
const LIMIT: usize = 1 << 20;

struct Hub {
    emulator: Emulator,
    tls: TlsConnector,
    policy_key: SigningKey,
}

impl Hub {
    fn start(folder: &std::path::Path, devices: usize) -> Self {
        let ids: Vec<String> = (0..devices).map(|device| format!("d{device}")).collect();
        let arguments: Vec<&str> = ids.iter().flat_map(|id| ["--device", id]).collect();
        let emulator = Emulator::start(folder, &arguments);
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(emulator.text("/caFile")).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (_, key) = emulator
            .text("/policies/device")
            .split_once("SharedAccessKey=")
            .unwrap();
        Self {
            tls: TlsConnector::from(Arc::new(config)),
            policy_key: SigningKey::decoded(&Secret::new(key)).unwrap(),
            emulator,
        }
    }

    async fn connect(&self, device: &str) -> TlsStream<TcpStream> {
        let socket = TcpStream::connect(("127.0.0.1", self.emulator.port("mqtts")))
            .await
            .unwrap();
        socket.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = self.tls.connect(name, socket).await.unwrap();
        let token = mint(&self.policy_key, "localhost", 4_102_444_800, Some("device"));
        let mut connect = Connect::new(device);
        let user = format!("localhost/{device}/?api-version=2021-04-12");
        connect.set_login(user, token.expose());
        let mut bytes = BytesMut::new();
        write(&Packet::Connect(connect), &mut bytes).unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0x20, 2, 0, 0]);
        stream
    }

    /// A figure of the emulator's process in kilobytes.
    fn memory(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.emulator.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with(name));
        let figure = line.and_then(|line| line.split_whitespace().nth(1));
        figure.and_then(|figure| figure.parse().ok()).unwrap_or(0)
    }
}

/// Publishes so many and waits for all of the acknowledgements, in order.
async fn publish(mut stream: TlsStream<TcpStream>, device: String, count: u64) {
    let topic = format!("devices/{device}/messages/events/%24.ct=application%2Fjson&level=high");
    let mut publish = Publish::new(topic, QoS::AtLeastOnce, vec![b'7'; 100]);
    let id = |number: u64| u16::try_from(number % 65_535 + 1).unwrap();
    let (mut sent, mut acknowledged) = (0, 0);
    let (mut output, mut input) = (BytesMut::new(), BytesMut::new());
    while acknowledged < count {
        if sent < count && sent - acknowledged + CHUNK <= WINDOW {
            output.clear();
            let end = (sent + CHUNK).min(count);
            for number in sent..end {
                publish.pkid = id(number);
                write(&Packet::Publish(publish.clone()), &mut output).unwrap();
            }
            sent = end;
            stream.write_all(&output).await.unwrap();
            stream.flush().await.unwrap();
            continue;
        }
        assert!(stream.read_buf(&mut input).await.unwrap() > 0);
        while let Some(packet) = read(&mut input, LIMIT).unwrap() {
            assert!(matches!(&packet, Packet::PubAck(ack) if ack.pkid == id(acknowledged)));
            acknowledged += 1;
        }
    }
    assert!(!input.has_remaining());
}

async fn load(hub: &Hub, connections: u64, messages: u64) -> f64 {
    let mut streams = Vec::new();
    for number in 0..connections {
        let device = format!("d{number}");
        streams.push((hub.connect(&device).await, device));
    }
    let began = Instant::now();
    let each = messages / connections;
    let publish = |(stream, device)| tokio::spawn(publish(stream, device, each));
    let tasks: Vec<_> = streams.into_iter().map(publish).collect();
    for task in tasks {
        task.await.unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    let rate = (each * connections) as f64 / began.elapsed().as_secs_f64();
    rate
}

async fn hold(hub: &Hub, devices: usize) {
    let before = hub.memory("VmRSS:");
    let began = Instant::now();
    let mut streams = Vec::new();
    for number in 0..devices {
        streams.push(hub.connect(&format!("d{number}")).await);
    }
    println!(
        "{devices} devices connected in {:.1} s: {} MB, {} MB before them",
        began.elapsed().as_secs_f64(),
        hub.memory("VmRSS:") / 1024,
        before / 1024
    );
}

fn main() {
    let mut numbers = std::env::args().filter_map(|word| word.parse().ok());
    let messages = numbers.next().unwrap_or(400_000);
    let devices = usize::try_from(numbers.next().unwrap_or(10_000)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let hub = Hub::start(folder.path(), devices.max(16));
    runtime.block_on(async {
        for connections in [1, 16] {
            for round in 1..=ROUNDS {
                let rate = load(&hub, connections, messages).await;
                println!("round {round}, {connections} connections: {rate:.0} messages/s");
            }
        }
    });
    drop(hub);
    let hub = Hub::start(folder.path(), devices);
    runtime.block_on(hold(&hub, devices));
}
