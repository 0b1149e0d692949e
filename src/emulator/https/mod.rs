//! IoT Hub's REST interface: requests in, commands to the hub, replies out.
//!
//! | file | what it knows |
//! |---|---|
//! | `admission` | who is told that they may not ask, before what they ask is judged |
//! | `fault` | what a fault does to a request |
//! | `request` | what a request asks for, read off its path, headers and body |
//! | `events` | the same for events that devices send |
//! | `twins`, `methods`, `queries` | the same for twins, calls of methods and queries |
//! | `configurations`, `jobs`, `transfers` | the same for configurations and jobs |
//! | `messages` | the same for messages to devices |
//! | `files` | the same for files that devices upload |
//! | `relay`, `body` | files on their way to storage that speaks no TLS |
//! | `reading`, `rejection` | what these have in common, and every way to fail |
//! | `patience` | how long a client may take to listen |
//! | `plain`, `response` | how answers and refusals look on the wire |
//! | `telling` | what is told of requests, where somebody has asked |
//! | `upgrade` | which requests turn the connection into a WebSocket, and its bytes then |
//! | this file | one connection, from its first request to its last |

mod admission;
mod body;
mod configurations;
mod events;
mod fault;
mod files;
mod jobs;
mod messages;
mod methods;
mod patience;
mod plain;
mod queries;
mod reading;
mod rejection;
mod relay;
mod request;
mod response;
mod telling;
mod transfers;
mod twins;
mod upgrade;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::request::Parts;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::connections::Seat;
use super::desk::Desk;
use super::ui::Ui;
use crate::protocol::websocket::spoken_at;
use body::{AnyBody, whole};
use patience::Patient;
use rejection::Rejection;
use request::{Wanted, Work};
use response::{Answer, Responder};
use telling::{Telling, told};
pub(super) use upgrade::{Upgrade, bytes_of};

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For a request's headers, waiting between two requests included.
    headers: Duration,
    /// For a request's body.
    body: Duration,
    /// To take in anything of what it is told.
    listening: Duration,
}

impl Default for Patience {
    /// The service's front ends let go of an idle connection after four minutes.
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(240),
            body: Duration::from_secs(60),
            listening: Duration::from_secs(240),
        }
    }
}

/// How long a request that is under way may take once the server is to stop.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// The most bytes of headers.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// How much of a body that is too large is read and thrown away, so that the client is there to read why.
const MAX_DISCARDED_BYTES: usize = 8 * 1024 * 1024;

/// Serves one connection after TLS, with the usual patience, until the client goes or `stop` comes, or wants to speak
/// something else over WebSocket: then what it has become comes back, for `bytes_of`.
pub(in crate::emulator) async fn serve_connection<S>(
    stream: S,
    desk: &Desk,
    ui: Option<&Ui>,
    seat: &mut Seat,
    stop: impl Future<Output = ()>,
) -> Option<Upgrade>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    serve_with(Patience::default(), stream, (desk, ui), seat, stop).await
}

async fn serve_with<S>(
    patience: Patience,
    stream: S,
    (desk, ui): (&Desk, Option<&Ui>),
    seat: &mut Seat,
    stop: impl Future<Output = ()>,
) -> Option<Upgrade>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Desk {
        clock,
        mischief,
        dock,
        ..
    } = desk;
    let upgrade = Mutex::new(None);
    let pending = || upgrade.lock().unwrap_or_else(PoisonError::into_inner);
    let (name, certificate) = (seat.name(), seat.certificate());
    let service = service_fn(|mut request: Request<Incoming>| {
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(Arc::clone(certificate));
        }
        let ui = ui.filter(|_| Ui::has(request.uri().path())).cloned();
        let elsewhere = dock
            .storage
            .passes_on(request.uri().path(), request.uri().query());
        let telling = Telling::of(&name, &request);
        let (mut response, mut deed) = (None, None);
        // What is the page's or storage's is none of the hub's doing.
        if ui.is_none() && elsewhere.is_none() {
            let accepted = upgrade::accept(&mut request);
            response = accepted.map(|(response, upgrade)| {
                *pending() = Some(upgrade);
                response
            });
            let device = fault::device_of(request.uri().path());
            if let Some(device) = &device {
                name.note_only(device);
            }
            deed = fault::strike(mischief, clock, &request, device.as_deref());
        }
        let answered = async move {
            if let Some(ui) = ui {
                return Ok(ui.answer(request).await.map(AnyBody::Left));
            }
            if let Some(elsewhere) = elsewhere {
                return Ok(relay::pass_on(&dock.storage, elsewhere, request).await);
            }
            let answer = async {
                match response {
                    Some(response) => response,
                    None => answer(desk, request, patience.body).await,
                }
            };
            let answered = match deed {
                None => Ok(answer.await),
                Some(deed) => fault::answer(deed, &Responder::new(clock.clone()), answer).await,
            };
            answered.map(|response| response.map(whole))
        };
        told(telling, answered)
    });
    // Without `pipeline_flush`: with it hyper takes from a body that streams however much there is, read or not.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.headers)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(
            TokioIo::new(Patient::new(stream, patience.listening)),
            service,
        )
        .with_upgrades();
    let mut connection = pin!(connection);
    let stop = pin!(stop);
    // How a client goes is its own affair: a reset is no failure of ours.
    tokio::select! {
        ended = connection.as_mut() => ended.unwrap_or_else(|error| seat.explain(|| error.to_string())),
        () = seat.dropped() => return None,
        () = stop => {
            seat.explain(|| "the hub stops".to_owned());
            connection.as_mut().graceful_shutdown();
            let _ = timeout(STOP_LIMIT, connection).await;
            return None;
        }
    }
    // By now it has come, or never will.
    let upgrade = pending().take()?;
    upgrade.complete().await
}

