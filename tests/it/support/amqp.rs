//! A device or service that speaks AMQP without TLS, with fe2o3-amqp.

use std::time::Duration;

use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::types::definitions::Fields;
use fe2o3_amqp::types::messaging::{ApplicationProperties, Data, Message, Outcome, Properties};
use fe2o3_amqp::types::primitives::{Symbol, Value as AmqpValue};
use fe2o3_amqp::{Connection, Receiver, Sender, Session};
use tokio::time::timeout;

use super::Emulator;
use super::mqtt::credentials;

/// What an emulator is started with so that it can come.
pub const ARGUMENTS: [&str; 2] = ["--plain-amqp-port", "0"];
/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Where `device1` sends events.
pub const EVENTS: &str = "/devices/device1/messages/events";
/// Where it gets messages.
pub const BOUND: &str = "/devices/device1/messages/devicebound";

/// A connection with a session, opened with SASL PLAIN.
pub struct Peer {
    session: SessionHandle<()>,
    connection: ConnectionHandle<()>,
}

impl Peer {
    /// Whoever this token lets in.
    pub async fn connect(hub: &Emulator, user: &str, token: &str) -> Self {
        let profile = SaslProfile::Plain {
            username: user.to_owned(),
            password: token.to_owned(),
        };
        let mut connection = Connection::builder()
            .container_id(user)
            .sasl_profile(profile)
            .open(format!("amqp://localhost:{}", hub.port("amqp")).as_str())
            .await
            .unwrap();
        let session = Session::begin(&mut connection).await.unwrap();
        Self {
            session,
            connection,
        }
    }

    /// The device, with a token that it has signed itself.
    pub async fn device(hub: &Emulator) -> Self {
        let token = &credentials(hub, &[])["PASSWORD"];
        Self::connect(hub, "device1@sas.localhost", token).await
    }

    /// A link to an address.
    pub async fn sender(&mut self, address: &str) -> Sender {
        // The library takes a name for one direction alone.
        let name = format!("to {address}");
        let attached = Sender::attach(&mut self.session, name, address);
        timeout(PATIENCE, attached).await.unwrap().unwrap()
    }

    /// The same, with a property of its own.
    pub async fn sender_with(&mut self, address: &str, (name, value): (&str, &str)) -> Sender {
        let mut properties = Fields::new();
        properties.insert(Symbol::from(name), AmqpValue::from(value));
        let attached = Sender::builder()
            .name(format!("to {address}"))
            .target(address)
            .properties(properties)
            .attach(&mut self.session);
        timeout(PATIENCE, attached).await.unwrap().unwrap()
    }

    /// A link from an address.
    pub async fn receiver(&mut self, address: &str) -> Receiver {
        let attached = Receiver::attach(&mut self.session, address, address);
        timeout(PATIENCE, attached).await.unwrap().unwrap()
    }

    /// Waits until the hub has ended the connection without a word.
    pub async fn wait_for_the_cut(mut self) {
        let end = timeout(PATIENCE, self.connection.on_close()).await;
        assert!(end.unwrap().is_err());
    }

    /// Says goodbye.
    pub async fn leave(mut self) {
        timeout(PATIENCE, self.connection.close())
            .await
            .unwrap()
            .unwrap();
    }
}

/// A message with some properties.
pub fn message(to: Option<&str>, body: &[u8]) -> Message<Data> {
    let mut properties = Properties::builder()
        .message_id("m1".to_owned())
        .content_type("text/plain");
    if let Some(to) = to {
        properties = properties.to(to.to_owned());
    }
    let application = ApplicationProperties::builder().insert("level", "high");
    Message::builder()
        .properties(properties.build())
        .application_properties(application.build())
        .data(Data::from(body.to_vec()))
        .build()
}

/// Sends it; what the hub says to it.
pub async fn send(sender: &mut Sender, message: Message<Data>) -> Outcome {
    let sent = timeout(PATIENCE, sender.send(message)).await;
    sent.unwrap().unwrap()
}
