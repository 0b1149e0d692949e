//! `root-ca`: the trust anchors that a device should pin today; and with a host, the chain that it really presents.
#![expect(
    clippy::doc_markdown,
    reason = "doc comments of flags are the help's text, where backticks would be noise"
)]

mod certificate;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;

use super::Context;
use crate::client::chain::{self, Presented};
use crate::config::options::{SecretText, connect_limit};
use crate::failure::{Failure, Kind};
use crate::firmware::{ANCHORS, Anchor as Emitted, is_azure, root_ca};
use crate::model::connection_string::{ConnectionString, Host};
use crate::trust;
use certificate::{Certificate, about, time};
use report::{Anchor, Report, Store};

/// HTTPS's port.
const HTTPS_PORT: u16 = 443;

/// Print the certificates that a device should pin, or show what a host presents
///
/// Without HOST: today's trust anchors of Azure IoT Hub. With HOST: a real TLS handshake, the chain as the host presents it,
/// the anchor that it ends in, when each expires, and whether a board that pins only what hubctl emits would connect. For
/// a host of your own that is what stands in --ca-file.
///
/// Exit codes with HOST: 0 this machine and the board would connect; 9 the host cannot be reached or is not trusted here;
/// 12 this machine trusts it, but the board would not connect.
#[derive(Debug, Args)]
pub struct RootCaArgs {
    /// The host to look at: NAME or NAME:PORT, or a connection string that names it
    #[arg(value_name = "HOST")]
    host: Option<SecretText>,

    /// The host's port, such as 8883 for MQTT or 5671 for AMQP [default: 443]
    #[arg(long, value_name = "PORT", requires = "host", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    /// How to write it down; with HOST, c and rust hold the anchor that its chain ends in, and pem the chain as presented
    /// [default: pem, and text with HOST]
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<Shape>,

    /// Trust the certificates in this PEM file besides the system's [env: HUBCTL_CA_FILE]
    #[arg(long, value_name = "PEM")]
    ca_file: Option<PathBuf>,

    /// Give up a connection that is not made within this time
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = connect_limit)]
    connect_timeout: Duration,
}

/// How anchors and chains are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Lines for a person
    Text,
    /// PEM
    Pem,
    /// A header for C and C++
    C,
    /// A Rust file that needs no std
    Rust,
    /// One JSON object
    Json,
}

impl RootCaArgs {
    /// Whether the answer is JSON, so that errors are as well.
    #[must_use]
    pub fn answers_in_json(&self) -> bool {
        self.format == Some(Shape::Json)
    }
}

/// Prints the anchors, or explains a host.
///
/// # Errors
/// [`Kind::Unreachable`] for a host that cannot be reached or trusted, [`Kind::ConditionMissed`] for one that a board would
/// not connect to, [`Kind::Input`] for a CA file.
pub fn run(args: &RootCaArgs, context: &mut Context) -> Result<(), Failure> {
    let shape = args.format.or(context.json.then_some(Shape::Json));
    let Some(host) = args.host.as_ref().map(|host| host_of(&host.0)) else {
        let text = emitted(shape.unwrap_or(Shape::Pem));
        return context.print(text.as_bytes());
    };
    let host = &host?;
    let ca_file = args.ca_file.clone().or_else(|| {
        let variable = context.environment.variable("HUBCTL_CA_FILE");
        variable.map(PathBuf::from)
    });
    let own = match &ca_file {
        Some(path) => trust::read_certificates(path)?,
        None => Vec::new(),
    };
    let port = args.port.or(host.port).unwrap_or(HTTPS_PORT);
    let verifier = trust::verifier(ca_file.as_deref())?;
    let limit = args.connect_timeout;
    let presented = Context::block_on(async {
        chain::present(&host.name, port, verifier, limit)
            .await?
            .map_err(|error| Failure::from(&error))
    })?;
    let now = context.now().timestamp();
    let report = explain(host, port, &presented, &own, now);
    let text = match shape.unwrap_or(Shape::Text) {
        Shape::Text => report.to_text(),
        Shape::Json => report.to_json(),
        Shape::Pem => chain_pem(&report),
        shape @ (Shape::C | Shape::Rust) => anchor_file(&report, shape)?,
    };
    context.print(text.as_bytes())?;
    presented.outcome.map_err(|error| Failure::from(&error))?;
    match report.board {
        None => Ok(()),
        Some(why) => Err(Failure::new(
            Kind::ConditionMissed,
            format!("a board that pins {} would not connect", report.pins),
        )
        .because(&why)
        .hint(
            "Pin the anchor that the chain ends in; for a hub of your own, name its CA with --ca-file here and for `sas-token --with-ca`.",
        )),
    }
}

/// A piece of text for each of today's anchors.
fn blocks(write: &dyn Fn(&Emitted) -> String) -> String {
    let blocks: Vec<String> = ANCHORS.iter().map(write).collect();
    blocks.concat()
}

