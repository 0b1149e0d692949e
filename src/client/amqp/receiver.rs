//! A receiving link: what attaches it, its credit, and events that come in several frames. Pure.

use super::error::ConnectionError;
use super::session::Session;
use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::performative::delivery::TransferHead;
use crate::protocol::amqp::performative::{
    Attach, DeliveryState, Disposition, Flow, Performative, Role, Source, Target,
};
use crate::protocol::amqp::value::decode;
use crate::protocol::amqp::writer::encode;

/// Events that may be under way. What lies in between is bounded by the sockets' buffers, not by this.
const CREDIT: u32 = 5_000;

/// No event is larger; beyond it the other side is not what it claims to be.
const LARGEST_EVENT: usize = 32 << 20;

/// Of [`Attach::snd_settle_mode`]: everything counts as taken once it is sent. An event hub is a log, nothing is lost by it.
const SETTLED: u8 = 1;

/// One receiving link, alone in its session, on handle 0.
#[derive(Debug)]
pub struct Receiver {
    /// The session it stands in.
    pub session: Session,
    name: String,
    address: String,
    /// The other side's handle of it, while it is attached there.
    peer_handle: Option<u32>,
    credit: u32,
    delivery_count: u32,
    /// What came so far of an event in several frames.
    partial: Vec<u8>,
    /// Whether `partial` was given out whole.
    is_whole: bool,
    /// First and last delivery that still wait to be settled, where the service did not settle ahead.
    unsettled: Option<(u32, u32)>,
}

impl Receiver {
    /// A link named `name` from the node at `address`.
    #[must_use]
    pub fn new(channel: u16, name: String, address: String) -> Self {
        Self {
            session: Session::new(channel),
            name,
            address,
            peer_handle: None,
            credit: 0,
            delivery_count: 0,
            partial: Vec::new(),
            is_whole: false,
            unsettled: None,
        }
    }

    /// Calls `send` with what attaches the link at `position`.
    ///
    /// # Errors
    /// None that can be met: the filter was written here.
    pub fn attach<T>(
        &self,
        position: &Position,
        send: impl FnOnce(&Performative<'_>) -> T,
    ) -> Result<T, ConnectionError> {
        let filter = encode(|w| position.write_filter(w));
        let (filter, _) = decode(&filter)?;
        let attach = Attach {
            snd_settle_mode: Some(SETTLED),
            rcv_settle_mode: Some(0),
            source: Some(Source {
                address: Some(&self.address),
                filter: filter.as_map(),
                ..Source::default()
            }),
            target: Some(Target::at(&self.name)),
            ..Attach::new(&self.name, 0, Role::Receiver)
        };
        Ok(send(&Performative::Attach(attach)))
    }

    /// The other side has attached it as well; what to send then.
    pub fn on_attach(&mut self, attach: &Attach<'_>) -> Flow<'static> {
        self.peer_handle = Some(attach.handle);
        self.delivery_count = attach.initial_delivery_count.unwrap_or(0);
        self.credit = CREDIT;
        self.partial.clear();
        self.unsettled = None;
        self.session.flow(0, Some(self.delivery_count), CREDIT)
    }

    /// The other side has detached it, or ended the session. What came of an event so far is of no use.
    pub fn on_detach(&mut self) {
        self.peer_handle = None;
        self.partial.clear();
        self.unsettled = None;
    }

    /// The other side tells how things stand; what to send if it asks for the same.
    pub fn on_flow(&mut self, flow: &Flow<'_>) -> Option<Flow<'static>> {
        if !flow.echo {
            return None;
        }
        if self.peer_handle.is_some() {
            return Some(self.replenish());
        }
        let session = self.session.flow(0, None, 0);
        Some(Flow {
            handle: None,
            link_credit: None,
            ..session
        })
    }

    /// Takes a transfer in. Gives the event's bytes once all of them are there.
    ///
    /// # Errors
    /// [`ConnectionError::Malformed`] for an event beyond all size, [`ConnectionError::Unexpected`] for a transfer on
    /// a link that is not attached.
    pub fn on_transfer<'a>(
        &'a mut self,
        transfer: TransferHead,
        payload: &'a [u8],
    ) -> Result<Option<&'a [u8]>, ConnectionError> {
        if self.peer_handle != Some(transfer.handle) {
            return Err(ConnectionError::Unexpected {
                what: "an event on a link that is not attached",
            });
        }
        self.session.on_transfer();
        if std::mem::take(&mut self.is_whole) {
            self.partial.clear();
        }
        if transfer.more && !transfer.aborted {
            if self.partial.len() + payload.len() > LARGEST_EVENT {
                let what = "event (it is too large)";
                return Err(DecodeError::Malformed { what }.into());
            }
            self.partial.extend_from_slice(payload);
            self.note_unsettled(transfer);
            return Ok(None);
        }
        self.credit = self.credit.saturating_sub(1);
        self.delivery_count = self.delivery_count.wrapping_add(1);
        if transfer.aborted {
            self.partial.clear();
            return Ok(None);
        }
        self.note_unsettled(transfer);
        if self.partial.is_empty() {
            return Ok(Some(payload));
        }
        self.partial.extend_from_slice(payload);
        self.is_whole = true;
        Ok(Some(&self.partial))
    }

    fn note_unsettled(&mut self, transfer: TransferHead) {
        // Only the first frame of a delivery has to carry its id.
        let (Some(id), false) = (transfer.delivery_id, transfer.settled) else {
            return;
        };
        let first = self.unsettled.map_or(id, |(first, _)| first);
        self.unsettled = Some((first, id));
    }

    /// Whether half of the credit is used up.
    #[inline]
    #[must_use]
    pub fn wants_credit(&self) -> bool {
        self.credit <= CREDIT / 2
    }

    /// What gives full credit again.
    pub fn replenish(&mut self) -> Flow<'static> {
        self.credit = CREDIT;
        self.session.flow(0, Some(self.delivery_count), CREDIT)
    }

