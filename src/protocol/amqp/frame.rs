//! Frames and protocol headers: what stands between the stream of bytes and the performatives.

/// Bytes in front of each frame's body, if it has no extended header.
pub const FRAME_HEADER_LENGTH: usize = 8;

/// Why a stream is not AMQP, or not as agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The frame is larger than what was agreed on.
    #[error("frame of {size} bytes exceeds the agreed {limit}")]
    TooLarge {
        /// Bytes of the whole frame, as its header says.
        size: u32,
        /// Bytes allowed.
        limit: u32,
    },
    /// Size, data offset or type cannot be.
    #[error("malformed frame header")]
    Malformed,
    /// The stream does not begin with a header of AMQP 1.0.
    #[error("not an AMQP 1.0 protocol header")]
    NotAmqp,
}

/// What kind of performatives a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// Everything after the second protocol header.
    Amqp,
    /// The security layer.
    Sasl,
}

/// The header in front of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes of the whole frame, header included.
    pub size: u32,
    /// Where the body begins, in words of four bytes.
    pub data_offset: u8,
    /// AMQP or SASL.
    pub kind: FrameKind,
    /// The channel; without meaning in SASL frames.
    pub channel: u16,
}

impl FrameHeader {
    /// Reads the header at the front of `buffer`; `Ok(None)` if it is not there in full yet. `limit` is the greatest
    /// frame in bytes that this side announced.
    #[inline]
    pub fn parse(buffer: &[u8], limit: u32) -> Result<Option<Self>, FrameError> {
        let Some(&[a, b, c, d, data_offset, kind, channel_high, channel_low]) =
            buffer.first_chunk::<8>()
        else {
            return Self::wait_for_more(buffer, limit);
        };
        let size = u32::from_be_bytes([a, b, c, d]);
        let kind = match kind {
            0 => FrameKind::Amqp,
            1 => FrameKind::Sasl,
            _ => return Err(FrameError::Malformed),
        };
        if data_offset < 2 || u32::from(data_offset) * 4 > size {
            return Err(FrameError::Malformed);
        }
        if size > limit {
            return Err(FrameError::TooLarge { size, limit });
        }
        let channel = u16::from_be_bytes([channel_high, channel_low]);
        Ok(Some(Self {
            size,
            data_offset,
            kind,
            channel,
        }))
    }

    /// A header that is not there in full yet; a size that cannot be is seen all the same, for nothing may follow it.
    #[cold]
    fn wait_for_more(buffer: &[u8], limit: u32) -> Result<Option<Self>, FrameError> {
        match buffer.first_chunk().copied().map(u32::from_be_bytes) {
            Some(0..8) => Err(FrameError::Malformed),
            Some(size) if size > limit => Err(FrameError::TooLarge { size, limit }),
            Some(_) | None => Ok(None),
        }
    }

    /// Bytes of the whole frame.
    #[inline]
    #[must_use]
    pub fn length(&self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }

    /// The body of this frame, which stands at the front of `buffer`; `None` if it is not there in full yet. Empty
    /// for a keep-alive.
    #[inline]
    #[must_use]
    pub fn body<'a>(&self, buffer: &'a [u8]) -> Option<&'a [u8]> {
        buffer.get(usize::from(self.data_offset) * 4..self.length())
    }
}

/// Begins a frame at the end of `out`, and gives the place to end it with.
#[inline]
pub fn begin_frame(out: &mut Vec<u8>, kind: FrameKind, channel: u16) -> usize {
    let start = out.len();
    let [high, low] = channel.to_be_bytes();
    let kind = match kind {
        FrameKind::Amqp => 0,
        FrameKind::Sasl => 1,
    };
    out.extend_from_slice(&[0, 0, 0, 0, 2, kind, high, low]);
    start
}

/// Ends the frame that [`begin_frame`] began at `start`: all that was appended since is its body.
#[inline]
pub fn end_frame(out: &mut [u8], start: usize) {
    let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// The eight bytes with which each side opens a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolHeader {
    /// The security layer: SASL frames follow.
    Sasl,
    /// AMQP proper.
    Amqp,
    /// TLS within AMQP, which neither service speaks.
    Tls,
}

