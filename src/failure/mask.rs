//! The last look at what is told: whatever reads like a key or a token is masked.
//!
//! Errors hold no secrets by their making. But a string that was pasted into the wrong place is a file's name, a profile
//! or an option's value to everyone below, and comes back in their words.

use std::borrow::Cow;
use std::io::{self, Write};

/// Stands where a secret stood.
const MASK: &str = "***";

/// Names whose value is a secret, in lower case, and where the value ends besides a blank or a quote.
const NAMED: [(&str, char); 5] = [
    ("sharedaccesskey=", ';'),
    // The same in a URL.
    ("sharedaccesskey%3d", '&'),
    ("accountkey=", ';'),
    ("accesskey=", ';'),
    ("sig=", '&'),
];

/// The fewest base64 characters, padding not counted, that read like a key: 16 bytes make 22.
const SHORTEST_KEY: usize = 20;

/// The text with `***` for each key and signature in it.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    // Every secret that can be told has an equals sign in it or before it.
    if !text.contains(['=', '%']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(mask_base64(&mask_named(text)))
}

fn mask_named(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, end)) = next_named(rest) {
        masked.push_str(&rest[..start]);
        masked.push_str(MASK);
        rest = &rest[end..];
    }
    masked.push_str(rest);
    masked
}

/// The first named value: where it begins and ends.
fn next_named(text: &str) -> Option<(usize, usize)> {
    let lower = text.to_ascii_lowercase();
    let found = NAMED.iter().filter_map(|(name, end)| {
        // What begins with a brace or a dot is a word for a secret, as help texts have it.
        let is_value = |start: &usize| !text[*start..].starts_with(['{', '…', '*']);
        let starts = lower.match_indices(name).map(|(at, name)| at + name.len());
        let start = starts.into_iter().find(is_value)?;
        let stops = |c: char| c == *end || c.is_whitespace() || "\"'`<>".contains(c);
        let length = text[start..].find(stops).unwrap_or(text.len() - start);
        Some((start, start + length))
    });
    found.min()
}

/// Masks runs of base64 that end in padding, as every key of 16, 32 or 64 bytes does.
fn mask_base64(text: &str) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_base64) {
        let length = rest[start..]
            .find(|c| !is_base64(c))
            .unwrap_or(rest.len() - start);
        let padding = rest[start + length..]
            .chars()
            .take_while(|c| *c == '=')
            .count();
        let end = start + length + padding;
        if padding > 0 && length >= SHORTEST_KEY {
            masked.push_str(&rest[..start]);
            masked.push_str(MASK);
        } else {
            masked.push_str(&rest[..end]);
        }
        rest = &rest[end..];
    }
    masked.push_str(rest);
    masked
}

/// Passes lines on with their secrets masked.
#[derive(Debug)]
pub struct Masked<W: Write> {
    inner: W,
    /// The line that is not whole yet.
    line: Vec<u8>,
}

impl<W: Write> Masked<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            line: Vec::new(),
        }
    }

    fn pass_on(&mut self, length: usize) -> io::Result<()> {
        let lines: Vec<u8> = self.line.drain(..length).collect();
        self.inner
            .write_all(mask(&String::from_utf8_lossy(&lines)).as_bytes())
    }
}

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.pass_on(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on(self.line.len())?;
        self.inner.flush()
    }
}

impl<W: Write> Drop for Masked<W> {
    fn drop(&mut self) {
        // At the end there is nobody left to tell of a failure.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    #[test]
    fn keys_and_signatures_are_masked() {
        for (text, masked) in [
            (
                format!("cannot read HostName=h;SharedAccessKey={KEY};DeviceId=d"),
                "cannot read HostName=h;SharedAccessKey=***;DeviceId=d",
            ),
            (
                format!("invalid value 'x{KEY}' for '--hub'"),
                "invalid value '***' for '--hub'",
            ),
            (
                "SharedAccessSignature sr=h&sig=abc%2Bd%3D&se=1".to_owned(),
                "SharedAccessSignature sr=h&sig=***&se=1",
            ),
            (
                "sharedaccesskey=short \"SharedAccessKey=a'".to_owned(),
                "sharedaccesskey=*** \"SharedAccessKey=***'",
            ),
            (
                "SharedAccessKeyName=iothubowner".to_owned(),
                "SharedAccessKeyName=iothubowner",
            ),
            (
                "/home/somebody/projects/firmware/include/iothub_secrets.h: a=b".to_owned(),
                "/home/somebody/projects/firmware/include/iothub_secrets.h: a=b",
            ),
            ("no secret here".to_owned(), "no secret here"),
            (
                "GET /devices/HostName%3Dh%3BSharedAccessKey%3D8HKPVK8nzWp?a=b".to_owned(),
                "GET /devices/HostName%3Dh%3BSharedAccessKey%3D***",
            ),
            (
                "it should be sig={the signature}, not SharedAccessKey=…".to_owned(),
                "it should be sig={the signature}, not SharedAccessKey=…",
            ),
        ] {
            assert_eq!(mask(&text), masked);
        }
    }

    #[test]
    fn a_secret_that_comes_in_pieces_is_masked() {
        let mut written = Vec::new();
        let mut writer = Masked::new(&mut written);
        let (first, second) = KEY.split_at(10);
        write!(writer, "{first}").unwrap();
        writeln!(writer, "{second} end").unwrap();
        drop(writer);
        assert_eq!(written, b"*** end\n");
    }

    proptest! {
        #[test]
        fn no_key_gets_through(bytes in proptest::collection::vec(any::<u8>(), 16..64), before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
            use base64::Engine as _;
            let key = base64::engine::general_purpose::STANDARD.encode(bytes);
            let named = format!("{before}SharedAccessKey={key};{after}");
            prop_assert!(!mask(&named).contains(&key));
            if key.ends_with('=') {
                let bare = format!("{before}{key} {after}");
                prop_assert!(!mask(&bare).contains(&key));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = mask(&text);
        }
    }
}
