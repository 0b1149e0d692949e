//! A TLS connection: name, TCP, handshake, each with its own error and all within one limit of time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::tls::TlsStream;

/// Why a connection was not made.
#[derive(Debug, Error)]
pub enum DialError {
    /// The host's name is none.
    #[error("{host:?} is not a host name")]
    Name {
        /// The host.
        host: String,
    },
    /// The name leads to no address.
    #[error("the name {host} cannot be resolved: {source}")]
    Resolve {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody listens there, or the way there is closed.
    #[error("cannot connect to {host}:{port}: {source}")]
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No answer in time.
    #[error("{host}:{port} did not answer within {} s ({stage})", limit.as_secs_f32())]
    TimedOut {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What was waited for, such as `TLS handshake`.
        stage: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The handshake failed: a certificate that is not trusted, or no TLS at the other end.
    #[error("TLS with {host}:{port} failed: {source}")]
    Tls {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Why; a [`rustls::Error`] stands inside where it came that far.
        #[source]
        source: io::Error,
    },
}

impl DialError {
    /// The TLS library's own error, where the handshake came that far.
    #[must_use]
    pub fn tls_error(&self) -> Option<&rustls::Error> {
        match self {
            Self::Tls { source, .. } => source.get_ref()?.downcast_ref(),
            Self::Name { .. }
            | Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::TimedOut { .. } => None,
        }
    }
}

/// Connects to `host:port` and shakes hands, within `limit` for each of the two.
///
/// # Errors
/// [`DialError`] tells how far it came.
pub async fn dial_tls(
    host: &str,
    port: u16,
    config: Arc<ClientConfig>,
    limit: Duration,
) -> Result<TlsStream<TcpStream>, DialError> {
    // A name that is none is told before anything is connected.
    server_name(host)?;
    let stream = dial_tcp(host, port, limit).await?;
    shake_hands(stream, host, port, config, limit).await
}

/// Shakes hands with `host` over a stream that leads to its `port` already, within `limit`.
///
/// # Errors
/// [`DialError`].
pub async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    port: u16,
    config: Arc<ClientConfig>,
    limit: Duration,
) -> Result<TlsStream<S>, DialError> {
    let handshake = TlsStream::connect(config, server_name(host)?, stream);
    match tokio::time::timeout(limit, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(source)) => Err(DialError::Tls {
            host: host.to_owned(),
            port,
            source,
        }),
        Err(_) => Err(timed_out(host, port, "TLS handshake", limit)),
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, DialError> {
    ServerName::try_from(host.to_owned()).map_err(|_| DialError::Name {
        host: host.to_owned(),
    })
}

/// Connects to `host:port` without TLS, trying each of its addresses in turn, within `limit`.
///
/// # Errors
/// [`DialError`] tells how far it came.
pub async fn dial_tcp(host: &str, port: u16, limit: Duration) -> Result<TcpStream, DialError> {
    match tokio::time::timeout(limit, connect(host, port)).await {
        Ok(result) => result,
        Err(_) => Err(timed_out(host, port, "connecting", limit)),
    }
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let resolve = |source| DialError::Resolve {
        host: host.to_owned(),
        source,
    };
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .map_err(resolve)?
        .collect();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Frames are small and each is waited for: Nagle's algorithm would cost 40 ms a turn.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(DialError::Connect {
        host: host.to_owned(),
        port,
        source: last,
    })
}

/// An answer that did not come within `limit`; `stage` is what was waited for.
#[must_use]
pub fn timed_out(host: &str, port: u16, stage: &'static str, limit: Duration) -> DialError {
    DialError::TimedOut {
        host: host.to_owned(),
        port,
        stage,
        limit,
    }
}
