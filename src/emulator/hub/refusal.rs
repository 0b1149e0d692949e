//! The hub's ways of saying no, each with its code, its AMQP condition and the service's own words.
//!
//! Texts: learn.microsoft.com, "Troubleshoot Azure IoT Hub error codes"; traces from the SDKs' issue trackers. Never holds
//! a token or a key.

use super::command::{Certificate, Refusal};
use crate::model::configuration::ConfigurationError;
use crate::model::device::IdentityId;
use crate::model::twin::TwinError;
use crate::protocol::rest::error_code::{self, ErrorCode};

const UNAUTHORIZED: &str = "amqp:unauthorized-access";
const ARGUMENT: &str = "com.microsoft:argument-error";
const NOT_FOUND: &str = "amqp:not-found";
const STOLEN: &str = "amqp:link:stolen";

fn refuse(code: ErrorCode, condition: &'static str, message: impl Into<String>) -> Refusal {
    Refusal {
        code,
        condition,
        message: message.into(),
    }
}

/// A token that is malformed, expired, signed by another key or made for something else. The service tells these apart
/// as little as we do.
pub(super) fn unauthorized() -> Refusal {
    refuse(
        error_code::IOT_HUB_UNAUTHORIZED_ACCESS,
        UNAUTHORIZED,
        "Unauthorized",
    )
}

/// One of the texts that go with 401003.
fn denied(message: impl Into<String>) -> Refusal {
    refuse(error_code::IOT_HUB_UNAUTHORIZED, UNAUTHORIZED, message)
}

pub(super) fn header_missing() -> Refusal {
    denied("Authorization header missing")
}

pub(super) fn device_not_in_hub(hub: &str, device: &str) -> Refusal {
    denied(format!(
        "IotHub '{hub}' does not contain the specified device '{device}'"
    ))
}

pub(super) fn rule_denies(policy: &str, right: &str) -> Refusal {
    denied(format!(
        "Authorization rule '{policy}' does not allow access for '{right}'"
    ))
}

/// For a connection that has been told to go, and speaks all the same.
pub(super) fn no_session() -> Refusal {
    refuse(
        error_code::DEVICE_NOT_ONLINE,
        NOT_FOUND,
        "The device is not connected.",
    )
}

/// For a certificate whose hashes are none of those that its device is registered with.
pub(super) fn wrong_thumbprint(certificate: &Certificate, registered: [&str; 2]) -> Refusal {
    let Certificate { sha1, sha256, .. } = certificate;
    let [primary, secondary] = registered;
    denied(format!(
        "Thumbprint does not match configuration: Thumbprint: SHA1Hash={sha1}, SHA2Hash={sha256}; Configuration: PrimaryThumbprint={primary}, SecondaryThumbprint={secondary}"
    ))
}

pub(super) fn wrong_authentication() -> Refusal {
    denied("Authentication failed for this device, renew token or certificate and reconnect")
}

/// The list of error codes has 403012 for it; the text is not in evidence.
pub(super) fn device_disabled(device: &str) -> Refusal {
    refuse(
        error_code::DEVICE_DISABLED,
        UNAUTHORIZED,
        format!("Device '{device}' is disabled"),
    )
}

pub(super) fn device_not_found(device: &str) -> Refusal {
    refuse(error_code::DEVICE_NOT_FOUND, NOT_FOUND, device)
}

pub(super) fn module_not_found(device: &str, module: &str) -> Refusal {
    refuse(
        error_code::MODULE_NOT_FOUND,
        NOT_FOUND,
        format!("{device}/{module}"),
    )
}

pub(super) fn already_registered(device: &str, module: Option<&str>) -> Refusal {
    let condition = "com.microsoft:device-already-exists";
    match module {
        None => refuse(
            error_code::DEVICE_ALREADY_EXISTS,
            condition,
            format!("A device with ID '{device}' is already registered."),
        ),
        Some(module) => refuse(
            error_code::MODULE_ALREADY_EXISTS,
            condition,
            format!("A module with ID '{module}' is already registered on device '{device}'."),
        ),
    }
}

