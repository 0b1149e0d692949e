//! Whatever a service answers becomes an error that can be told.
#![no_main]

use hubctl::protocol::rest::error_body::ServiceError;

libfuzzer_sys::fuzz_target!(|input: (Option<&str>, &[u8])| {
    let (header, body) = input;
    let _ = ServiceError::parse(header, body);
});
