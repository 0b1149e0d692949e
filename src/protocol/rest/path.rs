//! The paths of the REST interface, each written and read in one place.

use percent_encoding::percent_decode_str;

use super::API_VERSION;
use crate::model::device::IdentityId;
use crate::protocol::sas::percent_encode;

/// Segments as the Node SDK spells them; others write `deviceBound`.
const DEVICE_BOUND: &str = "devicebound";
const SERVICE_BOUND: &str = "serviceBound";
const FILES_BOUND: &str = "filenotifications";
const ABANDON: &str = "abandon";
const APPLY_CONTENT: &str = "applyConfigurationContent";
const TEST_QUERIES: &str = "testQueries";

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
    /// `/devices/{device}/messages/devicebound`: where a device takes what was sent to it.
    DeviceBound {
        /// The device's id.
        device: String,
    },
    /// `/devices/{device}/messages/devicebound/{lock}`: a message that the device has taken.
    DeviceBoundMessage {
        /// The device's id.
        device: String,
        /// The message's lock token.
        lock: String,
    },
    /// `/devices/{device}/messages/devicebound/{lock}/abandon`: gives such a message back.
    DeviceBoundAbandon {
        /// The device's id.
        device: String,
        /// The message's lock token.
        lock: String,
    },
    /// `/devices/{device}/commands`: all that waits for a device.
    Commands {
        /// The device's id.
        device: String,
    },
    /// `/messages/serviceBound/feedback`: where the service takes what became of its messages.
    Feedback,
    /// `/messages/serviceBound/feedback/{lock}`: feedback that was taken.
    FeedbackMessage {
        /// Its lock token.
        lock: String,
    },
    /// `/messages/serviceBound/feedback/{lock}/abandon`: gives such feedback back.
    FeedbackAbandon {
        /// Its lock token.
        lock: String,
    },
    /// `/messages/serviceBound/filenotifications`: where the service hears of uploaded files.
    FileNotifications,
    /// `/messages/serviceBound/filenotifications/{lock}`: a notification that was taken.
    FileNotification {
        /// Its lock token.
        lock: String,
    },
    /// `/messages/serviceBound/filenotifications/{lock}/abandon`: gives such a notification back.
    FileNotificationAbandon {
        /// Its lock token.
        lock: String,
    },
    /// `/devices/{device}/files`: where a device is given access to storage.
    Files {
        /// The device's id.
        device: String,
    },
    /// `/devices/{device}/files/notifications[/{correlation}]`: where it says that an upload is over.
    UploadNotification {
        /// The device's id.
        device: String,
        /// Which upload, where the path says it and not the body.
        correlation: Option<String>,
    },
    /// `/devices/{device}/applyConfigurationContent`: where content is given to an edge device.
    ApplyContent {
        /// The device's id.
        device: String,
    },
    /// `/configurations`: all of them.
    Configurations,
    /// `/configurations/testQueries`: where a configuration's queries are tried.
    TestQueries,
    /// `/configurations/{id}`: one of them.
    Configuration {
        /// Its id.
        id: String,
    },
    /// `/jobs`: those that import and export.
    Transfers,
    /// `/jobs/create`: where such a job is made.
    CreateTransfer,
    /// `/jobs/{id}`: one of them.
    Transfer {
        /// Its id.
        id: String,
    },
    /// `/jobs/v2/query`: jobs, by type and status.
    JobQuery,
    /// `/jobs/v2/{id}`: one of them.
    Job {
        /// Its id.
        id: String,
    },
    /// `/jobs/v2/{id}/cancel`: where one is ended.
    CancelJob {
        /// Its id.
        id: String,
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
            Self::DeviceBound { device } => {
                format!("/devices/{}/messages/{DEVICE_BOUND}", encode(device))
            }
            Self::DeviceBoundMessage { device, lock } => {
                let (device, lock) = (encode(device), encode(lock));
                format!("/devices/{device}/messages/{DEVICE_BOUND}/{lock}")
            }
            Self::DeviceBoundAbandon { device, lock } => {
                let (device, lock) = (encode(device), encode(lock));
                format!("/devices/{device}/messages/{DEVICE_BOUND}/{lock}/{ABANDON}")
            }
            Self::Commands { device } => format!("/devices/{}/commands", encode(device)),
            Self::Feedback => format!("/messages/{SERVICE_BOUND}/feedback"),
            Self::FeedbackMessage { lock } => {
                format!("/messages/{SERVICE_BOUND}/feedback/{}", encode(lock))
            }
            Self::FeedbackAbandon { lock } => {
                let lock = encode(lock);
                format!("/messages/{SERVICE_BOUND}/feedback/{lock}/{ABANDON}")
            }
            Self::FileNotifications => format!("/messages/{SERVICE_BOUND}/{FILES_BOUND}"),
            Self::FileNotification { lock } => {
                let lock = encode(lock);
                format!("/messages/{SERVICE_BOUND}/{FILES_BOUND}/{lock}")
            }
            Self::FileNotificationAbandon { lock } => {
                let lock = encode(lock);
                format!("/messages/{SERVICE_BOUND}/{FILES_BOUND}/{lock}/{ABANDON}")
            }
            Self::Files { device } => format!("/devices/{}/files", encode(device)),
            Self::UploadNotification {
                device,
                correlation,
            } => {
                let path = format!("/devices/{}/files/notifications", encode(device));
                match correlation {
                    None => path,
                    Some(correlation) => format!("{path}/{}", encode(correlation)),
                }
            }
            Self::ApplyContent { device } => {
                format!("/devices/{}/{APPLY_CONTENT}", encode(device))
            }
            Self::Configurations => "/configurations".to_owned(),
            Self::TestQueries => format!("/configurations/{TEST_QUERIES}"),
            Self::Configuration { id } => format!("/configurations/{}", encode(id)),
            Self::Transfers => "/jobs".to_owned(),
            Self::CreateTransfer => "/jobs/create".to_owned(),
            Self::Transfer { id } => format!("/jobs/{}", encode(id)),
            Self::JobQuery => "/jobs/v2/query".to_owned(),
            Self::Job { id } => format!("/jobs/v2/{}", encode(id)),
            Self::CancelJob { id } => format!("/jobs/v2/{}/cancel", encode(id)),
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
            [first] if is(first, "configurations") => Self::Configurations,
            [first, second] if is(first, "configurations") && is(second, TEST_QUERIES) => {
                Self::TestQueries
            }
            [first, id] if is(first, "configurations") => Self::Configuration { id: decode(id)? },
            [first, second, rest @ ..] if is(first, "jobs") && is(second, "v2") => {
                return job(rest);
            }
            [first] if is(first, "jobs") => Self::Transfers,
            [first, second] if is(first, "jobs") && is(second, "create") => Self::CreateTransfer,
            [first, id] if is(first, "jobs") => Self::Transfer { id: decode(id)? },
            [first, rest @ ..] if is(first, "messages") => return service_bound(rest),
            [first, device, rest @ ..] if is(first, "devices") => {
                return device_bound(decode(device)?, rest);
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

/// What stands behind `/jobs/v2`.
fn job(rest: &[&str]) -> Option<Resource> {
    match rest {
        [query] if is(query, "query") => Some(Resource::JobQuery),
        [id] => Some(Resource::Job { id: decode(id)? }),
        [id, last] if is(last, "cancel") => Some(Resource::CancelJob { id: decode(id)? }),
        _ => None,
    }
}

/// What stands behind `/messages`.
fn service_bound(rest: &[&str]) -> Option<Resource> {
    let [first, second, rest @ ..] = rest else {
        return None;
    };
    let is_of_files = is(second, FILES_BOUND);
    if !is(first, SERVICE_BOUND) || !(is_of_files || is(second, "feedback")) {
        return None;
    }
    Some(match (rest, is_of_files) {
        ([], false) => Resource::Feedback,
        ([], true) => Resource::FileNotifications,
        ([lock], false) => Resource::FeedbackMessage {
            lock: decode(lock)?,
        },
        ([lock], true) => Resource::FileNotification {
            lock: decode(lock)?,
        },
        ([lock, last], false) if is(last, ABANDON) => Resource::FeedbackAbandon {
            lock: decode(lock)?,
        },
        ([lock, last], true) if is(last, ABANDON) => Resource::FileNotificationAbandon {
            lock: decode(lock)?,
        },
        _ => return None,
    })
}

/// What stands behind a device's id and `files`.
fn files(device: String, rest: &[&str]) -> Option<Resource> {
    let correlation = match rest {
        [] => return Some(Resource::Files { device }),
        [first] if is(first, "notifications") => None,
        [first, correlation] if is(first, "notifications") => Some(decode(correlation)?),
        _ => return None,
    };
    Some(Resource::UploadNotification {
        device,
        correlation,
    })
}

/// What stands behind a device's id: messages to it, its files, and content for it.
fn device_bound(device: String, rest: &[&str]) -> Option<Resource> {
    let rest = match rest {
        [last] if is(last, "commands") => return Some(Resource::Commands { device }),
        [last] if is(last, APPLY_CONTENT) => return Some(Resource::ApplyContent { device }),
        [first, rest @ ..] if is(first, "files") => return files(device, rest),
        [first, second, rest @ ..] if is(first, "messages") && is(second, DEVICE_BOUND) => rest,
        _ => return None,
    };
    match rest {
        [] => Some(Resource::DeviceBound { device }),
        [lock] => Some(Resource::DeviceBoundMessage {
            device,
            lock: decode(lock)?,
        }),
        [lock, last] if is(last, ABANDON) => Some(Resource::DeviceBoundAbandon {
            device,
            lock: decode(lock)?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(device in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,128}", module in "[A-Za-z0-9+%]{1,20}", lock in "[A-Za-z0-9-]{1,36}") {
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
                Resource::DeviceEvents { device: device.clone() },
                Resource::DeviceBound { device: device.clone() },
                Resource::DeviceBoundMessage { device: device.clone(), lock: lock.clone() },
                Resource::DeviceBoundAbandon { device: device.clone(), lock: lock.clone() },
                Resource::Commands { device: device.clone() },
                Resource::ApplyContent { device: device.clone() },
                Resource::Configurations,
                Resource::TestQueries,
                Resource::JobQuery,
                Resource::Transfers,
                Resource::CreateTransfer,
                Resource::Transfer { id: format!("j{lock}") },
                Resource::Job { id: lock.clone() },
                Resource::CancelJob { id: lock.clone() },
                Resource::Configuration { id: format!("c{device}") },
                Resource::Feedback,
                Resource::FeedbackMessage { lock: lock.clone() },
                Resource::FeedbackAbandon { lock: lock.clone() },
                Resource::FileNotifications,
                Resource::FileNotification { lock: lock.clone() },
                Resource::FileNotificationAbandon { lock: lock.clone() },
                Resource::Files { device: device.clone() },
                Resource::UploadNotification { device: device.clone(), correlation: None },
                Resource::UploadNotification { device: device.clone(), correlation: Some(format!("{lock}+/=")) },
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
        let expected = Some(Resource::DeviceBound { device: "d".into() });
        assert_eq!(Resource::parse("/devices/d/messages/deviceBound"), expected);
        assert_eq!(Resource::parse("/devices/d/messages/devicebound/1/2"), None);
        assert_eq!(Resource::parse("/messages/servicebound/other"), None);
    }
}
