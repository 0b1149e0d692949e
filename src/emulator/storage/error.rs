//! Why storage did not do what it was asked. Never holds a URL's query: that is what gives access.

use reqwest::StatusCode;
use thiserror::Error;

use crate::trust::TrustError;

/// Why storage did not do what it was asked.
#[derive(Debug, Error)]
pub enum StorageError {
    /// None was named.
    #[error("no storage account is configured")]
    Missing,
    /// The anchors for TLS cannot be used.
    #[error("storage cannot be reached over TLS: {0}")]
    Trust(#[from] TrustError),
    /// The HTTP library refuses what it was given.
    #[error("storage cannot be spoken to: {source}")]
    Setup {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It is not there, or the connection broke.
    #[error("storage at {host} cannot be reached: {why}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// Why, in words.
        why: String,
    },
    /// It did not answer in time.
    #[error("storage at {host} does not answer")]
    TimedOut {
        /// Host and port.
        host: String,
    },
    /// It says no.
    #[error("storage at {host} answered {status}{}", in_brackets(code.as_deref()))]
    Refused {
        /// Host and port.
        host: String,
        /// The status.
        status: StatusCode,
        /// Its own word for it, such as `AuthenticationFailed`.
        code: Option<String>,
    },
    /// It answered what cannot be read.
    #[error("storage at {host} answered without {what}")]
    Unreadable {
        /// Host and port.
        host: String,
        /// What is missing.
        what: &'static str,
    },
}

impl StorageError {
    /// The status of an answer that is no.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Missing
            | Self::Trust(_)
            | Self::Setup { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Unreadable { .. } => None,
        }
    }

    /// Whether it said no, and not that it cannot now.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.status().is_some_and(|status| status.is_client_error())
    }
}

fn in_brackets(code: Option<&str>) -> String {
    code.map_or_else(String::new, |code| format!(" ({code})"))
}
