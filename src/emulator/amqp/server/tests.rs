//! The loop over an in-memory stream, in front of a running hub.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::io::DuplexStream;

use super::*;
use crate::emulator::amqp::options::Limits;
use crate::emulator::connections::Connections;
use crate::emulator::driver;
use crate::emulator::fault::Wire;
use crate::emulator::hub::Hub;
use crate::emulator::hub::command::{Credential, DeviceMessage};
use crate::emulator::hub::options::{HubOptions, Policy, Right};
use crate::emulator::test_hub::{KEY, options};
use crate::model::secret::Secret;
use crate::protocol::amqp::cbs::{PutToken, SAS_TOKEN_TYPE};
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::frame::{
    FrameHeader, FrameKind, ProtocolHeader, begin_frame, end_frame,
};
use crate::protocol::amqp::performative::{
    Attach, Begin, Close, Flow, Open, Performative, Role, Source, Target, Transfer,
};
use crate::protocol::sas::{SigningKey, mint};

mod foreign;

const START: i64 = 1_700_000_000;
const PATIENCE: Duration = Duration::from_secs(20);

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(START, 0).unwrap()
}

fn start_hub() -> HubHandle {
    let policy = Policy {
        name: "owner".to_owned(),
        key: Secret::new(KEY),
        rights: vec![Right::ServiceConnect, Right::DeviceConnect],
    };
    let options = HubOptions {
        entity: "ehub".to_owned(),
        policies: vec![policy],
        retention_bytes: 64 * 1024 * 1024,
        ..options(1)
    };
    let mut hub = Hub::new(now(), options).unwrap();
    hub.register(now(), "d1").unwrap();
    driver::start(hub, driver::Clock::new(now))
}

fn token(key: &SigningKey, scope: &str) -> String {
    let token = mint(key, scope, START + 3_600, Some("owner"));
    token.expose().to_owned()
}

async fn post(hub: &HubHandle, bodies: usize, size: usize) {
    let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
    let message = DeviceMessage {
        body: Bytes::from(vec![b'x'; size]),
        ..DeviceMessage::default()
    };
    for _ in 0..bodies {
        let command = Command::SendEvents {
            credential: Some(Credential::token(token(&key, "localhost"))),
            device: "d1".to_owned(),
            messages: vec![message.clone()],
        };
        hub.ask(command).await.unwrap();
    }
}

/// Whether a partition without other readers than those of the connection under test takes five more.
async fn takes_five(hub: &HubHandle) -> bool {
    let mut taken = true;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let (reader, _notices) = hub.register_listener().await.unwrap();
        let command = Command::OpenReader {
            reader,
            group: "$Default".to_owned(),
            partition: "0".to_owned(),
            position: Position::Latest,
            epoch: None,
            name: None,
        };
        taken &= hub.ask(command).await.is_ok();
        ids.push(reader);
    }
    for reader in ids {
        hub.ask(Command::CloseReader { reader }).await.unwrap();
    }
    taken
}

fn serve(hub: &HubHandle, capacity: usize) -> (Peer, tokio::task::JoinHandle<()>) {
    let (near, far) = tokio::io::duplex(capacity);
    let options = Options {
        container_id: "test".to_owned(),
        redirect_host: "localhost".to_owned(),
        redirect_port: 5671,
        entity: "ehub".to_owned(),
        clock: driver::Clock::new(now),
        limits: Limits::default(),
        mischief: crate::emulator::fault::Mischief::default(),
    };
    let hub = hub.clone();
    let task = tokio::spawn(async move {
        let mut seat = Connections::default().enter(Wire::Amqp);
        serve_connection(far, hub, Arc::new(options), &mut seat).await;
    });
    let stream = near;
    let input = BytesMut::new();
    (Peer { stream, input }, task)
}

/// The other end.
struct Peer {
    stream: DuplexStream,
    input: BytesMut,
}

impl Peer {
    async fn send(&mut self, performative: &Performative<'_>, payload: &[u8]) {
        let mut out = Vec::new();
        let channel = u16::from(!matches!(
            performative,
            Performative::Open(_) | Performative::Close(_)
        ));
        let start = begin_frame(&mut out, FrameKind::Amqp, channel);
        performative.encode(&mut out);
        out.extend_from_slice(payload);
        end_frame(&mut out, start);
        self.stream.write_all(&out).await.unwrap();
    }

    /// The next frame's body.
    async fn frame(&mut self) -> Vec<u8> {
        loop {
            if let Some(header) = FrameHeader::parse(&self.input, u32::MAX).unwrap()
                && let Some(body) = header.body(&self.input)
            {
                let body = body.to_vec();
                self.input.advance(header.length());
                return body;
            }
            assert_ne!(self.stream.read_buf(&mut self.input).await.unwrap(), 0);
        }
    }

    async fn expect(&mut self, count: usize) {
        for _ in 0..count {
            self.frame().await;
        }
    }