async fn answer(desk: &Desk, request: Request<Incoming>, patience: Duration) -> response::Response {
    let responder = Responder::new(desk.clock.clone());
    let mut response = match carry_out(desk, request, patience).await {
        Ok(answer) => responder.answer(answer),
        Err(rejection) => responder.reject(&rejection),
    };
    if desk.clock.is_skewed() {
        // Otherwise the machine's time is put there.
        responder.date(&mut response);
    }
    response
}

async fn carry_out(
    desk: &Desk,
    request: Request<Incoming>,
    patience: Duration,
) -> Result<Answer, Rejection> {
    let hub = &desk.hub;
    let (head, body) = request.into_parts();
    if !spoken_at(head.uri.path()).is_empty() {
        return Err(upgrade::objection(&head));
    }
    let wanted = Wanted::of(&head)?;
    let shape = wanted.answer_shape();
    let work = match read(wanted, &head, body, patience).await {
        Ok(work) => work,
        Err(rejection) => return Err(admission::first(hub, &head, rejection).await),
    };
    Ok(match work {
        Work::Command(command) => {
            let cancelled = transfers::cancelled_by(&command);
            let reply = hub.ask(command).await?;
            if let Some(job) = cancelled {
                desk.dock.cancel(&job);
            }
            Answer::Reply { shape, reply }
        }
        Work::Invoke(call) => Answer::Method(methods::carry_out(hub, *call).await?),
        Work::Files(told) => {
            let reply = files::carry_out(desk, told, &head).await?;
            Answer::Reply { shape, reply }
        }
        Work::Transfer(request) => {
            let reply = transfers::create(desk, &head.headers, *request).await?;
            Answer::Reply { shape, reply }
        }
        Work::Query(search) => Answer::Page(queries::run(hub, &head.headers, search).await?),
    })
}

/// Reads the rest of a request: what is wrong with it is found here, before anything is asked of the hub.
async fn read(
    wanted: Wanted,
    head: &Parts,
    body: Incoming,
    patience: Duration,
) -> Result<Work, Rejection> {
    let body = match wanted.body_limit() {
        Some(limit) => read_body(body, limit, patience).await?,
        None => Bytes::new(),
    };
    wanted.into_work(&head.headers, body, head.extensions.get())
}

async fn read_body(
    mut body: Incoming,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, Rejection> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    timeout(patience, collect(&mut body, limit))
        .await
        .unwrap_or(Err(Rejection::TimedOut))
}

/// The whole body; the usual single frame is handed on without a copy.
async fn collect(body: &mut Incoming, limit: usize) -> Result<Bytes, Rejection> {
    let mut first = Bytes::new();
    let mut rest: Vec<u8> = Vec::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Rejection::Broken)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        size += data.len();
        if size > limit {
            if size > limit + MAX_DISCARDED_BYTES {
                break;
            }
            rest = Vec::new();
        } else if first.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    if size > limit {
        return Err(Rejection::TooLarge { size, limit });
    }
    Ok(if rest.is_empty() { first } else { rest.into() })
}

#[cfg(test)]
mod tests;
