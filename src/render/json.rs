//! Writing JSON into a buffer, compact or indented by two blanks.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A key that needs no escapes, as the macro `key` makes it.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// How it stands in compact JSON, behind another: `,"name":`.
    pub compact: &'static str,
}

/// A [`Key`] of a literal: what is written millions of times is put together by the compiler.
macro_rules! key {
    ($name:literal) => {
        $crate::render::json::Key {
            name: $name,
            compact: concat!(",\"", $name, "\":"),
        }
    };
}
pub(crate) use key;

/// Bytes that are text in UTF-8.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// The bytes as text, if they are. Most are plain ASCII and short, which is told faster than all else.
    #[inline]
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        (bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()).then_some(Self(bytes))
    }
}

impl<'a> From<&'a str> for Text<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

/// Appends JSON to a buffer, and keeps count of commas and indentation.
#[derive(Debug)]
pub struct Json<'o> {
    out: &'o mut Vec<u8>,
    is_pretty: bool,
    depth: usize,
    /// Whether the container that is open holds nothing yet.
    is_empty: bool,
}

impl<'o> Json<'o> {
    /// JSON on one line.
    pub fn compact(out: &'o mut Vec<u8>) -> Self {
        Self {
            out,
            is_pretty: false,
            depth: 0,
            is_empty: true,
        }
    }

    /// JSON over several lines.
    pub fn pretty(out: &'o mut Vec<u8>) -> Self {
        Self {
            is_pretty: true,
            ..Self::compact(out)
        }
    }

