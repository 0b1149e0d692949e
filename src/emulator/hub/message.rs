//! A device's message as readers see it: the AMQP message with the hub's annotations in front.
//!
//! Source: annotations as `az iot hub monitor-events` dumps them; learn.microsoft.com, "Create and read IoT Hub messages".

use bytes::Bytes;

use super::command::{DeviceMessage, PlugAndPlay};
use super::sessions::ProvenBy;
use crate::protocol::amqp::descriptor::{
    APPLICATION_PROPERTIES, DATA, MESSAGE_ANNOTATIONS, PROPERTIES,
};
use crate::protocol::amqp::event::annotation;
use crate::protocol::amqp::writer::Writer;

/// Room for the annotations' names and fixed values, so that the buffer grows once.
const ANNOTATION_ROOM: usize = 420;

/// Who sent a message, and how that was proven.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender<'a> {
    pub device: &'a str,
    pub module: Option<&'a str>,
    pub origin: Origin<'a>,
}

/// Where a message comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    /// The device or module sent it.
    Device {
        generation_id: &'a str,
        /// The JSON text of `iothub-connection-auth-method`.
        auth_method: &'a str,
    },
    /// The hub tells what happened to it.
    Hub {
        /// The annotation `iothub-message-source`.
        source: &'a str,
    },
}

/// Where a message is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub sequence_number: i64,
    pub offset: i64,
    /// Milliseconds since 1970.
    pub enqueued: i64,
}

const AUTH_BY_DEVICE: &str =
    r#"{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}"#;
const AUTH_BY_MODULE: &str =
    r#"{"scope":"module","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}"#;
const AUTH_BY_POLICY: &str =
    r#"{"scope":"hub","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}"#;

// As a device certified by an authority is seen at the service; how one with a thumbprint looks is not in evidence.
const CERTIFIED_DEVICE: &str = r#"{"scope":"device","type":"x509Certificate","issuer":"external","acceptingIpFilterRule":null}"#;
const CERTIFIED_MODULE: &str = r#"{"scope":"module","type":"x509Certificate","issuer":"external","acceptingIpFilterRule":null}"#;

/// The JSON of `iothub-connection-auth-method`.
pub(super) fn auth_method(proven_by: ProvenBy, is_module: bool) -> &'static str {
    match proven_by {
        ProvenBy::OwnKey if is_module => AUTH_BY_MODULE,
        ProvenBy::OwnKey => AUTH_BY_DEVICE,
        ProvenBy::PolicyKey => AUTH_BY_POLICY,
        ProvenBy::Certificate if is_module => CERTIFIED_MODULE,
        ProvenBy::Certificate => CERTIFIED_DEVICE,
    }
}

/// Encodes the whole message.
pub(super) fn encode(sender: Sender<'_>, place: Place, message: &DeviceMessage) -> Bytes {
    let mut out = Vec::with_capacity(ANNOTATION_ROOM + message.size());
    let writer = &mut Writer::new(&mut out);
    write_annotations(writer, sender, place, &message.plug_and_play);
    write_properties(writer, message);
    if !message.properties.is_empty() {
        writer.described(APPLICATION_PROPERTIES, |writer| {
            writer.map(|writer| {
                for (name, value) in &message.properties {
                    writer.string(name);
                    writer.string(value);
                }
            });
        });
    }
    writer.described(DATA, |writer| writer.binary(&message.body));
    Bytes::from(out)
}

fn write_annotations(
    writer: &mut Writer<'_>,
    sender: Sender<'_>,
    place: Place,
    known: &PlugAndPlay,
) {
    writer.described(MESSAGE_ANNOTATIONS, |writer| {
        writer.map(|writer| {
            writer.symbol("x-opt-sequence-number");
            writer.long(place.sequence_number);
            writer.symbol("x-opt-offset");
            writer.string(&place.offset.to_string());
            writer.symbol("x-opt-enqueued-time");
            writer.timestamp(place.enqueued);
            // The replication segment; -1 where there is none.
            writer.symbol("x-opt-sequence-number-epoch");
            writer.int(-1);
            writer.symbol("iothub-connection-device-id");
            writer.string(sender.device);
            if let Some(module) = sender.module {
                writer.symbol("iothub-connection-module-id");
                writer.string(module);
            }
            let source = match sender.origin {
                Origin::Device {
                    generation_id,
                    auth_method,
                } => {
                    writer.symbol("iothub-connection-auth-method");
                    writer.string(auth_method);
                    writer.symbol("iothub-connection-auth-generation-id");
                    writer.string(generation_id);
                    "Telemetry"
                }
                Origin::Hub { source } => source,
            };
            writer.symbol("iothub-enqueuedtime");
            writer.timestamp(place.enqueued);
            writer.symbol("iothub-message-source");
            writer.string(source);
            for (name, value) in [
                (annotation::INTERFACE_ID, known.interface.as_deref()),
                (annotation::MODEL_ID, known.model.as_deref()),
                (annotation::COMPONENT, known.component.as_deref()),
            ] {
                if let Some(value) = value {
                    writer.symbol(name);
                    writer.string(value);
                }
            }
        });
    });
}

