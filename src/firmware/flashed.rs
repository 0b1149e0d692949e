//! What is flashed, and the name of each part of it.

use chrono::{DateTime, SecondsFormat, Utc};

use clap::ValueEnum;

use super::prefix::Prefix;
use super::roots::Roots;
use crate::model::connection_string::Host;
use crate::model::device::IdentityId;
use crate::model::identifier::{DeviceId, ModuleId};
use crate::model::registration::{IdScope, RegistrationId};
use crate::model::secret::Secret;
use crate::protocol::mqtt::topic::DeviceTopic;
use crate::protocol::mqtt::user_name::UserName;
use crate::protocol::rest::API_VERSION;
use crate::protocol::rest::path::Resource;
use crate::protocol::sas;

/// The largest expiry of ten digits (the year 2286): a buffer that holds this one holds every renewal of it.
const LONGEST_EXPIRY: i64 = 9_999_999_999;

/// The provisioning service's version for devices, as azure-iot-device 2.14.0 names it.
const DPS_API_VERSION: &str = "2019-03-31";

/// What a token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The whole hub.
    Hub,
    /// One device, and its modules.
    Device(DeviceId),
    /// One module of a device.
    Module(DeviceId, ModuleId),
    /// A registration with the Device Provisioning Service.
    Registration(IdScope, RegistrationId),
}

impl Subject {
    /// A device, or a module of it.
    #[must_use]
    pub fn of(device: DeviceId, module: Option<ModuleId>) -> Self {
        match module {
            None => Self::Device(device),
            Some(module) => Self::Module(device, module),
        }
    }

    /// The device, where it is one or stands in one.
    #[must_use]
    pub fn device(&self) -> Option<&DeviceId> {
        match self {
            Self::Hub | Self::Registration(..) => None,
            Self::Device(device) | Self::Module(device, _) => Some(device),
        }
    }

    /// The module, where it is one.
    #[must_use]
    pub fn module(&self) -> Option<&ModuleId> {
        match self {
            Self::Hub | Self::Device(_) | Self::Registration(..) => None,
            Self::Module(_, module) => Some(module),
        }
    }

    /// The resource that is signed, before encoding: the host without a port, for the hub knows itself by its name.
    #[must_use]
    pub fn resource(&self, host: &Host) -> String {
        if let Self::Registration(scope, id) = self {
            return sas::registration(scope.as_str(), id.as_str());
        }
        sas::resource(
            &host.name,
            self.device().map(DeviceId::as_str),
            self.module().map(ModuleId::as_str),
        )
    }
}

/// How a device talks to its hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// MQTT over TLS
    Mqtt,
    /// Posts over HTTPS
    Https,
}

/// One description of what is flashed; every format is written from it.
#[derive(Debug, Clone)]
pub struct Flashed {
    /// The hub's host, with its port where it is not 443.
    pub host: Host,
    /// What the token opens.
    pub subject: Subject,
    /// The policy that signed, where it was not the device's or module's own key.
    pub policy: Option<String>,
    /// The token.
    pub token: Secret,
    /// Until when it is valid.
    pub expires: DateTime<Utc>,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// What stands before every name in C, Rust, `CMake` and shell text.
    pub prefix: Prefix,
    /// Leaves out what the other protocol alone needs; the token is the same.
    pub protocol: Option<Protocol>,
    /// The hub's port for MQTT.
    pub mqtt_port: u16,
    /// The trust anchors to flash as well.
    pub roots: Option<Roots>,
    /// The PEM file that a program on this machine needs to trust the hub, where it is not one of Azure's.
    pub ca_file: Option<String>,
}

/// One part of what is flashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its name in upper case, without the prefix.
    pub name: &'static str,
    /// What it is, a sentence of plain ASCII words.
    pub about: &'static str,
    /// Its value.
    pub value: Value,
}

/// A fact's value.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A text; it may be the token.
    Text(String),
    /// Seconds since 1970, which may be past 2038.
    Seconds(i64),
    /// A length in bytes.
    Length(usize),
    /// Certificates in PEM, in lines that end in `\n`; no secret.
    Pem(String),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::Seconds(seconds) => write!(f, "Seconds({seconds})"),
            Self::Length(length) => write!(f, "Length({length})"),
            Self::Pem(_) => f.write_str("Pem(…)"),
        }
    }
}

