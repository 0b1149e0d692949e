//! The formats, in one table.

use clap::ValueEnum;

use super::flashed::Flashed;
use super::{c, env, json, rust};

/// How what is flashed is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// The token alone
    #[default]
    Token,
    /// One JSON object
    Json,
    /// A header for C and C++
    C,
    /// A Rust file that needs no std
    Rust,
    /// NAME='value' lines for a shell
    Env,
}

impl Format {
    /// The text in this format, with a final newline. Holds the token.
    #[must_use]
    pub fn write(self, flashed: &Flashed) -> String {
        match self {
            Self::Token => format!("{}\n", flashed.token.expose()),
            Self::Json => json::write(flashed),
            Self::C => c::write(flashed),
            Self::Rust => rust::write(flashed),
            Self::Env => env::write(flashed),
        }
    }

    /// Whether it holds names that a prefix can rename.
    #[must_use]
    pub fn takes_prefix(self) -> bool {
        match self {
            Self::Token | Self::Json => false,
            Self::C | Self::Rust | Self::Env => true,
        }
    }
}
