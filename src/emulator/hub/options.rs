//! What a hub is made of.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::TimeDelta;
use thiserror::Error;

pub use super::enrichment::{Enrichment, MAX_ENRICHMENTS};
pub use super::right::Right;
use crate::model::secret::Secret;
use crate::protocol::amqp::source::MessageSource;

/// The most partitions that a hub can have (learn.microsoft.com, "Choose the right IoT Hub tier").
pub const MAX_PARTITIONS: usize = 32;

/// The consumer group that every hub has.
pub const DEFAULT_GROUP: &str = "$Default";

/// How many bytes of events are kept in memory unless told otherwise.
pub const DEFAULT_RETENTION_BYTES: usize = 256 * 1024 * 1024;

/// How many bytes of events a store keeps unless told otherwise: room for a few million.
pub const DEFAULT_STORED_BYTES: usize = 2 * 1024 * 1024 * 1024;

/// How long events are kept unless told otherwise, as at the service (learn.microsoft.com, "Understand the IoT Hub
/// built-in endpoint").
pub const DEFAULT_RETENTION: TimeDelta = TimeDelta::days(1);

/// The five policies that every hub begins with, and what they allow.
pub const STANDARD_POLICIES: [(&str, &[Right]); 5] = [
    (
        "iothubowner",
        &[
            Right::RegistryRead,
            Right::RegistryWrite,
            Right::ServiceConnect,
            Right::DeviceConnect,
        ],
    ),
    ("service", &[Right::ServiceConnect]),
    ("device", &[Right::DeviceConnect]),
    ("registryRead", &[Right::RegistryRead]),
    (
        "registryReadWrite",
        &[Right::RegistryRead, Right::RegistryWrite],
    ),
];

/// A shared access policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name, such as `iothubowner`.
    pub name: String,
    /// Its key, base64.
    pub key: Secret,
    /// What it allows.
    pub rights: Vec<Right>,
}

/// A message route: where events of one kind go (learn.microsoft.com, "Use IoT Hub message routing").
///
/// As in the service, what a custom endpoint takes does not reach the built-in one, unless a route of its own leads there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// What it is for.
    pub source: MessageSource,
    /// The custom endpoint's name; the built-in one where none is given.
    pub endpoint: Option<String>,
}

impl Route {
    /// Whether it leads events of this kind to the built-in endpoint.
    #[must_use]
    pub fn leads_to_events(&self, source: MessageSource) -> bool {
        self.source == source && self.endpoint.is_none()
    }
}

impl FromStr for Route {
    type Err = String;

    /// `telemetry`, `twin`, `lifecycle` or `connection`, or one of them with an endpoint: `telemetry=ENDPOINT`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (source, endpoint) = match text.split_once('=') {
            Some((source, endpoint)) => (source, Some(endpoint.to_owned())),
            None => (text, None),
        };
        if endpoint.as_deref() == Some("") {
            return Err("the endpoint's name is missing behind =".to_owned());
        }
        let source = MessageSource::named(source).ok_or(
            "routes are telemetry, twin, lifecycle and connection, or one of them with =ENDPOINT",
        )?;
        // The service's name for its built-in endpoint.
        let endpoint = endpoint.filter(|name| name != "events");
        Ok(Self { source, endpoint })
    }
}

/// Whether telemetry goes to custom endpoints alone. Without a route for it the service's fallback takes it to the built-in
/// one.
pub(super) fn is_bypassed(routes: &[Route]) -> bool {
    let telemetry = MessageSource::Telemetry;
    routes.iter().any(|route| route.source == telemetry)
        && !routes.iter().any(|route| route.leads_to_events(telemetry))
}

/// What the built-in endpoint is told of beside telemetry.
pub(super) fn told(routes: &[Route]) -> Vec<MessageSource> {
    let to_events = routes.iter().filter(|route| route.endpoint.is_none());
    to_events.map(|route| route.source).collect()
}

/// Ten at most, and each of a name of its own.
pub(super) fn check_enrichments(enrichments: &[Enrichment]) -> Result<(), OptionsError> {
    let count = enrichments.len();
    if count > MAX_ENRICHMENTS {
        return Err(OptionsError::Enrichments { count });
    }
    let mut keys = BTreeSet::new();
    let twice = enrichments.iter().find(|one| !keys.insert(&one.key));
    twice.map_or(Ok(()), |twice| {
        let key = twice.key.clone();
        Err(OptionsError::EnrichmentTwice { key })
    })
}

/// What a hub is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubOptions {
    /// The hub's short name, as it stands in SASL PLAIN users and in messages.
    pub name: String,
    /// The host names and addresses that tokens may be made for, without ports.
    pub hosts: Vec<String>,
    /// The Event Hub-compatible name.
    pub entity: String,
    /// The shared access policies.
    pub policies: Vec<Policy>,
    /// How many partitions, from 1 to [`MAX_PARTITIONS`].
    pub partitions: usize,
    /// Consumer groups beside [`DEFAULT_GROUP`], in any case.
    pub consumer_groups: Vec<String>,
    /// Message routes; without any, everything reaches the built-in endpoint.
    pub routes: Vec<Route>,
    /// What is stamped on every message, [`MAX_ENRICHMENTS`] at most.
    pub enrichments: Vec<Enrichment>,
    /// How many bytes of events are kept; the oldest go first.
    pub retention_bytes: usize,
    /// How long events are kept.
    pub retention: TimeDelta,
    /// What devices' keys are derived from.
    pub secret: Secret,
    /// How long before their time tokens end.
    pub token_shortening: TimeDelta,
    /// Whether there is storage for devices' files.
    pub has_storage: bool,
    /// How many messages of 4 KB may be sent on a day of UTC.
    pub daily_quota: Option<u64>,
}

/// Why a hub cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OptionsError {
    /// None, or more than [`MAX_PARTITIONS`].
    #[error("a hub has from 1 to {MAX_PARTITIONS} partitions, not {partitions}")]
    Partitions {
        /// What was asked for.
        partitions: usize,
    },
    /// More than [`MAX_ENRICHMENTS`].
    #[error("a hub has {MAX_ENRICHMENTS} enrichments at most, not {count}")]
    Enrichments {
        /// What was asked for.
        count: usize,
    },
    /// Two enrichments of one name.
    #[error("there are two enrichments of the key {key:?}")]
    EnrichmentTwice {
        /// The name.
        key: String,
    },
    /// A policy's key that is not base64.
    #[error("the key of policy {policy:?} is not base64")]
    PolicyKey {
        /// The policy.
        policy: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read() {
        let telemetry = |endpoint: Option<&str>| {
            Ok(Route {
                source: MessageSource::Telemetry,
                endpoint: endpoint.map(str::to_owned),
            })
        };
        let twin: Route = "twin".parse().unwrap();
        assert!(twin.leads_to_events(MessageSource::Twin));
        assert!(!twin.leads_to_events(MessageSource::Telemetry));
        assert_eq!("telemetry".parse(), telemetry(None));
        assert_eq!("telemetry=events".parse(), telemetry(None));
        assert_eq!("telemetry=store".parse(), telemetry(Some("store")));
        for wrong in ["", "telemetry=", "messages", "=x"] {
            assert!(wrong.parse::<Route>().is_err(), "{wrong}");
        }
    }
}
