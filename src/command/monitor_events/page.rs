//! Events on their way to standard output: noted down as they came, and written in their format on the thread that writes.
//!
//! Reading and writing cost about the same, so that two threads are nearly twice as fast as one. A page is bytes: records one
//! after the other, each with its length in front. Must never know where the text goes.

use std::sync::{Arc, OnceLock};

use crate::protocol::amqp::event::Event;
use crate::render::EventWriter;

const TEXT: u8 = 0;
const EVENT: u8 = 1;

/// Appends text to a page.
pub(super) fn push_text(page: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    page.push(TEXT);
    let start = page.len();
    page.extend_from_slice(&[0; 4]);
    write(page);
    let length = u32::try_from(page.len() - start - 4).unwrap_or(u32::MAX);
    if length == 0 {
        page.truncate(start - 1);
        return;
    }
    page[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends an event of a partition to a page.
pub(super) fn push_event(page: &mut Vec<u8>, partition: &str, event: &Event<'_>) {
    page.push(EVENT);
    push_bytes(page, partition.as_bytes());
    push_bytes(page, event.payload);
}

fn push_bytes(page: &mut Vec<u8>, bytes: &[u8]) {
    // No frame and no event is that long.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    page.extend_from_slice(&length.to_be_bytes());
    page.extend_from_slice(bytes);
}

fn take_bytes<'p>(page: &mut &'p [u8]) -> Option<&'p [u8]> {
    let (length, rest) = page.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (bytes, rest) = rest.split_at_checked(length)?;
    *page = rest;
    Some(bytes)
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
    pub(super) fn write(&mut self, mut page: &[u8], out: &mut Vec<u8>) {
        while self.write_record(&mut page, out).is_some() {}
    }

    fn write_record(&mut self, page: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
        let (kind, rest) = page.split_first()?;
        *page = rest;
        let bytes = take_bytes(page)?;
        if *kind == TEXT {
            out.extend_from_slice(bytes);
            return Some(());
        }
        // Both were read before, when they were noted down.
        let partition = std::str::from_utf8(bytes).ok()?;
        let event = Event::parse(take_bytes(page)?).ok()?;
        self.writer.write(partition, &event, out);
        if self.odd_body.get().is_none() && self.writer.has_other_bodies() {
            let odd = (partition.to_owned(), event.sequence_number.0);
            // Whoever comes first is told of.
            let _ = self.odd_body.set(odd);
        }
        Some(())
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
            let (mut page, mut expected, mut out) = (Vec::new(), Vec::new(), Vec::new());
            let mut writer = EventWriter::new(Format::Ndjson, BodyFormat::Json);
            for (partition, number, body) in &records {
                let Some(body) = body else {
                    push_text(&mut page, |out| out.extend_from_slice(partition.as_bytes()));
                    expected.extend_from_slice(partition.as_bytes());
                    continue;
                };
                let payload = payload(*number, body);
                let event = Event::parse(&payload).unwrap();
                push_event(&mut page, partition, &event);
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
        let mut page = Vec::new();
        push_text(&mut page, |_| {});
        assert!(page.is_empty());
    }
}
