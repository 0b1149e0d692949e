//! Where events and notices go.

use std::ops::ControlFlow;

use super::notice::Notice;
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::management::PartitionProperties;

/// Which event hub is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventHub<'a> {
    /// The namespace's name.
    pub namespace: &'a str,
    /// The event hub's name.
    pub entity: &'a str,
    /// When it was made: milliseconds since the Unix epoch.
    pub created_at_ms: i64,
}

/// Where events and notices go.
pub trait Sink {
    /// Takes an event of a partition; `Break` ends the stream after it.
    fn event(&mut self, partition: &str, event: &Event<'_>) -> ControlFlow<()>;

    /// Hears which event hub it is: at each connect, before anything of its partitions.
    fn event_hub(&mut self, _: EventHub<'_>) {}

    /// Hears where a partition is read from, before any event of it: at its first connect, and when its log turned out
    /// to be another.
    fn begins(&mut self, _partition: &str, _at: &Position) {}

    /// Hears where a partition's log begins and ends: at each connect, before any event of that partition.
    fn log(&mut self, partition: &str, log: &PartitionProperties);

    /// Hears what happened on the way.
    fn notice(&mut self, notice: &Notice);
}
