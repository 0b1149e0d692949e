//! What goes over the wire, told line by line to whoever asked for it.

use std::sync::Arc;

use crate::protocol::amqp::performative::Performative;

/// Who is told of each frame, if anyone is. Payloads, which may hold tokens, are told by their length alone.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Tell>>);

type Tell = dyn Fn(&str) + Send + Sync;

impl std::fmt::Debug for Tracer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tracer").field(&self.0.is_some()).finish()
    }
}

impl Tracer {
    /// Tells `tell` a line for each frame.
    #[must_use]
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    /// Tells of a frame's body that goes out (`>`) or came in (`<`).
    #[inline]
    pub fn frame(&self, direction: char, channel: u16, body: &[u8]) {
        if let Some(tell) = &self.0 {
            tell(&describe(direction, channel, body));
        }
    }
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
