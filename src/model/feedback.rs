//! What became of a message to a device, as the hub tells its service.

use serde::{Deserialize, Serialize};

/// One record of a feedback message, whose body is a JSON array of them.
///
/// Source: azure-iothub 1.16.6 and Microsoft.Azure.Devices `FeedbackRecord`; learn.microsoft.com, "Send cloud-to-device
/// messages from an IoT hub".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackRecord {
    /// The message's own id, if its sender gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_message_id: Option<String>,
    /// The outcome in words.
    #[serde(default)]
    pub description: String,
    /// For which device it was.
    pub device_id: String,
    /// The device's generation id.
    #[serde(default)]
    pub device_generation_id: String,
    /// When the outcome was known, RFC 3339.
    pub enqueued_time_utc: String,
    /// The outcome.
    pub status_code: FeedbackStatus,
}

/// What can become of a message to a device. Written as it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FeedbackStatus {
    /// The device has completed it.
    Success,
    /// Its time was over before the device took it.
    Expired,
    /// It was given to the device too often in vain.
    DeliveryCountExceeded,
    /// The device would not have it.
    Rejected,
    /// The service has emptied the device's queue.
    Purged,
}

impl FeedbackStatus {
    /// The name on the wire, which serves as the description too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Expired => "Expired",
            Self::DeliveryCountExceeded => "DeliveryCountExceeded",
            Self::Rejected => "Rejected",
            Self::Purged => "Purged",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_names_that_the_sdks_parse() {
        for status in [
            FeedbackStatus::Success,
            FeedbackStatus::Expired,
            FeedbackStatus::DeliveryCountExceeded,
            FeedbackStatus::Rejected,
            FeedbackStatus::Purged,
        ] {
            let record = FeedbackRecord {
                original_message_id: Some("m1".to_owned()),
                description: status.name().to_owned(),
                device_id: "d1".to_owned(),
                device_generation_id: "635944482332920305".to_owned(),
                enqueued_time_utc: "2015-07-28T16:24:48.789Z".to_owned(),
                status_code: status,
            };
            let name = status.name();
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(
                text,
                format!(
                    r#"{{"originalMessageId":"m1","description":"{name}","deviceId":"d1","deviceGenerationId":"635944482332920305","enqueuedTimeUtc":"2015-07-28T16:24:48.789Z","statusCode":"{name}"}}"#
                )
            );
            let back: FeedbackRecord = serde_json::from_str(&text).unwrap();
            assert_eq!(back, record);
        }
    }
}
