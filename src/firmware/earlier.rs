//! What a file of an earlier run holds: its token and when it was made, whatever the format.

use chrono::{DateTime, Utc};

use crate::protocol::sas::SCHEME;

/// The token in a text of any of the formats. Tokens hold nothing that any format would escape.
#[must_use]
pub fn token_in(text: &str) -> Option<&str> {
    let start = text.find(&format!("{SCHEME} sr="))?;
    let fields = start + SCHEME.len() + 1;
    let foreign = |c: char| !(c.is_ascii_alphanumeric() || "%&=._~-".contains(c));
    let length = text[fields..].find(foreign);
    Some(length.map_or(&text[start..], |length| &text[start..fields + length]))
}

/// When a text was made, where its format says so.
#[must_use]
pub fn made_in(text: &str) -> Option<DateTime<Utc>> {
    let said = match text.split_once("Made by hubctl ") {
        Some((_, after)) => {
            let line = after.lines().next()?;
            line.split_once(" at ")?.1.strip_suffix('.')?
        }
        None => text.split_once("\"made\":\"")?.1.split('"').next()?,
    };
    let made = DateTime::parse_from_rfc3339(said).ok()?;
    Some(made.with_timezone(&Utc))
}
