//! What the system's own properties are called in a topic's property bag: `$.` and a short name.
//!
//! Sources: Azure/iotedge, `SystemProperties.cs`; azure-iot-device 2.14.0, `mqtt_topic_iothub.py`.

/// A property of the system's that can travel with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemProperty {
    /// The message's own id.
    MessageId,
    /// The id of the message that this one answers.
    CorrelationId,
    /// On whose behalf it is sent.
    UserId,
    /// Where it is sent.
    To,
    /// What the body is.
    ContentType,
    /// How the body's text is encoded.
    ContentEncoding,
    /// When it is to be forgotten, RFC 3339.
    Expiry,
    /// When it was made, RFC 3339.
    CreationTime,
    /// A module's output.
    Output,
    /// The schema of the body.
    Schema,
    /// A digital twin's interface.
    Interface,
    /// A digital twin's component.
    Component,
}

/// Every one with its name in a bag.
const NAMES: [(SystemProperty, &str); 12] = [
    (SystemProperty::MessageId, "$.mid"),
    (SystemProperty::CorrelationId, "$.cid"),
    (SystemProperty::UserId, "$.uid"),
    (SystemProperty::To, "$.to"),
    (SystemProperty::ContentType, "$.ct"),
    (SystemProperty::ContentEncoding, "$.ce"),
    (SystemProperty::Expiry, "$.exp"),
    (SystemProperty::CreationTime, "$.ctime"),
    (SystemProperty::Output, "$.on"),
    (SystemProperty::Schema, "$.schema"),
    (SystemProperty::Interface, "$.ifid"),
    (SystemProperty::Component, "$.sub"),
];

impl SystemProperty {
    /// Its name in a bag, not yet percent-encoded.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(property, _)| *property == self);
        found.map_or("", |(_, name)| name)
    }

    /// Reads a name; `None` for one of the user's own.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let known = name.starts_with("$.").then_some(NAMES)?;
        let mut known = known.into_iter();
        known.find_map(|(property, known)| (known == name).then_some(property))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for (property, name) in NAMES {
            assert_eq!(property.name(), name);
            assert_eq!(SystemProperty::of_name(name), Some(property));
        }
        for own in ["mid", "$.", "$.MID", "iothub-ack"] {
            assert_eq!(SystemProperty::of_name(own), None);
        }
    }
}
