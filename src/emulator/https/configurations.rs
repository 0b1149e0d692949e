//! Requests about configurations.

use std::collections::BTreeMap;

use http::{HeaderMap, Method};
use serde::Deserialize;

use super::super::hub::command::{ConfigurationOperation, Door};
use super::super::hub::options::Right;
use super::reading::{self, if_match, read};
use super::rejection::Rejection;
use crate::model::configuration::{Content, Draft};

/// How many bytes a configuration's JSON may have: the service has been seen to take no more than 512 KB of content.
pub(super) const MAX_BODY_BYTES: usize = 512 * 1024;

/// What is wanted of configurations.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ConfigurationRequest {
    List { top: Option<String> },
    Read { id: String },
    Write { id: String },
    Delete { id: String },
    Test,
    Apply { device: String },
}

/// The body of `testQueries`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Queries {
    target_condition: Option<String>,
    custom_metric_queries: Option<BTreeMap<String, String>>,
}

impl ConfigurationRequest {
    /// What is wanted of one.
    pub(super) fn of(method: &Method, id: String) -> Result<Self, Rejection> {
        match *method {
            Method::GET => Ok(Self::Read { id }),
            Method::PUT => Ok(Self::Write { id }),
            Method::DELETE => Ok(Self::Delete { id }),
            _ => Err(Rejection::Method {
                allowed: "GET, PUT, DELETE",
            }),
        }
    }

    /// What it opens.
    pub(super) fn door(&self) -> Door {
        match self {
            Self::List { .. } => Door::configurations(),
            Self::Read { id } => Door::configuration(id, Right::RegistryRead),
            Self::Write { id } | Self::Delete { id } => {
                Door::configuration(id, Right::RegistryWrite)
            }
            Self::Test => Door::test_queries(),
            Self::Apply { device } => Door::identity(device, None, Right::RegistryWrite),
        }
    }

    /// Whether its body is looked at.
    pub(super) fn has_body(&self) -> bool {
        match self {
            Self::Write { .. } | Self::Test | Self::Apply { .. } => true,
            Self::List { .. } | Self::Read { .. } | Self::Delete { .. } => false,
        }
    }

    pub(super) fn into_operation(
        self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<ConfigurationOperation, Rejection> {
        Ok(match self {
            Self::List { top } => ConfigurationOperation::List {
                top: reading::top(top.as_deref())?,
            },
            Self::Read { id } => ConfigurationOperation::Read { id },
            Self::Write { id } => ConfigurationOperation::Write {
                id,
                draft: Box::new(read::<Draft>(body, "no configuration")?),
                if_match: if_match(headers),
            },
            Self::Delete { id } => ConfigurationOperation::Delete {
                id,
                if_match: if_match(headers),
            },
            Self::Test => {
                let queries: Queries = read(body, "no target condition with metrics")?;
                ConfigurationOperation::Test {
                    condition: queries.target_condition,
                    metrics: queries.custom_metric_queries.unwrap_or_default(),
                }
            }
            Self::Apply { device } => ConfigurationOperation::Apply {
                device,
                content: Box::new(read::<Content>(body, "no configuration's content")?),
            },
        })
    }
}