impl ProtocolHeader {
    /// Bytes of a protocol header.
    pub const LENGTH: usize = 8;

    /// Reads the header at the front of `buffer`; `Ok(None)` while it may still become one.
    pub fn parse(buffer: &[u8]) -> Result<Option<Self>, FrameError> {
        let Some(header) = buffer.first_chunk::<8>() else {
            let known = buffer.len().min(4);
            return if buffer[..known] == b"AMQP"[..known] {
                Ok(None)
            } else {
                Err(FrameError::NotAmqp)
            };
        };
        [Self::Sasl, Self::Amqp, Self::Tls]
            .into_iter()
            .find(|candidate| candidate.bytes() == header)
            .map_or(Err(FrameError::NotAmqp), |found| Ok(Some(found)))
    }

    /// The header as it goes out.
    #[must_use]
    pub fn bytes(self) -> &'static [u8; 8] {
        match self {
            Self::Amqp => b"AMQP\x00\x01\x00\x00",
            Self::Tls => b"AMQP\x02\x01\x00\x00",
            Self::Sasl => b"AMQP\x03\x01\x00\x00",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_cannot_be() {
        let parse = |bytes: &[u8]| FrameHeader::parse(bytes, 512);
        assert_eq!(parse(&[0, 0, 0, 8, 2, 0, 0]), Ok(None));
        assert_eq!(parse(&[0, 0, 0, 7, 2, 0, 0, 0]), Err(FrameError::Malformed));
        assert_eq!(parse(&[0, 0, 0, 8, 1, 0, 0, 0]), Err(FrameError::Malformed));
        assert_eq!(parse(&[0, 0, 0, 8, 3, 0, 0, 0]), Err(FrameError::Malformed));
        assert_eq!(parse(&[0, 0, 0, 8, 2, 9, 0, 0]), Err(FrameError::Malformed));
        assert_eq!(
            parse(&[0, 0, 2, 1, 2, 0, 0, 0]),
            Err(FrameError::TooLarge {
                size: 513,
                limit: 512
            })
        );
        let keep_alive = parse(&[0, 0, 0, 8, 2, 0, 0, 5]).unwrap().unwrap();
        assert_eq!(
            (keep_alive.channel, keep_alive.body(&[0; 8])),
            (5, Some(&[][..]))
        );
    }

    #[test]
    fn knows_the_protocol_headers() {
        for header in [
            ProtocolHeader::Sasl,
            ProtocolHeader::Amqp,
            ProtocolHeader::Tls,
        ] {
            assert_eq!(ProtocolHeader::parse(header.bytes()), Ok(Some(header)));
            assert_eq!(ProtocolHeader::parse(&header.bytes()[..7]), Ok(None));
        }
        assert_eq!(ProtocolHeader::parse(b"GET"), Err(FrameError::NotAmqp));
        assert_eq!(
            ProtocolHeader::parse(b"AMQP\x00\x00\x09\x01"),
            Err(FrameError::NotAmqp)
        );
    }

    proptest! {
        #[test]
        fn frames_come_back(channel: u16, before in 0_usize..9, body in proptest::collection::vec(any::<u8>(), 0..99)) {
            let mut out = vec![0; before];
            let start = begin_frame(&mut out, FrameKind::Sasl, channel);
            out.extend_from_slice(&body);
            end_frame(&mut out, start);
            let frame = FrameHeader::parse(&out[before..], 512).unwrap().unwrap();
            prop_assert_eq!((frame.kind, frame.channel), (FrameKind::Sasl, channel));
            prop_assert_eq!(frame.body(&out[before..]), Some(&body[..]));
            prop_assert_eq!(frame.body(&out[before..out.len() - 1]), None);
        }

        #[test]
        fn any_bytes_are_safe_to_read(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ = ProtocolHeader::parse(&bytes);
            if let Ok(Some(frame)) = FrameHeader::parse(&bytes, u32::MAX) {
                let _ = frame.body(&bytes);
            }
        }
    }
}
