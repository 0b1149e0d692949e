//! Blob storage of the test's own: containers and block blobs in memory, for whoever brings a signature.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::certificates::Certificates;
use super::runtime::multi_thread;

/// The key of its account, `acct`.
pub const KEY: &str = "c3RvcmFnZS1rZXk=";

/// What is in it.
#[derive(Default)]
struct Content {
    /// By path.
    blobs: BTreeMap<String, Bytes>,
    /// Containers' paths.
    containers: Vec<String>,
    /// Blocks by the path of their blob and their id.
    blocks: BTreeMap<(String, String), Bytes>,
    /// Method and path of every request, with its query.
    requests: Vec<String>,
    /// The status of every answer from now on.
    refusal: Option<StatusCode>,
}

/// A running storage; ends with the test.
pub struct BlobServer {
    address: SocketAddr,
    content: Arc<Mutex<Content>>,
    certificates: Option<Certificates>,
    // Its connections end with it.
    _runtime: Runtime,
}

impl BlobServer {
    /// Starts one without TLS, whose account has a path, as Azurite's has.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts one that speaks TLS, with a CA of its own.
    pub fn start_encrypted() -> Self {
        Self::start_with(Some(Certificates::make()))
    }

    fn start_with(certificates: Option<Certificates>) -> Self {
        let runtime = multi_thread(1);
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let tls = certificates
            .as_ref()
            .map(|certificates| TlsAcceptor::from(certificates.config.clone()));
        let content = Arc::new(Mutex::new(Content::default()));
        let served = Arc::clone(&content);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (content, tls) = (Arc::clone(&served), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, content).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, content).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            content,
            certificates,
            _runtime: runtime,
        }
    }

    /// Scheme, host, port and the account's path.
    pub fn endpoint(&self) -> String {
        match self.certificates {
            None => format!("http://{}/acct", self.address),
            Some(_) => format!("https://localhost:{}/acct", self.address.port()),
        }
    }

    /// The account's connection string.
    pub fn connection_string(&self) -> String {
        let endpoint = self.endpoint();
        format!("AccountName=acct;AccountKey={KEY};BlobEndpoint={endpoint}")
    }

    /// Its CA's certificate, where it has one.
    pub fn ca_file(&self) -> PathBuf {
        self.certificates.as_ref().unwrap().ca_file()
    }

    /// A blob's content by container and name.
    pub fn blob(&self, path: &str) -> Option<Bytes> {
        let content = self.content.lock().unwrap();
        content.blobs.get(&format!("/acct/{path}")).cloned()
    }

    /// Puts a blob there, and its container.
    pub fn put(&self, path: &str, body: impl Into<Bytes>) {
        let path = format!("/acct/{path}");
        let mut content = self.content.lock().unwrap();
        let container = path.rsplit_once('/').unwrap().0.to_owned();
        content.containers.push(container);
        content.blobs.insert(path, body.into());
    }

    /// Every request until now.
    pub fn requests(&self) -> Vec<String> {
        self.content.lock().unwrap().requests.clone()
    }

    /// Answers this to everything from now on.
    pub fn refuse(&self, status: Option<StatusCode>) {
        self.content.lock().unwrap().refusal = status;
    }
}

async fn serve<S>(stream: S, content: Arc<Mutex<Content>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| answer(request, Arc::clone(&content)));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // How a client goes is its own affair.
    let _ = connection.await;
}

async fn answer(
    request: Request<Incoming>,
    content: Arc<Mutex<Content>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let path = percent_encoding::percent_decode_str(head.uri.path());
    let path = path.decode_utf8().unwrap().into_owned();
    let query = head.uri.query().unwrap_or_default();
    let field = |name: &str| {
        let mut fields = query.split('&').filter_map(|field| field.split_once('='));
        fields.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let mut content = content.lock().unwrap();
    let line = format!("{} {path}?{query}", head.method);
    content.requests.push(line);
    // A body that broke off is nobody's.
    let Ok(body) = body else {
        return Ok(plain(StatusCode::BAD_REQUEST));
    };
    if let Some(status) = content.refusal {
        return Ok(plain(status));
    }
    if field("sig").is_none() {
        return Ok(plain(StatusCode::FORBIDDEN));
    }
    if field("restype") == Some("container") {
        if content.containers.contains(&path) {
            return Ok(plain(StatusCode::CONFLICT));
        }
        content.containers.push(path);
        return Ok(plain(StatusCode::CREATED));
    }
    let is_in = |container: &String| path.starts_with(&format!("{container}/"));
    if !content.containers.iter().any(is_in) {
        return Ok(plain(StatusCode::NOT_FOUND));
    }
    Ok(match (head.method, field("comp")) {
        (Method::PUT, Some("block")) => {
            let id = field("blockid").unwrap();
            let id = percent_encoding::percent_decode_str(id)
                .decode_utf8()
                .unwrap();
            content.blocks.insert((path, id.into_owned()), body);
            plain(StatusCode::CREATED)
        }
        (Method::PUT, Some("blocklist")) => {
            let list = String::from_utf8(body.to_vec()).unwrap();
            let ids = list.split("<Latest>").skip(1);
            let whole = ids.map(|rest| {
                let id = rest.split('<').next().unwrap().to_owned();
                content.blocks[&(path.clone(), id)].to_vec()
            });
            let whole: Vec<u8> = whole.flatten().collect();
            content.blobs.insert(path, whole.into());
            plain(StatusCode::CREATED)
        }
        (Method::PUT, _) if head.headers.contains_key("x-ms-blob-type") => {
            content.blobs.insert(path, body);
            plain(StatusCode::CREATED)
        }
        (method @ (Method::HEAD | Method::GET), _) => match content.blobs.get(&path) {
            None => plain(StatusCode::NOT_FOUND),
            Some(blob) => {
                let length = blob.len().to_string();
                let body = if method == Method::GET {
                    blob.clone()
                } else {
                    Bytes::new()
                };
                let mut response = Response::new(Full::new(body));
                let headers = response.headers_mut();
                headers.insert("content-length", length.parse().unwrap());
                let modified = "Sat, 28 Feb 2026 10:20:30 GMT";
                headers.insert("last-modified", modified.parse().unwrap());
                response
            }
        },
        _ => plain(StatusCode::BAD_REQUEST),
    })
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    let code = format!("Code{}", status.as_u16());
    let headers = response.headers_mut();
    headers.insert("x-ms-error-code", code.parse().unwrap());
    response
}
