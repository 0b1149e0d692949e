//! Events on their way to standard output: noted down as they came, and written in their format on the thread that writes.
//!
//! Reading and writing cost about the same, so that two threads are nearly twice as fast as one. What was found in an event is
//! noted beside it, so that it is walked once. Must never know where the text goes.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::protocol::amqp::event::{Event, EventOutline};
use crate::render::EventWriter;

/// Texts and events in their order.
#[derive(Debug, Default)]
pub(super) struct Page {
    bytes: Vec<u8>,
    events: Vec<Noted>,
}

/// Where an event stands on a page; all between events is text.
#[derive(Debug)]
struct Noted {
    /// The partition's id.
    partition: Range<usize>,
    payload: Range<usize>,
    outline: EventOutline,
}

impl Page {
    /// Whether nothing stands on it.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends text.
    pub(super) fn push_text(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
    }

    /// Appends an event of a partition.
    #[inline]
    pub(super) fn push_event(&mut self, partition: &str, event: &Event<'_>) {
        let partition = self.push(partition.as_bytes());
        let payload = self.push(event.payload);
        self.events.push(Noted {
            partition,
            payload,
            outline: event.outline(),
        });
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// Makes it empty, to be used again; what was needed beyond `largest` bytes is given back.
    pub(super) fn clear(&mut self, largest: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(largest);
        self.events.clear();
        self.events.shrink_to(largest / size_of::<Noted>());
    }
}

/// The first event whose body was not what `--body` says: its partition and its sequence number.
pub(super) type OddBody = Arc<OnceLock<(String, i64)>>;

/// Writes pages out.
pub(super) struct Scribe {
    writer: EventWriter,
    odd_body: OddBody,
}

impl Scribe {
    /// A scribe with this hand, who tells of the first odd body.
    pub(super) fn new(writer: EventWriter, odd_body: OddBody) -> Self {
        Self { writer, odd_body }
    }

    /// Appends all that stands on a page, in its format.
    pub(super) fn write(&mut self, page: &Page, out: &mut Vec<u8>) {
        let mut written = 0;
        for noted in &page.events {
            out.extend_from_slice(&page.bytes[written..noted.partition.start]);
            // It was text when it was noted down.
            let partition = std::str::from_utf8(&page.bytes[noted.partition.clone()]);
            let event = noted.outline.event(&page.bytes[noted.payload.clone()]);
            self.write_event(partition.unwrap_or_default(), &event, out);
            written = noted.payload.end;
        }
        out.extend_from_slice(&page.bytes[written..]);
    }

    fn write_event(&mut self, partition: &str, event: &Event<'_>, out: &mut Vec<u8>) {
        self.writer.write(partition, event, out);
        if self.odd_body.get().is_none() && self.writer.has_other_bodies() {
            let odd = (partition.to_owned(), event.sequence_number.0);
            // Whoever comes first is told of.
            let _ = self.odd_body.set(odd);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::message::MessageWriter;
    use crate::render::{BodyFormat, Format};
    use proptest::prelude::*;

    fn payload(number: i64, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut message = MessageWriter::new(&mut out);
        message.message_annotations(|w| {
            w.symbol("x-opt-sequence-number");
            w.long(number);
        });
        message.data(body);
        out
    }

    proptest! {
        #[test]
        fn what_was_noted_down_is_written(
            records in prop::collection::vec(("[0-9]{1,3}", any::<i64>(), prop::option::of(prop::collection::vec(any::<u8>(), 0..40))), 0..20),
        ) {
            let (mut page, mut expected, mut out) = (Page::default(), Vec::new(), Vec::new());
            let mut writer = EventWriter::new(Format::Ndjson, BodyFormat::Json);
            for (partition, number, body) in &records {
                let Some(body) = body else {
                    page.push_text(|out| out.extend_from_slice(partition.as_bytes()));
                    expected.extend_from_slice(partition.as_bytes());
                    continue;
                };
                let payload = payload(*number, body);
                let event = Event::parse(&payload).unwrap();
                page.push_event(partition, &event);
                writer.write(partition, &event, &mut expected);
            }
            let odd = OddBody::default();
            let writer_again = EventWriter::new(Format::Ndjson, BodyFormat::Json);
            Scribe::new(writer_again, odd.clone()).write(&page, &mut out);
            prop_assert_eq!(out, expected);
            prop_assert_eq!(odd.get().is_some(), writer.has_other_bodies());
        }
    }

    #[test]
    fn no_text_is_no_record() {
        let mut page = Page::default();
        page.push_text(|_| {});
        assert!(page.is_empty());
    }
}
