//! What kind of message it is, as the hub's annotation `iothub-message-source` says it, and by the short names that
//! people write.
//!
//! Source: learn.microsoft.com, "IoT Hub message routing query syntax" and "Use IoT Hub message routing".

/// A kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageSource {
    /// What devices send.
    Telemetry,
    /// Changes of twins.
    Twin,
    /// Devices and modules made and deleted.
    Lifecycle,
    /// Devices that connect and disconnect.
    Connection,
}

/// By the annotation.
const ANNOTATIONS: [(&str, MessageSource); 5] = [
    ("Telemetry", MessageSource::Telemetry),
    ("twinChangeEvents", MessageSource::Twin),
    ("deviceLifecycleEvents", MessageSource::Lifecycle),
    ("moduleLifecycleEvents", MessageSource::Lifecycle),
    ("deviceConnectionStateEvents", MessageSource::Connection),
];

/// By the short name.
const NAMES: [(&str, MessageSource); 4] = [
    ("telemetry", MessageSource::Telemetry),
    ("twin", MessageSource::Twin),
    ("lifecycle", MessageSource::Lifecycle),
    ("connection", MessageSource::Connection),
];

impl MessageSource {
    /// The kind that an annotation stands for. What a hub says nothing of, and what came by no hub, is telemetry.
    #[must_use]
    pub fn of(annotation: Option<&str>) -> Option<Self> {
        match annotation {
            None => Some(Self::Telemetry),
            Some(annotation) => find(&ANNOTATIONS, annotation),
        }
    }

    /// The kind by its short name, in any case of letters.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        find(&NAMES, name)
    }
}

fn find(names: &[(&str, MessageSource)], wanted: &str) -> Option<MessageSource> {
    let mut names = names.iter();
    let found = names.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    found.map(|(_, source)| *source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_and_names_meet() {
        for (name, source) in NAMES {
            assert_eq!(MessageSource::named(&name.to_uppercase()), Some(source));
            assert!(ANNOTATIONS.iter().any(|(_, kind)| *kind == source));
        }
        assert_eq!(MessageSource::of(None), Some(MessageSource::Telemetry));
        assert_eq!(MessageSource::of(Some("mqttBrokerEvents")), None);
    }
}
