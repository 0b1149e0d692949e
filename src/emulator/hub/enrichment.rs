//! What the hub stamps on every message for its readers: application properties of its own.
//!
//! Source: learn.microsoft.com, "Message enrichments for device-to-cloud IoT Hub messages"; how twins' values look, and that
//! objects are none: azure-docs#41125; that modules go by their own twins: azure-docs#87304.

use std::str::FromStr;

use serde_json::Value;

use super::command::DeviceMessage;
use crate::model::twin::Twin;
use crate::protocol::rest::MAX_MESSAGE_BYTES;

/// The most enrichments of a hub.
pub const MAX_ENRICHMENTS: usize = 10;

/// The value that stands for the hub's name.
const HUB_NAME: &str = "$iothubname";

/// What a value begins with that is looked up in the sender's twin.
const TWIN: &str = "$twin.";

/// One property that the hub stamps on messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrichment {
    /// The property's name.
    pub key: String,
    /// Its value, as it was given: a text, `$iothubname`, or a path such as `$twin.tags.floor`.
    pub value: String,
}

impl Enrichment {
    /// What is stamped. Where the twin has no simple value there, it is the path itself, as at the service.
    fn stamp<'a>(&'a self, hub: &'a str, twin: Option<&Twin>) -> String {
        if self.value == HUB_NAME {
            return hub.to_owned();
        }
        let path = self.value.strip_prefix(TWIN);
        let found = path.and_then(|path| twin?.value_at(path));
        match found {
            Some(Value::String(text)) => text.clone(),
            Some(simple @ (Value::Bool(_) | Value::Number(_))) => simple.to_string(),
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => self.value.clone(),
        }
    }
}

impl FromStr for Enrichment {
    type Err = String;

    /// `KEY=VALUE`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text
            .split_once('=')
            .ok_or("it is KEY=VALUE, such as floor=$twin.tags.floor")?;
        let is_allowed =
            |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        if key.is_empty() || !key.chars().all(is_allowed) {
            return Err(format!(
                "the key {key:?} may have letters, digits, - _ and . alone"
            ));
        }
        if value.is_empty() {
            return Err("the value is missing behind =".to_owned());
        }
        let parts = ["tags.", "properties.desired.", "properties.reported."];
        let is_known = match value.strip_prefix('$') {
            Some(_) if value == HUB_NAME => true,
            Some(_) => value.strip_prefix(TWIN).is_some_and(|path| {
                parts
                    .iter()
                    .any(|part| path.strip_prefix(part).is_some_and(|rest| !rest.is_empty()))
            }),
            None => true,
        };
        if !is_known {
            return Err(format!(
                "{value:?} is none of $iothubname, $twin.tags.PATH, $twin.properties.desired.PATH and \
                 $twin.properties.reported.PATH"
            ));
        }
        Ok(Self {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// The message as it is stored; `None` for one that has become too large, which the service drops.
pub(super) fn enriched(
    enrichments: &[Enrichment],
    hub: &str,
    twin: Option<&Twin>,
    message: &DeviceMessage,
) -> Option<DeviceMessage> {
    let mut message = message.clone();
    for enrichment in enrichments {
        let stamp = enrichment.stamp(hub, twin);
        message.properties.insert(enrichment.key.clone(), stamp);
    }
    (message.size() <= MAX_MESSAGE_BYTES).then_some(message)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::model::twin::TwinChange;

    #[test]
    fn values_come_from_the_twin_where_they_are_simple() {
        let now = DateTime::UNIX_EPOCH;
        let body = json!({ "tags": { "floor": 3, "at": { "room": "a" } },
            "properties": { "desired": { "mode": "eco", "list": [1] } } });
        let change = TwinChange::parse(&body, false).unwrap();
        let (twin, _) = Twin::new(now).changed(now, &change).unwrap();
        let reported = json!({ "led": false });
        let twin = twin.reported(now, reported.as_object().unwrap()).unwrap();
        for (value, stamp) in [
            ("plain", "plain"),
            ("$iothubname", "hub"),
            ("$twin.tags.floor", "3"),
            ("$twin.tags.at.room", "a"),
            ("$twin.properties.desired.mode", "eco"),
            ("$twin.properties.reported.led", "false"),
            ("$twin.tags.at", "$twin.tags.at"),
            ("$twin.tags.none", "$twin.tags.none"),
            ("$twin.tags.floor.none", "$twin.tags.floor.none"),
            (
                "$twin.properties.desired.list",
                "$twin.properties.desired.list",
            ),
        ] {
            let enrichment: Enrichment = format!("k={value}").parse().unwrap();
            assert_eq!(enrichment.stamp("hub", Some(&twin)), stamp, "{value}");
        }
        let without: Enrichment = "k=$twin.tags.floor".parse().unwrap();
        assert_eq!(without.stamp("hub", None), "$twin.tags.floor");
    }

    #[test]
    fn slips_are_told() {
        for (text, words) in [
            ("floor", "it is KEY=VALUE"),
            ("=x", "the key \"\""),
            ("the floor=3", "the key \"the floor\""),
            ("floor=", "the value is missing"),
            ("floor=$twin.floor", "is none of $iothubname"),
            ("floor=$twin.tags.", "is none of $iothubname"),
            ("floor=$hub", "is none of $iothubname"),
        ] {
            let error = text.parse::<Enrichment>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
