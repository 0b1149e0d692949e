//! Failures over HTTPS: the service's codes become exit codes and hints.

use chrono::{DateTime, Utc};

use super::websocket::{CREDENTIALS_HINT, PROXY_HINT};
use super::{Failure, Kind};
use crate::client::https::{HttpsError, Refusal, SetupError};
use crate::model::span::describe_duration;
use crate::protocol::rest::MAX_MESSAGE_BYTES;
use crate::protocol::rest::error_code as code;

/// What a request was opened with, which decides what a 401 may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedBy {
    /// A token made just now from a policy's key.
    PolicyKey,
    /// A hub's token that was minted earlier.
    PolicyToken,
    /// A token made just now from a device's key as the registry gave it.
    RegistryKey,
    /// A token made just now from a device's key that the user gave.
    DeviceKey,
    /// A device's token that was minted earlier.
    DeviceToken,
}

/// A clock may be off by this many seconds before it is told.
const TOLERANCE: i64 = 300;

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Trust(source) => source.into(),
            SetupError::Proxy(fault) => Self::from(&fault),
            SetupError::Http { .. } => Self::new(Kind::Bug, "cannot set HTTPS up").because(&error),
        }
    }
}

/// The failure of a request: `what` failed (a fragment), opened by what, at `now` by this machine's clock.
#[must_use]
pub fn explain(
    what: impl Into<String>,
    error: &HttpsError,
    opened_by: OpenedBy,
    now: DateTime<Utc>,
) -> Failure {
    let what = what.into();
    match error {
        HttpsError::Dial(dial) => Failure {
            what,
            ..Failure::from(dial)
        },
        HttpsError::Proxy { reason, .. } => {
            // The HTTP library's words for a 407.
            let hint = if reason.contains("authorization required") {
                CREDENTIALS_HINT
            } else {
                PROXY_HINT
            };
            Failure::new(Kind::Unreachable, what).because(error).hint(hint)
        }
        HttpsError::TimedOut { .. } => Failure::new(Kind::Unreachable, what).because(error).hint(
            "The request may have arrived all the same. Try again; if it stays so, look at the hub's health in the portal.",
        ),
        HttpsError::Broken { .. } => Failure::new(Kind::Unreachable, what).because(error).hint(
            "The request may have arrived all the same. Try again; a proxy or firewall that cuts connections shows like this.",
        ),
        HttpsError::Service(refusal) => refused(what, refusal, opened_by, now),
        HttpsError::Unreadable { .. } => Failure::new(Kind::Service, what)
            .because(error)
            .hint("Is HostName an IoT hub? A proxy's or another server's page shows like this."),
        HttpsError::Address { .. } => Failure::new(Kind::Input, what)
            .because(error)
            .hint("No HTTP client can name this device; give it another id."),
        HttpsError::Token => Failure::new(Kind::Input, what)
            .because(error)
            .hint("Copy the token again, whole and on one line."),
    }
}

fn refused(what: String, refusal: &Refusal, opened_by: OpenedBy, now: DateTime<Utc>) -> Failure {
    // What the hub says in so many words is not the clock's fault.
    let told = told_in_words(refusal);
    let clock = (refusal.status == 401 && told.is_none())
        .then(|| clock_hint(refusal.date?, now))
        .flatten();
    let (kind, hint) = told.unwrap_or_else(|| meaning(refusal, opened_by));
    Failure {
        code: refusal.error.code,
        code_name: refusal.error.name.clone(),
        tracking_id: refusal.error.tracking_id.clone(),
        ..Failure::new(kind, what)
            .because(refusal)
            .hint(clock.unwrap_or(hint))
    }
}

/// Says by how much this machine's clock is off, where it is off by more than five minutes.
#[must_use]
pub fn clock_hint(hub: DateTime<Utc>, here: DateTime<Utc>) -> Option<String> {
    let off = here - hub;
    if off.num_seconds().abs() <= TOLERANCE {
        return None;
    }
    let direction = if off > chrono::Duration::zero() {
        "ahead of"
    } else {
        "behind"
    };
    Some(format!(
        "This machine's clock is {} {direction} the hub's, so tokens made here are good at the wrong time. Set the clock.",
        describe_duration(off.abs().to_std().unwrap_or_default())
    ))
}

