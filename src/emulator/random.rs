//! Bytes that nobody can guess.

use rustls::crypto::ring;

/// So many of them; `None` where the system gives none.
pub(super) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let filled = ring::default_provider().secure_random.fill(&mut bytes);
    filled.ok().map(|()| bytes)
}
