//! Tokens by the million: the same as [`mint`](super::mint), byte for byte, with nothing allocated for one of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{KeyError, SCHEME, percent_encode};
use crate::model::secret::Secret;

/// Room for the keys that a hub makes (16 to 64 bytes) and some more; longer ones take the long way.
const KEY_ROOM: usize = 96;

/// How a byte stands when it is percent-encoded: at most three bytes, then how many of them count.
type Encoded = [u8; 4];

/// Every byte, percent-encoded.
const BYTES: [Encoded; 256] = {
    let mut table = [[0; 4]; 256];
    let mut byte = u8::MAX;
    loop {
        table[byte as usize] = encoded(byte);
        if byte == 0 {
            break table;
        }
        byte -= 1;
    }
};

/// Every six bits of a signature: as base64, percent-encoded.
const SEXTETS: [Encoded; 64] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [[0; 4]; 64];
    let mut index = 0;
    while index < 64 {
        table[index] = encoded(alphabet[index]);
        index += 1;
    }
    table
};

/// RFC 3986's unreserved characters stand as they are.
const fn encoded(byte: u8) -> Encoded {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        return [byte, 0, 0, 1];
    }
    [
        b'%',
        HEX[(byte >> 4) as usize],
        HEX[(byte & 15) as usize],
        3,
    ]
}

/// Makes tokens for devices and modules of one hub that expire at one time, each with a key of its own.
pub struct Minter {
    /// `SharedAccessSignature sr=` and the encoded host.
    head: Vec<u8>,
    /// What is signed behind the resource: a line feed and the expiry.
    signed_tail: Vec<u8>,
    /// What stands behind the signature: `&se=` and the expiry.
    tail: Vec<u8>,
    /// The key of the moment, decoded.
    key: Zeroizing<[u8; KEY_ROOM]>,
}

impl std::fmt::Debug for Minter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Minter(…)")
    }
}

impl Minter {
    /// For `host` (without a port), until `expiry` (seconds since 1970).
    #[must_use]
    pub fn new(host: &str, expiry: i64) -> Self {
        Self {
            head: format!("{SCHEME} sr={}", percent_encode(host)).into_bytes(),
            signed_tail: format!("\n{expiry}").into_bytes(),
            tail: format!("&se={expiry}").into_bytes(),
            key: Zeroizing::new([0; KEY_ROOM]),
        }
    }

    /// Appends the token of `device`, or of its `module`, to `output`. `key` is base64.
    ///
    /// # Errors
    /// [`KeyError::NotBase64`] and [`KeyError::Empty`]; `output` is then as it was.
    pub fn mint(
        &mut self,
        key: &str,
        device: &str,
        module: Option<&str>,
        output: &mut Vec<u8>,
    ) -> Result<(), KeyError> {
        let mut mac = self.keyed(key)?;
        output.extend_from_slice(&self.head);
        let resource = output.len() - (self.head.len() - SCHEME.len() - " sr=".len());
        output.extend_from_slice(b"%2Fdevices%2F");
        push_encoded(device.as_bytes(), output);
        if let Some(module) = module {
            output.extend_from_slice(b"%2Fmodules%2F");
            push_encoded(module.as_bytes(), output);
        }
        // What is signed lies here in one piece for a moment: hashing it at once is faster than in three parts.
        let end = output.len();
        output.extend_from_slice(&self.signed_tail);
        mac.update(&output[resource..]);
        output.truncate(end);
        output.extend_from_slice(b"&sig=");
        push_signature(&mac.finalize().into_bytes().into(), output);
        output.extend_from_slice(&self.tail);
        Ok(())
    }

    fn keyed(&mut self, key: &str) -> Result<Hmac<Sha256>, KeyError> {
        let decoded = STANDARD.decode_slice(key, self.key.as_mut_slice());
        let keyed = match decoded {
            Ok(0) => return Err(KeyError::Empty),
            Ok(length) => Hmac::new_from_slice(&self.key[..length]),
            // Too long for the room, or not base64, and then the place of the fault is told.
            Err(_) => Hmac::new_from_slice(&Secret::new(key).decode_base64()?),
        };
        keyed.map_err(|_| KeyError::Length)
    }
}

