//! Picks the events that were asked for and puts them into the buffer that is written next.

use std::io::Write;
use std::ops::ControlFlow;

use super::ledger::Ledger;
use super::passed::Passed;
use super::told;
use crate::client::event_stream::{EventHub, Notice, Sink};
use crate::command::Context;
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::management::PartitionProperties;
use crate::render::{EventWriter, Format};

/// Which events are shown, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    /// The device's id, letter by letter; all devices without it.
    pub device: Option<String>,
    /// How many; all without it.
    pub count: Option<u64>,
}

/// An event hub that was connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Connected {
    /// The namespace's name.
    pub namespace: String,
    /// The event hub's name.
    pub entity: String,
    /// When it was made: milliseconds since 1970.
    pub created_at_ms: i64,
}

/// Takes events and notices of the stream.
pub(super) struct Collector<'a> {
    selection: Selection,
    writer: EventWriter,
    buffer: Vec<u8>,
    ledger: Ledger,
    passed: Passed,
    /// How many partitions were being read when that was told last, and of how many.
    attached: Option<(usize, usize)>,
    /// The event hub that was connected to, until it is taken note of.
    connected: Option<Connected>,
    shown: u64,
    /// Whether it was told that only the case of the id's letters differs.
    is_case_told: bool,
    stderr: &'a mut (dyn Write + Send),
    is_quiet: bool,
}

impl<'a> Collector<'a> {
    /// A collector that tells notices on the context's stderr.
    pub(super) fn new(selection: Selection, format: Format, context: &'a mut Context) -> Self {
        Self {
            selection,
            writer: EventWriter::new(format),
            buffer: Vec::new(),
            ledger: Ledger::default(),
            passed: Passed::default(),
            attached: None,
            connected: None,
            shown: 0,
            is_case_told: false,
            stderr: &mut *context.stderr,
            is_quiet: context.quiet,
        }
    }

    /// How many events were taken.
    pub(super) fn shown(&self) -> u64 {
        self.shown
    }

    /// What is to be written. The writer leaves it empty.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// What was read.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What was read and not shown.
    pub(super) fn passed(&self) -> &Passed {
        &self.passed
    }

    /// How many partitions are being read, and of how many.
    pub(super) fn attached(&self) -> Option<(usize, usize)> {
        self.attached
    }

    /// The event hub that was connected to since this was asked last.
    pub(super) fn connected(&mut self) -> Option<Connected> {
        self.connected.take()
    }

    fn is_wanted(&mut self, event: &Event<'_>) -> bool {
        let Some(wanted) = &self.selection.device else {
            return true;
        };
        let id = event.device_id.unwrap_or_default();
        if id == wanted {
            return true;
        }
        if !self.is_case_told && id.eq_ignore_ascii_case(wanted) {
            self.is_case_told = true;
            let text =
                format!("note: {id:?} sends, which is not {wanted:?}: the case of letters counts");
            self.tell(&text);
        }
        false
    }

    /// Writes a line to stderr, unless that is to be quiet.
    pub(super) fn tell(&mut self, text: &str) {
        if !self.is_quiet {
            self.warn(text);
        }
    }

    /// Writes a line to stderr.
    pub(super) fn warn(&mut self, text: &str) {
        // With stderr gone there is nobody left to tell.
        let _ = writeln!(self.stderr, "{text}");
    }
}

impl Sink for Collector<'_> {
    fn event(&mut self, partition: &str, event: &Event<'_>) -> ControlFlow<()> {
        let number = event.sequence_number.0;
        self.ledger.note(partition, number, event.enqueued_time_ms);
        if !self.is_wanted(event) {
            self.passed.note(event, self.selection.device.as_deref());
            return ControlFlow::Continue(());
        }
        self.writer.write(partition, event, &mut self.buffer);
        self.shown += 1;
        if self
            .selection
            .count
            .is_some_and(|count| self.shown >= count)
        {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn event_hub(&mut self, event_hub: EventHub<'_>) {
        self.connected = Some(Connected {
            namespace: event_hub.namespace.to_owned(),
            entity: event_hub.entity.to_owned(),
            created_at_ms: event_hub.created_at_ms,
        });
    }

    fn begins(&mut self, partition: &str, at: &Position) {
        self.ledger.begins(partition, at);
    }

    fn log(&mut self, partition: &str, log: &PartitionProperties) {
        self.ledger.log(partition, log);
    }

    fn notice(&mut self, notice: &Notice) {
        if let Notice::Attached { partitions, of, .. } = notice {
            self.attached = Some((*partitions, *of));
        }
        if let Notice::Gone { partition, count } = notice {
            self.ledger.gone(partition, *count);
        }
        self.tell(&told::sentence(notice));
    }
}
