//! A configuration: which twins it means, and what their desired properties are to be (automatic device management).
//!
//! Source: learn.microsoft.com, "Automatic IoT device and module management using the Azure CLI"; REST reference of
//! `Configuration - Create Or Update`; azure-iot-hub 2.7.0 `models/configuration.py`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::identifier::{IdError, check};
use super::object;
use super::twin::{Change, TwinChange};

/// The part of a twin that content is for.
const DESIRED: &str = "properties.desired";

/// The module that looks after the other modules of an edge device.
pub const AGENT: &str = "$edgeAgent";

/// The most characters of an id, and those that it may have beside lower-case letters and digits.
const MAX_ID: usize = 128;
const SIGNS: &str = "-+%_*!'";

/// A configuration as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// Its id.
    pub id: String,
    /// The service's word for the form of the content.
    pub schema_version: String,
    /// What its makers say of it.
    pub labels: Map<String, Value>,
    /// What twins are to be given; stays what it was made with.
    pub content: Content,
    /// Which twins are meant; none where it is empty.
    pub target_condition: String,
    /// The highest wins.
    pub priority: i64,
    /// Queries by their names, whose rows are counted.
    pub metrics: BTreeMap<String, String>,
    /// When it was made, in microseconds since 1970.
    pub created: i64,
    /// When it was last written.
    pub updated: i64,
    /// Grows with every change; what its `ETag` is made of.
    pub revision: i64,
}

/// What twins are to be given, by the paths in them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// For devices: `properties.desired.…` and an object each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_content: Option<Map<String, Value>>,
    /// For modules of edge devices, by their ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modules_content: Option<BTreeMap<String, Map<String, Value>>>,
    /// For modules that the target condition means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_content: Option<Map<String, Value>>,
}

/// The body of a `PUT`, of which everything may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Draft {
    /// Has to be the path's.
    pub id: Option<String>,
    /// `1.0` where nothing else is said.
    pub schema_version: Option<String>,
    /// None where nothing else is said.
    pub labels: Option<Map<String, Value>>,
    /// What twins are to be given.
    #[serde(deserialize_with = "object::read_optional")]
    pub content: Option<Content>,
    /// Which twins are meant.
    pub target_condition: Option<String>,
    /// 0 where nothing else is said.
    pub priority: Option<i64>,
    /// The queries whose rows are counted.
    #[serde(deserialize_with = "object::read_optional")]
    pub metrics: Option<DraftMetrics>,
}

/// Metrics as they are sent; results go unread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DraftMetrics {
    /// Queries by their names.
    pub queries: Option<BTreeMap<String, String>>,
}

/// Why something is no configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigurationError {
    /// An id that no configuration has.
    #[error(
        "a configuration's id has up to {MAX_ID} lower-case letters, digits and characters of {SIGNS}"
    )]
    Id,
    /// The body is for another one.
    #[error("the id in the body is not the one in the path")]
    OtherId,
    /// Content for another part than the desired properties.
    #[error("content is for {DESIRED} and what lies in it, not for {path:?}")]
    Path {
        /// The part, cut short.
        path: String,
    },
    /// The desired properties are objects.
    #[error("the content for {DESIRED} is no JSON object")]
    Form,
    /// Content is for those that the target condition can mean.
    #[error(
        "a configuration has deviceContent, moduleContent or modulesContent, and only one of them"
    )]
    Content,
    /// Content stays what it was made with, and has to be sent all the same.
    #[error("a change of a configuration holds its content")]
    NoContent,
    /// The id of no module.
    #[error("module {id:?}: {source}")]
    Module {
        /// The id, cut short.
        id: String,
        /// What is wrong with it.
        source: IdError,
    },
    /// Modules of an edge device come with what its agent is told of them.
    #[error("modulesContent holds {AGENT}")]
    NoAgent,
}

