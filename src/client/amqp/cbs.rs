//! Putting tokens on a connection.

use super::connection::Connection;
use super::error::ConnectionError;
use super::request::{Head, RequestLinks};
use crate::model::secret::Secret;
use crate::protocol::amqp::cbs::{PutToken, SAS_TOKEN_TYPE};

/// A token, and what it opens.
#[derive(Debug)]
pub struct Grant {
    /// The token's own resource, before encoding.
    pub audience: String,
    /// The token.
    pub token: Secret,
}

impl Grant {
    /// Appends the request that puts it.
    pub fn write(&self, head: Head<'_>, out: &mut Vec<u8>) {
        let request = PutToken {
            message_id: Some(head.message_id),
            reply_to: Some(head.reply_to),
            token_type: SAS_TOKEN_TYPE,
            audience: &self.audience,
            token: self.token.expose(),
        };
        request.write(out);
    }
}

/// Puts a token and waits until it is taken in; any status of 2xx is, for IoT Hub says 200 and Event Hubs 202.
///
/// # Errors
/// [`ConnectionError::Status`] where it is refused.
pub async fn put_token(
    connection: &mut Connection,
    links: &mut RequestLinks,
    grant: &Grant,
) -> Result<(), ConnectionError> {
    links
        .request(connection, |head, out| grant.write(head, out))
        .await?;
    Ok(())
}
