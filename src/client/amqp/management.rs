//! Asking the event hub about itself and its partitions.

use super::connection::Connection;
use super::error::ConnectionError;
use super::request::RequestLinks;
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
    read(
        connection,
        links,
        entity,
        None,
        EventHubProperties::from_body,
    )
    .await
}

/// Asks where a partition's log begins and ends.
///
/// # Errors
/// [`ConnectionError`].
pub async fn read_partition(
    connection: &mut Connection,
    links: &mut RequestLinks,
    entity: &str,
    partition: &str,
) -> Result<PartitionProperties, ConnectionError> {
    let partition = Some(partition);
    read(
        connection,
        links,
        entity,
        partition,
        PartitionProperties::from_body,
    )
    .await
}

async fn read<T>(
    connection: &mut Connection,
    links: &mut RequestLinks,
    entity: &str,
    partition: Option<&str>,
    from_body: impl Fn(&Value<'_>) -> Result<T, ManagementError>,
) -> Result<T, ConnectionError> {
    let answer = links
        .request(connection, |head, out| {
            let request = ReadRequest {
                message_id: Some(head.message_id),
                reply_to: Some(head.reply_to),
                entity,
                partition,
                // The token on the connection opens this as well.
                security_token: None,
            };
            request.write(out);
        })
        .await?;
    let unreadable = ConnectionError::Unexpected {
        what: "an answer of $management that cannot be read",
    };
    match Message::parse(&answer)?.body {
        Body::Value(body) => from_body(&body).map_err(|_| unreadable),
        Body::Empty | Body::Data(_) | Body::Sequence(_) => Err(unreadable),
    }
}
