//! A page to look at, below `/ui` on HTTPS's port: devices and their twins, events as they come, messages and methods.
//!
//! What it does, it does with the commands that REST has, and as a policy whose key the hub itself verifies.
//!
//! | file | what it knows |
//! |---|---|
//! | `credential`, `doorman` | who may look, and for how long |
//! | `caller` | what a request's headers say of who sends it |
//! | `page` | the files, and the headers of every answer |
//! | `asked` | what the page asks of the hub |
//! | `stream`, `place`, `event`, `devices` | what it is told without asking |
//! | this file | which request is for whom |

mod asked;
mod caller;
mod credential;
mod devices;
mod doorman;
mod event;
mod page;
mod place;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::unfold;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::driver::HubHandle;
use super::endpoint::Endpoints;
use crate::model::secret::Secret;
pub(super) use credential::Credential;
pub(super) use doorman::unguessable;
use doorman::{Doorman, SESSION};
use page::Why;
pub(super) use page::{Body, Response};
use place::Place;
use stream::{Made, Stream};

/// How many bytes a request's body may have: a message of 64 KB, and what JSON makes of it.
const MAX_BODY_BYTES: usize = 512 * 1024;

/// How long a browser may take for it.
const BODY_LIMIT: Duration = Duration::from_secs(60);

/// The most browsers that are told things at a time; each takes one of the port's connections.
const MAX_STREAMS: usize = 16;

/// The page; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Ui {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Every name of the hub.
    hosts: Vec<String>,
    /// The one that tokens are made for.
    host: String,
    /// HTTPS's.
    port: u16,
    /// As whom the link lets in: the first policy, which is `iothubowner`.
    owner: Option<(String, Secret)>,
    hub: HubHandle,
    /// Turns true when the emulator is to stop.
    stop: watch::Receiver<bool>,
    /// Browsers send cookies to every port of a host, and two emulators may run at a time.
    cookie: String,
    doorman: Mutex<Doorman>,
    streams: Arc<Semaphore>,
}

impl Shared {
    fn doorman(&self) -> MutexGuard<'_, Doorman> {
        self.doorman.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token(&self, session: &str) -> Option<String> {
        let credential = self.doorman().find(Instant::now(), session)?;
        Some(credential.token(&self.host))
    }
}

