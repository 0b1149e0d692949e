//! Asking a hub where its Event Hub-compatible endpoint is: a link to `messages/events` is answered by a redirect.

use super::connection::Connection;
use super::error::{ConnectionError, PeerError, Scope};
use super::session::Session;
use crate::protocol::amqp::performative::{Attach, Performative, Role, Source, Target};
use crate::protocol::amqp::redirect::Redirect;

/// Attaches a link that the hub redirects, and gives where to.
///
/// # Errors
/// [`ConnectionError::Peer`] with the hub's reason where it refuses instead.
pub async fn ask(
    connection: &mut Connection,
    channel: u16,
    hostname: &str,
) -> Result<Redirect, ConnectionError> {
    let session = Session::new(channel);
    let begin = Performative::Begin(session.begin());
    connection.output.send(channel, &begin, &[]);
    connection.flush().await?;
    let _begun = connection.answer("begin").await?;
    // The form that the CLI and IoT Explorer use.
    let address = format!("amqps://{hostname}/messages/events/$management");
    let attach = Attach {
        source: Some(Source::at(&address)),
        target: Some(Target::default()),
        ..Attach::new("redirect", 0, Role::Receiver)
    };
    let attach = Performative::Attach(attach);
    connection.output.send(channel, &attach, &[]);
    connection.flush().await?;
    loop {
        let frame = connection.answer("redirect").await?;
        if frame.channel != channel {
            continue;
        }
        let (performative, _) = frame.decode()?;
        let error = if let Performative::Detach(detach) = performative {
            PeerError::new(Scope::Link, detach.error.as_ref())
        } else if let Performative::End(end) = performative {
            PeerError::new(Scope::Session, end.error.as_ref())
        } else {
            continue;
        };
        return match error.redirect {
            Some(redirect) => Ok(redirect),
            None => Err(Box::new(error).into()),
        };
    }
}
