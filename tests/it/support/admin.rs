//! Whoever runs a hub, and makes it misbehave while it runs.

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;

use super::Emulator;
use super::rest::{Answer, send};
use super::runtime::current_thread;

/// Its orders, over the admin port.
pub struct Admin {
    client: Client,
    url: String,
}

impl Admin {
    /// The one of a hub with such a port.
    pub fn of(hub: &Emulator) -> Self {
        // A second installation finds the first one's there, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            client: Client::builder().no_proxy().build().unwrap(),
            url: hub.text("/adminUrl").to_owned(),
        }
    }

    /// A request without the header that changes need.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// What is answered to an order.
    pub fn ask(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let request = self.bare(method, path).header("Hubctl-Admin", "1");
        let (status, _, answer) = answer(request.body(body.to_owned()));
        (status, answer)
    }

    /// The same for one that is obeyed.
    pub fn order(&self, method: Method, path: &str, body: &str) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// One fault more.
    pub fn fault(&self, spec: &str) -> u64 {
        self.order(Method::POST, "/faults", spec)["id"]
            .as_u64()
            .unwrap()
    }

    /// What goes wrong: each fault, and how often it did.
    pub fn strikes(&self) -> Vec<(String, u64)> {
        let told = self.order(Method::GET, "/faults", "");
        let each = |fault: &Value| {
            let spec = fault["fault"].as_str().unwrap().to_owned();
            (spec, fault["strikes"].as_u64().unwrap())
        };
        told["faults"]
            .as_array()
            .unwrap()
            .iter()
            .map(each)
            .collect()
    }
}

/// What is answered to a request, for tests that are asynchronous functions as well.
pub fn answer(request: RequestBuilder) -> Answer {
    let ask = || current_thread().block_on(send(request));
    std::thread::scope(|scope| scope.spawn(ask).join().unwrap())
}
