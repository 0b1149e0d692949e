//! The emulator's certificate authority, and the certificates it makes.
//!
//! ECDSA on P-256, which every TLS stack in the field takes. Knows certificates as text and bytes; the files that hold
//! them are the state's business.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, Days, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;

use super::client_certificate;

/// What the authority calls itself. A leaf names its issuer by it, so it must stay as it is.
const AUTHORITY_NAME: &str = "hubctl emulator CA";

/// How long the authority lasts: about ten years.
const AUTHORITY_DAYS: u64 = 3652;

/// How long a certificate lasts. It is made anew on each start; Apple's verifiers take no more than 825 days.
const LEAF_DAYS: u64 = 730;

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The certificate is no PEM, or no X.509.
    #[error("it holds no certificate")]
    NoCertificate,
    /// The key is no PEM with an ECDSA key.
    #[error("it holds no private key")]
    NoKey,
    /// The two do not belong together.
    #[error("the key is not the certificate's")]
    Mismatch,
    /// The authority has come to its end.
    #[error("the certificate has expired")]
    Expired,
    /// A host name that no certificate can hold.
    #[error("{name:?} is no host name")]
    HostName {
        /// The name.
        name: String,
    },
    /// Making a key or a signature failed.
    #[error("a certificate could not be made")]
    Make {
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// TLS does not take what was made.
    #[error("TLS could not be set up")]
    Tls {
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

impl From<rcgen::Error> for CertificateError {
    fn from(source: rcgen::Error) -> Self {
        Self::Make { source }
    }
}

impl From<rustls::Error> for CertificateError {
    fn from(source: rustls::Error) -> Self {
        Self::Tls { source }
    }
}

/// The emulator's own certificate authority.
pub struct CertificateAuthority {
    certificate_pem: String,
    key: KeyPair,
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CertificateAuthority(…)")
    }
}

impl CertificateAuthority {
    /// A new one, valid from the day before `now`.
    ///
    /// # Errors
    /// [`CertificateError::Make`].
    pub fn generate(now: DateTime<Utc>) -> Result<Self, CertificateError> {
        let key = KeyPair::generate()?;
        let certificate_pem = authority_params(now).self_signed(&key)?.pem();
        Ok(Self {
            certificate_pem,
            key,
        })
    }

    /// The one that was kept.
    ///
    /// # Errors
    /// [`CertificateError`] when the two texts are damaged, do not belong together or have expired.
    pub fn from_pem(
        now: DateTime<Utc>,
        certificate_pem: String,
        key_pem: &str,
    ) -> Result<Self, CertificateError> {
        let key = KeyPair::from_pem(key_pem).map_err(|_| CertificateError::NoKey)?;
        let der = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|_| CertificateError::NoCertificate)?;
        let (_, certificate) = x509_parser::parse_x509_certificate(&der)
            .map_err(|_| CertificateError::NoCertificate)?;
        if certificate.public_key().raw != key.subject_public_key_info() {
            return Err(CertificateError::Mismatch);
        }
        if certificate.validity().not_after.timestamp() < now.timestamp() {
            return Err(CertificateError::Expired);
        }
        Ok(Self {
            certificate_pem,
            key,
        })
    }

    /// The certificate, for those who are to trust it.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key. Whoever has it can pose as any host to those who trust this authority.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// TLS for `localhost`, the loopback addresses and `further_hosts`, with a certificate made at `now`; `protocols` is
    /// what ALPN offers. Clients may prove themselves with certificates of their own.
    ///
    /// # Errors
    /// [`CertificateError::HostName`] for a name that no certificate can hold.
    pub fn server_config(
        &self,
        now: DateTime<Utc>,
        further_hosts: &[String],
        protocols: &[&[u8]],
    ) -> Result<Arc<ServerConfig>, CertificateError> {
        let key = KeyPair::generate()?;
        // Only the issuer's name and key matter here; both are what they were when it was made.
        let issuer = Issuer::new(authority_params(now), &self.key);
        let leaf = leaf_params(now, further_hosts)?.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(client_certificate::verifier())
            .with_single_cert(vec![leaf.der().clone()], key)?;
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        config.ticketer = ring::Ticketer::new()?;
        Ok(Arc::new(config))
    }
}

