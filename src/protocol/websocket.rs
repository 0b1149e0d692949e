//! AMQP and MQTT over WebSocket (RFC 6455): what the services call them, where they serve them, and what the messages carry.
//!
//! Frames and packets travel as one stream of bytes cut into binary messages anywhere: a message may hold several, and one
//! may begin in one message and end in another.

use std::io;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::error::{Error as SocketError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};

/// The one version of RFC 6455, for `Sec-WebSocket-Version`.
pub const VERSION: &str = "13";

/// The largest message that is taken, in bytes. An AMQP frame has 64 KiB here, and the services send few at once.
const MAX_MESSAGE_SIZE: usize = 4 << 20;

/// What is spoken over a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subprotocol {
    /// AMQP 1.0, with both services. The specification's own name, `amqp`, opens neither.
    Amqp,
    /// MQTT 3.1.1, with the hub alone.
    Mqtt,
}

impl Subprotocol {
    /// What stands for it in `Sec-WebSocket-Protocol`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Amqp => "AMQPWSB10",
            Self::Mqtt => "mqtt",
        }
    }
}

/// The path of an IoT hub.
pub const HUB_PATH: &str = "/$iothub/websocket";

/// The path of an event hub's namespace.
pub const NAMESPACE_PATH: &str = "/$servicebus/websocket";

/// What can be spoken over a WebSocket at `path`; nothing where there is none. Some clients put a slash behind it.
#[must_use]
pub fn spoken_at(path: &str) -> &'static [Subprotocol] {
    let path = path.strip_suffix('/').unwrap_or(path);
    // Browsers and some libraries encode the dollar sign.
    let path = path.replacen("%24", "$", 1);
    if path.eq_ignore_ascii_case(HUB_PATH) {
        &[Subprotocol::Amqp, Subprotocol::Mqtt]
    } else if path.eq_ignore_ascii_case(NAMESPACE_PATH) {
        &[Subprotocol::Amqp]
    } else {
        &[]
    }
}

/// How much either side takes at once.
#[must_use]
pub fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_SIZE))
        .max_frame_size(Some(MAX_MESSAGE_SIZE))
}

/// The bytes that a message brings to the stream; `None` where it brings none.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for a text message.
pub fn carried(message: Message) -> io::Result<Option<Bytes>> {
    match message {
        Message::Binary(bytes) => Ok(Some(bytes)),
        Message::Text(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a text message came over the WebSocket, and AMQP and MQTT come in binary ones",
        )),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => Ok(None),
    }
}

/// What an error of the WebSocket is to the stream: its connection's own, its end, or data that no WebSocket sends.
#[must_use]
pub fn stream_error(error: SocketError) -> io::Error {
    if let SocketError::Io(error) = error {
        return error;
    }
    let is_end = matches!(
        error,
        SocketError::ConnectionClosed
            | SocketError::AlreadyClosed
            | SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake)
    );
    if is_end {
        return io::ErrorKind::UnexpectedEof.into();
    }
    if let SocketError::Protocol(error) = &error {
        // Its own words, without those of what is around it.
        return io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    }
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_messages_alone_carry_bytes() {
        let bytes = Bytes::from_static(b"AMQP");
        let brought = carried(Message::Binary(bytes.clone())).unwrap();
        assert_eq!(brought, Some(bytes));
        for silent in [
            Message::Ping(Bytes::from_static(b"x")),
            Message::Pong(Bytes::from_static(b"x")),
            Message::Close(None),
        ] {
            assert_eq!(carried(silent).unwrap(), None);
        }
        let text = carried(Message::Text("AMQP".into())).unwrap_err();
        assert_eq!(text.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_socket_that_is_gone_is_the_end_and_no_bad_data() {
        let kind = |error| stream_error(error).kind();
        let broken = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(
            kind(SocketError::Io(broken)),
            io::ErrorKind::ConnectionReset
        );
        for end in [
            SocketError::ConnectionClosed,
            SocketError::AlreadyClosed,
            SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake),
        ] {
            assert_eq!(kind(end), io::ErrorKind::UnexpectedEof);
        }
        let unmasked = SocketError::Protocol(ProtocolError::UnmaskedFrameFromClient);
        let said = stream_error(unmasked);
        assert_eq!(said.kind(), io::ErrorKind::InvalidData);
        let alone = ProtocolError::UnmaskedFrameFromClient.to_string();
        assert_eq!(said.to_string(), alone);
    }

    #[test]
    fn both_paths_are_known_as_clients_write_them() {
        use Subprotocol::{Amqp, Mqtt};
        for path in ["/$iothub/websocket", "/%24iothub/WebSocket"] {
            assert_eq!(spoken_at(path), [Amqp, Mqtt], "{path}");
        }
        assert_eq!(spoken_at("/$servicebus/websocket/"), [Amqp]);
        for path in [
            "/",
            "/iothub/websocket",
            "/$iothub/websocket/x",
            "/$iothub/websocket//",
        ] {
            assert_eq!(spoken_at(path), [], "{path}");
        }
    }
}
