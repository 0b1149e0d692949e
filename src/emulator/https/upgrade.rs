//! AMQP over WebSocket (RFC 6455): the requests that want it, and the bytes of its binary messages.

use std::future::ready;
use std::io;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{self, HeaderName, HeaderValue};
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

use super::response::Response;
use crate::protocol::amqp::websocket::{SUBPROTOCOL, carried, is_served_at, limits, stream_error};

/// The answer to a request that turns its connection into a WebSocket for AMQP, and what becomes of the connection then.
/// `None` for every other request.
pub(super) fn accept(request: &mut Request<Incoming>) -> Option<(Response, OnUpgrade)> {
    if request.method() != Method::GET || !is_served_at(request.uri().path()) {
        return None;
    }
    let headers = request.headers();
    let is_wanted = lists(headers, &header::UPGRADE, "websocket")
        && lists(headers, &header::CONNECTION, "upgrade")
        && lists(headers, &header::SEC_WEBSOCKET_VERSION, "13")
        && lists(headers, &header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
    if !is_wanted {
        return None;
    }
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
            HeaderValue::from_static(SUBPROTOCOL),
        ),
    ]);
    Some((response, hyper::upgrade::on(request)))
}

/// Whether a header that is a list holds `word`, in any case of letters.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        let words = value.to_str().unwrap_or_default().split(',');
        words
            .map(str::trim)
            .any(|found| found.eq_ignore_ascii_case(word))
    })
}

/// The bytes that a WebSocket's binary messages carry, both ways. What is written at once is one message.
pub(in crate::emulator) async fn bytes_of(
    upgraded: Upgraded,
) -> impl AsyncRead + AsyncWrite + Send + Unpin + 'static {
    let stream = TokioIo::new(upgraded);
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(limits())).await;
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
