//! AMQP over WebSocket: TLS to HTTPS's port, by way of a proxy where there is one, the upgrade, and then a stream of bytes.
//!
//! Knows nothing of AMQP but what the services call it.

use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Request, StatusCode, header};
use rustls::ClientConfig;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::{Error as SocketError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tokio_util::either::Either;
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use super::dial::{DialError, dial_tcp, shake_hands, timed_out};
use super::proxy::{Proxies, ProxyError};
use crate::protocol::websocket::{Subprotocol, carried, limits, stream_error};

/// The longest reason of a close that is repeated, in characters.
const LONGEST_REASON: usize = 200;

/// Why there is no WebSocket.
#[derive(Debug, Error)]
pub enum WebSocketError {
    /// There is no connection to the host.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The proxy opened no way.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The host answered, and it was no upgrade.
    #[error("{host}:{port} answered {status} and opened no WebSocket{}", server_of(server.as_deref()))]
    Refused {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What it answered.
        status: StatusCode,
        /// What the answer's `Server` header says.
        server: Option<String>,
    },
    /// The connection broke before there was an answer.
    #[error("{host}:{port} closed the connection instead of opening a WebSocket: {source}")]
    Broken {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// How.
        #[source]
        source: io::Error,
    },
    /// The host's answer is no upgrade to what was asked for.
    #[error("{host}:{port} opens no WebSocket for AMQP: {reason}")]
    Unreadable {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What is wrong with it.
        reason: String,
    },
}

/// Opens a WebSocket at `path` of `host:port`; each step within `limit`.
///
/// # Errors
/// [`WebSocketError`] tells how far it came.
pub async fn open(
    (host, port, path): (&str, u16, &str),
    tls: &Arc<ClientConfig>,
    proxies: &Proxies,
    limit: Duration,
) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static, WebSocketError> {
    let proxy = proxies.on_the_way(host, port).map_err(ProxyError::Url)?;
    let stream = match proxy {
        Some(proxy) => Either::Left(proxy.tunnel(host, port, Arc::clone(tls), limit).await?),
        None => Either::Right(dial_tcp(host, port, limit).await?),
    };
    let stream = shake_hands(stream, host, port, Arc::clone(tls), limit).await?;
    let request = request(host, port, path).map_err(|error| refusal(error, host, port))?;
    let upgrade = client_async_with_config(request, stream, Some(limits()));
    let upgraded = timeout(limit, upgrade)
        .await
        .map_err(|_| timed_out(host, port, "WebSocket upgrade", limit))?;
    let (socket, _) = upgraded.map_err(|error| refusal(error, host, port))?;
    Ok(byte_stream(socket))
}

fn request(host: &str, port: u16, path: &str) -> Result<Request<()>, SocketError> {
    let port = if port == 443 {
        String::new()
    } else {
        format!(":{port}")
    };
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let mut request = format!("wss://{host}{port}{path}").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(Subprotocol::Amqp.name()),
    );
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("hubctl/", env!("CARGO_PKG_VERSION"))),
    );
    Ok(request)
}

fn refusal(error: SocketError, host: &str, port: u16) -> WebSocketError {
    let host = host.to_owned();
    if let SocketError::Http(response) = error {
        let server = response.headers().get(header::SERVER);
        let server = server.and_then(|server| server.to_str().ok());
        return WebSocketError::Refused {
            host,
            port,
            status: response.status(),
            server: server.map(|server| server.chars().take(LONGEST_REASON).collect()),
        };
    }
    let is_cut = matches!(
        error,
        SocketError::Io(_) | SocketError::Protocol(ProtocolError::HandshakeIncomplete)
    );
    let source = stream_error(error);
    if is_cut {
        return WebSocketError::Broken { host, port, source };
    }
    WebSocketError::Unreadable {
        host,
        port,
        reason: source.to_string(),
    }
}

fn server_of(server: Option<&str>) -> String {
    server.map_or_else(String::new, |server| format!(" (its server is {server:?})"))
}

/// The bytes that a WebSocket's binary messages carry, both ways. What is written at once is one message.
fn byte_stream<S>(
    socket: WebSocketStream<S>,
) -> impl AsyncRead + AsyncWrite + Send + Unpin + 'static
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sink, messages) = socket.split();
    let mut is_closed = false;
    let chunks = messages.filter_map(move |message| {
        is_closed |= matches!(message, Ok(Message::Close(_)));
        // After its farewell the other side need not stay to hear ours.
        let is_news = !(is_closed && message.is_err());
        ready(if is_news { chunk(message) } else { None })
    });
    let sink = sink
        .with(|bytes: Bytes| ready(Ok(Message::Binary(bytes))))
        .sink_map_err(stream_error);
    tokio::io::join(
        StreamReader::new(chunks),
        SinkWriter::new(CopyToBytes::new(sink)),
    )
}

/// What a message brings, if it brings anything. Pings are answered by the library.
fn chunk(message: Result<Message, SocketError>) -> Option<io::Result<Bytes>> {
    match message {
        Ok(Message::Close(Some(frame))) => closed(&frame).map(Err),
        Ok(message) => carried(message).transpose(),
        Err(error) => Some(Err(stream_error(error))),
    }
}

/// A close that is no plain farewell.
fn closed(frame: &CloseFrame) -> Option<io::Error> {
    if matches!(frame.code, CloseCode::Normal | CloseCode::Status) {
        return None;
    }
    let mut text = format!("the WebSocket was closed with {}", u16::from(frame.code));
    let reason = frame.reason.chars().take(LONGEST_REASON);
    let reason: String = reason
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if !reason.is_empty() {
        text.push_str(": ");
        text.push_str(&reason);
    }
    Some(io::Error::new(io::ErrorKind::ConnectionAborted, text))
}

#[cfg(test)]
mod tests;
