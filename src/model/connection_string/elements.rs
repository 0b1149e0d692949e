//! A text split into its `Name=Value` elements, each with its place.

use std::fmt;

use super::error::{ConnectionStringError, Place};

/// Every key that one of the kinds knows, as Azure writes it.
const KNOWN: [&str; 12] = [
    "HostName",
    "SharedAccessKeyName",
    "SharedAccessKey",
    "SharedAccessSignature",
    "DeviceId",
    "ModuleId",
    "GatewayHostName",
    "x509",
    "X509Cert",
    "Endpoint",
    "EntityPath",
    "UseDevelopmentEmulator",
];

/// Something odd that is not wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A key that no kind of string knows, passed over.
    UnknownKey {
        /// The key where it is safe to repeat, that is, made of letters alone and short.
        key: Option<String>,
        /// Where it begins.
        place: Place,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey {
                key: Some(key),
                place,
            } => {
                write!(
                    f,
                    "the connection string's key {key:?} (at {place}) is not one that Azure uses; it is ignored"
                )
            }
            Self::UnknownKey { key: None, place } => {
                write!(
                    f,
                    "the connection string's element at {place} has a name that Azure does not use; it is ignored"
                )
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Element<'a> {
    pub(super) key: &'static str,
    pub(super) value: &'a str,
    pub(super) place: Place,
    pub(super) value_place: Place,
}

#[derive(Debug)]
struct Unknown<'a> {
    key: &'a str,
    place: Place,
}

#[derive(Debug)]
pub(super) struct Elements<'a> {
    known: Vec<Element<'a>>,
    unknown: Vec<Unknown<'a>>,
    /// The first piece without `=` that was read as the rest of an id, and whose.
    swallowed: Option<(&'static str, Place)>,
}

impl<'a> Elements<'a> {
    pub(super) fn split(text: &'a str) -> Result<Self, ConnectionStringError> {
        let inner = unwrap_quotes(text);
        if inner.is_empty() {
            return Err(ConnectionStringError::Empty);
        }
        if inner.starts_with("SharedAccessSignature ") {
            return Err(ConnectionStringError::SasToken);
        }
        if !inner.contains('=')
            || (!inner.contains(';') && known_key(inner.split('=').next().unwrap_or("")).is_none())
        {
            return Err(ConnectionStringError::NoPairs);
        }
        let mut elements = Self {
            known: Vec::new(),
            unknown: Vec::new(),
            swallowed: None,
        };
        // Both are slices of the same text, so the difference of their addresses is where the inner one begins.
        let mut offset = inner.as_ptr() as usize - text.as_ptr() as usize;
        for (index, part) in inner.split(';').enumerate() {
            elements.take(text, part, offset, index + 1)?;
            offset += part.len() + 1;
        }
        if let Some(service) = foreign_service(&elements) {
            return Err(ConnectionStringError::OtherService { service });
        }
        Ok(elements)
    }

    fn take(
        &mut self,
        text: &'a str,
        part: &'a str,
        offset: usize,
        number: usize,
    ) -> Result<(), ConnectionStringError> {
        let place = place_of(text, offset);
        if let Some(key) = key_before_colon(part) {
            return Err(ConnectionStringError::ColonForEquals { key, place });
        }
        let Some((name, value)) = part.split_once('=') else {
            return self.take_without_equals(text, part, offset, number);
        };
        let key = name.trim();
        if key.is_empty() {
            return Err(ConnectionStringError::MissingName { number, place });
        }
        let Some(key) = known_key(key) else {
            self.unknown.push(Unknown { key, place });
            return Ok(());
        };
        if value.trim().is_empty() {
            return Err(ConnectionStringError::EmptyValue { key, place });
        }
        if let Some((index, next)) = key_after_comma(value) {
            return Err(ConnectionStringError::CommaForSemicolon {
                key: next,
                place: place_of(text, offset + name.len() + 1 + index),
            });
        }
        if self.find(key).is_some() {
            return Err(ConnectionStringError::DuplicateKey { key, place });
        }
        let value_offset = offset + name.len() + 1 + (value.len() - value.trim_start().len());
        self.known.push(Element {
            key,
            value: value.trim(),
            place,
            value_place: place_of(text, value_offset),
        });
        Ok(())
    }

    /// An id may hold a `;`, so a piece without `=` that follows one is the rest of it.
    fn take_without_equals(
        &mut self,
        text: &'a str,
        part: &'a str,
        offset: usize,
        number: usize,
    ) -> Result<(), ConnectionStringError> {
        if let Some(last) = self.known.last_mut() {
            let start = last.value.as_ptr() as usize - text.as_ptr() as usize;
            let adjoins = start + last.value.len() + 1 == offset;
            if (last.key == "DeviceId" || last.key == "ModuleId") && adjoins {
                last.value = &text[start..offset + part.trim_end().len()];
                if !part.trim().is_empty() {
                    let place = place_of(text, offset);
                    self.swallowed.get_or_insert((last.key, place));
                }
                return Ok(());
            }
        }
        if part.trim().is_empty() {
            return Ok(());
        }
        Err(ConnectionStringError::MissingEquals {
            number,
            place: place_of(text, offset),
        })
    }

