//! AMQP over WebSocket: what the two services call it, and where they serve it.
//!
//! Frames travel as one stream of bytes cut into binary messages anywhere: a message may hold several frames, and a frame
//! may begin in one message and end in another.

/// The subprotocol of both services. The specification's own name, `amqp`, opens neither.
pub const SUBPROTOCOL: &str = "AMQPWSB10";

/// The path of an IoT hub.
pub const HUB_PATH: &str = "/$iothub/websocket";

/// The path of an event hub's namespace.
pub const NAMESPACE_PATH: &str = "/$servicebus/websocket";

/// Whether a request for `path` wants to speak AMQP over WebSocket. Some clients put a slash behind it.
#[must_use]
pub fn is_served_at(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    // Browsers and some libraries encode the dollar sign.
    let path = path.replacen("%24", "$", 1);
    path.eq_ignore_ascii_case(HUB_PATH) || path.eq_ignore_ascii_case(NAMESPACE_PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_paths_are_known_as_clients_write_them() {
        for path in [
            "/$iothub/websocket",
            "/$servicebus/websocket/",
            "/%24iothub/WebSocket",
        ] {
            assert!(is_served_at(path), "{path}");
        }
        for path in [
            "/",
            "/iothub/websocket",
            "/$iothub/websocket/x",
            "/$iothub/websocket//",
        ] {
            assert!(!is_served_at(path), "{path}");
        }
    }
}
