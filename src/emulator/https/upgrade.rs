//! AMQP and MQTT over WebSocket (RFC 6455): the requests that want one of them, and the bytes of the binary messages.

use std::future::ready;
use std::io;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use super::rejection::Rejection;
use super::response::Response;
use crate::protocol::websocket::{Subprotocol, VERSION, carried, limits, spoken_at, stream_error};

/// How many bytes a device's socket is read by: its messages are small, and there are many devices.
const READ_SIZE: usize = 4096;

/// A connection that is becoming a WebSocket.
pub(super) struct Pending {
    upgrade: OnUpgrade,
    subprotocol: Subprotocol,
}

impl Pending {
    /// Waits for what it becomes; `None` where the client has gone.
    pub(super) async fn complete(self) -> Option<Upgrade> {
        let connection = self.upgrade.await.ok()?;
        Some(Upgrade {
            connection,
            subprotocol: self.subprotocol,
        })
    }
}

/// A connection that has become a WebSocket.
pub(in crate::emulator) struct Upgrade {
    connection: Upgraded,
    /// What is spoken over it.
    pub(in crate::emulator) subprotocol: Subprotocol,
}

/// The answer to a request that turns its connection into a WebSocket, and what becomes of the connection then. `None` for
/// every other request.
pub(super) fn accept(request: &mut Request<Incoming>) -> Option<(Response, Pending)> {
    let spoken = spoken_at(request.uri().path());
    let headers = request.headers();
    if request.method() != Method::GET || !is_wanted(headers) || !is_of_version(headers) {
        return None;
    }
    // The client's first is the one that it likes best.
    let named = |word: &str| {
        let is_it = |known: &&Subprotocol| known.name().eq_ignore_ascii_case(word);
        spoken.iter().copied().find(|known| is_it(&known))
    };
    let subprotocol = words(headers, &header::SEC_WEBSOCKET_PROTOCOL).find_map(named)?;
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    let key = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()?;
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().extend([
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::SEC_WEBSOCKET_ACCEPT, key),
        (
            header::SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(subprotocol.name()),
        ),
    ]);
    let upgrade = hyper::upgrade::on(request);
    Some((
        response,
        Pending {
            upgrade,
            subprotocol,
        },
    ))
}

/// Why a request to where a WebSocket is spoken opens none.
pub(super) fn objection(head: &Parts) -> Rejection {
    let headers = &head.headers;
    let spoken = spoken_at(head.uri.path());
    let is_spoken = |word: &str| {
        let mut spoken = spoken.iter();
        spoken.any(|known| known.name().eq_ignore_ascii_case(word))
    };
    if !is_wanted(headers) {
        Rejection::NoWebSocket
    } else if head.method != Method::GET {
        Rejection::Method { allowed: "GET" }
    } else if !is_of_version(headers) {
        Rejection::WebSocketVersion
    } else if words(headers, &header::SEC_WEBSOCKET_PROTOCOL).any(is_spoken) {
        // Of what a handshake needs, this alone is left to be missing.
        Rejection::argument("A WebSocket's request needs a Sec-WebSocket-Key.")
    } else {
        Rejection::NoWebSocket
    }
}

fn is_wanted(headers: &HeaderMap) -> bool {
    lists(headers, &header::UPGRADE, "websocket") && lists(headers, &header::CONNECTION, "upgrade")
}

/// Whether it is the one version that there is.
fn is_of_version(headers: &HeaderMap) -> bool {
    lists(headers, &header::SEC_WEBSOCKET_VERSION, VERSION)
}

/// The words of a header that is a list.
fn words<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).into_iter();
    values.flat_map(|value| value.to_str().unwrap_or_default().split(',').map(str::trim))
}

/// Whether a header that is a list holds `word`, in any case of letters.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    words(headers, name).any(|found| found.eq_ignore_ascii_case(word))
}

/// The bytes that a WebSocket's binary messages carry, both ways. What is written at once is one message.
pub(in crate::emulator) async fn bytes_of(
    upgrade: Upgrade,
) -> impl AsyncRead + AsyncWrite + Send + Unpin + 'static {
    let stream = TokioIo::new(upgrade.connection);
    let config = match upgrade.subprotocol {
        Subprotocol::Amqp => limits(),
        Subprotocol::Mqtt => limits().read_buffer_size(READ_SIZE),
    };
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let (sink, messages) = socket.split();
    let chunks = messages.filter_map(|message| ready(chunk(message)));
    let sink = sink
        .with(|bytes: Bytes| ready(Ok(Message::Binary(bytes))))
        .sink_map_err(stream_error);
    tokio::io::join(
        StreamReader::new(chunks),
        SinkWriter::new(CopyToBytes::new(sink)),
    )
}

/// What a message brings, if it brings anything. Pings and closes are answered by the library.
fn chunk(message: Result<Message, SocketError>) -> Option<io::Result<Bytes>> {
    match message {
        Ok(message) => carried(message).transpose(),
        Err(error) => Some(Err(stream_error(error))),
    }
}
