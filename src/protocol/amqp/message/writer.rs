//! Writing a message section by section.

use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::message::properties::PropertyFields;
use crate::protocol::amqp::writer::Writer;

/// Appends the sections of one message to a buffer. Call its methods in the standard's order: header, delivery
/// annotations, message annotations, properties, application properties, body.
#[derive(Debug)]
pub struct MessageWriter<'b> {
    out: Writer<'b>,
}

impl<'b> MessageWriter<'b> {
    /// A writer that appends to `out`.
    #[must_use]
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        Self {
            out: Writer::new(out),
        }
    }

    /// Writes a header: time to live in milliseconds, and how often delivery was tried before.
    pub fn header(&mut self, time_to_live_ms: u32, delivery_count: u32) {
        self.out.described(descriptor::HEADER, |w| {
            w.list(|w| {
                w.null();
                w.null();
                w.uint(time_to_live_ms);
                w.null();
                w.uint(delivery_count);
            });
        });
    }

    /// Writes annotations for this delivery; `write` writes symbols and values in turn.
    pub fn delivery_annotations(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        self.out
            .described(descriptor::DELIVERY_ANNOTATIONS, |w| w.map(write));
    }

    /// Writes annotations of the message; `write` writes symbols and values in turn.
    pub fn message_annotations(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        self.out
            .described(descriptor::MESSAGE_ANNOTATIONS, |w| w.map(write));
    }

    /// Writes the properties, or nothing if there are none.
    pub fn properties(&mut self, fields: &PropertyFields<'_>) {
        if !fields.is_empty() {
            self.out
                .described(descriptor::PROPERTIES, |w| fields.write(w));
        }
    }

    /// Writes application properties; `write` writes strings and values in turn.
    pub fn application_properties(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        self.out
            .described(descriptor::APPLICATION_PROPERTIES, |w| w.map(write));
    }

    /// Writes a section of bytes; several may follow each other.
    pub fn data(&mut self, bytes: &[u8]) {
        self.out.described(descriptor::DATA, |w| w.binary(bytes));
    }

    /// Writes the one value that `write` writes as the body.
    pub fn value(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        self.out.described(descriptor::AMQP_VALUE, write);
    }
}
