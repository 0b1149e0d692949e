//! The kinds of connection string, each built from the elements of a text.

use super::elements::{Element, Elements};
use super::error::{ConnectionStringError, Place};
use crate::model::identifier::{DeviceId, ModuleId};
use crate::model::secret::{NotBase64, Secret};

const HUB: &str = "a hub connection string (HostName=…;SharedAccessKeyName=…;SharedAccessKey=…)";
const DEVICE: &str = "a device connection string (HostName=…;DeviceId=…;SharedAccessKey=…)";
const EVENT_HUB: &str = "an Event Hub-compatible connection string (Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…)";

/// A host, and a port where the string names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The name or address, without the port.
    pub name: String,
    /// The port, where it is not the protocol's own.
    pub port: Option<u16>,
}

impl Host {
    /// The hub's short name: the first label (`contoso` of `contoso.azure-devices.net`).
    #[must_use]
    pub fn hub_name(&self) -> &str {
        if self.name.parse::<std::net::IpAddr>().is_ok() {
            return &self.name;
        }
        self.name.split('.').next().unwrap_or(&self.name)
    }

    /// `name`, or `name:port` where there is a port.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.name),
            None => self.name.clone(),
        }
    }

    /// Reads `name` or `name:port`.
    ///
    /// # Errors
    /// What is wrong, and the character's index (from 0) in `text`.
    pub fn parse(text: &str) -> Result<Self, (&'static str, usize)> {
        if let Some(index) = text.find("://") {
            return Err(("a scheme (leave out everything up to and with ://)", index));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => {
                let number = port.parse().ok().filter(|port| *port != 0);
                (
                    name,
                    Some(
                        number
                            .ok_or(("a port that is no number from 1 to 65535", name.len() + 1))?,
                    ),
                )
            }
            None => (text, None),
        };
        if name.is_empty() {
            return Err(("no name", 0));
        }
        let illegal = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
        if let Some(index) = name.chars().position(illegal) {
            return Err(("a character that no host name has", index));
        }
        Ok(Self {
            name: name.to_owned(),
            port,
        })
    }

    fn from_element(element: &Element<'_>) -> Result<Self, ConnectionStringError> {
        Self::parse(element.value).map_err(|(what, index)| ConnectionStringError::Host {
            key: element.key,
            what,
            place: Place(element.value_place.0 + index),
        })
    }
}

/// What opens a hub for the service's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubCredential {
    /// A shared access policy's name and key (base64).
    Key {
        /// The policy's name, such as `iothubowner`.
        policy: String,
        /// Its key, base64.
        key: Secret,
    },
    /// A token that was minted earlier.
    Token(Secret),
}

/// A hub's own string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubString {
    /// The hub's host.
    pub host: Host,
    /// What opens it.
    pub credential: HubCredential,
}

impl HubString {
    pub(super) fn from_elements(elements: &Elements<'_>) -> Result<Self, ConnectionStringError> {
        let host = elements.require("HostName", HUB)?;
        if let Some(module) = elements.find("ModuleId") {
            return Err(ConnectionStringError::ModuleWithoutDevice {
                place: module.place,
            });
        }
        if let Some(x509) = elements.find("x509").or(elements.find("X509Cert")) {
            let _ = x509;
            return Err(elements.missing("DeviceId", DEVICE));
        }
        let host = Host::from_element(host)?;
        refuse_both(elements, "SharedAccessKey", "SharedAccessSignature")?;
        if let Some(token) = elements.find("SharedAccessSignature") {
            return Ok(Self {
                host,
                credential: HubCredential::Token(token_of(token)?),
            });
        }
        let key = elements.find("SharedAccessKey");
        let Some(policy) = elements.find("SharedAccessKeyName") else {
            // A host and a key alone may be a device's string without its device just as well.
            return Err(match key {
                Some(_) => elements.missing(
                    "SharedAccessKeyName",
                    "a hub connection string (or DeviceId, if it is a device's)",
                ),
                None => elements.missing("SharedAccessKeyName", HUB),
            });
        };
        let key = key.ok_or_else(|| elements.missing("SharedAccessKey", HUB))?;
        Ok(Self {
            host,
            credential: HubCredential::Key {
                policy: policy.value.to_owned(),
                key: base64_key(key)?,
            },
        })
    }
}

