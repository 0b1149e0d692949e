//! Patches of JSON objects (RFC 7396), and the metadata that goes along.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// When something was set, and in which version.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    time: String,
    version: Option<u64>,
}

impl Stamp {
    pub(super) fn new(now: DateTime<Utc>, version: Option<u64>) -> Self {
        Self {
            // Seven fractional digits, as .NET writes them.
            time: format!("{}0Z", now.format("%Y-%m-%dT%H:%M:%S%.6f")),
            version,
        }
    }

    /// Writes it over what an object's metadata said so far.
    pub(super) fn mark(&self, metadata: &mut Map<String, Value>) {
        metadata.insert("$lastUpdated".to_owned(), self.time.clone().into());
        if let Some(version) = self.version {
            metadata.insert("$lastUpdatedVersion".to_owned(), version.into());
        }
    }

    fn alone(&self) -> Value {
        let mut metadata = Map::new();
        self.mark(&mut metadata);
        Value::Object(metadata)
    }
}

/// Carries a patch out on an object, and on its metadata where there is a stamp to set.
pub(super) fn merge(
    target: &mut Map<String, Value>,
    metadata: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    stamp: Option<&Stamp>,
) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                target.shift_remove(key);
                metadata.shift_remove(key);
            }
            Value::Object(inner) => {
                let is_inside = target.get(key).is_some_and(Value::is_object);
                if !is_inside {
                    target.insert(key.clone(), Value::Object(Map::new()));
                    metadata.insert(key.clone(), Value::Object(Map::new()));
                }
                let mut unused = Map::new();
                let below = metadata
                    .get_mut(key)
                    .and_then(Value::as_object_mut)
                    .unwrap_or(&mut unused);
                if let Some(target) = target.get_mut(key).and_then(Value::as_object_mut) {
                    merge(target, below, inner, stamp);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                target.insert(key.clone(), value.clone());
                if let Some(stamp) = stamp {
                    metadata.insert(key.clone(), stamp.alone());
                }
            }
        }
    }
    if let Some(stamp) = stamp {
        stamp.mark(metadata);
    }
}

/// The patch that makes `wanted` of `present`: all that is wanted, and null for what is not.
pub(super) fn difference(
    present: &Map<String, Value>,
    mut wanted: Map<String, Value>,
) -> Map<String, Value> {
    for (key, present) in present {
        match (present, wanted.get_mut(key)) {
            (_, None) => {
                wanted.insert(key.clone(), Value::Null);
            }
            (Value::Object(present), Some(Value::Object(below))) => {
                *below = difference(present, std::mem::take(below));
            }
            (_, Some(_)) => {}
        }
    }
    wanted
}
