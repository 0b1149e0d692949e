//! Where events and notices go.

use std::ops::ControlFlow;

use super::notice::Notice;
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::management::PartitionProperties;

/// Where events and notices go.
pub trait Sink {
    /// Takes an event of a partition; `Break` ends the stream after it.
    fn event(&mut self, partition: &str, event: &Event<'_>) -> ControlFlow<()>;

    /// Hears where a partition's log begins and ends: at each connect, before any event of that partition.
    fn log(&mut self, partition: &str, log: &PartitionProperties);

    /// Hears what happened on the way.
    fn notice(&mut self, notice: &Notice);
}
