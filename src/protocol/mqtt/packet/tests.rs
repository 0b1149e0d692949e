use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1024;

fn publish() -> impl Strategy<Value = Packet> {
    let parts = (
        "[a-z/$=&%]{1,40}",
        prop::collection::vec(any::<u8>(), 0..200),
        0..3u8,
        1..=u16::MAX,
        any::<[bool; 2]>(),
    );
    parts.prop_map(|(topic, payload, qos, pkid, [dup, retain])| {
        let qos = mqttbytes::qos(qos).unwrap();
        Packet::Publish(Publish {
            dup,
            qos,
            retain,
            pkid: if qos == QoS::AtMostOnce { 0 } else { pkid },
            topic,
            payload: Bytes::from(payload),
        })
    })
}

fn connect() -> impl Strategy<Value = Packet> {
    let login = prop::option::of(("\\PC{1,20}", "\\PC{0,20}"));
    let will = prop::option::of(("[a-z/]{1,20}", any::<bool>()));
    (any::<u16>(), "\\PC{0,20}", any::<bool>(), login, will).prop_map(
        |(keep_alive, client_id, clean_session, login, will)| {
            Packet::Connect(Connect {
                keep_alive,
                clean_session,
                login: login.map(|(user, password)| Login::new(user, password)),
                last_will: will
                    .map(|(topic, retain)| LastWill::new(topic, "gone", QoS::AtLeastOnce, retain)),
                ..Connect::new(client_id)
            })
        },
    )
}

fn packet() -> impl Strategy<Value = Packet> {
    let id = 1..=u16::MAX;
    prop_oneof![
        publish(),
        connect(),
        any::<bool>().prop_map(|present| Packet::ConnAck(ConnAck::new(
            ConnectReturnCode::NotAuthorized,
            present
        ))),
        id.clone().prop_map(|id| Packet::PubAck(PubAck::new(id))),
        (id.clone(), "[a-z/#+]{1,20}").prop_map(|(pkid, filter)| {
            let filters = vec![SubscribeFilter::new(filter, QoS::AtLeastOnce)];
            Packet::Subscribe(Subscribe { pkid, filters })
        }),
        id.clone().prop_map(|id| Packet::SubAck(SubAck::new(
            id,
            vec![
                SubscribeReasonCode::Success(QoS::AtMostOnce),
                SubscribeReasonCode::Failure
            ]
        ))),
        (id.clone(), "[a-z/#+]{1,20}").prop_map(|(pkid, topic)| {
            let topics = vec![topic];
            Packet::Unsubscribe(Unsubscribe { pkid, topics })
        }),
        id.prop_map(|id| Packet::UnsubAck(UnsubAck::new(id))),
        Just(Packet::PingReq),
        Just(Packet::PingResp),
        Just(Packet::Disconnect),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_it_is_cut(
        packets in prop::collection::vec(packet(), 1..8),
        cut in 1..40usize,
    ) {
        let mut written = BytesMut::new();
        for packet in &packets {
            write(packet, &mut written).unwrap();
        }
        let (mut arrived, mut found) = (BytesMut::new(), Vec::new());
        for chunk in written.chunks(cut) {
            arrived.extend_from_slice(chunk);
            while let Some(packet) = read(&mut arrived, LIMIT).unwrap() {
                found.push(packet);
            }
        }
        prop_assert!(arrived.is_empty());
        prop_assert_eq!(found, packets);
    }

    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..60), kind in 0..16u8, length in 0..60u8) {
        if let [first, second, ..] = bytes.as_mut_slice() {
            (*first, *second) = (kind << 4 | *first & 0x0F, length);
        }
        let mut bytes = BytesMut::from(bytes.as_slice());
        while let Ok(Some(_)) = read(&mut bytes, LIMIT) {}
    }
}

fn read_all(bytes: &[u8]) -> Result<Option<Packet>, PacketError> {
    read(&mut BytesMut::from(bytes), LIMIT)
}

/// A CONNECT of a client without user or password.
fn bare_connect(name: &[u8], level: u8, flags: u8) -> Vec<u8> {
    let mut body = vec![0, u8::try_from(name.len()).unwrap()];
    body.extend(name);
    body.extend([level, flags, 0, 60, 0, 1, b'd']);
    let mut bytes = vec![0x10, u8::try_from(body.len()).unwrap()];
    bytes.extend(body);
    bytes
}

#[test]
fn other_versions_are_told_from_bad_packets() {
    assert!(matches!(
        read_all(&bare_connect(b"MQTT", 4, 2)),
        Ok(Some(Packet::Connect(_)))
    ));
    for (name, level) in [(&b"MQIsdp"[..], 3), (b"MQTT", 5), (b"MQTT", 3)] {
        let refused = read_all(&bare_connect(name, level, 2));
        assert_eq!(refused, Err(PacketError::Version), "{level}");
    }
    for (name, flags) in [(&b"HTTP"[..], 2), (b"MQTT", 3), (b"MQTT", 0x42)] {
        let refused = read_all(&bare_connect(name, 4, flags));
        assert!(
            matches!(refused, Err(PacketError::Malformed { .. })),
            "{flags}: {refused:?}"
        );
    }
}

#[test]
fn what_the_standard_forbids_is_refused() {
    for bytes in [
        &[0x00, 0x00][..],
        &[0xF0, 0x00],
        // SUBSCRIBE with other flags, with no identifier, and for nothing.
        &[0x80, 0x06, 0, 1, 0, 1, b'a', 0],
        &[0x82, 0x06, 0, 0, 0, 1, b'a', 0],
        &[0x82, 0x02, 0, 1],
        // UNSUBSCRIBE from nothing.
        &[0xA2, 0x02, 0, 1],
        // PUBLISH with QoS 3, to a filter, and to nothing.
        &[0x36, 0x05, 0, 1, b'a', 0, 1],
        &[0x30, 0x03, 0, 1, b'#'],
        &[0x30, 0x02, 0, 0],
        // A length of five bytes.
        &[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        &[0x10, 0x00],
    ] {
        let refused = read_all(bytes);
        assert!(
            matches!(refused, Err(PacketError::Malformed { .. })),
            "{bytes:02x?}: {refused:?}"
        );
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_has_come() {
    // 1025 bytes are announced, and none is there.
    let refused = read_all(&[0x30, 0x81, 0x08]);
    let limit = LIMIT;
    assert_eq!(refused, Err(PacketError::TooLarge { size: 1025, limit }));
    assert_eq!(read_all(&[0x30, 0x80, 0x08]), Ok(None));
    assert_eq!(read_all(&[]), Ok(None));
    assert_eq!(read_all(&[0x10]), Ok(None));
}

#[test]
fn a_topic_beyond_what_can_be_written_leaves_nothing_behind() {
    let topic = "a".repeat(65_536);
    let mut out = BytesMut::from(&b"before"[..]);
    let publish = Packet::Publish(Publish::new(topic, QoS::AtMostOnce, "x"));
    assert!(write(&publish, &mut out).is_err());
    assert_eq!(out, &b"before"[..]);
}
