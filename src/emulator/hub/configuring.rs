//! What is asked of configurations, and how they come into twins.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::command::{ConfigurationOperation, Door, ListenerId, Notice, Refusal, Reply};
use super::configurations::{Active, Counts, source_of};
use super::options::Right;
use super::twins::TwinDocument;
use super::{Hub, Outcome, deployments, edge, refusal};
use crate::emulator::query::{Continuation, Query, QueryError, Search, Source, Target};
use crate::model::configuration::{Configuration, Content, Draft, layered};
use crate::model::device::IdentityId;
use crate::model::twin::{Twin, TwinChange};

/// The most configurations in a hub ("IoT Hub quotas and throttling").
const MAX_CONFIGURATIONS: usize = 100;

/// The most metrics of a configuration, for the sake of time alone.
const MAX_METRICS: usize = 20;

/// What target conditions may ask for (azure-iot-cli-extension#88 has the service's words for others).
const KNOWN_PATHS: &[&[&str]] = &[
    &["deviceId"],
    &["moduleId"],
    &["tags"],
    &["properties", "reported"],
];

type Notices = Vec<(ListenerId, Notice)>;

impl Hub {
    /// Carries out what is asked of configurations. That the rights are the registry's is inferred: a configuration
    /// changes many twins at once, as nobody with `ServiceConnect` alone can.
    pub(super) fn work_on_configuration(
        &mut self,
        now: DateTime<Utc>,
        token: Option<&str>,
        operation: ConfigurationOperation,
    ) -> Outcome {
        self.open(now, token, &door(&operation))?;
        let quiet = |reply| Ok((reply, Vec::new()));
        match operation {
            ConfigurationOperation::Read { id } => {
                let found = self.configurations.find(&id);
                let found = found.ok_or_else(|| refusal::configuration_not_found(&id))?;
                quiet(self.configuration_reply(found, false))
            }
            ConfigurationOperation::List { top } => {
                let all = self.configurations.iter().take(top);
                let shown = all.map(|one| one.to_json(&self.counts(one)));
                quiet(Reply::Json(shown.collect()))
            }
            ConfigurationOperation::Write {
                id,
                draft,
                if_match,
            } => self.write_configuration(now, &id, *draft, if_match.as_deref()),
            ConfigurationOperation::Delete { id, if_match } => {
                let found = self.configurations.find(&id);
                let found = found.ok_or_else(|| refusal::configuration_not_found(&id))?;
                if !lets_through(if_match.as_deref(), &found.etag()) {
                    return Err(refusal::etag_mismatch());
                }
                Ok((Reply::Done, self.set_configuration(now, &id, None)))
            }
            ConfigurationOperation::Test { condition, metrics } => {
                quiet(Reply::Json(tried(condition.as_deref(), &metrics)))
            }
            ConfigurationOperation::Apply { device, content } => {
                let notices = self.apply_content(now, &device, &content)?;
                Ok((Reply::Done, notices))
            }
        }
    }

    /// All of them, as the lines of a file have them.
    pub(super) fn all_configurations(&self) -> Value {
        let all = self.configurations.iter();
        all.map(|one| one.to_json(&self.counts(one))).collect()
    }

    /// A line of a file, by the one mode that there is for it: `createOrUpdateIfMatchETag`.
    pub(super) fn import_configuration(
        &mut self,
        now: DateTime<Utc>,
        id: &str,
        draft: Draft,
        etag: Option<&str>,
    ) -> Outcome {
        let is_there = self.configurations.find(id).is_some();
        let if_match = is_there.then(|| etag.unwrap_or("*"));
        let (_, notices) = self.write_configuration(now, id, draft, if_match)?;
        Ok((Reply::Done, notices))
    }

    fn write_configuration(
        &mut self,
        now: DateTime<Utc>,
        id: &str,
        draft: Draft,
        if_match: Option<&str>,
    ) -> Outcome {
        let present = self.configurations.find(id);
        match (present, if_match.filter(|etag| !etag.is_empty())) {
            (Some(_), None) => return Err(refusal::configuration_exists(id)),
            (None, Some(_)) => return Err(refusal::etag_mismatch()),
            (Some(present), etag) if !lets_through(etag, &present.etag()) => {
                return Err(refusal::etag_mismatch());
            }
            (None, None) if self.configurations.len() >= MAX_CONFIGURATIONS => {
                return Err(refusal::too_many_configurations(MAX_CONFIGURATIONS));
            }
            _ => {}
        }
        let is_new = present.is_none();
        let present = present.map(|present| &present.configuration);
        let configuration = Configuration::drafted(now, id, draft, present);
        let configuration = configuration.map_err(|error| refusal::of_configuration(&error))?;
        check(&configuration)?;
        let notices = self.set_configuration(now, id, Some(configuration));
        let written = self.configurations.find(id);
        let written = written.ok_or_else(|| refusal::configuration_not_found(id))?;
        Ok((self.configuration_reply(written, is_new), notices))
    }