impl Configuration {
    /// What a draft makes of an id, and of the configuration that is `present` there. Other content than it was made with
    /// goes unheeded, as a live hub has it (terraform-provider-iothub, `CONCEPT.md`).
    ///
    /// # Errors
    /// [`ConfigurationError`] says what no configuration has, or may not change.
    pub fn drafted(
        now: DateTime<Utc>,
        id: &str,
        draft: Draft,
        present: Option<&Self>,
    ) -> Result<Self, ConfigurationError> {
        let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || SIGNS.contains(c);
        if id.is_empty() || id.len() > MAX_ID || !id.chars().all(is_good) {
            return Err(ConfigurationError::Id);
        }
        if draft.id.is_some_and(|in_body| in_body != id) {
            return Err(ConfigurationError::OtherId);
        }
        let content = match (draft.content.map(Content::tidied), present) {
            (Some(content), Some(present)) if content != Content::default() => {
                content.check()?;
                present.content.clone()
            }
            (_, Some(_)) => return Err(ConfigurationError::NoContent),
            (content, None) => content.unwrap_or_default(),
        };
        content.check()?;
        let time = now.timestamp_micros();
        Ok(Self {
            id: id.to_owned(),
            schema_version: draft.schema_version.unwrap_or_else(|| "1.0".to_owned()),
            labels: draft.labels.unwrap_or_default(),
            content,
            target_condition: draft.target_condition.unwrap_or_default(),
            priority: draft.priority.unwrap_or_default(),
            metrics: draft
                .metrics
                .unwrap_or_default()
                .queries
                .unwrap_or_default(),
            created: present.map_or(time, |present| present.created),
            updated: time,
            revision: present.map_or(time, |present| time.max(present.revision + 1)),
        })
    }
}

impl Content {
    /// What is empty counts as left out.
    fn tidied(self) -> Self {
        Self {
            device_content: self.device_content.filter(|paths| !paths.is_empty()),
            modules_content: self.modules_content.filter(|modules| !modules.is_empty()),
            module_content: self.module_content.filter(|paths| !paths.is_empty()),
        }
    }

    fn check(&self) -> Result<(), ConfigurationError> {
        let parts = [
            self.device_content.is_some(),
            self.modules_content.is_some(),
            self.module_content.is_some(),
        ];
        if parts.into_iter().filter(|is_there| *is_there).count() > 1 {
            return Err(ConfigurationError::Content);
        }
        self.check_parts()
    }

    fn check_parts(&self) -> Result<(), ConfigurationError> {
        let mut modules = self.modules_content.iter();
        if !modules.all(|modules| modules.contains_key(AGENT)) {
            return Err(ConfigurationError::NoAgent);
        }
        for id in self.modules_content.iter().flat_map(BTreeMap::keys) {
            check(id).map_err(|source| ConfigurationError::Module {
                id: id.chars().take(40).collect(),
                source,
            })?;
        }
        let own = self.device_content.iter().chain(&self.module_content);
        let modules = self.modules_content.iter().flat_map(BTreeMap::values);
        own.chain(modules)
            .try_for_each(|paths| change(paths).map(drop))
    }

    /// Whether one edge device can be given it: that asks for modules, and may name the device's own properties beside
    /// them (the C# SDK's `ApplyConfigurationContentOnDeviceAsync`).
    ///
    /// # Errors
    /// [`ConfigurationError`] says what is wrong with it.
    pub fn check_for_device(&self) -> Result<(), ConfigurationError> {
        if self.module_content.is_some() {
            return Err(ConfigurationError::Content);
        }
        if self.modules_content.is_none() {
            return Err(ConfigurationError::NoAgent);
        }
        self.check_parts()
    }

    /// Whether edge devices can run with it alone. Content that only adds to others is a layer (learn.microsoft.com,
    /// "Understand IoT Edge automatic deployments for single devices or at scale").
    #[must_use]
    pub fn is_base(&self) -> bool {
        let agent = self.modules_content.as_ref().and_then(|m| m.get(AGENT));
        agent.is_some_and(|paths| paths.contains_key(DESIRED))
    }
}

