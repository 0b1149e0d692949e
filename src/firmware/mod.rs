//! What is flashed, as text: a token and the facts beside it, for the languages that firmware is built from.
//!
//! [`Flashed`] says what there is, [`Flashed::facts`] gives it names, and each [`Format`] writes those names down. Knows
//! how a text is quoted in each language. Must never know a file, a clock or a key.

mod anchors;
mod c;
mod env;
mod flashed;
mod format;
mod head;
mod json;
mod prefix;
pub mod root_ca;
mod rust;

pub use anchors::{ANCHORS, Anchor};
pub use flashed::{Fact, Flashed, Subject, Value};
pub use format::Format;
pub use prefix::{Prefix, PrefixError};

#[cfg(test)]
mod tests;
