//! Frames, encoded one after another into one buffer.

use crate::protocol::amqp::frame::{FrameKind, ProtocolHeader, begin_frame, end_frame};
use crate::protocol::amqp::performative::{Performative, Transfer};

/// Bytes of a transfer's frame that are not payload, at most: header, performative with a tag of sixteen bytes.
const TRANSFER_OVERHEAD: usize = 76;

/// A delivery, as each of its transfers names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    /// The link's handle.
    pub(super) handle: u32,
    /// Its number within the session.
    pub(super) id: u32,
    /// Its tag; without one the number serves.
    pub(super) tag: Option<[u8; 16]>,
    /// Whether the peer need not settle it.
    pub(super) is_settled: bool,
}

/// What is to be written to the peer.
#[derive(Debug)]
pub(super) struct Output {
    bytes: Vec<u8>,
    /// The largest frame that the peer takes.
    max_frame_size: usize,
}

impl Output {
    /// Nothing yet; frames of 512 bytes, until the peer says what it takes.
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            max_frame_size: 512,
        }
    }

    /// Notes how large a frame the peer takes, in bytes.
    pub(super) fn set_max_frame_size(&mut self, size: usize) {
        self.max_frame_size = size.max(512);
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Gives the waiting bytes away, and takes `empty` for those to come.
    pub(super) fn swap(&mut self, empty: &mut Vec<u8>) {
        std::mem::swap(&mut self.bytes, empty);
    }

    /// Opens a layer.
    pub(super) fn header(&mut self, header: ProtocolHeader) {
        self.bytes.extend_from_slice(header.bytes());
    }

    /// A frame of the security layer.
    pub(super) fn sasl(&mut self, performative: &Performative<'_>) {
        self.frame(FrameKind::Sasl, 0, performative);
    }

    /// A frame without payload.
    pub(super) fn send(&mut self, channel: u16, performative: &Performative<'_>) {
        self.frame(FrameKind::Amqp, channel, performative);
    }

    /// A frame with a performative that was encoded before.
    pub(super) fn send_encoded(&mut self, channel: u16, performative: &[u8]) {
        let start = begin_frame(&mut self.bytes, FrameKind::Amqp, channel);
        self.bytes.extend_from_slice(performative);
        end_frame(&mut self.bytes, start);
    }

    fn frame(&mut self, kind: FrameKind, channel: u16, performative: &Performative<'_>) {
        let start = begin_frame(&mut self.bytes, kind, channel);
        performative.encode(&mut self.bytes);
        end_frame(&mut self.bytes, start);
    }

    /// The frame that says that this side still lives.
    pub(super) fn keep_alive(&mut self) {
        let start = begin_frame(&mut self.bytes, FrameKind::Amqp, 0);
        end_frame(&mut self.bytes, start);
    }

    /// Payload bytes that one transfer carries.
    pub(super) fn payload_limit(&self) -> usize {
        self.max_frame_size - TRANSFER_OVERHEAD
    }

    /// One transfer: as much of `payload` from `from` on as fits its frame. Gives the bytes that went.
    pub(super) fn transfer(
        &mut self,
        channel: u16,
        delivery: Delivery,
        payload: &Payload<'_>,
        from: usize,
    ) -> usize {
        let length = (payload.len() - from).min(self.payload_limit());
        let more = from + length < payload.len();
        let start = begin_frame(&mut self.bytes, FrameKind::Amqp, channel);
        let number = delivery.id.to_be_bytes();
        let tag = delivery.tag.as_ref().map(<[u8; 16]>::as_slice);
        let transfer = Transfer {
            handle: delivery.handle,
            delivery_id: Some(delivery.id),
            delivery_tag: Some(tag.unwrap_or(&number)),
            message_format: Some(0),
            settled: Some(delivery.is_settled),
            more,
            ..Transfer::default()
        };
        Performative::Transfer(transfer).encode(&mut self.bytes);
        payload.append(from, length, &mut self.bytes);
        end_frame(&mut self.bytes, start);
        length
    }
}

/// An encoded message in up to three pieces, so that annotations can be put into it without copying it first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payload<'a> {
    pieces: [&'a [u8]; 3],
}

impl<'a> Payload<'a> {
    /// A message in one piece.
    pub(super) fn whole(message: &'a [u8]) -> Self {
        Self {
            pieces: [message, &[], &[]],
        }
    }

    /// The sections that come first, the one that is put in, the rest.
    pub(super) fn with(first: &'a [u8], inserted: &'a [u8], rest: &'a [u8]) -> Self {
        Self {
            pieces: [first, inserted, rest],
        }
    }

    /// Bytes in all pieces.
    pub(super) fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }

    fn append(&self, mut from: usize, mut length: usize, out: &mut Vec<u8>) {
        for piece in self.pieces {
            if from >= piece.len() {
                from -= piece.len();
                continue;
            }
            let end = piece.len().min(from + length);
            out.extend_from_slice(&piece[from..end]);
            length -= end - from;
            from = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::frame::FrameHeader;

    #[test]
    fn cuts_a_payload_into_frames_of_the_peers_size() {
        let pieces = (vec![1; 700], vec![2; 5], vec![3; 600]);
        let payload = Payload::with(&pieces.0, &pieces.1, &pieces.2);
        let mut output = Output::new();
        let delivery = Delivery {
            handle: 0,
            id: 0,
            tag: None,
            is_settled: true,
        };
        let mut sent = 0;
        while sent < payload.len() {
            sent += output.transfer(3, delivery, &payload, sent);
        }
        let (mut left, mut whole, mut more) = (&output.bytes[..], Vec::new(), Vec::new());
        while let Some(header) = FrameHeader::parse(left, 512).unwrap() {
            let (performative, part) = Performative::decode(header.body(left).unwrap()).unwrap();
            let Performative::Transfer(transfer) = performative else {
                panic!("{performative:?}")
            };
            more.push(transfer.more);
            whole.extend_from_slice(part);
            left = &left[header.length()..];
        }
        assert_eq!(more, [true, true, false]);
        assert_eq!(whole, [pieces.0, pieces.1, pieces.2].concat());
    }
}
