//! Where the sections of a message stand, so that a copy of its bytes need not be walked again.

use super::{Body, DataSections, Message, Properties};
use crate::protocol::amqp::span::Span;
use crate::protocol::amqp::value::{Items, ItemsPlace};

/// Where the sections of one message stand in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageOutline {
    header: Option<ItemsPlace>,
    delivery_annotations: Option<ItemsPlace>,
    message_annotations: Option<ItemsPlace>,
    properties: ItemsPlace,
    application_properties: Option<ItemsPlace>,
    body: BodyOutline,
    footer: Option<ItemsPlace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyOutline {
    Data {
        /// From the first section on.
        bytes: Span,
        first: Span,
        is_single: bool,
    },
    /// Rare enough to be looked for again.
    Other,
}

impl MessageOutline {
    /// The outline of a message that was read from `payload`.
    #[inline]
    #[must_use]
    pub fn of(message: &Message<'_>, payload: &[u8]) -> Self {
        let place = |items: Option<Items<'_>>| items.map(|items| items.place(payload));
        Self {
            header: place(message.header),
            delivery_annotations: place(message.delivery_annotations),
            message_annotations: place(message.message_annotations),
            properties: message.properties.items.place(payload),
            application_properties: place(message.application_properties),
            body: match message.body {
                Body::Data(sections) => BodyOutline::Data {
                    bytes: Span::of(sections.bytes, payload),
                    first: Span::of(sections.first, payload),
                    is_single: sections.is_single,
                },
                Body::Empty | Body::Value(_) | Body::Sequence(_) => BodyOutline::Other,
            },
            footer: place(message.footer),
        }
    }

    /// The message in a copy of its bytes.
    #[inline]
    #[must_use]
    pub fn message(self, payload: &[u8]) -> Message<'_> {
        let items = |place: Option<ItemsPlace>| place.map(|place| place.items(payload));
        Message {
            header: items(self.header),
            delivery_annotations: items(self.delivery_annotations),
            message_annotations: items(self.message_annotations),
            properties: Properties::new(self.properties.items(payload)),
            application_properties: items(self.application_properties),
            body: match self.body {
                BodyOutline::Data {
                    bytes,
                    first,
                    is_single,
                } => Body::Data(DataSections {
                    bytes: bytes.part(payload),
                    first: first.part(payload),
                    is_single,
                }),
                BodyOutline::Other => Message::parse(payload).unwrap_or_default().body,
            },
            footer: items(self.footer),
        }
    }
}
