//! A TLS server on a free port that answers, breaks off and falls silent as a test tells it.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::model::connection_string::Host;

/// What the server does with one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Turn {
    /// Sends these bytes and keeps the connection.
    Say(&'static str),
    /// Sends these bytes, then closes the connection.
    SayAndHangUp(&'static str),
    /// Closes without a word.
    HangUp,
    /// Says nothing and keeps the connection.
    Wait,
}

pub(crate) struct Server {
    pub(crate) host: Host,
    pub(crate) certificate: tempfile::NamedTempFile,
    requests: Arc<Mutex<Vec<String>>>,
    pub(crate) connections: Arc<Mutex<usize>>,
}

pub(crate) const NO_CONTENT: Turn = Turn::Say("HTTP/1.1 204 No Content\r\n\r\n");

impl Server {
    pub(crate) async fn start(turns: &[Turn]) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(certificate.pem().as_bytes()).unwrap();
        let der = CertificateDer::from(certificate.der().to_vec());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![der], key)
                .unwrap();
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self {
            host: Host::parse(&format!("localhost:{port}")).unwrap(),
            certificate: file,
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let turns = Arc::new(Mutex::new(turns.iter().copied().collect::<VecDeque<_>>()));
        let (requests, connections) = (
            Arc::clone(&server.requests),
            Arc::clone(&server.connections),
        );
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, turns, requests) =
                    (acceptor.clone(), Arc::clone(&turns), Arc::clone(&requests));
                *connections.lock().unwrap() += 1;
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &turns, &requests).await;
                    }
                });
            }
        });
        server
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TlsStream<TcpStream>,
    turns: &Mutex<VecDeque<Turn>>,
    requests: &Mutex<Vec<String>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        requests.lock().unwrap().push(request);
        let turn = turns.lock().unwrap().pop_front().unwrap_or(NO_CONTENT);
        match turn {
            Turn::Say(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Turn::SayAndHangUp(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                return;
            }
            Turn::HangUp => return,
            Turn::Wait => std::future::pending().await,
        }
        stream.flush().await.unwrap();
    }
}

async fn read_request(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        if body.len() >= length {
            return Some(text);
        }
    }
}
