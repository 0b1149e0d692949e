//! Asking an event hub about itself and its partitions: READ requests to `$management`, and the bodies of the replies.
//! The head of a reply is a [`Response`](crate::protocol::amqp::response::Response).

use std::fmt;

use crate::protocol::amqp::message::{Message, MessageWriter, PropertyFields};
use crate::protocol::amqp::response::text;
use crate::protocol::amqp::value::{Items, Value};
use crate::protocol::amqp::writer::Writer;

const OPERATION: &str = "READ";
const EVENT_HUB_TYPE: &str = "com.microsoft:eventhub";
const PARTITION_TYPE: &str = "com.microsoft:partition";

/// A request to describe an event hub or one of its partitions.
#[derive(Clone, Copy, PartialEq)]
pub struct ReadRequest<'a> {
    /// To be repeated in the reply.
    pub message_id: Option<Value<'a>>,
    /// Where the reply goes.
    pub reply_to: Option<&'a str>,
    /// The event hub's name.
    pub entity: &'a str,
    /// The partition that is meant; none for the event hub as a whole.
    pub partition: Option<&'a str>,
    /// Secret. Clients that have put a token on the connection send one here too, or none.
    pub security_token: Option<&'a str>,
}

/// Leaves the token out.
impl fmt::Debug for ReadRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadRequest")
            .field("message_id", &self.message_id)
            .field("reply_to", &self.reply_to)
            .field("entity", &self.entity)
            .field("partition", &self.partition)
            .finish_non_exhaustive()
    }
}

/// Why a message is no request to `$management`, or a body no answer from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManagementError {
    /// It asks for something else than READ, or for nothing.
    #[error("management request is not a {OPERATION}")]
    Operation,
    /// It asks about something else than event hubs and partitions.
    #[error("management request asks about an unknown type of thing")]
    Type,
    /// A property or an entry is missing, or of the wrong type.
    #[error("management message lacks {name:?}")]
    Missing {
        /// The property or entry.
        name: &'static str,
    },
    /// The body of a reply is no map.
    #[error("management reply carries no map")]
    Body,
}

impl<'a> ReadRequest<'a> {
    /// Reads the request.
    pub fn parse(message: &Message<'a>) -> Result<Self, ManagementError> {
        let property = |name: &'static str| text(message.application_property(name));
        if !property("operation").is_some_and(|operation| operation.eq_ignore_ascii_case(OPERATION))
        {
            return Err(ManagementError::Operation);
        }
        let partition = match property("type") {
            Some(EVENT_HUB_TYPE) => None,
            Some(PARTITION_TYPE) => {
                Some(property("partition").ok_or(ManagementError::Missing { name: "partition" })?)
            }
            _ => return Err(ManagementError::Type),
        };
        Ok(Self {
            message_id: message.properties.message_id(),
            reply_to: message.properties.reply_to(),
            entity: property("name").ok_or(ManagementError::Missing { name: "name" })?,
            partition,
            security_token: property("security_token"),
        })
    }

    /// Writes the request as a message.
    pub fn write(&self, out: &mut Vec<u8>) {
        let kind = if self.partition.is_some() {
            PARTITION_TYPE
        } else {
            EVENT_HUB_TYPE
        };
        let mut message = MessageWriter::new(out);
        message.properties(&PropertyFields {
            message_id: self.message_id,
            reply_to: self.reply_to,
            ..PropertyFields::default()
        });
        message.application_properties(|w| {
            let required = [
                ("operation", OPERATION),
                ("name", self.entity),
                ("type", kind),
            ];
            let optional = [
                ("partition", self.partition),
                ("security_token", self.security_token),
            ];
            let optional = optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)));
            for (name, value) in required.into_iter().chain(optional) {
                w.string(name);
                w.string(value);
            }
        });
        message.value(|w| w.string(""));
    }
}

/// What an event hub says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHubProperties {
    /// The event hub's name.
    pub name: String,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// `0`, `1` and so on, in order.
    pub partition_ids: Vec<String>,
}

impl EventHubProperties {
    /// Reads the body of a reply.
    pub fn from_body(body: &Value<'_>) -> Result<Self, ManagementError> {
        let map = entries(body)?;
        let ids = map.find("partition_ids").ok_or(ManagementError::Missing {
            name: "partition_ids",
        })?;
        let partition_ids = match (ids.as_array(), ids.as_list()) {
            (Some(array), _) => array.iter().filter_map(owned_text).collect(),
            (_, Some(list)) => list.iter().filter_map(owned_text).collect(),
            _ => ids.as_str().map(str::to_owned).into_iter().collect(),
        };
        Ok(Self {
            name: string(&map, "name")?,
            created_at_ms: timestamp(&map, "created_at")?,
            partition_ids,
        })
    }

    /// Writes the body of a reply.
    pub fn write_body(&self, w: &mut Writer<'_>) {
        w.map(|w| {
            write_text(w, "name", &self.name);
            write_text(w, "type", EVENT_HUB_TYPE);
            w.string("created_at");
            w.timestamp(self.created_at_ms);
            w.string("partition_count");
            w.int(i32::try_from(self.partition_ids.len()).unwrap_or(i32::MAX));
            w.string("partition_ids");
            w.strings(self.partition_ids.iter().map(String::as_str));
        });
    }
}

/// What an event hub says of one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionProperties {
    /// The event hub's name.
    pub name: String,
    /// The partition's own.
    pub partition: String,
    /// The sequence number of the oldest event that is kept.
    pub begin_sequence_number: i64,
    /// The sequence number of the newest event; -1 if there never was one.
    pub last_enqueued_sequence_number: i64,
    /// The offset of the newest event: opaque text.
    pub last_enqueued_offset: String,
    /// Milliseconds since the Unix epoch.
    pub last_enqueued_time_ms: i64,
    /// Whether no event is kept.
    pub is_empty: bool,
}

