//! Gathers what explains silence: the logs' ends from the event hub, the device from the registry, both at once.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::causes::{Device, Registry, Wanted, activity};
use super::similar::similar_ids;
use crate::client::event_stream::{Plan, survey::survey};
use crate::client::https::{HttpsError, HubClient, HubClientOptions};
use crate::client::notice;
use crate::config::Settings;
use crate::model::connection_string::{ConnectionString, HubCredential, HubString};
use crate::model::device::Identity;
use crate::model::identifier::DeviceId;
use crate::model::secret::Secret;
use crate::protocol::amqp::management::PartitionProperties;
use crate::protocol::sas::{self, SigningKey};

/// How long each answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Ids that are told as examples.
const MOST_EXAMPLES: usize = 3;

/// A token's life in seconds.
const LIFETIME: i64 = 300;

/// What was found.
#[derive(Debug)]
pub(in super::super) struct Findings {
    /// How far each partition's log goes, or why that could not be told.
    pub logs: Result<Vec<(String, PartitionProperties)>, String>,
    /// What the registry says.
    pub registry: Registry,
}

/// Asks both.
pub(super) async fn inquire(
    plan: &Plan,
    settings: &Settings,
    wanted: Wanted<'_>,
    now: DateTime<Utc>,
) -> Findings {
    let plan = Plan {
        limit: plan.limit.min(LIMIT),
        // All of them, whichever are read.
        partitions: Vec::new(),
        ..plan.clone()
    };
    let (found, registry) = tokio::join!(survey(&plan, None), ask_registry(settings, wanted, now));
    Findings {
        logs: found
            .map(|found| found.partitions)
            .map_err(|error| error.to_string()),
        registry: registry.unwrap_or_else(Registry::Closed),
    }
}

async fn ask_registry(
    settings: &Settings,
    wanted: Wanted<'_>,
    now: DateTime<Utc>,
) -> Result<Registry, String> {
    let ConnectionString::Hub(hub) = &settings.connection_string else {
        return Err(
            "an Event Hub-compatible string does not open it; the hub's own does".to_owned(),
        );
    };
    let token = token(hub, now)?;
    let client = HubClient::new(&HubClientOptions {
        host: &hub.host,
        ca_file: settings.ca_file.as_deref(),
        connect_timeout: settings.connect_timeout.min(LIMIT),
        request_timeout: LIMIT,
        notify: &notice::ignore,
    })
    .map_err(|error| error.to_string())?;
    if let Some(device) = wanted.id() {
        let id: DeviceId = device.parse().map_err(|_| "it is no id".to_owned())?;
        match client.identity(&token, &id, None).await {
            // The service may find an id whatever its case; the events carry the registered one.
            Ok(identity) if identity.device_id == device => {
                let mut device = Device::new(&identity);
                if wanted.module.is_some() {
                    // Whoever may read the device may read these; where it fails all the same, nothing is said of them.
                    device.modules = client.modules(&token, &id).await.ok().map(ids_of);
                }
                return Ok(Registry::Known(device));
            }
            Ok(_) => {}
            Err(HttpsError::Service(refusal)) if refusal.status == 404 => {}
            Err(error) => return Err(closed(&error)),
        }
    }
    let identities = client.identities(&token).await;
    let identities = identities.map_err(|error| closed(&error))?;
    Ok(of_all(wanted, &identities))
}

fn ids_of(modules: Vec<Identity>) -> Vec<String> {
    let ids = modules.into_iter().filter_map(|module| module.module_id);
    let mut ids: Vec<String> = ids.collect();
    ids.sort_unstable();
    ids
}

fn of_all(wanted: Wanted<'_>, identities: &[Identity]) -> Registry {
    let listed = identities.len();
    if let Some(device) = wanted.id() {
        let ids = identities
            .iter()
            .map(|identity| identity.device_id.as_str());
        return Registry::Unknown {
            similar: similar_ids(device, ids),
            listed,
        };
    }
    let heard = |identity: &Identity| Some((activity(identity)?, identity.device_id.clone()));
    let is_wanted = |identity: &&Identity| {
        let device = wanted.device;
        device.is_none_or(|device| device.matches(&identity.device_id))
    };
    let matching = identities.iter().filter(is_wanted);
    let latest = matching.clone().filter_map(heard).max();
    let matching = matching.count();
    Registry::All {
        listed,
        matching,
        latest: latest.map(|(time, id)| (id, time)),
        others: if matching == 0 {
            examples(wanted, identities)
        } else {
            Vec::new()
        },
    }
}

/// The first ids, before all those that match in other letters.
fn examples(wanted: Wanted<'_>, identities: &[Identity]) -> Vec<String> {
    let lower = wanted.in_small_letters();
    let is_same = |id: &str| {
        let lower = lower.as_ref();
        lower.is_some_and(|lower| lower.matches(&id.to_lowercase()))
    };
    let mut ids: Vec<&str> = identities
        .iter()
        .map(|identity| identity.device_id.as_str())
        .collect();
    ids.sort_unstable_by_key(|id| (!is_same(id), *id));
    ids.into_iter()
        .take(MOST_EXAMPLES)
        .map(str::to_owned)
        .collect()
}

fn token(hub: &HubString, now: DateTime<Utc>) -> Result<Secret, String> {
    let HubCredential::Key { policy, key } = &hub.credential else {
        return Err("there is no key to ask it with".to_owned());
    };
    let key = SigningKey::decoded(key).map_err(|error| error.to_string())?;
    let expiry = now.timestamp().saturating_add(LIFETIME);
    Ok(sas::mint(&key, &hub.host.name, expiry, Some(policy)))
}

fn closed(error: &HttpsError) -> String {
    if let HttpsError::Service(refusal) = error
        && matches!(refusal.status, 401 | 403)
    {
        return "the policy has no RegistryRead; registryRead and iothubowner have it".to_owned();
    }
    error.to_string()
}