impl Flashed {
    /// Every fact, in the order in which it is written.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        if let Subject::Registration(scope, id) = &self.subject {
            return self.registration_facts(scope, id);
        }
        let mut facts = vec![
            text(
                "IOT_HUB_NAME",
                "The hub's short name.",
                self.host.hub_name(),
            ),
            text(
                "IOT_HUB_HOST",
                "The hub's host name, without a port.",
                &self.host.name,
            ),
        ];
        if let Some(device) = self.subject.device() {
            facts.push(text("DEVICE_NAME", "The device's id.", device.as_str()));
        }
        if let Some(module) = self.subject.module() {
            facts.push(text("MODULE_NAME", "The module's id.", module.as_str()));
        }
        facts.extend(self.token_facts());
        if self.protocol != Some(Protocol::Mqtt) {
            facts.extend(self.https_facts());
        }
        if self.protocol != Some(Protocol::Https) {
            facts.extend(self.mqtt_facts());
        }
        if let Some(roots) = &self.roots {
            facts.push(Fact {
                name: "IOT_HUB_ROOT_CA",
                about: "The certificate authorities to trust, in PEM.",
                value: Value::Pem(roots.pem().to_owned()),
            });
        }
        facts
    }

    /// The same with another token in it.
    #[must_use]
    pub fn with_token(&self, token: Secret, expires: DateTime<Utc>, made: DateTime<Utc>) -> Self {
        Self {
            token,
            expires,
            made,
            ..self.clone()
        }
    }

    /// What a device needs to register itself: nothing of a hub, for it is told its hub by the answer.
    fn registration_facts(&self, scope: &IdScope, id: &RegistrationId) -> Vec<Fact> {
        let registration = sas::registration(scope.as_str(), id.as_str());
        let mut facts = vec![
            text(
                "DPS_HOST",
                "The provisioning service's host name, without a port.",
                &self.host.name,
            ),
            text("DPS_ID_SCOPE", "The ID scope.", scope.as_str()),
            text(
                "DPS_REGISTRATION_ID",
                "The device's registration id.",
                id.as_str(),
            ),
        ];
        facts.extend(self.token_facts());
        facts.push(text(
            "DPS_REGISTER_URL",
            "Where the device registers itself over HTTPS, with PUT.",
            &format!(
                "https://{}/{registration}/register?api-version={DPS_API_VERSION}",
                self.host.authority()
            ),
        ));
        facts.push(text(
            "DPS_MQTT_USERNAME",
            "The user name over MQTT.",
            &format!("{registration}/api-version={DPS_API_VERSION}"),
        ));
        facts
    }

    fn token_facts(&self) -> [Fact; 4] {
        let longest = sas::longest_token(
            &self.subject.resource(&self.host),
            self.expires.timestamp().max(LONGEST_EXPIRY),
            self.policy.as_deref(),
        );
        [
            text(
                "SAS_TOKEN",
                "The token: HTTP's Authorization header and MQTT's password, as it stands.",
                self.token.expose(),
            ),
            Fact {
                name: "SAS_TOKEN_EXPIRY",
                about: "When the token expires, in seconds since 1970.",
                value: Value::Seconds(self.expires.timestamp()),
            },
            Fact {
                name: "SAS_TOKEN_LENGTH",
                about: "The token's length in bytes, without a final NUL.",
                value: Value::Length(self.token.expose().len()),
            },
            Fact {
                name: "SAS_TOKEN_MAX_LENGTH",
                about: "The most bytes that a token for this host and id can have, whatever its signature, without a final NUL.",
                value: Value::Length(longest),
            },
        ]
    }

    /// Where a device posts. Modules have no such place: a hub takes their events over AMQP and MQTT alone.
    fn https_facts(&self) -> Vec<Fact> {
        let Some(path) = self.events_path() else {
            return Vec::new();
        };
        vec![
            text(
                "IOT_HUB_EVENTS_URL",
                "Where the device posts its messages over HTTPS.",
                &self.url_of(&path),
            ),
            text(
                "IOT_HUB_EVENTS_PATH",
                "The path and query of that address.",
                &path,
            ),
        ]
    }

    fn mqtt_facts(&self) -> Vec<Fact> {
        let Some(mqtt) = self.mqtt() else {
            return Vec::new();
        };
        vec![
            text(
                "IOT_HUB_MQTT_USERNAME",
                "The user name over MQTT.",
                &mqtt.to_string(),
            ),
            text(
                "IOT_HUB_MQTT_TOPIC",
                "The topic to publish messages to over MQTT.",
                &DeviceTopic::events_of(&mqtt.identity).to_string(),
            ),
        ]
    }

    fn events_path(&self) -> Option<String> {
        let Subject::Device(device) = &self.subject else {
            return None;
        };
        let events = Resource::DeviceEvents {
            device: device.as_str().to_owned(),
        };
        Some(events.path_and_query())
    }

    fn url_of(&self, path: &str) -> String {
        format!("https://{}{path}", self.host.authority())
    }

    /// Where the device posts its messages, if it is a device.
    #[must_use]
    pub fn events_url(&self) -> Option<String> {
        self.events_path().map(|path| self.url_of(&path))
    }

    /// What a client says of itself over MQTT, if it is a device or a module.
    #[must_use]
    pub fn mqtt(&self) -> Option<UserName> {
        let device = self.subject.device()?;
        Some(UserName {
            host: self.host.name.clone(),
            identity: IdentityId {
                device: device.to_string(),
                module: self.subject.module().map(ToString::to_string),
            },
            api_version: API_VERSION.to_owned(),
            model: None,
        })
    }

    /// Until when the token is valid, RFC 3339 in UTC.
    #[must_use]
    pub fn expires_text(&self) -> String {
        self.expires.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// When it was made, RFC 3339 in UTC.
    #[must_use]
    pub fn made_text(&self) -> String {
        self.made.to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}

fn text(name: &'static str, about: &'static str, value: &str) -> Fact {
    Fact {
        name,
        about,
        value: Value::Text(value.to_owned()),
    }
}
