//! Picks the events that were asked for and puts them into the buffer that is written next.

use std::io::Write;
use std::ops::ControlFlow;

use super::bounds::Bounds;
use super::diagnosis::{Passed, Seen};
use super::ledger::Ledger;
use super::live::Live;
use super::page::{OddBody, Page};
use super::selection::Selection;
use super::told;
use crate::client::event_stream::{EventHub, Notice, Sink};
use crate::command::Context;
use crate::command::context::Clock;
use crate::model::glob::Glob;
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::management::PartitionProperties;
use crate::render::EventWriter;

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
    bounds: Bounds,
    clock: Clock,
    page: Page,
    ledger: Ledger,
    passed: Passed,
    /// How many partitions were being read when that was told last, and of how many.
    attached: Option<(usize, usize)>,
    /// The event hub that was connected to, until it is taken note of.
    connected: Option<Connected>,
    shown: u64,
    /// Whether it was told that only the case of the id's letters differs.
    is_case_told: bool,
    /// Whether it was told that a body is not what `--body` says.
    is_body_told: bool,
    /// Whether partitions were read at some time.
    is_reading: bool,
    stderr: &'a mut (dyn Write + Send),
    is_quiet: bool,
    live: Option<Live>,
}

impl<'a> Collector<'a> {
    /// A collector that tells notices on the context's stderr.
    pub(super) fn new(
        selection: Selection,
        bounds: Bounds,
        writer: &EventWriter,
        context: &'a mut Context,
    ) -> Self {
        let mut page = Page::default();
        page.push_text(|out| writer.begin(out));
        Self {
            selection,
            bounds,
            clock: context.clock,
            page,
            ledger: Ledger::default(),
            passed: Passed::default(),
            attached: None,
            connected: None,
            shown: 0,
            is_case_told: false,
            is_body_told: false,
            is_reading: false,
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

    /// The page that is to be written out next. Who takes it leaves an empty one.
    pub(super) fn page(&mut self) -> &mut Page {
        &mut self.page
    }

    /// Whether as many events came as were asked for.
    pub(super) fn is_complete(&self) -> bool {
        let count = self.selection.count;
        count.is_some_and(|count| self.shown >= count)
    }

    /// Whether all was read that lies within the bounds. Not before partitions are read at all, so that what is in the way
    /// of that is told even where there is nothing to read.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_reading && self.bounds.are_reached()
    }

    /// What was read.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What is known of the reading by now.
    pub(super) fn seen(&self) -> Seen<'_> {
        Seen {
            attached: self.attached.unwrap_or_default(),
            passed: &self.passed,
            accounts: self.ledger.accounts(),
            missing: self.selection.missing(),
            shown: self.shown,
        }
    }

    /// How many partitions are being read, and of how many.
    pub(super) fn attached(&self) -> Option<(usize, usize)> {
        self.attached
    }

    /// The event hub that was connected to since this was asked last.
    pub(super) fn connected(&mut self) -> Option<Connected> {
        self.connected.take()
    }

    fn show(&mut self, partition: &str, event: &Event<'_>) {
        if let Some(filter) = self.selection.leaves_out(partition, event) {
            self.passed.note(event, filter);
            return self.tell_of_case(event);
        }
        if let Some(live) = &mut self.live {
            self.page.push_text(|out| live.take(partition, event, out));
        }
        if !self.live.as_ref().is_some_and(Live::hides_events) {
            self.page.push_event(partition, event);
        }
        self.shown += 1;
    }

    fn tell_of_case(&mut self, event: &Event<'_>) {
        if self.is_case_told || !self.selection.is_other_case(event) {
            return;
        }
        self.is_case_told = true;
        let wanted = self.selection.device.as_ref().map_or("", Glob::as_str);
        let id = event.device_id.unwrap_or_default();
        let text =
            format!("note: {id:?} sends, which is not {wanted:?}: the case of letters counts");
        self.tell(&text);
    }

    /// Tells once of a body that is not what `--body` says.
    pub(super) fn tell_of_body(&mut self, odd: &OddBody) {
        let Some((partition, number)) = odd.get().filter(|_| !self.is_body_told) else {
            return;
        };
        self.is_body_told = true;
        let text = format!(
            "note: the body of event {number} of partition {partition} is not what --body says, and is shown as text or base64"
        );
        self.tell(&text);
    }

    /// Writes a line to stderr, unless that is to be quiet.
    pub(super) fn tell(&mut self, text: &str) {
        if !self.is_quiet {
            self.warn(text);
        }
    }

    /// Writes a line to stderr.
    pub(super) fn warn(&mut self, text: &str) {
        if let Some(live) = &self.live {
            return live.tell(text);
        }
        // With stderr gone there is nobody left to tell.
        let _ = writeln!(self.stderr, "{text}");
    }
}

impl Sink for Collector<'_> {
    fn event(&mut self, partition: &str, event: &Event<'_>) -> ControlFlow<()> {
        self.is_reading = true;
        // What lies beyond the bounds counts as not read: the next run begins there.
        if self.bounds.admits(partition, event) {
            let number = event.sequence_number.0;
            self.ledger.note(partition, number, event.enqueued_time_ms);
            if let Some(live) = &mut self.live {
                live.follow(partition, event);
            }
            self.show(partition, event);
        }
        if self.is_complete() || self.is_at_end() {
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
        self.bounds.on_begin(partition, at);
    }

    fn log(&mut self, partition: &str, log: &PartitionProperties) {
        self.ledger.log(partition, log);
        let now = (self.clock)().timestamp_millis();
        self.bounds.on_log(partition, log, now);
    }

    fn notice(&mut self, notice: &Notice) {
        self.is_reading |= matches!(notice, Notice::Attached { .. });
        if let Notice::Attached { partitions, of, .. } = notice {
            self.attached = Some((*partitions, *of));
        }
        if let Notice::Gone { partition, count } = notice {
            self.ledger.gone(partition, *count);
        }
        if let Notice::StartedOver { partitions } = notice {
            self.bounds.on_started_over(partitions);
        }
        if let Notice::Unreadable { partition, .. } = notice {
            self.bounds.on_unreadable(partition);
        }
        self.tell(&told::sentence(notice));
    }
}
