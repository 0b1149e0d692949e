//! Topics: what a device publishes to, what a hub publishes to, and the filters by which a device asks for it.
//!
//! Ids stand in them as they are; what follows a `?` and the properties of messages are percent-encoded. What a request is
//! known by is its sender's own affair, and goes back letter by letter as it came.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

use super::property_bag::{self, Property};
use crate::model::device::IdentityId;
use crate::protocol::sas::percent_encode;

const EVENTS: &str = "messages/events";
const DEVICE_BOUND: &str = "messages/devicebound/";
const INPUTS: &str = "inputs/";
const TWIN_GET: &str = "$iothub/twin/GET/";
const TWIN_RESULT: &str = "$iothub/twin/res/";
const REPORTED: &str = "$iothub/twin/PATCH/properties/reported/";
const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/";
const METHOD_REQUEST: &str = "$iothub/methods/POST/";
const METHOD_RESPONSE: &str = "$iothub/methods/res/";
const REQUEST_ID: &str = "$rid";
const VERSION: &str = "$version";

/// What a device or module publishes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceTopic<'a> {
    /// `devices/{device}[/modules/{module}]/messages/events/{bag}`: an event.
    Events {
        /// The device.
        device: Cow<'a, str>,
        /// The module, in a module's topic.
        module: Option<Cow<'a, str>>,
        /// Its properties, as [`property_bag::read`] takes them.
        bag: Cow<'a, str>,
    },
    /// `$iothub/twin/GET/?$rid={request}`: asks for the twin.
    TwinGet {
        /// What the answer is to be known by, as it stands in the topic.
        request: Cow<'a, str>,
    },
    /// `$iothub/twin/PATCH/properties/reported/?$rid={request}`: changes reported properties.
    Reported {
        /// What the answer is to be known by, as it stands in the topic.
        request: Cow<'a, str>,
    },
    /// `$iothub/methods/res/{status}/?$rid={request}`: answers a direct method.
    MethodResponse {
        /// What came of it: a number of the device's own, if it has written one.
        status: &'a str,
        /// The number under which the method was asked for.
        request: Cow<'a, str>,
    },
}

impl<'a> DeviceTopic<'a> {
    /// Where that device or module publishes events, with no properties yet.
    #[must_use]
    pub fn events_of(identity: &'a IdentityId) -> Self {
        Self::Events {
            device: identity.device.as_str().into(),
            module: identity.module.as_deref().map(Cow::Borrowed),
            bag: "".into(),
        }
    }

    /// Reads a topic; `None` for one that the hub does not know.
    #[must_use]
    pub fn parse(topic: &'a str) -> Option<Self> {
        if let Some(rest) = topic.strip_prefix("devices/") {
            return events(rest);
        }
        if let Some(query) = topic.strip_prefix(TWIN_GET) {
            let request = request_id(query)?;
            return Some(Self::TwinGet { request });
        }
        if let Some(query) = topic.strip_prefix(REPORTED) {
            let request = request_id(query)?;
            return Some(Self::Reported { request });
        }
        let (status, query) = topic.strip_prefix(METHOD_RESPONSE)?.split_once('/')?;
        Some(Self::MethodResponse {
            status,
            request: request_id(query)?,
        })
    }
}

impl fmt::Display for DeviceTopic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events {
                device,
                module: None,
                bag,
            } => write!(f, "devices/{device}/{EVENTS}/{bag}"),
            Self::Events {
                device,
                module: Some(module),
                bag,
            } => write!(f, "devices/{device}/modules/{module}/{EVENTS}/{bag}"),
            Self::TwinGet { request } => write!(f, "{TWIN_GET}{}", query(request)),
            Self::Reported { request } => write!(f, "{REPORTED}{}", query(request)),
            Self::MethodResponse { status, request } => {
                write!(f, "{METHOD_RESPONSE}{status}/{}", query(request))
            }
        }
    }
}

/// `{device}[/modules/{module}]/messages/events[/[{bag}[/]]]`
fn events(rest: &str) -> Option<DeviceTopic<'_>> {
    let (device, rest) = rest.split_once('/')?;
    let (module, rest) = match rest.strip_prefix("modules/") {
        Some(rest) => {
            let (module, rest) = rest.split_once('/')?;
            (Some(module), rest)
        }
        None => (None, rest),
    };
    let rest = rest.strip_prefix(EVENTS)?;
    let bag = match rest.strip_prefix('/') {
        Some(bag) => bag.strip_suffix('/').unwrap_or(bag),
        None if rest.is_empty() => rest,
        None => return None,
    };
    let is_one_level = |text: &str| !text.contains('/');
    if device.is_empty() || module == Some("") || !is_one_level(bag) {
        return None;
    }
    Some(DeviceTopic::Events {
        device: device.into(),
        module: module.map(Cow::Borrowed),
        bag: bag.into(),
    })
}