impl Ui {
    /// A page that nobody looks at yet, on a hub of these names; `stop` turns true when the emulator is to stop.
    pub(super) fn new(
        hosts: Vec<String>,
        endpoints: &Endpoints,
        hub: HubHandle,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let port = endpoints.ports.https;
        let shared = Shared {
            hosts,
            host: endpoints.host.clone(),
            port,
            owner: endpoints.policies.first().cloned(),
            hub,
            stop,
            cookie: format!("__Secure-hubctl-{port}"),
            doorman: Mutex::new(Doorman::new(endpoints.ui_token.clone())),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Whether a path is the page's.
    pub(super) fn has(path: &str) -> bool {
        path == "/ui" || path.starts_with("/ui/")
    }

    /// Answers a request for such a path.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response {
        let (head, body) = request.into_parts();
        if !caller::is_by_name(&head, &self.shared.hosts) {
            let text = "This hub does not go by that name. Open https://localhost:PORT/ui, or start the emulator with \
                --hostname NAME.\n";
            return page::plain(StatusCode::MISDIRECTED_REQUEST, text);
        }
        if head.method == Method::GET {
            self.answer_get(&head).await
        } else if head.method == Method::POST {
            self.answer_post(&head, body).await
        } else {
            let mut response = page::empty(StatusCode::METHOD_NOT_ALLOWED);
            let allowed = HeaderValue::from_static("GET, POST");
            response.headers_mut().insert(header::ALLOW, allowed);
            response
        }
    }

    async fn answer_get(&self, head: &Parts) -> Response {
        let path = head.uri.path();
        match path {
            "/ui" => return self.front_door(head),
            "/ui/" => return page::to_the_page(),
            _ => {}
        }
        if let Some(file) = page::file(path) {
            return file;
        }
        if caller::is_foreign(&head.headers) {
            return foreign();
        }
        let Some((session, token)) = self.session(head) else {
            return no_session();
        };
        match path {
            "/ui/session" => self.describe(&session),
            "/ui/twin" => match query_value(head, "device") {
                Some(device) => asked::twin(&self.shared.hub, token, device).await,
                None => asked::malformed("Which device?"),
            },
            "/ui/events" => self.tell(head, session).await,
            _ => nowhere(),
        }
    }

    async fn answer_post(&self, head: &Parts, body: Incoming) -> Response {
        if !caller::is_own_script(&head.headers) {
            return foreign();
        }
        let hub = &self.shared.hub;
        if head.uri.path() == "/ui/login" {
            return match read(body).await {
                Ok(login) => self.log_in(login).await,
                Err(response) => response,
            };
        }
        let Some((session, token)) = self.session(head) else {
            return no_session();
        };
        let answer = match head.uri.path() {
            "/ui/message" => match read(body).await {
                Ok(message) => Ok(asked::send(hub, message).await),
                Err(response) => Err(response),
            },
            "/ui/method" => match read(body).await {
                Ok(call) => Ok(asked::call(hub, token, call).await),
                Err(response) => Err(response),
            },
            "/ui/logout" => Ok(self.log_out(&session)),
            _ => Ok(nowhere()),
        };
        answer.unwrap_or_else(|response| response)
    }

    /// The page for those who are in; who comes with the link's token gets in.
    fn front_door(&self, head: &Parts) -> Response {
        let is_in = self.session(head).is_some();
        let Some(token) = query_value(head, "token") else {
            return match is_in {
                true => page::index(),
                false if caller::is_foreign(&head.headers) => page::login(Why::FromElsewhere),
                false => page::login(Why::NoSession),
            };
        };
        if caller::looks_ahead(&head.headers) {
            return page::empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        // Who is in already needs no token, and one that is not used stays good.
        if is_in {
            return page::to_the_page();
        }
        if !self.shared.doorman().take_token(&token) {
            return page::login(Why::TokenUsed);
        }
        let owner = self.shared.owner.as_ref();
        let owner = owner.and_then(|(policy, key)| Credential::new(policy, key).ok());
        match owner {
            Some(owner) => self.admit(owner, page::to_the_page()),
            None => page::login(Why::NoSession),
        }
    }

    async fn log_in(&self, login: asked::Login) -> Response {
        let key = Secret::new(login.key);
        let credential = match Credential::parse(key.expose()) {
            Ok(credential) => credential,
            Err(why) => return asked::malformed(&why),
        };
        let shared = &self.shared;
        match credential.verify(&shared.hub, &shared.host).await {
            Ok(()) => self.admit(credential, page::empty(StatusCode::NO_CONTENT)),
            Err(refusal) => asked::refused(&refusal),
        }
    }

    fn admit(&self, credential: Credential, mut response: Response) -> Response {
        let Some(id) = unguessable() else {
            return page::empty(StatusCode::SERVICE_UNAVAILABLE);
        };
        let age = SESSION.as_secs();
        let cookie = self.cookie(id.expose(), age);
        self.shared.doorman().admit(Instant::now(), id, credential);
        response.headers_mut().extend(cookie);
        response
    }

    fn log_out(&self, session: &str) -> Response {
        self.shared.doorman().dismiss(session);
        let mut response = page::empty(StatusCode::NO_CONTENT);
        response.headers_mut().extend(self.cookie("", 0));
        response
    }

    fn cookie(&self, value: &str, age: u64) -> Option<(header::HeaderName, HeaderValue)> {
        let name = &self.shared.cookie;
        let cookie =
            format!("{name}={value}; Path=/ui; Max-Age={age}; HttpOnly; Secure; SameSite=Strict");
        Some((header::SET_COOKIE, HeaderValue::from_str(&cookie).ok()?))
    }

    /// The session that a request belongs to, and a token for the hub.
    fn session(&self, head: &Parts) -> Option<(String, String)> {
        let session = caller::cookie(&head.headers, &self.shared.cookie)?;
        let token = self.shared.token(session)?;
        Some((session.to_owned(), token))
    }

    fn describe(&self, session: &str) -> Response {
        let credential = self.shared.doorman().find(Instant::now(), session);
        let shared = &self.shared;
        page::json(&json!({
            "hub": shared.host,
            "port": shared.port,
            "policy": credential.as_ref().map(|credential| credential.policy()),
        }))
    }

    async fn tell(&self, head: &Parts, session: String) -> Response {
        let Ok(permit) = Arc::clone(&self.shared.streams).try_acquire_owned() else {
            let message = "Too many pages are open.";
            return page::refusal(StatusCode::SERVICE_UNAVAILABLE, "TooManyPages", message);
        };
        let place = head.headers.get("last-event-id");
        let place = place.and_then(|id| Place::parse(id.to_str().ok()?));
        let shared = Arc::clone(&self.shared);
        let made = Made {
            hub: shared.hub.clone(),
            stop: shared.stop.clone(),
            admission: move || shared.token(&session),
            place,
            permit,
        };
        match Stream::open(made).await {
            Ok(stream) => {
                let pieces = unfold(stream, |mut stream| async move {
                    let piece = stream.next().await?;
                    Some((Ok(Frame::data(piece)), stream))
                });
                page::stream(StreamBody::new(pieces).boxed_unsync())
            }
            Err(refusal) => asked::refused(&refusal),
        }
    }
}

async fn read<T: DeserializeOwned>(body: Incoming) -> Result<T, Response> {
    let body = timeout(BODY_LIMIT, Limited::new(body, MAX_BODY_BYTES).collect());
    let Ok(Ok(body)) = body.await else {
        return Err(asked::malformed(
            "The body is too long, or did not come to its end.",
        ));
    };
    serde_json::from_slice(&body.to_bytes())
        .map_err(|error| asked::malformed(&format!("The body cannot be read: {error}.")))
}

fn query_value(head: &Parts, name: &str) -> Option<String> {
    let pairs = head.uri.query()?.split('&');
    let mut named = pairs.filter_map(|pair| pair.split_once('='));
    let (_, value) = named.find(|(found, _)| *found == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn no_session() -> Response {
    let message = "There is no session, or it has ended. Open /ui in a browser.";
    page::refusal(StatusCode::UNAUTHORIZED, "NoSession", message)
}

fn foreign() -> Response {
    let message = "Only the page itself may ask for this.";
    page::refusal(StatusCode::FORBIDDEN, "ForeignOrigin", message)
}

fn nowhere() -> Response {
    page::refusal(StatusCode::NOT_FOUND, "NotFound", "There is no such thing.")
}
