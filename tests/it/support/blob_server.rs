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
use tokio::sync::Notify;
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
    /// The same for blocks.
    blocks_refusal: Option<StatusCode>,
    /// Whether blocks wait.
    is_holding: bool,
}

impl Content {
    /// What a list of blocks comes to.
    fn assemble(&self, path: &str, list: &Bytes) -> Bytes {
        let list = String::from_utf8(list.to_vec()).unwrap();
        let ids = list.split("<Latest>").skip(1);
        let blocks = ids.flat_map(|rest| {
            let id = rest.split('<').next().unwrap().to_owned();
            self.blocks[&(path.to_owned(), id)].to_vec()
        });
        blocks.collect::<Vec<u8>>().into()
    }
}

/// A running storage; ends with the test.
pub struct BlobServer {
    address: SocketAddr,
    content: Arc<Mutex<Content>>,
    /// A block has come; blocks may go on.
    arrived: Arc<Notify>,
    released: Arc<Notify>,
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
        let (arrived, released) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let served = Served {
            content: Arc::clone(&content),
            arrived: Arc::clone(&arrived),
            released: Arc::clone(&released),
        };
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (served, tls) = (served.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, served).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, served).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            content,
            arrived,
            released,
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

    /// Lets blocks wait from now on.
    pub fn hold(&self) {
        self.content.lock().unwrap().is_holding = true;
    }

    /// Comes true once a block waits.
    pub async fn held(&self) {
        self.arrived.notified().await;
    }

    /// Lets the block go on that waits, and those that follow.
    pub fn release(&self) {
        self.content.lock().unwrap().is_holding = false;
        self.released.notify_one();
    }

    /// Answers this to blocks from now on.
    pub fn refuse_blocks(&self, status: Option<StatusCode>) {
        self.content.lock().unwrap().blocks_refusal = status;
    }

    /// Answers this to everything from now on.
    pub fn refuse(&self, status: Option<StatusCode>) {
        self.content.lock().unwrap().refusal = status;
    }
}

#[derive(Clone)]
struct Served {
    content: Arc<Mutex<Content>>,
    arrived: Arc<Notify>,
    released: Arc<Notify>,
}

async fn serve<S>(stream: S, served: Served)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| answer(request, served.clone()));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // How a client goes is its own affair.
    let _ = connection.await;
}

async fn answer(
    request: Request<Incoming>,
    served: Served,
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
    let is_block = field("comp") == Some("block");
    if is_block && served.content.lock().unwrap().is_holding {
        served.arrived.notify_one();
        served.released.notified().await;
    }
    let mut content = served.content.lock().unwrap();
    let line = format!("{} {path}?{query}", head.method);
    content.requests.push(line);
    // A body that broke off is nobody's.
    let Ok(body) = body else {
        return Ok(plain(StatusCode::BAD_REQUEST));
    };
    let refusal = content.blocks_refusal.filter(|_| is_block);
    if let Some(status) = refusal.or(content.refusal) {
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
    let block = field("blockid").map(|id| {
        let id = percent_encoding::percent_decode_str(id).decode_utf8();
        id.unwrap().into_owned()
    });
    let is_list = field("comp") == Some("blocklist");
    Ok(match (head.method, block) {
        (Method::PUT, Some(id)) => {
            content.blocks.insert((path, id), body);
            plain(StatusCode::CREATED)
        }
        (Method::PUT, None) if is_list => {
            let whole = content.assemble(&path, &body);
            content.blobs.insert(path, whole);
            plain(StatusCode::CREATED)
        }
        (Method::PUT, None) if head.headers.contains_key("x-ms-blob-type") => {
            content.blobs.insert(path, body);
            plain(StatusCode::CREATED)
        }
        (method @ (Method::HEAD | Method::GET), None) => match content.blobs.get(&path) {
            None => plain(StatusCode::NOT_FOUND),
            Some(blob) => shown(blob, method == Method::GET),
        },
        _ => plain(StatusCode::BAD_REQUEST),
    })
}

fn shown(blob: &Bytes, has_body: bool) -> Response<Full<Bytes>> {
    let body = if has_body { blob.clone() } else { Bytes::new() };
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert("content-length", blob.len().to_string().parse().unwrap());
    let modified = "Sat, 28 Feb 2026 10:20:30 GMT";
    headers.insert("last-modified", modified.parse().unwrap());
    response
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    let code = format!("Code{}", status.as_u16());
    let headers = response.headers_mut();
    headers.insert("x-ms-error-code", code.parse().unwrap());
    response
}
