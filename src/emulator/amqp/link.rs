//! Credit, from both ends of a link, and the parts of a message that is still coming.

use crate::protocol::amqp::performative::{Flow, Transfer};

/// Credit that requests get, as IoT Hub gives it on `$cbs`.
const REQUEST_CREDIT: u32 = 100;

/// What this side may still send on a link.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct SendCredit {
    delivery_count: u32,
    left: u32,
    drain: bool,
}

impl SendCredit {
    /// Takes in what the peer grants. Its count lags behind ours by what is on the way; a grant that has been used up by
    /// then comes to nothing.
    pub(super) fn update(&mut self, flow: &Flow<'_>) {
        let Some(credit) = flow.link_credit else {
            return;
        };
        let limit = flow.delivery_count.unwrap_or(0).wrapping_add(credit);
        let left = limit.wrapping_sub(self.delivery_count);
        // Numbers wrap around: what looks like more than half of all numbers is a negative one.
        self.left = if left > u32::MAX / 2 { 0 } else { left };
        self.drain = flow.drain;
    }

    /// Deliveries that may begin.
    pub(super) fn left(&self) -> u32 {
        self.left
    }

    /// Counts a delivery that begins.
    pub(super) fn spend(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.delivery_count = self.delivery_count.wrapping_add(1);
    }

    /// Whether the peer wants its credit used up or given back.
    pub(super) fn is_draining(&self) -> bool {
        self.drain
    }

    /// Gives back what is left, as a draining peer wants when there is nothing to send; the flow says so.
    pub(super) fn give_back<'a>(&mut self, handle: u32, session: Flow<'a>) -> Flow<'a> {
        self.delivery_count = self.delivery_count.wrapping_add(self.left);
        self.left = 0;
        self.drain = false;
        Flow {
            drain: true,
            ..self.report(handle, session)
        }
    }

    /// The link's part of a flow.
    pub(super) fn report<'a>(&self, handle: u32, session: Flow<'a>) -> Flow<'a> {
        Flow {
            handle: Some(handle),
            delivery_count: Some(self.delivery_count),
            link_credit: Some(self.left),
            available: Some(0),
            ..session
        }
    }
}

/// What the peer may still send on a link, and what it is sending.
#[derive(Debug, Default)]
pub(super) struct ReceiveCredit {
    delivery_count: u32,
    left: u32,
    partial: Vec<u8>,
    /// The number of the delivery that is coming, and whether the peer has settled it.
    current: Option<(u32, bool)>,
    /// Of what kind it is.
    format: u32,
}

/// A delivery that has come in full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    /// Its number within the session.
    pub(super) id: u32,
    /// Whether the peer wants to hear no more of it.
    pub(super) settled: bool,
    /// Of what kind the message is; 0 for a plain one.
    pub(super) format: u32,
    /// The message.
    pub(super) message: Vec<u8>,
}

/// Why a transfer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransferError {
    /// More deliveries than credit.
    NoCredit,
    /// More bytes than a request may have.
    TooLarge,
    /// A first transfer without a number.
    NoDeliveryId,
}

impl ReceiveCredit {
    /// Begins at the count with which the peer attached.
    pub(super) fn new(initial_delivery_count: u32) -> Self {
        Self {
            delivery_count: initial_delivery_count,
            ..Self::default()
        }
    }

    /// Whether the peer has to be granted more; then its credit is full again, and the flow should say so.
    pub(super) fn renew(&mut self) -> bool {
        let due = self.left < REQUEST_CREDIT / 2;
        if due {
            self.left = REQUEST_CREDIT;
        }
        due
    }

