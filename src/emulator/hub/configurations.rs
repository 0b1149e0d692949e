//! Configurations: of those whose condition means a twin, the one of the highest priority gives it desired properties.
//!
//! Which one that is follows from configurations and twins alone. It is looked at whenever one of them changes, and a
//! configuration that wins a twin then is merged into it, once: what is changed by hand afterwards stays. The service does
//! the same every five minutes.
//!
//! Source: learn.microsoft.com, "Automatic IoT device and module management using the Azure CLI".

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::record::Record;
use crate::emulator::query::{Document, Source, Target};
use crate::model::configuration::{Configuration, change};
use crate::model::device::IdentityId;
use crate::model::twin::TwinChange;

/// A configuration, ready to be held against twins.
#[derive(Debug)]
pub(super) struct Active {
    pub configuration: Configuration,
    target: Option<Target>,
    /// For the twins that are meant.
    pub change: Option<TwinChange>,
}

/// All of them.
#[derive(Debug, Default, Clone)]
pub(super) struct Configurations {
    all: BTreeMap<String, Arc<Active>>,
}

impl Active {
    /// A condition that cannot be read means nothing; those that are written are looked at before.
    fn new(configuration: Configuration) -> Self {
        let condition = configuration.target_condition.trim();
        let target = Target::parse(condition).ok();
        let target = target.filter(|_| !condition.is_empty());
        let content = &configuration.content;
        let is_for_modules = target.as_ref().map(Target::source) == Some(Source::Modules);
        let paths = if is_for_modules {
            &content.module_content
        } else {
            &content.device_content
        };
        Self {
            change: paths.as_ref().and_then(|paths| change(paths).ok()),
            target,
            configuration,
        }
    }

    /// Whether it means a twin among those of `source`.
    pub(super) fn means(&self, source: Source, twin: &impl Document) -> bool {
        let target = self.target.as_ref();
        target.is_some_and(|target| target.source() == source && target.holds(twin))
    }

    /// Where its twins are.
    pub(super) fn source(&self) -> Option<Source> {
        self.target.as_ref().map(Target::source)
    }

    /// Whether the other is this one still; one that was made anew under the same id is not.
    pub(super) fn is(&self, other: &Self) -> bool {
        let key = |one: &Self| (one.configuration.id.clone(), one.configuration.created);
        key(self) == key(other)
    }

    pub(super) fn etag(&self) -> String {
        STANDARD.encode(self.configuration.revision.to_string())
    }

    /// As the service shows it, with what was counted.
    pub(super) fn to_json(&self, counts: &Counts) -> Value {
        let shown = &self.configuration;
        let time = |micros: i64| {
            let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
            format!("{}0Z", time.format("%Y-%m-%dT%H:%M:%S%.6f"))
        };
        let from = match self.source() {
            Some(Source::Modules) => "devices.modules",
            Some(Source::Devices | Source::Jobs) | None => "devices",
        };
        let condition = match shown.target_condition.trim() {
            "*" | "" => String::new(),
            condition if self.source() == Some(Source::Modules) => {
                let behind = condition.to_ascii_lowercase().find(" where ");
                behind.map_or(String::new(), |at| condition[at..].to_owned())
            }
            condition => format!(" where {condition}"),
        };
        let id = &shown.id;
        json!({
            "id": id,
            "schemaVersion": shown.schema_version,
            "labels": shown.labels,
            "content": shown.content,
            "targetCondition": shown.target_condition,
            "createdTimeUtc": time(shown.created),
            "lastUpdatedTimeUtc": time(shown.updated),
            "priority": shown.priority,
            "systemMetrics": {
                "results": { "targetedCount": counts.targeted, "appliedCount": counts.applied },
                "queries": {
                    "targetedCount": format!("select deviceId from {from}{condition}"),
                    "appliedCount": format!("select deviceId from {from} where configurations.[[{id}]].status = 'Applied'"),
                },
            },
            "metrics": { "results": counts.metrics, "queries": shown.metrics },
            "etag": self.etag(),
        })
    }
}

/// How many twins a configuration concerns.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub targeted: usize,
    /// Those that it has won of them.
    pub applied: usize,
    /// Rows by the metrics' names.
    pub metrics: BTreeMap<String, usize>,
}

impl Configurations {
    /// As a store has kept them.
    pub(super) fn restore(kept: Vec<Configuration>) -> Self {
        let mut restored = Self::default();
        for configuration in kept {
            restored.put(&configuration.id.clone(), Some(configuration));
        }
        restored
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn find(&self, id: &str) -> Option<&Arc<Active>> {
        self.all.get(id)
    }

    /// All of them, in the order of their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Active>> {
        self.all.values()
    }

    /// Puts one in the place of what is there; says what a store must know.
    pub(super) fn set(&mut self, id: &str, after: Option<Configuration>) -> Record {
        let before = self.all.get(id).map(|one| one.configuration.clone());
        self.put(id, after.clone());
        Record::Configuration {
            id: id.to_owned(),
            before: before.map(Box::new),
            after: after.map(Box::new),
        }
    }

    /// The same for what a store knows already.
    pub(super) fn put(&mut self, id: &str, configuration: Option<Configuration>) {
        match configuration {
            Some(configuration) => {
                let active = Arc::new(Active::new(configuration));
                self.all.insert(id.to_owned(), active);
            }
            None => drop(self.all.remove(id)),
        }
    }

    /// The one that a twin follows: of the highest priority, and the newest of those.
    pub(super) fn winner(&self, source: Source, twin: &impl Document) -> Option<&Arc<Active>> {
        let meant = self.all.values().filter(|one| one.means(source, twin));
        meant.max_by_key(|one| {
            let configuration = &one.configuration;
            (configuration.priority, configuration.created)
        })
    }

    /// What a twin says of those that mean it: `{"id":{"status":"Applied"}}`; `None` where none does.
    pub(super) fn statuses(&self, source: Source, twin: &impl Document) -> Option<Value> {
        let winner = self.winner(source, twin)?;
        let meant = self.all.values().filter(|one| one.means(source, twin));
        let statuses: Map<String, Value> = meant
            .map(|one| {
                let status = if one.is(winner) {
                    "Applied"
                } else {
                    "Targeted"
                };
                (one.configuration.id.clone(), json!({ "status": status }))
            })
            .collect();
        Some(Value::Object(statuses))
    }
}

/// Among which twins an identity's is.
pub(super) fn source_of(identity: &IdentityId) -> Source {
    if identity.module.is_some() {
        Source::Modules
    } else {
        Source::Devices
    }
}
