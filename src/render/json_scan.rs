//! The tokens of JSON, and how they stand in containers; nothing is copied or kept.
//!
//! Taken as JSON is only what every parser takes: no deeper than [`MAX_DEPTH`], no half of a surrogate pair, no number
//! that a double cannot hold. RFC 8259. Must never know what a text is scanned for.

use std::ops::Range;

/// Nesting beyond this is more than many parsers take (`serde_json` stops at 128).
pub const MAX_DEPTH: usize = 100;

/// Hears of whitespace between tokens. To `()` it is all the same.
pub trait Blanks {
    /// Here in the input there is some.
    fn hear(&mut self, place: Range<usize>);
}

impl Blanks for () {
    #[inline]
    fn hear(&mut self, _: Range<usize>) {}
}

/// Goes over a text from its beginning on. Whatever returns `None` found something that is no JSON.
#[derive(Debug)]
pub struct Scanner<'a, B> {
    input: &'a [u8],
    at: usize,
    blanks: B,
}

/// What may come next inside a container.
#[derive(Clone, Copy)]
enum Expected {
    Value,
    ValueOrEnd,
    KeyOrEnd,
    SeparatorOrEnd,
}

impl<'a, B: Blanks> Scanner<'a, B> {
    /// At the beginning of the text.
    pub fn new(text: &'a str, blanks: B) -> Self {
        Self {
            input: text.as_bytes(),
            at: 0,
            blanks,
        }
    }

    /// How far it has come.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Nothing but whitespace may follow.
    pub fn end(mut self) -> Option<B> {
        self.skip_whitespace();
        (self.at == self.input.len()).then_some(self.blanks)
    }

    /// The byte that the next token begins with.
    #[inline]
    pub fn next_token(&mut self) -> Option<u8> {
        self.skip_whitespace();
        self.input.get(self.at).copied()
    }

    /// Steps over the next token, which has to be this byte.
    #[inline]
    pub fn take(&mut self, byte: u8) -> Option<()> {
        self.next_token().filter(|next| *next == byte)?;
        self.at += 1;
        Some(())
    }

    /// Steps over one value, inside so many containers. Those that are open in it stand in the bits of a number: 1 for an
    /// object.
    pub fn value(&mut self, around: usize) -> Option<()> {
        let mut open: u128 = 0;
        let mut depth = 0;
        let mut expected = Expected::Value;
        loop {
            let byte = self.next_token()?;
            let in_object = open & 1 == 1;
            match (expected, byte) {
                (Expected::Value | Expected::ValueOrEnd, b'{' | b'[') => {
                    if around + depth >= MAX_DEPTH {
                        return None;
                    }
                    depth += 1;
                    open = open << 1 | u128::from(byte == b'{');
                    self.at += 1;
                    expected = if byte == b'{' {
                        Expected::KeyOrEnd
                    } else {
                        Expected::ValueOrEnd
                    };
                    continue;
                }
                (Expected::KeyOrEnd, b'"') => {
                    expected = self.members()?;
                    continue;
                }
                (Expected::SeparatorOrEnd, b',') => {
                    self.at += 1;
                    expected = if in_object {
                        self.members()?
                    } else {
                        Expected::Value
                    };
                    continue;
                }
                (Expected::KeyOrEnd, b'}') | (Expected::ValueOrEnd, b']') => {}
                (Expected::SeparatorOrEnd, b'}' | b']') if in_object == (byte == b'}') => {}
                (Expected::Value | Expected::ValueOrEnd, _) => {
                    self.scalar(byte)?;
                    if depth == 0 {
                        return Some(());
                    }
                    expected = Expected::SeparatorOrEnd;
                    continue;
                }
                (Expected::KeyOrEnd | Expected::SeparatorOrEnd, _) => return None,
            }
            self.at += 1;
            depth -= 1;
            open >>= 1;
            if depth == 0 {
                return Some(());
            }
            expected = Expected::SeparatorOrEnd;
        }
    }

    /// Members of an object from a key on, as long as their values are no containers: most are not.
    #[inline]
    fn members(&mut self) -> Option<Expected> {
        loop {
            self.string()?;
            self.take(b':')?;
            let byte = self.next_token()?;
            if byte == b'{' || byte == b'[' {
                return Some(Expected::Value);
            }
            self.scalar(byte)?;
            if self.next_token()? != b',' {
                return Some(Expected::SeparatorOrEnd);
            }
            self.at += 1;
        }
    }

