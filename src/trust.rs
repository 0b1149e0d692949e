//! Trust anchors: the system's, those that Mozilla trusts where the system has none, and a file of the user's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};
use thiserror::Error;

/// Why trust anchors could not be brought together.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The file cannot be read, or is not PEM.
    #[error("cannot read certificates from {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// The file holds none.
    #[error("{} holds no certificate", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A certificate in it cannot be a trust anchor.
    #[error("a certificate in {} cannot be used: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The TLS library refuses what it was given.
    #[error("cannot set TLS up: {source}")]
    Tls {
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// A TLS configuration that trusts the system's anchors and those in `ca_file`. Certificates are always verified.
///
/// # Errors
/// [`TrustError`], which names the file.
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, TrustError> {
    verified_by(verifier(ca_file)?)
}

/// A TLS configuration whose certificates are verified by `verifier`.
///
/// # Errors
/// [`TrustError::Tls`].
pub fn verified_by(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, TrustError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|source| TrustError::Tls { source })?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// What verifies certificates by the system's anchors and those in `ca_file`.
///
/// # Errors
/// [`TrustError`], which names the file.
pub fn verifier(ca_file: Option<&Path>) -> Result<Arc<dyn ServerCertVerifier>, TrustError> {
    let extra = match ca_file {
        Some(path) => read_certificates(path)?,
        None => Vec::new(),
    };
    let provider = Arc::new(ring::default_provider());
    let system = rustls_platform_verifier::Verifier::new_with_extra_roots(
        extra.iter().cloned(),
        Arc::clone(&provider),
    );
    if let Ok(verifier) = system {
        return Ok(Arc::new(verifier));
    }
    // A system without a store of its own, such as a bare container.
    let roots = Arc::new(own_roots(ca_file, extra)?);
    let own = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
    // It fails without any root alone, and there are Mozilla's.
    let own = own.map_err(|error| TrustError::Tls {
        source: rustls::Error::General(error.to_string()),
    })?;
    Ok(own)
}

/// The certificates of a PEM file, at least one, each fit to be a trust anchor.
///
/// # Errors
/// [`TrustError`], which names the file.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let fault = |source| TrustError::File {
        path: path.to_owned(),
        source,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(fault)?
        .collect::<Result<_, _>>()
        .map_err(fault)?;
    if certificates.is_empty() {
        return Err(TrustError::Empty {
            path: path.to_owned(),
        });
    }
    // Each is tried as an anchor by itself, so that a bad one is told by the file's name.
    let mut store = RootCertStore::empty();
    for certificate in &certificates {
        let fault = |source| TrustError::Certificate {
            path: path.to_owned(),
            source,
        };
        store.add(certificate.clone()).map_err(fault)?;
    }
    Ok(certificates)
}

fn own_roots(
    ca_file: Option<&Path>,
    extra: Vec<CertificateDer<'static>>,
) -> Result<RootCertStore, TrustError> {
    let mut store = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for certificate in extra {
        let path = ca_file.unwrap_or(Path::new("")).to_owned();
        store
            .add(certificate)
            .map_err(|source| TrustError::Certificate { path, source })?;
    }
    Ok(store)
}
