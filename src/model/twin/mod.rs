//! A twin: what the service's side knows about a device or module (tags), wants of it (desired) and hears from it
//! (reported), each with its history of when.
//!
//! Source: learn.microsoft.com, "Understand and use device twins in IoT Hub" (limits, metadata, versions); the `ETag`'s form
//! from twins that are printed there.

mod merge;
mod rules;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::device::Identity;
pub use rules::TwinError;

/// The names that a section has beside its own properties.
const METADATA: &str = "$metadata";
const VERSION: &str = "$version";

/// A device's or module's twin, without what its identity says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twin {
    /// Counts every change.
    version: u64,
    /// Counts the changes of the service's side; the `ETag`.
    changes: u64,
    tags: Map<String, Value>,
    desired: Properties,
    reported: Properties,
}

/// Desired or reported properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Properties {
    values: Map<String, Value>,
    /// When each of them was last set, in the shape of the values.
    metadata: Map<String, Value>,
    version: u64,
}

/// What the service's side wants of a twin; `None` leaves a part as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwinChange {
    /// For the tags.
    pub tags: Option<Change>,
    /// For the desired properties.
    pub desired: Option<Change>,
}

/// How a part of a twin is to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Members are set, those that are null are removed, the rest stays (RFC 7396).
    Merge(Map<String, Value>),
    /// It becomes this.
    Replace(Map<String, Value>),
}

impl TwinChange {
    /// Reads the body of a `PATCH`, or of a `PUT` if it `replaces`. What a twin's JSON holds beside tags and desired
    /// properties is passed over: SDKs send back whole twins.
    ///
    /// # Errors
    /// [`TwinError::Form`] where it is no object, or a part of it is none.
    pub fn parse(body: &Value, replaces: bool) -> Result<Self, TwinError> {
        let members = body.as_object().ok_or(TwinError::Form { part: "twin" })?;
        let properties = match members.get("properties") {
            None | Some(Value::Null) => None,
            Some(Value::Object(properties)) => Some(properties),
            Some(_) => return Err(TwinError::Form { part: "properties" }),
        };
        let desired = properties.and_then(|properties| properties.get("desired"));
        Ok(Self {
            tags: part("tags", members.get("tags"), replaces)?,
            desired: part("properties.desired", desired, replaces)?,
        })
    }
}

fn part(
    name: &'static str,
    value: Option<&Value>,
    replaces: bool,
) -> Result<Option<Change>, TwinError> {
    Ok(match value {
        None if replaces => Some(Change::Replace(Map::new())),
        None => None,
        Some(Value::Null) => Some(Change::Replace(Map::new())),
        Some(Value::Object(members)) if replaces => Some(Change::Replace(members.clone())),
        Some(Value::Object(members)) => Some(Change::Merge(members.clone())),
        Some(_) => return Err(TwinError::Form { part: name }),
    })
}

impl Twin {
    /// The twin of an identity that was made at the time `created`.
    #[must_use]
    pub fn new(created: DateTime<Utc>) -> Self {
        Self {
            version: 2,
            changes: 1,
            tags: Map::new(),
            desired: Properties::new(created),
            reported: Properties::new(created),
        }
    }

    /// Changes with each change by the service's side: base64 of eight bytes that count.
    #[must_use]
    pub fn etag(&self) -> String {
        STANDARD.encode(self.changes.to_be_bytes())
    }

    /// How often it has changed.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How often the desired properties have changed.
    #[must_use]
    pub fn desired_version(&self) -> u64 {
        self.desired.version
    }

    /// Whether another twin's desired properties have the same values, whenever they were set.
    #[must_use]
    pub fn desires_the_same(&self, other: &Self) -> bool {
        self.desired.values == other.desired.values
    }

    /// How often the reported properties have changed.
    #[must_use]
    pub fn reported_version(&self) -> u64 {
        self.reported.version
    }

    /// What stands at a path such as `tags.floor` or `properties.desired.mode`, metadata aside.
    #[must_use]
    pub fn value_at(&self, path: &str) -> Option<&Value> {
        let parts = [
            ("tags.", &self.tags),
            ("properties.desired.", &self.desired.values),
            ("properties.reported.", &self.reported.values),
        ];
        let strip = |(part, members)| Some((path.strip_prefix(part)?, members));
        let (path, members): (&str, &Map<String, Value>) = parts.into_iter().find_map(strip)?;
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let names = rest.split('.').filter(|name| !name.is_empty());
        names.fold(members.get(first), |value, name| value?.get(name))
    }

    /// Carries out a change by the service's side at the time `now`. Returns the twin that comes of it, and what a device
    /// that listens is told of its desired properties: a patch with their `$version`.
    ///
    /// # Errors
    /// [`TwinError`] says what no twin can hold, or that the `$version` in the change is not the twin's.
    pub fn changed(
        &self,
        now: DateTime<Utc>,
        change: &TwinChange,
    ) -> Result<(Self, Option<Value>), TwinError> {
        let mut twin = self.clone();
        if *change == TwinChange::default() {
            return Ok((twin, None));
        }
        if let Some(change) = &change.tags {
            let members = change.members();
            rules::check("tags", members)?;
            let mut unused = Map::new();
            if matches!(change, Change::Replace(_)) {
                twin.tags = Map::new();
            }
            merge::merge(&mut twin.tags, &mut unused, members, None);
            rules::check_size("tags", rules::MAX_TAGS, &self.tags, &twin.tags)?;
        }
        let told = match &change.desired {
            None => None,
            Some(change) => Some(twin.desired.change(
                "properties.desired",
                now,
                change,
                Versions::InMetadata,
            )?),
        };
        twin.version += 1;
        twin.changes += 1;
        Ok((twin, told))
    }

