//! The authorities that vouch for devices, and whether a chain of certificates leads to one of them.
//!
//! The rules between a certificate and its issuer are those of RFC 5280, section 6.1. webpki has them, but takes no
//! certificate of version 1, and that is what Microsoft's own tutorial and tests make for devices; so each signature is
//! verified by the parser's library, and the rules stand here. What is given as an authority is trusted because it is given,
//! whoever issued it.

use std::cell::Cell;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use thiserror::Error;
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};

use super::file_error::FileError;

/// The most authorities between a device's certificate and one that is trusted.
const LONGEST_CHAIN: u32 = 6;

/// The most signatures that are verified for one client: chains can be made that branch without end.
const MOST_SIGNATURES: u32 = 32;

/// Why a file names no authority.
#[derive(Debug, Error)]
pub enum DeviceAuthorityError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no PEM with certificates.
    #[error("{} holds no certificate", path.display())]
    NoCertificate {
        /// Which.
        path: PathBuf,
    },
    /// A certificate in it says that it signs no others.
    #[error("a certificate in {} is no authority's", path.display())]
    NoAuthority {
        /// Which.
        path: PathBuf,
    },
}

/// The certificates, DER, of those who are trusted.
#[derive(Debug, Default)]
pub(super) struct DeviceAuthorities(Vec<CertificateDer<'static>>);

impl DeviceAuthorities {
    /// Trusts all certificates of a PEM file, at least one.
    pub(super) fn add(&mut self, path: &Path, pem: &[u8]) -> Result<(), DeviceAuthorityError> {
        let no_certificate = || DeviceAuthorityError::NoCertificate {
            path: path.to_owned(),
        };
        let before = self.0.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| no_certificate())?;
            let parsed = X509Certificate::from_der(&certificate);
            let (_, parsed) = parsed.map_err(|_| no_certificate())?;
            if !may_issue(&parsed, 0, true) {
                return Err(DeviceAuthorityError::NoAuthority {
                    path: path.to_owned(),
                });
            }
            self.0.push(certificate);
        }
        if self.0.len() == before {
            return Err(no_certificate());
        }
        Ok(())
    }

    /// When all of the way from a client's certificate over some of `others` to a trusted authority is valid, in seconds
    /// since 1970; `None` without a way that is valid at `now`.
    pub(super) fn vouch(
        &self,
        client: &X509Certificate<'_>,
        others: &[CertificateDer<'_>],
        now: DateTime<Utc>,
    ) -> Option<RangeInclusive<i64>> {
        if self.0.is_empty() || !may_be_a_client(client) {
            return None;
        }
        let search = Search {
            trusted: parse(&self.0),
            others: parse(others),
            now: now.timestamp(),
            signatures_left: Cell::new(MOST_SIGNATURES),
        };
        search.climb(client, 0)
    }
}

fn parse<'d>(certificates: &'d [CertificateDer<'_>]) -> Vec<X509Certificate<'d>> {
    let parsed = certificates
        .iter()
        .map(|der| X509Certificate::from_der(der));
    parsed
        .flatten()
        .map(|(_, certificate)| certificate)
        .collect()
}

/// When a certificate is valid, in seconds since 1970.
pub(super) fn validity(certificate: &X509Certificate<'_>) -> RangeInclusive<i64> {
    let validity = certificate.validity();
    validity.not_before.timestamp()..=validity.not_after.timestamp()
}

/// The search for a way up to a trusted authority.
struct Search<'d> {
    trusted: Vec<X509Certificate<'d>>,
    others: Vec<X509Certificate<'d>>,
    now: i64,
    signatures_left: Cell<u32>,
}

impl Search<'_> {
    /// The way up from a certificate with so many authorities below it: when all of it is valid.
    fn climb(&self, from: &X509Certificate<'_>, below: u32) -> Option<RangeInclusive<i64>> {
        let own = validity(from);
        if !own.contains(&self.now) || !is_understood(from) {
            return None;
        }
        let at_the_top = |issuer: &X509Certificate<'_>| {
            let valid = validity(issuer);
            let is_it = valid.contains(&self.now) && self.has_issued(issuer, from, below, true);
            is_it.then_some(valid)
        };
        let on_the_way = |issuer: &X509Certificate<'_>| {
            let is_it = below < LONGEST_CHAIN && self.has_issued(issuer, from, below, false);
            is_it.then(|| self.climb(issuer, below + 1)).flatten()
        };
        let trusted = self.trusted.iter().find_map(at_the_top);
        let above = trusted.or_else(|| self.others.iter().find_map(on_the_way))?;
        Some(*own.start().max(above.start())..=*own.end().min(above.end()))
    }

    fn has_issued(
        &self,
        issuer: &X509Certificate<'_>,
        certificate: &X509Certificate<'_>,
        below: u32,
        is_trusted: bool,
    ) -> bool {
        if issuer.subject().as_raw() != certificate.issuer().as_raw()
            || !may_issue(issuer, below, is_trusted)
        {
            return false;
        }
        let left = self.signatures_left.get();
        self.signatures_left.set(left.saturating_sub(1));
        left > 0
            && certificate.signature_algorithm == certificate.tbs_certificate.signature
            && certificate
                .verify_signature(Some(issuer.public_key()))
                .is_ok()
    }
}

/// Whether a certificate may sign others, with so many authorities below it already. One of version 1 says nothing of that,
/// and may where it is trusted for its own sake.
fn may_issue(issuer: &X509Certificate<'_>, below: u32, is_trusted: bool) -> bool {
    let is_authority = match issuer.basic_constraints() {
        Ok(Some(constraints)) => {
            let limit = constraints.value.path_len_constraint;
            constraints.value.ca && limit.is_none_or(|limit| below <= limit)
        }
        Ok(None) => is_trusted,
        Err(_) => false,
    };
    let signs = match issuer.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
        Err(_) => false,
    };
    is_authority && signs
}

/// Whether a certificate may be shown by a client: where it lists what it is for, that has to be there.
fn may_be_a_client(certificate: &X509Certificate<'_>) -> bool {
    match certificate.extended_key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.client_auth || usage.value.any),
        Err(_) => false,
    }
}

/// Whether all that a certificate calls critical is known here.
fn is_understood(certificate: &X509Certificate<'_>) -> bool {
    let is_known = |parsed: &ParsedExtension<'_>| {
        matches!(
            parsed,
            ParsedExtension::BasicConstraints(_)
                | ParsedExtension::KeyUsage(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::SubjectAlternativeName(_)
                | ParsedExtension::CertificatePolicies(_)
        )
    };
    let mut critical = certificate.iter_extensions().filter(|it| it.critical);
    critical.all(|extension| is_known(extension.parsed_extension()))
}

#[cfg(test)]
mod tests;