    /// Puts a configuration in the place of what is there, and goes through the twins.
    fn set_configuration(
        &mut self,
        now: DateTime<Utc>,
        id: &str,
        after: Option<Configuration>,
    ) -> Notices {
        let before = self.configurations.clone();
        let record = self.configurations.set(id, after);
        if self.is_kept {
            self.records.push(record);
        }
        let mut won = Vec::new();
        let mut deployed = Vec::new();
        for source in [Source::Devices, Source::Modules] {
            for (identity, entry) in self.identities_behind(source, None) {
                let twin = self.document(&identity, entry);
                let now_wins = self.configurations.winner(source, &twin);
                if let Some(winner) = changed(before.winner(source, &twin), now_wins) {
                    won.push((identity, winner));
                } else if source == Source::Devices {
                    let followed = deployments::followed(&self.configurations, &twin);
                    if deployments::is_new(&deployments::followed(&before, &twin), &followed) {
                        deployed.push((identity.device, followed));
                    }
                }
            }
        }
        let given = won
            .into_iter()
            .flat_map(|(identity, winner)| self.configure(now, &identity, &winner));
        let mut notices: Notices = given.collect();
        for (device, followed) in deployed {
            notices.extend(self.deploy(now, &device, &followed));
        }
        notices
    }

    /// Looks at a twin that was made, or was as it stands in `before`.
    pub(super) fn reconfigure(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        before: Option<Arc<Twin>>,
    ) -> Notices {
        if self.configurations.is_empty() {
            return Vec::new();
        }
        let Ok(entry) = self.entry(identity) else {
            return Vec::new();
        };
        let source = source_of(identity);
        let twin = self.document(identity, entry);
        let before = before.map(|before| TwinDocument {
            twin: before,
            identity: twin.identity.clone(),
        });
        let won = before.as_ref();
        let won = won.and_then(|before| self.configurations.winner(source, before));
        let winner = changed(won, self.configurations.winner(source, &twin));
        let deployed = source == Source::Devices;
        let followed = |twin: &TwinDocument| deployments::followed(&self.configurations, twin);
        let did = before.as_ref().filter(|_| deployed).map(followed);
        let does = if deployed {
            followed(&twin)
        } else {
            Vec::new()
        };
        let mut notices = match winner {
            Some(winner) => self.configure(now, identity, &winner),
            None => Vec::new(),
        };
        if deployments::is_new(&did.unwrap_or_default(), &does) {
            notices.extend(self.deploy(now, &identity.device, &does));
        }
        notices
    }

    /// A twin that would become too large stays as it is, as at the service.
    fn configure(&mut self, now: DateTime<Utc>, identity: &IdentityId, winner: &Active) -> Notices {
        let Some(change) = &winner.change else {
            return Vec::new();
        };
        self.desire(now, identity, change).unwrap_or_default()
    }

    /// Changes desired properties, unless they are so already.
    pub(super) fn desire(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        change: &TwinChange,
    ) -> Result<Notices, Refusal> {
        let present = self.twins.find(identity, self.entry(identity)?);
        let changed = present.changed(now, change);
        let (twin, told) = changed.map_err(|error| super::twins::refused(&error))?;
        if twin.desires_the_same(&present) {
            return Ok(Vec::new());
        }
        Ok(self.put_twin(now, identity, change, twin, told))
    }

    fn configuration_reply(&self, shown: &Active, is_new: bool) -> Reply {
        Reply::Configuration {
            etag: shown.etag(),
            configuration: shown.to_json(&self.counts(shown)),
            is_new,
        }
    }

    fn counts(&self, counted: &Active) -> Counts {
        let mut counts = Counts::default();
        if let Some(source) = counted.source() {
            for (identity, entry) in self.identities_behind(source, None) {
                let twin = self.document(&identity, entry);
                let can_be_meant = !counted.is_deployment() || edge::is_edge(&twin.identity);
                if can_be_meant && counted.means(source, &twin) {
                    counts.targeted += 1;
                    counts.applied += usize::from(self.is_applied(counted, source, &twin));
                }
            }
        }
        for (name, query) in counted.reported_queries() {
            let count = self.count_rows(&query);
            counts.reported.push((name, query, count));
        }
        for (name, text) in &counted.configuration.metrics {
            counts.metrics.insert(name.clone(), self.count_rows(text));
        }
        counts
    }

