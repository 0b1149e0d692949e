//! A key as the user gives it: on the command line, in a file, or on standard input.

use std::io::Read as _;

use super::Context;
use crate::config::file;
use crate::failure::{Failure, Kind};
use crate::model::secret::Secret;

/// No key's file is larger, in bytes.
const LIMIT: u64 = 1 << 16;

/// The key of a flag: the text itself, a file's for `@FILE`, standard input's for `-`; without the blanks and line breaks
/// around it.
///
/// # Errors
/// [`Kind::Input`] for a file or stream that cannot be read.
pub fn read_key(text: &str, context: &mut Context) -> Result<Secret, Failure> {
    let text = read_text(text, LIMIT, "the key", context)?;
    Ok(Secret::new(text.expose().trim()))
}

/// The same for any `what` (`the key`, `the token`) of at most `limit` bytes, as it stands.
///
/// # Errors
/// [`Kind::Input`] for a file or stream that cannot be read.
pub fn read_text(
    text: &str,
    limit: u64,
    what: &str,
    context: &mut Context,
) -> Result<Secret, Failure> {
    if text == "-" {
        let mut read = String::new();
        let mut stdin = context.stdin.as_mut().take(limit);
        stdin.read_to_string(&mut read).map_err(|error| {
            Failure::new(
                Kind::Input,
                format!("cannot read {what} from standard input"),
            )
            .because(&error)
            .hint("It must be UTF-8 text and nothing else.")
        })?;
        return Ok(Secret::new(read));
    }
    match text.strip_prefix('@') {
        Some(path) => Ok(Secret::new(file::read_text(path.as_ref(), limit)?)),
        None => Ok(Secret::new(text)),
    }
}
