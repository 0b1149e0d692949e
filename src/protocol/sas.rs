//! Shared access signatures: minted by the client, taken apart and verified by the hub.
//!
//! `SharedAccessSignature sr={sr}&sig={sig}&se={se}[&skn={policy}]`, where `sig` is the percent-encoded base64 of
//! HMAC-SHA256 over `{sr}\n{se}` and `sr` stands as transmitted. IoT Hub and DPS decode their keys from base64; Event
//! Hubs signs with the key's text as it stands. Source: learn.microsoft.com, "Control access to IoT Hub by using shared
//! access signatures"; azure-iot-device 2.14.0 `sastoken.py`; azure-eventhub 5.15.1 `_pyamqp/utils.py`.

mod minter;

pub use minter::Minter;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::Sha256;
use std::fmt::Write as _;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use crate::model::secret::{NotBase64, Secret};

/// What every token begins with.
pub const SCHEME: &str = "SharedAccessSignature";

/// Everything but RFC 3986's unreserved characters is encoded, as the Python device SDK does.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The most bytes that the percent-encoded signature can come to. Of its 44 base64 characters the last is `=` (three
/// bytes encoded); the one before it carries four bits and two zeros, so it is never `+` or `/`; the other 42 may be.
const LONGEST_SIGNATURE: usize = 42 * 3 + 1 + 3;

/// Percent-encodes everything but `A-Z a-z 0-9 - _ . ~`, in upper-case hex.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A key, ready to sign.
pub struct SigningKey(Hmac<Sha256>);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Why a key cannot sign. Holds places, never a part of the key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Nothing there. HMAC takes an empty key as well, and anybody could sign with it.
    #[error("the key is empty")]
    Empty,
    /// It is not base64.
    #[error("the key is not base64: {0}")]
    NotBase64(#[from] NotBase64),
    /// Its length does not suit; HMAC takes any, so this is never met.
    #[error("the key's length does not suit")]
    Length,
}

impl SigningKey {
    /// A key of IoT Hub or DPS: base64, decoded before use.
    ///
    /// # Errors
    /// [`KeyError::Empty`], and [`KeyError::NotBase64`] with the place.
    pub fn decoded(key: &Secret) -> Result<Self, KeyError> {
        Self::from_bytes(&key.decode_base64()?)
    }

    /// A key of Event Hubs: its text as it stands, whatever it is.
    ///
    /// # Errors
    /// [`KeyError::Empty`]: HMAC takes a key of any other length.
    pub fn raw(key: &Secret) -> Result<Self, KeyError> {
        Self::from_bytes(key.expose().as_bytes())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.is_empty() {
            return Err(KeyError::Empty);
        }
        Hmac::new_from_slice(bytes)
            .map(Self)
            .map_err(|_| KeyError::Length)
    }

    /// The base64 signature over the encoded resource and the expiry, before percent-encoding.
    #[must_use]
    pub fn sign(&self, encoded_resource: &str, expiry: &str) -> String {
        STANDARD.encode(self.mac(encoded_resource, expiry))
    }

    fn mac(&self, encoded_resource: &str, expiry: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(encoded_resource.as_bytes());
        mac.update(b"\n");
        mac.update(expiry.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// HMAC-SHA256 over a whole text, for what is signed otherwise than a token should be.
    #[must_use]
    pub fn digest(&self, text: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The key of one device of a DPS enrollment group, base64: HMAC-SHA256 over its registration id by the group's key,
    /// which this one is (learn.microsoft.com, "DPS symmetric key attestation", group enrollments).
    #[must_use]
    pub fn derive(&self, registration_id: &str) -> Secret {
        Secret::new(STANDARD.encode(self.digest(registration_id)))
    }
}

/// Mints a token for `resource` (not yet encoded), valid until `expiry` (seconds since 1970).
#[must_use]
pub fn mint(key: &SigningKey, resource: &str, expiry: i64, policy: Option<&str>) -> Secret {
    let encoded = percent_encode(resource);
    let signature = percent_encode(&key.sign(&encoded, &expiry.to_string()));
    let mut token = format!("{SCHEME} sr={encoded}&sig={signature}&se={expiry}");
    if let Some(policy) = policy {
        // Writing to a String cannot fail.
        let _ = write!(token, "&skn={}", percent_encode(policy));
    }
    Secret::new(token)
}

/// The longest that a token for this resource can come to, in bytes, whatever its signature.
#[must_use]
pub fn longest_token(resource: &str, expiry: i64, policy: Option<&str>) -> usize {
    let policy = policy.map_or(0, |policy| "&skn=".len() + percent_encode(policy).len());
    SCHEME.len()
        + " sr=&sig=&se=".len()
        + percent_encode(resource).len()
        + LONGEST_SIGNATURE
        + expiry.to_string().len()
        + policy
}

/// The resource of a whole hub, a device or a module, before encoding.
#[must_use]
pub fn resource(host: &str, device: Option<&str>, module: Option<&str>) -> String {
    match (device, module) {
        (None, _) => host.to_owned(),
        (Some(device), None) => format!("{host}/devices/{device}"),
        (Some(device), Some(module)) => format!("{host}/devices/{device}/modules/{module}"),
    }
}

/// The resource of a registration with the Device Provisioning Service, before encoding.
#[must_use]
pub fn registration(scope: &str, registration_id: &str) -> String {
    format!("{scope}/registrations/{registration_id}")
}

/// The policy that every registration is signed for, by whichever key.
pub const REGISTRATION_POLICY: &str = "registration";

/// Why a text is no token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It does not begin with `SharedAccessSignature` and a blank.
    #[error("it does not begin with \"{SCHEME} \"")]
    Scheme,
    /// A field that every token has is missing.
    #[error("its field {field:?} is missing")]
    MissingField {
        /// `sr`, `sig` or `se`.
        field: &'static str,
    },
    /// A field given twice.
    #[error("its field {field:?} is given twice")]
    DuplicateField {
        /// `sr`, `sig`, `se` or `skn`.
        field: &'static str,
    },
    /// The expiry is no number of seconds.
    #[error("its expiry (se) is not a whole number of seconds since 1970")]
    Expiry,
}

/// A token, taken apart; the fields as they were transmitted.
#[derive(Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// The resource, still encoded: what was signed.
    pub encoded_resource: &'a str,
    /// The signature, still encoded.
    pub encoded_signature: &'a str,
    /// The expiry's own text: what was signed.
    pub expiry_text: &'a str,
    /// Seconds since 1970.
    pub expiry: i64,
    /// The policy's name, still encoded; an empty one counts as none (the C SDK sends `&skn=`).
    pub policy: Option<&'a str>,
}

impl std::fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Token(sr={}, se={}, …)",
            self.encoded_resource, self.expiry
        )
    }
}

