//! Picks the events that were asked for and puts them into the buffer that is written next.

use std::io::Write;
use std::ops::ControlFlow;

use super::live::Live;
use super::told;
use crate::client::event_stream::{Notice, Sink};
use crate::command::Context;
use crate::protocol::amqp::event::Event;
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

/// Takes events and notices of the stream.
pub(super) struct Collector<'a> {
    selection: Selection,
    writer: EventWriter,
    buffer: Vec<u8>,
    shown: u64,
    /// Whether it was told that only the case of the id's letters differs.
    is_case_told: bool,
    stderr: &'a mut (dyn Write + Send),
    is_quiet: bool,
    live: Option<Live>,
}

impl<'a> Collector<'a> {
    /// A collector that tells notices on the context's stderr.
    pub(super) fn new(selection: Selection, format: Format, context: &'a mut Context) -> Self {
        Self {
            selection,
            writer: EventWriter::new(format),
            buffer: Vec::new(),
            shown: 0,
            is_case_told: false,
            stderr: &mut *context.stderr,
            is_quiet: context.quiet,
            live: None,
        }
    }

    /// Shows it live as well.
    pub(super) fn with_live(mut self, live: Option<Live>) -> Self {
        self.live = live;
        self
    }

    /// Shows it live for the last time.
    pub(super) fn finish_live(&mut self) {
        if let Some(live) = self.live.take() {
            live.finish();
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

    fn tell(&mut self, text: &str) {
        if let Some(live) = self.live.as_ref().filter(|_| !self.is_quiet) {
            return live.tell(text);
        }
        if !self.is_quiet {
            // With stderr gone there is nobody left to tell.
            let _ = writeln!(self.stderr, "{text}");
        }
    }
}

impl Sink for Collector<'_> {
    fn event(&mut self, partition: &str, event: &Event<'_>) -> ControlFlow<()> {
        if let Some(live) = &mut self.live {
            live.follow(partition, event);
        }
        if !self.is_wanted(event) {
            return ControlFlow::Continue(());
        }
        if let Some(live) = &mut self.live {
            live.take(event, &mut self.buffer);
        }
        if !self.live.as_ref().is_some_and(Live::hides_events) {
            self.writer.write(partition, event, &mut self.buffer);
        }
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

    fn log(&mut self, _: &str, _: &PartitionProperties) {}

    fn notice(&mut self, notice: &Notice) {
        self.tell(&told::sentence(notice));
    }
}
