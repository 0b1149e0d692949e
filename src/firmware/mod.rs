//! What is flashed, as text: a token and the facts beside it, for the languages that firmware is built from.
//!
//! [`Flashed`] says what there is, [`Flashed::facts`] gives it names, and each [`Format`] writes those names down. Knows
//! how a text is quoted in each language. Must never know a file, a clock or a key.

mod anchors;
mod arduino;
mod c;
mod cmake;
mod connection_string;
mod curl;
pub mod earlier;
mod env;
mod flashed;
mod format;
mod head;
mod json;
mod mqtt;
mod nvs;
mod prefix;
pub mod root_ca;
mod roots;
mod rust;

pub use anchors::{ANCHORS, Anchor};
pub use flashed::{Fact, Flashed, Protocol, Subject, Value};
pub use format::{Format, Unsuited};
pub use prefix::{Prefix, PrefixError};
pub use roots::{Roots, RootsError, is_azure, pem};

#[cfg(test)]
mod tests;
