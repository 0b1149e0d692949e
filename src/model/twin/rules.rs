//! What a twin may hold.

use serde_json::{Map, Value};
use thiserror::Error;

/// The most that tags come to, and desired and reported properties each, in bytes as [`check_size`] counts them.
pub(super) const MAX_TAGS: usize = 8 * 1024;
pub(super) const MAX_PROPERTIES: usize = 32 * 1024;

/// How many objects may stand inside one another, below tags or properties.
const MAX_DEPTH: usize = 10;
/// In bytes.
const MAX_KEY: usize = 1024;
const MAX_TEXT: usize = 4096;
const INTEGERS: std::ops::RangeInclusive<i64> = -4_503_599_627_370_496..=4_503_599_627_370_495;

/// Why a twin cannot be changed like that. `part` is `tags`, `properties.desired` or `properties.reported`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TwinError {
    /// Something else stands where an object must.
    #[error("{part} is not a JSON object")]
    Form {
        /// What should be one.
        part: &'static str,
    },
    /// A key that no twin has.
    #[error(
        "{part} has the key {key:?}, and a key has 1 to {MAX_KEY} bytes without control characters, '.', '$', '#' and space"
    )]
    Key {
        /// Where.
        part: &'static str,
        /// The key, cut to its beginning.
        key: String,
    },
    /// Objects inside one another beyond what is allowed.
    #[error("{part} is more than {MAX_DEPTH} objects deep")]
    Depth {
        /// Where.
        part: &'static str,
    },
    /// A text beyond what is allowed.
    #[error("{part} has a text of {size} bytes at {key:?}, and the limit is {MAX_TEXT}")]
    Text {
        /// Where.
        part: &'static str,
        /// The key that it stands under.
        key: String,
        /// In bytes.
        size: usize,
    },
    /// An integer beyond what is allowed.
    #[error("{part} has an integer at {key:?} that is beyond 52 bits")]
    Integer {
        /// Where.
        part: &'static str,
        /// The key that it stands under.
        key: String,
    },
    /// It would become too large.
    #[error("{part} would come to {size} bytes, and the limit is {limit}")]
    Size {
        /// Where.
        part: &'static str,
        /// In bytes.
        size: usize,
        /// In bytes.
        limit: usize,
    },
    /// The `$version` that the change is meant for is not the present one.
    #[error("{part} is at $version {version}")]
    Version {
        /// Where.
        part: &'static str,
        /// The present one.
        version: u64,
    },
}

/// Looks at keys, values and depth of a part of a twin, or of a patch for it.
pub(super) fn check(part: &'static str, members: &Map<String, Value>) -> Result<(), TwinError> {
    check_object(part, members, 0)
}

fn check_object(
    part: &'static str,
    members: &Map<String, Value>,
    depth: usize,
) -> Result<(), TwinError> {
    if depth > MAX_DEPTH {
        return Err(TwinError::Depth { part });
    }
    for (key, value) in members {
        let is_bad = |c: char| c.is_control() || matches!(c, '.' | '$' | '#' | ' ');
        if key.is_empty() || key.len() > MAX_KEY || key.contains(is_bad) {
            let key = beginning(key);
            return Err(TwinError::Key { part, key });
        }
        check_value(part, key, value, depth)?;
    }
    Ok(())
}

fn check_value(
    part: &'static str,
    key: &str,
    value: &Value,
    depth: usize,
) -> Result<(), TwinError> {
    match value {
        Value::Number(number) => {
            let is_integer = number.is_i64() || number.is_u64();
            let is_inside = number.as_i64().is_some_and(|n| INTEGERS.contains(&n));
            if is_integer && !is_inside {
                let key = beginning(key);
                return Err(TwinError::Integer { part, key });
            }
            Ok(())
        }
        Value::String(text) if text.len() > MAX_TEXT => Err(TwinError::Text {
            part,
            key: beginning(key),
            size: text.len(),
        }),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        // Arrays count as objects do, or else nothing would end them.
        Value::Array(_) if depth >= MAX_DEPTH => Err(TwinError::Depth { part }),
        Value::Array(elements) => elements
            .iter()
            .try_for_each(|element| check_value(part, key, element, depth + 1)),
        Value::Object(members) => check_object(part, members, depth + 1),
    }
}

fn beginning(key: &str) -> String {
    key.chars().take(40).collect()
}

/// Refuses a change that makes a part larger than its limit.
pub(super) fn check_size(
    part: &'static str,
    limit: usize,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<(), TwinError> {
    let size = object_size(after);
    if size > limit && size > object_size(before) {
        return Err(TwinError::Size { part, size, limit });
    }
    Ok(())
}

fn object_size(members: &Map<String, Value>) -> usize {
    let sizes = members
        .iter()
        .map(|(key, value)| text_size(key) + value_size(value));
    sizes.sum()
}

fn value_size(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text_size(text),
        Value::Array(elements) => elements.iter().map(value_size).sum(),
        Value::Object(members) => object_size(members),
    }
}

/// Control characters do not count.
fn text_size(text: &str) -> usize {
    let counted = text.chars().filter(|c| !c.is_control());
    counted.map(char::len_utf8).sum()
}
