//! The trust anchors that a device pins today: public certificates, in the binary as they stand in PEM.
//!
//! `IoT` Hub and DPS present chains that end in `DigiCert` Global Root G2; Microsoft advises to trust Microsoft RSA Root
//! Certificate Authority 2017 beside it, against the day when that one is retired
//! (learn.microsoft.com/azure/iot-hub/migrate-tls-certificate). Leaves and intermediates change without notice and are never
//! pinned. Texts from certifi 2026.10.18, the same as Debian's ca-certificates and azure-iot-sdk-c's `certs.c`.

/// A certificate authority's own certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The common name in its subject.
    pub name: &'static str,
    /// One PEM block, its lines of 64 characters at the most, with a final newline.
    pub pem: &'static str,
    /// The SHA-256 fingerprint of its DER, 64 hex digits in lower case.
    pub sha256: &'static str,
    /// When it expires, in seconds since 1970 (past 2038, so no 32-bit number).
    pub not_after: i64,
}

/// The anchors to pin for Azure's public cloud, the one that is presented today first.
pub const ANCHORS: [Anchor; 2] = [
    Anchor {
        name: "DigiCert Global Root G2",
        pem: include_str!("anchors/digicert_global_root_g2.pem"),
        sha256: "cb3ccbb76031e5e0138f8dd39a23f9de47ffc35e43c1144cea27d46a5ab1cb5f",
        // 2038-01-15T12:00:00Z
        not_after: 2_147_169_600,
    },
    Anchor {
        name: "Microsoft RSA Root Certificate Authority 2017",
        pem: include_str!("anchors/microsoft_rsa_root_2017.pem"),
        sha256: "c741f70f4b2a8d88bf2e71c14122ef53ef10eba0cfa5e64cfa20f418853073e0",
        // 2042-07-18T23:00:23Z
        not_after: 2_289_337_223,
    },
];

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;

    use super::*;

    /// Fingerprints and lengths of the DER as they were published, apart from the texts above.
    const PUBLISHED: [(&str, &str, usize); 2] = [
        (
            "DigiCert Global Root G2",
            "cb3ccbb76031e5e0138f8dd39a23f9de47ffc35e43c1144cea27d46a5ab1cb5f",
            914,
        ),
        (
            "Microsoft RSA Root Certificate Authority 2017",
            "c741f70f4b2a8d88bf2e71c14122ef53ef10eba0cfa5e64cfa20f418853073e0",
            1452,
        ),
    ];

    #[test]
    fn each_anchor_is_the_published_certificate() {
        for (anchor, (name, sha256, length)) in ANCHORS.iter().zip(PUBLISHED) {
            let der = CertificateDer::from_pem_slice(anchor.pem.as_bytes()).unwrap();
            let mut digest = String::new();
            for byte in Sha256::digest(&der) {
                let _ = write!(digest, "{byte:02x}");
            }
            assert_eq!((digest.as_str(), der.len()), (sha256, length));
            let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
            let subject = certificate.subject();
            let common_name = subject.iter_common_name().next().unwrap();
            assert_eq!(common_name.as_str().unwrap(), name);
            assert_eq!(subject, certificate.issuer());
            assert_eq!((anchor.name, anchor.sha256), (name, sha256));
            assert_eq!(
                certificate.validity().not_after.timestamp(),
                anchor.not_after
            );
        }
    }

    #[test]
    fn each_text_is_one_plain_block() {
        for anchor in ANCHORS {
            assert!(anchor.pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
            assert!(anchor.pem.ends_with("\n-----END CERTIFICATE-----\n"));
            assert_eq!(anchor.pem.matches("BEGIN").count(), 1);
            assert!(anchor.pem.lines().all(|line| line.len() <= 64));
            assert!(anchor.pem.is_ascii() && !anchor.pem.contains('\r'));
        }
    }
}