/// Today's anchors.
fn emitted(shape: Shape) -> String {
    let all: Vec<String> = ANCHORS
        .iter()
        .map(|anchor| about(anchor.name, anchor.not_after))
        .collect();
    let pem: String = ANCHORS.iter().map(|anchor| anchor.pem).collect();
    match shape {
        Shape::Pem => {
            blocks(&|anchor| format!("# {}\n{}", about(anchor.name, anchor.not_after), anchor.pem))
        }
        Shape::C => root_ca::c_header(&all, &pem),
        Shape::Rust => root_ca::rust_file(&all, &pem),
        Shape::Text => blocks(&|anchor| {
            let until = time(anchor.not_after);
            format!(
                "{}\n  expires  {until}\n  sha256   {}\n",
                anchor.name, anchor.sha256
            )
        }),
        Shape::Json => {
            let anchors: Vec<_> = ANCHORS
                .iter()
                .map(|anchor| {
                    json!({
                        "name": anchor.name,
                        "sha256": anchor.sha256,
                        "notAfter": time(anchor.not_after),
                        "pem": anchor.pem,
                    })
                })
                .collect();
            format!("{}\n", json!({ "anchors": anchors }))
        }
    }
}

/// What the handshake tells.
fn explain(
    host: &Host,
    port: u16,
    presented: &Presented,
    own: &[CertificateDer<'static>],
    now: i64,
) -> Report {
    let chain: Vec<_> = presented
        .chain
        .iter()
        .map(|der| Certificate::read(der))
        .collect();
    let (pinned, pins) = if own.is_empty() || is_azure(host) {
        (anchors(), "the anchors that hubctl emits alone")
    } else {
        (own.to_vec(), "what stands in --ca-file alone")
    };
    let seconds = u64::try_from(now).unwrap_or_default();
    let board = chain::passes(&presented.chain, &host.name, &pinned, seconds);
    Report {
        address: format!("{}:{port}", host.name),
        anchor: anchor(presented, &chain, own, now),
        distrust: presented.outcome.as_ref().err().map(ToString::to_string),
        pins: pins.to_owned(),
        board: board.err().map(|error| error.to_string()),
        chain,
        now,
    }
}

/// The anchors that hubctl emits, as certificates.
fn anchors() -> Vec<CertificateDer<'static>> {
    ANCHORS
        .iter()
        .filter_map(|anchor| CertificateDer::from_pem_slice(anchor.pem.as_bytes()).ok())
        .collect()
}

/// The anchor that the chain ends in, whether or not its dates and names are right.
fn anchor(
    presented: &Presented,
    chain: &[Option<Certificate>],
    own: &[CertificateDer<'static>],
    now: i64,
) -> Option<Anchor> {
    let readable = || chain.iter().flatten();
    // A moment at which all of them held, so that an expired one does not hide where the chain leads.
    let from = readable().map(|certificate| certificate.not_before).max()?;
    let until = readable().map(|certificate| certificate.not_after).min()?;
    let moment = u64::try_from(now.min(until).max(from)).unwrap_or_default();
    let of = |store, root: &CertificateDer<'_>| {
        let certificate = Certificate::read(root)?;
        Some(Anchor {
            name: certificate.subject.clone(),
            store,
            certificate: Some(certificate),
        })
    };
    let leads = |root: &&CertificateDer<'static>| chain::ends_in(&presented.chain, root, moment);
    if let Some(root) = anchors().iter().find(leads) {
        return of(Store::Emitted, root);
    }
    if let Some(root) = own.iter().find(leads) {
        return of(Store::CaFile, root);
    }
    let last = readable().last()?;
    let (store, named) = match chain::public_anchor(&presented.chain, moment) {
        Some(subject) => {
            let below = readable().find(|below| below.issuer_bytes.ends_with(subject));
            (Store::Public, below.unwrap_or(last))
        }
        None if presented.outcome.is_ok() => (Store::System, last),
        None => return None,
    };
    Some(Anchor {
        name: named.issuer.clone(),
        store,
        certificate: None,
    })
}

/// The chain as presented, a comment before each certificate.
fn chain_pem(report: &Report) -> String {
    let blocks: Vec<String> = report
        .chain
        .iter()
        .flatten()
        .map(|certificate| format!("# {}\n{}", certificate.about(), certificate.pem))
        .collect();
    blocks.concat()
}

/// The anchor to pin for the host, where its certificate is at hand.
fn anchor_file(report: &Report, shape: Shape) -> Result<String, Failure> {
    let found = report
        .anchor
        .as_ref()
        .and_then(|anchor| anchor.certificate.as_ref());
    let Some(certificate) = found else {
        return Err(Failure::new(
            Kind::Unreachable,
            format!("the anchor of {} is not at hand", report.address),
        )
        .because(
            "servers do not present it, and it is neither one that hubctl emits nor in --ca-file",
        )
        .hint("Name the authority's certificate with --ca-file."));
    };
    let about = [certificate.about()];
    Ok(if shape == Shape::C {
        root_ca::c_header(&about, &certificate.pem)
    } else {
        root_ca::rust_file(&about, &certificate.pem)
    })
}

/// The host; its text is not repeated, for it may be a connection string with a slip in it.
fn host_of(text: &str) -> Result<Host, Failure> {
    if let Ok(parsed) = ConnectionString::parse(text) {
        return Ok(match parsed.connection_string {
            ConnectionString::Hub(hub) => hub.host,
            ConnectionString::Device(device) => device.gateway.unwrap_or(device.host),
            ConnectionString::EventHub(event_hub) => event_hub.endpoint,
        });
    }
    Host::parse(text).map_err(|(what, index)| {
        Failure::new(Kind::Usage, "HOST is no host name")
            .because(&format!("it holds {what} at character {}", index + 1))
            .hint("Write it as contoso.azure-devices.net or localhost:8443.")
    })
}
