//! A proxy of the test's own, which speaks CONNECT alone and keeps count; and ports behind which nobody is reached.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
    copy_bidirectional,
};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::certificates::Certificates;
use super::runtime::{current_thread, multi_thread};

/// What the proxy does with a request.
#[derive(Debug, Clone)]
pub enum Manner {
    /// Opens the way.
    Open,
    /// Opens the way to whoever brings this `Proxy-Authorization`, and answers 407 to others.
    Credentials(&'static str),
    /// Answers this, and hangs up.
    Answer(&'static str),
    /// Answers never.
    Hang,
}

/// A running proxy; ends with the test.
pub struct ConnectProxy {
    address: SocketAddr,
    tunnels: Arc<Mutex<Vec<String>>>,
    certificates: Option<Certificates>,
    // Its connections end with it.
    _runtime: Runtime,
}

impl ConnectProxy {
    /// Starts one that is spoken to without TLS.
    pub fn start(manner: Manner) -> Self {
        Self::start_with(manner, None)
    }

    /// Starts one that is spoken to over TLS, with a CA of its own.
    pub fn start_encrypted(manner: Manner) -> Self {
        Self::start_with(manner, Some(Certificates::make()))
    }

    fn start_with(manner: Manner, certificates: Option<Certificates>) -> Self {
        let runtime = multi_thread(1);
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let tls = certificates
            .as_ref()
            .map(|certificates| TlsAcceptor::from(certificates.config.clone()));
        let tunnels = Arc::new(Mutex::new(Vec::new()));
        let opened = Arc::clone(&tunnels);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (manner, opened, tls) = (manner.clone(), Arc::clone(&opened), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &manner, &opened).await,
                        Some(tls) => serve(tls.accept(stream).await?, &manner, &opened).await,
                    }
                });
            }
        });
        Self {
            address,
            tunnels,
            certificates,
            _runtime: runtime,
        }
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Its CA's certificate, where it has one.
    pub fn ca_file(&self) -> PathBuf {
        self.certificates.as_ref().unwrap().ca_file()
    }

    /// Where the ways led that it opened.
    pub fn tunnels(&self) -> Vec<String> {
        self.tunnels.lock().unwrap().clone()
    }
}

async fn serve<S>(stream: S, manner: &Manner, tunnels: &Mutex<Vec<String>>) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let line: Vec<&str> = head.split_whitespace().take(2).collect();
    let ["CONNECT", to] = line[..] else {
        return stream
            .write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
            .await;
    };
    match manner {
        Manner::Open => {}
        Manner::Credentials(wanted) => {
            let name = "proxy-authorization: ";
            let found = head.lines().find_map(|line| {
                let is_named = line.to_ascii_lowercase().starts_with(name);
                is_named.then(|| &line[name.len()..])
            });
            if found != Some(wanted) {
                let no = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\
                          Content-Length: 0\r\n\r\n";
                return stream.write_all(no.as_bytes()).await;
            }
        }
        Manner::Answer(bytes) => return stream.write_all(bytes.as_bytes()).await,
        Manner::Hang => {
            // Until the other side has had enough.
            stream.read_to_end(&mut Vec::new()).await?;
            return Ok(());
        }
    }
    let mut far = tokio::net::TcpStream::connect(to).await?;
    tunnels.lock().unwrap().push(to.to_owned());
    let established = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n";
    stream.write_all(established).await?;
    stream.flush().await?;
    copy_bidirectional(&mut stream, &mut far).await?;
    Ok(())
}

/// A port that refuses every connection, and is nobody else's as long as this lives.
pub struct RefusingPort(TcpSocket);

impl RefusingPort {
    /// Takes one.
    pub fn take() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Bound and never listened on.
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}

/// A port that answers no packet: its queue is full, and nobody takes anything out of it.
pub struct SwallowingPort {
    number: u16,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
    _runtime: Runtime,
}

impl SwallowingPort {
    /// Makes one.
    pub fn make() -> Self {
        let runtime = current_thread();
        let listener = runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            socket.listen(1).unwrap()
        });
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        // The first that is not answered is the proof.
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            queue.push(stream);
            assert!(queue.len() < 64, "the queue does not fill");
        }
        Self {
            number: address.port(),
            _listener: listener,
            _queue: queue,
            _runtime: runtime,
        }
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}
