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
    /// The first transfer that the other side does not take yet.
    outgoing_end: u32,
    next_delivery: u32,
}

impl Session {
    /// A session on this channel, not begun yet.
    #[must_use]
    pub fn new(channel: u16) -> Self {
        Self {
            channel,
            next_incoming_id: None,
            next_outgoing_id: 0,
            outgoing_end: 0,
            next_delivery: 0,
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
        self.open_window(self.next_outgoing_id, begin.incoming_window);
    }

    /// The other side tells how many transfers it takes.
    pub fn on_flow(&mut self, flow: &Flow<'_>) {
        // Without a first one, as one real gateway has it, it means those to come.
        let next = flow.next_incoming_id.unwrap_or(self.next_outgoing_id);
        self.open_window(next, flow.incoming_window);
    }

    /// A window beyond half of the circle of ids could not be told from a closed one.
    fn open_window(&mut self, next: u32, window: u32) {
        self.outgoing_end = next.wrapping_add(window.min(INCOMING_WINDOW));
    }

    /// How many transfers the other side takes.
    #[must_use]
    pub fn window(&self) -> u32 {
        let left = self.outgoing_end.wrapping_sub(self.next_outgoing_id);
        // Beyond half of the circle it is behind: the window was closed over transfers under way.
        if left > INCOMING_WINDOW { 0 } else { left }
    }

    /// A transfer came.
    #[inline]
    pub fn on_transfer(&mut self) {
        self.next_incoming_id = self.next_incoming_id.map(|id| id.wrapping_add(1));
    }

    /// A transfer goes out.
    pub fn on_sent(&mut self) {
        self.next_outgoing_id = self.next_outgoing_id.wrapping_add(1);
    }

    /// A delivery, of one transfer or several, is to go out; its number.
    pub fn next_delivery(&mut self) -> u32 {
        let id = self.next_delivery;
        self.next_delivery = id.wrapping_add(1);
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

    #[test]
    fn a_window_closes_and_opens() {
        let mut session = Session::new(3);
        session.on_begin(&Begin {
            incoming_window: 1,
            ..Begin::default()
        });
        assert_eq!(session.window(), 1);
        session.on_sent();
        assert_eq!(session.window(), 0);
        session.on_flow(&Flow {
            next_incoming_id: Some(0),
            incoming_window: 0,
            ..Flow::default()
        });
        assert_eq!(session.window(), 0);
        session.on_flow(&Flow {
            next_incoming_id: Some(1),
            incoming_window: u32::MAX,
            ..Flow::default()
        });
        assert_eq!(session.window(), INCOMING_WINDOW);
    }
}
