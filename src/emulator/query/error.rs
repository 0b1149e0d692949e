//! Every reason why a text is no query.

use thiserror::Error;

/// How far brackets, `NOT` and arithmetic may go into one another.
pub(super) const MAX_DEPTH: usize = 64;

/// Why a text is no query. Places count bytes from 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    /// A text that does not end, or with an escape that there is not.
    #[error(
        "the text at position {at} does not end, or has an escape other than \\', \\\", \\\\ and \\uXXXX"
    )]
    Text {
        /// Where it begins.
        at: usize,
    },
    /// Digits that are no number.
    #[error("the number at position {at} is none")]
    Number {
        /// Where it begins.
        at: usize,
    },
    /// A character that means nothing.
    #[error("the character {found:?} at position {at} means nothing")]
    Character {
        /// The character.
        found: char,
        /// Where it stands.
        at: usize,
    },
    /// Something else stands where this should.
    #[error("{wanted} is missing at position {at}")]
    Missing {
        /// What should stand there.
        wanted: &'static str,
        /// Where.
        at: usize,
    },
    /// A function that twins are not queried with.
    #[error("{name} is no function for twins; IS_DEFINED is the only one")]
    Function {
        /// Its name.
        name: String,
    },
    /// A collection that there is not.
    #[error("there is no collection {name:?}; there are devices, devices.modules and devices.jobs")]
    Source {
        /// Its name.
        name: String,
    },
    /// Too much inside one another.
    #[error("the condition goes deeper than {MAX_DEPTH} levels")]
    Depth,
    /// Two columns of one name.
    #[error("two columns are called {name:?}")]
    Twice {
        /// The name.
        name: String,
    },
    /// What `SELECT` and `GROUP BY` do not allow of each other.
    #[error("{message}")]
    Columns {
        /// What it is.
        message: &'static str,
    },
}
