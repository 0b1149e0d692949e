//! One record a line: what stands in it, in which shape.

use thiserror::Error;

use crate::failure::{Failure, Kind};
use crate::firmware::{Format, Unsuited};
use crate::model::connection_string::Host;
use crate::model::key_list::{Entry, LineError};
use crate::protocol::sas::{KeyError, Minter};

/// How a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `deviceId,token`, or `deviceId/moduleId,token`; an id with a comma stands in quotes.
    Token,
    /// One JSON object, its members named as those of a single token.
    Json,
    /// A connection string that holds the token.
    ConnectionString,
}

impl Shape {
    /// The shape of a format.
    ///
    /// # Errors
    /// [`Kind::Usage`] for those that take more than a line.
    pub(super) fn of(format: Format) -> Result<Self, Failure> {
        match format {
            Format::Token => Ok(Self::Token),
            Format::Json => Ok(Self::Json),
            Format::ConnectionString => Ok(Self::ConnectionString),
            Format::C
            | Format::Arduino
            | Format::Rust
            | Format::Nvs
            | Format::Cmake
            | Format::Env
            | Format::Curl
            | Format::Mqtt => Err(Failure::new(
                Kind::Usage,
                "this format is for one device, and many are written one a line",
            )
            .hint("Use --format token, json or connection-string with --from and --all.")),
        }
    }
}

/// Why there is no record for an entry. Never holds a part of the key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum RecordError {
    /// The line cannot be read.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The format cannot say it.
    #[error(transparent)]
    Unsuited(#[from] Unsuited),
    /// Nobody said for which hub.
    #[error("it names no hub, and --hub was not given")]
    NoHub,
}

/// Makes tokens and writes records.
pub(super) struct Recorder {
    shape: Shape,
    expiry: i64,
    /// For entries that name no hub themselves.
    hub: Option<Host>,
    /// For the hub of the entry before, which mostly is the next one's.
    current: Option<(Host, Minter)>,
}

impl Recorder {
    pub(super) fn new(shape: Shape, expiry: i64, hub: Option<Host>) -> Self {
        Self {
            shape,
            expiry,
            hub,
            current: None,
        }
    }

    /// Appends the record of `entry` to `output`.
    ///
    /// # Errors
    /// [`RecordError`]; `output` is then as it was.
    pub(super) fn write(
        &mut self,
        entry: &Entry<'_>,
        output: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let start = output.len();
        let written = self.append(entry, output);
        if written.is_err() {
            output.truncate(start);
        }
        written
    }

    fn append(&mut self, entry: &Entry<'_>, output: &mut Vec<u8>) -> Result<(), RecordError> {
        let shape = self.shape;
        let expiry = self.expiry;
        let (host, minter) = self.minter(entry.host.as_ref())?;
        let module = entry.module.as_deref();
        match shape {
            Shape::Token => {
                push_id(&entry.device, module, output);
                output.push(b',');
                minter.mint(&entry.key, &entry.device, module, output)?;
                output.push(b'\n');
            }
            // No character that an id may hold needs escaping in JSON.
            Shape::Json => {
                push(output, &["{\"iotHubHost\":\"", &host.name]);
                push(output, &["\",\"deviceName\":\"", &entry.device]);
                if let Some(module) = module {
                    push(output, &["\",\"moduleName\":\"", module]);
                }
                push(output, &["\",\"sasToken\":\""]);
                minter.mint(&entry.key, &entry.device, module, output)?;
                push(
                    output,
                    &["\",\"sasTokenExpiry\":", &expiry.to_string(), "}\n"],
                );
            }
            Shape::ConnectionString => {
                if entry.device.contains(';') || module.is_some_and(|id| id.contains(';')) {
                    return Err(Unsuited::Semicolon.into());
                }
                push(output, &["HostName=", &host.authority()]);
                push(output, &[";DeviceId=", &entry.device]);
                if let Some(module) = module {
                    push(output, &[";ModuleId=", module]);
                }
                push(output, &[";SharedAccessSignature="]);
                minter.mint(&entry.key, &entry.device, module, output)?;
                output.push(b'\n');
            }
        }
        Ok(())
    }

    fn minter(&mut self, host: Option<&Host>) -> Result<(&Host, &mut Minter), RecordError> {
        let host = host.or(self.hub.as_ref()).ok_or(RecordError::NoHub)?;
        let current = self.current.take().filter(|(current, _)| current == host);
        let (host, minter) = self.current.insert(
            current.unwrap_or_else(|| (host.clone(), Minter::new(&host.name, self.expiry))),
        );
        Ok((host, minter))
    }
}

fn push(output: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        output.extend_from_slice(part.as_bytes());
    }
}

/// No id holds a `/`, so it tells a module from its device; nor a quote, so nothing in quotes needs doubling.
fn push_id(device: &str, module: Option<&str>, output: &mut Vec<u8>) {
    let has_comma = device.contains(',') || module.is_some_and(|id| id.contains(','));
    let quote = if has_comma { "\"" } else { "" };
    push(output, &[quote, device]);
    if let Some(module) = module {
        push(output, &["/", module]);
    }
    push(output, &[quote]);
}