    /// The buffer, for a value that is JSON already.
    pub fn raw(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// An object of all that `write` writes by [`Json::key`].
    pub fn object(&mut self, write: impl FnOnce(&mut Self)) {
        self.container([b'{', b'}'], write);
    }

    /// An array of all that `write` writes, each after a call of [`Json::item`].
    pub fn array(&mut self, write: impl FnOnce(&mut Self)) {
        self.container([b'[', b']'], write);
    }

    fn container(&mut self, [open, close]: [u8; 2], write: impl FnOnce(&mut Self)) {
        self.out.push(open);
        self.depth += 1;
        self.is_empty = true;
        write(self);
        self.depth -= 1;
        if !self.is_empty {
            self.new_line();
        }
        self.out.push(close);
        self.is_empty = false;
    }

    fn new_line(&mut self) {
        if self.is_pretty {
            self.out.push(b'\n');
            for _ in 0..self.depth {
                self.out.extend_from_slice(b"  ");
            }
        }
    }

    /// The next item of an array is written next.
    pub fn item(&mut self) {
        if !std::mem::take(&mut self.is_empty) {
            self.out.push(b',');
        }
        self.new_line();
    }

    /// A key of an object; its value is written next.
    pub fn key(&mut self, name: &str) {
        self.key_text(name.into());
    }

    /// The same for a key that came as bytes.
    pub fn key_text(&mut self, name: Text<'_>) {
        self.item();
        self.text(name);
        self.colon();
    }

    /// A key that is known beforehand.
    #[inline]
    pub fn known_key(&mut self, key: Key) {
        if self.is_pretty {
            return self.key(key.name);
        }
        let text = key.compact.as_bytes();
        let is_first = std::mem::take(&mut self.is_empty);
        self.out.extend_from_slice(&text[usize::from(is_first)..]);
    }

    /// What stands between a key and its value.
    pub fn colon(&mut self) {
        self.out
            .extend_from_slice(if self.is_pretty { b": " } else { b":" });
    }

    /// A string.
    pub fn string(&mut self, text: &str) {
        self.text(text.into());
    }

    /// A string that came as bytes.
    pub fn text(&mut self, text: Text<'_>) {
        self.out.push(b'"');
        self.escaped(text.0);
        self.out.push(b'"');
    }

    /// A string's text, escaped, without the quotes.
    pub fn string_part(&mut self, text: &str) {
        self.escaped(text.as_bytes());
    }

    fn escaped(&mut self, text: &[u8]) {
        let mut rest = text;
        loop {
            let (plain, special) = rest.split_at(plain_prefix(rest));
            self.out.extend_from_slice(plain);
            let Some((special, after)) = special.split_first() else {
                return;
            };
            self.escape(*special);
            rest = after;
        }
    }

    #[inline]
    fn escape(&mut self, byte: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match byte {
            b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
            b'\n' => self.out.extend_from_slice(b"\\n"),
            b'\r' => self.out.extend_from_slice(b"\\r"),
            b'\t' => self.out.extend_from_slice(b"\\t"),
            _ => {
                let [high, low] = [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
                self.out
                    .extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        }
    }

    /// Bytes as a string of base64.
    pub fn base64(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        self.base64_part(bytes);
        self.out.push(b'"');
    }

    /// Bytes in base64, without the quotes.
    pub fn base64_part(&mut self, bytes: &[u8]) {
        let start = self.out.len();
        let length = base64::encoded_len(bytes.len(), true).unwrap_or(0);
        self.out.resize(start + length, b'=');
        // The place is as long as what goes there, so it cannot fail.
        let _ = STANDARD.encode_slice(bytes, &mut self.out[start..]);
    }

    /// An integer of any width.
    pub fn integer(&mut self, value: impl itoa::Integer) {
        let mut digits = itoa::Buffer::new();
        self.out.extend_from_slice(digits.format(value).as_bytes());
    }

    /// `true`, `false` or `null`.
    pub fn word(&mut self, word: &'static str) {
        self.out.extend_from_slice(word.as_bytes());
    }

    /// A floating-point number; one that JSON has no number for as a string.
    pub fn float(&mut self, value: f64) {
        if value.is_finite() {
            // `Debug` is the shortest form that reads back, with an exponent where that is shorter.
            let _ = write!(self.out, "{value:?}");
        } else if value.is_nan() {
            self.string("NaN");
        } else if value > 0.0 {
            self.string("Infinity");
        } else {
            self.string("-Infinity");
        }
    }
}

/// How many bytes at the front of `bytes` stand in a JSON string as they are: no quote, no backslash, no control
/// character (nor DEL, which needs no escape but does no good on a terminal). Eight bytes are looked at in one go: strings
/// are most of what is written.
#[inline]
#[must_use]
pub fn plain_prefix(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let special = special_in(u64::from_le_bytes(*word));
        if special != 0 {
            return index * 8 + usize::try_from(special.trailing_zeros() / 8).unwrap_or(0);
        }
    }
    let plain = rest.iter().position(|byte| is_special(*byte));
    words.len() * 8 + plain.unwrap_or(rest.len())
}

#[inline]
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0x7f
}

/// The top bit of each special byte up to the first one at least; what stands behind that one may be wrong.
/// Sean Anderson, "Bit Twiddling Hacks": determine if a word has a byte less than n.
#[inline]
fn special_in(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let is = |byte: u8| zeros(word ^ (ONES * u64::from(byte)));
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (controls | is(b'"') | is(b'\\') | is(0x7f)) & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn containers_are_indented() {
        let mut out = Vec::new();
        let mut json = Json::pretty(&mut out);
        json.object(|json| {
            json.key("a");
            json.array(|json| {
                json.item();
                json.integer(1);
                json.item();
                json.object(|_| {});
            });
            json.key("b");
            json.string("x");
        });
        let text = String::from_utf8(out).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(text, serde_json::to_string_pretty(&value).unwrap());
    }

    proptest! {
        #[test]
        fn a_plain_prefix_ends_at_the_first_special_byte(bytes in prop::collection::vec(
            prop_oneof![8 => 0x20_u8..=0x7e, 1 => any::<u8>()],
            0..40,
        )) {
            let expected = bytes.iter().position(|byte| is_special(*byte)).unwrap_or(bytes.len());
            prop_assert_eq!(plain_prefix(&bytes), expected);
        }

        #[test]
        fn strings_read_back(text in any::<String>()) {
            let mut out = Vec::new();
            Json::compact(&mut out).string(&text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
            prop_assert!(!out.iter().any(|byte| *byte < 0x20 || *byte == 0x7f));
        }

        #[test]
        fn bytes_read_back(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            let mut out = Vec::new();
            Json::compact(&mut out).base64(&bytes);
            let text: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(STANDARD.decode(text).unwrap(), bytes);
        }

        #[test]
        fn floats_read_back(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            let mut out = Vec::new();
            Json::compact(&mut out).float(value);
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }
}