fn authority_params(now: DateTime<Utc>) -> CertificateParams {
    let mut params = CertificateParams::default();
    set_validity(&mut params, now, AUTHORITY_DAYS);
    params.distinguished_name = named(AUTHORITY_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf_params(
    now: DateTime<Utc>,
    further_hosts: &[String],
) -> Result<CertificateParams, CertificateError> {
    let mut params = CertificateParams::default();
    set_validity(&mut params, now, LEAF_DAYS);
    params.distinguished_name = named("localhost");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.subject_alt_names = vec![
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    let fixed = ["localhost", "*.localhost"].into_iter();
    for name in fixed.chain(further_hosts.iter().map(String::as_str)) {
        params.subject_alt_names.push(alternative_name(name)?);
    }
    Ok(params)
}

fn alternative_name(name: &str) -> Result<SanType, CertificateError> {
    if let Ok(address) = name.parse() {
        return Ok(SanType::IpAddress(address));
    }
    let refused = || CertificateError::HostName {
        name: name.to_owned(),
    };
    let is_legal = |c: char| c.is_ascii_alphanumeric() || "-._*".contains(c);
    if name.is_empty() || !name.chars().all(is_legal) {
        return Err(refused());
    }
    name.try_into().map(SanType::DnsName).map_err(|_| refused())
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    distinguished_name
}

/// From the day before, so that a clock somewhat behind does not matter.
fn set_validity(params: &mut CertificateParams, now: DateTime<Utc>, days: u64) {
    let today = now.date_naive();
    let begin = today.checked_sub_days(Days::new(1)).unwrap_or(today);
    let end = today.checked_add_days(Days::new(days)).unwrap_or(today);
    let date = |date: chrono::NaiveDate| {
        // Months and days are small numbers.
        let small = |number: u32| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(date.year(), small(date.month()), small(date.day()))
    };
    params.not_before = date(begin);
    params.not_after = date(end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls_pki_types::{ServerName, UnixTime};
    use std::time::Duration;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000, 0).unwrap()
    }

    fn leaf(authority: &CertificateAuthority, hosts: &[String]) -> CertificateDer<'static> {
        let issuer = Issuer::new(authority_params(now()), &authority.key);
        let key = KeyPair::generate().unwrap();
        let leaf = leaf_params(now(), hosts).unwrap().signed_by(&key, &issuer);
        leaf.unwrap().der().clone()
    }

    fn is_trusted(authority: &CertificateAuthority, leaf: &CertificateDer<'_>, name: &str) -> bool {
        let mut roots = rustls::RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes()).unwrap();
        roots.add(root).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let seconds = u64::try_from(now().timestamp()).unwrap();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        verifier
            .verify_server_cert(leaf, &[], &name, &[], time)
            .is_ok()
    }

    #[test]
    fn its_certificates_are_trusted_for_its_names_alone() {
        let authority = CertificateAuthority::generate(now()).unwrap();
        let leaf = leaf(
            &authority,
            &["hub.example".to_owned(), "10.0.0.1".to_owned()],
        );
        for name in ["localhost", "127.0.0.1", "::1", "hub.example", "10.0.0.1"] {
            assert!(is_trusted(&authority, &leaf, name), "{name}");
        }
        assert!(!is_trusted(&authority, &leaf, "example.com"));
        let other = CertificateAuthority::generate(now()).unwrap();
        assert!(!is_trusted(&other, &leaf, "localhost"));
    }

    #[test]
    fn an_authority_outlives_its_process() {
        let made = CertificateAuthority::generate(now()).unwrap();
        let pem = made.certificate_pem().to_owned();
        let kept = CertificateAuthority::from_pem(now(), pem.clone(), &made.key_pem()).unwrap();
        assert!(is_trusted(&made, &leaf(&kept, &[]), "localhost"));
        let config = kept.server_config(now(), &[], &[b"http/1.1"]).unwrap();
        assert_eq!(config.alpn_protocols, [b"http/1.1"]);

        let other = CertificateAuthority::generate(now()).unwrap();
        let from = |now, pem: &str, key: &str| {
            CertificateAuthority::from_pem(now, pem.to_owned(), key).map(|_| ())
        };
        let later = now() + Days::new(AUTHORITY_DAYS + 1);
        assert!(matches!(
            from(now(), &pem, &other.key_pem()),
            Err(CertificateError::Mismatch)
        ));
        assert!(matches!(
            from(now(), "", &made.key_pem()),
            Err(CertificateError::NoCertificate)
        ));
        assert!(matches!(
            from(now(), &pem, "x"),
            Err(CertificateError::NoKey)
        ));
        assert!(matches!(
            from(later, &pem, &made.key_pem()),
            Err(CertificateError::Expired)
        ));
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        for name in ["", "a b", "ü", "a/b"] {
            assert!(matches!(
                leaf_params(now(), &[name.to_owned()]),
                Err(CertificateError::HostName { .. })
            ));
        }
    }
}
