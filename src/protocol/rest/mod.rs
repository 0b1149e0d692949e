//! IoT Hub over HTTPS: paths, headers and error bodies, written by one side and read by the other.
//!
//! Sources: Azure REST reference for IoT Hub (api-version 2021-04-12); azure-iot-device-http 1.14.4; azure-iot-hub 2.7.0.

pub mod batch;
mod careless_json;
pub mod error_body;
pub mod error_code;
pub mod event_header;
pub mod path;

/// The api-version that the current service SDKs send.
pub const API_VERSION: &str = "2021-04-12";

/// The content type that marks a batch of device-to-cloud messages.
pub const BATCH_CONTENT_TYPE: &str = "application/vnd.microsoft.iothub.json";

/// The largest device-to-cloud message or batch, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 262_144;

/// The largest cloud-to-device message, in bytes.
pub const MAX_CLOUD_MESSAGE_BYTES: usize = 65_536;

/// The content type of feedback about messages to devices, over every protocol.
pub const FEEDBACK_CONTENT_TYPE: &str = "application/vnd.microsoft.iothub.feedback.json";

/// The content type of notifications of uploaded files, over every protocol.
pub const FILE_NOTIFICATION_CONTENT_TYPE: &str =
    "application/vnd.microsoft.iothub.filenotification.json";

/// The most messages in one batch.
pub const MAX_BATCH_MESSAGES: usize = 500;

/// The response header that names the error (`DeviceNotFound`).
pub const ERROR_CODE_HEADER: &str = "iothub-errorcode";
