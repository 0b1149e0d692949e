//! What a request opens: the same words for whoever carries it out, and for whoever asks whether it may be made at all.

use super::credential::Credential;
use super::right::Right;
use crate::model::device::IdentityId;

/// What a request opens, as a token's scope would name it below the host, and the right that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    pub(super) path: String,
    pub(super) right: Right,
}

/// A request, as far as it is known before its body is read.
#[derive(Debug)]
pub enum Access {
    /// The service's side makes it.
    Service {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// What it opens.
        door: Door,
    },
    /// A device makes it.
    Device {
        /// What the device proves itself with, if it does.
        credential: Option<Credential>,
        /// The device's id from the path, decoded.
        device: String,
        /// What it opens.
        own: OwnDoor,
    },
}

/// What a device opens of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnDoor {
    /// Its events go in.
    Events,
    /// It uploads files.
    Files,
}

impl Door {
    fn new(path: impl Into<String>, right: Right) -> Self {
        let path = path.into();
        Self { path, right }
    }

    /// An identity in the registry.
    #[must_use]
    pub fn identity(device: &str, module: Option<&str>, right: Right) -> Self {
        let path = match module {
            None => format!("devices/{device}"),
            Some(module) => format!("devices/{device}/modules/{module}"),
        };
        Self::new(path, right)
    }

    /// The registry as a whole.
    #[must_use]
    pub fn registry(right: Right) -> Self {
        Self::new("devices", right)
    }

    /// How many devices there are.
    #[must_use]
    pub fn statistics() -> Self {
        Self::new("statistics/devices", Right::RegistryRead)
    }

    /// A twin. Twins and methods are for who has `ServiceConnect`.
    #[must_use]
    pub fn twin(identity: &IdentityId) -> Self {
        Self::new(twin_path(identity), Right::ServiceConnect)
    }

    /// Methods of a device or module.
    #[must_use]
    pub fn methods(identity: &IdentityId) -> Self {
        let path = format!("{}/methods", twin_path(identity));
        Self::new(path, Right::ServiceConnect)
    }

    /// Queries.
    #[must_use]
    pub fn query() -> Self {
        Self::new("devices/query", Right::ServiceConnect)
    }

    /// A configuration.
    #[must_use]
    pub fn configuration(id: &str, right: Right) -> Self {
        Self::new(format!("configurations/{id}"), right)
    }

    /// All configurations, to be listed.
    #[must_use]
    pub fn configurations() -> Self {
        Self::new("configurations", Right::RegistryRead)
    }

    /// Target conditions and metrics, to be tried.
    #[must_use]
    pub fn test_queries() -> Self {
        Self::configuration("testQueries", Right::RegistryRead)
    }

    /// A job.
    #[must_use]
    pub fn job(id: &str, right: Right) -> Self {
        Self::new(format!("jobs/v2/{id}"), right)
    }

    /// All jobs, to be listed.
    #[must_use]
    pub fn jobs() -> Self {
        Self::job("query", Right::RegistryRead)
    }

    /// A job that imports or exports; `create` for one that is to be made.
    #[must_use]
    pub fn transfer(id: &str, right: Right) -> Self {
        Self::new(format!("jobs/{id}"), right)
    }

    /// All such jobs, to be listed.
    #[must_use]
    pub fn transfers() -> Self {
        Self::new("jobs", Right::RegistryRead)
    }
}

fn twin_path(identity: &IdentityId) -> String {
    match &identity.module {
        None => format!("twins/{}", identity.device),
        Some(module) => format!("twins/{}/modules/{module}", identity.device),
    }
}

impl OwnDoor {
    /// As a token's scope would name it below the host.
    pub(super) fn path(self, device: &str) -> String {
        match self {
            Self::Events => format!("devices/{device}/messages/events"),
            Self::Files => format!("devices/{device}/files"),
        }
    }
}
