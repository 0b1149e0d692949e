//! What is sent with each body: properties, checked by the rules of HTTPS, and the declaration of JSON.

use std::collections::BTreeMap;
use std::str;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::IgnoredAny;
use thiserror::Error;

use super::template::{Filling, Template, TemplateError};
use crate::model::identifier::{DeviceId, IdError};
use crate::protocol::rest::event_header::{
    self, APPLICATION_PREFIX, Property, is_legal_in_property,
};

const JSON: &str = "application/json";
const UTF_8: &str = "utf-8";

/// Why properties cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum FormError {
    #[error("the property {text:?} is not NAME=VALUE")]
    Syntax { text: String },
    #[error("the property {name:?} is given twice")]
    Twice { name: String },
    #[error("{character:?} cannot stand in the {place} of the property {name:?}")]
    Character {
        character: char,
        place: &'static str,
        name: String,
    },
    #[error("{flag} cannot be sent: {source}")]
    Id {
        flag: &'static str,
        #[source]
        source: IdError,
    },
    #[error("{flag} holds characters that cannot stand in a header")]
    Header { flag: &'static str },
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// What the user says about the messages.
#[derive(Debug, Clone, Default)]
pub(super) struct FormOptions<'a> {
    pub(super) properties: &'a [String],
    pub(super) message_id: Option<&'a str>,
    pub(super) correlation_id: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) content_encoding: Option<&'a str>,
    pub(super) template: bool,
}

/// The headers that all messages have in common, and how to make those that differ.
#[derive(Debug)]
pub(super) struct Form {
    fields: Vec<(HeaderName, Template)>,
    /// JSON bodies are declared as such.
    declares: bool,
    /// The headers of bodies that are JSON, and of those that are not, where they are the same each time.
    constant: Option<(HeaderMap, HeaderMap)>,
    /// Names whose capitals are lost on the way.
    pub(super) capitals: Vec<String>,
    /// Names whose value holds a character that a header carries but that the service's documentation does not list.
    pub(super) unlisted: Vec<(String, char)>,
}

impl Form {
    pub(super) fn new(options: &FormOptions<'_>) -> Result<Self, FormError> {
        let mut form = Self {
            fields: Vec::new(),
            declares: options.content_type.is_none(),
            constant: None,
            capitals: Vec::new(),
            unlisted: Vec::new(),
        };
        let text = |text: &str| {
            if options.template {
                Template::parse(text)
            } else {
                Ok(Template::verbatim(text))
            }
        };
        for property in options.properties {
            form.add_property(property, &text)?;
        }
        for (flag, header, value) in [
            ("--message-id", event_header::MESSAGE_ID, options.message_id),
            (
                "--correlation-id",
                event_header::CORRELATION_ID,
                options.correlation_id,
            ),
            (
                "--content-type",
                event_header::CONTENT_TYPE,
                options.content_type,
            ),
            (
                "--content-encoding",
                event_header::CONTENT_ENCODING,
                options.content_encoding,
            ),
        ] {
            let Some(value) = value else { continue };
            let template = text(value)?;
            check_system(flag, header, &template)?;
            form.fields
                .push((HeaderName::from_static(header), template));
        }
        if form.fields.iter().all(|(_, value)| value.is_constant()) {
            form.constant = Some((form.fill(true, None), form.fill(false, None)));
        }
        Ok(form)
    }

    fn add_property(
        &mut self,
        property: &str,
        text: &dyn Fn(&str) -> Result<Template, TemplateError>,
    ) -> Result<(), FormError> {
        let (name, value) = property
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| FormError::Syntax {
                text: property.to_owned(),
            })?;
        check_characters(name, "name", name, is_legal_in_property)?;
        let value = text(value)?;
        for literal in value.literals() {
            check_characters(literal, "value", name, |c| matches!(c, ' '..='~'))?;
            let unlisted = literal.chars().find(|c| !is_legal_in_property(*c));
            self.unlisted.extend(unlisted.map(|c| (name.to_owned(), c)));
        }
        let header = Property::Application(name).header();
        let header = HeaderName::from_bytes(header.as_bytes()).map_err(|_| FormError::Syntax {
            text: property.to_owned(),
        })?;
        if self.fields.iter().any(|(known, _)| *known == header) {
            return Err(FormError::Twice {
                name: name.to_owned(),
            });
        }
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.capitals.push(name.to_owned());
        }
        self.fields.push((header, value));
        Ok(())
    }

    /// The headers where they are the same for each message.
    pub(super) fn constant(&self, json: bool) -> Option<&HeaderMap> {
        let (of_json, of_others) = self.constant.as_ref()?;
        Some(if json { of_json } else { of_others })
    }

    /// The headers of one message.
    pub(super) fn headers(&self, json: bool, filling: &mut Filling<'_>) -> HeaderMap {
        match self.constant(json) {
            Some(headers) => headers.clone(),
            None => self.fill(json, Some(filling)),
        }
    }

    fn fill(&self, json: bool, mut filling: Option<&mut Filling<'_>>) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(self.fields.len() + 4);
        for (name, template) in &self.fields {
            let text = match &mut filling {
                Some(filling) => template.fill(filling),
                None => template.literals().collect(),
            };
            // What comes from placeholders is plain ASCII, and the rest was checked.
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
        if json && self.declares {
            let encoding = HeaderName::from_static(event_header::CONTENT_ENCODING);
            headers.insert(
                HeaderName::from_static(event_header::CONTENT_TYPE),
                HeaderValue::from_static(JSON),
            );
            headers
                .entry(encoding)
                .or_insert(HeaderValue::from_static(UTF_8));
        }
        headers
    }
}

