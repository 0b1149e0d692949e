//! Bodies as the user wants them read.

use std::io::Write as _;

use clap::ValueEnum;

use super::body::Content;
use super::cbor::write_cbor;
use super::json::{Json, key};
use super::json_text::copy_json;
use super::json_walk::find;
use super::terminal::write_shown;
use super::value::{write_lists, write_value};
use crate::protocol::amqp::message::Body;

/// How bodies are read and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum BodyFormat {
    /// As what it is: JSON, other text, or bytes
    #[default]
    Auto,
    /// As text, even where it is JSON
    Text,
    // What is none is shown as with `Auto`.
    /// As JSON; a body that is none is told of
    Json,
    /// As hexadecimal digits
    Hex,
    /// As base64
    Base64,
    // What is none is shown as base64.
    /// As CBOR, shown as JSON; a body that is none is told of
    Cbor,
}

/// A body as it is shown.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// As what it is.
    Plain(Content<'a>),
    /// JSON.
    Json(&'a str),
    /// Text that is not looked into.
    Text(&'a str),
    /// Bytes that are shown as base64.
    Base64(&'a [u8]),
}

/// A body that was read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// What fields are looked for in: the body as it came, or the JSON that it was decoded to.
    pub content: Content<'a>,
    /// What is shown.
    pub shown: Shown<'a>,
    /// Whether it is what it was to be read as.
    pub is_as_asked: bool,
}

/// Reads bodies one after the other. Keeps the buffers that it needs.
#[derive(Debug, Default)]
pub struct BodyReader {
    format: BodyFormat,
    sections: Vec<u8>,
    decoded: Vec<u8>,
}

impl BodyReader {
    /// A reader that takes bodies for this.
    #[must_use]
    pub fn new(format: BodyFormat) -> Self {
        Self {
            format,
            ..Self::default()
        }
    }

    /// Reads a body.
    pub fn read<'a>(&'a mut self, body: &Body<'a>) -> Reading<'a> {
        let content = Content::of(body, &mut self.sections);
        let plain = Reading {
            content,
            shown: Shown::Plain(content),
            is_as_asked: true,
        };
        let Some(bytes) = content.as_bytes().filter(|bytes| !bytes.is_empty()) else {
            return plain;
        };
        let text = || std::str::from_utf8(bytes).ok();
        match self.format {
            BodyFormat::Auto => plain,
            BodyFormat::Text => Reading {
                shown: text().map_or(plain.shown, Shown::Text),
                ..plain
            },
            BodyFormat::Json => Reading {
                is_as_asked: text().is_some_and(|text| find(text, &[]).is_some()),
                ..plain
            },
            BodyFormat::Hex => {
                self.decoded.clear();
                for byte in bytes {
                    // Writing to a Vec cannot fail.
                    let _ = write!(self.decoded, "{byte:02x}");
                }
                let shown = std::str::from_utf8(&self.decoded).map_or(plain.shown, Shown::Text);
                Reading { shown, ..plain }
            }
            BodyFormat::Base64 => Reading {
                shown: Shown::Base64(bytes),
                ..plain
            },
            BodyFormat::Cbor => {
                self.decoded.clear();
                let is_cbor = write_cbor(bytes, &mut self.decoded);
                match std::str::from_utf8(&self.decoded) {
                    Ok(json) if is_cbor => Reading {
                        content: Content::Bytes(json.as_bytes()),
                        shown: Shown::Json(json),
                        ..plain
                    },
                    Ok(_) | Err(_) => Reading {
                        content: Content::Empty,
                        shown: Shown::Base64(bytes),
                        is_as_asked: false,
                    },
                }
            }
        }
    }
}

impl Shown<'_> {
    /// Writes it as a value of JSON, under the key that says what it is: `body`, or `bodyBase64`.
    pub fn write_members(&self, json: &mut Json<'_>) {
        match *self {
            Self::Json(text) => write_member(json, |json| write_text(text, json)),
            Self::Text(text) => write_member(json, |json| json.string(text)),
            Self::Base64(bytes) => write_base64_member(bytes, json),
            Self::Plain(Content::Bytes(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => write_member(json, |json| write_text(text, json)),
                Err(_) => write_base64_member(bytes, json),
            },
            Self::Plain(Content::Value(value)) => {
                write_member(json, |json| match value.as_str() {
                    Some(text) => write_text(text, json),
                    None => write_value(&value, json),
                });
            }
            Self::Plain(Content::Lists(lists)) => {
                write_member(json, |json| write_lists(lists.iter(), json));
            }
            Self::Plain(Content::Empty) => write_member(json, |json| json.word("null")),
        }
    }

    /// Appends it for a terminal: nothing in it is obeyed, values of AMQP take several lines.
    pub fn write_for_people(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Json(text) | Self::Text(text) => write_shown(text.as_bytes(), out),
            Self::Plain(content) => match content.as_bytes() {
                Some(bytes) => write_shown(bytes, out),
                None => write_structure(content, &mut Json::pretty(out)),
            },
            Self::Base64(_) => self.write_plain(out),
        }
    }

    /// Appends it as it came.
    pub fn write_plain(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Json(text) | Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Plain(content) => match content.as_bytes() {
                Some(bytes) => out.extend_from_slice(bytes),
                None => write_structure(content, &mut Json::compact(out)),
            },
            Self::Base64(bytes) => Json::compact(out).base64_part(bytes),
        }
    }
}

fn write_structure(content: Content<'_>, json: &mut Json<'_>) {
    match content {
        Content::Value(value) => write_value(&value, json),
        Content::Lists(lists) => write_lists(lists.iter(), json),
        Content::Bytes(_) | Content::Empty => {}
    }
}

#[inline]
fn write_member(json: &mut Json<'_>, write: impl FnOnce(&mut Json<'_>)) {
    json.known_key(key!("body"));
    write(json);
}

fn write_base64_member(bytes: &[u8], json: &mut Json<'_>) {
    json.known_key(key!("bodyBase64"));
    json.base64(bytes);
}

/// A text that is JSON as what it is, any other as a string.
fn write_text(text: &str, json: &mut Json<'_>) {
    if !copy_json(text, json.raw()) {
        json.string(text);
    }
}
