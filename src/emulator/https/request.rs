//! What a request asks for, read off its path, headers and body.
//!
//! Sources: azure-iot-device-http 1.14.4; azure-iot-hub 2.7.0; azure-iothub 1.16.6.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::super::calling::Call;
use super::super::hub::command::{Certificate, Command, RegistryOperation, TransferRequest};
use super::super::query::Search;
use super::configurations::{self, ConfigurationRequest};
use super::files::{self, FileRequest, FileWork};
use super::jobs::{self, JobAsked};
use super::messages::MessageRequest;
use super::reading::{self, credential, drop_nulls, if_match, misread, text};
use super::rejection::Rejection;
use super::transfers::{self, TransferAsked};
use super::twins::{self, TwinRequest};
use super::{events, methods, queries};
use crate::model::device::{Identity, IdentityId};
use crate::protocol::rest::path::Resource;
use crate::protocol::rest::{API_VERSION, BATCH_CONTENT_TYPE, MAX_MESSAGE_BYTES};

/// Versions of the interface older than [`API_VERSION`] that are in the field.
const OLDER_VERSIONS: [&str; 12] = [
    "2015-08-15-preview",
    "2016-02-03",
    "2016-11-14",
    "2017-06-30",
    "2017-11-08-preview",
    "2018-04-01",
    "2018-06-30",
    "2019-07-01-preview",
    "2019-10-01",
    "2020-03-13",
    "2020-05-31-preview",
    "2020-09-30",
];

/// How many bytes a batch's JSON may have; its messages are in base64 and are measured once more by the hub.
const MAX_BATCH_BYTES: usize = 2 * MAX_MESSAGE_BYTES;

/// How many bytes an identity's JSON may have.
const MAX_IDENTITY_BYTES: usize = 64 * 1024;

/// What a request asks for, before its body has been read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Event { device: String },
    Batch { device: String },
    Read(Id),
    Write(Id),
    Delete(Id),
    List { top: Option<String> },
    Bulk,
    ListModules { device: String },
    Twin(TwinRequest),
    Configuration(ConfigurationRequest),
    Job(JobAsked),
    Invoke(IdentityId),
    Query,
    DeviceStatistics,
    ServiceStatistics,
    Messages(MessageRequest),
    Files(FileRequest),
    Transfer(TransferAsked),
}

/// What a request comes to.
#[derive(Debug)]
pub(super) enum Work {
    /// The hub answers at once.
    Command(Command),
    /// A method is called, and its answer waited for.
    Invoke(Box<Call>),
    /// A query is carried out up to the end of a page.
    Query(Box<Search>),
    /// A device uploads a file, which storage has to be asked about.
    Files(FileWork),
    /// A job is made that imports or exports, for which storage has to be asked too.
    Transfer(Box<TransferRequest>),
}

/// How an answer is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As its content says.
    OfReply,
    /// As `/statistics/service`. Devices over HTTPS are never connected.
    ServiceStatistics,
}

/// A device, or a module on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) device: String,
    pub(super) module: Option<String>,
}

