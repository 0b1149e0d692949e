//! A token is taken apart or refused, as the hub does it with whatever a stranger sends.
#![no_main]

use hubctl::model::secret::Secret;
use hubctl::protocol::sas::{SigningKey, Token, covers};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(token) = Token::parse(text) {
        let resource = token.resource();
        let _ = covers(
            &resource,
            "contoso.azure-devices.net/devices/device1/messages/events",
        );
        let _ = covers("contoso.azure-devices.net", &resource);
        let _ = token.policy_name();
        let key = SigningKey::decoded(&Secret::new("MDEy")).expect("it is base64");
        assert!(!token.is_signed_by(&key), "nobody guesses a signature");
    }
});
