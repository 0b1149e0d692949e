//! One identity in the registry: what the service shows of it, and its keys ready to verify with.

use chrono::{DateTime, TimeDelta, Utc};

use super::command::Refusal;
use super::record::KeptIdentity;
use super::{edge, keys, refusal};
use crate::model::device::{Authentication, Identity, Status, SymmetricKey, Thumbprint};
use crate::model::secret::Secret;
use crate::protocol::sas::SigningKey;

/// The service's word for a time that has not come yet.
const NEVER: &str = "0001-01-01T00:00:00";

/// What is said of a device's connection.
const CONNECTED: &str = "Connected";
const DISCONNECTED: &str = "Disconnected";

/// 100-nanosecond steps from the year 1 to 1970; generation ids count them.
const TICKS_TO_1970: i64 = 621_355_968_000_000_000;

/// How far the last activity that is kept may lag behind: a row for every event would be as much as the event itself.
const ACTIVITY_STEP: TimeDelta = TimeDelta::minutes(1);

#[derive(Debug)]
pub(super) struct Entry {
    /// As the service shows it, but for the last activity.
    pub identity: Identity,
    pub last_activity: Option<DateTime<Utc>>,
    /// The last activity that a store was told of.
    activity_kept: Option<DateTime<Utc>>,
    signing_keys: Vec<SigningKey>,
    /// When the longest of the tokens ends that it has shown, in seconds since 1970.
    last_end: i64,
    /// Tokens that end by then have ended already.
    ended: i64,
}

impl Entry {
    /// An identity as it is to be stored, from a body and what was `present` before. `derive` makes the key called
    /// `primary` or `secondary`. The `ETag` is for the registry to give.
    pub(super) fn new(
        now: DateTime<Utc>,
        wanted: Identity,
        present: Option<&Self>,
        derive: impl Fn(&str) -> String,
    ) -> Result<Self, Refusal> {
        let held = present.map(|present| &present.identity);
        let authentication = settle_authentication(wanted.authentication, derive)?;
        let is_module = wanted.module_id.is_some();
        let status_changed = held.is_some_and(|held| held.status != wanted.status);
        let status_updated_time = match held {
            Some(_) if status_changed => timestamp(now),
            Some(held) => held.status_updated_time.clone(),
            None => NEVER.to_owned(),
        };
        let mut identity = Identity {
            generation_id: held.map_or_else(|| ticks(now), |held| held.generation_id.clone()),
            etag: String::new(),
            // A change of the identity leaves the connection as it is.
            connection_state: held.map_or_else(
                || DISCONNECTED.to_owned(),
                |held| held.connection_state.clone(),
            ),
            connection_state_updated_time: held.map_or_else(
                || NEVER.to_owned(),
                |held| held.connection_state_updated_time.clone(),
            ),
            status_updated_time,
            last_activity_time: NEVER.to_owned(),
            cloud_to_device_message_count: 0,
            capabilities: (!is_module).then(|| wanted.capabilities.unwrap_or_default()),
            authentication,
            ..wanted
        };
        if edge::is_edge(&identity) {
            identity.device_scope = Some(edge::own_scope(&identity));
        }
        let last_activity = present.and_then(|present| present.last_activity);
        Ok(Self {
            signing_keys: signing_keys(&identity.authentication),
            identity,
            last_activity,
            activity_kept: last_activity,
            last_end: present.map_or(i64::MIN, |present| present.last_end),
            ended: present.map_or(i64::MIN, |present| present.ended),
        })
    }

    /// The same as a store has kept it.
    pub(super) fn restore(kept: KeptIdentity) -> Self {
        Self {
            signing_keys: signing_keys(&kept.identity.authentication),
            identity: kept.identity,
            last_activity: kept.last_activity,
            activity_kept: kept.last_activity,
            last_end: i64::MIN,
            ended: i64::MIN,
        }
    }

    /// As a store keeps it.
    pub(super) fn to_kept(&self) -> KeptIdentity {
        KeptIdentity {
            identity: self.identity.clone(),
            last_activity: self.last_activity,
        }
    }

    /// Notes that the device has been heard of; true if it is time to have that kept.
    pub(super) fn touch(&mut self, now: DateTime<Utc>) -> bool {
        self.last_activity = Some(now);
        let is_due = self
            .activity_kept
            .is_none_or(|kept| now - kept >= ACTIVITY_STEP);
        if is_due {
            self.activity_kept = Some(now);
        }
        is_due
    }

    /// Notes that a token was shown that ends then, in seconds since 1970.
    pub(super) fn note_token(&mut self, end: i64) {
        self.last_end = self.last_end.max(end);
    }

    /// The tokens that were shown so far have ended; one that is made from now on ends later than they did.
    pub(super) fn end_tokens(&mut self) {
        self.ended = self.last_end;
    }

    /// Whether a token that is to end then has ended before its time.
    pub(super) fn has_ended(&self, end: i64) -> bool {
        end <= self.ended
    }

    /// Notes that it has connected or gone.
    pub(super) fn set_connection(&mut self, now: DateTime<Utc>, is_connected: bool) {
        let state = if is_connected {
            CONNECTED
        } else {
            DISCONNECTED
        };
        state.clone_into(&mut self.identity.connection_state);
        self.identity.connection_state_updated_time = timestamp(now);
    }