/// For a change of one of the modules that every edge device has: azure-iot-explorer#574, iotedge#1162.
pub(super) fn reserved_module() -> Refusal {
    refuse(
        error_code::SYSTEM_MODULE_MODIFY_UNAUTHORIZED,
        UNAUTHORIZED,
        "Unauthorized to modify reserved module.",
    )
}

/// The names of these codes were seen at a live hub, and their numbers are in the list of error codes; the texts are not
/// in evidence.
pub(super) fn configuration_not_found(id: &str) -> Refusal {
    let message = format!("There is no configuration '{id}'.");
    refuse(error_code::CONFIGURATION_NOT_FOUND, NOT_FOUND, message)
}

/// For content for a device that has no agent to carry it out; the words are a live hub's.
pub(super) fn no_edge_device() -> Refusal {
    argument_invalid("Not an Azure IoT Edge device")
}

/// For content that no configuration has, or no edge device can be given.
pub(super) fn bad_content(why: impl std::fmt::Display) -> Refusal {
    let message = format!("The content of the configuration is invalid: {why}.");
    refuse(error_code::INVALID_CONFIGURATION_CONTENT, ARGUMENT, message)
}

pub(super) fn of_configuration(error: &ConfigurationError) -> Refusal {
    match error {
        ConfigurationError::Id | ConfigurationError::OtherId => {
            argument_invalid(format!("{error}."))
        }
        ConfigurationError::Path { .. }
        | ConfigurationError::Form
        | ConfigurationError::Content
        | ConfigurationError::NoContent
        | ConfigurationError::Module { .. }
        | ConfigurationError::NoAgent => bad_content(error),
    }
}

pub(super) fn bad_target_condition(why: impl std::fmt::Display) -> Refusal {
    let message = format!("Invalid targetCondition: {why}.");
    let code = error_code::INVALID_CONFIGURATION_TARGET_CONDITION;
    refuse(code, ARGUMENT, message)
}

pub(super) fn bad_metric(name: &str, why: impl std::fmt::Display) -> Refusal {
    let message = format!("Invalid metric '{name}': {why}.");
    refuse(error_code::INVALID_CONFIGURATION_METRICS, ARGUMENT, message)
}

pub(super) fn configuration_exists(id: &str) -> Refusal {
    refuse(
        error_code::CONFIGURATION_ALREADY_EXISTS,
        "com.microsoft:conflict",
        format!("A configuration with ID '{id}' exists already; to change it, send If-Match."),
    )
}

pub(super) fn too_many_configurations(limit: usize) -> Refusal {
    refuse(
        error_code::CONFIGURATION_COUNT_LIMIT_EXCEEDED,
        "amqp:resource-limit-exceeded",
        format!("The hub has {limit} configurations, which is the most it takes."),
    )
}

pub(super) fn job_not_found(id: &str) -> Refusal {
    let message = format!("There is no job '{id}'.");
    refuse(error_code::JOB_NOT_FOUND, NOT_FOUND, message)
}

pub(super) fn job_exists(id: &str) -> Refusal {
    refuse(
        error_code::JOB_ALREADY_EXISTS,
        "com.microsoft:conflict",
        format!("A job with ID '{id}' exists already."),
    )
}

/// For a job that is to import or export while another one does.
pub(super) fn transfer_is_under_way() -> Refusal {
    refuse(
        error_code::JOB_QUOTA_EXCEEDED,
        "amqp:resource-limit-exceeded",
        "A job that imports or exports is under way, and the hub carries out one at a time.",
    )
}

pub(super) fn too_many_jobs(limit: usize) -> Refusal {
    refuse(
        error_code::JOB_QUOTA_EXCEEDED,
        "amqp:resource-limit-exceeded",
        format!("{limit} jobs are waiting or running, which is the most at a time."),
    )
}

