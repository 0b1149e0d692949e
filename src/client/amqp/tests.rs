//! A whole exchange with a peer that answers as the services do, and what was sent held against what Microsoft's SDKs
//! send for the same job.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::cbs::{Grant, put_token};
use super::connection::encode;
use super::request::RequestLinks;
use super::{Connection, ConnectionError, Receiver, management, redirect};
use crate::model::secret::Secret;
use crate::protocol::amqp::address::{Address, CBS, MANAGEMENT};
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::frame::{FrameHeader, FrameKind, begin_frame, end_frame};
use crate::protocol::amqp::management::EventHubProperties;
use crate::protocol::amqp::message::Message;
use crate::protocol::amqp::performative::{
    AmqpError, Attach, Begin, Detach, Flow, Open, Performative, Role, SaslMechanisms, SaslOutcome,
    Symbols, Transfer,
};
use crate::protocol::amqp::redirect::Redirect;
use crate::protocol::amqp::response::Response;
use crate::protocol::amqp::value::{Value, decode};
use crate::protocol::amqp::writer::encode as encode_value;

const LIMIT: Duration = Duration::from_secs(5);
const ENTITY: &str = "iothub-ehub-contoso-123-abcdef0123";

/// The other end: answers everything, keeps what it got.
struct Peer {
    stream: DuplexStream,
    /// Whole frames, in the order of their arrival.
    got: Vec<Vec<u8>>,
    /// What requests are answered with.
    status: u16,
}

impl Peer {
    async fn frame(&mut self) -> Option<Vec<u8>> {
        let mut frame = vec![0; 8];
        self.stream.read_exact(&mut frame).await.ok()?;
        let header = FrameHeader::parse(&frame, 65_536).unwrap().unwrap();
        frame.resize(header.length(), 0);
        self.stream.read_exact(&mut frame[8..]).await.ok()?;
        Some(frame)
    }

    async fn header(&mut self) {
        let mut header = [0; 8];
        self.stream.read_exact(&mut header).await.unwrap();
        self.stream.write_all(&header).await.unwrap();
    }

