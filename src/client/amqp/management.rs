//! Asking the event hub about itself and its partitions.

use super::connection::Connection;
use super::error::ConnectionError;
use super::request::{Head, RequestLinks};
use crate::protocol::amqp::management::{
    EventHubProperties, ManagementError, PartitionProperties, ReadRequest,
};
use crate::protocol::amqp::message::{Body, Message};
use crate::protocol::amqp::value::Value;

/// Asks for the event hub's partitions.
///
/// # Errors
/// [`ConnectionError`].
pub async fn read_event_hub(
    connection: &mut Connection,
    links: &mut RequestLinks,
    entity: &str,
) -> Result<EventHubProperties, ConnectionError> {
    let answer = links.request(connection, |head, out| {
        write(entity, None, head, out);
    });
    parse(&answer.await?, EventHubProperties::from_body)
}

/// Asks where the log of each of `partitions` begins and ends, in one go.
///
/// # Errors
/// [`ConnectionError`].
pub async fn read_partitions(
    connection: &mut Connection,
    links: &mut RequestLinks,
    entity: &str,
    partitions: &[String],
) -> Result<Vec<PartitionProperties>, ConnectionError> {
    let answers = links.request_each(connection, partitions, |partition, head, out| {
        write(entity, Some(partition), head, out);
    });
    let answers = answers.await?;
    answers
        .iter()
        .map(|answer| parse(answer, PartitionProperties::from_body))
        .collect()
}

fn write(entity: &str, partition: Option<&str>, head: Head<'_>, out: &mut Vec<u8>) {
    let request = ReadRequest {
        message_id: Some(head.message_id),
        reply_to: Some(head.reply_to),
        entity,
        partition,
        // The token on the connection opens this as well.
        security_token: None,
    };
    request.write(out);
}

fn parse<T>(
    answer: &[u8],
    from_body: impl Fn(&Value<'_>) -> Result<T, ManagementError>,
) -> Result<T, ConnectionError> {
    let unreadable = ConnectionError::Unexpected {
        what: "an answer of $management that cannot be read",
    };
    match Message::parse(answer)?.body {
        Body::Value(body) => from_body(&body).map_err(|_| unreadable),
        Body::Empty | Body::Data(_) | Body::Sequence(_) => Err(unreadable),
    }
}
