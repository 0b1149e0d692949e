//! Lists of devices and their keys, a line each: CSV, JSON or connection strings.
//!
//! Knows what a line may look like and says what is wrong with one. Must never repeat a value in a message: any of them
//! may be the key.

mod csv;
mod json;

use std::borrow::Cow;

use thiserror::Error;

use super::connection_string::{ConnectionString, ConnectionStringError, DeviceCredential, Host};
use super::identifier::{self, IdError};
use csv::Columns;

/// No line that means something is longer, in bytes.
pub const LONGEST_LINE: usize = 1 << 16;

/// What the lines of a list look like; the first that is not blank tells it for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `deviceId,key` (RFC 4180), in these columns.
    Csv(Layout),
    /// One JSON object a line.
    Json,
    /// One device or module connection string a line.
    ConnectionStrings,
}

/// Which column holds what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    columns: Columns,
    has_header: bool,
}

/// A device or module and its key, as a line has them. The ids are legal; the key is not yet looked at.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The hub's host, where the line names it.
    pub host: Option<Host>,
    /// The device's id.
    pub device: Cow<'a, str>,
    /// The module's id, for a module.
    pub module: Option<Cow<'a, str>>,
    /// The key, which should be base64.
    pub key: Cow<'a, str>,
}

impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({:?}, …)", self.device)
    }
}

/// Why a line gives no entry. Holds names and places, never a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineError {
    /// Fewer or more fields than the columns ask for.
    #[error(
        "it has {found} fields, and {expected} are needed; an id with a comma stands in quotes"
    )]
    Fields {
        /// How many there are.
        found: usize,
        /// What would be right.
        expected: &'static str,
    },
    /// A quoted field that does not end, or goes on behind its closing quote.
    #[error("a quote is opened and not closed before the next comma or the line's end")]
    Quote,
    /// No JSON object with texts in the right places.
    #[error("it is no JSON object with a deviceId and a key, from column {column} on")]
    Json {
        /// Counted from 1.
        column: usize,
    },
    /// The device's id is none.
    #[error("the device's id cannot be used: {0}")]
    Device(#[source] IdError),
    /// The module's id is none.
    #[error("the module's id cannot be used: {0}")]
    Module(#[source] IdError),
    /// There is no device, or no key.
    #[error("it has no {what}")]
    Missing {
        /// `deviceId` or `key`.
        what: &'static str,
    },
    /// The connection string is none.
    #[error("the connection string cannot be used: {0}")]
    ConnectionString(#[source] ConnectionStringError),
    /// It is one of something else.
    #[error("it holds {kind}, and a device's with a SharedAccessKey is needed")]
    OtherKind {
        /// What it is, with its article.
        kind: &'static str,
    },
    /// Longer than [`LONGEST_LINE`].
    #[error("it is longer than {LONGEST_LINE} bytes")]
    TooLong,
}

impl Form {
    /// What the list looks like that begins with this line. It is a header where it names a column for the devices and one
    /// for the keys.
    #[must_use]
    pub fn detect(first: &str) -> Self {
        let line = first.trim();
        if line.starts_with('{') {
            return Self::Json;
        }
        let lower = line.to_ascii_lowercase();
        if lower.contains("hostname=") && lower.contains("deviceid=") {
            return Self::ConnectionStrings;
        }
        let header = Columns::of_header(line);
        Self::Csv(Layout {
            has_header: header.is_some(),
            columns: header.unwrap_or(Columns::PLAIN),
        })
    }

    /// Whether the first line names the columns and is no entry.
    #[must_use]
    pub fn has_header(self) -> bool {
        match self {
            Self::Csv(layout) => layout.has_header,
            Self::Json | Self::ConnectionStrings => false,
        }
    }

    /// Reads one line, with or without its line end; `None` for a blank one.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn read(self, line: &str) -> Result<Option<Entry<'_>>, LineError> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() > LONGEST_LINE {
            return Err(LineError::TooLong);
        }
        let entry = match self {
            Self::Csv(layout) => layout.columns.read(line)?,
            Self::Json => json::read(line)?,
            Self::ConnectionStrings => of_connection_string(line)?,
        };
        identifier::check(&entry.device).map_err(LineError::Device)?;
        if let Some(module) = &entry.module {
            identifier::check(module).map_err(LineError::Module)?;
        }
        if entry.key.is_empty() {
            return Err(LineError::Missing { what: "key" });
        }
        Ok(Some(entry))
    }
}

fn of_connection_string(text: &str) -> Result<Entry<'static>, LineError> {
    let parsed = ConnectionString::parse(text).map_err(LineError::ConnectionString)?;
    let other = LineError::OtherKind {
        kind: parsed.connection_string.kind_name(),
    };
    let ConnectionString::Device(device) = parsed.connection_string else {
        return Err(other);
    };
    let DeviceCredential::Key(key) = &device.credential else {
        return Err(other);
    };
    Ok(Entry {
        host: Some(device.host),
        device: Cow::Owned(device.device_id.as_str().to_owned()),
        module: device
            .module_id
            .map(|module| Cow::Owned(module.as_str().to_owned())),
        key: Cow::Owned(key.expose().to_owned()),
    })
}

#[cfg(test)]
mod tests;
