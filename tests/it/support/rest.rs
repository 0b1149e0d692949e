//! The hub's REST interface, for what hubctl itself has no command for.

use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, IF_MATCH};
use reqwest::{Certificate, Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;

use super::Emulator;
use super::runtime::current_thread;

/// How long what is on its way may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client that trusts this hub and nobody else.
pub fn client(hub: &Emulator) -> Client {
    // A second installation finds the first one's there, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = std::fs::read(hub.text("/caFile")).unwrap();
    let ca = Certificate::from_pem(&ca).unwrap();
    let builder = Client::builder().tls_certs_only([ca]).no_proxy();
    builder.build().unwrap()
}

/// A path of this hub's, which may have a query, with its api-version.
pub fn url(hub: &Emulator, path: &str) -> String {
    url_at(hub.port("https"), path)
}

fn url_at(port: u16, path: &str) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("https://localhost:{port}{path}{joint}api-version=2021-04-12")
}

/// Status, headers and JSON of an answer; null where it has no body.
pub type Answer = (StatusCode, HeaderMap, Value);

/// What the hub answers to a request.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.unwrap();
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&body).unwrap()
    };
    (status, headers, body)
}

/// Who asks a hub as `iothubowner`; a hub that was started again on its ports as well.
pub struct Owner {
    /// A token of that policy.
    pub token: String,
    client: Client,
    port: u16,
}

impl Owner {
    /// The one of this hub.
    pub fn of(hub: &Emulator) -> Self {
        let token = hub.owner(&["sas-token", "--policy"]).run().success();
        Self {
            token: token.trim().to_owned(),
            client: client(hub),
            port: hub.port("https"),
        }
    }

    /// A request that is put together.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, url_at(self.port, path));
        request.header(AUTHORIZATION, &self.token)
    }

    /// What the hub answers to this JSON.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        if_match: Option<&str>,
        body: &Value,
    ) -> Answer {
        let mut request = self.request(method, path).body(body.to_string());
        if let Some(if_match) = if_match {
            request = request.header(IF_MATCH, if_match);
        }
        send(request).await
    }

    /// What is there.
    pub async fn read(&self, path: &str) -> Value {
        let (status, _, body) = self.ask(Method::GET, path, None, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// What is there once it is as it shall be; each look at it is a round trip, which is rest enough.
    pub async fn read_until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let found = self.read(path).await;
            if is_so(&found) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{path}: {found}");
        }
    }
}

/// The JSON that the hub answers to its owner, from a test that is no asynchronous function.
pub fn ask(hub: &Emulator, method: Method, path: &str, body: &Value) -> Value {
    let owner = Owner::of(hub);
    let answer = current_thread().block_on(owner.ask(method, path, None, body));
    let (status, _, body) = answer;
    assert!(status.is_success(), "{status}: {body}");
    assert!(!body.is_null(), "{status} and no body");
    body
}

/// Puts an identity there as `iothubowner`, over whatever stands there, and returns what the hub made of it.
pub fn put_identity(hub: &Emulator, path: &str, identity: &Value) -> Value {
    ask(hub, Method::PUT, path, identity)
}
