//! Frames that wait to be sent. Pure: the connection alone sends them off.

use super::trace;
use crate::protocol::amqp::frame::{FrameKind, begin_frame, end_frame};
use crate::protocol::amqp::performative::Performative;
use crate::tracer::Tracer;

/// The largest frame that this side takes and sends, in bytes; both services announce the same.
pub const MAX_FRAME_SIZE: u32 = 65_536;

/// An empty frame, which keeps a connection alive.
const KEEP_ALIVE: [u8; 8] = [0, 0, 0, 8, 2, 0, 0, 0];

/// Frames that wait to be sent.
#[derive(Debug)]
pub struct Output {
    bytes: Vec<u8>,
    /// How much of `bytes` was sent already.
    sent: usize,
    tracer: Tracer,
    largest_frame: usize,
}

impl Output {
    /// Nothing waits yet; each frame is told to `tracer`.
    #[must_use]
    pub fn new(tracer: Tracer) -> Self {
        Self {
            bytes: Vec::new(),
            sent: 0,
            tracer,
            largest_frame: usize::try_from(MAX_FRAME_SIZE).unwrap_or(usize::MAX),
        }
    }

    /// The largest frame that both sides take, in bytes.
    #[must_use]
    pub fn largest_frame(&self) -> usize {
        self.largest_frame
    }

    /// The other side takes no larger frames than this, in bytes.
    pub fn limit_frames(&mut self, largest: u32) {
        let largest = usize::try_from(largest).unwrap_or(usize::MAX);
        self.largest_frame = self.largest_frame.min(largest);
    }

    /// Appends a frame of a performative and a payload.
    pub fn send(&mut self, channel: u16, performative: &Performative<'_>, payload: &[u8]) {
        let start = begin_frame(&mut self.bytes, FrameKind::Amqp, channel);
        let body = self.bytes.len();
        performative.encode(&mut self.bytes);
        self.bytes.extend_from_slice(payload);
        end_frame(&mut self.bytes, start);
        trace::frame(&self.tracer, '>', channel, &self.bytes[body..]);
    }

    /// Appends an empty frame.
    pub fn keep_alive(&mut self) {
        self.bytes.extend_from_slice(&KEEP_ALIVE);
        trace::frame(&self.tracer, '>', 0, &[]);
    }

    /// What is still to be sent.
    #[must_use]
    pub fn unsent(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// So many bytes of it were sent.
    pub fn note_sent(&mut self, length: usize) {
        self.sent += length;
        if self.sent >= self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
        }
    }
}
