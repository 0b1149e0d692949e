//! Requests to storage, each with its limit of time.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderValue};
use reqwest::{Client, Method, Request, Response, Url, redirect};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::error::StorageError;
use crate::protocol::blob::{VERSION, VERSION_HEADER};
use crate::trust;

/// How long a connection may take to come up.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long a request may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Speaks HTTP with storage; connects when it is first asked to.
#[derive(Debug)]
pub(super) struct Wire {
    ca_file: Option<PathBuf>,
    /// Through the proxy of the environment, where there is one.
    far: OnceCell<Client>,
    /// To this machine.
    near: OnceCell<Client>,
}

impl Wire {
    pub(super) fn new(ca_file: Option<PathBuf>) -> Self {
        Self {
            ca_file,
            far: OnceCell::new(),
            near: OnceCell::new(),
        }
    }

    /// The client for an address.
    pub(super) async fn client(&self, url: &Url) -> Result<&Client, StorageError> {
        let is_near = is_loopback(url);
        let cell = if is_near { &self.near } else { &self.far };
        cell.get_or_try_init(|| async { self.make(is_near) }).await
    }

    fn make(&self, is_near: bool) -> Result<Client, StorageError> {
        let mut tls = trust::client_config(self.ca_file.as_deref())?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_LIMIT);
        if is_near {
            builder = builder.no_proxy();
        }
        builder
            .build()
            .map_err(|source| StorageError::Setup { source })
    }

    /// Sends a request and waits for the head of an answer that is a 2xx.
    async fn exchange(
        &self,
        mut request: Request,
        limit: Duration,
    ) -> Result<Response, StorageError> {
        let url = request.url().clone();
        let headers = request.headers_mut();
        headers.insert(VERSION_HEADER, HeaderValue::from_static(VERSION));
        let client = self.client(&url).await?;
        let answer = timeout(limit, client.execute(request)).await;
        let response = answer
            .map_err(|_| StorageError::TimedOut { host: host(&url) })?
            .map_err(|error| broken(&url, error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.headers().get("x-ms-error-code");
        Err(StorageError::Refused {
            host: host(&url),
            status: response.status(),
            code: code
                .and_then(|code| code.to_str().ok())
                .filter(|code| code.len() < 100)
                .map(str::to_owned),
        })
    }

    /// Makes a container.
    pub(super) async fn create_container(&self, url: Url) -> Result<(), StorageError> {
        let mut request = Request::new(Method::PUT, url);
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        self.exchange(request, ANSWER_LIMIT).await?;
        Ok(())
    }

    /// The head of a blob.
    pub(super) async fn head(&self, url: Url) -> Result<Response, StorageError> {
        let request = Request::new(Method::HEAD, url);
        self.exchange(request, ANSWER_LIMIT).await
    }
}

/// Host and port.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_matches(['[', ']']);
    let address: Option<std::net::IpAddr> = host.parse().ok();
    host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback())
}

/// The last cause says most, and holds no URL.
pub(super) fn broken(url: &Url, error: reqwest::Error) -> StorageError {
    let error = error.without_url();
    let mut why = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        why = source.to_string();
        cause = source.source();
    }
    StorageError::Unreachable {
        host: host(url),
        why,
    }
}
