//! A request as a curl command, its token masked.

use std::fmt::Write as _;
use std::path::Path;

use http::header;

use crate::client::https::EventPost;

/// The command, on lines of its own each option, with a final newline. Bodies that are not text come from `body.bin`.
pub(super) fn command(post: &EventPost, body: &[u8], ca_file: Option<&Path>) -> String {
    let mut text = format!("curl --request POST {}", quoted(post.url()));
    let mut option = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = write!(text, " \\\n  {name} {}", quoted(value));
    };
    if let Some(path) = ca_file {
        option("--cacert", &path.to_string_lossy());
    }
    // curl has its own Host, Accept and User-Agent.
    let own = [header::HOST, header::ACCEPT, header::USER_AGENT];
    for (name, value) in post.headers.iter().filter(|(name, _)| !own.contains(name)) {
        let value = String::from_utf8_lossy(value.as_bytes());
        option("--header", &format!("{name}: {value}"));
    }
    match std::str::from_utf8(body) {
        // curl takes a leading @ for a file's name.
        Ok(body) if !body.starts_with('@') && !body.contains('\0') => option("--data-binary", body),
        Ok(_) | Err(_) => option("--data-binary", "@body.bin"),
    }
    text.push('\n');
    text
}

/// In single quotes, as a POSIX shell takes them.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_survive_the_shell() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
