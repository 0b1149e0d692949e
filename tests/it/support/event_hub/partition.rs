//! A link to a partition: how far its events were sent, and how far they may be.

use hubctl::protocol::amqp::filter::Position;
use hubctl::protocol::amqp::performative::{Flow, Performative, Transfer};

use super::log::{EPOCH_MS, Log, number_at};
use super::wire::put;

/// This side's handle of each link to a partition: another than the client's.
pub const HANDLE: u32 = 3;

/// What each frame says beside its piece of an event.
const BESIDE: usize = 64;

/// A link to a partition.
#[derive(Debug)]
pub struct Link {
    pub partition: usize,
    /// The next event.
    pub next: i64,
    /// What was sent last, whole.
    pub last: Option<i64>,
    pub credit: u32,
    pub delivery_count: u32,
    /// Whether the client was asked how things stand, and has not said.
    pub is_asked: bool,
    /// Where the next piece is cut.
    cut: usize,
}

impl Link {
    /// A link that begins at this position of a log.
    pub fn new(partition: usize, position: Option<&Position>, log: &Log) -> Self {
        let next = match position {
            None | Some(Position::Earliest) => log.first,
            Some(Position::SequenceNumber { number, inclusive }) => number + i64::from(!inclusive),
            Some(Position::Latest) => log.end,
            Some(Position::Offset { offset, inclusive }) => {
                number_at(offset) + i64::from(!inclusive)
            }
            Some(Position::EnqueuedTime(ms)) => ms - EPOCH_MS + 1,
        };
        Self {
            partition,
            next,
            last: None,
            credit: 0,
            delivery_count: 0,
            is_asked: false,
            cut: 0,
        }
    }

    /// Takes the client's word for its credit.
    pub fn on_flow(&mut self, flow: &Flow<'_>) {
        self.is_asked = false;
        if let Some(credit) = flow.link_credit {
            let count = flow.delivery_count.unwrap_or(0);
            self.credit = count.wrapping_add(credit).wrapping_sub(self.delivery_count);
        }
    }

    /// The next event, if there is one and it may be sent.
    pub fn due(&self, log: &Log) -> Option<i64> {
        if self.credit == 0 || self.is_asked {
            return None;
        }
        log.next(self.next)
    }

    /// It was sent.
    pub fn sent(&mut self, number: i64) {
        self.last = Some(number);
        self.next = number + 1;
        self.credit -= 1;
        self.delivery_count = self.delivery_count.wrapping_add(1);
    }

    /// Cuts a message into pieces.
    pub fn pieces<'a>(
        &mut self,
        message: &'a [u8],
        cuts: &[usize],
        largest_frame: usize,
    ) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        let mut rest = message;
        while !rest.is_empty() || pieces.is_empty() {
            let most = largest_frame - BESIDE;
            let wanted = cuts.get(self.cut % cuts.len().max(1)).copied();
            self.cut += 1;
            let (piece, behind) = rest.split_at(wanted.unwrap_or(most).min(most).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces
    }
}

/// Appends the frames of an event; `is_whole` is whether its end is among them.
pub fn put_event(
    out: &mut Vec<u8>,
    channel: u16,
    delivery: u32,
    is_settled: bool,
    pieces: &[&[u8]],
    is_whole: bool,
) {
    let tag = delivery.to_be_bytes();
    for (index, piece) in pieces.iter().enumerate() {
        let is_first = index == 0;
        let transfer = Transfer {
            handle: HANDLE,
            delivery_id: is_first.then_some(delivery),
            delivery_tag: is_first.then_some(&tag),
            message_format: is_first.then_some(0),
            settled: is_first.then_some(is_settled),
            more: !is_whole || index + 1 < pieces.len(),
            ..Transfer::default()
        };
        put(out, channel, &Performative::Transfer(transfer), piece);
    }
}