    async fn sasl(&mut self, performative: &Performative<'_>) {
        let mut frame = Vec::new();
        let start = begin_frame(&mut frame, FrameKind::Sasl, 0);
        performative.encode(&mut frame);
        end_frame(&mut frame, start);
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn send(&mut self, channel: u16, performative: &Performative<'_>, payload: &[u8]) {
        let mut frame = encode(channel, performative);
        frame.extend_from_slice(payload);
        end_frame(&mut frame, 0);
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn serve(mut self) -> Vec<Vec<u8>> {
        self.header().await;
        let offered = ["EXTERNAL", "MSSBCBS", "ANONYMOUS", "PLAIN"];
        let mechanisms = Symbols::Several(&offered);
        self.sasl(&Performative::SaslMechanisms(SaslMechanisms { mechanisms }))
            .await;
        let init = self.frame().await.unwrap();
        self.got.push(init);
        self.sasl(&Performative::SaslOutcome(SaslOutcome {
            code: 0,
            additional_data: Some(b"Welcome!"),
        }))
        .await;
        self.header().await;
        while let Some(frame) = self.frame().await {
            self.answer(&frame).await;
            self.got.push(frame);
        }
        self.got
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all else needs no answer")]
    async fn answer(&mut self, frame: &[u8]) {
        let channel = u16::from_be_bytes([frame[6], frame[7]]);
        // The peer's channels are its own affair.
        let own = channel + 7;
        if frame.len() == 8 {
            return;
        }
        let (performative, payload) = Performative::decode(&frame[8..]).unwrap();
        match performative {
            Performative::Open(_) => {
                let open = Open {
                    container_id: "peer",
                    idle_time_out: Some(240_000),
                    ..Open::default()
                };
                self.send(0, &Performative::Open(open), &[]).await;
                // A keep-alive at once, which nobody must stumble over.
                self.stream
                    .write_all(&[0, 0, 0, 8, 2, 0, 0, 0])
                    .await
                    .unwrap();
            }
            Performative::Begin(_) => {
                let begin = Begin {
                    remote_channel: Some(channel),
                    ..Begin::default()
                };
                self.send(own, &Performative::Begin(begin), &[]).await;
            }
            Performative::Attach(attach) => self.attach(own, &attach).await,
            Performative::Transfer(_) => self.reply(own, payload).await,
            Performative::Close(close) => {
                self.send(0, &Performative::Close(close), &[]).await;
            }
            _ => {}
        }
    }

    async fn attach(&mut self, channel: u16, attach: &Attach<'_>) {
        let is_sender = attach.role == Role::Sender;
        let role = if is_sender {
            Role::Receiver
        } else {
            Role::Sender
        };
        let address = attach.source.and_then(|source| source.address);
        if address.is_some_and(|address| address.contains("messages/events")) {
            let refused = Attach::new(attach.name, 0, role);
            self.send(channel, &Performative::Attach(refused), &[])
                .await;
            let redirect = Redirect::new("ns", 5671, ENTITY, "$management");
            let info = encode_value(|w| redirect.write_info(w));
            let (info, _) = decode(&info).unwrap();
            let error = AmqpError {
                condition: "amqp:link:redirect",
                description: None,
                info: info.as_map(),
            };
            let detach = Detach {
                handle: 0,
                closed: true,
                error: Some(error),
            };
            self.send(channel, &Performative::Detach(detach), &[]).await;
            return;
        }
        let answer = Attach {
            source: attach.source,
            target: attach.target,
            ..Attach::new(attach.name, attach.handle, role)
        };
        self.send(channel, &Performative::Attach(answer), &[]).await;
        if is_sender {
            // As gateway v2 sends it: without a next-incoming-id.
            let flow = Flow {
                handle: Some(attach.handle),
                delivery_count: Some(0),
                link_credit: Some(100),
                ..Flow::default()
            };
            self.send(channel, &Performative::Flow(flow), &[]).await;
        }
    }

    async fn reply(&mut self, channel: u16, payload: &[u8]) {
        let request = Message::parse(payload).unwrap();
        let id = request.properties.message_id();
        let mut reply = Vec::new();
        let answer = EventHubProperties {
            name: ENTITY.to_owned(),
            created_at_ms: 0,
            partition_ids: vec!["0".to_owned(), "1".to_owned()],
        };
        Response::new(id, self.status, "words").write(&mut reply, |w| answer.write_body(w));
        // In two frames.
        let (first, second) = reply.split_at(10);
        for (part, more) in [(first, true), (second, false)] {
            let transfer = Transfer {
                handle: 1,
                delivery_id: Some(0),
                delivery_tag: Some(b"t"),
                more,
                ..Transfer::default()
            };
            self.send(channel, &Performative::Transfer(transfer), part)
                .await;
        }
    }
}

/// Runs `client` against a peer whose answers have this status; what the peer got.
fn exchange<F, T>(status: u16, client: F) -> (T, Vec<Vec<u8>>)
where
    F: AsyncFnOnce(&mut Connection) -> T,
{
    let run = async {
        let (near, far) = duplex(1 << 16);
        let peer = Peer {
            stream: far,
            got: Vec::new(),
            status,
        };
        let peer = tokio::spawn(peer.serve());
        let mut connection = Connection::open(Box::new(near), "ns", "container", LIMIT)
            .await
            .unwrap();
        let result = client(&mut connection).await;
        connection.close().await;
        (result, peer.await.unwrap())
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(run)
}

/// The frame of a golden file.
fn golden(text: &str) -> Vec<u8> {
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    let hex = file["frame_hex"].as_str().unwrap();
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// The payload of a frame's transfer, if it is one.
fn payload_of(frame: &[u8]) -> Option<&[u8]> {
    match Performative::decode(&frame[8..]).ok()? {
        (Performative::Transfer(_), payload) => Some(payload),
        _ => None,
    }
}

/// The application properties of a request, without `left_out`, in the order of their names.
fn properties(payload: &[u8], left_out: &str) -> Vec<(String, String)> {
    let message = Message::parse(payload).unwrap();
    let pairs = message.application_properties.unwrap_or_default();
    let mut pairs: Vec<_> = pairs
        .pairs()
        .map(|pair| pair.unwrap())
        .map(|(name, value)| (name.as_str().unwrap().to_owned(), format!("{value:?}")))
        .filter(|(name, _)| name != left_out)
        .collect();
    pairs.sort();
    pairs
}

#[test]
fn tokens_are_put_as_the_python_client_puts_them() {
    let theirs = golden(include_str!(
        "../../../tests/it/golden/sdk/py_eventhub_put_token_entity.json"
    ));
    let theirs = payload_of(&theirs).unwrap();
    let message = Message::parse(theirs).unwrap();
    let audience = message.application_property("name").unwrap();
    let crate::protocol::amqp::message::Body::Value(Value::String(token)) = message.body else {
        panic!()
    };
    let grant = Grant {
        audience: audience.as_str().unwrap().to_owned(),
        token: Secret::new(token),
    };
    for status in [200, 202] {
        let (result, got) = exchange(status, async |connection| {
            let mut links = RequestLinks::open(connection, 0, CBS, "c").await?;
            put_token(connection, &mut links, &grant).await
        });
        result.unwrap();
        let ours = got.iter().find_map(|frame| payload_of(frame)).unwrap();
        assert_eq!(properties(ours, ""), properties(theirs, "expiration"));
        assert_eq!(Message::parse(ours).unwrap().body, message.body);
    }
}

#[test]
fn a_token_that_is_refused_is_told_by_its_status() {
    let grant = Grant {
        audience: "sb://ns/e".to_owned(),
        token: Secret::new("SharedAccessSignature sr=x"),
    };
    let (result, _) = exchange(401, async |connection| {
        let mut links = RequestLinks::open(connection, 0, CBS, "c").await?;
        put_token(connection, &mut links, &grant).await
    });
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "$cbs answered 401: words");
    assert!(matches!(error, ConnectionError::Status { code: 401, .. }));
    assert!(!format!("{grant:?}").contains("SharedAccess"));
}

#[test]
fn partitions_are_asked_for_as_the_javascript_client_asks() {
    let (result, got) = exchange(200, async |connection| {
        let mut links = RequestLinks::open(connection, 0, MANAGEMENT, "c").await?;
        let found = management::read_event_hub(connection, &mut links, ENTITY).await?;
        links.end(connection).await?;
        Ok::<_, ConnectionError>(found)
    });
    assert_eq!(result.unwrap().partition_ids, ["0", "1"]);
    let ours = got.iter().find_map(|frame| payload_of(frame)).unwrap();
    for theirs in [
        include_str!("../../../tests/it/golden/sdk/js_event_hubs_6_0_4_read_eventhub.json"),
        include_str!("../../../tests/it/golden/sdk/py_eventhub_read_eventhub.json"),
    ] {
        let theirs = golden(theirs);
        let theirs = payload_of(&theirs).unwrap();
        assert_eq!(properties(ours, ""), properties(theirs, "security_token"));
    }
}

#[test]
fn the_hub_is_asked_where_the_older_javascript_client_asks() {
    let (result, got) = exchange(200, async |connection| {
        redirect::ask(connection, 1, "contoso.azure-devices.net").await
    });
    let redirect = result.unwrap();
    assert_eq!(
        (
            redirect.hostname.as_str(),
            redirect.port,
            redirect.entity.as_str()
        ),
        ("ns", 5671, ENTITY)
    );
    let theirs = golden(include_str!(
        "../../../tests/it/golden/sdk/js_event_hubs_0_2_11_attach_hub_management.json"
    ));
    let address = |frame: &[u8]| match Performative::decode(&frame[8..]) {
        Ok((Performative::Attach(attach), _)) => {
            let target = attach.target.and_then(|target| target.address);
            let source = attach.source.and_then(|source| source.address);
            source.or(target).map(Address::parse)
        }
        _ => None,
    };
    let ours = got.iter().find_map(|frame| address(frame));
    assert_eq!(ours, address(&theirs));
}

#[test]
fn the_connection_opens_as_the_sdks_open_it() {
    let ((), got) = exchange(200, async |_| ());
    let theirs = golden(include_str!(
        "../../../tests/it/golden/sdk/js_event_hubs_6_0_4_sasl_init.json"
    ));
    let mechanism = |frame: &[u8]| match Performative::decode(&frame[8..]) {
        Ok((Performative::SaslInit(init), _)) => Some(init.mechanism.to_owned()),
        _ => None,
    };
    assert_eq!(mechanism(&got[0]), mechanism(&theirs));
    // Further fields differ from SDK to SDK; what matters is that both sides know how large a frame may be.
    let (Performative::Open(open), _) = Performative::decode(&got[1][8..]).unwrap() else {
        panic!()
    };
    assert_eq!(open.max_frame_size, Some(65_536));
    assert_eq!(open.hostname, Some("ns"));
}

#[test]
fn partitions_are_attached_as_the_sdks_attach_them() {
    let latest = Position::Latest;
    let after_41 = Position::SequenceNumber {
        number: 41,
        inclusive: false,
    };
    for (text, position) in [
        (
            include_str!("../../../tests/it/golden/sdk/js_event_hubs_6_0_4_attach_latest.json"),
            &latest,
        ),
        (
            include_str!(
                "../../../tests/it/golden/sdk/js_event_hubs_6_0_4_attach_sequence_exclusive.json"
            ),
            &after_41,
        ),
        (
            include_str!(
                "../../../tests/it/golden/sdk/js_event_hubs_0_2_11_attach_sequence_exclusive.json"
            ),
            &after_41,
        ),
    ] {
        let theirs = golden(text);
        let (Performative::Attach(theirs), _) = Performative::decode(&theirs[8..]).unwrap() else {
            panic!()
        };
        let address = theirs.source.unwrap().address.unwrap();
        let receiver = Receiver::new(2, "r".to_owned(), address.to_owned());
        let ours = receiver
            .attach(position, |attach| encode(2, attach))
            .unwrap();
        let (Performative::Attach(ours), _) = Performative::decode(&ours[8..]).unwrap() else {
            panic!()
        };
        assert_eq!(ours.role, theirs.role);
        let (ours, theirs) = (ours.source.unwrap(), theirs.source.unwrap());
        assert_eq!(ours.address, theirs.address);
        // The same key, the same descriptor, the same expression: the same bytes.
        assert_eq!(
            ours.filter.unwrap().as_bytes(),
            theirs.filter.unwrap().as_bytes()
        );
    }
}
