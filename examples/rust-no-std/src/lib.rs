//! The token and where it goes, for firmware without `std`.
#![no_std]
#![deny(missing_docs, warnings)]

include!(concat!(env!("OUT_DIR"), "/iothub_secrets.rs"));

/// Whether the token has expired at a time in seconds since 1970.
#[must_use]
pub const fn has_expired(now: i64) -> bool {
    now >= SAS_TOKEN_EXPIRY
}

/// A buffer that every token for this device fits, with the NUL that C libraries want.
pub type TokenBuffer = [u8; SAS_TOKEN_MAX_LENGTH + 1];