    /// The link's part of a flow.
    pub(super) fn report<'a>(&self, handle: u32, session: Flow<'a>) -> Flow<'a> {
        Flow {
            handle: Some(handle),
            delivery_count: Some(self.delivery_count),
            link_credit: Some(self.left),
            ..session
        }
    }

    /// Takes one transfer in; gives the delivery once it is there in full.
    pub(super) fn take(
        &mut self,
        transfer: &Transfer<'_>,
        payload: &[u8],
        limit: usize,
    ) -> Result<Option<Delivery>, TransferError> {
        let settled_now = transfer.settled.unwrap_or(false);
        let (id, settled) = if let Some((id, settled)) = self.current {
            (id, settled || settled_now)
        } else {
            let id = transfer.delivery_id.ok_or(TransferError::NoDeliveryId)?;
            self.left = self.left.checked_sub(1).ok_or(TransferError::NoCredit)?;
            self.delivery_count = self.delivery_count.wrapping_add(1);
            self.format = transfer.message_format.unwrap_or(0);
            (id, settled_now)
        };
        self.current = None;
        if transfer.aborted {
            self.partial.clear();
            return Ok(None);
        }
        if self.partial.len() + payload.len() > limit {
            return Err(TransferError::TooLarge);
        }
        self.partial.extend_from_slice(payload);
        if transfer.more {
            self.current = Some((id, settled));
            return Ok(None);
        }
        Ok(Some(Delivery {
            id,
            settled,
            format: self.format,
            message: std::mem::take(&mut self.partial),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(delivery_count: Option<u32>, link_credit: u32) -> Flow<'static> {
        Flow {
            handle: Some(0),
            delivery_count,
            link_credit: Some(link_credit),
            ..Flow::default()
        }
    }

    #[test]
    fn credit_counts_what_is_on_the_way() {
        let mut credit = SendCredit::default();
        credit.update(&grant(None, 10));
        (0..4).for_each(|_| credit.spend());
        assert_eq!(credit.left(), 6);
        // The peer has seen one of the four, and tops up to ten.
        credit.update(&grant(Some(1), 10));
        assert_eq!(credit.left(), 7);
        // It takes its credit back while three are on the way.
        credit.update(&grant(Some(1), 0));
        assert_eq!(credit.left(), 0);
    }

    #[test]
    fn credit_survives_the_wrap_of_its_count() {
        let mut credit = SendCredit {
            delivery_count: u32::MAX - 1,
            ..SendCredit::default()
        };
        credit.update(&grant(Some(u32::MAX - 1), 5));
        (0..3).for_each(|_| credit.spend());
        assert_eq!((credit.left(), credit.delivery_count), (2, 1));
        credit.update(&grant(Some(u32::MAX), 5));
        assert_eq!(credit.left(), 3);
    }

    #[test]
    fn a_message_in_parts_is_one_delivery() {
        let mut credit = ReceiveCredit::new(7);
        assert!(credit.renew() && !credit.renew());
        let first = Transfer {
            delivery_id: Some(3),
            more: true,
            ..Transfer::default()
        };
        assert_eq!(credit.take(&first, b"ab", 4), Ok(None));
        let last = Transfer {
            settled: Some(true),
            ..Transfer::default()
        };
        let delivery = credit.take(&last, b"cd", 4).unwrap().unwrap();
        assert_eq!((delivery.id, delivery.settled), (3, true));
        assert_eq!(delivery.message, b"abcd");
        let flow = credit.report(0, Flow::default());
        assert_eq!((flow.delivery_count, flow.link_credit), (Some(8), Some(99)));
    }

    #[test]
    fn refuses_too_much() {
        let mut credit = ReceiveCredit::new(0);
        let transfer = Transfer {
            delivery_id: Some(0),
            ..Transfer::default()
        };
        let take =
            |credit: &mut ReceiveCredit, transfer: &Transfer<'_>| credit.take(transfer, b"abc", 2);
        assert_eq!(take(&mut credit, &transfer), Err(TransferError::NoCredit));
        credit.renew();
        assert_eq!(take(&mut credit, &transfer), Err(TransferError::TooLarge));
        assert_eq!(
            take(&mut credit, &Transfer::default()),
            Err(TransferError::NoDeliveryId)
        );
        let aborted = Transfer {
            aborted: true,
            ..transfer
        };
        assert_eq!(take(&mut credit, &aborted), Ok(None));
    }
}