impl HubString {
    pub(super) fn write(&self) -> String {
        let host = self.host.authority();
        match &self.credential {
            HubCredential::Key { policy, key } => {
                format!(
                    "HostName={host};SharedAccessKeyName={policy};SharedAccessKey={}",
                    key.expose()
                )
            }
            HubCredential::Token(token) => {
                format!("HostName={host};SharedAccessSignature={}", token.expose())
            }
        }
    }
}

/// What a device proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceCredential {
    /// A key, base64.
    Key(Secret),
    /// A token that was minted earlier.
    Token(Secret),
    /// A certificate, which the string does not hold.
    X509,
}

/// One device's or module's string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceString {
    /// The hub's host.
    pub host: Host,
    /// The device.
    pub device_id: DeviceId,
    /// The module, in a module's string.
    pub module_id: Option<ModuleId>,
    /// What it proves itself with.
    pub credential: DeviceCredential,
    /// The IoT Edge gateway that stands between, where there is one.
    pub gateway: Option<Host>,
}

impl DeviceString {
    pub(super) fn from_elements(elements: &Elements<'_>) -> Result<Self, ConnectionStringError> {
        let host = Host::from_element(elements.require("HostName", DEVICE)?)?;
        let device = elements.require("DeviceId", DEVICE)?;
        if let Some(policy) = elements.find("SharedAccessKeyName") {
            // A token by a policy's key wants the policy's name in it; taken for the device's key, it is refused later.
            return Err(ConnectionStringError::PolicyAndDevice {
                place: policy.place,
            });
        }
        // Before the id is read, for what is missing here may have been taken for a part of it.
        let credential = device_credential(elements)?;
        let device_id = device
            .value
            .parse()
            .map_err(|source| id_error(device, source))?;
        let module_id = match elements.find("ModuleId") {
            Some(module) => Some(
                module
                    .value
                    .parse()
                    .map_err(|source| id_error(module, source))?,
            ),
            None => None,
        };
        let gateway = elements
            .find("GatewayHostName")
            .map(Host::from_element)
            .transpose()?;
        Ok(Self {
            host,
            device_id,
            module_id,
            credential,
            gateway,
        })
    }
}

impl DeviceString {
    pub(super) fn write(&self) -> String {
        let mut text = format!(
            "HostName={};DeviceId={}",
            self.host.authority(),
            self.device_id
        );
        if let Some(module) = &self.module_id {
            text.push_str(";ModuleId=");
            text.push_str(module.as_str());
        }
        match &self.credential {
            DeviceCredential::Key(key) => {
                text.push_str(";SharedAccessKey=");
                text.push_str(key.expose());
            }
            DeviceCredential::Token(token) => {
                text.push_str(";SharedAccessSignature=");
                text.push_str(token.expose());
            }
            DeviceCredential::X509 => text.push_str(";x509=true"),
        }
        if let Some(gateway) = &self.gateway {
            text.push_str(";GatewayHostName=");
            text.push_str(&gateway.authority());
        }
        text
    }
}

fn device_credential(elements: &Elements<'_>) -> Result<DeviceCredential, ConnectionStringError> {
    refuse_both(elements, "SharedAccessKey", "SharedAccessSignature")?;
    let x509 = elements.find("x509").or(elements.find("X509Cert"));
    if let Some(x509) = x509.filter(|x509| !x509.value.eq_ignore_ascii_case("false")) {
        for other in ["SharedAccessKey", "SharedAccessSignature"] {
            if elements.holds(other) {
                return Err(ConnectionStringError::TwoCredentials {
                    first: x509.key,
                    second: other,
                });
            }
        }
        return Ok(DeviceCredential::X509);
    }
    if let Some(token) = elements.find("SharedAccessSignature") {
        return Ok(DeviceCredential::Token(token_of(token)?));
    }
    let key = elements.require("SharedAccessKey", DEVICE)?;
    Ok(DeviceCredential::Key(base64_key(key)?))
}

