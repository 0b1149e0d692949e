//! What goes over the wire, told line by line to whoever asked for it.

use crate::protocol::amqp::performative::Performative;
use crate::tracer::Tracer;

/// Tells of a frame's body that goes out (`>`) or came in (`<`). Payloads, which may hold tokens, are told by their length
/// alone.
#[inline]
pub(super) fn frame(tracer: &Tracer, direction: char, channel: u16, body: &[u8]) {
    tracer.line(|| describe(direction, channel, body));
}

fn describe(direction: char, channel: u16, body: &[u8]) -> String {
    match Performative::decode(body) {
        _ if body.is_empty() => format!("{direction} keep-alive"),
        Ok((performative, [])) => format!("{direction} channel {channel}: {performative:?}"),
        Ok((performative, payload)) => {
            format!(
                "{direction} channel {channel}: {performative:?}, {} bytes",
                payload.len()
            )
        }
        Err(error) => format!(
            "{direction} channel {channel}: {} bytes that cannot be read: {error}",
            body.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::performative::Begin;

    #[test]
    fn a_payload_is_told_by_its_length() {
        let mut body = Vec::new();
        Performative::Begin(Begin::default()).encode(&mut body);
        body.extend_from_slice(b"token");
        let line = describe('>', 1, &body);
        assert!(
            line.starts_with("> channel 1: Begin") && line.ends_with(", 5 bytes"),
            "{line}"
        );
        assert!(!line.contains("token"));
    }
}
