//! The headers of messages over HTTPS, from devices and to them: properties of the system's and of the user's own.
//!
//! Source: azure-iot-device-http 1.14.4 `http.js`; azure-iot-sdk-c `iothubtransporthttp.c`.

/// What stands before the name of a user's property.
pub const APPLICATION_PREFIX: &str = "iothub-app-";

/// The message's own id.
pub const MESSAGE_ID: &str = "iothub-messageid";
/// The id of the message that this one answers.
pub const CORRELATION_ID: &str = "iothub-correlationid";
/// On whose behalf it is sent.
pub const USER_ID: &str = "iothub-userid";
/// What the body is; the request's own `Content-Type` is not looked at.
pub const CONTENT_TYPE: &str = "iothub-contenttype";
/// How the body's text is encoded.
pub const CONTENT_ENCODING: &str = "iothub-contentencoding";
/// When the device made the message, RFC 3339.
pub const CREATION_TIME: &str = "iothub-creationtimeutc";
/// The schema of the body.
pub const MESSAGE_SCHEMA: &str = "iothub-messageschema";
/// What the message is part of; Microsoft.Azure.Devices.Client alone writes it (`CustomHeaderConstants.cs`).
pub const OPERATION: &str = "iothub-operation";
/// IoT Plug and Play: the interface that the message belongs to.
pub const INTERFACE_ID: &str = "iothub-interface-id";
/// IoT Plug and Play: the component that sent it, without the prefix of users' properties.
pub const COMPONENT: &str = "dt-subject";

/// Where a message was sent: `/devices/{id}/messages/devicebound` or, by a device, `…/events`.
pub const TO: &str = "iothub-to";
/// When a message goes stale.
pub const EXPIRY: &str = "iothub-expiry";
/// Which feedback the sender of a message to a device asked for; over AMQP and MQTT a property of the same name.
pub const ACK: &str = "iothub-ack";
/// When the hub took a message to a device.
pub const ENQUEUED_TIME: &str = "iothub-enqueuedtime";
/// How often a message to a device was given out before.
pub const DELIVERY_COUNT: &str = "iothub-deliverycount";
/// The number of a message to a device.
pub const SEQUENCE_NUMBER: &str = "iothub-sequencenumber";

/// The property that a request header (or a batch's key) stands for, its name in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property<'a> {
    /// `iothub-messageid`
    MessageId,
    /// `iothub-correlationid`
    CorrelationId,
    /// `iothub-userid`
    UserId,
    /// `iothub-to`
    To,
    /// `iothub-expiry`
    Expiry,
    /// `iothub-contenttype`
    ContentType,
    /// `iothub-contentencoding`
    ContentEncoding,
    /// `iothub-creationtimeutc`
    CreationTime,
    /// `iothub-messageschema`
    MessageSchema,
    /// `iothub-operation`
    Operation,
    /// `iothub-interface-id`
    Interface,
    /// `dt-subject`
    Component,
    /// `iothub-app-NAME`
    Application(&'a str),
}

impl<'a> Property<'a> {
    /// Those of the system's, with their headers.
    const OF_SYSTEM: [(&'static str, Self); 12] = [
        (MESSAGE_ID, Self::MessageId),
        (CORRELATION_ID, Self::CorrelationId),
        (USER_ID, Self::UserId),
        (TO, Self::To),
        (EXPIRY, Self::Expiry),
        (CONTENT_TYPE, Self::ContentType),
        (CONTENT_ENCODING, Self::ContentEncoding),
        (CREATION_TIME, Self::CreationTime),
        (MESSAGE_SCHEMA, Self::MessageSchema),
        (OPERATION, Self::Operation),
        (INTERFACE_ID, Self::Interface),
        (COMPONENT, Self::Component),
    ];

    /// Reads a header's name; `None` for one that is no property.
    #[must_use]
    pub fn of_header(name: &'a str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if name.len() > APPLICATION_PREFIX.len()
            && name
                .get(..APPLICATION_PREFIX.len())
                .is_some_and(|prefix| prefix.eq_ignore_ascii_case(APPLICATION_PREFIX))
        {
            return Some(Self::Application(&name[APPLICATION_PREFIX.len()..]));
        }
        let mut known = Self::OF_SYSTEM.into_iter();
        known.find_map(|(header, property)| is(header).then_some(property))
    }

    /// The header's name.
    #[must_use]
    pub fn header(&self) -> String {
        match self {
            Self::MessageId => MESSAGE_ID.to_owned(),
            Self::CorrelationId => CORRELATION_ID.to_owned(),
            Self::UserId => USER_ID.to_owned(),
            Self::To => TO.to_owned(),
            Self::Expiry => EXPIRY.to_owned(),
            Self::ContentType => CONTENT_TYPE.to_owned(),
            Self::ContentEncoding => CONTENT_ENCODING.to_owned(),
            Self::CreationTime => CREATION_TIME.to_owned(),
            Self::MessageSchema => MESSAGE_SCHEMA.to_owned(),
            Self::Operation => OPERATION.to_owned(),
            Self::Interface => INTERFACE_ID.to_owned(),
            Self::Component => COMPONENT.to_owned(),
            Self::Application(name) => format!("{APPLICATION_PREFIX}{name}"),
        }
    }
}

/// Whether `character` may stand in a property's name or value over HTTPS
/// (learn.microsoft.com, "Create and read IoT Hub messages"): letters, digits and ``!#$%&'*+-.^_`|~``.
#[must_use]
pub fn is_legal_in_property(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        let of_system = Property::OF_SYSTEM.map(|(_, property)| property);
        for property in of_system
            .into_iter()
            .chain([Property::Application("Level")])
        {
            assert_eq!(Property::of_header(&property.header()), Some(property));
        }
        assert_eq!(
            Property::of_header("IoTHub-MessageId"),
            Some(Property::MessageId)
        );
        assert_eq!(Property::of_header("DT-Subject"), Some(Property::Component));
        assert_eq!(Property::of_header("iothub-app-"), None);
        assert_eq!(Property::of_header("content-type"), None);
    }
}
