//! How fast `hubctl monitor-events` reads, beside others on the same stream, taking turns; and what it costs.
//!
//! `cargo bench --bench drain [-- MEASURE...]`, where a measure is
//!
//! | measure | what is taken |
//! |---|---|
//! | `drain` | events a second as NDJSON into a file, beside qpid-proton C++ that counts and @azure/event-hubs that writes NDJSON |
//! | `iothub` | the same with events as long as IoT Hub's |
//! | `live` | from enqueued to written, at 1,000 events a second |
//! | `first` | from start to the first event, by the redirect of the local hub |
//! | `idle` | processor time with four partitions attached and nothing coming |
//! | `stall` | memory while standard output is not read |
//! | `serve` | nothing: only the source (with `long`, the long events), until it is stopped, for a profiler |
//!
//! The source runs in this process. qpid-proton comes from the system (`apt-get install libqpid-proton-cpp12-dev`),
//! @azure/event-hubs from where `tests/peers/run` installs it; a peer that is not there is said to be missing. Prints
//! medians and ratios, and checks that no event is missing from the file.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

#[path = "../../it/support/certificates.rs"]
mod certificates;
mod connection;
#[path = "../emulator.rs"]
mod emulator;
mod event;
mod peers;
mod reader;
mod source;

use std::path::Path;

use event::Profile;
use peers::{Peer, Rate};
use source::{Offer, PARTITIONS};

const ROUNDS: usize = 5;

fn main() {
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|word| word == name);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if is_asked("drain") {
        drain(folder, Profile::EventHub, "events of about 500 bytes");
    }
    if is_asked("iothub") {
        drain(
            folder,
            Profile::IotHub,
            "events of about 900 bytes, as IoT Hub sends them",
        );
    }
    if asked.iter().any(|word| word == "serve") {
        let is_long = asked.iter().any(|word| word == "long");
        return serve(if is_long {
            Profile::IotHub
        } else {
            Profile::EventHub
        });
    }
    if is_asked("live") {
        reader::live(&offer(Profile::EventHub, Some(1_000), 5_000));
    }
    if is_asked("first") {
        reader::first(folder);
    }
    if is_asked("idle") {
        reader::idle(folder);
    }
    if is_asked("stall") {
        reader::stall(&offer(Profile::EventHub, None, 1 << 40));
    }
}

/// Serves until it is stopped, for a profiler at the other end.
fn serve(profile: Profile) {
    let source = offer(profile, None, 1 << 40);
    println!(
        "port {}, trust {}",
        source.port,
        source.certificates.ca_file().display()
    );
    std::thread::park();
}

/// Starts a source with certificates of its own.
fn offer(profile: Profile, rate: Option<u32>, events: u64) -> source::Source {
    source::start(Offer {
        profile,
        rate,
        events,
    })
}

fn drain(folder: &Path, profile: Profile, what: &str) {
    println!("{what}, {PARTITIONS} partitions, medians of {ROUNDS} rounds in turn:");
    let peers = [
        Peer::hubctl(2_000_000),
        Peer::proton(folder, 500_000),
        Peer::event_hubs(150_000),
    ];
    let mut rates: Vec<Vec<Rate>> = peers.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (peer, rates) in peers.iter().zip(&mut rates) {
            let source = offer(profile, None, 1 << 40);
            if let Some(rate) = peer.run(&source, folder) {
                rates.push(rate);
            }
        }
    }
    let medians: Vec<Option<Rate>> = rates.into_iter().map(Rate::median).collect();
    let ours = medians[0].as_ref().map(|rate| rate.events_per_second);
    for (peer, rate) in peers.iter().zip(&medians) {
        let Some(rate) = rate else {
            println!("  {}: not there, not measured", peer.name());
            continue;
        };
        println!(
            "  {}: {:.0} events/s, {:.2} CPU s per million, peak {:.1} MB, hubctl is {:.2} times as fast",
            peer.name(),
            rate.events_per_second,
            rate.cpu_per_million,
            rate.peak_mb,
            ours.unwrap_or(f64::NAN) / rate.events_per_second
        );
    }
}
