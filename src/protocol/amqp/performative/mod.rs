//! Performatives: the one composite that each frame's body begins with.
//!
//! Read leniently (missing fields, integers of any width, strings for symbols) and in place; written as complete lists
//! with their trailing nulls, because Microsoft's Python client reads fields by position and fails on short lists.

use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::value::decode;
use crate::protocol::amqp::writer::Writer;

pub mod connection;
pub mod delivery;
pub mod error;
pub mod fields;
pub mod link;
pub mod sasl;

pub use connection::{Begin, Close, End, Open};
pub use delivery::{DeliveryState, Disposition, Flow, Transfer};
pub use error::AmqpError;
pub use fields::Symbols;
pub use link::{Attach, Detach, Role, Source, Target};
pub use sasl::{SaslBytes, SaslInit, SaslMechanisms, SaslOutcome};

use fields::Fields;

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives on the stack while its frame is handled"
)]
#[allow(
    missing_docs,
    reason = "each variant is documented at the type it holds"
)]
pub enum Performative<'a> {
    Open(Open<'a>),
    Begin(Begin<'a>),
    Attach(Attach<'a>),
    Flow(Flow<'a>),
    Transfer(Transfer<'a>),
    Disposition(Disposition<'a>),
    Detach(Detach<'a>),
    End(End<'a>),
    Close(Close<'a>),
    SaslMechanisms(SaslMechanisms<'a>),
    SaslInit(SaslInit<'a>),
    SaslChallenge(SaslBytes<'a>),
    SaslResponse(SaslBytes<'a>),
    SaslOutcome(SaslOutcome<'a>),
}

impl<'a> Performative<'a> {
    /// Reads the performative at the front of a frame's body, and gives the payload that follows it.
    pub fn decode(body: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let (value, payload) = decode(body).map_err(|error| error.within("performative"))?;
        let described = value.as_described().ok_or(DecodeError::Malformed {
            what: "performative",
        })?;
        let fields = Fields::of(described.value()?, "performative")?;
        let performative = match described.code().unwrap_or(0) {
            descriptor::OPEN => Self::Open(Open::read(fields)?),
            descriptor::BEGIN => Self::Begin(Begin::read(fields)?),
            descriptor::ATTACH => Self::Attach(Attach::read(fields)?),
            descriptor::FLOW => Self::Flow(Flow::read(fields)?),
            descriptor::TRANSFER => Self::Transfer(Transfer::read(fields)?),
            descriptor::DISPOSITION => Self::Disposition(Disposition::read(fields)?),
            descriptor::DETACH => Self::Detach(Detach::read(fields)?),
            descriptor::END => Self::End(End::read(fields)?),
            descriptor::CLOSE => Self::Close(Close::read(fields)?),
            descriptor::SASL_MECHANISMS => Self::SaslMechanisms(SaslMechanisms::read(fields)?),
            descriptor::SASL_INIT => Self::SaslInit(SaslInit::read(fields)?),
            descriptor::SASL_CHALLENGE => Self::SaslChallenge(SaslBytes::read(fields)?),
            descriptor::SASL_RESPONSE => Self::SaslResponse(SaslBytes::read(fields)?),
            descriptor::SASL_OUTCOME => Self::SaslOutcome(SaslOutcome::read(fields)?),
            code => return Err(DecodeError::UnexpectedDescriptor { code }),
        };
        Ok((performative, payload))
    }

    /// Appends the performative to a frame's body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let w = &mut Writer::new(out);
        match self {
            Self::Open(open) => open.write(w),
            Self::Begin(begin) => begin.write(w),
            Self::Attach(attach) => attach.write(w),
            Self::Flow(flow) => flow.write(w),
            Self::Transfer(transfer) => transfer.write(w),
            Self::Disposition(disposition) => disposition.write(w),
            Self::Detach(detach) => detach.write(w),
            Self::End(end) => end.write(w),
            Self::Close(close) => close.write(w),
            Self::SaslMechanisms(mechanisms) => mechanisms.write(w),
            Self::SaslInit(init) => init.write(w),
            Self::SaslChallenge(challenge) => challenge.write(descriptor::SASL_CHALLENGE, w),
            Self::SaslResponse(response) => response.write(descriptor::SASL_RESPONSE, w),
            Self::SaslOutcome(outcome) => outcome.write(w),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::frame::{FrameHeader, FrameKind, begin_frame, end_frame};
    use crate::protocol::amqp::reference;
    use crate::protocol::amqp::value::Value;
    use crate::protocol::amqp::writer::encode;
    use proptest::prelude::*;

    fn body(hex: &str) -> Vec<u8> {
        let bytes = reference::bytes(hex);
        let header = FrameHeader::parse(&bytes, 65_536).unwrap().unwrap();
        assert_eq!(
            (header.kind, header.length()),
            (FrameKind::Amqp, bytes.len())
        );
        header.body(&bytes).unwrap().to_vec()
    }

    #[test]
    fn reads_a_readers_attach_under_either_filter_descriptor() {
        for frame in [
            reference::ATTACH_RECEIVER_NUMERIC_DESCRIPTOR,
            reference::ATTACH_RECEIVER_SYMBOL_DESCRIPTOR,
        ] {
            let body = body(frame);
            let (Performative::Attach(attach), []) = Performative::decode(&body).unwrap() else {
                panic!()
            };
            assert_eq!((attach.name, attach.role), ("r0", Role::Receiver));
            let source = attach.source.unwrap();
            let address = "iothub-ehub-contoso-123-abcdef0123/ConsumerGroups/$Default/Partitions/0";
            assert_eq!(source.address, Some(address));
            let filter = source
                .filter
                .unwrap()
                .find("apache.org:selector-filter:string")
                .unwrap();
            let expression = filter.undescribed().unwrap();
            assert_eq!(
                expression.as_str(),
                Some("amqp.annotation.x-opt-offset > '@latest'")
            );
            assert_eq!(attach.target.unwrap().address, Some("r0"));
            assert_eq!(
                attach.properties.unwrap().find("com.microsoft:epoch"),
                Some(Value::Long(1))
            );
        }
    }

    #[test]
    fn reads_a_redirect() {
        let reply = body(reference::ATTACH_REPLY_BEFORE_REDIRECT);
        let (Performative::Attach(attach), []) = Performative::decode(&reply).unwrap() else {
            panic!()
        };
        assert_eq!(
            (attach.role, attach.source, attach.target),
            (Role::Sender, None, None)
        );
        assert_eq!(
            (attach.initial_delivery_count, attach.max_message_size),
            (Some(0), Some(262_144))
        );
        let detach = body(reference::DETACH_REDIRECT);
        let (Performative::Detach(detach), []) = Performative::decode(&detach).unwrap() else {
            panic!()
        };
        let error = detach.error.unwrap();
        assert!(detach.closed);
        assert_eq!(
            (error.condition, error.description),
            (error::condition::LINK_REDIRECT, None)
        );
        assert_eq!(error.info.unwrap().find("port"), Some(Value::Int(5671)));
    }

    /// IoT Hub's answers as client traces show them (azure-iot-sdk-node issue 1089, azure-iot-sdks issue 263).
    #[test]
    fn reads_an_open_and_the_mechanisms_as_the_hub_sends_them() {
        let container = "DeviceGateway_0123456789abcdef0123456789abcdef";
        let mut open = reference::bytes("005310c0000aa12e");
        open.extend_from_slice(container.as_bytes());
        open.extend(reference::bytes(
            "a1096c6f63616c686f73747000010000601fff700003a9804040404040",
        ));
        open[4] = u8::try_from(open.len() - 5).unwrap();
        let (Performative::Open(open), []) = Performative::decode(&open).unwrap() else {
            panic!()
        };
        assert_eq!(
            (open.container_id, open.hostname),
            (container, Some("localhost"))
        );
        assert_eq!(
            (open.max_frame_size, open.channel_max, open.idle_time_out),
            (Some(65_536), Some(8_191), Some(240_000))
        );
        let offered = ["EXTERNAL", "MSSBCBS", "ANONYMOUS", "PLAIN"];
        let bytes = encoded(&Performative::SaslMechanisms(SaslMechanisms {
            mechanisms: Symbols::Several(&offered),
        }));
        let prefix = reference::bytes("005340c03201e02f04b3");
        assert_eq!(bytes[..3], prefix[..3]);
        let (Performative::SaslMechanisms(read), []) = Performative::decode(&bytes).unwrap() else {
            panic!()
        };
        assert!(read.mechanisms.iter().eq(offered));
    }

    fn encoded(performative: &Performative<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        performative.encode(&mut out);
        out
    }

    fn info_bytes() -> Vec<u8> {
        encode(|w| {
            w.map(|w| {
                w.symbol("port");
                w.int(5671);
            });
        })
    }

    #[expect(clippy::too_many_lines, reason = "one of each")]
    /// One of each, and the number of fields that its list has to have.
    fn samples<'a>(info: &'a Value<'a>) -> Vec<(Performative<'a>, usize)> {
        let map = info.as_map();
        let error = AmqpError {
            condition: "amqp:not-found",
            description: Some("no such thing"),
            info: map,
        };
        let source = Source {
            address: Some("hub/ConsumerGroups/$Default/Partitions/0"),
            filter: map,
            ..Source::default()
        };
        let target = Target {
            address: Some("r"),
            capabilities: Symbols::One("queue"),
            ..Target::default()
        };
        let attach = Attach::new("link", 3, Role::Receiver);
        let desired = Symbols::Several(&["com.microsoft:enable-receiver-runtime-metric", "x"]);
        let full = Attach {
            source: Some(source),
            target: Some(target),
            desired_capabilities: desired,
            properties: map,
            ..attach
        };
        let transfer = Transfer {
            handle: 1,
            delivery_id: Some(7),
            delivery_tag: Some(b"tag"),
            message_format: Some(0x8001_3700),
            settled: Some(true),
            state: Some(DeliveryState::Received {
                section_number: 1,
                section_offset: 2,
            }),
            ..Transfer::default()
        };
        let states = [
            DeliveryState::Accepted,
            DeliveryState::Released,
            DeliveryState::Rejected(Some(error)),
            DeliveryState::Modified {
                delivery_failed: true,
                undeliverable_here: false,
                message_annotations: map,
            },
        ];
        let dispositions = states.map(|state| {
            let state = Some(state);
            Disposition {
                role: Role::Receiver,
                first: 1,
                last: Some(300),
                settled: true,
                state,
                batchable: false,
            }
        });
        let open = Open {
            container_id: "c",
            channel_max: Some(8191),
            properties: map,
            ..Open::default()
        };
        let outcome = SaslOutcome {
            code: SASL_OK,
            additional_data: Some(b"Welcome!"),
        };
        let init = SaslInit {
            mechanism: "PLAIN",
            initial_response: Some(b"\0user\0password"),
            hostname: None,
        };
        let mut all = vec![
            (Performative::Open(open), 10),
            (Performative::Open(Open::default()), 10),
            (
                Performative::Begin(Begin {
                    remote_channel: Some(0),
                    handle_max: Some(255),
                    ..Begin::default()
                }),
                8,
            ),
            (Performative::Attach(attach), 14),
            (Performative::Attach(full), 14),
            (
                Performative::Flow(Flow {
                    incoming_window: 5000,
                    link_credit: Some(300),
                    ..Flow::default()
                }),
                11,
            ),
            (Performative::Transfer(transfer), 11),
            (Performative::Transfer(Transfer::default()), 11),
            (
                Performative::Detach(Detach {
                    handle: 1,
                    closed: true,
                    error: Some(error),
                }),
                3,
            ),
            (Performative::End(End::default()), 1),
            (Performative::Close(Close { error: Some(error) }), 1),
            (Performative::SaslInit(init), 3),
            (Performative::SaslOutcome(outcome), 2),
            (Performative::SaslChallenge(SaslBytes { bytes: b"c" }), 1),
            (Performative::SaslResponse(SaslBytes { bytes: b"r" }), 1),
        ];
        all.extend(dispositions.map(|disposition| (Performative::Disposition(disposition), 6)));
        all
    }

    use super::sasl::SASL_OK;

    #[test]
    fn writes_complete_lists_and_reads_them_back() {
        let bytes = info_bytes();
        let (info, _) = decode(&bytes).unwrap();
        for (performative, fields) in samples(&info) {
            let mut out = Vec::new();
            let start = begin_frame(&mut out, FrameKind::Amqp, 1);
            performative.encode(&mut out);
            out.extend_from_slice(b"payload");
            end_frame(&mut out, start);
            let (read, payload) = Performative::decode(&out[8..]).unwrap();
            assert_eq!((read, payload), (performative, &b"payload"[..]));
            let list = decode(&out[8..]).unwrap().0.undescribed().unwrap();
            assert_eq!(list.as_list().unwrap().len(), fields, "{performative:?}");
        }
        let attach = encoded(&samples(&info)[4].0);
        let (value, _) = decode(&attach).unwrap();
        let ends: Vec<_> = [5, 6]
            .map(|at| {
                value
                    .undescribed()
                    .unwrap()
                    .as_list()
                    .unwrap()
                    .at(at)
                    .unwrap()
                    .undescribed()
                    .unwrap()
            })
            .map(|end| end.as_list().unwrap().len())
            .into();
        assert_eq!(ends, [11, 7]);
    }

    /// The client's AMQP library reads what is written here, and what it writes in turn is read here.
    #[test]
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the security layer has types of its own there"
    )]
    fn fe2o3_agrees_on_performatives() {
        use fe2o3_amqp_types::performatives as theirs;
        macro_rules! through {
            ($kind:ident, $bytes:expr) => {{
                let read: theirs::$kind = serde_amqp::from_slice($bytes).unwrap();
                serde_amqp::to_vec(&read).unwrap()
            }};
        }
        let bytes = info_bytes();
        let (info, _) = decode(&bytes).unwrap();
        for (performative, _) in samples(&info) {
            let ours = encoded(&performative);
            let back = match performative {
                Performative::Open(_) => through!(Open, &ours),
                Performative::Begin(_) => through!(Begin, &ours),
                Performative::Attach(_) => through!(Attach, &ours),
                Performative::Flow(_) => through!(Flow, &ours),
                Performative::Transfer(_) => through!(Transfer, &ours),
                Performative::Disposition(_) => through!(Disposition, &ours),
                Performative::Detach(_) => through!(Detach, &ours),
                Performative::End(_) => through!(End, &ours),
                Performative::Close(_) => through!(Close, &ours),
                _ => continue,
            };
            let (read, rest) = Performative::decode(&back).unwrap();
            assert!(rest.is_empty());
            // It fills in defaults for nulls; errors and states have none.
            if matches!(
                performative,
                Performative::Detach(_) | Performative::Disposition(_) | Performative::Close(_)
            ) {
                assert_eq!(read, performative);
            }
        }
    }

    #[test]
    fn reads_short_lists_any_width_and_symbolic_descriptors() {
        let bytes = encode(|w| {
            w.described_by("amqp:attach:list", |w| {
                w.list(|w| {
                    w.symbol("name as symbol");
                    w.long(3);
                    w.bool(true);
                });
            });
        });
        let (Performative::Attach(attach), []) = Performative::decode(&bytes).unwrap() else {
            panic!()
        };
        assert_eq!(
            (attach.name, attach.handle, attach.properties),
            ("name as symbol", 3, None)
        );
        let (Performative::Close(close), []) =
            Performative::decode(&[0, 0x53, 0x18, 0x45]).unwrap()
        else {
            panic!()
        };
        assert_eq!(close.error, None);
    }

    #[test]
    fn keeps_passwords_out_of_debug_texts() {
        let init = SaslInit {
            mechanism: "PLAIN",
            initial_response: Some(b"\0user\0password"),
            hostname: None,
        };
        assert_eq!(init.plain_credentials(), Some(("user", "password")));
        assert_eq!(
            format!("{init:?}"),
            "SaslInit { mechanism: \"PLAIN\", hostname: None, .. }"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe_to_read(code in 0x10_u8..0x45, bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Performative::decode(&bytes);
            let mut list = vec![0, 0x53, code, 0xc0, u8::try_from(bytes.len() + 1).unwrap(), 11];
            list.extend_from_slice(&bytes);
            let _ = Performative::decode(&list);
        }

        #[test]
        fn changed_bytes_are_safe_to_read(at: prop::sample::Index, byte: u8, which: prop::sample::Index) {
            let info = info_bytes();
            let (info, _) = decode(&info).unwrap();
            let samples = samples(&info);
            let mut bytes = encoded(&samples[which.index(samples.len())].0);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok((performative, _)) = Performative::decode(&bytes) {
                let _ = encoded(&performative);
                let _ = format!("{performative:?}");
            }
        }
    }
}
