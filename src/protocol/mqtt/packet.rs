//! The packets of MQTT 3.1.1 (OASIS Standard): read one after another from a buffer, and written to one.
//!
//! The codec is rumqttc's, which takes a few things that the standard forbids; those are refused here before it.

use bytes::BytesMut;
pub use rumqttc::mqttbytes::QoS;
pub use rumqttc::mqttbytes::v4::{
    ConnAck, Connect, ConnectReturnCode, LastWill, Login, Packet, PubAck, Publish, SubAck,
    Subscribe, SubscribeFilter, SubscribeReasonCode, UnsubAck, Unsubscribe,
};
use rumqttc::mqttbytes::{self, Error};
use thiserror::Error as ThisError;

/// The protocol level of version 3.1.1, and how it is called there.
const LEVEL: u8 = 4;
const NAME: &[u8] = b"MQTT";
/// The name in version 3.1.
const OLD_NAME: &[u8] = b"MQIsdp";

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;

/// Why bytes are no packet.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum PacketError {
    /// A client that speaks another version.
    #[error("MQTT in another version than 3.1.1")]
    Version,
    /// More than the reader takes.
    #[error("a packet of {size} bytes, and {limit} are taken")]
    TooLarge {
        /// What is announced, in bytes after the fixed header.
        size: usize,
        /// What is taken.
        limit: usize,
    },
    /// What the standard forbids.
    #[error("no packet of MQTT 3.1.1: {what}")]
    Malformed {
        /// What is wrong, in words.
        what: String,
    },
}

/// Takes the next packet off the buffer's front; `None` while it is not whole. Payloads share the buffer's memory.
///
/// # Errors
/// [`PacketError`]; the buffer is of no use afterwards.
pub fn read(bytes: &mut BytesMut, limit: usize) -> Result<Option<Packet>, PacketError> {
    let Some(&first) = bytes.first() else {
        return Ok(None);
    };
    check_flags(first)?;
    if first >> 4 == CONNECT {
        match mqttbytes::check(bytes.iter(), limit) {
            Ok(header) => check_connect(&bytes[..header.frame_length()])?,
            Err(Error::InsufficientBytes(_)) => return Ok(None),
            Err(error) => return Err(explain(&error, limit)),
        }
    }
    match Packet::read(bytes, limit) {
        Ok(packet) => check(packet).map(Some),
        Err(Error::InsufficientBytes(_)) => Ok(None),
        Err(error) => Err(explain(&error, limit)),
    }
}

/// Appends a packet to the buffer.
///
/// # Errors
/// [`PacketError`] for one that cannot be written, such as a topic beyond 65,535 bytes; nothing is appended then.
pub fn write(packet: &Packet, out: &mut BytesMut) -> Result<(), PacketError> {
    if let Packet::Publish(publish) = packet
        && publish.topic.len() > usize::from(u16::MAX)
    {
        return Err(malformed("a topic of more than 65535 bytes"));
    }
    // The codec counts from the buffer's own beginning when it goes back to a CONNECT's flags.
    let mut end = out.split_off(out.len());
    let written = packet.write(&mut end, usize::MAX);
    if written.is_ok() {
        out.unsplit(end);
    }
    written
        .map(drop)
        .map_err(|error| explain(&error, usize::MAX))
}

/// The low half of the first byte (§2.2.2). Those of PUBLISH are the codec's to read.
fn check_flags(first: u8) -> Result<(), PacketError> {
    let expected = match first >> 4 {
        PUBLISH => return Ok(()),
        // PUBREL, SUBSCRIBE, UNSUBSCRIBE
        6 | 8 | 10 => 2,
        _ => 0,
    };
    if first & 0x0F == expected {
        return Ok(());
    }
    Err(malformed("reserved bits of the fixed header"))
}

/// What the codec does not look at in a CONNECT (§3.1.2).
fn check_connect(frame: &[u8]) -> Result<(), PacketError> {
    let length = frame[1..].iter().position(|byte| byte & 0x80 == 0);
    let body = frame.get(length.map_or(0, |length| length + 2)..);
    let name = body.and_then(|body| {
        let (length, rest) = body.split_first_chunk::<2>()?;
        rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
    });
    let Some((name, [level, flags, ..])) = name else {
        return Err(malformed("a CONNECT that is cut short"));
    };
    if name == OLD_NAME || (name == NAME && *level != LEVEL) {
        return Err(PacketError::Version);
    }
    let (is_reserved, has_user, has_password) =
        (flags & 1 != 0, flags & 0x80 != 0, flags & 0x40 != 0);
    if is_reserved || (has_password && !has_user) {
        return Err(malformed("flags of a CONNECT"));
    }
    Ok(())
}

/// What the codec lets pass in what it has read.
fn check(packet: Packet) -> Result<Packet, PacketError> {
    let wrong = if let Packet::Publish(publish) = &packet {
        let is_name = !publish.topic.is_empty() && !publish.topic.contains(['+', '#', '\0']);
        (!is_name).then_some("a PUBLISH to no topic's name")
    } else if let Packet::Subscribe(subscribe) = &packet {
        (subscribe.pkid == 0).then_some("a SUBSCRIBE without an identifier")
    } else if let Packet::Unsubscribe(unsubscribe) = &packet {
        let is_whole = unsubscribe.pkid != 0 && !unsubscribe.topics.is_empty();
        (!is_whole).then_some("an UNSUBSCRIBE without an identifier, or from nothing")
    } else {
        None
    };
    wrong.map_or(Ok(packet), |what| Err(malformed(what)))
}

fn explain(error: &Error, limit: usize) -> PacketError {
    if let Error::PayloadSizeLimitExceeded(size) = error {
        return PacketError::TooLarge { size: *size, limit };
    }
    malformed(&error.to_string())
}

fn malformed(what: &str) -> PacketError {
    PacketError::Malformed {
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests;
