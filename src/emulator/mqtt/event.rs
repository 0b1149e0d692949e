//! A device's message as its topic and payload tell it.

use std::sync::Arc;

use bytes::Bytes;

use crate::emulator::hub::command::DeviceMessage;
use crate::model::device::IdentityId;
use crate::model::span::parse_iso8601;
use crate::protocol::amqp::event::application;
use crate::protocol::mqtt::packet::LastWill;
use crate::protocol::mqtt::property_bag;
use crate::protocol::mqtt::system_property::SystemProperty;
use crate::protocol::mqtt::topic::DeviceTopic;

/// The property of a message that was to be retained.
const RETAIN: &str = "mqtt-retain";
/// The property of a will, and its value.
const TYPE: &str = "iothub-MessageType";
const WILL: &str = "Will";

/// The message whose properties stand in `bag`, of a client that has named this `model`.
pub(super) fn message(
    bag: &str,
    payload: Bytes,
    is_retained: bool,
    model: Option<&Arc<str>>,
) -> DeviceMessage {
    let mut message = DeviceMessage {
        body: payload,
        ..DeviceMessage::default()
    };
    message.plug_and_play.model = model.cloned();
    for (name, value) in property_bag::read(bag) {
        // Event hubs know no property without a value.
        let value = value.unwrap_or_default().into_owned();
        let mut property = |name: &str, value| {
            message.properties.insert(name.to_owned(), value);
        };
        match SystemProperty::of_name(&name) {
            Some(SystemProperty::MessageId) => message.message_id = Some(value),
            Some(SystemProperty::CorrelationId) => message.correlation_id = Some(value),
            Some(SystemProperty::UserId) => message.user_id = Some(value),
            Some(SystemProperty::ContentType) => message.content_type = Some(value),
            Some(SystemProperty::ContentEncoding) => message.content_encoding = Some(value),
            Some(SystemProperty::CreationTime) => property(application::CREATION_TIME, value),
            Some(SystemProperty::Schema) => property(application::MESSAGE_SCHEMA, value),
            Some(SystemProperty::Interface) => message.plug_and_play.interface = Some(value),
            Some(SystemProperty::Component) => message.plug_and_play.component = Some(value),
            Some(SystemProperty::To) => message.to = Some(value),
            Some(SystemProperty::Expiry) => {
                let time = parse_iso8601(&value);
                message.absolute_expiry = time.map(|time| time.timestamp_millis());
            }
            // For the routes of an Edge hub; not told to those who read events.
            Some(SystemProperty::Output) => {}
            None => property(&name, value),
        }
    }
    if is_retained {
        let property = (RETAIN.to_owned(), "true".to_owned());
        message.properties.extend([property]);
    }
    message
}

/// The message that is a client's will; `None` where its topic is not the client's own for events.
pub(super) fn will(
    identity: &IdentityId,
    will: LastWill,
    model: Option<&Arc<str>>,
) -> Option<DeviceMessage> {
    let Some(DeviceTopic::Events {
        device,
        module,
        bag,
    }) = DeviceTopic::parse(&will.topic)
    else {
        return None;
    };
    if device != identity.device || module.as_deref() != identity.module.as_deref() {
        return None;
    }
    let mut message = message(&bag, will.message, will.retain, model);
    let property = (TYPE.to_owned(), WILL.to_owned());
    message.properties.extend([property]);
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::hub::command::PlugAndPlay;
    use crate::protocol::mqtt::packet::QoS;

    #[test]
    fn properties_find_their_places() {
        let bag = "%24.mid=m%201&$.cid=c&$.uid=u&$.ct=application%2Fjson&$.ce=utf-8&$.to=%2Fx&$.exp=2024-05-01T00%3A00%3A00.007Z\
            &$.ctime=2024-05-01T00%3A00%3A00Z&$.sub=thermostat&$.ifid=urn&$.new=z&dt-subject=own&level=high%20alarm&flag";
        let model = Arc::from("dtmi:a;1");
        let message = message(bag, Bytes::from_static(b"{}"), true, Some(&model));
        let text = |text: &str| Some(text.to_owned());
        let properties = [
            ("iothub-creation-time-utc", "2024-05-01T00:00:00Z"),
            ("dt-subject", "own"),
            ("$.new", "z"),
            ("level", "high alarm"),
            ("flag", ""),
            ("mqtt-retain", "true"),
        ];
        let expected = DeviceMessage {
            body: Bytes::from_static(b"{}"),
            message_id: text("m 1"),
            correlation_id: text("c"),
            user_id: text("u"),
            to: text("/x"),
            absolute_expiry: Some(1_714_521_600_007),
            content_type: text("application/json"),
            content_encoding: text("utf-8"),
            plug_and_play: PlugAndPlay {
                interface: text("urn"),
                component: text("thermostat"),
                model: Some(model.clone()),
            },
            properties: properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        };
        assert_eq!(message, expected);
        let passed_over = super::message("$.exp=soon", Bytes::new(), false, None);
        assert_eq!(passed_over, DeviceMessage::default());
    }

    #[test]
    fn a_will_is_an_event_of_ones_own() {
        let identity = IdentityId {
            device: "d1".to_owned(),
            module: None,
        };
        let of = |topic: &str| {
            will(
                &identity,
                LastWill::new(topic, "gone", QoS::AtMostOnce, false),
                Some(&Arc::from("dtmi:a;1")),
            )
        };
        let message = of("devices/d1/messages/events/why=power").unwrap();
        assert_eq!(message.body, "gone");
        assert_eq!(message.plug_and_play.model.as_deref(), Some("dtmi:a;1"));
        let properties: Vec<_> = message.properties.into_iter().collect();
        let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            property("iothub-MessageType", "Will"),
            property("why", "power"),
        ];
        assert_eq!(properties, expected);
        for topic in [
            "will",
            "devices/d2/messages/events/",
            "devices/d1/modules/m/messages/events/",
            "$iothub/twin/GET/?$rid=1",
        ] {
            assert_eq!(of(topic), None, "{topic}");
        }
    }
}
