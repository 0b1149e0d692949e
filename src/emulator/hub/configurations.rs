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
use crate::model::configuration::{AGENT, Configuration, change};
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

    /// Whether it is for the modules of edge devices.
    pub(super) fn is_deployment(&self) -> bool {
        self.configuration.content.modules_content.is_some()
    }

    fn rank(&self) -> (i64, i64) {
        (self.configuration.priority, self.configuration.created)
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

    fn applied_query(&self, from: &str) -> String {
        let id = &self.configuration.id;
        if self.is_deployment() {
            return format!(
                "select deviceId from devices.modules where moduleId = '{AGENT}' and configurations.[[{id}]].status = 'Applied'"
            );
        }
        format!("select deviceId from {from} where configurations.[[{id}]].status = 'Applied'")
    }

    /// The queries for what agents have reported, by the names of their metrics; none for what is no deployment.
    pub(super) fn reported_queries(&self) -> Vec<(&'static str, String)> {
        if !self.is_deployment() {
            return Vec::new();
        }
        let query = |comparison: &str| {
            format!(
                "{} and properties.desired.$version = properties.reported.lastDesiredVersion and properties.reported.lastDesiredStatus.code {comparison} 200",
                self.applied_query("")
            )
        };
        vec![
            ("reportedSuccessfulCount", query("=")),
            ("reportedFailedCount", query("!=")),
        ]
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
        let targeted = if self.is_deployment() {
            let condition = match condition.as_str() {
                "" => " where ".to_owned(),
                condition => format!("{condition} and "),
            };
            format!("select deviceId from {from}{condition}capabilities.iotEdge = true")
        } else {
            format!("select deviceId from {from}{condition}")
        };
        let applied = self.applied_query(from);
        let mut results =
            json!({ "targetedCount": counts.targeted, "appliedCount": counts.applied });
        let mut queries = json!({ "targetedCount": targeted, "appliedCount": applied });
        for (name, query, count) in &counts.reported {
            results[*name] = (*count).into();
            queries[*name] = query.as_str().into();
        }
        json!({
            "id": shown.id,
            "schemaVersion": shown.schema_version,
            "labels": shown.labels,
            "content": shown.content,
            "targetCondition": shown.target_condition,
            "createdTimeUtc": time(shown.created),
            "lastUpdatedTimeUtc": time(shown.updated),
            "priority": shown.priority,
            "systemMetrics": { "results": results, "queries": queries },
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
    /// What agents have reported: a metric, its query and the rows of that.
    pub reported: Vec<(&'static str, String, usize)>,
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
        self.meant(source, twin).max_by_key(|one| one.rank())
    }

    /// Those that mean a twin and are for it alone.
    fn meant(&self, source: Source, twin: &impl Document) -> impl Iterator<Item = &Arc<Active>> {
        let all = self.all.values().filter(|one| !one.is_deployment());
        all.filter(move |one| one.means(source, twin))
    }

    /// Those that are for the modules of an edge device with such a twin.
    fn deployments(&self, device: &impl Document) -> impl Iterator<Item = &Arc<Active>> {
        let all = self.all.values().filter(|one| one.is_deployment());
        all.filter(move |one| one.means(Source::Devices, device))
    }

    /// Those of them that it follows, each on top of the one before.
    pub(super) fn deployment(&self, device: &impl Document) -> Vec<Arc<Active>> {
        let is_base = |one: &&Arc<Active>| one.configuration.content.is_base();
        let bases = self.deployments(device).filter(is_base);
        let Some(base) = bases.max_by_key(|one| one.rank()) else {
            return Vec::new();
        };
        let is_above =
            |one: &&Arc<Active>| one.configuration.priority > base.configuration.priority;
        let layers = self.deployments(device).filter(|one| !is_base(one));
        let mut followed: Vec<_> = layers.filter(is_above).cloned().collect();
        followed.sort_by_key(|one| one.rank());
        followed.insert(0, Arc::clone(base));
        followed
    }

    /// What the twin of an edge device's agent says of those that mean its device.
    pub(super) fn deployment_statuses(&self, device: &impl Document) -> Option<Value> {
        let followed = self.deployment(device);
        statuses(self.deployments(device), |one| {
            followed.iter().any(|other| other.is(one))
        })
    }

    /// What a twin says of those that mean it: `{"id":{"status":"Applied"}}`; `None` where none does.
    pub(super) fn statuses(&self, source: Source, twin: &impl Document) -> Option<Value> {
        let winner = self.winner(source, twin)?;
        statuses(self.meant(source, twin), |one| one.is(winner))
    }
}

/// `None` where there are none.
fn statuses<'a>(
    meant: impl Iterator<Item = &'a Arc<Active>>,
    is_applied: impl Fn(&Active) -> bool,
) -> Option<Value> {
    let statuses: Map<String, Value> = meant
        .map(|one| {
            let status = if is_applied(one) {
                "Applied"
            } else {
                "Targeted"
            };
            (one.configuration.id.clone(), json!({ "status": status }))
        })
        .collect();
    (!statuses.is_empty()).then_some(Value::Object(statuses))
}

/// Among which twins an identity's is.
pub(super) fn source_of(identity: &IdentityId) -> Source {
    if identity.module.is_some() {
        Source::Modules
    } else {
        Source::Devices
    }
}
