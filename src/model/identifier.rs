//! Device ids, module ids and sequence numbers.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest id that a hub accepts, in characters.
pub const MAX_ID_LENGTH: usize = 128;

/// Why a text is no device or module id (learn.microsoft.com, "Understand the identity registry").
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// Nothing there.
    #[error("the id is empty")]
    Empty,
    /// A whole connection string in an id's place.
    #[error("it is a connection string, which belongs behind --login")]
    ConnectionString,
    /// More than [`MAX_ID_LENGTH`] characters.
    #[error("the id has {length} characters, and a hub takes {MAX_ID_LENGTH} at the most")]
    TooLong {
        /// How many characters there are.
        length: usize,
    },
    /// A character outside `A-Z a-z 0-9 - : . + % _ # * ? ! ( ) , = @ ; $ '`.
    #[error(
        "character {position} of the id, {character:?}, is not one that a hub takes (letters, digits and -:.+%_#*?!(),=@;$')"
    )]
    IllegalCharacter {
        /// The character.
        character: char,
        /// Its place, counted from 1.
        position: usize,
    },
}

/// Whether a hub takes `character` in a device or module id.
#[must_use]
pub fn is_legal_in_id(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-:.+%_#*?!(),=@;$'".contains(character)
}

/// The same as a table, for ids by the million.
const LEGAL: [bool; 256] = {
    let mut legal = [false; 256];
    let others = b"-:.+%_#*?!(),=@;$'";
    let mut byte = 0_u8;
    while byte < u8::MAX {
        legal[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut index = 0;
    while index < others.len() {
        legal[others[index] as usize] = true;
        index += 1;
    }
    legal
};

/// Whether a hub takes `text` as a device or module id.
///
/// # Errors
/// [`IdError`], what is wrong and where.
pub fn check(text: &str) -> Result<(), IdError> {
    // Each of its characters may stand in an id; but nobody means that.
    if text.to_ascii_lowercase().contains("sharedaccesskey=") {
        return Err(IdError::ConnectionString);
    }
    if (1..=MAX_ID_LENGTH).contains(&text.len())
        && text.bytes().all(|byte| LEGAL[usize::from(byte)])
    {
        return Ok(());
    }
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    for (index, character) in text.chars().enumerate() {
        if !is_legal_in_id(character) {
            return Err(IdError::IllegalCharacter {
                character,
                position: index + 1,
            });
        }
    }
    if text.len() > MAX_ID_LENGTH {
        return Err(IdError::TooLong { length: text.len() });
    }
    Ok(())
}

macro_rules! identifier {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The id as text, in the case it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier!(
    DeviceId,
    "A device's id: 1 to 128 ASCII characters, case-sensitive."
);
identifier!(
    ModuleId,
    "A module's id within its device: 1 to 128 ASCII characters, case-sensitive."
);

/// A message's place in its partition: counts up from 0, never reused while the hub lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceNumber(pub i64);

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_legal_character_is_taken() {
        let id = "AZaz09-:.+%_#*?!(),=@;$'";
        assert_eq!(id.parse::<DeviceId>().unwrap().as_str(), id);
    }

    #[test]
    fn the_table_says_what_the_function_says() {
        for character in '\0'..='\u{ff}' {
            let byte = u32::from(character) as usize;
            assert_eq!(LEGAL[byte], is_legal_in_id(character), "{character:?}");
        }
    }

    #[test]
    fn a_connection_string_is_no_id() {
        let text = "HostName=h;SharedAccessKeyName=p;SharedAccessKey=MDEy";
        assert_eq!(text.parse::<DeviceId>(), Err(IdError::ConnectionString));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert_eq!("".parse::<DeviceId>(), Err(IdError::Empty));
        assert_eq!(
            "a b".parse::<DeviceId>(),
            Err(IdError::IllegalCharacter {
                character: ' ',
                position: 2
            })
        );
        assert_eq!(
            "x".repeat(129).parse::<ModuleId>(),
            Err(IdError::TooLong { length: 129 })
        );
    }
}
