//! What a token opens, read off its resource.

use serde_json::{Map, Value, json};

use crate::firmware::is_azure;
use crate::model::connection_string::Host;

/// What a token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opens {
    /// The whole hub.
    Hub {
        /// The hub's host.
        host: String,
    },
    /// Every device of a hub.
    Devices {
        /// The hub's host.
        host: String,
    },
    /// A device and its modules.
    Device {
        /// The hub's host.
        host: String,
        /// The device's id.
        device: String,
    },
    /// A module.
    Module {
        /// The hub's host.
        host: String,
        /// The device's id.
        device: String,
        /// The module's id.
        module: String,
    },
    /// Some other path of a hub.
    Path {
        /// The hub's host.
        host: String,
        /// The path, without the first slash.
        path: String,
    },
    /// An event hub, or a part of it.
    EventHub {
        /// The namespace's host.
        host: String,
        /// The event hub and what follows, empty for the whole namespace.
        path: String,
    },
    /// A registration with the Device Provisioning Service.
    Registration {
        /// The ID scope.
        scope: String,
        /// The registration id.
        id: String,
    },
    /// Nothing that can be told.
    Nothing,
}

/// Hosts of Event Hubs end so, in Azure's public and sovereign clouds.
const EVENT_HUB_DOMAINS: [&str; 4] = [
    ".servicebus.windows.net",
    ".servicebus.chinacloudapi.cn",
    ".servicebus.usgovcloudapi.net",
    ".servicebus.cloudapi.de",
];

impl Opens {
    /// Reads a decoded resource.
    pub(super) fn read(resource: &str) -> Self {
        let (scheme, rest) = match resource.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, resource),
        };
        let rest = rest.trim_matches('/');
        let segments: Vec<&str> = rest.split('/').collect();
        let host = segments[0].to_owned();
        let path = segments[1..].join("/");
        let bus = EVENT_HUB_DOMAINS
            .iter()
            .any(|domain| host.to_ascii_lowercase().ends_with(domain));
        // A scheme before a hub's name is a mistake, and no event hub.
        let is_hub = Host::parse(&host).is_ok_and(|host| is_azure(&host));
        if bus
            || !is_hub
                && scheme.is_some_and(|scheme| ["sb", "amqp", "amqps"].contains(&scheme.as_str()))
        {
            return Self::EventHub { host, path };
        }
        match segments[1..] {
            _ if host.is_empty() => Self::Nothing,
            [] => Self::Hub { host },
            ["devices"] => Self::Devices { host },
            ["devices", device] => Self::Device {
                host,
                device: device.to_owned(),
            },
            ["devices", device, "modules", module] => Self::Module {
                host,
                device: device.to_owned(),
                module: module.to_owned(),
            },
            ["registrations", id] => Self::Registration {
                scope: host,
                id: id.to_owned(),
            },
            _ => Self::Path { host, path },
        }
    }

    /// The host, where there is one.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Hub { host }
            | Self::Devices { host }
            | Self::Device { host, .. }
            | Self::Module { host, .. }
            | Self::Path { host, .. }
            | Self::EventHub { host, .. } => Some(host),
            Self::Registration { .. } | Self::Nothing => None,
        }
    }

    /// The device, where it is one or stands in one.
    pub(super) fn device(&self) -> Option<&str> {
        match self {
            Self::Device { device, .. } | Self::Module { device, .. } => Some(device),
            Self::Hub { .. }
            | Self::Devices { .. }
            | Self::Path { .. }
            | Self::EventHub { .. }
            | Self::Registration { .. }
            | Self::Nothing => None,
        }
    }

    /// The module, where it is one.
    pub(super) fn module(&self) -> Option<&str> {
        match self {
            Self::Module { module, .. } => Some(module),
            Self::Hub { .. }
            | Self::Devices { .. }
            | Self::Device { .. }
            | Self::Path { .. }
            | Self::EventHub { .. }
            | Self::Registration { .. }
            | Self::Nothing => None,
        }
    }

    /// Its kind's name in JSON.
    fn kind(&self) -> &'static str {
        match self {
            Self::Hub { .. } => "hub",
            Self::Devices { .. } => "devices",
            Self::Device { .. } => "device",
            Self::Module { .. } => "module",
            Self::Path { .. } => "path",
            Self::EventHub { .. } => "eventHub",
            Self::Registration { .. } => "registration",
            Self::Nothing => "unknown",
        }
    }

    /// What it is, a noun phrase.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Hub { host } => format!("the whole hub {host}"),
            Self::Devices { host } => format!("every device of the hub {host}"),
            Self::Device { host, device } => {
                format!("the device {device:?} of the hub {host}, and its modules")
            }
            Self::Module {
                host,
                device,
                module,
            } => format!("the module {module:?} of the device {device:?} of the hub {host}"),
            Self::Path { host, path } => format!("{path:?} of the hub {host}"),
            Self::EventHub { host, path } if path.is_empty() => {
                format!("the Event Hubs namespace {host}")
            }
            Self::EventHub { host, path } => format!("the event hub {path:?} of {host}"),
            Self::Registration { scope, id } => format!(
                "the registration {id:?} in the ID scope {scope} of the Device Provisioning Service"
            ),
            Self::Nothing => "nothing that can be told".to_owned(),
        }
    }

    /// Its parts as JSON members.
    pub(super) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("kind".to_owned(), json!(self.kind()));
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                object.insert(name.to_owned(), json!(value));
            }
        };
        add("host", self.host());
        add("deviceId", self.device());
        add("moduleId", self.module());
        if let Self::Path { path, .. } | Self::EventHub { path, .. } = self {
            add("path", Some(path));
        }
        if let Self::Registration { scope, id } = self {
            add("idScope", Some(scope));
            add("registrationId", Some(id));
        }
        Value::Object(object)
    }
}
