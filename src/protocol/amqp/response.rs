//! The reply that `$cbs` and `$management` nodes give to a request: a status, and the request's id.

use crate::protocol::amqp::message::{Message, MessageWriter, PropertyFields};
use crate::protocol::amqp::value::Value;
use crate::protocol::amqp::writer::Writer;

/// Status: done.
pub const STATUS_OK: u16 = 200;
/// Status: the token is taken in; what Event Hubs says for 200.
pub const STATUS_ACCEPTED: u16 = 202;

/// The head of a reply; a body may go with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Response<'a> {
    /// The request's message id.
    pub correlation_id: Option<Value<'a>>,
    /// As in HTTP.
    pub status_code: u16,
    /// For people.
    pub status_description: Option<&'a str>,
    /// The AMQP error that the status stands for, if it is one.
    pub error_condition: Option<&'a str>,
}

/// A reply without a status that is a number from 0 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("reply carries no status code")]
pub struct NoStatus;

/// The text of a property or of a map's entry, in either kind of text.
pub(super) fn text(value: Option<Value<'_>>) -> Option<&str> {
    value.and_then(|value| value.as_str())
}

impl<'a> Response<'a> {
    /// A reply that says how it went and no more.
    #[must_use]
    pub fn new(
        correlation_id: Option<Value<'a>>,
        status_code: u16,
        status_description: &'a str,
    ) -> Self {
        Self {
            correlation_id,
            status_code,
            status_description: Some(status_description),
            error_condition: None,
        }
    }

    /// Reads the head of a reply. Names with hyphens and in camel case are alike.
    pub fn parse(message: &Message<'a>) -> Result<Self, NoStatus> {
        let either = |hyphens: &str, camel: &str| {
            message
                .application_property(hyphens)
                .or_else(|| message.application_property(camel))
        };
        let status = either("status-code", "statusCode").and_then(|value| value.as_u64());
        Ok(Self {
            correlation_id: message.properties.correlation_id(),
            status_code: status
                .and_then(|status| u16::try_from(status).ok())
                .ok_or(NoStatus)?,
            status_description: text(either("status-description", "statusDescription")),
            error_condition: text(either("error-condition", "errorCondition")),
        })
    }

    /// Whether the status says that it went well.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status_code)
    }

    /// Writes the reply as a message whose body is the value that `body` writes; null is a body too.
    pub fn write(&self, out: &mut Vec<u8>, body: impl FnOnce(&mut Writer<'_>)) {
        let mut message = MessageWriter::new(out);
        message.properties(&PropertyFields {
            correlation_id: self.correlation_id,
            ..PropertyFields::default()
        });
        message.application_properties(|w| {
            w.string("status-code");
            w.int(self.status_code.into());
            for (name, value) in [
                ("status-description", self.status_description),
                ("error-condition", self.error_condition),
            ] {
                if let Some(value) = value {
                    w.string(name);
                    w.string(value);
                }
            }
        });
        message.value(body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        let response = Response {
            error_condition: Some("amqp:not-found"),
            ..Response::new(Some(Value::String("m1")), 404, "no such entity")
        };
        response.write(&mut out, |w| w.string(""));
        let message = Message::parse(&out).unwrap();
        assert_eq!(Response::parse(&message), Ok(response));
        assert!(!response.is_success());
    }

    #[test]
    fn reads_camel_case_and_misses_what_is_missing() {
        let mut out = Vec::new();
        MessageWriter::new(&mut out).application_properties(|w| {
            w.string("statusCode");
            w.long(202);
        });
        let response = Response::parse(&Message::parse(&out).unwrap()).unwrap();
        assert!(response.is_success());
        assert_eq!((response.status_code, response.correlation_id), (202, None));
        assert_eq!(Response::parse(&Message::default()), Err(NoStatus));
    }
}
