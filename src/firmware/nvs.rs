//! The CSV that ESP-IDF's NVS partition generator reads (`key,type,encoding,value`; lines that begin with `#` are passed
//! over by it, as of ESP-IDF 5.0).
//!
//! NVS keys have 15 characters at the most, so every name has a short one here. They stand in the namespace `iothub`:
//! `nvs_open("iothub", …)`, then `nvs_get_str(…, "sas_token", …)`.

use std::fmt::Write as _;

use super::flashed::{Flashed, Value};
use super::head;

/// The namespace, 15 characters at the most.
const NAMESPACE: &str = "iothub";

/// Every name and its key.
const KEYS: [(&str, &str); 18] = [
    ("IOT_HUB_NAME", "hub_name"),
    ("IOT_HUB_HOST", "hub_host"),
    ("DEVICE_NAME", "device_name"),
    ("MODULE_NAME", "module_name"),
    ("SAS_TOKEN", "sas_token"),
    ("SAS_TOKEN_EXPIRY", "sas_expiry"),
    ("SAS_TOKEN_LENGTH", "sas_length"),
    ("SAS_TOKEN_MAX_LENGTH", "sas_max_length"),
    ("IOT_HUB_EVENTS_URL", "events_url"),
    ("IOT_HUB_EVENTS_PATH", "events_path"),
    ("IOT_HUB_MQTT_USERNAME", "mqtt_username"),
    ("IOT_HUB_MQTT_TOPIC", "mqtt_topic"),
    ("IOT_HUB_ROOT_CA", "root_ca"),
    ("DPS_HOST", "dps_host"),
    ("DPS_ID_SCOPE", "dps_id_scope"),
    ("DPS_REGISTRATION_ID", "dps_reg_id"),
    ("DPS_REGISTER_URL", "dps_url"),
    ("DPS_MQTT_USERNAME", "dps_username"),
];

/// The table's text.
pub(super) fn write(flashed: &Flashed) -> String {
    let mut text = String::new();
    for line in head::lines(flashed) {
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    }
    // Writing to a String cannot fail, here and below.
    let _ = write!(text, "key,type,encoding,value\n{NAMESPACE},namespace,,\n");
    for fact in flashed.facts() {
        let Some(key) = key(fact.name) else {
            continue;
        };
        let (encoding, value) = match &fact.value {
            Value::Text(text) | Value::Pem(text) => ("string", quote(text)),
            Value::Seconds(seconds) => ("i64", seconds.to_string()),
            Value::Length(length) => ("u32", length.to_string()),
        };
        let _ = writeln!(text, "{key},data,{encoding},{value}");
    }
    text
}

/// The key of a name; a test holds that each has one.
pub(super) fn key(name: &str) -> Option<&'static str> {
    KEYS.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, key)| *key)
}

/// A field in quotes, in which a quote stands twice (RFC 4180 §2).
pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