/// What content asks of a twin: a patch of its desired properties.
///
/// # Errors
/// [`ConfigurationError::Path`] and [`ConfigurationError::Form`].
pub fn change(paths: &Map<String, Value>) -> Result<TwinChange, ConfigurationError> {
    let mut desired = Map::new();
    add(&mut desired, paths)?;
    Ok(TwinChange {
        tags: None,
        desired: Some(Change::Merge(desired)),
    })
}

/// What the contents of deployments ask of a module, each on top of the one before. One that names all of its desired
/// properties puts them in the place of what there is; paths in them are set beside it.
///
/// # Errors
/// [`ConfigurationError::Path`] and [`ConfigurationError::Form`].
pub fn layered<'a>(
    contents: impl IntoIterator<Item = &'a Map<String, Value>>,
) -> Result<TwinChange, ConfigurationError> {
    let (mut desired, mut is_all) = (Map::new(), false);
    for paths in contents {
        if paths.contains_key(DESIRED) {
            (desired, is_all) = (Map::new(), true);
        }
        add(&mut desired, paths)?;
    }
    let desired = if is_all {
        Change::Replace(desired)
    } else {
        Change::Merge(desired)
    };
    Ok(TwinChange {
        tags: None,
        desired: Some(desired),
    })
}

/// Sets what content asks for.
fn add(
    desired: &mut Map<String, Value>,
    paths: &Map<String, Value>,
) -> Result<(), ConfigurationError> {
    for (path, value) in paths {
        let foreign = || ConfigurationError::Path {
            path: path.chars().take(40).collect(),
        };
        let rest = path.strip_prefix(DESIRED).ok_or_else(foreign)?;
        if rest.is_empty() {
            let Value::Object(members) = value else {
                return Err(ConfigurationError::Form);
            };
            desired.extend(members.clone());
            continue;
        }
        let names: Vec<&str> = rest
            .strip_prefix('.')
            .ok_or_else(foreign)?
            .split('.')
            .collect();
        put(desired, &names, value).ok_or_else(foreign)?;
    }
    Ok(())
}