/// By the service's own code, and by the status where that says nothing.
fn meaning(refusal: &Refusal, opened_by: OpenedBy) -> (Kind, String) {
    let known = refusal
        .error
        .code
        .and_then(code::by_number)
        .and_then(by_code);
    if let Some((kind, hint)) = known {
        return (kind, hint);
    }
    let (kind, hint) = match refusal.status {
        401 if refusal.error.code == Some(code::IOT_HUB_UNAUTHORIZED.number) => {
            (Kind::Refused, denied(opened_by))
        }
        401 => (Kind::Refused, unauthorized(opened_by)),
        403 => (
            Kind::Refused,
            "The hub knows who asks and does not allow it. Its words above say why.",
        ),
        404 => (
            Kind::NotFound,
            "Check the id and HostName: ids are case-sensitive.",
        ),
        409 => (
            Kind::Conflict,
            "Something else is doing the same. Try again when it is done.",
        ),
        412 => (
            Kind::Conflict,
            "It was changed by somebody else in between. Read it again and repeat the change.",
        ),
        429 => return (Kind::Throttled, throttled(refusal)),
        400 | 405 | 411..=417 => (
            Kind::Input,
            "The hub does not take the request as it is. Its words above say why.",
        ),
        408 | 504 => (
            Kind::DeviceSilent,
            "Is the device connected? The hub waited for it in vain.",
        ),
        500..=599 => (
            Kind::Service,
            "The trouble is the hub's. Try again later; if it stays so, give the tracking id to Azure support.",
        ),
        _ => (
            Kind::Service,
            "No hub answers like this. Check HostName, and what stands between here and there.",
        ),
    };
    (kind, hint.to_owned())
}

/// Puts the device's id into the commands of a hint, ready for a shell.
#[must_use]
pub fn name_device(mut failure: Failure, device: &str) -> Failure {
    let is_plain = device
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let quoted = if is_plain {
        device.to_owned()
    } else {
        format!("'{}'", device.replace('\'', "'\\''"))
    };
    failure.hint = failure.hint.map(|hint| {
        hint.replace("-d DEVICE", &format!("-d {quoted}"))
            .replace("--device DEVICE", &format!("--device {quoted}"))
    });
    failure
}

fn by_code(code: code::ErrorCode) -> Option<(Kind, String)> {
    let (kind, hint) = match code {
        code::IOT_HUB_NOT_FOUND => (
            Kind::Refused,
            "There is no hub of this name here. Check HostName.",
        ),
        code::DEVICE_DISABLED => (
            Kind::Refused,
            "The device is disabled. Enable it: `az iot hub device-identity update -d DEVICE --set status=enabled`, or in the portal.",
        ),
        code::IOT_HUB_SUSPENDED => (
            Kind::Refused,
            "The hub is suspended: look at the subscription's state and at what the portal says of the hub.",
        ),
        code::IOT_HUB_QUOTA_EXCEEDED => (
            Kind::Throttled,
            "The hub's messages for today are used up. Wait until the next UTC day, or add units to the hub.",
        ),
        code::DEVICE_MAXIMUM_QUEUE_DEPTH_EXCEEDED | code::IOT_HUB_MAX_CBS_TOKEN_EXCEEDED => (
            Kind::Throttled,
            "A limit of the hub is reached. Let the device empty its queue, or use fewer at once.",
        ),
        code::DEVICE_NOT_FOUND => (
            Kind::NotFound,
            "Check the id: it is case-sensitive. To create it: `az iot hub device-identity create -d DEVICE`, or in the portal under Device management > Devices; on the local hub: `hubctl emulator --device DEVICE`.",
        ),
        code::MODULE_NOT_FOUND => (
            Kind::NotFound,
            "Check the module's id: it is case-sensitive, and belongs to one device.",
        ),
        code::DEVICE_NOT_ONLINE => (
            Kind::DeviceSilent,
            "The device is not connected. Switch it on, and look at what it says of its own connection.",
        ),
        code::DEVICE_ALREADY_EXISTS | code::MODULE_ALREADY_EXISTS => (
            Kind::Conflict,
            "Choose another id, or change the one that is there.",
        ),
        code::PRECONDITION_FAILED => (
            Kind::Conflict,
            "It was changed by somebody else in between. Read it again and repeat the change.",
        ),
        code::MESSAGE_TOO_LARGE => return Some((Kind::Input, too_large())),
        code::TOO_MANY_DEVICES | code::TOO_MANY_MODULES => (
            Kind::Throttled,
            "The hub holds as many as it can. Delete some, or use a larger hub.",
        ),
        code::INVALID_PROTOCOL_VERSION => (
            Kind::Service,
            "The hub does not speak this api-version. Is it a hub, and is hubctl up to date?",
        ),
        _ => return None,
    };
    Some((kind, hint.to_owned()))
}

