//! Requests to storage, each with its limit of time; large bodies go through in pieces.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, HeaderValue};
use reqwest::{Body, Client, Method, Request, Response, Url, redirect};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::error::StorageError;
use crate::protocol::blob::{VERSION, VERSION_HEADER, block_id, block_list};
use crate::trust;

/// How long a connection may take to come up.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long a small request may take, and the next piece of a large answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How long a block may take.
const BLOCK_LIMIT: Duration = Duration::from_secs(120);

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

    async fn put(&self, url: Url, body: Bytes, blob_type: bool) -> Result<(), StorageError> {
        let mut request = Request::new(Method::PUT, url);
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        if blob_type {
            headers.insert("x-ms-blob-type", HeaderValue::from_static("BlockBlob"));
        }
        let limit = if body.len() > 64 * 1024 {
            BLOCK_LIMIT
        } else {
            ANSWER_LIMIT
        };
        *request.body_mut() = Some(Body::from(body));
        self.exchange(request, limit).await?;
        Ok(())
    }

    /// Makes a container.
    pub(super) async fn create_container(&self, url: Url) -> Result<(), StorageError> {
        self.put(url, Bytes::new(), false).await
    }

    /// Makes a blob, or empties it.
    pub(super) async fn create_blob(&self, url: Url) -> Result<(), StorageError> {
        self.put(url, Bytes::new(), true).await
    }

    /// Sends one block of a blob.
    pub(super) async fn put_block(
        &self,
        mut url: Url,
        number: u32,
        block: Bytes,
    ) -> Result<(), StorageError> {
        url.query_pairs_mut()
            .append_pair("comp", "block")
            .append_pair("blockid", &block_id(number));
        self.put(url, block, false).await
    }

    /// Makes a blob of so many blocks.
    pub(super) async fn put_block_list(
        &self,
        mut url: Url,
        count: u32,
    ) -> Result<(), StorageError> {
        url.query_pairs_mut().append_pair("comp", "blocklist");
        self.put(url, Bytes::from(block_list(count)), false).await
    }

    /// The head of a blob.
    pub(super) async fn head(&self, url: Url) -> Result<Response, StorageError> {
        let request = Request::new(Method::HEAD, url);
        self.exchange(request, ANSWER_LIMIT).await
    }

    /// A blob whose content comes in pieces.
    pub(super) async fn get(&self, url: Url) -> Result<Response, StorageError> {
        let request = Request::new(Method::GET, url);
        self.exchange(request, ANSWER_LIMIT).await
    }
}

/// The next piece of an answer; `None` at its end.
pub(super) async fn next_chunk(response: &mut Response) -> Result<Option<Bytes>, StorageError> {
    let url = response.url().clone();
    let chunk = timeout(ANSWER_LIMIT, response.chunk()).await;
    chunk
        .map_err(|_| StorageError::TimedOut { host: host(&url) })?
        .map_err(|error| broken(&url, error))
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