    /// Carries out a patch of the reported properties by the device itself.
    ///
    /// # Errors
    /// As for [`Twin::changed`].
    pub fn reported(
        &self,
        now: DateTime<Utc>,
        patch: &Map<String, Value>,
    ) -> Result<Self, TwinError> {
        let mut twin = self.clone();
        let change = Change::Merge(patch.clone());
        twin.reported
            .change("properties.reported", now, &change, Versions::Absent)?;
        twin.version += 1;
        Ok(twin)
    }

    /// The JSON of `GET /twins/{id}`.
    #[must_use]
    pub fn to_json(&self, identity: &Identity) -> Value {
        let mut twin = Map::new();
        for name in NAMES {
            if let Some(value) = self.member(identity, name) {
                twin.insert(name.to_owned(), value);
            }
        }
        Value::Object(twin)
    }

    /// One member of that JSON, by its name in any case; `None` for one that it has not.
    #[must_use]
    pub fn member(&self, identity: &Identity, name: &str) -> Option<Value> {
        let text = |text: &str| Some(Value::from(text));
        let is_it = |known: &&str| known.eq_ignore_ascii_case(name);
        match NAMES.into_iter().find(is_it)? {
            "deviceId" => text(&identity.device_id),
            "moduleId" => identity.module_id.as_deref().and_then(text),
            "etag" => Some(self.etag().into()),
            "deviceEtag" => text(&identity.etag),
            "status" => serde_json::to_value(identity.status).ok(),
            "statusReason" => identity.status_reason.as_deref().and_then(text),
            "statusUpdateTime" => text(&identity.status_updated_time),
            "connectionState" => text(&identity.connection_state),
            "lastActivityTime" => text(&identity.last_activity_time),
            "cloudToDeviceMessageCount" => Some(identity.cloud_to_device_message_count.into()),
            "authenticationType" => identity.authentication.kind.as_deref().and_then(text),
            "x509Thumbprint" => {
                let thumbprint = identity.authentication.x509_thumbprint.clone();
                serde_json::to_value(thumbprint.unwrap_or_default()).ok()
            }
            "version" => Some(self.version.into()),
            "tags" => Some(Value::Object(self.tags.clone())),
            "properties" => Some(json!({
                "desired": self.desired.to_json(true),
                "reported": self.reported.to_json(true),
            })),
            "capabilities" => serde_json::to_value(identity.capabilities?).ok(),
            "deviceScope" => identity.device_scope.as_deref().and_then(text),
            "parentScopes" if !identity.parent_scopes.is_empty() => {
                Some(identity.parent_scopes.clone().into())
            }
            _ => None,
        }
    }

    /// What the device itself is shown: properties without metadata, and no tags.
    #[must_use]
    pub fn to_own_json(&self) -> Value {
        json!({
            "desired": self.desired.to_json(false),
            "reported": self.reported.to_json(false),
        })
    }
}

/// The members of a twin's JSON, in the order in which the service writes them.
const NAMES: [&str; 18] = [
    "deviceId",
    "moduleId",
    "etag",
    "deviceEtag",
    "status",
    "statusReason",
    "statusUpdateTime",
    "connectionState",
    "lastActivityTime",
    "cloudToDeviceMessageCount",
    "authenticationType",
    "x509Thumbprint",
    "version",
    "tags",
    "properties",
    "capabilities",
    "deviceScope",
    "parentScopes",
];

/// Whether metadata says which version a property came with; that of reported properties does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Versions {
    InMetadata,
    Absent,
}

impl Change {
    fn members(&self) -> &Map<String, Value> {
        match self {
            Self::Merge(members) | Self::Replace(members) => members,
        }
    }
}

impl Properties {
    fn new(created: DateTime<Utc>) -> Self {
        let mut metadata = Map::new();
        merge::Stamp::new(created, None).mark(&mut metadata);
        Self {
            values: Map::new(),
            metadata,
            version: 1,
        }
    }

    /// Returns the same change as a patch with the new `$version`.
    fn change(
        &mut self,
        name: &'static str,
        now: DateTime<Utc>,
        change: &Change,
        versions: Versions,
    ) -> Result<Value, TwinError> {
        let mut members = change.members().clone();
        members.shift_remove(METADATA);
        if let Some(version) = members.shift_remove(VERSION)
            && version.as_u64() != Some(self.version)
        {
            return Err(TwinError::Version {
                part: name,
                version: self.version,
            });
        }
        rules::check(name, &members)?;
        let patch = match change {
            Change::Merge(_) => members,
            Change::Replace(_) => merge::difference(&self.values, members),
        };
        let before = self.values.clone();
        self.version += 1;
        let version = (versions == Versions::InMetadata).then_some(self.version);
        let stamp = merge::Stamp::new(now, version);
        merge::merge(&mut self.values, &mut self.metadata, &patch, Some(&stamp));
        rules::check_size(name, rules::MAX_PROPERTIES, &before, &self.values)?;
        let mut told = patch;
        told.insert(VERSION.to_owned(), self.version.into());
        Ok(Value::Object(told))
    }

    fn to_json(&self, with_metadata: bool) -> Value {
        let mut members = self.values.clone();
        if with_metadata {
            let metadata = Value::Object(self.metadata.clone());
            members.insert(METADATA.to_owned(), metadata);
        }
        members.insert(VERSION.to_owned(), self.version.into());
        Value::Object(members)
    }
}
