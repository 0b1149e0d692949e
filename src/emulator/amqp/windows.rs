//! A session's two windows: how many transfers may go which way.

use crate::protocol::amqp::performative::{Begin, Flow};

/// Transfers that this side takes before it has to be asked, as both services announce.
pub(super) const WINDOW: u32 = 5_000;
/// The number of this side's first transfer.
pub(super) const FIRST_ID: u32 = 1;
/// How many transfers may go which way.
#[derive(Debug)]
pub(super) struct Windows {
    next_incoming_id: u32,
    incoming_left: u32,
    next_outgoing_id: u32,
    outgoing_left: u32,
    /// The number of the delivery after the one that is being sent.
    next_delivery_id: u32,
}

impl Windows {
    /// The windows of a session that a peer begins.
    pub(super) fn new(begin: &Begin<'_>) -> Self {
        Self {
            next_incoming_id: begin.next_outgoing_id,
            incoming_left: WINDOW,
            next_outgoing_id: FIRST_ID,
            outgoing_left: begin.incoming_window,
            next_delivery_id: 0,
        }
    }

    /// Takes in the session's part of a flow. Without `next-incoming-id` the peer has not seen our `begin` yet.
    pub(super) fn update(&mut self, flow: &Flow<'_>) {
        let seen = flow.next_incoming_id.unwrap_or(FIRST_ID);
        let limit = seen.wrapping_add(flow.incoming_window);
        let left = limit.wrapping_sub(self.next_outgoing_id);
        // What looks like more than half of all numbers is a window that has been overrun.
        let overrun = left > u32::MAX / 2 && flow.incoming_window <= u32::MAX / 2;
        self.outgoing_left = if overrun { 0 } else { left };
        self.next_incoming_id = flow.next_outgoing_id;
    }

    /// The session's part of a flow.
    pub(super) fn report(&self) -> Flow<'static> {
        Flow {
            next_incoming_id: Some(self.next_incoming_id),
            incoming_window: self.incoming_left,
            next_outgoing_id: self.next_outgoing_id,
            outgoing_window: u32::MAX,
            ..Flow::default()
        }
    }

    /// Counts a transfer that came in. `None` if it overran the window; otherwise whether the window was opened wide
    /// again, which the peer has to be told.
    pub(super) fn received(&mut self) -> Option<bool> {
        self.incoming_left = self.incoming_left.checked_sub(1)?;
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        let due = self.incoming_left < WINDOW / 2;
        if due {
            self.incoming_left = WINDOW;
        }
        Some(due)
    }

    /// Whether the peer takes another transfer.
    pub(super) fn may_send(&self) -> bool {
        self.outgoing_left > 0
    }

    /// Counts a transfer that went out.
    pub(super) fn sent(&mut self) {
        self.outgoing_left = self.outgoing_left.saturating_sub(1);
        self.next_outgoing_id = self.next_outgoing_id.wrapping_add(1);
    }

    /// A number for a delivery that begins.
    pub(super) fn begin_delivery(&mut self) -> u32 {
        let id = self.next_delivery_id;
        self.next_delivery_id = id.wrapping_add(1);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(incoming_window: u32) -> Windows {
        Windows::new(&Begin {
            incoming_window,
            ..Begin::default()
        })
    }

    #[test]
    fn the_peers_window_counts_what_is_on_the_way() {
        let mut own = windows(3);
        (0..3).for_each(|_| own.sent());
        assert!(!own.may_send());
        // The peer has seen two of the three, and takes three more after those.
        own.update(&Flow {
            next_incoming_id: Some(FIRST_ID + 2),
            incoming_window: 3,
            ..Flow::default()
        });
        own.sent();
        assert!(own.may_send());
        own.sent();
        assert!(!own.may_send());
        own.update(&Flow {
            next_incoming_id: Some(FIRST_ID + 2),
            incoming_window: 0,
            ..Flow::default()
        });
        assert!(!own.may_send());
        own.update(&Flow {
            next_incoming_id: Some(FIRST_ID),
            incoming_window: u32::MAX,
            ..Flow::default()
        });
        assert!(own.may_send());
    }

    #[test]
    fn the_own_window_is_opened_in_time_and_guarded() {
        let mut own = windows(0);
        let opened = (0..WINDOW)
            .filter_map(|_| own.received())
            .filter(|due| *due);
        assert_eq!(opened.count(), 1);
        own.incoming_left = 0;
        assert_eq!(own.received(), None);
    }
}
