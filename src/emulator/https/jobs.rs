//! Requests about jobs.
//!
//! Source: azure-iot-hub 2.7.0 `models/job_request.py`; azure-iothub 1.16.6 `job_client.js`.

use chrono::{DateTime, Utc};
use http::{HeaderMap, Method};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::hub::command::{Door, JobOperation, JobRequest, Task};
use super::super::hub::options::Right;
use super::rejection::Rejection;
use super::{queries, reading};
use crate::model::span::parse_iso8601;
use crate::model::twin::TwinChange;

/// How many bytes a job's JSON may have: a twin's, or a method's payload, and what stands around it.
pub(super) const MAX_BODY_BYTES: usize = 256 * 1024;

/// What jobs may be asked for by: all that the SDKs have names for, of which some are never met here.
///
/// Source: azure-iot-sdk-csharp, `JobType.cs` and `JobStatus.cs`.
const KINDS: [&str; 5] = [
    "unknown",
    "export",
    "import",
    "scheduleDeviceMethod",
    "scheduleUpdateTwin",
];
const STATUSES: [&str; 8] = [
    "unknown",
    "enqueued",
    "running",
    "completed",
    "failed",
    "cancelled",
    "scheduled",
    "queued",
];

/// What a body is that cannot be read as one.
const NO_JOB: &str = "no job";

/// In seconds.
const USUAL_EXECUTION_TIME: u32 = 3600;
const USUAL_RESPONSE_TIME: u32 = 30;
const MAX_METHOD_TIME: u32 = 300;

/// What is wanted of jobs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JobAsked {
    Create {
        id: String,
    },
    Read {
        id: String,
    },
    Cancel {
        id: String,
    },
    Query {
        kind: Option<String>,
        status: Option<String>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(rename = "type")]
    kind: Option<String>,
    cloud_to_device_method: Option<Box<RawValue>>,
    update_twin: Option<Value>,
    query_condition: Option<String>,
    start_time: Option<String>,
    max_execution_time_in_seconds: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    method_name: Option<String>,
    payload: Option<Box<RawValue>>,
    response_timeout_in_seconds: Option<u32>,
    connect_timeout_in_seconds: Option<u32>,
}

impl JobAsked {
    /// What is wanted of one.
    pub(super) fn of(method: &Method, id: String) -> Result<Self, Rejection> {
        match *method {
            Method::GET => Ok(Self::Read { id }),
            Method::PUT => Ok(Self::Create { id }),
            _ => Err(Rejection::Method {
                allowed: "GET, PUT",
            }),
        }
    }

    /// What it opens.
    pub(super) fn door(&self) -> Door {
        match self {
            Self::Create { id } | Self::Cancel { id } => Door::job(id, Right::RegistryWrite),
            Self::Read { id } => Door::job(id, Right::RegistryRead),
            Self::Query { .. } => Door::jobs(),
        }
    }

    /// Whether its body is looked at.
    pub(super) fn has_body(&self) -> bool {
        matches!(self, Self::Create { .. })
    }