    fn is_applied(&self, one: &Active, source: Source, twin: &TwinDocument) -> bool {
        if one.is_deployment() {
            let followed = deployments::followed(&self.configurations, twin);
            return followed.iter().any(|other| other.is(one));
        }
        let winner = self.configurations.winner(source, twin);
        winner.is_some_and(|winner| winner.is(one))
    }

    fn count_rows(&self, text: &str) -> usize {
        let Ok(query) = Query::parse(text) else {
            return 0;
        };
        let mut search = Search::new(query, usize::MAX, Continuation::beginning(text));
        self.search_all(&mut search);
        search.into_page().rows.len()
    }
}

/// Whom a twin has to follow from now on, if that is another one than before.
fn changed(before: Option<&Arc<Active>>, after: Option<&Arc<Active>>) -> Option<Arc<Active>> {
    let after = after?;
    let is_old = before.is_some_and(|before| before.is(after));
    (!is_old).then(|| Arc::clone(after))
}

fn lets_through(if_match: Option<&str>, present: &str) -> bool {
    if_match.is_none_or(|etag| etag.is_empty() || etag == "*" || etag == present)
}

/// What a target condition means, and why it means nothing.
fn target_of(condition: &str) -> Result<Target, String> {
    let target = Target::parse(condition).map_err(|error: QueryError| error.to_string())?;
    match target.path_beyond(KNOWN_PATHS) {
        None => Ok(target),
        Some(path) => Err(format!(
            "it is about 'deviceId', 'moduleId', 'tags' and 'properties.reported' alone, not about '{path}'"
        )),
    }
}

/// Looks at the condition and the metrics, and whether the content is for those that are meant.
fn check(configuration: &Configuration) -> Result<(), Refusal> {
    let condition = configuration.target_condition.trim();
    let mut source = Source::Devices;
    if !condition.is_empty() {
        let target = target_of(condition).map_err(refusal::bad_target_condition)?;
        source = target.source();
    }
    let content = &configuration.content;
    let is_for_others = match source {
        Source::Modules => content.device_content.is_some() || content.modules_content.is_some(),
        Source::Devices | Source::Jobs => content.module_content.is_some() && !condition.is_empty(),
    };
    if is_for_others {
        return Err(refusal::bad_content(
            "moduleContent is for a target condition that begins with FROM devices.modules WHERE, all other content for one that does not",
        ));
    }
    check_content(content)?;
    if configuration.metrics.len() > MAX_METRICS {
        return Err(refusal::argument_invalid(format!(
            "A configuration has up to {MAX_METRICS} metrics."
        )));
    }
    for (name, query) in &configuration.metrics {
        Query::parse(query).map_err(|error| refusal::bad_metric(name, error))?;
    }
    Ok(())
}

/// Looks at whether a twin could hold it: what none can would count as applied and never be there.
fn check_content(content: &Content) -> Result<(), Refusal> {
    let own = [&content.device_content, &content.module_content];
    let of_modules = content.modules_content.iter().flat_map(BTreeMap::values);
    let all = own.into_iter().flatten().chain(of_modules);
    let empty = Twin::new(DateTime::UNIX_EPOCH);
    for paths in all {
        let change = layered([paths]).map_err(refusal::bad_content)?;
        let held = empty.changed(DateTime::UNIX_EPOCH, &change);
        held.map_err(refusal::bad_content)?;
    }
    Ok(())
}

/// The answer to `testQueries`: nothing of what is well, and words for the rest.
fn tried(condition: Option<&str>, metrics: &BTreeMap<String, String>) -> Value {
    let mut answer = Map::new();
    let condition = condition.map(str::trim).filter(|text| !text.is_empty());
    if let Some(error) = condition.and_then(|text| target_of(text).err()) {
        answer.insert("targetConditionError".to_owned(), error.into());
    }
    let errors: Map<String, Value> = metrics
        .iter()
        .filter_map(|(name, query)| {
            Some((name.clone(), Query::parse(query).err()?.to_string().into()))
        })
        .collect();
    answer.insert("customMetricQueryErrors".to_owned(), json!(errors));
    Value::Object(answer)
}

fn door(operation: &ConfigurationOperation) -> Door {
    match operation {
        ConfigurationOperation::Read { id } => Door::configuration(id, Right::RegistryRead),
        ConfigurationOperation::List { .. } => Door::configurations(),
        ConfigurationOperation::Write { id, .. } | ConfigurationOperation::Delete { id, .. } => {
            Door::configuration(id, Right::RegistryWrite)
        }
        ConfigurationOperation::Test { .. } => Door::test_queries(),
        ConfigurationOperation::Apply { device, .. } => {
            Door::identity(device, None, Right::RegistryWrite)
        }
    }
}
