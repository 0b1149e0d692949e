//! A batch of device-to-cloud messages: a JSON array of bodies with their properties. The service reads it with Json.NET, and
//! so leniently; clients have come to rely on that.
//!
//! Source: azure-iot-device-http 1.14.4 `http.js:213-270`; azure-iot-sdk-c `iothubtransporthttp.c:1302-1380`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use super::careless_json;
use crate::model::object::Object;

/// One message of a batch, as it stands in the JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    body: String,
    #[serde(
        default = "yes",
        skip_serializing_if = "Clone::clone",
        deserialize_with = "truth"
    )]
    base64_encoded: bool,
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "properties"
    )]
    properties: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// A value that counts as text: a string, or a number or truth value as it is written.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = <&RawValue>::deserialize(from)?.get();
        match written.bytes().next() {
            Some(b'"') => serde_json::from_str(written)
                .map(Self)
                .map_err(|_| D::Error::custom("a string has half a surrogate pair")),
            Some(b'{' | b'[' | b'n') | None => Err(D::Error::custom(format_args!(
                "{written:.20} stands where a string, a number or a truth value may"
            ))),
            Some(_) => Ok(Self(written.to_owned())),
        }
    }
}

/// A truth value, or a string that names one.
fn truth<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let Text(text) = Deserialize::deserialize(from)?;
    let text = text.trim().to_ascii_lowercase();
    let unknown = |_| D::Error::custom("base64Encoded is neither true nor false");
    text.parse().map_err(unknown)
}

/// Properties; null is as good as none.
fn properties<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let read: Option<BTreeMap<String, Text>> = Deserialize::deserialize(from)?;
    let texts = read.into_iter().flatten();
    Ok(texts.map(|(name, Text(value))| (name, value)).collect())
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
    #[error("the batch is not a JSON array of messages: {reason} at line {line} column {column}")]
    Json {
        /// Why.
        reason: String,
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
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

impl BatchError {
    /// What the parser says of the mended text, of the text as it came.
    fn of(error: &serde_json::Error, body: &[u8]) -> Self {
        let (line, column) = (error.line(), error.column());
        let said = error.to_string();
        let place = format!(" at line {line} column {column}");
        let reason = said.strip_suffix(&place).unwrap_or(&said).to_owned();
        let (line, column) = careless_json::place(body, (line, column));
        Self::Json {
            reason,
            line,
            column,
        }
    }
}

/// Reads a batch.
///
/// # Errors
/// [`BatchError`] names the message that cannot be read.
pub fn parse(body: &[u8]) -> Result<Vec<BatchMessage>, BatchError> {
    let mended = careless_json::mend(body);
    let entries: Vec<Object<Entry>> =
        serde_json::from_slice(&mended).map_err(|error| BatchError::of(&error, body))?;
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

    #[test]
    fn what_the_service_lets_through_is_read() {
        let messages = parse(
            b"[{\"body\": \"eA==\", \"properties\": null},\n\
            {\"body\":\"a\tb\",\"base64Encoded\":\"False\",\"properties\":{\"iothub-app-n\":1.50,\"iothub-app-b\":true,\
            \"iothub-app-t\":\"two\nlines\",},},]",
        )
        .unwrap();
        assert_eq!(messages[0].body, b"x");
        assert!(messages[0].properties.is_empty());
        assert_eq!(messages[1].body, b"a\tb");
        let property = |name: &str| messages[1].properties[name].as_str();
        assert_eq!(property("iothub-app-n"), "1.50");
        assert_eq!(property("iothub-app-b"), "true");
        assert_eq!(property("iothub-app-t"), "two\nlines");
    }

    #[test]
    fn what_it_does_not_let_through_is_told_with_its_place() {
        let told = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
        let prefix = "the batch is not a JSON array of messages: ";
        for (text, reason) in [
            ("[{\"body\":\"\\d\"}]", "invalid escape at line 1 column 12"),
            (
                "[{\"body\":\"a\nb\",\"properties\":{\"iothub-app-a\":\"x\"y\"}}]",
                "expected `,` or `}` at line 2 column 36",
            ),
            (
                "[{\"body\":\"\",\"properties\":{\"a\":{}}}]",
                "{} stands where a string, a number or a truth value may at line 1 column 33",
            ),
            (
                "[{\"body\":\"\",\"base64Encoded\":\"no\"}]",
                "base64Encoded is neither true nor false at line 1 column 33",
            ),
            ("[{}]", "missing field `body` at line 1 column 3"),
            ("[,]", "expected value at line 1 column 2"),
        ] {
            assert_eq!(told(text), format!("{prefix}{reason}"));
        }
    }

    proptest! {
        #[test]
        fn no_batch_panics(text in "[\\[\\]{},:\"\\\\\n a1]{0,24}") {
            let _ = parse(text.as_bytes());
        }

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
