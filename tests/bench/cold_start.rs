//! How long a shell waits for one token: whole processes, from start to exit, taking turns.
//!
//! `cargo bench --bench cold_start` times `hubctl sas-token` offline beside a bare clap program that mints the same token
//! (this very binary, started with `BARE_TOKEN` set: it holds clap, hmac, sha2 and base64 and nothing of hubctl) and, where
//! `PEERS_PYTHON` names an interpreter that has azure-iot-hub, beside Python. Prints medians and ratios, judges nothing.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const ROUNDS: usize = 101;

/// The bare program.
#[derive(Parser)]
struct Bare {
    resource: String,
    #[arg(long)]
    key: String,
    #[arg(long)]
    expiry: i64,
}

fn main() {
    if std::env::var_os("BARE_TOKEN").is_some() {
        return print_token(&Bare::parse());
    }
    let mut contenders = vec![
        ("hubctl sas-token", hubctl as fn() -> Command),
        ("bare clap program", bare),
    ];
    if std::env::var_os("PEERS_PYTHON").is_some() {
        contenders.push(("python, azure-iot-hub", python));
    }
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); contenders.len()];
    for round in 0..=ROUNDS {
        for (index, (_, command)) in contenders.iter().enumerate() {
            // Python is slow enough to be exact with fewer rounds.
            if index == 2 && round > 15 {
                continue;
            }
            let time = time(command());
            // The first round warms the caches.
            if round > 0 {
                times[index].push(time);
            }
        }
    }
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    for ((name, _), median) in contenders.iter().zip(&medians) {
        let ratio = median.as_secs_f64() / medians[0].as_secs_f64();
        println!(
            "{name:<24} {:>9.2} ms   {ratio:>6.2} times hubctl's",
            median.as_secs_f64() * 1e3
        );
    }
}

fn time(mut command: Command) -> Duration {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn hubctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
    command.args([
        "sas-token",
        "-l",
        &format!("HostName=contoso.azure-devices.net;DeviceId=device1;SharedAccessKey={KEY}"),
    ]);
    command
}

fn bare() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("BARE_TOKEN", "1").args([
        "contoso.azure-devices.net/devices/device1",
        "--key",
        KEY,
        "--expiry",
        "4102444800",
    ]);
    command
}

fn python() -> Command {
    let mut command = Command::new(std::env::var_os("PEERS_PYTHON").unwrap());
    let program = "import sys; from azure.iot.hub.sastoken import SasToken; print(str(SasToken(sys.argv[1], sys.argv[2], None, 3600)))";
    command.args([
        "-c",
        program,
        "contoso.azure-devices.net/devices/device1",
        KEY,
    ]);
    command
}

fn print_token(bare: &Bare) {
    let resource = utf8_percent_encode(&bare.resource, NON_ALPHANUMERIC).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(&bare.key).unwrap()).unwrap();
    mac.update(format!("{resource}\n{}", bare.expiry).as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let signature = utf8_percent_encode(&signature, NON_ALPHANUMERIC);
    println!(
        "SharedAccessSignature sr={resource}&sig={signature}&se={}",
        bare.expiry
    );
}
