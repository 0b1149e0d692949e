//! What messages hold, those of devices and those to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::amqp::event::application;

/// The longest that an identifier of a model may be (Digital Twins Definition Language, "Digital Twin Model Identifier").
const MAX_MODEL_ID_BYTES: usize = 2048;

/// A message as a device sends it, over whichever protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceMessage {
    /// The body, byte for byte.
    pub body: Bytes,
    /// The message's own id.
    pub message_id: Option<String>,
    /// The id of the message that this one answers.
    pub correlation_id: Option<String>,
    /// On whose behalf it is sent.
    pub user_id: Option<String>,
    /// Where its sender says that it goes; nobody goes by it.
    pub to: Option<String>,
    /// When it is to be forgotten, in milliseconds since 1970; the hub keeps it all the same.
    pub absolute_expiry: Option<i64>,
    /// What the body is.
    pub content_type: Option<String>,
    /// How the body's text is encoded.
    pub content_encoding: Option<String>,
    /// What IoT Plug and Play knows of it.
    pub plug_and_play: PlugAndPlay,
    /// The user's own properties, and those of the system that travel among them.
    pub properties: BTreeMap<String, String>,
}

impl DeviceMessage {
    /// Its size in bytes as the service counts it: the body, the values of the system's properties, the names and values of
    /// the user's ("Create and read IoT Hub messages").
    #[must_use]
    pub fn size(&self) -> usize {
        let system = [
            &self.message_id,
            &self.correlation_id,
            &self.user_id,
            &self.to,
            &self.content_type,
            &self.content_encoding,
            &self.plug_and_play.interface,
            &self.plug_and_play.component,
        ];
        let system: usize = system.into_iter().flatten().map(String::len).sum();
        let user: usize = self
            .properties
            .iter()
            .map(|(name, value)| {
                let is_own = !application::is_of_system(name);
                value.len() + if is_own { name.len() } else { 0 }
            })
            .sum();
        // A time is a number of milliseconds to AMQP, however a device wrote it.
        let expiry = self.absolute_expiry.map_or(0, |_| size_of::<i64>());
        self.body.len() + system + expiry + user
    }
}

/// What IoT Plug and Play knows of a device's message: annotations to its readers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlugAndPlay {
    /// The interface that it belongs to.
    pub interface: Option<String>,
    /// The component that sent it.
    pub component: Option<String>,
    /// The model that the device named when it connected; no part of the message's size, for no message brings it.
    pub model: Option<Arc<str>>,
}

impl PlugAndPlay {
    /// The model that a device names, if it may be one: it is told with each message, so it had better be short.
    #[must_use]
    pub fn model_of(text: &str) -> Option<Arc<str>> {
        let is_one = !text.trim().is_empty() && text.len() <= MAX_MODEL_ID_BYTES;
        is_one.then(|| Arc::from(text))
    }
}

/// A message to a device, as the service sends it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CloudMessage {
    /// Body and properties.
    pub message: DeviceMessage,
    /// When it goes stale, in milliseconds since 1970, if the sender said so.
    pub expiry: Option<i64>,
    /// What the sender wants to hear of it.
    pub ack: Ack,
}

/// Of which outcomes the sender of a message to a device wants to hear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ack {
    /// The sender has not said, which comes to none.
    #[default]
    Unsaid,
    /// Of none.
    None,
    /// That it was completed.
    Positive,
    /// That it was not.
    Negative,
    /// Of every one.
    Full,
}

impl Ack {
    /// As the property `iothub-ack` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unsaid | Self::None => "none",
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Full => "full",
        }
    }

    /// The same if the sender has said it: the service's MQTT topics have no `iothub-ack` otherwise.
    #[must_use]
    pub fn said(self) -> Option<&'static str> {
        (self != Self::Unsaid).then(|| self.name())
    }

    /// Reads the property `iothub-ack`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Positive, Self::Negative, Self::Full]
            .into_iter()
            .find(|ack| text.eq_ignore_ascii_case(ack.name()))
    }

    /// Whether such an outcome is to be told.
    pub(super) fn wants(self, is_success: bool) -> bool {
        match self {
            Self::Unsaid | Self::None => false,
            Self::Positive => is_success,
            Self::Negative => !is_success,
            Self::Full => true,
        }
    }
}
