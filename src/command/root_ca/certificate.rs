//! A certificate, as far as a person wants to know it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

use crate::firmware::pem;

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Whose it is; its common name where there is one.
    pub(super) subject: String,
    /// Who signed it.
    pub(super) issuer: String,
    /// The issuer's name as bytes, with its tag.
    pub(super) issuer_bytes: Vec<u8>,
    /// From when it holds, in seconds since 1970.
    pub(super) not_before: i64,
    /// Until when it holds, in seconds since 1970.
    pub(super) not_after: i64,
    /// The SHA-256 of its DER, hex in lower case.
    pub(super) sha256: String,
    /// One PEM block.
    pub(super) pem: String,
}

impl Certificate {
    /// Reads it; nothing where it is no X.509.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut sha256 = String::with_capacity(64);
        for byte in Sha256::digest(der) {
            // Writing to a String cannot fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        let validity = certificate.validity();
        Some(Self {
            subject: shown(certificate.subject()),
            issuer: shown(certificate.issuer()),
            issuer_bytes: certificate.issuer().as_raw().to_vec(),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
            sha256,
            pem: pem(der),
        })
    }

    /// Its members in JSON.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "subject": self.subject,
            "issuer": self.issuer,
            "notBefore": time(self.not_before),
            "notAfter": time(self.not_after),
            "sha256": self.sha256,
            "pem": self.pem,
        })
    }

    /// Its name and last day, for the head of a file.
    pub(super) fn about(&self) -> String {
        about(&self.subject, self.not_after)
    }
}

/// A name and a last day.
pub(super) fn about(name: &str, not_after: i64) -> String {
    let day = DateTime::<Utc>::from_timestamp(not_after, 0)
        .map_or_else(String::new, |time| time.format("%Y-%m-%d").to_string());
    format!("{name} (until {day})")
}

/// RFC 3339, or the number where it is beyond that.
pub(super) fn time(seconds: i64) -> String {
    DateTime::<Utc>::from_timestamp(seconds, 0).map_or_else(
        || seconds.to_string(),
        |time| time.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}

/// The common name, or the whole where there is none; a server's certificate may hold anything, so control characters go.
fn shown(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().next();
    let text = match common.and_then(|common| common.as_str().ok()) {
        Some(common) => common.to_owned(),
        None => name.to_string(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    if text.is_empty() {
        return "(no name)".to_owned();
    }
    text
}
