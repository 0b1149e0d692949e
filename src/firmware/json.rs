//! One JSON object on one line, its members named as the header's macros are, in camel case.

use serde_json::{Map, Value as Json, json};

use super::flashed::{Flashed, Value};

/// The object's text, with a final newline.
pub(super) fn write(flashed: &Flashed) -> String {
    let mut object: Map<String, Json> = flashed
        .facts()
        .into_iter()
        .map(|fact| {
            let value = match fact.value {
                Value::Text(text) | Value::Pem(text) => json!(text),
                Value::Seconds(seconds) => json!(seconds),
                Value::Length(length) => json!(length),
            };
            (camel_case(fact.name), value)
        })
        .collect();
    if let Some(policy) = &flashed.policy {
        object.insert("policyName".to_owned(), json!(policy));
    }
    object.insert("validUntil".to_owned(), json!(flashed.expires_text()));
    object.insert("made".to_owned(), json!(flashed.made_text()));
    object.insert(
        "madeBy".to_owned(),
        json!(concat!("hubctl ", env!("CARGO_PKG_VERSION"))),
    );
    format!("{}\n", Json::Object(object))
}

/// `SAS_TOKEN_EXPIRY` becomes `sasTokenExpiry`.
fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for (index, word) in name.split('_').enumerate() {
        let lower = word.to_ascii_lowercase();
        let (first, rest) = lower.split_at(lower.len().min(1));
        if index == 0 {
            camel.push_str(first);
        } else {
            camel.push_str(&first.to_ascii_uppercase());
        }
        camel.push_str(rest);
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_turn_into_camel_case() {
        assert_eq!(camel_case("IOT_HUB_MQTT_USERNAME"), "iotHubMqttUsername");
        assert_eq!(camel_case("SAS_TOKEN"), "sasToken");
    }
}
