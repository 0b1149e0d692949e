//! Twins and methods of devices and modules: two links each, one for what they ask or answer, one for what they are told.
//!
//! Source: azure-iot-device-amqp 1.14.4 `amqp_twin_client.js`, `amqp_device_method_client.js`. A connection without the link
//! on which it would be told something is not told.

use serde_json::Value as Json;

use super::Connection;
use super::traffic::send_responses;
use crate::emulator::amqp::device_message::{NO_BYTES, body};
use crate::emulator::amqp::effect::{LinkKey, Origin};
use crate::emulator::amqp::link::Delivery;
use crate::emulator::amqp::refusal::Objection;
use crate::emulator::amqp::session::{Line, Replies, Topic, Use};
use crate::emulator::hub::command::{
    CallId, Command, Feed, ListenerId, MethodOperation, Refusal, Reply, Side, TwinOperation,
};
use crate::protocol::amqp::message::{Message, MessageWriter, PropertyFields};
use crate::protocol::amqp::performative::error::condition;
use crate::protocol::amqp::performative::{Attach, DeliveryState, Role};
use crate::protocol::amqp::value::{Value, decode};
use crate::protocol::amqp::writer::encode;

/// Annotations of requests on a twin and of their responses.
const OPERATION: &str = "operation";
const RESOURCE: &str = "resource";
const STATUS: &str = "status";
const VERSION: &str = "version";

/// What requests on a twin are about.
const REPORTED: &str = "/properties/reported";
const DESIRED: &str = "/notifications/twin/properties/desired";

/// Application properties of calls and of their answers.
const METHOD_NAME: &str = "IoThub-methodname";
const METHOD_STATUS: &str = "IoThub-status";

/// A call that nobody has made.
const NO_CALL: CallId = CallId(u64::MAX);

impl Connection {
    /// Whether a device or module has such a link.
    pub(super) fn has_line(&mut self, session: ListenerId, topic: Topic, role: Role) -> bool {
        let wanted = Line { session, topic };
        let links = self.guests.links(session);
        links.into_iter().any(|key| match self.usage(key) {
            Some(Use::Orders(line, _)) => *line == wanted && role == Role::Sender,
            Some(Use::Told(line, _)) => *line == wanted && role == Role::Receiver,
            Some(_) | None => false,
        })
    }

    /// What a link about a twin or methods is for. Who listens for calls is callable.
    pub(super) fn attach_line(
        &mut self,
        key: LinkKey,
        session: ListenerId,
        topic: Topic,
        attach: &Attach<'_>,
    ) -> Use {
        let line = Line { session, topic };
        if attach.role == Role::Sender {
            return Use::Orders(line, self.first_credit(key, attach));
        }
        if topic == Topic::Methods {
            self.listen(session, Feed::Methods, true);
        }
        Use::Told(line, Replies::new(attach))
    }

    fn listen(&mut self, session: ListenerId, feed: Feed, on: bool) {
        let command = Command::Listen { session, feed, on };
        self.ask(Origin::Nobody, command);
    }

    /// A device or module has no link any more on which it would hear of something.
    pub(super) fn tell_no_more(&mut self, line: Line) {
        let feed = match line.topic {
            Topic::Twin => Feed::Desired,
            Topic::Methods => Feed::Methods,
        };
        self.listen(line.session, feed, false);
    }

    /// A request on a twin, or the answer to a call.
    pub(super) fn take_order(&mut self, key: LinkKey, line: Line, delivery: &Delivery) {
        self.renew_credit(key);
        let message = match Message::parse(&delivery.message) {
            Ok(message) => message,
            Err(error) => return self.detach_for(key, condition::DECODE_ERROR, &error.to_string()),
        };
        if !delivery.settled {
            let place = (Role::Receiver, key.channel, delivery.id);
            self.dispose(place, DeliveryState::Accepted);
        }
        match line.topic {
            Topic::Twin => self.ask_of_twin(line.session, &message),
            Topic::Methods => self.answer_call(line.session, &message),
        }
    }

