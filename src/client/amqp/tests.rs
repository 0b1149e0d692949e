//! A whole exchange with a peer that answers as the services do, and what was sent held against what Microsoft's SDKs
//! send for the same job.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::duplex;

use super::cbs::{Grant, put_token};
use super::peer::{ENTITY, Peer, encode};
use super::request::RequestLinks;
use super::{Connection, ConnectionError, Receiver, Timing, management, redirect};
use crate::model::secret::Secret;
use crate::protocol::amqp::address::{Address, CBS, MANAGEMENT};
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::message::Message;
use crate::protocol::amqp::performative::Performative;
use crate::protocol::amqp::value::Value;
use crate::tracer::Tracer;

const LIMIT: Duration = Duration::from_secs(5);

/// Runs `client` against a peer whose answers have this status; what the peer got.
fn exchange<F, T>(status: u16, client: F) -> (T, Vec<Vec<u8>>)
where
    F: AsyncFnOnce(&mut Connection) -> T,
{
    let run = async {
        let (near, far) = duplex(1 << 16);
        let mut peer = Peer {
            stream: far,
            got: Vec::new(),
            status,
            script: VecDeque::new(),
        };
        let peer = tokio::spawn(async move {
            peer.serve().await;
            peer.got
        });
        let mut connection = Connection::open(
            Box::new(near),
            "ns",
            "container",
            Timing {
                limit: LIMIT,
                idle_time_out: super::connection::IDLE_TIME_OUT,
            },
            Tracer::default(),
        )
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
