//! The error that detach, end, close and a rejection carry.

use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::performative::fields::{Fields, write_map};
use crate::protocol::amqp::value::{Items, Value};
use crate::protocol::amqp::writer::Writer;

/// Conditions that the two services and their clients act on.
pub mod condition {
    /// The link's node lives elsewhere; the info says where.
    pub const LINK_REDIRECT: &str = "amqp:link:redirect";
    /// A reader with a higher epoch took over.
    pub const LINK_STOLEN: &str = "amqp:link:stolen";
    /// The server wants the link gone.
    pub const LINK_DETACH_FORCED: &str = "amqp:link:detach-forced";
    /// The message is larger than the link carries.
    pub const MESSAGE_SIZE_EXCEEDED: &str = "amqp:link:message-size-exceeded";
    /// The server wants the connection gone.
    pub const CONNECTION_FORCED: &str = "amqp:connection:forced";
    /// Frames that do not make sense.
    pub const FRAMING_ERROR: &str = "amqp:connection:framing-error";
    /// More transfers than the session's window allows.
    pub const WINDOW_VIOLATION: &str = "amqp:session:window-violation";
    /// A handle that nobody attached.
    pub const UNATTACHED_HANDLE: &str = "amqp:session:unattached-handle";
    /// A token that is missing, wrong or expired.
    pub const UNAUTHORIZED_ACCESS: &str = "amqp:unauthorized-access";
    /// No such node.
    pub const NOT_FOUND: &str = "amqp:not-found";
    /// Not understood.
    pub const NOT_IMPLEMENTED: &str = "amqp:not-implemented";
    /// Understood and refused.
    pub const NOT_ALLOWED: &str = "amqp:not-allowed";
    /// A field of what was sent is wrong.
    pub const INVALID_FIELD: &str = "amqp:invalid-field";
    /// Bytes that could not be decoded.
    pub const DECODE_ERROR: &str = "amqp:decode-error";
    /// A quota is used up.
    pub const RESOURCE_LIMIT_EXCEEDED: &str = "amqp:resource-limit-exceeded";
    /// The server's own fault.
    pub const INTERNAL_ERROR: &str = "amqp:internal-error";
    /// An argument of the request is wrong.
    pub const ARGUMENT_ERROR: &str = "com.microsoft:argument-error";
    /// An argument of the request is outside its range.
    pub const ARGUMENT_OUT_OF_RANGE: &str = "com.microsoft:argument-out-of-range";
    /// Come back in a few seconds.
    pub const SERVER_BUSY: &str = "com.microsoft:server-busy";
}

/// Why a peer ended something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AmqpError<'a> {
    /// A symbol, see [`condition`].
    pub condition: &'a str,
    /// For people; IoT Hub puts JSON here.
    pub description: Option<&'a str>,
    /// More about it, for programs.
    pub info: Option<Items<'a>>,
}

impl<'a> AmqpError<'a> {
    /// An error without info.
    #[must_use]
    pub fn new(condition: &'a str, description: &'a str) -> Self {
        Self {
            condition,
            description: Some(description),
            info: None,
        }
    }

    /// Reads an error from a field; the field's descriptor is not looked at, since only errors stand there.
    pub fn read(fields: &mut Fields<'a>) -> Result<Option<Self>, DecodeError> {
        let Some(value) = fields.value()? else {
            return Ok(None);
        };
        Self::from_value(value).map(Some)
    }

    fn from_value(value: Value<'a>) -> Result<Self, DecodeError> {
        let mut fields = Fields::of(value.undescribed()?, "error")?;
        Ok(Self {
            condition: fields.text("error condition")?.unwrap_or_default(),
            description: fields.text("error description")?,
            info: fields.map("error info")?,
        })
    }

    /// Writes the error as a described list of all 3 fields.
    pub fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::ERROR, |w| {
            w.list(|w| {
                w.symbol(self.condition);
                w.optional(self.description, Writer::string);
                write_map(w, self.info);
            });
        });
    }
}
