//! The chain of certificates that a server presents, and which anchors it would pass with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor as verify_path,
};
use rustls::crypto::ring;
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};

use super::dial::{DialError, dial_tls};
use crate::trust::{self, TrustError};

/// What a server presented, and how the handshake ended.
#[derive(Debug)]
pub struct Presented {
    /// The certificates as they came, the server's own first; at least one.
    pub chain: Vec<CertificateDer<'static>>,
    /// Whether the certificates were trusted and the handshake came to its end.
    pub outcome: Result<(), DialError>,
}

/// Shakes hands with `host:port` and keeps the certificates, which `verifier` judges as ever.
///
/// # Errors
/// [`DialError`] where it did not come as far as a certificate; one that is not trusted stands in
/// [`Presented::outcome`]. The outer [`TrustError`] is met where TLS cannot be set up at all.
pub async fn present(
    host: &str,
    port: u16,
    verifier: Arc<dyn ServerCertVerifier>,
    limit: Duration,
) -> Result<Result<Presented, DialError>, TrustError> {
    let recorder = Arc::new(Recorder {
        judge: verifier,
        seen: Mutex::default(),
    });
    let judge: Arc<dyn ServerCertVerifier> = Arc::<Recorder>::clone(&recorder);
    let config = Arc::new(trust::verified_by(judge)?);
    let outcome = dial_tls(host, port, config, limit).await.map(drop);
    let chain = recorder.take();
    Ok(match outcome {
        Err(error) if chain.is_empty() => Err(error),
        outcome => Ok(Presented { chain, outcome }),
    })
}

/// Keeps what it is shown, and leaves the judgement to another.
#[derive(Debug)]
struct Recorder {
    judge: Arc<dyn ServerCertVerifier>,
    seen: Mutex<Vec<CertificateDer<'static>>>,
}

impl Recorder {
    fn take(&self) -> Vec<CertificateDer<'static>> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            chain.map(|der| der.clone().into_owned()).collect();
        self.judge
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

/// Whether a client that trusts `roots` alone would take this chain for `host` at `now` (seconds since 1970): names, dates
/// and signatures.
///
/// # Errors
/// Why it would not.
pub fn passes(
    chain: &[CertificateDer<'_>],
    host: &str,
    roots: &[CertificateDer<'_>],
    now: u64,
) -> Result<(), Error> {
    let (leaf, rest) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone().into_owned())?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    let name = ServerName::try_from(host).map_err(|error| Error::General(error.to_string()))?;
    verifier
        .verify_server_cert(leaf, rest, &name, &[], at(now))
        .map(drop)
}

/// Whether the chain's signatures lead to `root`, whatever the server's name. `now` (seconds since 1970) may be chosen so that
/// dates do not matter.
#[must_use]
pub fn ends_in(chain: &[CertificateDer<'_>], root: &CertificateDer<'_>, now: u64) -> bool {
    let mut store = RootCertStore::empty();
    store.add(root.clone().into_owned()).is_ok() && leads(chain, &store, now)
}

/// Which of Mozilla's anchors the chain leads to, if any: the bytes of its subject, without the outermost tag.
#[must_use]
pub fn public_anchor(chain: &[CertificateDer<'_>], now: u64) -> Option<&'static [u8]> {
    let anchors: &'static [TrustAnchor<'static>] = webpki_roots::TLS_SERVER_ROOTS;
    anchors
        .iter()
        .find(|anchor| {
            let store = RootCertStore {
                roots: vec![(*anchor).clone()],
            };
            leads(chain, &store, now)
        })
        .map(|anchor| anchor.subject.as_ref())
}

fn leads(chain: &[CertificateDer<'_>], store: &RootCertStore, now: u64) -> bool {
    let Some((leaf, rest)) = chain.split_first() else {
        return false;
    };
    let algorithms = ring::default_provider().signature_verification_algorithms;
    ParsedCertificate::try_from(leaf)
        .is_ok_and(|leaf| verify_path(&leaf, store, rest, at(now), algorithms.all).is_ok())
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
