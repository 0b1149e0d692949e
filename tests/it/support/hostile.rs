//! A hub that answers by a script: throttled, failing, cutting connections off, its clock wrong.

use std::collections::VecDeque;
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::certificates::Certificates;
use super::runner::LIMIT;

/// What the hub does with one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Sends these bytes.
    Bytes(String),
    /// Sends these bytes and cuts the connection off.
    Cut(String),
}

impl Answer {
    /// An answer with a status line, further headers (each with its line end) and a body.
    pub fn new(status: &str, headers: &str, body: &str) -> Self {
        Self::Bytes(format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// What the hub says when it has taken a message.
    pub fn taken() -> Self {
        Self::Bytes("HTTP/1.1 204 No Content\r\n\r\n".to_owned())
    }
}

/// A server by the script, with a CA of its own.
pub struct HostileHub {
    port: u16,
    requests: Arc<Seen>,
    certificates: Certificates,
}

/// What has come so far, and a call to those who wait for it.
#[derive(Default)]
struct Seen {
    heard: Mutex<Vec<String>>,
    came: Condvar,
}

/// The key in its connection strings.
pub const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

impl HostileHub {
    /// Starts one that answers the first request by the first entry, and so on; the last goes on for ever.
    pub fn start(script: Vec<Answer>) -> Self {
        let certificates = Certificates::make();
        let config = Arc::clone(&certificates.config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Seen::default());
        let script = Arc::new(Mutex::new(VecDeque::from(script)));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, script, seen) =
                    (Arc::clone(&config), Arc::clone(&script), Arc::clone(&seen));
                std::thread::spawn(move || serve(stream, config, &script, &seen));
            }
        });
        Self {
            port,
            requests,
            certificates,
        }
    }

    /// A device's connection string for it.
    pub fn device(&self) -> String {
        format!(
            "HostName=localhost:{};DeviceId=device1;SharedAccessKey={KEY}",
            self.port
        )
    }

    /// A hub's connection string for it.
    pub fn hub(&self) -> String {
        format!(
            "HostName=localhost:{};SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}",
            self.port
        )
    }

    /// Its CA's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.certificates.ca_file()
    }

    /// Every request that came, its body behind the head.
    pub fn requests(&self) -> Vec<String> {
        self.requests.heard.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub fn wait_for_requests(&self, count: usize) {
        let heard = self.requests.heard.lock().unwrap();
        let wait = self
            .requests
            .came
            .wait_timeout_while(heard, LIMIT, |heard| heard.len() < count);
        assert!(
            !wait.unwrap().1.timed_out(),
            "{count} requests did not come"
        );
    }
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    script: &Mutex<VecDeque<Answer>>,
    seen: &Seen,
) {
    let Ok(connection) = ServerConnection::new(config) else {
        return;
    };
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    while let Some(request) = read_request(&mut reader) {
        seen.heard.lock().unwrap().push(request);
        seen.came.notify_all();
        let answer = {
            let mut script = script.lock().unwrap();
            let next = script.front().cloned();
            if script.len() > 1 {
                script.pop_front();
            }
            next
        };
        let (bytes, cut) = match answer {
            Some(Answer::Bytes(bytes)) => (bytes, false),
            Some(Answer::Cut(bytes)) => (bytes, true),
            None => return,
        };
        let stream = reader.get_mut();
        if stream
            .write_all(bytes.as_bytes())
            .and_then(|()| stream.flush())
            .is_err()
            || cut
        {
            return;
        }
    }
}

fn read_request(reader: &mut impl std::io::BufRead) -> Option<String> {
    let mut request = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        request.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.push_str(&String::from_utf8_lossy(&body));
    Some(request)
}
