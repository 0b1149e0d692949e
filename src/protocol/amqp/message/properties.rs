//! The properties section: read by position when asked, written from named fields.

use crate::protocol::amqp::value::{Items, Value};
use crate::protocol::amqp::writer::Writer;

/// The properties of a message, not yet read; without a section, all of them are absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Properties<'a> {
    pub(super) items: Items<'a>,
}

impl<'a> Properties<'a> {
    pub(super) fn new(items: Items<'a>) -> Self {
        Self { items }
    }

    /// Names the message: a string with both services, but also an unsigned long, a UUID or bytes.
    #[must_use]
    pub fn message_id(&self) -> Option<Value<'a>> {
        self.items.at(0)
    }

    /// Who sent it, as bytes.
    #[must_use]
    pub fn user_id(&self) -> Option<&'a [u8]> {
        bytes(&self.items.at(1)?)
    }

    /// The node it goes to.
    #[must_use]
    pub fn to(&self) -> Option<&'a str> {
        self.text(2)
    }

    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> Option<&'a str> {
        self.text(3)
    }

    /// The node a reply goes to.
    #[must_use]
    pub fn reply_to(&self) -> Option<&'a str> {
        self.text(4)
    }

    /// The message it replies to, as that was named.
    #[must_use]
    pub fn correlation_id(&self) -> Option<Value<'a>> {
        self.items.at(5)
    }

    /// The body's media type.
    #[must_use]
    pub fn content_type(&self) -> Option<&'a str> {
        self.text(6)
    }

    /// The body's character set, with both services.
    #[must_use]
    pub fn content_encoding(&self) -> Option<&'a str> {
        self.text(7)
    }

    /// When it is to be dropped: milliseconds since the Unix epoch.
    #[must_use]
    pub fn absolute_expiry_time(&self) -> Option<i64> {
        self.items.at(8)?.as_timestamp_ms()
    }

    /// When it was made: milliseconds since the Unix epoch.
    #[must_use]
    pub fn creation_time(&self) -> Option<i64> {
        self.items.at(9)?.as_timestamp_ms()
    }

    /// The group it belongs to.
    #[must_use]
    pub fn group_id(&self) -> Option<&'a str> {
        self.text(10)
    }

    /// Its place in that group.
    #[must_use]
    pub fn group_sequence(&self) -> Option<u32> {
        self.items.at(11)?.as_u32()
    }

    /// The group a reply belongs to.
    #[must_use]
    pub fn reply_to_group_id(&self) -> Option<&'a str> {
        self.text(12)
    }

    fn text(&self, position: usize) -> Option<&'a str> {
        self.items.at(position)?.as_str()
    }
}

/// The properties of a message, to be written. See [`Properties`] for what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[allow(missing_docs, reason = "documented at the accessors of the same names")]
pub struct PropertyFields<'a> {
    pub message_id: Option<Value<'a>>,
    pub user_id: Option<&'a [u8]>,
    pub to: Option<&'a str>,
    pub subject: Option<&'a str>,
    pub reply_to: Option<&'a str>,
    pub correlation_id: Option<Value<'a>>,
    pub content_type: Option<&'a str>,
    pub content_encoding: Option<&'a str>,
    pub absolute_expiry_time: Option<i64>,
    pub creation_time: Option<i64>,
    pub group_id: Option<&'a str>,
    pub group_sequence: Option<u32>,
    pub reply_to_group_id: Option<&'a str>,
}

/// In one walk, where each accessor of [`Properties`] takes one of its own.
impl<'a> From<Properties<'a>> for PropertyFields<'a> {
    fn from(read: Properties<'a>) -> Self {
        let mut fields = Self::default();
        for (position, raw) in read.items.raws().map_while(Result::ok).enumerate() {
            if raw.is_null() {
                continue;
            }
            let Ok(value) = raw.read() else { break };
            match position {
                0 => fields.message_id = Some(value),
                1 => fields.user_id = bytes(&value),
                2 => fields.to = value.as_str(),
                3 => fields.subject = value.as_str(),
                4 => fields.reply_to = value.as_str(),
                5 => fields.correlation_id = Some(value),
                6 => fields.content_type = value.as_str(),
                7 => fields.content_encoding = value.as_str(),
                8 => fields.absolute_expiry_time = value.as_timestamp_ms(),
                9 => fields.creation_time = value.as_timestamp_ms(),
                10 => fields.group_id = value.as_str(),
                11 => fields.group_sequence = value.as_u32(),
                12 => fields.reply_to_group_id = value.as_str(),
                _ => break,
            }
        }
        fields
    }
}

/// Bytes; some stacks send text.
fn bytes<'a>(value: &Value<'a>) -> Option<&'a [u8]> {
    value
        .as_binary()
        .or_else(|| value.as_str().map(str::as_bytes))
}

impl PropertyFields<'_> {
    /// Whether nothing is there to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.list(|w| {
            w.optional(self.message_id, |w, id| w.value(&id));
            w.optional(self.user_id, Writer::binary);
            w.optional(self.to, Writer::string);
            w.optional(self.subject, Writer::string);
            w.optional(self.reply_to, Writer::string);
            w.optional(self.correlation_id, |w, id| w.value(&id));
            w.optional(self.content_type, Writer::symbol);
            w.optional(self.content_encoding, Writer::symbol);
            w.optional(self.absolute_expiry_time, Writer::timestamp);
            w.optional(self.creation_time, Writer::timestamp);
            w.optional(self.group_id, Writer::string);
            w.optional(self.group_sequence, Writer::uint);
            w.optional(self.reply_to_group_id, Writer::string);
        });
    }
}
