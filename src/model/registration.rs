//! What the Device Provisioning Service knows a device by: an ID scope and a registration id.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest registration id, in characters.
pub const MAX_LENGTH: usize = 128;

/// No ID scope is longer, in characters; those that Azure gives out have eleven.
const MAX_SCOPE_LENGTH: usize = 32;

/// Why a text is no ID scope or registration id (learn.microsoft.com, "Terms used with Azure IoT Hub DPS").
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegistrationError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Too many characters.
    #[error("it has {length} characters, and {most} are the most")]
    TooLong {
        /// How many there are.
        length: usize,
        /// How many there may be.
        most: usize,
    },
    /// A capital letter, which the service takes for another device's in some places and for the same in others.
    #[error(
        "character {position}, {character:?}, is a capital; registration ids are written in lower case"
    )]
    Capital {
        /// The character.
        character: char,
        /// Its place, counted from 1.
        position: usize,
    },
    /// A character that it cannot hold.
    #[error("character {position}, {character:?}, is not one that it may hold ({allowed})")]
    IllegalCharacter {
        /// The character.
        character: char,
        /// Its place, counted from 1.
        position: usize,
        /// What it may hold.
        allowed: &'static str,
    },
    /// It ends with a mark that it may not end with.
    #[error("it ends with {character:?}; the last character is a letter, a digit or '-'")]
    End {
        /// The character.
        character: char,
    },
}

/// A registration id: up to 128 of `a-z 0-9 - . _ :`, the last of them a letter, a digit or `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationId(String);

impl RegistrationId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RegistrationId {
    type Err = RegistrationError;

    fn from_str(text: &str) -> Result<Self, RegistrationError> {
        let legal = |c: char| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_' | ':')
        };
        let allowed = "letters in lower case, digits and - . _ :";
        check(text, MAX_LENGTH, legal, allowed)?;
        match text.chars().last() {
            Some(character @ ('.' | '_' | ':')) => Err(RegistrationError::End { character }),
            Some(_) | None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for RegistrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A provisioning service's ID scope, such as `0ne00ABCDEF`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdScope(String);

impl IdScope {
    /// The scope as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdScope {
    type Err = RegistrationError;

    fn from_str(text: &str) -> Result<Self, RegistrationError> {
        let legal = |c: char| c.is_ascii_alphanumeric();
        check(text, MAX_SCOPE_LENGTH, legal, "letters and digits")?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for IdScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(
    text: &str,
    most: usize,
    legal: impl Fn(char) -> bool,
    allowed: &'static str,
) -> Result<(), RegistrationError> {
    if text.is_empty() {
        return Err(RegistrationError::Empty);
    }
    if let Some((index, character)) = text.chars().enumerate().find(|(_, c)| !legal(*c)) {
        let position = index + 1;
        return Err(if character.is_ascii_uppercase() {
            RegistrationError::Capital {
                character,
                position,
            }
        } else {
            RegistrationError::IllegalCharacter {
                character,
                position,
                allowed,
            }
        });
    }
    if text.len() > most {
        return Err(RegistrationError::TooLong {
            length: text.len(),
            most,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_service_takes_is_taken() {
        for id in ["reg-001", "a", "sn-007:888_abc.mac-", &"x".repeat(128)] {
            assert_eq!(id.parse::<RegistrationId>().unwrap().as_str(), id);
        }
        assert!("0ne00ABCDEF".parse::<IdScope>().is_ok());
    }

    #[test]
    fn the_rest_is_refused_by_place() {
        let refused = |id: &str| id.parse::<RegistrationId>().unwrap_err();
        assert_eq!(refused(""), RegistrationError::Empty);
        assert!(matches!(
            refused("aB"),
            RegistrationError::Capital { position: 2, .. }
        ));
        assert!(matches!(
            refused("a/b"),
            RegistrationError::IllegalCharacter { position: 2, .. }
        ));
        assert!(matches!(
            refused("a."),
            RegistrationError::End { character: '.' }
        ));
        assert!(matches!(
            refused(&"x".repeat(129)),
            RegistrationError::TooLong { .. }
        ));
        assert!("0ne/1".parse::<IdScope>().is_err());
    }
}
