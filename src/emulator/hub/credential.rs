//! What a device or module proves itself with: a token that it shows, or a certificate that TLS has seen it hold.
//!
//! Knows nothing of how either is encoded; whoever brings a certificate has looked at it once, for its whole connection.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::model::secret::Secret;

/// What a device or module proves itself with.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A token, as it was received.
    Token(Secret),
    /// The certificate of its connection, whose key it has proven to hold.
    Certificate(Arc<Certificate>),
}

impl Credential {
    /// A token, as it was received.
    #[must_use]
    pub fn token(text: impl Into<String>) -> Self {
        Self::Token(Secret::new(text))
    }
}

/// A client's certificate, as far as it matters to the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-1 of its DER, in hex.
    pub sha1: String,
    /// SHA-256 of its DER, in hex.
    pub sha256: String,
    /// The common name of its subject; `None` without exactly one.
    pub common_name: Option<String>,
    /// When it is valid, in seconds since 1970.
    pub valid: RangeInclusive<i64>,
    /// When all of the chain from it to an authority that the hub trusts is valid; `None` where none of them vouches for it.
    pub vouched: Option<RangeInclusive<i64>>,
}

impl Certificate {
    /// Whether a thumbprint, in either hash and in any case of letters, is its own.
    pub(super) fn has(&self, thumbprint: &str) -> bool {
        let is_it = |hash: &String| hash.eq_ignore_ascii_case(thumbprint);
        [&self.sha1, &self.sha256].into_iter().any(is_it)
    }

    /// Whether its subject is this device, or module on it: `device/module`.
    pub(super) fn is_named(&self, device: &str, module: Option<&str>) -> bool {
        let named = self.common_name.as_deref();
        match module {
            None => named == Some(device),
            Some(module) => named.and_then(|name| name.split_once('/')) == Some((device, module)),
        }
    }
}
