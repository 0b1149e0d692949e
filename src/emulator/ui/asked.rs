//! What the page asks of the hub: a twin, a message to a device, a call of a method.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::calling::{self, Call, NoAnswer};
use super::super::driver::HubHandle;
use super::super::hub::command::{
    CloudMessage, CloudToDeviceOperation, Command, DeviceMessage, Refusal, Reply, TwinOperation,
};
use super::page::{self, Response};
use crate::model::device::IdentityId;
use crate::protocol::amqp::identity_address::{IdentityAddress, IdentityNode};

/// How long a method may be waited for, in seconds, as at the service.
const WAITS: RangeInclusive<u64> = 5..=300;
const USUAL_WAIT: u64 = 30;

/// A key, or a connection string with one.
#[derive(Deserialize)]
pub(super) struct Login {
    pub key: String,
}

/// A message to a device.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    device: String,
    body: String,
    content_type: Option<String>,
    #[serde(default)]
    properties: BTreeMap<String, String>,
}

/// A call of a device's method.
#[derive(Debug, Deserialize)]
pub(super) struct MethodCall {
    device: String,
    name: String,
    /// JSON, which goes to the device as it stands; null where it is empty.
    #[serde(default)]
    payload: String,
    /// Seconds.
    wait: Option<u64>,
}

/// Reads a device's twin.
pub(super) async fn twin(hub: &HubHandle, token: String, device: String) -> Response {
    let operation = TwinOperation::Read {
        token: Some(token),
        identity: identity(device),
    };
    match hub.ask(Command::Twin(operation)).await {
        Ok(Reply::Twin { twin, .. }) => page::json(&shown_twin(&twin)),
        Ok(_) => unanswered(),
        Err(refusal) => refused(&refusal),
    }
}

/// Texts, so that numbers stay as they are: a script's have 53 bits.
fn shown_twin(twin: &Value) -> Value {
    let text = |pointer: &str| {
        let mut part = twin.pointer(pointer).cloned().unwrap_or_else(|| json!({}));
        if let Some(members) = part.as_object_mut() {
            members.shift_remove("$metadata");
        }
        serde_json::to_string_pretty(&part).unwrap_or_default()
    };
    json!({
        "deviceId": twin["deviceId"],
        "version": twin["version"],
        "tags": text("/tags"),
        "desired": text("/properties/desired"),
        "reported": text("/properties/reported"),
    })
}

/// Sends a message to a device.
pub(super) async fn send(hub: &HubHandle, asked: Message) -> Response {
    let id = Uuid::new_v4().to_string();
    let address = IdentityAddress {
        identity: identity(asked.device),
        node: IdentityNode::DeviceBound,
    };
    let message = DeviceMessage {
        body: asked.body.into(),
        message_id: Some(id.clone()),
        content_type: asked.content_type.filter(|kind| !kind.is_empty()),
        properties: asked.properties,
        ..DeviceMessage::default()
    };
    let operation = CloudToDeviceOperation::Send {
        to: address.to_string(),
        message: Box::new(CloudMessage {
            message,
            ..CloudMessage::default()
        }),
    };
    match hub.ask(Command::CloudToDevice(operation)).await {
        Ok(_) => page::json(&json!({ "messageId": id })),
        Err(refusal) => refused(&refusal),
    }
}

/// Calls a method and waits for its answer.
pub(super) async fn call(hub: &HubHandle, token: String, asked: MethodCall) -> Response {
    let wait = asked.wait.unwrap_or(USUAL_WAIT);
    if !WAITS.contains(&wait) {
        return malformed("A method is waited for from 5 to 300 seconds.");
    }
    let payload = match asked.payload.trim() {
        "" => "null",
        payload => payload,
    };
    if let Err(error) = serde_json::from_str::<&RawValue>(payload) {
        return malformed(&format!("The payload is not JSON: {error}."));
    }
    let call = Call {
        token: Some(token),
        identity: identity(asked.device),
        name: asked.name,
        payload: payload.to_owned(),
        connect: Duration::ZERO,
        response: Duration::from_secs(wait),
    };
    match calling::call(hub, call).await {
        Ok(answer) => page::json(&json!({ "status": answer.status, "payload": answer.payload })),
        Err(
            NoAnswer::Refused(refusal)
            | NoAnswer::NotOnline { refusal, .. }
            | NoAnswer::TimedOut(refusal),
        ) => refused(&refusal),
        Err(NoAnswer::Unanswered) => unanswered(),
    }
}

/// What was sent cannot be used.
pub(super) fn malformed(message: &str) -> Response {
    page::refusal(StatusCode::BAD_REQUEST, "ArgumentInvalid", message)
}

/// What the hub says.
pub(super) fn refused(refusal: &Refusal) -> Response {
    // 401 is the session's own; a policy that may not is another matter.
    let status = match refusal.code.http_status() {
        401 => 403,
        status => status,
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    page::refusal(status, refusal.code.name, &refusal.message)
}

fn unanswered() -> Response {
    let message = "The hub has not answered.";
    page::refusal(StatusCode::INTERNAL_SERVER_ERROR, "ServerError", message)
}

fn identity(device: String) -> IdentityId {
    let module = None;
    IdentityId { device, module }
}
