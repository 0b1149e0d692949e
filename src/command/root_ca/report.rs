//! What a host presented, explained: as text for a person, as JSON for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::certificate::{Certificate, about, time};
use crate::model::span::describe_duration;

/// Where the anchor of a chain was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    /// Among those that hubctl emits.
    Emitted,
    /// In `--ca-file`.
    CaFile,
    /// On Mozilla's list of public authorities.
    Public,
    /// In the system's store alone.
    System,
}

impl Store {
    fn describe(self) -> &'static str {
        match self {
            Self::Emitted => "one of those that hubctl emits",
            Self::CaFile => "from --ca-file",
            Self::Public => "a public authority, not one that hubctl emits",
            Self::System => "from this system's store alone",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Emitted => "emitted",
            Self::CaFile => "caFile",
            Self::Public => "public",
            Self::System => "system",
        }
    }
}

/// The anchor that a chain ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anchor {
    /// Its name.
    pub(super) name: String,
    /// Where it was found.
    pub(super) store: Store,
    /// The certificate, where it is at hand.
    pub(super) certificate: Option<Certificate>,
}

/// Everything that is told of a host.
#[derive(Debug)]
pub(super) struct Report {
    /// `name:port`.
    pub(super) address: String,
    /// The certificates as presented; nothing for one that cannot be read.
    pub(super) chain: Vec<Option<Certificate>>,
    /// The anchor that it ends in, where one is known.
    pub(super) anchor: Option<Anchor>,
    /// Why this machine does not trust it, where it does not.
    pub(super) distrust: Option<String>,
    /// What a board pins, a noun phrase.
    pub(super) pins: String,
    /// Why a board that pins that alone would not connect, where it would not.
    pub(super) board: Option<String>,
    /// When it was looked at, in seconds since 1970.
    pub(super) now: i64,
}

impl Report {
    /// The lines for a person.
    pub(super) fn to_text(&self) -> String {
        let count = self.chain.len();
        let plural = if count == 1 { "" } else { "s" };
        let mut text = format!("{} presents {count} certificate{plural}\n", self.address);
        // Writing to a String cannot fail, here and below.
        for (index, certificate) in self.chain.iter().enumerate() {
            let Some(certificate) = certificate else {
                let _ = writeln!(text, "{index}  cannot be read");
                continue;
            };
            let _ = write!(
                text,
                "{index}  subject  {}\n   issuer   {}\n   expires  {}\n   sha256   {}\n",
                certificate.subject,
                certificate.issuer,
                self.until(certificate.not_after),
                certificate.sha256
            );
        }
        let anchor = match &self.anchor {
            None => "none that is known here".to_owned(),
            Some(anchor) => {
                let name = match &anchor.certificate {
                    Some(certificate) => about(&anchor.name, certificate.not_after),
                    None => anchor.name.clone(),
                };
                format!("{name}, {}", anchor.store.describe())
            }
        };
        let _ = writeln!(text, "anchor      {anchor}");
        let _ = writeln!(text, "trusted     {}", said(self.distrust.as_deref()));
        let board = match &self.board {
            None => format!("would connect with {}", self.pins),
            Some(why) => format!("would NOT connect with {}: {why}", self.pins),
        };
        let _ = writeln!(text, "board       {board}");
        text
    }

    fn until(&self, seconds: i64) -> String {
        let relative = |left: i64| {
            describe_duration(Duration::from_secs(u64::try_from(left).unwrap_or_default()))
        };
        let left = seconds.saturating_sub(self.now);
        if left < 0 {
            return format!("{} (EXPIRED {} ago)", time(seconds), relative(-left));
        }
        format!("{} (in {})", time(seconds), relative(left))
    }

    /// The same as one JSON object, with a final newline.
    pub(super) fn to_json(&self) -> String {
        let chain: Vec<Value> = self
            .chain
            .iter()
            .map(|certificate| {
                certificate
                    .as_ref()
                    .map_or(Value::Null, Certificate::to_json)
            })
            .collect();
        let anchor = self.anchor.as_ref().map(|anchor| {
            json!({
                "name": anchor.name,
                "from": anchor.store.name(),
                "certificate": anchor.certificate.as_ref().map(Certificate::to_json),
            })
        });
        let value = json!({
            "address": self.address,
            "chain": chain,
            "anchor": anchor,
            "trusted": self.distrust.is_none(),
            "distrust": self.distrust,
            "board": { "pins": self.pins, "connects": self.board.is_none(), "because": self.board },
        });
        format!("{value}\n")
    }
}

fn said(distrust: Option<&str>) -> String {
    match distrust {
        None => "yes, by this machine".to_owned(),
        Some(why) => format!("NO: {why}"),
    }
}
