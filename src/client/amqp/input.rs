//! Frames cut out of what was read, in one buffer that is used again and again. Pure.

use std::ops::Range;

use crate::protocol::amqp::frame::{FrameError, FrameHeader, FrameKind};

/// Frames of the largest size that fit into the buffer: many small ones are read in one go.
const LARGEST_FRAMES: usize = 4;

/// Bytes that were read and not looked at yet.
#[derive(Debug)]
pub struct Input {
    buffer: Vec<u8>,
    /// What is still to be looked at.
    unread: Range<usize>,
    /// The largest frame, in bytes.
    limit: u32,
}

/// Where a frame stands in the buffer; good until more is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The other side's channel.
    pub channel: u16,
    /// The body; empty for a keep-alive.
    pub body: Range<usize>,
}

impl Input {
    /// An empty buffer for frames of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        let largest = usize::try_from(limit).unwrap_or(usize::MAX / LARGEST_FRAMES);
        Self {
            buffer: vec![0; largest * LARGEST_FRAMES],
            unread: 0..0,
            limit,
        }
    }

    /// Where more can be read to. There is always room for the rest of a frame that is there in part.
    pub fn room(&mut self) -> &mut [u8] {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.buffer.len() - self.unread.end < self.buffer.len() / LARGEST_FRAMES {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        &mut self.buffer[self.unread.end..]
    }

    /// So many bytes were read to the front of the room.
    pub fn filled(&mut self, length: usize) {
        self.unread.end = (self.unread.end + length).min(self.buffer.len());
    }

    /// The next frame, if all of it is there.
    ///
    /// # Errors
    /// [`FrameError`] where it cannot be one.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Place>, FrameError> {
        let unread = &self.buffer[self.unread.clone()];
        let Some(header) = FrameHeader::parse(unread, self.limit)? else {
            return Ok(None);
        };
        if header.kind != FrameKind::Amqp {
            return Err(FrameError::Malformed);
        }
        if unread.len() < header.length() {
            return Ok(None);
        }
        let start = self.unread.start;
        self.unread.start += header.length();
        Ok(Some(Place {
            channel: header.channel,
            body: start + usize::from(header.data_offset) * 4..self.unread.start,
        }))
    }

    /// The body of a frame.
    #[inline]
    #[must_use]
    pub fn body(&self, place: &Place) -> &[u8] {
        self.buffer.get(place.body.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: u32 = 64;

    fn frame(channel: u16, body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(8 + body.len()).unwrap().to_be_bytes();
        [&size[..], &[2, 0], &channel.to_be_bytes(), body].concat()
    }

    /// Frames that come of `bytes` when they are read in parts of these lengths.
    fn cut(bytes: &[u8], lengths: &[usize]) -> Result<Vec<(u16, Vec<u8>)>, FrameError> {
        let mut input = Input::new(LIMIT);
        let mut frames = Vec::new();
        let mut lengths = lengths.iter().cycle();
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = input.room();
            assert!(!room.is_empty());
            let length = (*lengths.next().unwrap()).min(room.len()).min(rest.len());
            room[..length].copy_from_slice(&rest[..length]);
            rest = &rest[length..];
            input.filled(length);
            while let Some(place) = input.next_frame()? {
                frames.push((place.channel, input.body(&place).to_vec()));
            }
        }
        Ok(frames)
    }

    #[test]
    fn no_size_and_no_kind_is_taken_on_trust() {
        for size in 0_u8..8 {
            assert!(cut(&[0, 0, 0, size, 2, 0, 0, 0], &[3]).is_err(), "{size}");
        }
        assert!(cut(&[0, 0, 0, 65, 2, 0, 0, 0], &[8]).is_err());
        assert!(cut(&[0, 0, 0, 8, 2, 1, 0, 0], &[8]).is_err());
        assert!(cut(&[0, 0, 0, 8, 3, 0, 0, 0], &[8]).is_err());
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(
            bodies in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..56)), 0..40),
            lengths in prop::collection::vec(1_usize..90, 1..8),
        ) {
            let bytes: Vec<u8> = bodies.iter().flat_map(|(channel, body)| frame(*channel, body)).collect();
            prop_assert_eq!(cut(&bytes, &lengths).unwrap(), bodies);
        }

        #[test]
        fn any_bytes_are_safe_to_read(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            lengths in prop::collection::vec(1_usize..90, 1..8),
        ) {
            let _ = cut(&bytes, &lengths);
        }
    }
}
