//! `POST /twins/{id}/methods`: a method of a device is called, and its answer waited for. The clock for both waits is here,
//! for the hub has none.
//!
//! Source: learn.microsoft.com, "Understand and invoke direct methods from IoT Hub" (timeouts); texts from traces in the
//! issue trackers of the C# SDK and of IoT Edge.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::super::driver::HubHandle;
use super::super::hub::command::{Command, ListenerId, MethodOperation, Notice, Refusal, Reply};
use super::reading::{misreading, text};
use super::rejection::Rejection;
use crate::model::device::IdentityId;
use crate::protocol::rest::error_code;

/// How many bytes the body may have: a payload at its limit, and what stands around it.
pub(super) const MAX_BODY_BYTES: usize = 192 * 1024;

/// In seconds.
const RESPONSE_TIMES: RangeInclusive<u64> = 5..=300;
const CONNECT_TIMES: RangeInclusive<u64> = 0..=300;
const USUAL_RESPONSE_TIME: u64 = 30;

/// What a device answered.
#[derive(Debug)]
pub(super) struct MethodAnswer {
    /// The device's own.
    pub status: i32,
    /// JSON.
    pub payload: String,
}

/// The body. Whatever is in `payload` goes to the device as it stands.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    method_name: Option<String>,
    payload: Option<Box<RawValue>>,
    response_timeout_in_seconds: Option<u64>,
    connect_timeout_in_seconds: Option<u64>,
}

#[derive(Debug)]
struct Call {
    token: Option<String>,
    identity: IdentityId,
    name: String,
    payload: String,
    connect: Duration,
    response: Duration,
}

/// Calls a method and waits for the answer.
pub(super) async fn invoke(
    hub: &HubHandle,
    identity: IdentityId,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<MethodAnswer, Rejection> {
    let call = read(identity, headers, body)?;
    let (caller, notices) = hub.register_listener().await?;
    let _leaving = Leaving {
        hub: hub.clone(),
        caller,
    };
    carry_out(hub, caller, notices, call).await
}

/// A caller. When it goes, answered or not, the hub forgets it; the client may well have hung up before.
struct Leaving {
    hub: HubHandle,
    caller: ListenerId,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let (hub, caller) = (self.hub.clone(), self.caller);
        // Where nothing runs any more, nothing is left to forget it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let cancel = MethodOperation::Cancel { caller };
                let _ = hub.ask(Command::Method(cancel)).await;
                let _ = hub.ask(Command::CloseReader { reader: caller }).await;
            });
        }
    }
}

fn read(identity: IdentityId, headers: &HeaderMap, body: &[u8]) -> Result<Call, Rejection> {
    let body: Body = serde_json::from_slice(body)
        .map_err(|error| invalid(misreading("no method call", &error)))?;
    let seconds = |name, given: Option<u64>, usual, limits: RangeInclusive<u64>| {
        let seconds = given.unwrap_or(usual);
        if limits.contains(&seconds) {
            return Ok(Duration::from_secs(seconds));
        }
        let (least, most) = limits.into_inner();
        Err(invalid(format!("{name} must be within [{least}; {most}].")))
    };
    Ok(Call {
        token: text(headers, &header::AUTHORIZATION),
        identity,
        name: body.method_name.unwrap_or_default(),
        payload: body
            .payload
            .map_or_else(|| "null".to_owned(), |payload| payload.get().to_owned()),
        connect: seconds(
            "connectTimeoutInSeconds",
            body.connect_timeout_in_seconds,
            0,
            CONNECT_TIMES,
        )?,
        response: seconds(
            "responseTimeoutInSeconds",
            body.response_timeout_in_seconds,
            USUAL_RESPONSE_TIME,
            RESPONSE_TIMES,
        )?,
    })
}

async fn carry_out(
    hub: &HubHandle,
    caller: ListenerId,
    mut notices: UnboundedReceiver<Notice>,
    wanted: Call,
) -> Result<MethodAnswer, Rejection> {
    let operation = MethodOperation::Invoke {
        token: wanted.token,
        caller,
        identity: wanted.identity,
        name: wanted.name,
        payload: wanted.payload,
        waits: !wanted.connect.is_zero(),
    };
    let reply = hub.ask(Command::Method(operation)).await;
    let Reply::Call { is_delivered, .. } = reply.map_err(rejection)? else {
        return Err(Rejection::Unanswered);
    };
    let is_delivered = is_delivered || timeout(wanted.connect, notices.recv()).await.is_ok();
    let late = if is_delivered {
        match timeout(wanted.response, answer(&mut notices)).await {
            Ok(answer) => return answer,
            Err(_) => timed_out(),
        }
    } else {
        not_online(wanted.connect)
    };
    let cancel = MethodOperation::Cancel { caller };
    hub.ask(Command::Method(cancel)).await?;
    Err(late)
}

async fn answer(notices: &mut UnboundedReceiver<Notice>) -> Result<MethodAnswer, Rejection> {
    while let Some(notice) = notices.recv().await {
        if let Notice::Answered {
            status, payload, ..
        } = notice
        {
            let payload = payload.map_err(rejection)?;
            return Ok(MethodAnswer { status, payload });
        }
    }
    // The hub has gone.
    Err(Rejection::Unanswered)
}

/// Tokens are refused as everywhere; the rest in the form that methods have for it.
fn rejection(refusal: Refusal) -> Rejection {
    if refusal.code.http_status() == 401 {
        return Rejection::Refused(refusal);
    }
    let info = Value::Null;
    Rejection::Call { refusal, info }
}

fn invalid(message: String) -> Rejection {
    rejection(Refusal {
        code: error_code::ARGUMENT_INVALID,
        condition: "com.microsoft:argument-error",
        message,
    })
}

fn not_online(waited: Duration) -> Rejection {
    let seconds = waited.as_secs();
    let refusal = Refusal {
        code: error_code::DEVICE_NOT_ONLINE,
        condition: "amqp:not-found",
        message: "Timed out waiting for device to connect.".to_owned(),
    };
    let time = format!("00:{:02}:{:02}", seconds / 60, seconds % 60);
    let info = json!({ "timeout": time });
    Rejection::Call { refusal, info }
}

fn timed_out() -> Rejection {
    let refusal = Refusal {
        code: error_code::GATEWAY_TIMEOUT,
        condition: "com.microsoft:timeout",
        message: "Timed out waiting for the response from device.".to_owned(),
    };
    let info = json!({});
    Rejection::Call { refusal, info }
}

#[cfg(test)]
mod tests;
