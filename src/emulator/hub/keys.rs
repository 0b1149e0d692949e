//! Devices' keys and the tokens of locks: made from the hub's own secret, so that a device has the same ones on each start, and checked when
//! they come from outside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::model::secret::Secret;

/// How many bytes a key may have once decoded.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// The key (base64 of 32 bytes) that `secret` gives for a path such as `device/d1/primary`.
pub(super) fn derive(secret: &Secret, path: &str) -> String {
    // HMAC takes a key of any length, so the alternative is never met.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        return String::new();
    };
    mac.update(path.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The token of a lock: no other lock of this hub has it, and nobody can guess it.
pub(super) fn lock_token(secret: &Secret, [number, enqueued, deliveries]: [i64; 3]) -> Uuid {
    let path = format!("lock/{number}/{enqueued}/{deliveries}");
    let derived = STANDARD.decode(derive(secret, &path)).unwrap_or_default();
    let bytes = derived.first_chunk().copied().unwrap_or_default();
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// Whether a key from outside is base64 of 16 to 64 bytes.
pub(super) fn is_well_formed(key: &str) -> bool {
    STANDARD
        .decode(key)
        .map(Zeroizing::new)
        .is_ok_and(|bytes| KEY_BYTES.contains(&bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_keys_are_stable_distinct_and_well_formed() {
        let secret = Secret::new("s");
        let key = derive(&secret, "device/d/primary");
        assert_eq!(key, derive(&secret, "device/d/primary"));
        assert_ne!(key, derive(&secret, "device/d/secondary"));
        assert_ne!(key, derive(&Secret::new("t"), "device/d/primary"));
        assert!(is_well_formed(&key));
    }

    #[test]
    fn keys_from_outside_are_measured_decoded() {
        assert!(is_well_formed(&STANDARD.encode([0; 16])));
        assert!(is_well_formed(&STANDARD.encode([0; 64])));
        assert!(!is_well_formed(&STANDARD.encode([0; 15])));
        assert!(!is_well_formed(&STANDARD.encode([0; 65])));
        assert!(!is_well_formed("not base64 at all!"));
    }
}
