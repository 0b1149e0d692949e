//! What the hub answers and tells.
//!
//! A refused request on a twin carries the error, as it does over AMQP: azure-iot-device-mqtt 1.16.4 (`mqtt_twin_client.js`)
//! passes over the status and looks for an `errorCode` in the body.

use chrono::SecondsFormat;

use super::{Connection, Phase};
use crate::emulator::hub::command::{Notice, Refusal, Reply};
use crate::emulator::mqtt::effect::{Effect, Origin, Sequel};
use crate::protocol::mqtt::packet::{Packet, PubAck, Publish, QoS};
use crate::protocol::mqtt::topic::{Filter, HubTopic};
use crate::protocol::rest::error_body::ServiceError;

impl Connection {
    /// The hub's answer to a command.
    pub(in crate::emulator::mqtt) fn answer(
        &mut self,
        origin: Origin,
        answer: &Result<Reply, Refusal>,
    ) {
        self.waiting = self.waiting.saturating_sub(origin.bytes);
        if let (Err(refusal), Sequel::EndIfRefused) = (answer, &origin.sequel) {
            return self.end(refusal.message.clone());
        }
        for id in origin.acknowledge {
            self.send(&Packet::PubAck(PubAck::new(id)));
        }
        match origin.sequel {
            Sequel::Nothing | Sequel::EndIfRefused => {}
            Sequel::Twin(request) => self.tell_of_twin(&request, answer),
            Sequel::Messages => self.give_messages(answer),
            Sequel::Packet(packet) => self.send(&packet),
        }
    }

    fn tell_of_twin(&mut self, request: &str, answer: &Result<Reply, Refusal>) {
        let (status, version, body) = match answer {
            Ok(Reply::OwnTwin(twin)) => (200, None, twin.to_string()),
            Ok(Reply::Reported { version }) => (204, Some(*version), String::new()),
            Ok(_) => return,
            Err(refusal) => (refusal.code.http_status(), None, self.error(refusal)),
        };
        let topic = HubTopic::TwinResult {
            status,
            request: request.into(),
            version,
        };
        self.deliver(Filter::TwinResults, &topic, body);
    }

    fn error(&mut self, refusal: &Refusal) -> String {
        let id = self.tracker.next_id();
        let timestamp = self.now.utc.to_rfc3339_opts(SecondsFormat::Secs, true);
        ServiceError::write_flat(refusal.code, &refusal.message, &id, &timestamp)
    }

    /// What the hub tells without being asked.
    pub(in crate::emulator::mqtt) fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Superseded => self.end("a newer connection has taken its place"),
            Notice::Dismissed(refusal) => {
                if let Phase::Open(client, _) = &mut self.phase {
                    client.will = None;
                    self.effects
                        .push_back(Effect::Forget(client.identity.clone()));
                }
                self.end(refusal.message);
            }
            Notice::Desired { version, patch } => {
                let topic = HubTopic::Desired { version };
                self.deliver(Filter::Desired, &topic, patch.to_string());
            }
            Notice::Message => self.hear_of_messages(),
            Notice::Call {
                call,
                name,
                payload,
            } => {
                let topic = HubTopic::MethodRequest {
                    method: name.into(),
                    request: call.0.to_string().into(),
                };
                self.deliver(Filter::Methods, &topic, payload);
            }
            // For readers of events, for a feed that nobody subscribes to here, and for who calls methods.
            Notice::Available
            | Notice::Detached(_)
            | Notice::Delivered(_)
            | Notice::Answered { .. } => {}
        }
    }

    /// Publishes something to a client that wants it. One that does not listen to what it wants is hung up on.
    fn deliver(&mut self, filter: Filter, topic: &HubTopic<'_>, body: String) {
        let Phase::Open(client, _) = &self.phase else {
            return;
        };
        if !client.subscriptions.has(filter) {
            return;
        }
        if !self.is_listening() {
            return self.end("it does not listen to what it wants to be told");
        }
        let publish = Publish::new(topic.to_string(), QoS::AtMostOnce, body);
        self.send(&Packet::Publish(publish));
    }
}
