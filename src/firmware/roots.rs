//! The trust anchors that are flashed beside a token: Azure's, or those of a hub of the user's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use thiserror::Error;

use super::anchors::ANCHORS;
use crate::model::connection_string::Host;

/// The most bytes of PEM that are flashed: with its NUL it is the longest text that ESP-IDF's NVS takes (4000 bytes), and
/// below the 4095 that C99 promises to a string literal (§5.2.4.1).
const MAX_PEM: usize = 3999;

/// The names under which Azure's own hubs stand: public, US Government, China.
const AZURE: [&str; 3] = [
    ".azure-devices.net",
    ".azure-devices.us",
    ".azure-devices.cn",
];

/// Why certificates cannot be flashed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RootsError {
    /// One is no X.509 certificate.
    #[error("certificate {number} is not X.509")]
    Unreadable {
        /// Which, counted from 1.
        number: usize,
    },
    /// Too many or too large.
    #[error(
        "{count} certificates come to {length} bytes of PEM, and {MAX_PEM} are the most that a device's store takes"
    )]
    TooLong {
        /// How many there are.
        count: usize,
        /// Their length in bytes.
        length: usize,
    },
}

/// Certificates, ready to be flashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    pem: String,
    /// A line for people about each.
    names: Vec<String>,
    own: bool,
}

impl Roots {
    /// What a device pins for Azure today.
    #[must_use]
    pub fn azure() -> Self {
        Self {
            pem: ANCHORS.iter().map(|anchor| anchor.pem).collect(),
            names: ANCHORS
                .iter()
                .map(|anchor| described(anchor.name, anchor.not_after))
                .collect(),
            own: false,
        }
    }

    /// The certificates (DER) of a hub of the user's own, in their order, and none of Azure's.
    ///
    /// # Errors
    /// [`RootsError`].
    pub fn own(certificates: &[impl AsRef<[u8]>]) -> Result<Self, RootsError> {
        let mut roots = Self {
            pem: String::new(),
            names: Vec::new(),
            own: true,
        };
        for (index, der) in certificates.iter().enumerate() {
            let (_, certificate) = x509_parser::parse_x509_certificate(der.as_ref())
                .map_err(|_| RootsError::Unreadable { number: index + 1 })?;
            let mut names = certificate.subject().iter_common_name();
            let name = names.next().and_then(|name| name.as_str().ok());
            let until = certificate.validity().not_after.timestamp();
            roots.names.push(described(
                name.unwrap_or("a certificate without a name"),
                until,
            ));
            // Encoded anew, for the user's file may hold other things beside them.
            roots.pem.push_str(&pem(der.as_ref()));
        }
        if roots.pem.len() > MAX_PEM {
            return Err(RootsError::TooLong {
                count: certificates.len(),
                length: roots.pem.len(),
            });
        }
        Ok(roots)
    }

    /// The certificates, plain PEM blocks with lines of 64 characters at the most, each line ended by `\n`.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A line about each: its name and its last day.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether they are the user's own, so that the device will not trust Azure.
    #[must_use]
    pub fn are_own(&self) -> bool {
        self.own
    }
}

/// Whether a host is one of Azure's by its name.
#[must_use]
pub fn is_azure(host: &Host) -> bool {
    let name = host.name.to_ascii_lowercase();
    AZURE.iter().any(|suffix| name.ends_with(suffix))
}

fn described(name: &str, until: i64) -> String {
    let day = DateTime::<Utc>::from_timestamp(until, 0)
        .map_or_else(String::new, |until| until.format("%Y-%m-%d").to_string());
    format!("{name} (until {day})")
}

/// One PEM block of a certificate's DER: lines of 64 characters, with a final newline.
#[must_use]
pub fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;

    use super::*;

    fn ders() -> Vec<CertificateDer<'static>> {
        ANCHORS
            .iter()
            .map(|anchor| CertificateDer::from_pem_slice(anchor.pem.as_bytes()).unwrap())
            .collect()
    }

    #[test]
    fn certificates_are_encoded_and_named_as_they_were() {
        let own = Roots::own(&ders()).unwrap();
        let azure = Roots::azure();
        assert_eq!((own.pem(), own.names()), (azure.pem(), azure.names()));
        assert_eq!(own.names()[0], "DigiCert Global Root G2 (until 2038-01-15)");
        assert!(own.are_own() && !azure.are_own());
        assert!(azure.pem().len() <= MAX_PEM);
    }

    #[test]
    fn what_no_device_takes_is_refused() {
        let twice = [ders(), ders()].concat();
        assert!(matches!(
            Roots::own(&twice),
            Err(RootsError::TooLong { count: 4, .. })
        ));
        assert_eq!(
            Roots::own(&[b"no"]),
            Err(RootsError::Unreadable { number: 1 })
        );
    }

    #[test]
    fn azure_is_known_by_its_names() {
        let is_azure = |host| is_azure(&Host::parse(host).unwrap());
        assert!(is_azure("contoso.azure-devices.net"));
        assert!(is_azure("Contoso.Azure-Devices.CN"));
        assert!(!is_azure("azure-devices.net.example"));
        assert!(!is_azure("localhost:8443"));
    }
}