impl PartitionProperties {
    /// Reads the body of a reply.
    pub fn from_body(body: &Value<'_>) -> Result<Self, ManagementError> {
        let map = entries(body)?;
        let number = |name: &'static str| {
            map.find(name)
                .and_then(|value| value.as_i64())
                .ok_or(ManagementError::Missing { name })
        };
        Ok(Self {
            name: string(&map, "name")?,
            partition: string(&map, "partition")?,
            begin_sequence_number: number("begin_sequence_number")?,
            last_enqueued_sequence_number: number("last_enqueued_sequence_number")?,
            last_enqueued_offset: string(&map, "last_enqueued_offset")?,
            last_enqueued_time_ms: timestamp(&map, "last_enqueued_time_utc")?,
            is_empty: map
                .find("is_partition_empty")
                .and_then(|value| value.as_bool())
                .unwrap_or(false),
        })
    }

    /// Writes the body of a reply.
    pub fn write_body(&self, w: &mut Writer<'_>) {
        w.map(|w| {
            write_text(w, "name", &self.name);
            write_text(w, "type", PARTITION_TYPE);
            write_text(w, "partition", &self.partition);
            w.string("begin_sequence_number");
            w.long(self.begin_sequence_number);
            w.string("last_enqueued_sequence_number");
            w.long(self.last_enqueued_sequence_number);
            write_text(w, "last_enqueued_offset", &self.last_enqueued_offset);
            w.string("last_enqueued_time_utc");
            w.timestamp(self.last_enqueued_time_ms);
            w.string("is_partition_empty");
            w.bool(self.is_empty);
        });
    }
}

fn entries<'a>(body: &Value<'a>) -> Result<Items<'a>, ManagementError> {
    body.as_map().ok_or(ManagementError::Body)
}

fn string(map: &Items<'_>, name: &'static str) -> Result<String, ManagementError> {
    text(map.find(name))
        .map(str::to_owned)
        .ok_or(ManagementError::Missing { name })
}

fn timestamp(map: &Items<'_>, name: &'static str) -> Result<i64, ManagementError> {
    map.find(name)
        .and_then(|value| value.as_timestamp_ms())
        .ok_or(ManagementError::Missing { name })
}

fn owned_text<E>(item: Result<Value<'_>, E>) -> Option<String> {
    item.ok()?.as_str().map(str::to_owned)
}

fn write_text(w: &mut Writer<'_>, name: &str, value: &str) {
    w.string(name);
    w.string(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::message::Body;
    use crate::protocol::amqp::reference;
    use crate::protocol::amqp::response::{Response, STATUS_OK};

    #[test]
    fn reads_the_javascript_clients_request() {
        let bytes = reference::bytes(reference::MESSAGE_MGMT_RHEA);
        let request = ReadRequest::parse(&Message::parse(&bytes).unwrap()).unwrap();
        assert_eq!(request.message_id, Some(Value::String("m2")));
        assert_eq!(request.reply_to, Some("mgmt-reply"));
        assert_eq!(
            (request.entity, request.partition),
            ("iothub-ehub-contoso-123-abcdef0123", None)
        );
    }

    #[test]
    fn requests_written_are_read() {
        for (partition, security_token) in [
            (None, None),
            (Some("3"), Some("SharedAccessSignature sr=x")),
        ] {
            let message_id = Some(Value::String("m"));
            let request = ReadRequest {
                message_id,
                reply_to: Some("r"),
                entity: "hub",
                partition,
                security_token,
            };
            let mut out = Vec::new();
            request.write(&mut out);
            assert_eq!(
                ReadRequest::parse(&Message::parse(&out).unwrap()),
                Ok(request)
            );
            assert!(!format!("{request:?}").contains("SharedAccess"));
        }
        assert_eq!(
            ReadRequest::parse(&Message::default()),
            Err(ManagementError::Operation)
        );
    }

    fn reply(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        Response::new(Some(Value::String("m")), STATUS_OK, "OK").write(&mut out, write);
        out
    }

    #[test]
    fn answers_written_are_read() {
        let hub = EventHubProperties {
            name: "hub".to_owned(),
            created_at_ms: 1_714_547_677_956,
            partition_ids: ["0", "1"].map(str::to_owned).into(),
        };
        let bytes = reply(|w| hub.write_body(w));
        let Body::Value(body) = Message::parse(&bytes).unwrap().body else {
            panic!()
        };
        assert_eq!(EventHubProperties::from_body(&body), Ok(hub));
        assert_eq!(
            body.as_map().unwrap().find("partition_count"),
            Some(Value::Int(2))
        );
        assert_eq!(
            PartitionProperties::from_body(&body),
            Err(ManagementError::Missing { name: "partition" })
        );

        let partition = PartitionProperties {
            name: "hub".to_owned(),
            partition: "1".to_owned(),
            begin_sequence_number: 0,
            last_enqueued_sequence_number: -1,
            last_enqueued_offset: "-1".to_owned(),
            last_enqueued_time_ms: 0,
            is_empty: true,
        };
        let bytes = reply(|w| partition.write_body(w));
        let Body::Value(body) = Message::parse(&bytes).unwrap().body else {
            panic!()
        };
        assert_eq!(PartitionProperties::from_body(&body), Ok(partition));
        assert_eq!(
            PartitionProperties::from_body(&Value::Null),
            Err(ManagementError::Body)
        );
    }
}
