//! A browser, as far as the emulator's page can tell: a cookie, the headers that browsers set, events as they come.

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use super::Emulator;
use super::runner::LIMIT;

/// Someone who looks at the page, or would like to.
pub struct Browser {
    client: Client,
    /// `https://localhost:PORT`.
    pub origin: String,
    /// Of the session, with its name.
    pub cookie: Option<String>,
}

impl Browser {
    /// One that has no session.
    pub fn new(hub: &Emulator) -> Self {
        // A second installation finds the first one's there, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca = std::fs::read(hub.text("/caFile")).unwrap();
        let ca = Certificate::from_pem(&ca).unwrap();
        let builder = Client::builder().tls_certs_only([ca]).no_proxy();
        Self {
            client: builder.redirect(Policy::none()).build().unwrap(),
            origin: format!("https://localhost:{}", hub.port("https")),
            cookie: None,
        }
    }

    /// One that has opened the link of the ready line.
    pub async fn let_in(hub: &Emulator) -> Self {
        let mut browser = Self::new(hub);
        let link = hub.text("/ui").to_owned();
        let answer = browser.client.get(link).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert_eq!(answer.headers()[LOCATION], "/ui");
        browser.keep_cookie(&answer);
        browser
    }

    /// Keeps the session that an answer begins.
    pub fn keep_cookie(&mut self, answer: &Response) {
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
        self.cookie = cookie.split(';').next().map(str::to_owned);
    }

    /// A request for a path, with the session's cookie.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.with_cookie(self.client.get(format!("{}{path}", self.origin)))
    }

    /// The same for a change, as the page's own script asks for it.
    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.bare_post(path, body)
            .header(ORIGIN, &self.origin)
            .header("x-hubctl-ui", "1")
            .header("sec-fetch-site", "same-origin")
    }

    /// The same without what only the page's script has.
    pub fn bare_post(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.origin));
        self.with_cookie(request.header(CONTENT_TYPE, "application/json"))
            .body(body.to_string())
    }

    fn with_cookie(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        }
    }

    /// What the page is told, from behind an event's id on.
    pub async fn listen(&self, last: Option<&str>) -> Told {
        let mut request = self.get("/ui/events");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/event-stream");
        Told {
            answer,
            text: String::new(),
        }
    }
}

/// A stream of server-sent events.
pub struct Told {
    answer: Response,
    text: String,
}

/// One of them.
#[derive(Debug, PartialEq)]
pub struct Piece {
    /// What a browser comes back with, if this one says it.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its JSON.
    pub data: Value,
}

impl Told {
    /// The next one; `None` at the stream's end. Comments are passed over.
    pub async fn next(&mut self) -> Option<Piece> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let rest = self.text.split_off(end + 2);
                let first = std::mem::replace(&mut self.text, rest);
                let piece = Piece::read(&first);
                if piece.is_some() {
                    return piece;
                }
                continue;
            }
            let chunk = timeout(LIMIT, self.answer.chunk()).await.unwrap();
            self.text
                .push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    /// The next one of this name.
    pub async fn next_of(&mut self, name: &str) -> Piece {
        loop {
            let piece = self.next().await.expect("the stream has ended");
            if piece.name == name {
                return piece;
            }
        }
    }
}

impl Piece {
    /// Reads one; `None` for a comment.
    pub fn read(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let fields = text.lines().filter_map(|line| line.split_once(": "));
            let mut named = fields.filter(|(found, _)| *found == name);
            let value = named.next().map(|(_, value)| value.to_owned());
            assert_eq!(named.next(), None, "twice in {text}");
            value
        };
        let data = field("data")?;
        Some(Self {
            id: field("id"),
            name: field("event").unwrap(),
            data: serde_json::from_str(&data).unwrap(),
        })
    }
}