/// For an upload where the hub was given no storage.
pub(super) fn storage_not_configured() -> Refusal {
    refuse(
        error_code::STORAGE_NOT_CONFIGURED,
        ARGUMENT,
        "No storage account is configured: the emulator is given one with --storage.",
    )
}

pub(super) fn upload_not_found() -> Refusal {
    refuse(
        error_code::INVALID_UPLOAD_CORRELATION,
        ARGUMENT,
        "The device has no open upload with that correlationId.",
    )
}

pub(super) fn upload_expired() -> Refusal {
    refuse(
        error_code::EXPIRED_UPLOAD_CORRELATION,
        ARGUMENT,
        "The upload was to be over by now.",
    )
}

/// The text is that of "Upload files with IoT Hub".
pub(super) fn too_many_uploads(limit: usize) -> Refusal {
    refuse(
        error_code::TOO_MANY_ACTIVE_UPLOADS,
        "amqp:resource-limit-exceeded",
        format!("Number of active file upload requests cannot exceed {limit}"),
    )
}

/// For a method of a job whose answer did not come in time.
pub(super) fn unanswered() -> Refusal {
    refuse(
        error_code::GATEWAY_TIMEOUT,
        "com.microsoft:timeout",
        "Timed out waiting for the response from device.",
    )
}

pub(super) fn etag_mismatch() -> Refusal {
    refuse(
        error_code::PRECONDITION_FAILED,
        "com.microsoft:precondition-failed",
        "Precondition failed: Invalid ETag",
    )
}

/// For an identity that is to be deleted by whoever has not said that any will do.
pub(super) fn etag_missing() -> Refusal {
    refuse(
        error_code::PRECONDITION_FAILED,
        "com.microsoft:precondition-failed",
        "Etag missing",
    )
}

pub(super) fn defined_twice(identity: &IdentityId) -> Refusal {
    refuse(
        error_code::DEVICE_DEFINED_MULTIPLE_TIMES,
        ARGUMENT,
        format!("'{identity}' stands in the request more than once."),
    )
}

/// For desired or reported properties at another `$version` than the change was made for.
pub(super) fn version_mismatch(error: &TwinError) -> Refusal {
    refuse(
        error_code::PRECONDITION_FAILED,
        "com.microsoft:precondition-failed",
        format!("Precondition failed: {error}"),
    )
}

/// For a method of a device that is not connected, or does not listen for calls.
pub(super) fn not_listening() -> Refusal {
    refuse(
        error_code::DEVICE_NOT_ONLINE,
        NOT_FOUND,
        "Timed out waiting for device to connect.",
    )
}

/// The list of error codes has 403800 for it; neither the text nor the service's own limit is in evidence.
pub(super) fn too_many_calls(limit: usize) -> Refusal {
    refuse(
        error_code::METHODS_IN_FLIGHT,
        "amqp:resource-limit-exceeded",
        format!("{limit} methods are being called, which is the most at a time."),
    )
}

/// For a device that answers a call with what cannot be passed on.
pub(super) fn bad_answer(why: impl std::fmt::Display) -> Refusal {
    refuse(
        error_code::BAD_DEVICE_RESPONSE,
        "amqp:internal-error",
        format!("The device's answer {why}."),
    )
}

pub(super) fn argument_invalid(message: impl Into<String>) -> Refusal {
    refuse(error_code::ARGUMENT_INVALID, ARGUMENT, message)
}

pub(super) fn too_many_devices(limit: usize) -> Refusal {
    refuse(
        error_code::TOO_MANY_DEVICES,
        "amqp:resource-limit-exceeded",
        format!("The hub holds {limit} devices, which is the most it takes."),
    )
}

pub(super) fn too_many_modules(limit: usize) -> Refusal {
    refuse(
        error_code::TOO_MANY_MODULES,
        "amqp:resource-limit-exceeded",
        format!("The device has {limit} modules, which is the most it may have."),
    )
}

pub(super) fn message_too_large(size: usize, limit: usize) -> Refusal {
    refuse(
        error_code::MESSAGE_TOO_LARGE,
        "amqp:link:message-size-exceeded",
        format!("The message has {size} bytes, and the limit is {limit}."),
    )
}

