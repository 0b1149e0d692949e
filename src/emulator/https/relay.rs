//! Requests of devices that are meant for storage: passed on as they are where storage speaks no TLS.
//!
//! Microsoft's libraries upload to `https://` whatever they are told, and a board knows the hub's certificate already. Who
//! may do what is storage's to say: the request brings the access that was signed for it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use http::header::{self, HeaderMap, HeaderName};
use http::{Request, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyDataStream, StreamBody};
use hyper::body::{Frame, Incoming};
use reqwest::{Body, Url};
use tokio::time::timeout;

use super::super::storage::Storage;
use super::body::{AnyBody, AnyResponse, whole};
use super::plain::response;

/// How long the next piece of a body may take.
const PIECE_LIMIT: Duration = Duration::from_secs(60);

/// How long the whole of a request may take: as long as a device's access lasts.
const LIMIT: Duration = Duration::from_secs(3600);

/// What is said between two neighbours alone (RFC 9110, section 7.6.1).
const OF_CONNECTION: [HeaderName; 9] = [
    header::CONNECTION,
    // Answered here already.
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Passes a request on, and its answer back.
pub(super) async fn pass_on(storage: &Storage, to: Url, request: Request<Incoming>) -> AnyResponse {
    match exchange(storage, to, request).await {
        Ok(response) => response,
        Err(why) => {
            let body = format!("Storage cannot be reached: {why}.");
            let response = response(StatusCode::BAD_GATEWAY, Bytes::from(body));
            response.map(whole)
        }
    }
}

async fn exchange(
    storage: &Storage,
    to: Url,
    request: Request<Incoming>,
) -> Result<AnyResponse, String> {
    let client = storage
        .client(&to)
        .await
        .map_err(|error| error.to_string())?;
    let (head, body) = request.into_parts();
    let length = head.headers.get(header::CONTENT_LENGTH).cloned();
    let mut passed = reqwest::Request::new(head.method, to);
    *passed.headers_mut() = between_ends(&head.headers);
    if let Some(length) = length {
        passed.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    let pieces = BodyDataStream::new(body).map_err(io::Error::other);
    *passed.body_mut() = Some(Body::wrap_stream(in_time(pieces)));
    let answered = timeout(LIMIT, client.execute(passed)).await;
    let answer = answered
        .map_err(|_| "it does not answer".to_owned())?
        .map_err(|error| error.without_url().to_string())?;
    let mut response = http::Response::new(());
    *response.status_mut() = answer.status();
    *response.headers_mut() = between_ends(answer.headers());
    let pieces = answer.bytes_stream().map_err(io::Error::other);
    let frames = in_time(pieces).map_ok(Frame::data);
    let body = UnsyncBoxBody::new(StreamBody::new(frames));
    Ok(response.map(|()| AnyBody::Right(body)))
}

/// The headers that are meant for the other end.
fn between_ends(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in OF_CONNECTION {
        kept.remove(name);
    }
    kept
}

/// The same pieces, none of which may be long in coming.
fn in_time(
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let pieces = Box::pin(pieces);
    futures_util::stream::try_unfold(pieces, |mut pieces| async move {
        let next = timeout(PIECE_LIMIT, pieces.next()).await;
        let next = next.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        Ok(next.transpose()?.map(|piece| (piece, pieces)))
    })
}