/// What opens an event hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventHubCredential {
    /// A policy's name and key; the key is used as text, so it need not be base64.
    Key {
        /// The policy's name.
        policy: String,
        /// Its key, as text.
        key: Secret,
    },
    /// A token that was minted earlier.
    Token(Secret),
}

/// An Event Hub-compatible endpoint's string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHubString {
    /// The namespace's host.
    pub endpoint: Host,
    /// What opens it.
    pub credential: EventHubCredential,
    /// The event hub's name.
    pub entity: Option<String>,
    /// Whether it is the Event Hubs emulator: plain TCP on port 5672.
    pub development: bool,
}

impl EventHubString {
    pub(super) fn from_elements(elements: &Elements<'_>) -> Result<Self, ConnectionStringError> {
        let endpoint = elements.require("Endpoint", EVENT_HUB)?;
        refuse_both(elements, "SharedAccessKey", "SharedAccessSignature")?;
        let credential = if let Some(token) = elements.find("SharedAccessSignature") {
            EventHubCredential::Token(token_of(token)?)
        } else {
            let policy = elements.require("SharedAccessKeyName", EVENT_HUB)?;
            let key = elements.require("SharedAccessKey", EVENT_HUB)?;
            EventHubCredential::Key {
                policy: policy.value.to_owned(),
                key: Secret::new(key.value),
            }
        };
        Ok(Self {
            endpoint: endpoint_host(endpoint)?,
            credential,
            entity: elements
                .find("EntityPath")
                .map(|entity| entity.value.to_owned()),
            development: elements
                .find("UseDevelopmentEmulator")
                .is_some_and(|flag| flag.value.eq_ignore_ascii_case("true")),
        })
    }
}

impl EventHubString {
    pub(super) fn write(&self) -> String {
        let mut text = format!("Endpoint=sb://{}/", self.endpoint.authority());
        match &self.credential {
            EventHubCredential::Key { policy, key } => {
                text.push_str(";SharedAccessKeyName=");
                text.push_str(policy);
                text.push_str(";SharedAccessKey=");
                text.push_str(key.expose());
            }
            EventHubCredential::Token(token) => {
                text.push_str(";SharedAccessSignature=");
                text.push_str(token.expose());
            }
        }
        if let Some(entity) = &self.entity {
            text.push_str(";EntityPath=");
            text.push_str(entity);
        }
        if self.development {
            text.push_str(";UseDevelopmentEmulator=true");
        }
        text
    }
}

fn endpoint_host(element: &Element<'_>) -> Result<Host, ConnectionStringError> {
    let malformed = ConnectionStringError::Endpoint {
        place: element.value_place,
    };
    let (scheme, rest) = element
        .value
        .split_once("://")
        .ok_or_else(|| malformed.clone())?;
    if !["sb", "amqps", "amqp"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return Err(malformed);
    }
    Host::parse(rest.trim_end_matches('/')).map_err(|_| malformed)
}

fn id_error(
    element: &Element<'_>,
    source: crate::model::identifier::IdError,
) -> ConnectionStringError {
    ConnectionStringError::Id {
        key: element.key,
        place: element.value_place,
        source,
    }
}

fn refuse_both(
    elements: &Elements<'_>,
    first: &'static str,
    second: &'static str,
) -> Result<(), ConnectionStringError> {
    if elements.holds(first) && elements.holds(second) {
        return Err(ConnectionStringError::TwoCredentials { first, second });
    }
    Ok(())
}

fn token_of(element: &Element<'_>) -> Result<Secret, ConnectionStringError> {
    if element.value.starts_with("SharedAccessSignature ") {
        return Ok(Secret::new(element.value));
    }
    Err(ConnectionStringError::Token {
        place: element.value_place,
    })
}

fn base64_key(element: &Element<'_>) -> Result<Secret, ConnectionStringError> {
    let key = Secret::new(element.value);
    match key.decode_base64() {
        Ok(_) => Ok(key),
        Err(NotBase64 { what, position }) => Err(ConnectionStringError::NotBase64 {
            key: element.key,
            what,
            place: Place(element.value_place.0 + position - 1),
        }),
    }
}
