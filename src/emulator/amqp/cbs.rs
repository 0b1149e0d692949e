//! `$cbs`: tokens come in, the hub judges them, a status goes back.

use crate::emulator::hub::command::{Command, Refusal, Side};
use crate::model::secret::Secret;
use crate::protocol::amqp::cbs::{HUB_SAS_TOKEN_TYPE, PutToken, SAS_TOKEN_TYPE};
use crate::protocol::amqp::message::Message;
use crate::protocol::amqp::response::{Response, STATUS_ACCEPTED, STATUS_OK};
use crate::protocol::amqp::value::Value;

/// The token, and what the hub is to be asked of it, or why it is not.
pub(super) fn ask(message: &Message<'_>) -> Result<(Secret, Command), String> {
    let request = PutToken::parse(message).map_err(|error| error.to_string())?;
    if ![SAS_TOKEN_TYPE, HUB_SAS_TOKEN_TYPE].contains(&request.token_type) {
        return Err(format!(
            "the emulator takes tokens of the type {SAS_TOKEN_TYPE} only"
        ));
    }
    let command = Command::PutToken {
        token: request.token.to_owned(),
    };
    Ok((Secret::new(request.token), command))
}

/// The response to a token that was taken. The two services differ in the number, and their clients insist on it.
pub(super) fn accepted(side: Side, correlation_id: Option<Value<'_>>) -> Vec<u8> {
    let (status, description) = match side {
        Side::Hub => (STATUS_OK, "OK"),
        Side::Namespace => (STATUS_ACCEPTED, "Accepted"),
    };
    write(Response::new(correlation_id, status, description))
}

/// The response to a token that was refused. It names no error condition: pyamqp forgets the status where there is one.
pub(super) fn refused(refusal: &Refusal, correlation_id: Option<Value<'_>>) -> Vec<u8> {
    write(Response::new(
        correlation_id,
        refusal.code.http_status(),
        &refusal.message,
    ))
}

/// The response to a token for which there is no room (iotedge-lorawan-starterkit#1337).
pub(super) fn too_many(limit: usize, correlation_id: Option<Value<'_>>) -> Vec<u8> {
    write(Response::new(
        correlation_id,
        500,
        &format!("The maximum number of tokens per connection ({limit}) has been reached."),
    ))
}

/// The response to what is no request to take in a token.
pub(super) fn malformed(reason: &str, correlation_id: Option<Value<'_>>) -> Vec<u8> {
    write(Response::new(correlation_id, 400, reason))
}

fn write(response: Response<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    response.write(&mut out, |w| w.string(""));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::reference;

    #[test]
    fn takes_shared_access_signatures_only() {
        let bytes = reference::bytes(reference::MESSAGE_CBS_RHEA);
        let Ok((shown, Command::PutToken { token })) = ask(&Message::parse(&bytes).unwrap()) else {
            panic!()
        };
        assert!(token.starts_with("SharedAccessSignature "), "{token}");
        assert_eq!(shown, Secret::new(token));
        let mut out = Vec::new();
        PutToken {
            message_id: None,
            reply_to: None,
            token_type: "jwt",
            audience: "a",
            token: "secret",
        }
        .write(&mut out);
        let reason = ask(&Message::parse(&out).unwrap()).unwrap_err();
        assert!(!reason.contains("secret"), "{reason}");
    }

    #[test]
    fn each_host_has_its_number() {
        let status = |side| {
            let bytes = accepted(side, Some(Value::Uuid([7; 16])));
            let message = Message::parse(&bytes).unwrap();
            assert_eq!(
                message.properties.correlation_id(),
                Some(Value::Uuid([7; 16]))
            );
            Response::parse(&message).unwrap().status_code
        };
        assert_eq!((status(Side::Hub), status(Side::Namespace)), (200, 202));
    }
}