pub(super) fn over_quota(hub: &str, allowed: u64, used: u64) -> Refusal {
    refuse(
        error_code::IOT_HUB_QUOTA_EXCEEDED,
        "amqp:resource-limit-exceeded",
        format!(
            "Total number of messages on IotHub '{hub}' exceeded the allocated quota. Max allowed message count: '{allowed}', current message count: '{used}'. Send and Receive operations are blocked for this hub until the next UTC day. Consider increasing the units for this hub to increase the quota."
        ),
    )
}

pub(super) fn queue_full(device: &str, limit: usize) -> Refusal {
    refuse(
        error_code::DEVICE_MAXIMUM_QUEUE_DEPTH_EXCEEDED,
        "amqp:resource-limit-exceeded",
        format!(
            "Total number of messages on device '{device}' exceeded the allocated quota. Max allowed message count : '{limit}', current message count : '{limit}'."
        ),
    )
}

pub(super) fn lock_lost() -> Refusal {
    refuse(
        error_code::DEVICE_MESSAGE_LOCK_LOST,
        "com.microsoft:message-lock-lost",
        "The lock of the message is lost: it has ended, or the message was settled or purged.",
    )
}

pub(super) fn bad_recipient() -> Refusal {
    refuse(
        error_code::ARGUMENT_INVALID,
        ARGUMENT,
        "The message's 'to' is not of the form /devices/{device}[/modules/{module}]/messages/devicebound.",
    )
}

pub(super) fn entity_not_found(address: &str) -> Refusal {
    refuse(
        error_code::AMQP_ADDRESS_NOT_FOUND,
        NOT_FOUND,
        format!(
            "The messaging entity '{address}' could not be found. To know more visit https://aka.ms/sbResourceMgrExceptions."
        ),
    )
}

pub(super) fn bad_offset(offset: &str) -> Refusal {
    refuse(
        error_code::ARGUMENT_INVALID,
        ARGUMENT,
        format!("The supplied offset '{offset}' is invalid."),
    )
}

pub(super) fn too_many_readers(limit: usize, names: &[&str]) -> Refusal {
    refuse(
        error_code::IOT_HUB_QUOTA_EXCEEDED,
        "amqp:resource-limit-exceeded",
        format!(
            "Exceeded the maximum number of allowed receivers per partition in a consumer group which is {limit}. List of connected receivers - {}.",
            names.join(", ")
        ),
    )
}

pub(super) fn epoch_holds(epoch: i64) -> Refusal {
    refuse(
        error_code::LINK_CREATION_CONFLICT,
        STOLEN,
        format!(
            "At least one receiver for the endpoint is created with epoch of '{epoch}', and so non-epoch receiver is not allowed. Either reconnect with a higher epoch, or make sure all epoch receivers are closed or disconnected."
        ),
    )
}

pub(super) fn epoch_too_low(held: i64, wanted: i64, name: &str) -> Refusal {
    refuse(
        error_code::LINK_CREATION_CONFLICT,
        STOLEN,
        format!(
            "Receiver '{name}' with a higher epoch '{held}' already exists. Receiver '{name}' with epoch {wanted} cannot be created. Make sure you are creating receiver with increasing epoch value to ensure connectivity, or ensure all old epoch receivers are closed or disconnected."
        ),
    )
}

/// For the reader that has to go. A reader without an epoch counts as -1, as the service has it.
pub(super) fn stolen(new: (&str, i64), current: (&str, Option<i64>)) -> Refusal {
    refuse(
        error_code::LINK_CREATION_CONFLICT,
        STOLEN,
        format!(
            "New receiver '{}' with higher epoch of '{}' is created hence current receiver '{}' with epoch '{}' is getting disconnected. If you are recreating the receiver, make sure a higher epoch is used.",
            new.0,
            new.1,
            current.0,
            current.1.unwrap_or(-1)
        ),
    )
}