    /// Opens the connection without a security layer, shows a token and attaches a reader as handle 2.
    async fn attach_reader(&mut self, credit: u32) {
        self.stream
            .write_all(ProtocolHeader::Amqp.bytes())
            .await
            .unwrap();
        let mut header = [0; ProtocolHeader::LENGTH];
        self.stream.read_exact(&mut header).await.unwrap();
        assert_eq!(&header, ProtocolHeader::Amqp.bytes());
        let open = Open {
            container_id: "c",
            ..Open::default()
        };
        self.send(&Performative::Open(open), b"").await;
        let begin = Begin {
            incoming_window: u32::MAX,
            ..Begin::default()
        };
        self.send(&Performative::Begin(begin), b"").await;
        let cbs = Attach {
            target: Some(Target::at("$cbs")),
            ..Attach::new("cbs", 0, Role::Sender)
        };
        self.send(&Performative::Attach(cbs), b"").await;
        let raw = SigningKey::raw(&Secret::new(KEY)).unwrap();
        let mut message = Vec::new();
        PutToken {
            message_id: None,
            reply_to: None,
            token_type: SAS_TOKEN_TYPE,
            audience: "a",
            token: &token(&raw, "sb://localhost/ehub"),
        }
        .write(&mut message);
        let transfer = Transfer {
            delivery_id: Some(0),
            settled: Some(true),
            ..Transfer::default()
        };
        self.send(&Performative::Transfer(transfer), &message).await;
        let reader = Attach {
            source: Some(Source::at("ehub/ConsumerGroups/$Default/Partitions/0")),
            ..Attach::new("reader", 2, Role::Receiver)
        };
        self.send(&Performative::Attach(reader), b"").await;
        let flow = Flow {
            next_incoming_id: Some(1),
            incoming_window: u32::MAX,
            handle: Some(2),
            delivery_count: Some(0),
            link_credit: Some(credit),
            ..Flow::default()
        };
        self.send(&Performative::Flow(flow), b"").await;
        // Open, begin, attach and flow of `$cbs`, attach of the reader.
        self.expect(5).await;
    }
}

#[tokio::test]
async fn events_come_through_a_narrow_stream() {
    let hub = start_hub();
    post(&hub, 40, 10_000).await;
    let (mut peer, task) = serve(&hub, 512);
    let work = async {
        peer.attach_reader(100).await;
        peer.expect(40).await;
        post(&hub, 1, 7).await;
        let body = peer.frame().await;
        assert!(body.ends_with(&[b'x'; 7]));
        peer.send(&Performative::Close(Close::default()), b"").await;
        let body = peer.frame().await;
        let closed = Performative::decode(&body).unwrap().0;
        assert!(matches!(closed, Performative::Close(_)));
        assert!(takes_five(&hub).await);
        drop(peer);
        task.await.unwrap();
    };
    timeout(PATIENCE, work).await.unwrap();
}

#[tokio::test]
async fn readers_go_with_a_peer_that_vanishes() {
    let hub = start_hub();
    let (mut peer, task) = serve(&hub, 64 * 1024);
    let work = async {
        peer.attach_reader(100).await;
        assert!(!takes_five(&hub).await);
        drop(peer);
        task.await.unwrap();
        assert!(takes_five(&hub).await);
    };
    timeout(PATIENCE, work).await.unwrap();
}

#[tokio::test]
async fn readers_go_with_a_server_that_is_dropped() {
    let hub = start_hub();
    let (mut peer, task) = serve(&hub, 64 * 1024);
    let work = async {
        peer.attach_reader(100).await;
        task.abort();
        assert!(task.await.is_err());
        while !takes_five(&hub).await {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, work).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_only_talks_is_heard_out() {
    let hub = start_hub();
    post(&hub, 200, 10_000).await;
    let (mut peer, task) = serve(&hub, 4 * 1024);
    let work = async {
        peer.attach_reader(200).await;
        // None of the events is read while these are written: the stream holds a fraction of either.
        let echo = Flow {
            next_incoming_id: Some(1),
            incoming_window: u32::MAX,
            echo: true,
            ..Flow::default()
        };
        for _ in 0..1_000 {
            peer.send(&Performative::Flow(echo), b"").await;
        }
        peer.expect(1_200).await;
        drop(peer);
        task.await.unwrap();
    };
    timeout(PATIENCE, work).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_says_no_more_is_answered_what_it_asked_before() {
    let hub = start_hub();
    let (mut peer, task) = serve(&hub, 64 * 1024);
    let work = async {
        peer.attach_reader(0).await;
        let echo = Flow {
            next_incoming_id: Some(1),
            incoming_window: u32::MAX,
            echo: true,
            ..Flow::default()
        };
        for _ in 0..100 {
            peer.send(&Performative::Flow(echo), b"").await;
        }
        peer.stream.shutdown().await.unwrap();
        peer.expect(100).await;
        assert_eq!(peer.stream.read_buf(&mut peer.input).await.unwrap(), 0);
        task.await.unwrap();
    };
    timeout(PATIENCE, work).await.unwrap();
}
