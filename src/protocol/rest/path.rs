//! The paths of the REST interface, each written and read in one place.

use percent_encoding::percent_decode_str;

use super::API_VERSION;
use crate::model::device::IdentityId;
use crate::protocol::sas::percent_encode;

/// What a path names. Ids stand decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// `/devices`: the identity registry as a list.
    Devices,
    /// `/devices/query`: a query over twins.
    Query,
    /// `/devices/{device}`: one device's identity.
    Device {
        /// The device's id.
        device: String,
    },
    /// `/devices/{device}/modules`: its modules.
    Modules {
        /// The device's id.
        device: String,
    },
    /// `/devices/{device}/modules/{module}`: one module's identity.
    Module {
        /// The device's id.
        device: String,
        /// The module's id.
        module: String,
    },
    /// `/devices/{device}/messages/events`: where a device posts.
    DeviceEvents {
        /// The device's id.
        device: String,
    },
    /// `/twins/{device}[/modules/{module}]`: a twin.
    Twin {
        /// Whose.
        identity: IdentityId,
    },
    /// `/twins/{device}[/modules/{module}]/methods`: where methods are called.
    Methods {
        /// Whose.
        identity: IdentityId,
    },
    /// `/statistics/devices`: how many devices there are.
    DeviceStatistics,
    /// `/statistics/service`: how many are connected.
    ServiceStatistics,
}

impl Resource {
    /// The path with percent-encoded ids, without the query.
    #[must_use]
    pub fn path(&self) -> String {
        let encode = percent_encode;
        match self {
            Self::Devices => "/devices".to_owned(),
            Self::Query => "/devices/query".to_owned(),
            Self::Device { device } => format!("/devices/{}", encode(device)),
            Self::Modules { device } => format!("/devices/{}/modules", encode(device)),
            Self::Module { device, module } => {
                format!("/devices/{}/modules/{}", encode(device), encode(module))
            }
            Self::DeviceEvents { device } => format!("/devices/{}/messages/events", encode(device)),
            Self::Twin { identity } => twin_path(identity),
            Self::Methods { identity } => format!("{}/methods", twin_path(identity)),
            Self::DeviceStatistics => "/statistics/devices".to_owned(),
            Self::ServiceStatistics => "/statistics/service".to_owned(),
        }
    }

    /// The path with its `api-version`, ready for a request line.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        format!("{}?api-version={API_VERSION}", self.path())
    }

    /// Reads a path (no query). Fixed segments match in any case, a trailing `/` is passed over, ids are decoded once.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        Some(match segments.as_slice() {
            [first] if is(first, "devices") => Self::Devices,
            [first, second] if is(first, "devices") && is(second, "query") => Self::Query,
            [first, device] if is(first, "devices") => Self::Device {
                device: decode(device)?,
            },
            [first, device, third] if is(first, "devices") && is(third, "modules") => {
                Self::Modules {
                    device: decode(device)?,
                }
            }
            [first, device, third, module] if is(first, "devices") && is(third, "modules") => {
                Self::Module {
                    device: decode(device)?,
                    module: decode(module)?,
                }
            }
            [first, device, third, fourth]
                if is(first, "devices") && is(third, "messages") && is(fourth, "events") =>
            {
                Self::DeviceEvents {
                    device: decode(device)?,
                }
            }
            [first, rest @ ..] if is(first, "twins") => twin(rest)?,
            [first, second] if is(first, "statistics") && is(second, "devices") => {
                Self::DeviceStatistics
            }
            [first, second] if is(first, "statistics") && is(second, "service") => {
                Self::ServiceStatistics
            }
            _ => return None,
        })
    }
}

fn is(text: &str, word: &str) -> bool {
    text.eq_ignore_ascii_case(word)
}

fn decode(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.ok().map(std::borrow::Cow::into_owned)
}

fn twin_path(identity: &IdentityId) -> String {
    let device = percent_encode(&identity.device);
    match &identity.module {
        None => format!("/twins/{device}"),
        Some(module) => format!("/twins/{device}/modules/{}", percent_encode(module)),
    }
}

/// What stands behind `/twins`.
fn twin(segments: &[&str]) -> Option<Resource> {
    let (identity, rest) = match segments {
        [device, second, module, rest @ ..] if is(second, "modules") => {
            ((*device, Some(*module)), rest)
        }
        [device, rest @ ..] => ((*device, None), rest),
        [] => return None,
    };
    let identity = IdentityId {
        device: decode(identity.0)?,
        module: identity
            .1
            .map(decode)
            .map_or(Some(None), |module| module.map(Some))?,
    };
    match rest {
        [] => Some(Resource::Twin { identity }),
        [last] if is(last, "methods") => Some(Resource::Methods { identity }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(device in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,128}", module in "[A-Za-z0-9+%]{1,20}") {
            // A device called `query` cannot be told from the query path, here as at the service.
            prop_assume!(!device.eq_ignore_ascii_case("query"));
            let both = [None, Some(module.clone())];
            for module in both {
                let identity = IdentityId { device: device.clone(), module };
                for resource in [Resource::Twin { identity: identity.clone() }, Resource::Methods { identity }] {
                    prop_assert_eq!(Resource::parse(&resource.path()), Some(resource));
                }
            }
            let resources = [
                Resource::Devices,
                Resource::Device { device: device.clone() },
                Resource::Modules { device: device.clone() },
                Resource::Module { device: device.clone(), module },
                Resource::DeviceEvents { device },
                Resource::ServiceStatistics,
            ];
            for resource in resources {
                prop_assert_eq!(Resource::parse(&resource.path()), Some(resource));
            }
        }

        #[test]
        fn no_path_panics(path in "\\PC*") {
            let _ = Resource::parse(&path);
        }
    }

    #[test]
    fn the_sdks_spellings_are_read() {
        let expected = Some(Resource::DeviceEvents {
            device: "a:b".into(),
        });
        assert_eq!(Resource::parse("/devices/a%3ab/messages/Events/"), expected);
        assert_eq!(Resource::parse("/devices/"), Some(Resource::Devices));
        for nothing in [
            "/elsewhere",
            "/twins",
            "/twins/d/modules/m/methods/x",
            "/twins/d/x",
        ] {
            assert_eq!(Resource::parse(nothing), None, "{nothing}");
        }
    }
}
