//! The bytes beneath AMQP 1.0 values: format codes, and where an encoded value ends.
//!
//! Knows the type system of part 1 of the standard as far as widths go. Must never know what a value means.

/// How many descriptors may stand in front of one value, and how many containers may stand in each other, before
/// a reader gives up. Real messages stay below six.
pub const MAX_DEPTH: usize = 32;

/// Why bytes could not be read as AMQP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end before the value does: more of them may help.
    #[error("the value goes on past the bytes at hand")]
    Truncated,
    /// A format code that the standard does not define.
    #[error("unknown format code {code:#04x}")]
    UnknownCode {
        /// The octet that stands where a format code is due.
        code: u8,
    },
    /// A descriptor that is not expected at this place.
    #[error("unexpected descriptor {code:#x}")]
    UnexpectedDescriptor {
        /// The numeric descriptor; symbolic ones are translated, or 0 if nobody knows them.
        code: u64,
    },
    /// Complete, and not what it should be.
    #[error("malformed {what}")]
    Malformed {
        /// What was being read.
        what: &'static str,
    },
    /// Values nested deeper than [`MAX_DEPTH`].
    #[error("values are nested too deeply")]
    TooDeep,
}

impl DecodeError {
    /// The same error as seen from inside a container whose bytes are all there: what is missing will not come.
    #[must_use]
    pub fn within(self, what: &'static str) -> Self {
        if self == Self::Truncated {
            Self::Malformed { what }
        } else {
            self
        }
    }
}

/// Format codes by their names in the standard.
pub mod code {
    #![allow(
        missing_docs,
        reason = "each constant is named as the standard names it"
    )]
    pub const DESCRIBED: u8 = 0x00;
    pub const NULL: u8 = 0x40;
    pub const TRUE: u8 = 0x41;
    pub const FALSE: u8 = 0x42;
    pub const UINT_0: u8 = 0x43;
    pub const ULONG_0: u8 = 0x44;
    pub const LIST_0: u8 = 0x45;
    pub const UBYTE: u8 = 0x50;
    pub const BYTE: u8 = 0x51;
    pub const SMALL_UINT: u8 = 0x52;
    pub const SMALL_ULONG: u8 = 0x53;
    pub const SMALL_INT: u8 = 0x54;
    pub const SMALL_LONG: u8 = 0x55;
    pub const BOOLEAN: u8 = 0x56;
    pub const USHORT: u8 = 0x60;
    pub const SHORT: u8 = 0x61;
    pub const UINT: u8 = 0x70;
    pub const INT: u8 = 0x71;
    pub const FLOAT: u8 = 0x72;
    pub const CHAR: u8 = 0x73;
    pub const DECIMAL_32: u8 = 0x74;
    pub const ULONG: u8 = 0x80;
    pub const LONG: u8 = 0x81;
    pub const DOUBLE: u8 = 0x82;
    pub const TIMESTAMP: u8 = 0x83;
    pub const DECIMAL_64: u8 = 0x84;
    pub const DECIMAL_128: u8 = 0x94;
    pub const UUID: u8 = 0x98;
    pub const BINARY_8: u8 = 0xa0;
    pub const STRING_8: u8 = 0xa1;
    pub const SYMBOL_8: u8 = 0xa3;
    pub const BINARY_32: u8 = 0xb0;
    pub const STRING_32: u8 = 0xb1;
    pub const SYMBOL_32: u8 = 0xb3;
    pub const LIST_8: u8 = 0xc0;
    pub const MAP_8: u8 = 0xc1;
    pub const LIST_32: u8 = 0xd0;
    pub const MAP_32: u8 = 0xd1;
    pub const ARRAY_8: u8 = 0xe0;
    pub const ARRAY_32: u8 = 0xf0;
}

/// Splits the content of a value with this format code from what follows it. A length in front is taken off; the
/// count of a container stays in its content.
#[inline]
pub fn split_content(code: u8, bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let (length, bytes) = match code >> 4 {
        0x4 => (0, bytes),
        0x5 => (1, bytes),
        0x6 => (2, bytes),
        0x7 => (4, bytes),
        0x8 => (8, bytes),
        0x9 => (16, bytes),
        0xa | 0xc | 0xe => read_u8(bytes)?,
        0xb | 0xd | 0xf => read_u32(bytes)?,
        _ => return Err(DecodeError::UnknownCode { code }),
    };
    bytes.split_at_checked(length).ok_or(DecodeError::Truncated)
}

/// Takes one octet off the front.
#[inline]
pub fn read_u8(bytes: &[u8]) -> Result<(usize, &[u8]), DecodeError> {
    let (first, rest) = bytes.split_first().ok_or(DecodeError::Truncated)?;
    Ok((usize::from(*first), rest))
}

/// Takes four octets off the front, in network order.
#[inline]
pub fn read_u32(bytes: &[u8]) -> Result<(usize, &[u8]), DecodeError> {
    let (first, rest) = bytes
        .split_first_chunk::<4>()
        .ok_or(DecodeError::Truncated)?;
    let number = usize::try_from(u32::from_be_bytes(*first))
        .map_err(|_| DecodeError::Malformed { what: "length" })?;
    Ok((number, rest))
}

/// Splits the first value in `bytes` into its format code and its content, and gives what follows it. The content of a
/// described value is descriptor and value.
#[inline]
pub fn split_value(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), DecodeError> {
    let (&code, after) = bytes.split_first().ok_or(DecodeError::Truncated)?;
    if code == code::DESCRIBED {
        let rest = skip(bytes)?;
        return Ok((code, &after[..after.len() - rest.len()], rest));
    }
    let (content, rest) = split_content(code, after)?;
    Ok((code, content, rest))
}

/// What follows the first value in `bytes`; nothing is built, and nothing inside the value is looked at.
#[inline]
pub fn skip(mut bytes: &[u8]) -> Result<&[u8], DecodeError> {
    for _ in 0..MAX_DEPTH {
        let (&code, rest) = bytes.split_first().ok_or(DecodeError::Truncated)?;
        if code != code::DESCRIBED {
            return split_content(code, rest).map(|(_, rest)| rest);
        }
        bytes = split_descriptor(rest)?.1;
    }
    Err(DecodeError::TooDeep)
}

/// Splits the descriptor (format code and all) that stands at the front of `bytes` from what it describes. A
/// descriptor that is itself described is refused: the standard reserves it, nobody sends it.
#[inline]
pub fn split_descriptor(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let (&code, rest) = bytes.split_first().ok_or(DecodeError::Truncated)?;
    if code == code::DESCRIBED {
        return Err(DecodeError::Malformed { what: "descriptor" });
    }
    let (_, rest) = split_content(code, rest)?;
    Ok(bytes.split_at(bytes.len() - rest.len()))
}