impl Wanted {
    /// Reads a request's line and headers.
    pub(super) fn of(head: &Parts) -> Result<Self, Rejection> {
        let resource = Resource::parse(head.uri.path()).ok_or(Rejection::NoResource)?;
        let query = head.uri.query().unwrap_or_default();
        if !query_value(query, "api-version").is_some_and(|version| is_known_version(&version)) {
            return Err(Rejection::Version);
        }
        match resource {
            Resource::DeviceEvents { device } => events(head, device),
            Resource::Device { device } => identity(&head.method, device, None),
            Resource::Module { device, module } => identity(&head.method, device, Some(module)),
            Resource::Devices if head.method == Method::POST => Ok(Self::Bulk),
            Resource::Devices if head.method == Method::GET => Ok(Self::List {
                top: query_value(query, "top"),
            }),
            Resource::Devices => Err(Rejection::Method {
                allowed: "GET, POST",
            }),
            Resource::Twin { identity } => TwinRequest::of(&head.method, identity).map(Self::Twin),
            Resource::Methods { identity } => post(head, || Self::Invoke(identity)),
            Resource::Modules { device } => get(head, || Self::ListModules { device }),
            Resource::DeviceStatistics => get(head, || Self::DeviceStatistics),
            Resource::ServiceStatistics => get(head, || Self::ServiceStatistics),
            Resource::Query => post(head, || Self::Query),
            Resource::Configurations => get(head, || {
                let top = query_value(query, "top");
                Self::Configuration(ConfigurationRequest::List { top })
            }),
            Resource::TestQueries => post(head, || Self::Configuration(ConfigurationRequest::Test)),
            Resource::Configuration { id } => {
                ConfigurationRequest::of(&head.method, id).map(Self::Configuration)
            }
            Resource::ApplyContent { device } => post(head, || {
                Self::Configuration(ConfigurationRequest::Apply { device })
            }),
            Resource::JobQuery => get(head, || {
                let [kind, status] = ["jobType", "jobStatus"].map(|name| query_value(query, name));
                Self::Job(JobAsked::Query { kind, status })
            }),
            Resource::Transfers => get(head, || Self::Transfer(TransferAsked::List)),
            Resource::CreateTransfer => post(head, || Self::Transfer(TransferAsked::Create)),
            Resource::Transfer { id } => TransferAsked::of(&head.method, id).map(Self::Transfer),
            Resource::Job { id } => JobAsked::of(&head.method, id).map(Self::Job),
            Resource::CancelJob { id } => post(head, || Self::Job(JobAsked::Cancel { id })),
            Resource::Files { device } => post(head, || Self::Files(FileRequest::Begin { device })),
            Resource::UploadNotification {
                device,
                correlation,
            } => post(head, || {
                Self::Files(FileRequest::End {
                    device,
                    correlation,
                })
            }),
            other @ (Resource::DeviceBound { .. }
            | Resource::DeviceBoundMessage { .. }
            | Resource::DeviceBoundAbandon { .. }
            | Resource::Commands { .. }
            | Resource::Feedback
            | Resource::FeedbackMessage { .. }
            | Resource::FeedbackAbandon { .. }
            | Resource::FileNotifications
            | Resource::FileNotification { .. }
            | Resource::FileNotificationAbandon { .. }) => {
                let of = MessageRequest::of(query, other);
                let (request, allowed) = of.ok_or(Rejection::NoResource)?;
                if head.method.as_str() == allowed {
                    Ok(Self::Messages(request))
                } else {
                    Err(Rejection::Method { allowed })
                }
            }
        }
    }

    /// The most bytes of body; `None` where a body is not looked at.
    pub(super) fn body_limit(&self) -> Option<usize> {
        match self {
            Self::Event { .. } => Some(MAX_MESSAGE_BYTES),
            Self::Batch { .. } => Some(MAX_BATCH_BYTES),
            Self::Write(_) => Some(MAX_IDENTITY_BYTES),
            Self::Bulk => Some(twins::MAX_BULK_BYTES),
            Self::Configuration(request) => {
                request.has_body().then_some(configurations::MAX_BODY_BYTES)
            }
            Self::Job(asked) => asked.has_body().then_some(jobs::MAX_BODY_BYTES),
            Self::Twin(request) => request.has_body().then_some(twins::MAX_TWIN_BYTES),
            Self::Invoke(_) => Some(methods::MAX_BODY_BYTES),
            Self::Files(_) => Some(files::MAX_BODY_BYTES),
            Self::Transfer(TransferAsked::Create) => Some(transfers::MAX_BODY_BYTES),
            Self::Query => Some(queries::MAX_BODY_BYTES),
            Self::Read(_)
            | Self::Delete(_)
            | Self::List { .. }
            | Self::ListModules { .. }
            | Self::DeviceStatistics
            | Self::ServiceStatistics
            | Self::Transfer(_)
            | Self::Messages(_) => None,
        }
    }

    /// How the answer will look.
    pub(super) fn answer_shape(&self) -> Shape {
        match self {
            Self::ServiceStatistics => Shape::ServiceStatistics,
            Self::Event { .. }
            | Self::Batch { .. }
            | Self::Read(_)
            | Self::Write(_)
            | Self::Delete(_)
            | Self::List { .. }
            | Self::Bulk
            | Self::ListModules { .. }
            | Self::Twin(_)
            | Self::Configuration(_)
            | Self::Job(_)
            | Self::Invoke(_)
            | Self::Query
            | Self::DeviceStatistics
            | Self::Files(_)
            | Self::Transfer(_)
            | Self::Messages(_) => Shape::OfReply,
        }
    }

