//! A file that a device has uploaded, as the hub tells its service.

use serde::{Deserialize, Serialize};

/// The body of a notification.
///
/// Source: learn.microsoft.com, "Upload files with IoT Hub" (file upload notifications); Microsoft.Azure.Devices
/// `FileNotification`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileNotification {
    /// Who has uploaded it.
    pub device_id: String,
    /// Where it is, without access to it.
    pub blob_uri: String,
    /// Its name in the container, which begins with the device's id and a `/`.
    pub blob_name: String,
    /// When storage last changed it, RFC 3339.
    pub last_updated_time: String,
    /// Its size.
    pub blob_size_in_bytes: u64,
    /// When the device said that it is there, RFC 3339.
    pub enqueued_time_utc: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_has_the_names_that_the_sdks_parse() {
        let notification = FileNotification {
            device_id: "mydevice".to_owned(),
            blob_uri: "https://acct.blob.core.windows.net/c/mydevice/myfile.jpg".to_owned(),
            blob_name: "mydevice/myfile.jpg".to_owned(),
            last_updated_time: "2016-06-01T21:22:41+00:00".to_owned(),
            blob_size_in_bytes: 1234,
            enqueued_time_utc: "2016-06-01T21:22:43.7996883Z".to_owned(),
        };
        let text = serde_json::to_string(&notification).unwrap();
        assert_eq!(
            text,
            r#"{"deviceId":"mydevice","blobUri":"https://acct.blob.core.windows.net/c/mydevice/myfile.jpg","blobName":"mydevice/myfile.jpg","lastUpdatedTime":"2016-06-01T21:22:41+00:00","blobSizeInBytes":1234,"enqueuedTimeUtc":"2016-06-01T21:22:43.7996883Z"}"#
        );
        let back: FileNotification = serde_json::from_str(&text).unwrap();
        assert_eq!(back, notification);
    }
}
