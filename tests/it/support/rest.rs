//! The registry's REST interface, for what hubctl itself has no command for.

use reqwest::header::AUTHORIZATION;
use reqwest::{Certificate, Client};
use serde_json::Value;

use super::Emulator;
use super::runtime::current_thread;

/// A client that trusts this hub and nobody else.
pub fn client(hub: &Emulator) -> Client {
    // A second installation finds the first one's there, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = std::fs::read(hub.text("/caFile")).unwrap();
    let ca = Certificate::from_pem(&ca).unwrap();
    let builder = Client::builder().tls_certs_only([ca]).no_proxy();
    builder.build().unwrap()
}

/// A path of this hub's, with its api-version.
pub fn url(hub: &Emulator, path: &str) -> String {
    let port = hub.port("https");
    format!("https://localhost:{port}{path}?api-version=2021-04-12")
}

/// Puts an identity there as `iothubowner`, over whatever stands there, and returns what the hub made of it.
pub fn put_identity(hub: &Emulator, path: &str, identity: &Value) -> Value {
    let token = hub.owner(&["sas-token", "--policy"]).run().success();
    let request = client(hub)
        .put(url(hub, path))
        .header(AUTHORIZATION, token.trim())
        .body(identity.to_string());
    let runtime = current_thread();
    runtime.block_on(async {
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        assert!(
            status.is_success(),
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        serde_json::from_slice(&body).unwrap()
    })
}