fn write_properties(writer: &mut Writer<'_>, message: &DeviceMessage) {
    let DeviceMessage {
        message_id,
        correlation_id,
        user_id,
        to,
        absolute_expiry,
        content_type,
        content_encoding,
        body: _,
        plug_and_play: _,
        properties: _,
    } = message;
    let all = [
        message_id,
        correlation_id,
        user_id,
        to,
        content_type,
        content_encoding,
    ];
    if absolute_expiry.is_none() && all.iter().all(|property| property.is_none()) {
        return;
    }
    writer.described(PROPERTIES, |writer| {
        writer.list(|writer| {
            writer.optional(message_id.as_deref(), Writer::string);
            writer.optional(user_id.as_deref().map(str::as_bytes), Writer::binary);
            writer.optional(to.as_deref(), Writer::string);
            // subject, reply-to
            (0..2).for_each(|_| writer.null());
            writer.optional(correlation_id.as_deref(), Writer::string);
            writer.optional(content_type.as_deref(), Writer::symbol);
            writer.optional(content_encoding.as_deref(), Writer::symbol);
            // Nulls at the end of a list are left out.
            if let Some(time) = absolute_expiry {
                writer.timestamp(*time);
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::message::Message;
    use crate::protocol::amqp::value::{Value, decode};

    #[test]
    fn every_annotation_has_its_type_and_the_body_is_one_data_section() {
        let message = DeviceMessage {
            body: Bytes::from_static(b"{}"),
            message_id: Some("m1".to_owned()),
            user_id: Some("u".to_owned()),
            to: Some("/x".to_owned()),
            absolute_expiry: Some(7),
            content_type: Some("application/json".to_owned()),
            plug_and_play: PlugAndPlay {
                interface: Some("dtmi:a;1".to_owned()),
                component: Some("room".to_owned()),
                model: Some("dtmi:b;1".into()),
            },
            properties: [
                ("level".to_owned(), "high".to_owned()),
                ("iothub-message-schema".to_owned(), "s1".to_owned()),
            ]
            .into(),
            ..DeviceMessage::default()
        };
        let sender = Sender {
            device: "d1",
            module: None,
            origin: Origin::Device {
                generation_id: "638501443865961375",
                auth_method: AUTH_BY_DEVICE,
            },
        };
        let place = Place {
            sequence_number: 16,
            offset: 8448,
            enqueued: 1_714_547_677_956,
        };
        let encoded = encode(sender, place, &message);
        let mut rest: &[u8] = &encoded;
        let mut sections = Vec::new();
        while !rest.is_empty() {
            let (value, next) = decode(rest).unwrap();
            let Value::Described(section) = value else {
                panic!("no section: {value:?}");
            };
            sections.push((section.code().unwrap(), section.value().unwrap()));
            rest = next;
        }
        let codes: Vec<u64> = sections.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, [0x72, 0x73, 0x74, 0x75]);
        let Value::Map(annotations) = sections[0].1 else {
            panic!("the annotations are no map")
        };
        let expected = [
            ("x-opt-sequence-number", Value::Long(16)),
            ("x-opt-offset", Value::String("8448")),
            ("x-opt-enqueued-time", Value::Timestamp(1_714_547_677_956)),
            ("x-opt-sequence-number-epoch", Value::Int(-1)),
            ("iothub-connection-device-id", Value::String("d1")),
            (
                "iothub-connection-auth-method",
                Value::String(AUTH_BY_DEVICE),
            ),
            (
                "iothub-connection-auth-generation-id",
                Value::String("638501443865961375"),
            ),
            ("iothub-enqueuedtime", Value::Timestamp(1_714_547_677_956)),
            ("iothub-message-source", Value::String("Telemetry")),
            ("iothub-interface-id", Value::String("dtmi:a;1")),
            ("dt-dataschema", Value::String("dtmi:b;1")),
            ("dt-subject", Value::String("room")),
        ];
        for (name, value) in expected {
            assert_eq!(annotations.find(name), Some(value), "{name}");
        }
        assert_eq!(annotations.len(), expected.len() * 2);
        let properties = Message::parse(&encoded).unwrap().properties;
        assert_eq!(properties.to(), Some("/x"));
        assert_eq!(properties.absolute_expiry_time(), Some(7));
        assert_eq!(sections[3].1, Value::Binary(b"{}"));
        // The model is the connection's.
        assert_eq!(message.size(), 2 + 2 + 1 + 16 + 9 + 2 + 8 + 4 + 2 + 8);
    }
}
