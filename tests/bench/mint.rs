//! A million devices, each with a key of its own: from a file of `deviceId,key` to a file of tokens.
//!
//! `cargo bench --bench mint` runs the real binary beside `mint.c` (OpenSSL's HMAC, compiled with `cc -O2`), whole
//! processes taking turns, on one core (`taskset`) and on all of them, and holds the two outputs against each other, byte
//! for byte. Prints medians, ratios and peak memory (GNU time, where it is there), judges nothing.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

const DEVICES: u32 = 1_000_000;
const ROUNDS: usize = 5;
const HOST: &str = "contoso.azure-devices.net";
const EXPIRY: &str = "4102444800";

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("devices.csv");
    write_list(&list);
    let peer = folder.path().join("mint");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/mint.c");
    let compiled = Command::new("cc")
        .arg("-O2")
        .arg(source)
        .arg("-o")
        .arg(&peer)
        .arg("-lcrypto")
        .status();
    assert!(compiled.unwrap().success(), "mint.c needs libssl-dev");
    let hubctl = |list: &Path| {
        let milliseconds = format!("{EXPIRY}000");
        let list = list.to_str().unwrap();
        let words = ["sas-token", "--quiet", "--from", list, "--hub", HOST];
        let mut all = vec![env!("CARGO_BIN_EXE_hubctl").to_owned()];
        all.extend(words.map(str::to_owned));
        all.extend(["--expires-at".to_owned(), milliseconds]);
        all
    };
    let c = |list: &Path| {
        let words = [peer.to_str().unwrap(), list.to_str().unwrap(), HOST, EXPIRY];
        words.map(str::to_owned).to_vec()
    };
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    for (cores, prefix) in [
        ("one core", &["taskset", "-c", "0"][..]),
        ("all cores", &[]),
    ] {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..=ROUNDS {
            let took = [
                run(prefix, &hubctl(&list), &ours),
                run(prefix, &c(&list), &theirs),
            ];
            // The first round warms the caches.
            if round > 0 {
                times[0].push(took[0]);
                times[1].push(took[1]);
            }
        }
        let is_equal = fs::read(&ours).unwrap() == fs::read(&theirs).unwrap();
        assert!(is_equal, "the two make different tokens");
        let [ours, theirs] = times.map(median);
        println!("{cores}:");
        report("hubctl sas-token --from", ours);
        report("C on OpenSSL's HMAC", theirs);
        println!(
            "  {:.2} times as fast",
            theirs.as_secs_f64() / ours.as_secs_f64()
        );
    }
    println!("the outputs are equal, byte for byte");
    for (name, words) in [("hubctl", hubctl(&list)), ("C", c(&list))] {
        if let Some(kilobytes) = peak(&words) {
            println!("peak memory of {name}: {kilobytes} KB");
        }
    }
}

fn write_list(path: &Path) {
    let mut list = BufWriter::new(File::create(path).unwrap());
    for number in 0..DEVICES {
        let key = STANDARD.encode(Sha256::digest(number.to_le_bytes()));
        writeln!(list, "device-{number:07},{key}").unwrap();
    }
    list.flush().unwrap();
}

fn run(prefix: &[&str], words: &[String], output: &Path) -> Duration {
    let words: Vec<&str> = prefix
        .iter()
        .copied()
        .chain(words.iter().map(String::as_str))
        .collect();
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(File::create(output).unwrap());
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed()
}

fn report(name: &str, median: Duration) {
    let rate = f64::from(DEVICES) / median.as_secs_f64();
    println!(
        "  {name:<24} {:>8.1} ms {rate:>12.0} tokens/s",
        median.as_secs_f64() * 1e3
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The most memory that the process ever had, in KB.
fn peak(words: &[String]) -> Option<u64> {
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "%M"]).args(words).stdout(Stdio::null());
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stderr).ok()?;
    text.lines().last()?.trim().parse().ok()
}