/// `None` where a name is empty, or another path has put something else than an object on the way.
fn put(members: &mut Map<String, Value>, names: &[&str], value: &Value) -> Option<()> {
    let (first, rest) = names.split_first()?;
    if first.is_empty() {
        return None;
    }
    if rest.is_empty() {
        members.insert((*first).to_owned(), value.clone());
        return Some(());
    }
    let inner = members
        .entry((*first).to_owned())
        .or_insert_with(|| Value::Object(Map::new()));
    put(inner.as_object_mut()?, rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn draft(body: Value) -> Draft {
        serde_json::from_value(body).unwrap()
    }

    fn made(body: Value) -> Result<Configuration, ConfigurationError> {
        Configuration::drafted(DateTime::UNIX_EPOCH, "c-1", draft(body), None)
    }

    #[test]
    fn content_leads_to_desired_properties() {
        let content = json!({ "properties.desired.a.b": { "c": 1 }, "properties.desired": { "x": [1] }, "properties.desired.a.d": null });
        let Some(Change::Merge(desired)) = change(content.as_object().unwrap()).unwrap().desired
        else {
            panic!("no merge")
        };
        assert_eq!(
            Value::Object(desired),
            json!({ "a": { "b": { "c": 1 }, "d": null }, "x": [1] })
        );
        for bad in [
            json!({ "tags.a": 1 }),
            json!({ "properties.reported.a": 1 }),
            json!({ "properties.desired": 1 }),
            json!({ "properties.desired.": 1 }),
            json!({ "properties.desiredx": 1 }),
            json!({ "properties.desired.a": 1, "properties.desired.a.b": 1 }),
        ] {
            let outcome = made(json!({ "content": { "deviceContent": bad.clone() } }));
            assert!(outcome.is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_left_out_is_usual_and_content_stays() {
        let first = made(json!({ "id": "c-1", "labels": null, "priority": 3,
            "content": { "deviceContent": { "properties.desired.a": 1 }, "modulesContent": {} } }))
        .unwrap();
        assert_eq!(
            (
                first.schema_version.as_str(),
                first.priority,
                first.target_condition.as_str()
            ),
            ("1.0", 3, "")
        );
        let again =
            |body| Configuration::drafted(DateTime::UNIX_EPOCH, "c-1", draft(body), Some(&first));
        let other = json!({ "targetCondition": "*", "content": { "deviceContent": { "properties.desired.a": 2 } } });
        let second = again(other).unwrap();
        assert_eq!(
            (&second.content, second.revision),
            (&first.content, first.revision + 1)
        );
        for without in [
            json!({ "targetCondition": "*" }),
            json!({ "content": null }),
            json!({ "content": { "deviceContent": {} } }),
        ] {
            assert_eq!(again(without), Err(ConfigurationError::NoContent));
        }
    }

    #[test]
    fn strange_ids_and_mixed_content_are_refused() {
        for id in ["", "Upper", "a/b", "a.b", &"x".repeat(129)] {
            let outcome = Configuration::drafted(DateTime::UNIX_EPOCH, id, Draft::default(), None);
            assert_eq!(outcome, Err(ConfigurationError::Id), "{id}");
        }
        assert_eq!(
            made(json!({ "id": "other" })),
            Err(ConfigurationError::OtherId)
        );
        let both = json!({ "content": { "deviceContent": { "properties.desired.a": 1 }, "moduleContent": { "properties.desired.a": 1 } } });
        assert_eq!(made(both), Err(ConfigurationError::Content));
    }

    #[test]
    fn edge_devices_are_given_modules_with_their_agent() {
        let content = |body: Value| -> Content { serde_json::from_value(body).unwrap() };
        let agent = json!({ "$edgeAgent": { "properties.desired.modules.m": {} } });
        let base = json!({ "$edgeAgent": { "properties.desired": { "modules": {} } } });
        assert!(content(json!({ "modulesContent": base })).is_base());
        for (body, wanted) in [
            (json!({ "modulesContent": agent }), Ok(())),
            (
                json!({ "modulesContent": agent, "deviceContent": { "properties.desired.a": 1 } }),
                Ok(()),
            ),
            (
                json!({ "modulesContent": { "m": {} } }),
                Err(ConfigurationError::NoAgent),
            ),
            (
                json!({ "deviceContent": { "properties.desired.a": 1 } }),
                Err(ConfigurationError::NoAgent),
            ),
            (
                json!({ "modulesContent": agent, "moduleContent": { "properties.desired.a": 1 } }),
                Err(ConfigurationError::Content),
            ),
        ] {
            let content = content(body.clone());
            assert!(!content.is_base(), "{body}");
            assert_eq!(content.check_for_device(), wanted, "{body}");
        }
    }

    #[test]
    fn layers_lie_on_a_base() {
        let base =
            json!({ "properties.desired": { "modules": { "a": { "v": 1 } }, "runtime": 1 } });
        let layer = json!({ "properties.desired.modules.b": { "v": 2 }, "properties.desired.modules.a": { "v": 3 } });
        let all = [&base, &layer].map(|content| content.as_object().unwrap());
        let Some(Change::Replace(desired)) = layered(all).unwrap().desired else {
            panic!("it is not all of it")
        };
        assert_eq!(
            Value::Object(desired),
            json!({ "modules": { "a": { "v": 3 }, "b": { "v": 2 } }, "runtime": 1 })
        );
        let Some(Change::Merge(desired)) = layered(all.into_iter().skip(1)).unwrap().desired else {
            panic!("it is all of it")
        };
        assert_eq!(desired["modules"]["b"]["v"], 2);
        assert!(layered([json!({ "tags": 1 }).as_object().unwrap()]).is_err());
    }
}