impl<'a> Token<'a> {
    /// Takes a token apart, its fields in any order and case.
    ///
    /// # Errors
    /// [`TokenError`], which never holds a part of the token.
    pub fn parse(text: &'a str) -> Result<Self, TokenError> {
        let (scheme, fields) = text
            .trim()
            .split_once(char::is_whitespace)
            .ok_or(TokenError::Scheme)?;
        if scheme != SCHEME {
            return Err(TokenError::Scheme);
        }
        let mut found = [None; 4];
        for (name, value) in fields
            .trim_start()
            .split('&')
            .filter_map(|field| field.split_once('='))
        {
            let Some(index) = FIELDS
                .iter()
                .position(|known| known.eq_ignore_ascii_case(name))
            else {
                continue;
            };
            if found[index].replace(value).is_some() {
                return Err(TokenError::DuplicateField {
                    field: FIELDS[index],
                });
            }
        }
        let [sr, sig, se, skn] = found;
        let require = |value: Option<&'a str>, field| {
            value
                .filter(|value| !value.is_empty())
                .ok_or(TokenError::MissingField { field })
        };
        let expiry_text = require(se, "se")?;
        Ok(Self {
            encoded_resource: require(sr, "sr")?,
            encoded_signature: require(sig, "sig")?,
            expiry_text,
            expiry: expiry_text.parse().map_err(|_| TokenError::Expiry)?,
            policy: skn.filter(|policy| !policy.is_empty()),
        })
    }

    /// The resource, decoded once.
    #[must_use]
    pub fn resource(&self) -> String {
        percent_decode_str(self.encoded_resource)
            .decode_utf8_lossy()
            .into_owned()
    }

    /// The policy's name, decoded.
    #[must_use]
    pub fn policy_name(&self) -> Option<String> {
        self.policy
            .map(|policy| percent_decode_str(policy).decode_utf8_lossy().into_owned())
    }

    /// Whether `key` made this signature, over the text as it was received; takes the same time either way.
    #[must_use]
    pub fn is_signed_by(&self, key: &SigningKey) -> bool {
        let signature: Vec<u8> = percent_decode_str(self.encoded_signature).collect();
        let Ok(signature) = STANDARD.decode(signature) else {
            return false;
        };
        key.mac(self.encoded_resource, self.expiry_text)
            .ct_eq(&signature)
            .into()
    }
}

const FIELDS: [&str; 4] = ["sr", "sig", "se", "skn"];

/// Whether a token for `scope` opens `resource`: the same, or segments further down (`a/b` opens `a/b/c`, not `a/bc`).
/// Both decoded; a port, letter case and an encoding on top of the first are passed over, as the service does.
#[must_use]
pub fn covers(scope: &str, resource: &str) -> bool {
    let mut resource = resource.trim_matches('/').split('/');
    scope
        .trim_matches('/')
        .split('/')
        .enumerate()
        .all(|(index, granted)| {
            resource.next().is_some_and(|asked| {
                if index == 0 {
                    return without_port(granted).eq_ignore_ascii_case(without_port(asked));
                }
                granted.eq_ignore_ascii_case(asked)
                    || percent_decode_str(granted)
                        .decode_utf8_lossy()
                        .eq_ignore_ascii_case(asked)
            })
        })
}

