//! `$management`: what the event hub and its partitions say of themselves.

use crate::emulator::hub::command::{Command, PartitionState, Reply};
use crate::protocol::amqp::management::{EventHubProperties, PartitionProperties, ReadRequest};
use crate::protocol::amqp::message::Message;
use crate::protocol::amqp::response::{Response, STATUS_OK};
use crate::protocol::amqp::value::Value;

/// A request that is answered without the hub.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// It asks for something that is not there to be asked.
    Malformed(String),
    /// It names another event hub.
    UnknownEntity(String),
}

/// What the hub is to be asked. A client that sends no name means the node it has attached to.
pub(super) fn ask(message: &Message<'_>, entity: &str) -> Result<Command, Denial> {
    let request =
        ReadRequest::parse(message).map_err(|error| Denial::Malformed(error.to_string()))?;
    if !request.entity.eq_ignore_ascii_case(entity) {
        return Err(Denial::UnknownEntity(request.entity.to_owned()));
    }
    Ok(match request.partition {
        None => Command::DescribeEventHub,
        Some(partition) => Command::DescribePartition {
            partition: partition.to_owned(),
        },
    })
}

/// The response with a description, or `None` for a reply that is none.
pub(super) fn described(
    reply: Reply,
    entity: &str,
    correlation_id: Option<Value<'_>>,
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let response = Response::new(correlation_id, STATUS_OK, "OK");
    if let Reply::EventHub {
        name,
        created,
        partitions,
    } = reply
    {
        let properties = EventHubProperties {
            name,
            created_at_ms: created.timestamp_millis(),
            partition_ids: (0..partitions).map(|number| number.to_string()).collect(),
        };
        response.write(&mut out, |w| properties.write_body(w));
    } else if let Reply::Partition(state) = reply {
        let properties = partition_properties(state, entity);
        response.write(&mut out, |w| properties.write_body(w));
    } else {
        return None;
    }
    Some(out)
}

fn partition_properties(state: PartitionState, entity: &str) -> PartitionProperties {
    PartitionProperties {
        name: entity.to_owned(),
        partition: state.partition.to_string(),
        begin_sequence_number: state.begin_sequence_number,
        last_enqueued_sequence_number: state.last_sequence_number,
        last_enqueued_offset: state.last_offset,
        last_enqueued_time_ms: state.last_enqueued.timestamp_millis(),
        is_empty: state.is_empty,
    }
}

/// A response that says no.
pub(super) fn denied(
    status: u16,
    condition: &str,
    description: &str,
    correlation_id: Option<Value<'_>>,
) -> Vec<u8> {
    let mut out = Vec::new();
    Response {
        error_condition: Some(condition),
        ..Response::new(correlation_id, status, description)
    }
    .write(&mut out, |w| w.map(|_| {}));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::message::Body;

    fn request(entity: &str, partition: Option<&str>) -> Result<Command, Denial> {
        let mut out = Vec::new();
        ReadRequest {
            message_id: None,
            reply_to: None,
            entity,
            partition,
            security_token: None,
        }
        .write(&mut out);
        ask(&Message::parse(&out).unwrap(), "ehub")
    }

    #[test]
    fn knows_one_event_hub_by_name() {
        assert!(matches!(
            request("EHUB", None),
            Ok(Command::DescribeEventHub)
        ));
        assert!(matches!(
            request("ehub", Some("3")),
            Ok(Command::DescribePartition { partition }) if partition == "3"
        ));
        assert!(
            matches!(request("other", None), Err(Denial::UnknownEntity(name)) if name == "other")
        );
        assert!(matches!(
            ask(&Message::default(), "ehub"),
            Err(Denial::Malformed(_))
        ));
    }

    #[test]
    fn a_partition_says_how_far_it_has_come() {
        let state = PartitionState {
            partition: 2,
            begin_sequence_number: 3,
            last_sequence_number: 9,
            last_offset: "4711".to_owned(),
            last_enqueued: chrono::DateTime::UNIX_EPOCH,
            is_empty: false,
        };
        let bytes = described(Reply::Partition(state), "ehub", None).unwrap();
        let Body::Value(body) = Message::parse(&bytes).unwrap().body else {
            panic!()
        };
        let properties = PartitionProperties::from_body(&body).unwrap();
        assert_eq!(
            (properties.name.as_str(), properties.partition.as_str()),
            ("ehub", "2")
        );
        assert_eq!(properties.last_enqueued_offset, "4711");
        assert_eq!(described(Reply::Done, "ehub", None), None);
    }
}
