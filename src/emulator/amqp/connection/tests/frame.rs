//! Frames as a test writes and reads them.

use super::*;

/// A frame that the machine sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) channel: u16,
    pub(super) body: Vec<u8>,
}

impl Frame {
    pub(super) fn performative(&self) -> Performative<'_> {
        Performative::decode(&self.body).unwrap().0
    }

    pub(super) fn payload(&self) -> &[u8] {
        Performative::decode(&self.body).unwrap().1
    }

    pub(super) fn transfer(&self) -> Option<Transfer<'_>> {
        if let Performative::Transfer(transfer) = self.performative() {
            Some(transfer)
        } else {
            None
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self.performative() {
            Performative::Open(_) => "open",
            Performative::Begin(_) => "begin",
            Performative::Attach(_) => "attach",
            Performative::Flow(_) => "flow",
            Performative::Transfer(_) => "transfer",
            Performative::Disposition(_) => "disposition",
            Performative::Detach(_) => "detach",
            Performative::End(_) => "end",
            Performative::Close(_) => "close",
            Performative::SaslMechanisms(_)
            | Performative::SaslInit(_)
            | Performative::SaslChallenge(_)
            | Performative::SaslResponse(_)
            | Performative::SaslOutcome(_) => "sasl",
        }
    }

    /// The condition and description of a detach, an end or a close.
    pub(super) fn error(&self) -> (String, String) {
        let error = if let Performative::Detach(detach) = self.performative() {
            detach.error
        } else if let Performative::End(end) = self.performative() {
            end.error
        } else if let Performative::Close(close) = self.performative() {
            close.error
        } else {
            None
        };
        let error = error.unwrap();
        (
            error.condition.to_owned(),
            error.description.unwrap_or_default().to_owned(),
        )
    }
}

pub(super) fn frame(
    kind: FrameKind,
    channel: u16,
    performative: &Performative<'_>,
    payload: &[u8],
) -> Vec<u8> {
    let mut out = Vec::new();
    let start = begin_frame(&mut out, kind, channel);
    performative.encode(&mut out);
    out.extend_from_slice(payload);
    end_frame(&mut out, start);
    out
}

/// Cuts bytes into frames; protocol headers and keep-alives are left out.
pub(super) fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        if bytes.starts_with(b"AMQP") {
            bytes = &bytes[ProtocolHeader::LENGTH..];
            continue;
        }
        let header = FrameHeader::parse(bytes, u32::MAX).unwrap().unwrap();
        let body = header.body(bytes).unwrap().to_vec();
        if !body.is_empty() {
            let channel = header.channel;
            frames.push(Frame { channel, body });
        }
        bytes = &bytes[header.length()..];
    }
    frames
}

pub(super) fn names(frames: &[Frame]) -> Vec<&'static str> {
    frames.iter().map(Frame::name).collect()
}

/// The bodies of the messages in these frames, put together from their transfers.
pub(super) fn bodies(frames: &[Frame]) -> Vec<Vec<u8>> {
    let (mut bodies, mut message) = (Vec::new(), Vec::new());
    for frame in frames {
        let Some(transfer) = frame.transfer() else {
            continue;
        };
        message.extend_from_slice(frame.payload());
        if !transfer.more {
            let Body::Data(data) = Message::parse(&message).unwrap().body else {
                panic!("no data")
            };
            bodies.push(data.single().unwrap().to_vec());
            message.clear();
        }
    }
    bodies
}
