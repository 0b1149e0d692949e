//! What can go wrong over HTTPS, told apart from the HTTP library's chain of causes.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::resolve::ResolveFailed;
use super::{HTTPS_PORT, HubClientOptions};
use crate::client::dial::DialError;
use crate::client::proxy::{Proxy, ProxyUrlError};
use crate::protocol::rest::error_body::ServiceError;
use crate::trust::TrustError;

/// Why there is no client.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The trust anchors cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The proxy cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyUrlError),
    /// The HTTP library refuses what it was given.
    #[error("cannot set HTTPS up: {source}")]
    Http {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

/// The hub's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The service's code, words and tracking id, as far as its body could be read.
    pub error: ServiceError,
    /// How long it asks to be left alone (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// The hub's clock (`Date`).
    pub date: Option<DateTime<Utc>>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the hub answered {}", self.status)?;
        match (&self.error.name, self.error.code) {
            (Some(name), Some(code)) => write!(f, ", {code} {name}")?,
            (Some(name), None) => write!(f, ", {name}")?,
            (None, Some(code)) => write!(f, ", {code}")?,
            (None, None) => {}
        }
        if !self.error.message.is_empty() {
            write!(f, ": {}", self.error.message)?;
        }
        Ok(())
    }
}

/// Why a request came to nothing. Holds neither tokens nor bodies.
#[derive(Debug, Error)]
pub enum HttpsError {
    /// The connection was not made; nothing was sent.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The proxy did not let it through; nothing was sent.
    #[error("the proxy does not open a way to {host}: {reason}")]
    Proxy {
        /// The hub's host.
        host: String,
        /// The proxy's answer.
        reason: String,
    },
    /// No answer in time. What was sent may have arrived.
    #[error("{host} did not answer within {} s", limit.as_secs_f32())]
    TimedOut {
        /// The hub's host.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// The connection broke before the answer was complete.
    #[error("the connection to {host} broke: {source}")]
    Broken {
        /// The hub's host.
        host: String,
        /// Whether the request may have arrived.
        sent: bool,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The hub answered with an error.
    #[error("{0}")]
    Service(Box<Refusal>),
    /// The hub answered something that cannot be read.
    #[error("the hub's answer ({status}) cannot be read: {reason}")]
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        reason: String,
    },
    /// An id that cannot stand in a URL.
    #[error("no URL can carry the path {path}")]
    Address {
        /// The path.
        path: String,
    },
    /// A token with characters that cannot stand in a header.
    #[error("the token holds characters that cannot stand in a header")]
    Token,
}

/// Finds out what an error of the HTTP library means.
pub(super) fn classify(error: &reqwest::Error, options: &HubClientOptions<'_>) -> HttpsError {
    let host = || options.host.name.clone();
    let port = options.host.port.unwrap_or(HTTPS_PORT);
    if let Some(failed) = find::<ResolveFailed>(error) {
        return HttpsError::Dial(DialError::Resolve {
            host: failed.name.clone(),
            source: copy_of(&failed.source),
        });
    }
    if let Some(tls) = tls_error(error) {
        let source = io::Error::new(io::ErrorKind::InvalidData, tls.clone());
        return HttpsError::Dial(DialError::Tls {
            host: host(),
            port,
            source,
        });
    }
    if error.is_connect() {
        return connect_error(error, options, port);
    }
    HttpsError::Broken {
        host: host(),
        sent: !find::<hyper::Error>(error).is_some_and(hyper::Error::is_canceled),
        source: root_of(error),
    }
}

/// With a proxy on the way, a connection that was not made is one to the proxy.
pub(super) fn blame_proxy(
    error: HttpsError,
    proxy: &Proxy,
    options: &HubClientOptions<'_>,
) -> HttpsError {
    let HttpsError::Dial(dial) = error else {
        return error;
    };
    let reason = match dial {
        DialError::Connect { source, .. } => format!("cannot connect to {proxy}: {source}"),
        DialError::Resolve { host, source } => {
            format!("the name {host} cannot be resolved: {source}")
        }
        DialError::TimedOut { limit, .. } => {
            format!("{proxy} did not answer within {} s", limit.as_secs_f32())
        }
        DialError::Name { .. } | DialError::Tls { .. } => return HttpsError::Dial(dial),
    };
    HttpsError::Proxy {
        host: options.host.name.clone(),
        reason,
    }
}

fn connect_error(error: &reqwest::Error, options: &HubClientOptions<'_>, port: u16) -> HttpsError {
    let host = options.host.name.clone();
    if error.is_timeout() {
        return HttpsError::Dial(DialError::TimedOut {
            host,
            port,
            stage: "connecting",
            limit: options.connect_timeout,
        });
    }
    // The library's error for a proxy that says no has no name that could be asked for.
    let tunnel = causes(error)
        .map(ToString::to_string)
        // A proxy that is not there has an I/O error of its own further down.
        .find(|text| text.starts_with("tunnel error") && !text.contains("underlying connection"));
    if let Some(reason) = tunnel {
        let reason = reason.trim_start_matches("tunnel error: ").to_owned();
        return HttpsError::Proxy { host, reason };
    }
    let source = root_of(error);
    // TCP has come up by then; what breaks off is the handshake.
    let in_handshake = matches!(
        source.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::InvalidData
    );
    HttpsError::Dial(if in_handshake {
        DialError::Tls { host, port, source }
    } else {
        DialError::Connect { host, port, source }
    })
}

type Cause<'e> = &'e (dyn std::error::Error + 'static);

fn causes(error: &reqwest::Error) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

fn find<E: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The TLS library's error, which stands inside I/O errors where `source` does not lead.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    causes(error).find_map(|cause| {
        let mut inner = cause.downcast_ref::<io::Error>()?;
        loop {
            let next = inner.get_ref()?;
            if let Some(tls) = next.downcast_ref() {
                return Some(tls);
            }
            inner = next.downcast_ref()?;
        }
    })
}

/// The innermost I/O error, or the innermost cause's words.
fn root_of(error: &reqwest::Error) -> io::Error {
    if let Some(io) = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .last()
    {
        return copy_of(io);
    }
    match causes(error).last() {
        Some(cause) => io::Error::other(cause.to_string()),
        // Its own words name the URL, which is told elsewhere.
        None => io::Error::other("the HTTP library gives no reason"),
    }
}

fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
