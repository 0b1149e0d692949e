//! A connection string that holds the token in the place of a key, as the SDKs take it.

use super::flashed::Flashed;
use crate::model::identifier::{DeviceId, ModuleId};

/// The string on one line.
pub(super) fn write(flashed: &Flashed) -> String {
    let device = flashed.subject.device().map(DeviceId::as_str);
    let module = flashed.subject.module().map(ModuleId::as_str);
    let part = |name: &str, value: Option<&str>| {
        value.map_or_else(String::new, |value| format!("{name}={value};"))
    };
    format!(
        "HostName={};{}{}SharedAccessSignature={}\n",
        flashed.host.authority(),
        part("DeviceId", device),
        part("ModuleId", module),
        flashed.token.expose()
    )
}
