//! The security layer's frames.

use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::performative::fields::{Fields, Symbols};
use crate::protocol::amqp::writer::Writer;

/// Outcome code: come in.
pub const SASL_OK: u8 = 0;
/// Outcome code: the credentials are wrong.
pub const SASL_AUTH: u8 = 1;
/// Outcome code: the request made no sense, such as a malformed PLAIN user.
pub const SASL_SYS: u8 = 2;

/// What the server offers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SaslMechanisms<'a> {
    /// In the order of the server's preference.
    pub mechanisms: Symbols<'a>,
}

impl<'a> SaslMechanisms<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            mechanisms: fields.symbols("sasl-server-mechanisms")?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::SASL_MECHANISMS, |w| {
            w.list(|w| self.mechanisms.write(w));
        });
    }
}

/// What the client chose.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct SaslInit<'a> {
    /// One of the server's mechanisms.
    pub mechanism: &'a str,
    /// For PLAIN: authorization identity, user and password between zero bytes. Secret.
    pub initial_response: Option<&'a [u8]>,
    /// The host that is meant.
    pub hostname: Option<&'a str>,
}

/// Leaves the response out, for a password may be in it.
impl std::fmt::Debug for SaslInit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SaslInit")
            .field("mechanism", &self.mechanism)
            .field("hostname", &self.hostname)
            .finish_non_exhaustive()
    }
}

impl<'a> SaslInit<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            mechanism: fields
                .text("mechanism")?
                .ok_or(DecodeError::Malformed { what: "mechanism" })?,
            initial_response: fields.binary("initial-response")?,
            hostname: fields.text("hostname")?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::SASL_INIT, |w| {
            w.list(|w| {
                w.symbol(self.mechanism);
                w.optional(self.initial_response, Writer::binary);
                w.optional(self.hostname, Writer::string);
            });
        });
    }

    /// User and password of a PLAIN response.
    #[must_use]
    pub fn plain_credentials(&self) -> Option<(&'a str, &'a str)> {
        let text = std::str::from_utf8(self.initial_response?).ok()?;
        let mut parts = text.splitn(3, '\0').skip(1);
        Some((parts.next()?, parts.next()?))
    }
}

/// Bytes that a challenge or a response carries.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct SaslBytes<'a> {
    /// Secret.
    pub bytes: &'a [u8],
}

/// Leaves the bytes out.
impl std::fmt::Debug for SaslBytes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SaslBytes").finish_non_exhaustive()
    }
}

impl<'a> SaslBytes<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            bytes: fields.binary("sasl bytes")?.unwrap_or_default(),
        })
    }

    pub(super) fn write(&self, descriptor: u64, w: &mut Writer<'_>) {
        w.described(descriptor, |w| w.list(|w| w.binary(self.bytes)));
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SaslOutcome<'a> {
    /// [`SASL_OK`], [`SASL_AUTH`], [`SASL_SYS`], or 3 and 4 for other troubles of the server.
    pub code: u8,
    /// `Welcome!`, with both services.
    pub additional_data: Option<&'a [u8]>,
}

impl<'a> SaslOutcome<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            code: fields.required("sasl code")?,
            additional_data: fields.binary("additional-data")?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::SASL_OUTCOME, |w| {
            w.list(|w| {
                w.ubyte(self.code);
                w.optional(self.additional_data, Writer::binary);
            });
        });
    }
}
