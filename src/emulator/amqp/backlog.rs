//! Messages on their way out on a link: how many there is room for, how they become transfers, and when all have gone.

use std::collections::VecDeque;

use crate::emulator::amqp::effect::LinkKey;
use crate::emulator::amqp::link::SendCredit;
use crate::emulator::amqp::output::{Delivery, Output, Payload};
use crate::emulator::amqp::windows::Windows;
use crate::protocol::amqp::encoding::skip;
use crate::protocol::amqp::performative::Attach;
use crate::protocol::amqp::performative::link::SEND_SETTLED;

/// A message that waits to be sent.
pub(super) trait Waiting {
    /// All its sections.
    fn encoded(&self) -> &[u8];

    /// The tag of its delivery; without one the number serves.
    fn tag(&self) -> Option<[u8; 16]> {
        None
    }
}

/// What waits for one link, and how far the first of it has gone.
#[derive(Debug)]
pub(super) struct Backlog<T> {
    /// Whether transfers go out settled.
    is_settled: bool,
    /// Whether the hub may have more.
    ready: bool,
    queue: VecDeque<T>,
    /// Bytes of the queue's first message, annotations included, that have gone already.
    sent: usize,
    /// The number of the delivery that began last.
    delivery: u32,
    /// What the peer grants.
    pub(super) credit: SendCredit,
}

impl<T: Waiting> Backlog<T> {
    /// An empty one without credit yet.
    pub(super) fn new(attach: &Attach<'_>) -> Self {
        Self {
            is_settled: attach.snd_settle_mode == Some(SEND_SETTLED),
            ready: false,
            queue: VecDeque::new(),
            sent: 0,
            delivery: 0,
            credit: SendCredit::default(),
        }
    }

    /// Whether transfers go out settled: then what is sent is done.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// The hub has, or may have, something to take.
    pub(super) fn wake(&mut self) {
        self.ready = true;
    }

    /// Whether the first message has gone in part.
    pub(super) fn has_begun(&self) -> bool {
        self.sent > 0
    }

    /// What waits, the message that has gone in part included.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.queue.iter()
    }

    /// How many to ask the hub for: as much as the credit allows once nothing waits any more, if the hub may have more.
    /// What the session's window holds back is not to be joined by all that there is.
    pub(super) fn room(&self) -> u32 {
        if self.ready && self.queue.is_empty() {
            self.credit.left()
        } else {
            0
        }
    }

    /// Takes in what the hub gave. Nothing means that it will say when there is something.
    pub(super) fn accept(&mut self, given: Vec<T>) {
        self.ready = !given.is_empty();
        self.queue.extend(given);
    }

    /// Sends what credit, the session's window and the output's mark allow, with delivery annotations in each message;
    /// true if that mark held it back. `gone` hears of each message that has gone in full, and its delivery's number.
    pub(super) fn transmit(
        &mut self,
        key: LinkKey,
        windows: &mut Windows,
        out: &mut Output,
        mark: usize,
        annotations: &[u8],
        mut gone: impl FnMut(u32, &T),
    ) -> bool {
        while let Some(message) = self.queue.front() {
            if out.len() >= mark {
                return true;
            }
            if !windows.may_send() || self.sent == 0 && self.credit.left() == 0 {
                return false;
            }
            if self.sent == 0 {
                self.credit.spend();
                self.delivery = windows.begin_delivery();
            }
            let delivery = Delivery {
                handle: key.handle,
                id: self.delivery,
                tag: message.tag(),
                is_settled: self.is_settled,
            };
            let payload = annotated(message.encoded(), annotations);
            self.sent += out.transfer(key.channel, delivery, &payload, self.sent);
            windows.sent();
            if self.sent >= payload.len() {
                self.sent = 0;
                gone(self.delivery, message);
                self.queue.pop_front();
            }
        }
        false
    }

    /// Whether a draining peer has had all there is, so that what is left of its credit is to be given back.
    pub(super) fn is_drained(&self) -> bool {
        self.credit.is_draining()
            && self.sent == 0
            && (self.credit.left() == 0 || self.queue.is_empty() && !self.ready)
    }
}

/// The message with delivery annotations in their place: behind the header, if there is one, and before all else.
fn annotated<'a>(message: &'a [u8], annotations: &'a [u8]) -> Payload<'a> {
    if annotations.is_empty() {
        return Payload::whole(message);
    }
    let rest = if message.starts_with(&[0x00, 0x53, 0x70]) {
        skip(message).unwrap_or(message)
    } else {
        message
    };
    let (header, rest) = message.split_at(message.len() - rest.len());
    Payload::with(header, annotations, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::message::{Message, MessageWriter};

    #[test]
    fn annotations_go_behind_the_header() {
        let mut with_header = Vec::new();
        let mut writer = MessageWriter::new(&mut with_header);
        writer.header(1_000, 0);
        writer.data(b"x");
        let mut without = Vec::new();
        MessageWriter::new(&mut without).data(b"x");
        let mut annotations = Vec::new();
        MessageWriter::new(&mut annotations).delivery_annotations(|w| {
            w.symbol("a");
            w.long(1);
        });
        for message in [&with_header, &without] {
            let payload = annotated(message, &annotations);
            let mut output = Output::new();
            let delivery = Delivery {
                handle: 0,
                id: 0,
                tag: None,
                is_settled: true,
            };
            output.transfer(0, delivery, &payload, 0);
            let mut bytes = Vec::new();
            output.swap(&mut bytes);
            let (_, whole) =
                crate::protocol::amqp::performative::Performative::decode(&bytes[8..]).unwrap();
            let message = Message::parse(whole).unwrap();
            assert!(message.delivery_annotations.is_some());
            assert_eq!(whole.len(), payload.len());
        }
        assert!(annotated(&with_header, &annotations).len() > with_header.len());
    }
}
