//! Text that must never be shown: keys, tokens, whole connection strings.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

/// Where a key stops being base64 (RFC 4648 §4, padded). Holds the place and never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what} at character {position}")]
pub struct NotBase64 {
    /// What is wrong there.
    pub what: &'static str,
    /// The character's place, counted from 1.
    pub position: usize,
}

/// A key or token. Wiped from memory when dropped; `Debug` shows none of it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for signing and for places where the user asked for exactly that.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The bytes that the text stands for in base64.
    ///
    /// # Errors
    /// [`NotBase64`], the first place where it is not base64.
    pub fn decode_base64(&self) -> Result<Zeroizing<Vec<u8>>, NotBase64> {
        let fault = |what, index: usize| NotBase64 {
            what,
            position: index + 1,
        };
        STANDARD
            .decode(self.expose())
            .map(Zeroizing::new)
            .map_err(|error| match error {
                base64::DecodeError::InvalidByte(index, _) => {
                    fault("a character that base64 does not have", index)
                }
                base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding => {
                    fault(
                        "it is cut short, or lacks its closing '='",
                        self.expose().len(),
                    )
                }
                base64::DecodeError::InvalidLastSymbol { offset: index, .. } => {
                    fault("its last characters do not belong together", index)
                }
            })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn what_is_not_base64_is_told_by_place() {
        let place = |text: &str| Secret::new(text).decode_base64().unwrap_err().position;
        assert_eq!(place("QUJD*EVG"), 5);
        assert_eq!(place("QUJDRA"), 7);
        assert_eq!(
            Secret::new("QUI=").decode_base64().unwrap().as_slice(),
            b"AB"
        );
    }
}
