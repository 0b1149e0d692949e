//! Connection strings: every kind that Azure's portal hands out, recognised and named.
//!
//! Knows the shapes of hub, device, module and Event Hub-compatible strings, and says in plain words where a text goes
//! wrong, by key and place. Must never repeat a value in a message: any of them may be the secret.

mod elements;
mod error;
mod kind;

pub use elements::Warning;
pub use error::{ConnectionStringError, Place};
pub use kind::{
    DeviceCredential, DeviceString, EventHubCredential, EventHubString, Host, HubCredential,
    HubString,
};

use elements::Elements;

/// A connection string, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionString {
    /// The service's side: a host and a shared access policy.
    Hub(HubString),
    /// One device or module.
    Device(DeviceString),
    /// An Event Hub-compatible endpoint, or an event hub.
    EventHub(EventHubString),
}

/// A connection string and what looked odd about it without being wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What the text says.
    pub connection_string: ConnectionString,
    /// What was passed over.
    pub warnings: Vec<Warning>,
}

impl ConnectionString {
    /// Reads a connection string: keys in any order and case, a trailing `;`, blanks and quotes around it allowed.
    ///
    /// # Errors
    /// [`ConnectionStringError`], which names the key and the place and never holds a value.
    pub fn parse(text: &str) -> Result<Parsed, ConnectionStringError> {
        let elements = Elements::split(text)?;
        let connection_string = if elements.holds("Endpoint") {
            Self::EventHub(EventHubString::from_elements(&elements)?)
        } else if elements.holds("DeviceId") {
            Self::Device(DeviceString::from_elements(&elements)?)
        } else {
            Self::Hub(HubString::from_elements(&elements)?)
        };
        Ok(Parsed {
            connection_string,
            warnings: elements.into_warnings(),
        })
    }

    /// The string again, in Azure's own spelling and order. Holds the secret.
    #[must_use]
    pub fn write(&self) -> String {
        match self {
            Self::Hub(hub) => hub.write(),
            Self::Device(device) => device.write(),
            Self::EventHub(event_hub) => event_hub.write(),
        }
    }

    /// What kind of string this is, as a noun phrase with its article.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Hub(_) => "a hub (service policy) connection string",
            Self::Device(device) if device.module_id.is_some() => "a module connection string",
            Self::Device(device) if device.credential == DeviceCredential::X509 => {
                "a device connection string for a certificate (x509)"
            }
            Self::Device(_) => "a device connection string",
            Self::EventHub(event_hub) if event_hub.development => {
                "an Event Hubs emulator connection string"
            }
            Self::EventHub(event_hub) if event_hub.entity.is_none() => {
                "a Service Bus or Event Hubs namespace's connection string"
            }
            Self::EventHub(_) => "an Event Hub-compatible connection string",
        }
    }
}

#[cfg(test)]
mod tests;