/// Appends the bytes, percent-encoded.
fn push_encoded(bytes: &[u8], output: &mut Vec<u8>) {
    for byte in bytes {
        let [first, second, third, length] = BYTES[usize::from(*byte)];
        if length == 1 {
            output.push(first);
        } else {
            output.extend_from_slice(&[first, second, third]);
        }
    }
}

/// Appends the signature in base64, percent-encoded. Which of its characters take three bytes is chance, so each is
/// written as four and counted as one or three, without a branch to be guessed wrongly.
fn push_signature(signature: &[u8; 32], output: &mut Vec<u8>) {
    let mut text = [0; 43 * 3 + 4];
    let mut length = 0;
    let mut put = |sextet: u32| {
        let encoded = SEXTETS[(sextet & 63) as usize];
        text[length..length + 4].copy_from_slice(&encoded);
        length += usize::from(encoded[3]);
    };
    let (whole, rest) = signature.split_at(30);
    for three in whole.chunks_exact(3) {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        put(bits >> 18);
        put(bits >> 12);
        put(bits >> 6);
        put(bits);
    }
    let bits = u32::from(rest[0]) << 16 | u32::from(rest[1]) << 8;
    put(bits >> 18);
    put(bits >> 12);
    put(bits >> 6);
    output.extend_from_slice(&text[..length]);
    output.extend_from_slice(b"%3D");
}

#[cfg(test)]
mod tests {
    use super::super::{SigningKey, mint, resource};
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn minted(host: &str, device: &str, module: Option<&str>, key: &str, expiry: i64) -> String {
        let mut output = b"before ".to_vec();
        let mut minter = Minter::new(host, expiry);
        minter.mint(key, device, module, &mut output).unwrap();
        String::from_utf8(output)
            .unwrap()
            .strip_prefix("before ")
            .unwrap()
            .to_owned()
    }

    #[test]
    fn the_vectors_of_devices_and_modules_come_out() {
        let vectors: Vec<Value> =
            serde_json::from_str(include_str!("../../../tests/it/golden/sas_vectors.json"))
                .unwrap();
        let mut reproduced = 0;
        for vector in &vectors {
            let segments: Vec<&str> = vector["uri"].as_str().unwrap().split('/').collect();
            let (host, device, module) = match segments[..] {
                [host, "devices", device] => (host, device, None),
                [host, "devices", device, "modules", module] => (host, device, Some(module)),
                _ => continue,
            };
            if vector["skn"].is_string() {
                continue;
            }
            let key = vector["key"].as_str().unwrap();
            let token = minted(host, device, module, key, vector["se"].as_i64().unwrap());
            assert_eq!(token, vector["token_py_device"].as_str().unwrap());
            reproduced += 1;
        }
        assert!(reproduced >= 8, "{reproduced}");
    }

    #[test]
    fn a_bad_key_leaves_no_trace() {
        let mut output = b"kept".to_vec();
        let mut minter = Minter::new("h", 1);
        let error = minter.mint("QUJD*EVG", "d", None, &mut output).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the key is not base64: a character that base64 does not have at character 5"
        );
        assert_eq!(output, b"kept");
    }

    #[test]
    fn an_empty_key_signs_nothing() {
        let mut output = Vec::new();
        assert_eq!(
            Minter::new("h", 1).mint("", "d", None, &mut output),
            Err(KeyError::Empty)
        );
        assert_eq!(output, b"");
    }

    proptest! {
        #[test]
        fn it_is_what_mint_makes(
            key in proptest::collection::vec(any::<u8>(), 1..200),
            host in "[a-zA-Z0-9._-]{1,30}",
            device in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,128}",
            module in proptest::option::of("[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,20}"),
            expiry in 0_i64..253_402_300_799,
        ) {
            let key = STANDARD.encode(key);
            let signing = SigningKey::decoded(&Secret::new(key.clone())).unwrap();
            let expected = mint(&signing, &resource(&host, Some(&device), module.as_deref()), expiry, None);
            let token = minted(&host, &device, module.as_deref(), &key, expiry);
            prop_assert_eq!(token.as_str(), expected.expose());
        }
    }
}