    fn ask_of_twin(&mut self, session: ListenerId, message: &Message<'_>) {
        let id = message.properties.correlation_id();
        let correlation_id = encode(|w| w.optional(id, |w, id| w.value(&id)));
        if let Some(command) = twin_command(session, message) {
            let origin = Origin::Twin {
                session,
                correlation_id,
            };
            return self.ask(origin, command);
        }
        let text = "The twin knows no such operation and resource.";
        let fault = self.word(Objection::argument(text.to_owned()), Side::Hub);
        let response = twin_response(400, None, &correlation_id, &fault.description);
        self.tell(session, Topic::Twin, response);
    }

    /// What became of a request on a twin.
    pub(super) fn tell_of_twin(
        &mut self,
        session: ListenerId,
        correlation_id: &[u8],
        answer: Result<Reply, Refusal>,
    ) {
        let (status, version, body) = match answer {
            Ok(Reply::OwnTwin(twin)) => (200, None, twin.to_string()),
            Ok(Reply::Reported { version }) => (204, Some(version), String::new()),
            Ok(_) => (200, None, String::new()),
            Err(refusal) => {
                let status = refusal.code.http_status();
                let fault = self.word(refusal.into(), Side::Hub);
                (status, None, fault.description)
            }
        };
        let response = twin_response(status, version, correlation_id, &body);
        self.tell(session, Topic::Twin, response);
    }

    /// Desired properties have changed: a message without a correlation id.
    pub(super) fn tell_of_desired(&mut self, session: ListenerId, patch: &Json) {
        let mut out = Vec::new();
        MessageWriter::new(&mut out).data(patch.to_string().as_bytes());
        self.tell(session, Topic::Twin, out);
    }

    /// A method is called.
    pub(super) fn tell_of_call(
        &mut self,
        session: ListenerId,
        call: CallId,
        name: &str,
        payload: &str,
    ) {
        let mut out = Vec::new();
        let mut writer = MessageWriter::new(&mut out);
        writer.properties(&PropertyFields {
            correlation_id: Some(Value::Uuid(uuid_of(call))),
            ..PropertyFields::default()
        });
        writer.application_properties(|w| {
            w.string(METHOD_NAME);
            w.string(name);
        });
        writer.data(payload.as_bytes());
        self.tell(session, Topic::Methods, out);
    }

    /// An answer that cannot be passed on is one still: who called need not wait any longer to be told so.
    fn answer_call(&mut self, session: ListenerId, message: &Message<'_>) {
        let payload = body(message).ok_or(NO_BYTES);
        let call = message.properties.correlation_id();
        let respond = MethodOperation::Respond {
            session,
            call: call.as_ref().and_then(call_of).unwrap_or(NO_CALL),
            status: payload
                .as_ref()
                .map_or_else(|why| Err(*why), |_| status_of(message)),
            payload: payload.unwrap_or_default(),
        };
        self.ask(Origin::Nobody, Command::Method(respond));
    }

    /// Sends something to a device or module, or keeps it until the link has credit. Who lets too much wait has its
    /// connection ended: nothing is left out that it would have to hear of, and it learns how things stand when it comes back.
    fn tell(&mut self, session: ListenerId, topic: Topic, message: Vec<u8>) {
        let wanted = Line { session, topic };
        let is_written = self.out.len() < self.options.limits.output_bytes;
        for key in self.guests.links(session) {
            if let Some(Use::Told(line, replies)) = self.usage(key)
                && *line == wanted
            {
                if !(is_written && replies.push(message)) {
                    let text = "too much waits to be heard";
                    return self.fail(condition::RESOURCE_LIMIT_EXCEEDED, text);
                }
                if let Some(session) = self.sessions.get_mut(&key.channel) {
                    send_responses(key.channel, session, &mut self.out);
                }
                return;
            }
        }
    }
}

