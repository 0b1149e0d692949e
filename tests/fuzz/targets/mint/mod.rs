//! Tokens that open the hub.

use hubctl::model::secret::Secret;
use hubctl::protocol::sas::{SigningKey, mint};

use crate::hub::KEY;

/// Seconds after 1970: long after the hub's now.
pub const EXPIRY: i64 = 2_000_000_000;

/// A token of this policy for all the hub.
pub fn token(policy: &str) -> String {
    let key = SigningKey::decoded(&Secret::new(KEY)).expect("a key");
    let token = mint(&key, "localhost", EXPIRY, Some(policy));
    token.expose().to_owned()
}