/// What a 401 says in words: a device that is not there, a right that is missing. These are the texts that go with
/// 401003 (learn.microsoft.com, "Troubleshoot Azure IoT Hub error codes"); the words count, whatever code they come with.
fn told_in_words(refusal: &Refusal) -> Option<(Kind, String)> {
    if refusal.status != 401 {
        return None;
    }
    let words = refusal.error.message.as_str();
    if let Some(device) = quoted_after(words, "does not contain the specified device ") {
        return Some((
            Kind::NotFound,
            format!(
                "Check the id and HostName: ids are case-sensitive. To register the device: `az iot hub device-identity create -d {device}`, or in the portal under Device management > Devices; on the local hub: `hubctl emulator --device {device}`."
            ),
        ));
    }
    if let Some(right) = quoted_after(words, "does not allow access for ") {
        let policy = words
            .split_once("Authorization rule '")
            .and_then(|(_, rest)| rest.split_once("' does not allow"))
            .map_or_else(String::new, |(policy, _)| format!(" {policy}"));
        return Some((Kind::Refused, missing_right(&policy, right)));
    }
    let hint = [
        (
            "header missing",
            "The token did not arrive: does a proxy on the way take the Authorization header out?",
        ),
        (
            "Thumbprint",
            "The device proves itself with a certificate (X.509), and hubctl sends a token. Use a device with a symmetric key.",
        ),
        (
            "Authentication failed for this device",
            "The token has expired, or the device proves itself in another way, such as with a certificate. Make a new token, or look at the device's authentication type in the portal.",
        ),
        (
            "xpired",
            "The token has expired. Make a new one, or use a connection string with a key.",
        ),
    ]
    .into_iter()
    .find(|(text, _)| words.contains(text))?
    .1;
    Some((Kind::Refused, hint.to_owned()))
}

/// What stands in single quotes behind `before`. Ids may hold single quotes themselves, so the last one ends it.
fn quoted_after<'a>(words: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = words.split_once(before)?;
    let (quoted, _) = rest.strip_prefix('\'')?.rsplit_once('\'')?;
    (!quoted.is_empty()).then_some(quoted)
}

/// The rights of the policies that every hub is made with (learn.microsoft.com, "Control access to IoT Hub with shared
/// access signatures"). `policy` begins with a space, or is empty.
fn missing_right(policy: &str, right: &str) -> String {
    let owners = match right {
        "RegistryRead" => "iothubowner, registryRead and registryReadWrite",
        "RegistryWrite" | "RegistryReadWrite" => "iothubowner and registryReadWrite",
        "ServiceConnect" => "iothubowner and service",
        "DeviceConnect" => "iothubowner and device",
        _ => "iothubowner",
    };
    format!(
        "The policy{policy} lacks the right {right}. Of a hub's own policies, {owners} have it: copy the string of one of them from Security settings > Shared access policies, or give the right to{}.",
        if policy.is_empty() {
            " this one"
        } else {
            policy
        }
    )
}

/// 401003 without words that are known: the signature is good, and access is denied.
fn denied(opened_by: OpenedBy) -> &'static str {
    match opened_by {
        OpenedBy::PolicyKey | OpenedBy::PolicyToken => {
            "The policy lacks a right, or the token has expired. To look devices up it takes RegistryRead, which iothubowner, registryRead and registryReadWrite have."
        }
        OpenedBy::RegistryKey | OpenedBy::DeviceKey | OpenedBy::DeviceToken => {
            "The device is not registered on this hub, proves itself in another way, or its token has expired. With a hub connection string hubctl can tell which."
        }
    }
}

/// 401002: the token itself is not accepted.
fn unauthorized(opened_by: OpenedBy) -> &'static str {
    match opened_by {
        OpenedBy::PolicyKey => {
            "The hub does not accept this policy's key: it may have been regenerated, belong to another hub, or the policy may lack the permission (RegistryRead to look devices up). Copy the string again: Security settings > Shared access policies."
        }
        OpenedBy::PolicyToken => {
            "The token may have expired, be for another hub, or made from a key that was regenerated since. Make a new one with `hubctl login --token`, or use the hub's connection string."
        }
        OpenedBy::RegistryKey => {
            "The hub gave this key a moment ago and does not accept it now: the device may just have been deleted, disabled, or given new keys. Try again."
        }
        OpenedBy::DeviceKey => {
            "To a device the hub says no more than this. Either the key is not the device's (copied badly, or regenerated), or the device does not exist on this hub or is disabled. With a hub connection string hubctl can tell which."
        }
        OpenedBy::DeviceToken => {
            "The token may have expired, be for another device or hub, or made from a key that was regenerated since; or the device does not exist or is disabled. Make a new one with `hubctl sas-token`."
        }
    }
}

fn throttled(refusal: &Refusal) -> String {
    let wait = refusal.retry_after.map_or_else(
        || "Wait a little".to_owned(),
        |wait| format!("The hub asks to wait {}", describe_duration(wait)),
    );
    format!("{wait}, then send more slowly (--rate, --interval), or add units to the hub.")
}

/// What to do about a message over the limit.
#[must_use]
pub fn too_large() -> String {
    format!(
        "A device-to-cloud message may have {MAX_MESSAGE_BYTES} bytes with its properties. Send less at once, or upload a file."
    )
}

#[cfg(test)]
mod tests;
