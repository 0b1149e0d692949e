//! The port on which whoever runs the hub makes it misbehave while it runs: a small REST interface, without TLS, on
//! loopback alone.
//!
//! | file | what it knows |
//! |---|---|
//! | `guard` | who may ask: no web page, from wherever it comes |
//! | `request` | what is asked, read off method, path, parameters and body |
//! | `work` | what is done |
//! | this file | one connection |

mod guard;
mod request;
mod work;

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::desk::Desk;
use super::fault::SpecError;
use request::Asked;

/// How long a client may take for a request's headers, waiting between two requests included, and for its body.
const LIMIT: Duration = Duration::from_secs(10);

/// The most bytes of a body.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// How long a request that is under way may take once the hub is to stop.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// Why nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum AdminError {
    /// The name by which the port was called is no name of this machine's.
    #[error("the host {host:?} is not this machine")]
    Host {
        /// What was called.
        host: String,
    },
    /// A web page asks.
    #[error("web pages have no say here")]
    Page,
    /// What a web page could send as well.
    #[error("the header {} is missing", guard::HEADER)]
    Unmarked,
    /// There is no such path.
    #[error("there is no {path}")]
    Path {
        /// What was asked for.
        path: String,
    },
    /// The path knows no such method.
    #[error("{path} does not take {method}")]
    Method {
        /// What was asked for.
        path: String,
        /// With which method.
        method: String,
        /// What it takes.
        allowed: &'static str,
    },
    /// A parameter that the path does not take.
    #[error("{name:?} is no parameter of it")]
    Parameter {
        /// Its name.
        name: String,
        /// What it takes.
        known: &'static str,
    },
    /// A parameter's value that means nothing.
    #[error("the value of {name}: {reason}")]
    Value {
        /// The parameter.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A text that is no fault.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A body that is neither a fault nor JSON with one.
    #[error("the body is no fault: {reason}")]
    Body {
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing of this number.
    #[error("there is no {what} {id}")]
    NotThere {
        /// Such as `fault`.
        what: &'static str,
        /// The number.
        id: String,
    },
    /// The hub does not answer.
    #[error("the hub does not answer: {reason}")]
    Hub {
        /// Its words.
        reason: String,
    },
}

impl AdminError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Host { .. } | Self::Page | Self::Unmarked => StatusCode::FORBIDDEN,
            Self::Path { .. } | Self::NotThere { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Parameter { .. } | Self::Value { .. } | Self::Spec(_) | Self::Body { .. } => {
                StatusCode::BAD_REQUEST
            }
            Self::Hub { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What mends it.
    fn hint(&self) -> String {
        match self {
            Self::Host { .. } => "Call it http://localhost, with its port.".to_owned(),
            Self::Page => "Ask with curl, or from a program that sends no Origin.".to_owned(),
            Self::Unmarked => format!("Add -H '{}: 1'.", guard::HEADER),
            Self::Path { .. } => "GET / lists what there is.".to_owned(),
            Self::Method { allowed, .. } => format!("It takes {allowed}."),
            Self::Parameter { known: "", .. } => "It takes none.".to_owned(),
            Self::Parameter { known, .. } => format!("It takes {known}."),
            Self::Value { .. } | Self::Spec(_) => {
                "hubctl emulator --help tells how faults are written.".to_owned()
            }
            Self::Body { .. } => {
                "Send throttle:30s,every=3, or {\"fault\": \"throttle:30s,every=3\"}.".to_owned()
            }
            Self::NotThere { what, .. } => format!("GET /{what}s lists what there is."),
            Self::Hub { .. } => "Start it again.".to_owned(),
        }
    }
}

/// Serves one connection, until the client goes or `stop` comes.
pub(super) async fn serve_connection<S>(stream: S, desk: &Desk, stop: impl Future<Output = ()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| async move {
        let outcome = carry_out(desk, request).await;
        Ok::<_, Infallible>(response(outcome))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // How a client goes is its own affair.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop => {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(STOP_LIMIT, connection).await;
        }
    }
}

async fn carry_out(desk: &Desk, request: Request<Incoming>) -> Result<Value, AdminError> {
    let (head, body) = request.into_parts();
    guard::admit(&head)?;
    let body = timeout(LIMIT, Limited::new(body, MAX_BODY_BYTES).collect());
    let reason = |reason: &str| AdminError::Body {
        reason: reason.to_owned(),
    };
    let body = body.await.map_err(|_| reason("it does not come"))?;
    let body = body.map_err(|_| reason("it is too long, or broke off"))?;
    let asked = Asked::of(&head, &body.to_bytes())?;
    desk.carry_out(asked).await
}

fn response(outcome: Result<Value, AdminError>) -> Response<Full<Bytes>> {
    let (status, value) = match outcome {
        Ok(value) => (StatusCode::OK, value),
        Err(error) => {
            let told = json!({ "error": error.to_string(), "hint": error.hint() });
            (error.status(), told)
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(format!("{value}\n"))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}
