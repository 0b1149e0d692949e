//! `POST /twins/{id}/methods`: a method of a device is called, and its answer waited for.
//!
//! Source: learn.microsoft.com, "Understand and invoke direct methods from IoT Hub" (timeouts).

use std::ops::RangeInclusive;
use std::time::Duration;

use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::super::calling::{self, Call, MethodAnswer, NoAnswer};
use super::super::driver::HubHandle;
use super::super::hub::command::Refusal;
use super::reading::{misreading, text};
use super::rejection::Rejection;
use crate::model::device::IdentityId;
use crate::model::object::Object;
use crate::protocol::rest::error_code;

/// How many bytes the body may have: a payload at its limit, and what stands around it.
pub(super) const MAX_BODY_BYTES: usize = 192 * 1024;

/// In seconds.
const RESPONSE_TIMES: RangeInclusive<u64> = 5..=300;
const CONNECT_TIMES: RangeInclusive<u64> = 0..=300;
const USUAL_RESPONSE_TIME: u64 = 30;

/// The body. Whatever is in `payload` goes to the device as it stands.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    method_name: Option<String>,
    payload: Option<Box<RawValue>>,
    response_timeout_in_seconds: Option<u64>,
    connect_timeout_in_seconds: Option<u64>,
}

/// Calls a method and waits for the answer.
pub(super) async fn carry_out(hub: &HubHandle, wanted: Call) -> Result<MethodAnswer, Rejection> {
    calling::call(hub, wanted).await.map_err(|why| match why {
        NoAnswer::Refused(refusal) => Rejection::nested(refusal),
        NoAnswer::NotOnline { refusal, waited } => not_online(refusal, waited),
        NoAnswer::TimedOut(refusal) => {
            let info = json!({});
            Rejection::Call { refusal, info }
        }
        NoAnswer::Unanswered => Rejection::Unanswered,
    })
}

/// Reads a call.
pub(super) fn read(
    identity: IdentityId,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Call, Rejection> {
    let Object(body): Object<Body> = serde_json::from_slice(body)
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

fn invalid(message: String) -> Rejection {
    Rejection::nested(Refusal {
        code: error_code::ARGUMENT_INVALID,
        condition: "com.microsoft:argument-error",
        message,
    })
}

fn not_online(refusal: Refusal, waited: Duration) -> Rejection {
    let seconds = waited.as_secs();
    let time = format!("00:{:02}:{:02}", seconds / 60, seconds % 60);
    let info = json!({ "timeout": time });
    Rejection::Call { refusal, info }
}

#[cfg(test)]
mod tests;
