//! Addresses of nodes that belong to one device or module: where it sends, and where it is sent to.

use std::fmt;

use crate::model::device::IdentityId;
use crate::protocol::amqp::address::{decoded, split_url};
use crate::protocol::sas::percent_encode;

/// The node of a device or module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentityNode {
    /// `messages/events`: telemetry.
    Events,
    /// `messages/devicebound`: what was sent to it.
    DeviceBound,
    /// `twin`: requests on its twin and what comes of them, changes of desired properties.
    Twin,
    /// `methods/devicebound`: calls of its methods, and its answers.
    Methods,
}

impl IdentityNode {
    const ALL: [Self; 4] = [Self::Events, Self::DeviceBound, Self::Twin, Self::Methods];

    /// The path below the identity's own.
    fn path(self) -> &'static str {
        match self {
            Self::Events => "messages/events",
            Self::DeviceBound => "messages/devicebound",
            Self::Twin => "twin",
            Self::Methods => "methods/devicebound",
        }
    }
}

/// `/devices/{device}[/modules/{module}]/{node}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdentityAddress {
    /// Whose node.
    pub identity: IdentityId,
    /// Which of its nodes.
    pub node: IdentityNode,
}

/// The path with percent-encoded ids, as the Node and C# SDKs write it.
impl fmt::Display for IdentityAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/devices/{}", percent_encode(&self.identity.device))?;
        if let Some(module) = &self.identity.module {
            write!(f, "/modules/{}", percent_encode(module))?;
        }
        write!(f, "/{}", self.node.path())
    }
}

impl IdentityAddress {
    /// What tokens name it by below the host: the path with ids as they are.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.identity.path(), self.node.path())
    }

    /// Reads an address with percent-encoded ids. A full URL and the letter case of the fixed segments make no difference.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let address = Self::parse_plain(text)?;
        let IdentityId { device, module } = address.identity;
        Some(Self {
            identity: IdentityId {
                device: decoded(&device),
                module: module.map(|module| decoded(&module)),
            },
            node: address.node,
        })
    }

    /// The same with ids as they are, which is how the Python service SDK writes them.
    #[must_use]
    pub fn parse_plain(text: &str) -> Option<Self> {
        let (_, path) = split_url(text);
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (device, module, rest) = match segments.as_slice() {
            [first, device, third, module, rest @ ..]
                if first.eq_ignore_ascii_case("devices")
                    && third.eq_ignore_ascii_case("modules") =>
            {
                (*device, Some(*module), rest)
            }
            [first, device, rest @ ..] if first.eq_ignore_ascii_case("devices") => {
                (*device, None, rest)
            }
            _ => return None,
        };
        let rest = rest.join("/");
        let node = IdentityNode::ALL
            .into_iter()
            .find(|known| rest.eq_ignore_ascii_case(known.path()))?;
        if device.is_empty() || module.is_some_and(str::is_empty) {
            return None;
        }
        Some(Self {
            identity: IdentityId {
                device: device.to_owned(),
                module: module.map(str::to_owned),
            },
            node,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(device: &str, module: Option<&str>, node: IdentityNode) -> IdentityAddress {
        let (device, module) = (device.to_owned(), module.map(str::to_owned));
        let identity = IdentityId { device, module };
        IdentityAddress { identity, node }
    }

    #[test]
    fn the_sdks_spellings_are_read() {
        let bound = IdentityNode::DeviceBound;
        for (text, expected) in [
            (
                "/devices/d1/messages/devicebound",
                Some(address("d1", None, bound)),
            ),
            (
                "amqps://hub/devices/a%3Ab/messages/deviceBound",
                Some(address("a:b", None, bound)),
            ),
            (
                "/devices/d/modules/m%20n/messages/deviceBound",
                Some(address("d", Some("m n"), bound)),
            ),
            (
                "devices/d/messages/events/",
                Some(address("d", None, IdentityNode::Events)),
            ),
            (
                "/devices/d/methods/deviceBound",
                Some(address("d", None, IdentityNode::Methods)),
            ),
            (
                "amqps://hub/devices/d/modules/m/twin/",
                Some(address("d", Some("m"), IdentityNode::Twin)),
            ),
            ("/devices/d/methods", None),
            ("/devices//messages/devicebound", None),
            ("/devices/d/modules/m", None),
            ("/devices/d/messages/other", None),
            ("/messages/devicebound", None),
            ("", None),
        ] {
            assert_eq!(IdentityAddress::parse(text), expected, "{text}");
        }
        assert_eq!(
            IdentityAddress::parse_plain("/devices/a%3Ab/messages/devicebound"),
            Some(address("a%3Ab", None, bound))
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            device in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,40}",
            module in prop::option::of("[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,40}"),
        ) {
            for node in IdentityNode::ALL {
                let expected = address(&device, module.as_deref(), node);
                let text = expected.to_string();
                prop_assert_eq!(IdentityAddress::parse(&text), Some(expected));
            }
        }

        #[test]
        fn any_text_is_safe_to_read(text in ".*") {
            let _ = IdentityAddress::parse(&text);
        }
    }
}