    pub(super) fn into_operation(
        self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<JobOperation, Rejection> {
        Ok(match self {
            Self::Create { id } => JobOperation::Create {
                id,
                request: Box::new(read(body)?),
            },
            Self::Read { id } => JobOperation::Read { id },
            Self::Cancel { id } => JobOperation::Cancel { id },
            Self::Query { kind, status } => {
                let kind = one_of("jobType", kind, &KINDS)?;
                let status = one_of("jobStatus", status, &STATUSES)?;
                let asked = format!("jobs/v2/query {kind:?} {status:?}");
                let (rows, place) = queries::page_of(headers, &asked)?;
                JobOperation::Query {
                    kind: kind.map(str::to_owned),
                    status: status.map(str::to_owned),
                    rows,
                    place: Box::new(place),
                }
            }
        })
    }
}

/// Which of the names is given, in any case; nothing counts as none.
fn one_of(
    what: &str,
    given: Option<String>,
    names: &[&'static str],
) -> Result<Option<&'static str>, Rejection> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    let found = names.iter().find(|name| name.eq_ignore_ascii_case(&given));
    let found = found.ok_or_else(|| {
        let names = names.join(", ");
        Rejection::argument(format!("{what} is one of {names}."))
    })?;
    Ok(Some(found))
}

fn read(body: &[u8]) -> Result<JobRequest, Rejection> {
    let body: Body = reading::read(body, NO_JOB)?;
    let kind = body.kind.unwrap_or_default();
    let (task, shown) = if kind.eq_ignore_ascii_case("scheduleUpdateTwin") {
        let twin = body.update_twin.filter(|twin| !twin.is_null());
        let twin =
            twin.ok_or_else(|| Rejection::argument("scheduleUpdateTwin asks for updateTwin."))?;
        (update(&twin)?, ("updateTwin", twin))
    } else if kind.eq_ignore_ascii_case("scheduleDeviceMethod") {
        let call = body.cloud_to_device_method;
        let call = call.ok_or_else(|| {
            Rejection::argument("scheduleDeviceMethod asks for cloudToDeviceMethod.")
        })?;
        let shown = reading::read(call.get().as_bytes(), NO_JOB)?;
        (method(&call)?, ("cloudToDeviceMethod", shown))
    } else {
        return Err(Rejection::argument(
            "A job's type is scheduleUpdateTwin or scheduleDeviceMethod.",
        ));
    };
    let condition = body.query_condition.filter(|text| !text.trim().is_empty());
    Ok(JobRequest {
        condition: condition
            .ok_or_else(|| Rejection::argument("A job asks for queryCondition; * means all."))?,
        start: body.start_time.map(|text| time(&text)).transpose()?,
        max_seconds: body
            .max_execution_time_in_seconds
            .filter(|seconds| *seconds > 0)
            .unwrap_or(USUAL_EXECUTION_TIME),
        task,
        shown: Value::Object(Map::from_iter([(shown.0.to_owned(), shown.1)])),
    })
}

fn update(twin: &Value) -> Result<Task, Rejection> {
    let change =
        TwinChange::parse(twin, false).map_err(|error| Rejection::argument(format!("{error}.")))?;
    let etag = twin.get("etag").and_then(Value::as_str);
    Ok(Task::UpdateTwin {
        change: Box::new(change),
        if_match: etag.map(|etag| etag.trim_matches('"').to_owned()),
    })
}

fn method(call: &RawValue) -> Result<Task, Rejection> {
    let call: Call = reading::read(call.get().as_bytes(), NO_JOB)?;
    let seconds = |given: Option<u32>, usual| {
        let seconds = given.unwrap_or(usual);
        let is_good = seconds <= MAX_METHOD_TIME;
        is_good.then_some(seconds).ok_or_else(|| {
            Rejection::argument(format!(
                "A method's time-outs are up to {MAX_METHOD_TIME} seconds."
            ))
        })
    };
    let payload = call.payload.map(|payload| payload.get().to_owned());
    Ok(Task::Method {
        name: call.method_name.unwrap_or_default(),
        payload: payload.unwrap_or_else(|| "null".to_owned()),
        connect: seconds(call.connect_timeout_in_seconds, 0)?,
        response: seconds(call.response_timeout_in_seconds, USUAL_RESPONSE_TIME)?,
    })
}

fn time(text: &str) -> Result<DateTime<Utc>, Rejection> {
    parse_iso8601(text).ok_or_else(|| Rejection::argument("startTime is no ISO 8601 time."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(body: &str) -> Result<JobRequest, Rejection> {
        read(body.as_bytes())
    }

    #[test]
    fn the_sdks_jobs_are_read() {
        let node = r#"{"jobId":"j","type":"scheduleDeviceMethod","cloudToDeviceMethod":{"methodName":"m","payload":{"a":1.0},"responseTimeoutInSeconds":5},"startTime":"2026-01-02T03:04:05.678Z","maxExecutionTimeInSeconds":3600,"queryCondition":"*"}"#;
        let job_of_node = job(node).unwrap();
        assert!(matches!(
            &job_of_node.task,
            Task::Method { name, payload, connect: 0, response: 5 } if name == "m" && payload == "{\"a\":1.0}"
        ));
        assert_eq!(job_of_node.shown["cloudToDeviceMethod"]["methodName"], "m");
        let python = r#"{"type":"scheduleUpdateTwin","updateTwin":{"etag":"*","tags":{"a":1}},"startTime":"2026-01-02T03:04:05.678000","maxExecutionTimeInSeconds":0,"queryCondition":"deviceId = 'd'"}"#;
        let job_of_python = job(python).unwrap();
        assert_eq!(
            (
                job_of_python.start.map(|time| time.timestamp_millis()),
                job_of_python.max_seconds
            ),
            (
                job_of_node.start.map(|time| time.timestamp_millis()),
                USUAL_EXECUTION_TIME
            )
        );
        assert!(
            matches!(job_of_python.task, Task::UpdateTwin { if_match: Some(etag), .. } if etag == "*")
        );
    }

    #[test]
    fn what_is_no_job_is_refused() {
        for bad in [
            "[]",
            "{}",
            r#"{"type":"export","queryCondition":"*"}"#,
            r#"{"type":"scheduleUpdateTwin","queryCondition":"*"}"#,
            r#"{"type":"scheduleUpdateTwin","updateTwin":{"tags":1},"queryCondition":"*"}"#,
            r#"{"type":"scheduleUpdateTwin","updateTwin":{},"queryCondition":" "}"#,
            r#"{"type":"scheduleUpdateTwin","updateTwin":{},"queryCondition":"*","startTime":"soon"}"#,
            r#"{"type":"scheduleDeviceMethod","cloudToDeviceMethod":{"methodName":"m","responseTimeoutInSeconds":301},"queryCondition":"*"}"#,
        ] {
            assert!(matches!(job(bad), Err(Rejection::Argument { .. })), "{bad}");
        }
    }
}