fn check_characters(
    text: &str,
    place: &'static str,
    name: &str,
    may_stand: fn(char) -> bool,
) -> Result<(), FormError> {
    match text.chars().find(|c| !may_stand(*c)) {
        Some(character) => Err(FormError::Character {
            character,
            place,
            name: name.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Ids have the alphabet and length of device ids (learn.microsoft.com, "Create and read IoT Hub messages"); the others
/// are held to what a header takes.
fn check_system(flag: &'static str, header: &str, value: &Template) -> Result<(), FormError> {
    let is_id = [event_header::MESSAGE_ID, event_header::CORRELATION_ID].contains(&header);
    for literal in value.literals() {
        if is_id && (value.is_constant() || !literal.is_empty()) {
            let checked = literal.parse::<DeviceId>();
            checked.map_err(|source| FormError::Id { flag, source })?;
        }
        if !literal.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(FormError::Header { flag });
        }
    }
    Ok(())
}

/// Whether a body is a JSON text, so that it can be declared as one.
pub(super) fn is_json(body: &[u8]) -> bool {
    // Most that is not JSON shows it in its first byte.
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if !first.is_some_and(|byte| b"{[\"-0123456789tfn".contains(byte)) {
        return false;
    }
    str::from_utf8(body).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// The bytes that the hub counts beside the body: system values, and names and values of the user's own.
pub(in crate::command) fn counted_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| {
            let name = name.as_str().strip_prefix(APPLICATION_PREFIX);
            name.map_or(0, str::len) + value.len()
        })
        .sum()
}

/// The properties as a batch carries them.
pub(super) fn batch_properties(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(list: &[&str]) -> Result<Form, FormError> {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        Form::new(&FormOptions {
            properties: &list,
            ..FormOptions::default()
        })
    }

    #[test]
    fn json_is_declared_unless_told_otherwise() {
        let form = properties(&["alert=true"]).unwrap();
        let headers = form.constant(true).unwrap();
        assert_eq!(headers["iothub-app-alert"], "true");
        assert_eq!(headers["iothub-contenttype"], "application/json");
        assert_eq!(headers["iothub-contentencoding"], "utf-8");
        assert_eq!(form.constant(false).unwrap().len(), 1);
        assert_eq!(counted_bytes(headers), 5 + 4 + 16 + 5);

        let told = Form::new(&FormOptions {
            content_type: Some("text/plain"),
            ..FormOptions::default()
        });
        let told = told.unwrap();
        assert_eq!(
            told.constant(true).unwrap()["iothub-contenttype"],
            "text/plain"
        );
        assert!(
            told.constant(true)
                .unwrap()
                .get("iothub-contentencoding")
                .is_none()
        );
    }

    #[test]
    fn what_no_header_carries_is_refused() {
        assert_eq!(
            properties(&["a b=1"]).unwrap_err().to_string(),
            "' ' cannot stand in the name of the property \"a b\""
        );
        assert!(matches!(
            properties(&["a=ü"]),
            Err(FormError::Character { place: "value", .. })
        ));
        assert!(matches!(properties(&["a"]), Err(FormError::Syntax { .. })));
        assert!(matches!(properties(&["=1"]), Err(FormError::Syntax { .. })));
        assert!(matches!(
            properties(&["a=1", "A=2"]),
            Err(FormError::Twice { .. })
        ));
        assert_eq!(
            properties(&["alertLevel=1"]).unwrap().capitals,
            ["alertLevel"]
        );
        let id = Form::new(&FormOptions {
            message_id: Some("a b"),
            ..FormOptions::default()
        });
        assert!(matches!(id, Err(FormError::Id { .. })));
        let encoding = Form::new(&FormOptions {
            content_encoding: Some("x\r\ny"),
            ..FormOptions::default()
        });
        assert!(matches!(encoding, Err(FormError::Header { .. })));
    }

    #[test]
    fn json_is_recognised() {
        for text in ["{}", " [1]", "24.5", "true", "\"x\""] {
            assert!(is_json(text.as_bytes()), "{text}");
        }
        for text in ["", "hello", "{", "{} x", "temperature=3"] {
            assert!(!is_json(text.as_bytes()), "{text}");
        }
        assert!(!is_json(b"\"\xff\""));
    }
}
