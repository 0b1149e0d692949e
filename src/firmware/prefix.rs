//! What a user puts before every name, so that two files can be included side by side.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// C99 tells 63 characters of a name apart (§5.2.4.1), and the longest name that is prefixed has 23 of them.
const MAX_LENGTH: usize = 40;

/// The beginning of a name in C, Rust and shell alike; empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefix(String);

/// Why a text cannot begin a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PrefixError {
    /// It begins with something other than a letter; names with a leading `_` are the compiler's own.
    #[error("a prefix begins with a letter from A to Z")]
    Start,
    /// A character that names do not have.
    #[error("a prefix holds letters, digits and '_' alone, not {character:?}")]
    Character {
        /// The character.
        character: char,
    },
    /// Too long for C.
    #[error("a prefix has {MAX_LENGTH} characters at the most")]
    TooLong,
}

impl Prefix {
    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(PrefixError::Start);
        }
        let illegal = |c: &char| !(c.is_ascii_alphanumeric() || *c == '_');
        if let Some(character) = text.chars().find(illegal) {
            return Err(PrefixError::Character { character });
        }
        if text.len() > MAX_LENGTH {
            return Err(PrefixError::TooLong);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
