//! Claims-based security: the request that puts a token on a connection. The reply is a
//! [`Response`](crate::protocol::amqp::response::Response).

use std::fmt;

use crate::protocol::amqp::address::CBS;
use crate::protocol::amqp::message::{Body, Message, MessageWriter, PropertyFields};
use crate::protocol::amqp::response::text;
use crate::protocol::amqp::value::Value;

/// The token type that both services take for shared access signatures.
pub const SAS_TOKEN_TYPE: &str = "servicebus.windows.net:sastoken";
/// The token type that IoT Hub takes as well.
pub const HUB_SAS_TOKEN_TYPE: &str = "azure-devices.net:sastoken";
const OPERATION: &str = "put-token";

/// A request to take in a token.
#[derive(Clone, Copy, PartialEq)]
pub struct PutToken<'a> {
    /// To be repeated in the reply.
    pub message_id: Option<Value<'a>>,
    /// Where the reply goes.
    pub reply_to: Option<&'a str>,
    /// [`SAS_TOKEN_TYPE`] or [`HUB_SAS_TOKEN_TYPE`], from clients that use keys.
    pub token_type: &'a str,
    /// What the token is for; the services go by the token's own `sr` instead.
    pub audience: &'a str,
    /// Secret.
    pub token: &'a str,
}

/// Leaves the token out.
impl fmt::Debug for PutToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutToken")
            .field("message_id", &self.message_id)
            .field("reply_to", &self.reply_to)
            .field("token_type", &self.token_type)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// Why a message to `$cbs` is no such request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PutTokenError {
    /// It asks for something else, or for nothing.
    #[error("request to $cbs is not a {OPERATION}")]
    Operation,
    /// An application property is missing, or no text.
    #[error("{OPERATION} lacks the application property {name:?}")]
    Property {
        /// The property.
        name: &'static str,
    },
    /// The body is no text.
    #[error("{OPERATION} carries no token")]
    Token,
}

impl<'a> PutToken<'a> {
    /// Reads the request.
    pub fn parse(message: &Message<'a>) -> Result<Self, PutTokenError> {
        let property = |name: &'static str| text(message.application_property(name));
        if !property("operation").is_some_and(|operation| operation.eq_ignore_ascii_case(OPERATION))
        {
            return Err(PutTokenError::Operation);
        }
        let token = match message.body {
            Body::Value(value) => value.as_str(),
            Body::Data(data) => data
                .single()
                .and_then(|bytes| std::str::from_utf8(bytes).ok()),
            Body::Empty | Body::Sequence(_) => None,
        };
        Ok(Self {
            message_id: message.properties.message_id(),
            reply_to: message.properties.reply_to(),
            token_type: property("type").ok_or(PutTokenError::Property { name: "type" })?,
            audience: property("name").ok_or(PutTokenError::Property { name: "name" })?,
            token: token.ok_or(PutTokenError::Token)?,
        })
    }

    /// Writes the request as a message.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut message = MessageWriter::new(out);
        message.properties(&PropertyFields {
            message_id: self.message_id,
            to: Some(CBS),
            reply_to: self.reply_to,
            ..PropertyFields::default()
        });
        message.application_properties(|w| {
            for (name, value) in [
                ("operation", OPERATION),
                ("type", self.token_type),
                ("name", self.audience),
            ] {
                w.string(name);
                w.string(value);
            }
        });
        message.value(|w| w.string(self.token));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::reference;

    #[test]
    fn reads_the_node_clients_request() {
        let bytes = reference::bytes(reference::MESSAGE_CBS_RHEA);
        let request = PutToken::parse(&Message::parse(&bytes).unwrap()).unwrap();
        assert_eq!(request.message_id, Some(Value::String("m1")));
        assert_eq!(request.reply_to, Some("cbs"));
        assert_eq!(
            (request.token_type, request.audience),
            (SAS_TOKEN_TYPE, "contoso.azure-devices.net")
        );
        assert!(
            request
                .token
                .starts_with("SharedAccessSignature sr=contoso.azure-devices.net&sig=")
        );
        assert!(!format!("{request:?}").contains("SharedAccess"));
    }

    #[test]
    fn what_is_written_is_read() {
        let request = PutToken {
            message_id: Some(Value::Ulong(7)),
            reply_to: Some("reply"),
            token_type: SAS_TOKEN_TYPE,
            audience: "sb://ns/hub",
            token: "SharedAccessSignature sr=x",
        };
        let mut out = Vec::new();
        request.write(&mut out);
        assert_eq!(PutToken::parse(&Message::parse(&out).unwrap()), Ok(request));
    }

    #[test]
    fn says_what_is_missing() {
        assert_eq!(
            PutToken::parse(&Message::default()),
            Err(PutTokenError::Operation)
        );
        let mut out = Vec::new();
        MessageWriter::new(&mut out).application_properties(|w| {
            w.string("operation");
            w.string("put-token");
        });
        let message = Message::parse(&out).unwrap();
        assert_eq!(
            PutToken::parse(&message),
            Err(PutTokenError::Property { name: "type" })
        );
    }
}