    /// What settles all that the service did not settle itself, in one go; mostly there is nothing.
    pub fn settle(&mut self) -> Option<Disposition<'static>> {
        let (first, last) = self.unsettled.take()?;
        Some(Disposition {
            role: Role::Receiver,
            first,
            last: Some(last),
            settled: true,
            state: Some(DeliveryState::Accepted),
            batchable: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver() -> Receiver {
        let mut receiver = Receiver::new(
            2,
            "r".to_owned(),
            "e/ConsumerGroups/g/Partitions/0".to_owned(),
        );
        let attach = Attach::new("r", 0, Role::Sender);
        assert_eq!(receiver.on_attach(&attach).link_credit, Some(CREDIT));
        receiver
    }

    #[test]
    fn an_event_in_several_frames_comes_out_whole() {
        let mut receiver = receiver();
        let more = TransferHead {
            more: true,
            settled: true,
            ..TransferHead::default()
        };
        let last = TransferHead {
            more: false,
            ..more
        };
        assert_eq!(receiver.on_transfer(more, b"ab").unwrap(), None);
        assert_eq!(receiver.on_transfer(more, b"cd").unwrap(), None);
        assert_eq!(
            receiver.on_transfer(last, b"e").unwrap(),
            Some(&b"abcde"[..])
        );
        assert_eq!(receiver.on_transfer(last, b"f").unwrap(), Some(&b"f"[..]));
        assert_eq!(receiver.on_transfer(more, b"lost").unwrap(), None);
        let aborted = TransferHead {
            aborted: true,
            ..last
        };
        assert_eq!(receiver.on_transfer(aborted, b"").unwrap(), None);
        assert_eq!(receiver.on_transfer(last, b"g").unwrap(), Some(&b"g"[..]));
        assert_eq!(receiver.settle(), None);
    }

    #[test]
    fn a_link_that_is_not_attached_has_no_events() {
        let mut receiver = receiver();
        let elsewhere = TransferHead {
            handle: 1,
            ..TransferHead::default()
        };
        assert!(receiver.on_transfer(elsewhere, b"x").is_err());
        let first = TransferHead {
            more: true,
            ..TransferHead::default()
        };
        assert_eq!(receiver.on_transfer(first, b"lost").unwrap(), None);
        receiver.on_detach();
        assert!(receiver.on_transfer(TransferHead::default(), b"x").is_err());
        receiver.on_attach(&Attach::new("r", 3, Role::Sender));
        let whole = TransferHead {
            handle: 3,
            ..TransferHead::default()
        };
        let taken = receiver.on_transfer(whole, b"whole").unwrap();
        assert_eq!(taken, Some(&b"whole"[..]));
    }

    #[test]
    fn a_flow_that_asks_for_one_is_answered() {
        let mut receiver = receiver();
        let silent = Flow::default();
        assert_eq!(receiver.on_flow(&silent), None);
        let asking = Flow {
            echo: true,
            ..silent
        };
        let answer = receiver.on_flow(&asking).unwrap();
        assert_eq!((answer.handle, answer.link_credit), (Some(0), Some(CREDIT)));
        receiver.on_detach();
        let answer = receiver.on_flow(&asking).unwrap();
        assert_eq!((answer.handle, answer.link_credit), (None, None));
    }

    #[test]
    fn credit_comes_back_at_half() {
        let mut receiver = receiver();
        let transfer = TransferHead {
            settled: true,
            ..TransferHead::default()
        };
        let mut events = 0;
        while !receiver.wants_credit() {
            receiver.on_transfer(transfer, b"x").unwrap();
            events += 1;
        }
        assert_eq!(events, CREDIT / 2);
        let flow = receiver.replenish();
        assert_eq!(
            (flow.delivery_count, flow.link_credit),
            (Some(CREDIT / 2), Some(CREDIT))
        );
        assert!(!receiver.wants_credit());
    }

    #[test]
    fn what_the_service_did_not_settle_is_settled_in_one_go() {
        let mut receiver = receiver();
        for id in 5..9 {
            let transfer = TransferHead {
                delivery_id: Some(id),
                ..TransferHead::default()
            };
            receiver.on_transfer(transfer, b"x").unwrap();
        }
        let disposition = receiver.settle().unwrap();
        assert_eq!((disposition.first, disposition.last), (5, Some(8)));
        assert_eq!(receiver.settle(), None);
    }
}