fn without_port(host: &str) -> &str {
    host.split_once(':').map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn vectors(text: &str) -> Vec<Value> {
        serde_json::from_str(text).unwrap()
    }

    fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
        vector[field].as_str().unwrap()
    }

    #[test]
    fn the_iot_hub_vectors_come_out() {
        let vectors = vectors(include_str!("../../tests/it/golden/sas_vectors.json"));
        assert_eq!(vectors.len(), 16);
        for vector in &vectors {
            let key = SigningKey::decoded(&Secret::new(text(vector, "key"))).unwrap();
            let token = mint(
                &key,
                text(vector, "uri"),
                vector["se"].as_i64().unwrap(),
                vector["skn"].as_str(),
            );
            assert_eq!(
                token.expose(),
                text(vector, "token_py_device"),
                "{}",
                vector["id"]
            );
            for other in ["token_py_device", "token_py_hub", "token_node"] {
                let other = Token::parse(text(vector, other)).unwrap();
                assert!(other.is_signed_by(&key), "{} {other:?}", vector["id"]);
                assert!(covers(&other.resource(), text(vector, "uri")));
            }
        }
    }

    #[test]
    fn the_csharp_and_c_spellings_verify() {
        for vector in &vectors(include_str!("../../tests/it/golden/sas_vectors.json")) {
            let key = SigningKey::decoded(&Secret::new(text(vector, "key"))).unwrap();
            for (sr, sig) in [
                ("sr_csharp_device", "sig_csharp_device"),
                ("sr_c", "sig_c"),
                ("sr_raw", "sig_sr_raw"),
            ] {
                let (Some(sr), Some(sig)) = (vector[sr].as_str(), vector[sig].as_str()) else {
                    continue;
                };
                let token = format!(
                    "SharedAccessSignature sr={sr}&sig={}&se={}",
                    percent_encode(sig),
                    vector["se"]
                );
                assert!(
                    Token::parse(&token).unwrap().is_signed_by(&key),
                    "{} {sr}",
                    vector["id"]
                );
            }
        }
    }

    #[test]
    fn the_event_hubs_vectors_come_out_with_the_key_as_text() {
        let vectors = vectors(include_str!(
            "../../tests/it/golden/sas_vectors_eventhub.json"
        ));
        assert_eq!(vectors.len(), 4);
        for vector in &vectors {
            let key = SigningKey::raw(&Secret::new(text(vector, "key"))).unwrap();
            let token = mint(
                &key,
                text(vector, "aud"),
                vector["se"].as_i64().unwrap(),
                vector["name"].as_str(),
            );
            assert_eq!(
                token.expose(),
                text(vector, "js_core_amqp"),
                "{}",
                vector["n"]
            );
        }
    }

    #[test]
    fn the_longest_token_is_one_that_there_is() {
        // All bits set: 42 slashes, one letter, one '='.
        let signature = percent_encode(&STANDARD.encode([0xff; 32]));
        assert_eq!(signature.len(), LONGEST_SIGNATURE);
        let resource = "contoso.azure-devices.net/devices/a:b";
        let token = format!(
            "{SCHEME} sr={}&sig={signature}&se=1735689600&skn=p%2Bq",
            percent_encode(resource)
        );
        assert_eq!(
            longest_token(resource, 1_735_689_600, Some("p+q")),
            token.len()
        );
    }

    #[test]
    fn a_scope_opens_what_lies_below_it_and_nothing_beside() {
        assert!(covers("h", "h/devices/d"));
        assert!(covers("h/devices/d", "H/devices/D/messages/events"));
        assert!(covers("h:8443/devices/d", "h/devices/d"));
        assert!(covers("h/devices/a%3Ab", "h/devices/a:b"));
        assert!(!covers("h/devices/d", "h/devices/d2"));
        assert!(!covers("h/devices/d", "h"));
        assert!(!covers("other", "h/devices/d"));
    }

    proptest! {
        #[test]
        fn no_signature_is_longer_than_the_longest(bytes in any::<[u8; 32]>()) {
            prop_assert!(percent_encode(&STANDARD.encode(bytes)).len() <= LONGEST_SIGNATURE);
        }

        #[test]
        fn what_is_minted_parses_and_verifies(
            key in proptest::collection::vec(any::<u8>(), 1..64),
            device in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,128}",
            expiry in 0_i64..4_102_444_800,
            policy in proptest::option::of("[a-zA-Z0-9-]{1,12}"),
        ) {
            let key = SigningKey::decoded(&Secret::new(STANDARD.encode(key))).unwrap();
            let resource = resource("contoso.azure-devices.net", Some(&device), None);
            let token = mint(&key, &resource, expiry, policy.as_deref());
            let parsed = Token::parse(token.expose()).unwrap();
            prop_assert!(parsed.is_signed_by(&key));
            prop_assert_eq!(parsed.expiry, expiry);
            prop_assert_eq!(parsed.resource(), resource.clone());
            prop_assert_eq!(parsed.policy_name(), policy.clone());
            prop_assert!(token.expose().len() <= longest_token(&resource, expiry, policy.as_deref()));
        }

        #[test]
        fn no_text_panics(text in "(SharedAccessSignature )?\\PC*") {
            let _ = Token::parse(&text);
        }
    }
}