    pub(super) fn holds(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    pub(super) fn find(&self, key: &str) -> Option<&Element<'a>> {
        self.known.iter().find(|element| element.key == key)
    }

    pub(super) fn require(
        &self,
        key: &'static str,
        kind: &'static str,
    ) -> Result<&Element<'a>, ConnectionStringError> {
        self.find(key).ok_or_else(|| self.missing(key, kind))
    }

    pub(super) fn missing(&self, key: &'static str, kind: &'static str) -> ConnectionStringError {
        let misspelt = self
            .unknown
            .iter()
            .find(|unknown| resembles(unknown.key, key));
        if let Some(unknown) = misspelt {
            return ConnectionStringError::MisspeltKey {
                key,
                found: unknown.key.to_owned(),
                place: unknown.place,
            };
        }
        if key != "SharedAccessKey" {
            return ConnectionStringError::MissingKey { key, kind };
        }
        // A key that lost its name: without '=' it was read as the rest of an id, with one as an element of its own.
        let nameless = self
            .unknown
            .iter()
            .find(|unknown| !is_safe_to_repeat(unknown.key));
        match (self.swallowed, nameless) {
            (Some((id, place)), _) => ConnectionStringError::SwallowedKey { id, place },
            (None, Some(unknown)) => ConnectionStringError::NamelessKey {
                place: unknown.place,
            },
            (None, None) => ConnectionStringError::MissingKey { key, kind },
        }
    }

    /// Whether an element of a name that no kind knows is there.
    fn holds_unknown(&self, name: &str) -> bool {
        self.unknown
            .iter()
            .any(|unknown| unknown.key.eq_ignore_ascii_case(name))
    }

    pub(super) fn into_warnings(self) -> Vec<Warning> {
        self.unknown
            .into_iter()
            .map(|unknown| Warning::UnknownKey {
                key: is_safe_to_repeat(unknown.key).then(|| unknown.key.to_owned()),
                place: unknown.place,
            })
            .collect()
    }
}

fn known_key(name: &str) -> Option<&'static str> {
    KNOWN
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name.trim()))
}

/// A known key with `:` where its `=` belongs.
fn key_before_colon(part: &str) -> Option<&'static str> {
    let (name, _) = part.split_once(':')?;
    known_key(name)
}

/// A known key after a `,` in a value, where a `;` belongs: its place in the value, in bytes, and itself.
fn key_after_comma(value: &str) -> Option<(usize, &'static str)> {
    value.match_indices(',').find_map(|(index, _)| {
        let (name, _) = value.get(index + 1..)?.split_once('=')?;
        Some((index, known_key(name)?))
    })
}

/// What the string is for, where that is neither an IoT hub nor an event hub.
fn foreign_service(elements: &Elements<'_>) -> Option<&'static str> {
    if elements.holds("HostName") {
        return None;
    }
    let has = |name| elements.holds_unknown(name);
    if elements.holds("Endpoint") {
        return has("AccessKey").then_some("an Azure SignalR or Communication Services");
    }
    if has("AccountEndpoint") {
        return Some("an Azure Cosmos DB");
    }
    if has("DefaultEndpointsProtocol") || has("AccountName") || has("AccountKey") {
        return Some("an Azure Storage");
    }
    has("InstrumentationKey").then_some("an Application Insights")
}

/// The text without blanks and one pair of quotes around it, as it comes out of a copied assignment. A trailing `;`
/// stays: splitting passes over the empty element behind it.
fn unwrap_quotes(text: &str) -> &str {
    let trimmed = text.trim().trim_start_matches('\u{feff}');
    for quote in ['"', '\''] {
        if let Some(inner) = trimmed
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
        {
            return inner.trim();
        }
    }
    trimmed
}

fn place_of(text: &str, offset: usize) -> Place {
    Place(
        text.get(..offset)
            .map_or(offset, |before| before.chars().count())
            + 1,
    )
}

/// A name of letters alone, and short, is no key that was pasted into the wrong place.
fn is_safe_to_repeat(name: &str) -> bool {
    name.len() <= 24 && name.chars().all(|c| c.is_ascii_alphabetic())
}

/// Whether `found` is `key` with a slip or two of the pen.
fn resembles(found: &str, key: &str) -> bool {
    is_safe_to_repeat(found)
        && distance(&found.to_ascii_lowercase(), &key.to_ascii_lowercase()) <= 2
}

/// Levenshtein's distance of two short ASCII texts.
fn distance(a: &str, b: &str) -> usize {
    let b = b.as_bytes();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