/// What a hub publishes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubTopic<'a> {
    /// `devices/{device}/messages/devicebound/{bag}`: a message from the cloud.
    Message {
        /// The device.
        device: Cow<'a, str>,
        /// Its properties, the system's among them under their names in a bag.
        properties: Vec<Property<'a>>,
    },
    /// `$iothub/twin/res/{status}/?$rid={request}[&$version={version}]`: the answer to what was asked of the twin.
    TwinResult {
        /// 200, 204, or what an HTTP status of that number means.
        status: u16,
        /// What the request was known by, as it stood in its topic.
        request: Cow<'a, str>,
        /// The reported properties' new version.
        version: Option<u64>,
    },
    /// `$iothub/twin/PATCH/properties/desired/?$version={version}`: desired properties have changed.
    Desired {
        /// Their new version.
        version: u64,
    },
    /// `$iothub/methods/POST/{method}/?$rid={request}`: a direct method is asked for.
    MethodRequest {
        /// The method's name.
        method: Cow<'a, str>,
        /// The number under which the answer is awaited.
        request: Cow<'a, str>,
    },
}

impl<'a> HubTopic<'a> {
    /// Reads a topic; `None` for one that no hub publishes to.
    #[must_use]
    pub fn parse(topic: &'a str) -> Option<Self> {
        if let Some(rest) = topic.strip_prefix("devices/") {
            let (device, rest) = rest.split_once('/')?;
            let bag = rest.strip_prefix(DEVICE_BOUND)?;
            return (!device.is_empty()).then(|| Self::Message {
                device: device.into(),
                properties: property_bag::read(bag).collect(),
            });
        }
        if let Some(rest) = topic.strip_prefix(TWIN_RESULT) {
            let (status, query) = rest.split_once('/')?;
            return Some(Self::TwinResult {
                status: status.parse().ok()?,
                request: request_id(query)?,
                version: version(query),
            });
        }
        if let Some(query) = topic.strip_prefix(DESIRED) {
            let version = version(query)?;
            return Some(Self::Desired { version });
        }
        let (method, query) = topic.strip_prefix(METHOD_REQUEST)?.split_once('/')?;
        Some(Self::MethodRequest {
            method: percent_decode_str(method).decode_utf8().ok()?,
            request: request_id(query)?,
        })
    }
}

impl fmt::Display for HubTopic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { device, properties } => {
                write!(f, "devices/{device}/{DEVICE_BOUND}")?;
                let properties = properties.iter();
                property_bag::write(f, properties.map(|(name, value)| (name, value.as_ref())))
            }
            Self::TwinResult {
                status,
                request,
                version,
            } => {
                write!(f, "{TWIN_RESULT}{status}/{}", query(request))?;
                match version {
                    Some(version) => write!(f, "&{VERSION}={version}"),
                    None => Ok(()),
                }
            }
            Self::Desired { version } => write!(f, "{DESIRED}?{VERSION}={version}"),
            Self::MethodRequest { method, request } => {
                let method = percent_encode(method);
                write!(f, "{METHOD_REQUEST}{method}/{}", query(request))
            }
        }
    }
}

/// What a device or module can subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Messages from the cloud, for devices.
    Messages,
    /// Messages from other modules on the same Edge device, for modules.
    Inputs,
    /// Answers to what is asked of the twin.
    TwinResults,
    /// Changes of desired properties.
    Desired,
    /// Direct methods.
    Methods,
}

impl Filter {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Messages,
        Self::Inputs,
        Self::TwinResults,
        Self::Desired,
        Self::Methods,
    ];

    /// The filter's text for a client; `None` where it is not for such a client.
    #[must_use]
    pub fn write(self, identity: &IdentityId) -> Option<String> {
        let own = |rest| Some(format!("{}/{rest}#", identity.path()));
        match (self, &identity.module) {
            (Self::Messages, None) => own(DEVICE_BOUND),
            (Self::Inputs, Some(_)) => own(INPUTS),
            (Self::Messages, Some(_)) | (Self::Inputs, None) => None,
            (Self::TwinResults, _) => Some(format!("{TWIN_RESULT}#")),
            (Self::Desired, _) => Some(format!("{DESIRED}#")),
            (Self::Methods, _) => Some(format!("{METHOD_REQUEST}#")),
        }
    }

    /// Reads a filter of that client; `None` for one that it cannot subscribe to.
    #[must_use]
    pub fn parse(text: &str, identity: &IdentityId) -> Option<Self> {
        let is_it = |filter: &Self| filter.write(identity).as_deref() == Some(text);
        Self::ALL.into_iter().find(is_it)
    }
}

/// `?$rid={request}`
fn query(request: &str) -> String {
    format!("?{REQUEST_ID}={request}")
}

fn request_id(query: &str) -> Option<Cow<'_, str>> {
    property_bag::find_raw(query.strip_prefix('?')?, REQUEST_ID).map(Cow::Borrowed)
}

fn version(query: &str) -> Option<u64> {
    let version = property_bag::find(query.strip_prefix('?')?, VERSION)?;
    version.parse().ok()
}

#[cfg(test)]
mod tests;
