//! How fast `hubctl send --lines --concurrency 16` posts, beside wrk on the same server, taking turns.
//!
//! `cargo bench --bench send`. The server answers 204 and nothing else, over TLS, in this process; it counts what it is
//! sent, so that every message is accounted for. wrk comes from the system (`apt-get install wrk`). Prints medians and the
//! ratio, judges nothing but the count.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

#[path = "../it/support/certificates.rs"]
mod certificates;

use std::convert::Infallible;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use certificates::Certificates;
use http_body_util::{BodyExt as _, Empty};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

const ROUNDS: usize = 5;
const MESSAGES: u64 = 200_000;
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

static TAKEN: AtomicU64 = AtomicU64::new(0);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make();
    let config = Arc::clone(&certificates.config);
    let (sender, port) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(serve(config, sender));
    });
    let port: u16 = port.recv().unwrap();
    let line = format!(
        "{{\"temperature\":24.5,\"padding\":\"{}\"}}\n",
        "x".repeat(166)
    );
    let input = folder.path().join("lines");
    let mut file = std::fs::File::create(&input).unwrap();
    for _ in 0..MESSAGES {
        file.write_all(line.as_bytes()).unwrap();
    }
    let script = folder.path().join("post.lua");
    std::fs::write(
        &script,
        format!("wrk.method = \"POST\"\nwrk.body = '{}'\n", line.trim_end()),
    )
    .unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        ours.push(hubctl(port, &certificates.ca_file(), &input));
        theirs.push(wrk(port, &script));
        println!(
            "round {round}: hubctl {:.0}/s, wrk {:.0}/s",
            ours[round - 1],
            theirs[round - 1]
        );
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "medians: hubctl {ours:.0}/s, wrk {theirs:.0}/s, ratio {:.2}",
        ours / theirs
    );
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn hubctl(port: u16, ca_file: &Path, input: &Path) -> f64 {
    let before = TAKEN.load(Ordering::Relaxed);
    let start = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_hubctl"))
        .args([
            "send",
            "device1",
            "-",
            "--lines",
            "--concurrency",
            "16",
            "--quiet",
            "-l",
        ])
        .arg(format!(
            "HostName=localhost:{port};DeviceId=device1;SharedAccessKey={KEY}"
        ))
        .arg("--ca-file")
        .arg(ca_file)
        .stdin(Stdio::from(std::fs::File::open(input).unwrap()))
        .status()
        .unwrap();
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.success());
    let taken = TAKEN.load(Ordering::Relaxed) - before;
    assert_eq!(taken, MESSAGES, "messages were lost, or arrived twice");
    u32::try_from(taken).map(f64::from).unwrap() / seconds
}

fn wrk(port: u16, script: &Path) -> f64 {
    let output = Command::new("wrk")
        .args(["-t1", "-c16", "-d3s", "-s"])
        .arg(script)
        .arg(format!(
            "https://localhost:{port}/devices/device1/messages/events?api-version=2021-04-12"
        ))
        .output()
        .expect("wrk is not installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"));
    rate.and_then(|rate| rate.trim().parse().ok())
        .unwrap_or_else(|| panic!("wrk says: {text}"))
}

async fn serve(config: Arc<ServerConfig>, port: std::sync::mpsc::Sender<u16>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    port.send(listener.local_addr().unwrap().port()).unwrap();
    let acceptor = TlsAcceptor::from(config);
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            // A client that hangs up is no concern of the server's.
            let _ = hyper::server::conn::http1::Builder::new()
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    if request.into_body().collect().await.is_ok() {
        TAKEN.fetch_add(1, Ordering::Relaxed);
    }
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
