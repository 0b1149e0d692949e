//! Events that came and were not asked for: how many, and whose. Keeps the last few senders and allocates for new ones
//! alone.

use super::super::selection::Filter;
use crate::protocol::amqp::event::Event;

/// Senders that are remembered.
const MOST_SENDERS: usize = 3;

/// Someone whose events were passed by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Sender {
    /// The device's id.
    pub id: String,
    /// When its last event was enqueued: milliseconds since 1970.
    pub last_ms: i64,
}

/// Events that came and were not shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Passed {
    /// Events of other devices.
    pub others: u64,
    /// Whose they were; who sent last comes first.
    pub senders: Vec<Sender>,
    /// Events of the device that was asked for, but not of the module.
    pub by_module: u64,
    /// The module of the last of these; none for the device itself.
    pub last_module: Option<String>,
    /// Events from elsewhere than was asked for.
    pub by_source: u64,
    /// Where the last of these came from.
    pub last_source: Option<String>,
    /// Events that are not as the conditions say.
    pub by_conditions: u64,
}

impl Passed {
    /// Events of the device that was asked for.
    pub(super) fn own(&self) -> u64 {
        self.by_module + self.by_source + self.by_conditions
    }

    /// Notes an event that is not shown, by what leaves it out.
    pub(in super::super) fn note(&mut self, event: &Event<'_>, filter: Filter) {
        match filter {
            Filter::Device => self.note_other(event),
            Filter::Module => {
                self.by_module += 1;
                replace(&mut self.last_module, event.module_id);
            }
            Filter::Source => {
                self.by_source += 1;
                replace(&mut self.last_source, event.source);
            }
            Filter::Conditions => self.by_conditions += 1,
        }
    }

    fn note_other(&mut self, event: &Event<'_>) {
        let id = event.device_id.unwrap_or_default();
        self.others += 1;
        let known = self.senders.iter().position(|sender| sender.id == id);
        let index = known.unwrap_or_else(|| {
            if self.senders.len() < MOST_SENDERS {
                self.senders.push(Sender::default());
            }
            self.senders.len() - 1
        });
        if let Some(recent) = self.senders.get_mut(..=index) {
            recent.rotate_right(1);
        }
        if let Some(sender) = self.senders.first_mut() {
            sender.last_ms = event.enqueued_time_ms;
            if known.is_none() {
                sender.id.clear();
                sender.id.push_str(id);
            }
        }
    }
}

fn replace(kept: &mut Option<String>, new: Option<&str>) {
    if kept.as_deref() != new {
        *kept = new.map(str::to_owned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::identifier::SequenceNumber;
    use crate::protocol::amqp::message::Message;

    fn event(id: &str, ms: i64) -> Event<'_> {
        Event {
            sequence_number: SequenceNumber(0),
            offset: "",
            enqueued_time_ms: ms,
            device_id: Some(id),
            module_id: Some("m"),
            has_further_annotations: false,
            source: Some("Telemetry"),
            message: Message::default(),
            payload: &[],
        }
    }

    #[test]
    fn the_last_senders_are_remembered() {
        let mut passed = Passed::default();
        for (ms, id) in (0..).zip(["a", "b", "a", "c", "d", "d"]) {
            passed.note(&event(id, ms), Filter::Device);
        }
        passed.note(&event("me", 7), Filter::Module);
        let senders: Vec<_> = passed
            .senders
            .iter()
            .map(|sender| (sender.id.as_str(), sender.last_ms))
            .collect();
        assert_eq!(senders, [("d", 5), ("c", 3), ("a", 2)]);
        assert_eq!((passed.others, passed.own()), (6, 1));
        assert_eq!(passed.last_module.as_deref(), Some("m"));
    }
}