    /// What does it. Devices may go by the `certificate` of their connection.
    pub(super) fn into_work(
        self,
        headers: &HeaderMap,
        body: Bytes,
        certificate: Option<&Arc<Certificate>>,
    ) -> Result<Work, Rejection> {
        let token = text(headers, &header::AUTHORIZATION);
        let operation = match self {
            Self::Event { device } => {
                let messages = vec![events::message(headers, body)];
                return Ok(Work::Command(Command::SendEvents {
                    credential: credential(token, certificate),
                    device,
                    messages,
                }));
            }
            Self::Batch { device } => {
                let messages = events::read_batch(&body)?;
                return Ok(Work::Command(Command::SendEvents {
                    credential: credential(token, certificate),
                    device,
                    messages,
                }));
            }
            Self::Messages(request) => {
                return Ok(Work::Command(request.into_command(token, certificate)));
            }
            Self::Read(Id { device, module }) => RegistryOperation::Read { device, module },
            Self::Write(Id { device, module }) => RegistryOperation::Write {
                device,
                module,
                identity: Box::new(read_identity(&body)?),
                if_match: if_match(headers),
            },
            Self::Delete(Id { device, module }) => RegistryOperation::Delete {
                device,
                module,
                if_match: if_match(headers),
            },
            Self::Twin(request) => {
                let operation = request.into_operation(headers, &body)?;
                return Ok(Work::Command(Command::Twin(operation)));
            }
            Self::Configuration(request) => {
                let operation = request.into_operation(headers, &body)?;
                return Ok(Work::Command(Command::Configuration { token, operation }));
            }
            Self::Job(asked) => {
                let operation = asked.into_operation(headers, &body)?;
                return Ok(Work::Command(Command::Job { token, operation }));
            }
            Self::Invoke(identity) => {
                let call = methods::read(identity, headers, &body)?;
                return Ok(Work::Invoke(Box::new(call)));
            }
            Self::Query => {
                let search = queries::read(headers, &body)?;
                return Ok(Work::Query(Box::new(search)));
            }
            Self::Files(request) => return request.into_work(&body).map(Work::Files),
            Self::Transfer(asked) => {
                return match asked.into_command(token) {
                    Some(command) => Ok(Work::Command(command)),
                    None => Ok(Work::Transfer(Box::new(transfers::read(&body)?))),
                };
            }
            Self::Bulk => twins::read_bulk(&body)?,
            Self::List { top } => RegistryOperation::List {
                top: reading::top(top.as_deref())?,
            },
            Self::ListModules { device } => RegistryOperation::ListModules { device },
            Self::DeviceStatistics | Self::ServiceStatistics => RegistryOperation::Statistics,
        };
        Ok(Work::Command(Command::Registry { token, operation }))
    }
}

fn events(head: &Parts, device: String) -> Result<Wanted, Rejection> {
    if head.method != Method::POST {
        return Err(Rejection::Method { allowed: "POST" });
    }
    let content_type = head.headers.get(header::CONTENT_TYPE);
    let is_batch = content_type.is_some_and(|value| {
        let kind = value.as_bytes().split(|byte| *byte == b';').next();
        kind.is_some_and(|kind| {
            kind.trim_ascii()
                .eq_ignore_ascii_case(BATCH_CONTENT_TYPE.as_bytes())
        })
    });
    Ok(if is_batch {
        Wanted::Batch { device }
    } else {
        Wanted::Event { device }
    })
}

fn identity(method: &Method, device: String, module: Option<String>) -> Result<Wanted, Rejection> {
    let id = Id { device, module };
    if method == Method::GET {
        Ok(Wanted::Read(id))
    } else if method == Method::PUT {
        Ok(Wanted::Write(id))
    } else if method == Method::DELETE {
        Ok(Wanted::Delete(id))
    } else {
        Err(Rejection::Method {
            allowed: "GET, PUT, DELETE",
        })
    }
}

fn get(head: &Parts, wanted: impl FnOnce() -> Wanted) -> Result<Wanted, Rejection> {
    if head.method == Method::GET {
        Ok(wanted())
    } else {
        Err(Rejection::Method { allowed: "GET" })
    }
}

fn post(head: &Parts, wanted: impl FnOnce() -> Wanted) -> Result<Wanted, Rejection> {
    if head.method == Method::POST {
        Ok(wanted())
    } else {
        Err(Rejection::Method { allowed: "POST" })
    }
}

fn query_value(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// Versions are dates, which compare as text; those to come are taken on trust.
fn is_known_version(version: &str) -> bool {
    let date = version.strip_suffix("-preview").unwrap_or(version);
    let is_date = date.len() == 10
        && date.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    OLDER_VERSIONS.contains(&version) || (is_date && date >= API_VERSION)
}

/// A member that is null counts as left out, as it does for the SDKs.
fn read_identity(body: &[u8]) -> Result<Identity, Rejection> {
    const NO_IDENTITY: &str = "no device identity";
    let mut value: Value = reading::read(body, NO_IDENTITY)?;
    drop_nulls(&mut value);
    serde_json::from_value(value).map_err(|error| misread(NO_IDENTITY, &error))
}

#[cfg(test)]
mod tests;
