//! Lines of `NAME='value'` that a shell reads (`. ./iothub.env`, or `set -a` before it to pass them on).

use std::fmt::Write as _;

use super::flashed::{Flashed, Value};
use super::head;

/// The lines' text.
pub(super) fn write(flashed: &Flashed) -> String {
    let mut text = String::new();
    for line in head::lines(flashed) {
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    }
    for fact in flashed.facts() {
        let value = match &fact.value {
            Value::Text(value) | Value::Pem(value) => quote(value),
            Value::Seconds(seconds) => seconds.to_string(),
            Value::Length(length) => length.to_string(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}{}={value}", flashed.prefix, fact.name);
    }
    text
}

/// A word that no shell looks into: single quotes, and each single quote outside of them behind a backslash.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
