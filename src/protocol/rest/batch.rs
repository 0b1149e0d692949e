//! A batch of device-to-cloud messages: a JSON array of bodies with their properties.
//!
//! Source: azure-iot-device-http 1.14.4 `http.js:213-270`; azure-iot-sdk-c `iothubtransporthttp.c:1302-1380`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::object::Object;

/// One message of a batch, as it stands in the JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    body: String,
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    base64_encoded: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// One message of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchMessage {
    /// The body, decoded.
    pub body: Vec<u8>,
    /// Properties under their headers' names (`iothub-app-…`, `iothub-messageid`, …).
    pub properties: BTreeMap<String, String>,
}

/// Why a body is no batch.
#[derive(Debug, Error)]
pub enum BatchError {
    /// No JSON array of messages.
    #[error("the batch is not a JSON array of messages: {source}")]
    Json {
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A body that is not base64 and does not say so.
    #[error(
        "the body of message {number} is not base64 (say \"base64Encoded\": false for plain text)"
    )]
    NotBase64 {
        /// Which message, counted from 1.
        number: usize,
    },
}

/// Reads a batch.
///
/// # Errors
/// [`BatchError`] names the message that cannot be read.
pub fn parse(body: &[u8]) -> Result<Vec<BatchMessage>, BatchError> {
    let entries: Vec<Object<Entry>> =
        serde_json::from_slice(body).map_err(|source| BatchError::Json { source })?;
    let message = |(index, Object(entry)): (usize, Object<Entry>)| {
        let body = if entry.base64_encoded {
            STANDARD
                .decode(&entry.body)
                .map_err(|_| BatchError::NotBase64 { number: index + 1 })?
        } else {
            entry.body.into_bytes()
        };
        Ok(BatchMessage {
            body,
            properties: entry.properties,
        })
    };
    entries.into_iter().enumerate().map(message).collect()
}

/// Writes a batch, its bodies in base64.
#[must_use]
pub fn write(messages: &[BatchMessage]) -> Vec<u8> {
    let entries: Vec<Entry> = messages
        .iter()
        .map(|message| Entry {
            body: STANDARD.encode(&message.body),
            base64_encoded: true,
            properties: message.properties.clone(),
        })
        .collect();
    // Strings and maps of strings always serialize.
    serde_json::to_vec(&entries).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_is_taken_where_it_says_so() {
        let messages = parse(br#"[{"body":"plain","base64Encoded":false},{"body":"eA==","properties":{"iothub-app-l":"1"}}]"#).unwrap();
        assert_eq!(messages[0].body, b"plain");
        assert_eq!(messages[1].body, b"x");
        assert_eq!(messages[1].properties["iothub-app-l"], "1");
        assert!(matches!(
            parse(br#"[{"body":"*"}]"#),
            Err(BatchError::NotBase64 { number: 1 })
        ));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..5),
            properties in proptest::collection::btree_map("iothub-app-[a-z]{1,5}", "\\PC{0,9}", 0..3),
        ) {
            let messages: Vec<_> =
                bodies.into_iter().map(|body| BatchMessage { body, properties: properties.clone() }).collect();
            prop_assert_eq!(parse(&write(&messages)).unwrap(), messages);
        }
    }
}
