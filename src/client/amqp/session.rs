//! A session's bookkeeping: its channel and its windows. Pure.

use crate::protocol::amqp::performative::{Begin, Flow};

/// Transfers that the other side may send before it hears of the window again. Every flow of a link renews it, and
/// those come far more often.
const INCOMING_WINDOW: u32 = 0x7fff_ffff;

/// Handles that a session of ours needs.
const HANDLE_MAX: u32 = 7;

/// One session.
#[derive(Debug, Clone)]
pub struct Session {
    /// This side's channel.
    pub channel: u16,
    next_incoming_id: Option<u32>,
    next_outgoing_id: u32,
}

impl Session {
    /// A session on this channel, not begun yet.
    #[must_use]
    pub fn new(channel: u16) -> Self {
        Self {
            channel,
            next_incoming_id: None,
            next_outgoing_id: 0,
        }
    }

    /// What begins it.
    #[must_use]
    pub fn begin(&self) -> Begin<'static> {
        Begin {
            next_outgoing_id: self.next_outgoing_id,
            incoming_window: INCOMING_WINDOW,
            outgoing_window: INCOMING_WINDOW,
            handle_max: Some(HANDLE_MAX),
            ..Begin::default()
        }
    }

    /// The other side has begun it as well.
    pub fn on_begin(&mut self, begin: &Begin<'_>) {
        self.next_incoming_id = Some(begin.next_outgoing_id);
    }

    /// A transfer came.
    #[inline]
    pub fn on_transfer(&mut self) {
        self.next_incoming_id = self.next_incoming_id.map(|id| id.wrapping_add(1));
    }

    /// A transfer goes out; the number of its delivery.
    pub fn next_delivery(&mut self) -> u32 {
        let id = self.next_outgoing_id;
        self.next_outgoing_id = id.wrapping_add(1);
        id
    }

    /// What gives a link credit, and renews the session's window.
    #[must_use]
    pub fn flow(&self, handle: u32, delivery_count: Option<u32>, credit: u32) -> Flow<'static> {
        Flow {
            next_incoming_id: self.next_incoming_id,
            incoming_window: INCOMING_WINDOW,
            next_outgoing_id: self.next_outgoing_id,
            outgoing_window: INCOMING_WINDOW,
            handle: Some(handle),
            delivery_count,
            link_credit: Some(credit),
            ..Flow::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_wrap_around() {
        let mut session = Session::new(3);
        session.on_begin(&Begin {
            next_outgoing_id: u32::MAX,
            ..Begin::default()
        });
        session.on_transfer();
        assert_eq!(session.flow(0, Some(1), 10).next_incoming_id, Some(0));
        assert_eq!((session.next_delivery(), session.next_delivery()), (0, 1));
    }
}