    /// The identity with its last activity.
    pub(super) fn to_identity(&self) -> Identity {
        Identity {
            last_activity_time: self
                .last_activity
                .map_or_else(|| NEVER.to_owned(), timestamp),
            ..self.identity.clone()
        }
    }

    /// When it was made, which is what its generation id counts.
    pub(super) fn created(&self) -> DateTime<Utc> {
        let ticks: Option<i64> = self.identity.generation_id.parse().ok();
        let micros = ticks.map(|ticks| ticks.saturating_sub(TICKS_TO_1970) / 10);
        micros
            .and_then(DateTime::from_timestamp_micros)
            .unwrap_or_default()
    }

    pub(super) fn status(&self) -> Status {
        self.identity.status
    }

    /// Whether `If-Match` lets a change through.
    pub(super) fn matches(&self, if_match: &str) -> bool {
        if_match == "*" || if_match == self.identity.etag
    }

    /// The keys that may sign for this identity; none for one with certificates only.
    pub(super) fn signing_keys(&self) -> &[SigningKey] {
        &self.signing_keys
    }
}

fn signing_keys(authentication: &Authentication) -> Vec<SigningKey> {
    let Some(keys) = &authentication.symmetric_key else {
        return Vec::new();
    };
    [&keys.primary_key, &keys.secondary_key]
        .into_iter()
        .flatten()
        .filter_map(|key| SigningKey::decoded(&Secret::new(key)).ok())
        .collect()
}

fn settle_authentication(
    wanted: Authentication,
    derive: impl Fn(&str) -> String,
) -> Result<Authentication, Refusal> {
    let thumbprints = wanted.x509_thumbprint.unwrap_or_default();
    let has_thumbprint = given(thumbprints.primary_thumbprint.as_ref()).is_some()
        || given(thumbprints.secondary_thumbprint.as_ref()).is_some();
    let kind = match wanted.kind {
        Some(kind) => kind,
        None if has_thumbprint => "selfSigned".to_owned(),
        None => "sas".to_owned(),
    };
    let no_keys = SymmetricKey::default();
    let (symmetric_key, x509_thumbprint) = match kind.as_str() {
        "sas" => {
            let keys = settle_keys(&wanted.symmetric_key.unwrap_or_default(), derive)?;
            (keys, Thumbprint::default())
        }
        "selfSigned" => (no_keys, settle_thumbprints(&thumbprints)?),
        "certificateAuthority" | "none" => (no_keys, Thumbprint::default()),
        _ => {
            return Err(refusal::argument_invalid(
                "The authentication type is none of sas, selfSigned, certificateAuthority and none.",
            ));
        }
    };
    Ok(Authentication {
        symmetric_key: Some(symmetric_key),
        x509_thumbprint: Some(x509_thumbprint),
        kind: Some(kind),
    })
}

/// Both keys are given, or both are made: Node sends empty texts for that, Python nothing.
fn settle_keys(
    wanted: &SymmetricKey,
    derive: impl Fn(&str) -> String,
) -> Result<SymmetricKey, Refusal> {
    let primary = given(wanted.primary_key.as_ref());
    let secondary = given(wanted.secondary_key.as_ref());
    let (primary_key, secondary_key) = match (primary, secondary) {
        (None, None) => (derive("primary"), derive("secondary")),
        (Some(primary), Some(secondary)) => (primary.clone(), secondary.clone()),
        _ => {
            return Err(refusal::argument_invalid(
                "Either no keys or both keys can be set",
            ));
        }
    };
    if ![&primary_key, &secondary_key]
        .into_iter()
        .all(|key| keys::is_well_formed(key))
    {
        return Err(refusal::argument_invalid(
            "A symmetric key is base64 of 16 to 64 bytes.",
        ));
    }
    Ok(SymmetricKey {
        primary_key: Some(primary_key),
        secondary_key: Some(secondary_key),
    })
}

fn settle_thumbprints(wanted: &Thumbprint) -> Result<Thumbprint, Refusal> {
    let primary = given(wanted.primary_thumbprint.as_ref()).cloned();
    let secondary = given(wanted.secondary_thumbprint.as_ref()).cloned();
    let is_hash = |text: &String| {
        matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let mut both = primary.iter().chain(&secondary).peekable();
    if both.peek().is_none() || !both.all(is_hash) {
        return Err(refusal::argument_invalid(
            "A thumbprint is a SHA-1 or SHA-256 hash in hex, and selfSigned needs one.",
        ));
    }
    Ok(Thumbprint {
        primary_thumbprint: primary,
        secondary_thumbprint: secondary,
    })
}

fn given(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.is_empty())
}

fn ticks(time: DateTime<Utc>) -> String {
    (TICKS_TO_1970 + time.timestamp_micros() * 10).to_string()
}

/// Seven fractional digits, as .NET writes them.
fn timestamp(time: DateTime<Utc>) -> String {
    format!("{}0", time.format("%Y-%m-%dT%H:%M:%S%.6f"))
}
