//! A device that has a certificate of its own.

use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedIssuer, DnType, Issuer, KeyPair, SigningKey as _};
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode};
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::Emulator;
use super::mqtt::{Device, trusting};
use super::rest::put_identity;

/// An authority with its key.
pub type Authority = CertifiedIssuer<'static, KeyPair>;

/// A certificate with its key, and what is sent along with it.
pub struct Holder {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

/// A certificate to be of this name.
pub fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Holder {
    /// With a certificate that it has signed itself, by any key of its own.
    pub fn any() -> Self {
        Self::self_signed(KeyPair::generate().unwrap())
    }

    /// The same by this key.
    pub fn self_signed(key: KeyPair) -> Self {
        let own = named("a device").self_signed(&key).unwrap();
        Self {
            chain: vec![own.der().clone()],
            key,
        }
    }

    /// With one that the first of these authorities has signed; the others are sent along.
    pub fn signed(params: &CertificateParams, by: &[&Authority], sent: &[&Authority]) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer: &Issuer<'_, KeyPair> = by[0];
        let own = params.signed_by(&key, issuer).unwrap();
        let sent = sent.iter().map(|one| one.der().clone());
        let chain = std::iter::once(own.der().clone()).chain(sent).collect();
        Self { chain, key }
    }

    /// The same certificate as version 1 has it, without extensions, signed anew by `issuer`.
    pub fn of_version_1(mut self, issuer: &Authority) -> Self {
        self.chain[0] = version_1(&self.chain[0], issuer.key());
        self
    }

    /// SHA-1 and SHA-256 of the certificate in hex.
    pub fn hashes(&self) -> [String; 2] {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        [
            hex(&Sha1::digest(&self.chain[0])),
            hex(&Sha256::digest(&self.chain[0])),
        ]
    }

    /// TLS over which it shows the certificate and proves to hold its key.
    pub fn tls(
        &self,
        hub: &Emulator,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        self.shown_with(&self.key, hub, versions)
    }

    /// TLS over which it shows the certificate and signs with another key.
    pub fn false_tls(
        &self,
        hub: &Emulator,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let other = KeyPair::generate_for(self.key.algorithm()).unwrap();
        self.shown_with(&other, hub, versions)
    }

    fn shown_with(
        &self,
        key: &KeyPair,
        hub: &Emulator,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = any_supported_type(&key).unwrap();
        // rustls's own way takes neither a false key nor a certificate of version 1.
        let shown = Shown(Arc::new(CertifiedKey::new(self.chain.clone(), key)));
        Arc::new(trusting(hub, versions).with_client_cert_resolver(Arc::new(shown)))
    }
}

/// Registers a device, or `device/module`, for a certificate with one of these hashes.
pub fn register(hub: &Emulator, id: &str, primary: &str, secondary: Option<&str>) -> Value {
    let thumbprints = json!({ "primaryThumbprint": primary, "secondaryThumbprint": secondary });
    write(
        hub,
        id,
        &json!({ "type": "selfSigned", "x509Thumbprint": thumbprints }),
    )
}

/// The same for one that an authority has signed.
pub fn register_signed(hub: &Emulator, id: &str) -> Value {
    write(hub, id, &json!({ "type": "certificateAuthority" }))
}

fn write(hub: &Emulator, id: &str, authentication: &Value) -> Value {
    let (device, module) = match id.split_once('/') {
        Some((device, module)) => (device, Some(module)),
        None => (id, None),
    };
    let path = match module {
        Some(module) => format!("/devices/{device}/modules/{module}"),
        None => format!("/devices/{device}"),
    };
    let mut identity = json!({ "deviceId": device, "authentication": authentication });
    if let Some(module) = module {
        identity["moduleId"] = module.into();
    }
    put_identity(hub, &path, &identity)
}

/// A CONNECT without a password.
pub fn connect(id: &str) -> Connect {
    let mut connect = Connect::new(id);
    let user = format!("localhost/{id}/?api-version=2021-04-12");
    connect.set_login(user, "");
    connect
}

/// What the hub says to a device over MQTT.
pub fn greeting(hub: &Emulator, tls: &Arc<ClientConfig>, id: &str) -> ConnectReturnCode {
    Device::dial_with(hub, tls).greet(connect(id)).code
}

#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The certificate without its version and extensions, which version 1 does not have.
fn version_1(der: &[u8], key: &KeyPair) -> CertificateDer<'static> {
    let certificate = contents(der).1;
    let (signed, rest) = certificate.split_at(certificate.len() - contents(certificate).2.len());
    let algorithm = &rest[..rest.len() - contents(rest).2.len()];
    let mut fields = contents(signed).1;
    let mut kept = Vec::new();
    while !fields.is_empty() {
        let (tag, _, rest) = contents(fields);
        // Version and extensions are the ones tagged [0] and [3].
        if ![0xa0, 0xa3].contains(&tag) {
            kept.extend_from_slice(&fields[..fields.len() - rest.len()]);
        }
        fields = rest;
    }
    let signed = tagged(0x30, &kept);
    let signature = key.sign(&signed).unwrap();
    let signature = tagged(0x03, &[&[0], signature.as_slice()].concat());
    tagged(0x30, &[&signed, algorithm, &signature].concat()).into()
}

/// The first element's tag, what is in it, and what follows it (X.690, definite lengths).
fn contents(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let octets = usize::from(der[1].saturating_sub(0x80));
    let length = match octets {
        0 => usize::from(der[1]),
        _ => der[2..2 + octets]
            .iter()
            .fold(0, |length, octet| length << 8 | usize::from(*octet)),
    };
    let (inside, after) = der[2 + octets..].split_at(length);
    (der[0], inside, after)
}

fn tagged(tag: u8, inside: &[u8]) -> Vec<u8> {
    let length = u16::try_from(inside.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], length.as_slice(), inside].concat()
}