    #[inline]
    fn skip_whitespace(&mut self) {
        let Some(b' ' | b'\t' | b'\n' | b'\r') = self.input.get(self.at) else {
            return;
        };
        let start = self.at;
        self.at += 1;
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.input.get(self.at) {
            self.at += 1;
        }
        self.blanks.hear(start..self.at);
    }

    /// Steps over a string. What stands between its quotes, as it stands there.
    #[inline]
    pub fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let start = self.at;
        self.rest_of_string()?;
        self.input.get(start..self.at - 1)
    }

    #[inline]
    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => {
                self.at += 1;
                self.rest_of_string()
            }
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        if !self.input[self.at..].starts_with(word) {
            return None;
        }
        self.at += word.len();
        Some(())
    }

    #[inline]
    fn number(&mut self) -> Option<()> {
        let rest = &self.input[self.at..];
        let (length, has_exponent) = number_length(rest)?;
        // Fewer than 300 digits without an exponent cannot leave a double's range.
        if has_exponent || length >= 300 {
            let value: f64 = std::str::from_utf8(&rest[..length]).ok()?.parse().ok()?;
            if !value.is_finite() {
                return None;
            }
        }
        self.at += length;
        Some(())
    }

    #[inline]
    fn rest_of_string(&mut self) -> Option<()> {
        loop {
            let rest = self.input.get(self.at..)?;
            self.at += as_it_is(rest);
            match *self.input.get(self.at)? {
                b'"' => break,
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        match *self.input.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 2;
                Some(())
            }
            b'u' => {
                let high = unit(self.input, self.at)?;
                self.at += 6;
                match high {
                    0xd800..=0xdbff => {
                        let low = unit(self.input, self.at)?;
                        self.at += 6;
                        (0xdc00..=0xdfff).contains(&low).then_some(())
                    }
                    0xdc00..=0xdfff => None,
                    _ => Some(()),
                }
            }
            _ => None,
        }
    }
}

/// How many bytes at the front of `bytes` are a number, and whether it has an exponent.
#[inline]
fn number_length(bytes: &[u8]) -> Option<(usize, bool)> {
    let is = |at: usize, wanted: u8| bytes.get(at) == Some(&wanted);
    let mut at = usize::from(is(0, b'-'));
    at = if is(at, b'0') {
        at + 1
    } else {
        behind_digits(bytes, at)?
    };
    if is(at, b'.') {
        at = behind_digits(bytes, at + 1)?;
    }
    let has_exponent = is(at, b'e') || is(at, b'E');
    if has_exponent {
        at += 1;
        at = behind_digits(bytes, at + usize::from(is(at, b'+') || is(at, b'-')))?;
    }
    Some((at, has_exponent))
}

/// Where the digits end that begin at `start`; there has to be one.
#[inline]
fn behind_digits(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    (at > start).then_some(at)
}

/// How many bytes at the front of `bytes` stand for themselves in a string: no quote, no backslash, no control character.
/// Eight are looked at in one go: strings are most of what devices send.
#[inline]
fn as_it_is(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let special = special_in(u64::from_le_bytes(*word));
        if special != 0 {
            return index * 8 + usize::try_from(special.trailing_zeros() / 8).unwrap_or(0);
        }
    }
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let plain = rest.iter().position(is_special);
    words.len() * 8 + plain.unwrap_or(rest.len())
}

/// The top bit of each byte that ends a run of [`as_it_is`], up to the first one at least; what stands behind that one
/// may be wrong. The quote and the control characters are those below 0x21 once their second bit is turned around.
#[inline]
fn special_in(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let turned = word ^ (ONES * 2);
    let low_or_quote = turned.wrapping_sub(ONES * 0x21) & !turned;
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    (low_or_quote | is_backslash) & TOPS
}

/// The UTF-16 unit of the `\uXXXX` at `at`.
#[must_use]
pub fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let hex = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    hex.iter().try_fold(0, |unit: u16, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_at_every_place_of_a_word_is_known() {
        for (byte, place) in (0..=u8::MAX).flat_map(|byte| (0..17).map(move |place| (byte, place)))
        {
            let mut bytes = [b'a'; 17];
            bytes[place] = byte;
            let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
            let expected = if is_special { place } else { 17 };
            assert_eq!(as_it_is(&bytes), expected, "{byte} at {place}");
        }
    }

    proptest! {
        #[test]
        fn the_first_special_byte_is_found(bytes in prop::collection::vec(prop_oneof![0_u8..=0x23, any::<u8>(), Just(b'\\')], 0..60)) {
            let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
            let expected = bytes.iter().position(is_special).unwrap_or(bytes.len());
            prop_assert_eq!(as_it_is(&bytes), expected);
        }
    }
}
