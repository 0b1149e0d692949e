//! Clients' certificates: asked for, never insisted on, and taken from anyone who proves to hold the key.
//!
//! Whether a certificate is good for anything is for the hub to say, as at the service, so neither its issuer nor its time
//! nor its extensions matter to the handshake. It is looked at once, when the handshake is over.

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use webpki::RawPublicKeyEntity;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::device_authorities::{DeviceAuthorities, validity};
use super::hub::command::Certificate;

/// Takes every certificate, once its key has signed the handshake.
///
/// The key alone is read for that: rustls's own ways take no certificate of version 1, which is what OpenSSL makes of a
/// request unless it is told otherwise.
#[derive(Debug)]
struct AnyHolder {
    algorithms: WebPkiSupportedAlgorithms,
}

/// What asks clients for their certificates.
pub(super) fn verifier() -> Arc<dyn ClientCertVerifier> {
    Arc::new(AnyHolder {
        algorithms: ring::default_provider().signature_verification_algorithms,
    })
}

impl ClientCertVerifier for AnyHolder {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// Without hints a client offers whatever it has.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = public_key(cert)?;
        let bad_encoding = |_| Error::from(CertificateError::BadEncoding);
        let key = RawPublicKeyEntity::try_from(&spki).map_err(bad_encoding)?;
        let mut schemes = self.algorithms.mapping.iter();
        let (_, algorithms) = schemes
            .find(|(scheme, _)| *scheme == dss.scheme)
            .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        // A scheme of TLS 1.2 does not name the curve: each that it may mean is tried, and fits its own keys alone.
        let is_signed = |algorithm| key.verify_signature(algorithm, message, dss.signature());
        if algorithms
            .iter()
            .any(|algorithm| is_signed(*algorithm).is_ok())
        {
            return Ok(HandshakeSignatureValid::assertion());
        }
        Err(CertificateError::BadSignature.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = public_key(cert)?;
        verify_tls13_signature_with_raw_key(message, &spki, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn public_key<'c>(cert: &'c CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'c>, Error> {
    let (_, parsed) = X509Certificate::from_der(cert).map_err(|_| CertificateError::BadEncoding)?;
    Ok(SubjectPublicKeyInfoDer::from(
        parsed.tbs_certificate.subject_pki.raw,
    ))
}

/// What the hub has to know of the chain that a client has sent, its own certificate first. `authorities` may vouch for
/// it at the time `now`.
pub(super) fn examine(
    chain: &[CertificateDer<'_>],
    authorities: &DeviceAuthorities,
    now: DateTime<Utc>,
) -> Option<Certificate> {
    let (own, others) = chain.split_first()?;
    let (_, leaf) = X509Certificate::from_der(own).ok()?;
    let mut names = leaf.subject().iter_common_name();
    let name = names.next().filter(|_| names.next().is_none());
    let name = name.and_then(|name| name.as_str().ok());
    Some(Certificate {
        sha1: hex(&Sha1::digest(own)),
        sha256: hex(&Sha256::digest(own)),
        common_name: name.map(str::to_owned),
        valid: validity(&leaf),
        vouched: authorities.vouch(&leaf, others, now),
    })
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair};
    use rustls_pki_types::pem::PemObject as _;
    use std::path::Path;

    const DIGICERT: &str = include_str!("../firmware/anchors/digicert_global_root_g2.pem");

    fn look_at(chain: &[CertificateDer<'_>], authority: &str) -> Option<Certificate> {
        let mut authorities = DeviceAuthorities::default();
        let added = authorities.add(Path::new("ca.pem"), authority.as_bytes());
        added.unwrap();
        let now = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
        examine(chain, &authorities, now)
    }

    /// Hashes and times as they are published.
    #[test]
    fn it_is_known_by_its_hashes_its_name_and_its_time() {
        let known = CertificateDer::from_pem_slice(DIGICERT.as_bytes()).unwrap();
        let valid = 1_375_358_400..=2_147_169_600;
        let published = Certificate {
            sha1: "DF3C24F9BFD666761B268073FE06D1CC8D4F82A4".to_owned(),
            sha256: "CB3CCBB76031E5E0138F8DD39A23F9DE47FFC35E43C1144CEA27D46A5AB1CB5F".to_owned(),
            common_name: Some("DigiCert Global Root G2".to_owned()),
            valid: valid.clone(),
            // It has signed itself, and is trusted.
            vouched: Some(valid),
        };
        assert_eq!(look_at(&[known], DIGICERT), Some(published));
        assert_eq!(look_at(&[], DIGICERT), None);
    }

    proptest! {
        /// A client may send whatever it likes.
        #[test]
        fn damaged_certificates_are_borne(place: prop::sample::Index, byte: u8, is_cut: bool) {
            let params = CertificateParams::default();
            let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let mut bytes = made.der().to_vec();
            let index = place.index(bytes.len());
            bytes[index] = byte;
            if is_cut {
                bytes.truncate(index);
            }
            let damaged = CertificateDer::from(bytes);
            let is_readable = public_key(&damaged).is_ok();
            let whole = made.der().clone();
            let seen = look_at(&[damaged.clone(), whole.clone(), damaged.clone()], &made.pem());
            prop_assert_eq!(seen.is_some(), is_readable);
            // What is sent along has no say in whose the first one is.
            let seen = look_at(&[whole, damaged], &made.pem()).unwrap();
            prop_assert!(seen.vouched.is_some());
        }
    }
}