/// The status in an answer, in whatever case its name is written: an integer, or the text of one.
fn status_of(message: &Message<'_>) -> Result<i32, &'static str> {
    let mut named = message.application_properties.unwrap_or_default().pairs();
    let status = named.find_map(|pair| {
        let (name, value) = pair.ok()?;
        let is_it = name.as_str()?.eq_ignore_ascii_case(METHOD_STATUS);
        is_it.then_some(value)
    });
    let status = status.ok_or("has no application property IoThub-status")?;
    let number = status.as_i64().and_then(|number| number.try_into().ok());
    let written = || status.as_str()?.trim().parse().ok();
    let number = number.or_else(written);
    number.ok_or("has an IoThub-status that is no 32-bit integer")
}

/// What the hub is asked; nothing for what there is not.
fn twin_command(session: ListenerId, message: &Message<'_>) -> Option<Command> {
    let (operation, resource) = (message.annotation(OPERATION), message.annotation(RESOURCE));
    let operation = operation.as_ref().and_then(Value::as_str)?;
    let resource = resource.as_ref().and_then(Value::as_str).unwrap_or("");
    let is_about = |known: &str| resource.eq_ignore_ascii_case(known);
    let listen = |on| Command::Listen {
        session,
        feed: Feed::Desired,
        on,
    };
    match operation.to_ascii_uppercase().as_str() {
        "GET" if is_about("") => Some(Command::Twin(TwinOperation::ReadOwn { session })),
        "PATCH" if is_about(REPORTED) => {
            // The hub refuses what is no object; what is no JSON is none.
            let patch = body(message)
                .and_then(|body| serde_json::from_slice(&body).ok())
                .unwrap_or_default();
            Some(Command::Twin(TwinOperation::Report { session, patch }))
        }
        "PUT" if is_about(DESIRED) => Some(listen(true)),
        "DELETE" if is_about(DESIRED) => Some(listen(false)),
        _ => None,
    }
}

fn twin_response(status: u16, version: Option<u64>, correlation_id: &[u8], body: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 128);
    let mut writer = MessageWriter::new(&mut out);
    writer.message_annotations(|w| {
        w.symbol(STATUS);
        w.int(status.into());
        if let Some(version) = version.and_then(|version| i64::try_from(version).ok()) {
            w.symbol(VERSION);
            w.long(version);
        }
    });
    let id = decode(correlation_id).map(|(value, _)| value).ok();
    writer.properties(&PropertyFields {
        correlation_id: id.filter(|id| !id.is_null()),
        ..PropertyFields::default()
    });
    writer.data(body.as_bytes());
    out
}

/// The bits of a call's number that its UUID holds, which is enough for all of them.
const NUMBER_BITS: u64 = u64::MAX >> 2;

/// A call's number as a UUID, for which the Node SDK has an ear: one of those that are made at random.
fn uuid_of(call: CallId) -> [u8; 16] {
    let bytes = u128::from(call.0 & NUMBER_BITS).to_be_bytes();
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .into_bytes()
}

/// The call that an answer is for. What is no UUID on the wire may be the text of one.
fn call_of(id: &Value<'_>) -> Option<CallId> {
    let uuid = if let Value::Uuid(bytes) = id {
        uuid::Uuid::from_bytes(*bytes)
    } else {
        uuid::Uuid::parse_str(id.as_str()?).ok()?
    };
    let (_, low) = uuid.as_u64_pair();
    let call = CallId(low & NUMBER_BITS);
    (uuid_of(call) == uuid.into_bytes()).then_some(call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_known_again_as_uuid_and_as_text() {
        for number in [0, 1, 7_000_000_000, NUMBER_BITS] {
            let bytes = uuid_of(CallId(number));
            assert_eq!(call_of(&Value::Uuid(bytes)), Some(CallId(number)));
            let text = uuid::Uuid::from_bytes(bytes).to_string();
            assert_eq!(call_of(&Value::String(&text)), Some(CallId(number)));
        }
        for other in [Value::String("7"), Value::Null, Value::Uuid([9; 16])] {
            assert_eq!(call_of(&other), None);
        }
    }
}
