//! A request as a curl command, its token masked.

use std::fmt::Write as _;
use std::path::Path;

use http::header;

use crate::client::https::EventPost;

/// Where curl has the body from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Data<'a> {
    /// From a file.
    File(&'a Path),
    /// From the command itself.
    Text(&'a str),
    /// From its standard input.
    Piped,
}

impl<'a> Data<'a> {
    /// A body in the command itself, where it is text that an argument can hold.
    pub(super) fn inline(body: &'a [u8]) -> Self {
        match std::str::from_utf8(body) {
            Ok(text) if !text.contains('\0') => Self::Text(text),
            Ok(_) | Err(_) => Self::Piped,
        }
    }

    /// The option that takes bodies as they are, and its value. `--data-raw` knows no `@`, so that any text is safe.
    fn option(self) -> (&'static str, String) {
        const BYTES: &str = "--data-binary";
        match self {
            // To curl a lone - is standard input.
            Self::File(path) if path == Path::new("-") => (BYTES, "@./-".to_owned()),
            Self::File(path) => (BYTES, format!("@{}", path.display())),
            Self::Text(text) => ("--data-raw", text.to_owned()),
            Self::Piped => (BYTES, "@-".to_owned()),
        }
    }
}

/// The command, on lines of its own each option, with a final newline.
pub(super) fn command(post: &EventPost, data: Data<'_>, ca_file: Option<&Path>) -> String {
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
    let (name, value) = data.option();
    option(name, &value);
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

    #[test]
    fn bodies_keep_their_meaning() {
        let text = |name: &'static str, value: &str| (name, value.to_owned());
        assert_eq!(
            Data::inline(b"@/etc/hostname").option(),
            text("--data-raw", "@/etc/hostname")
        );
        assert_eq!(Data::inline(b"").option(), text("--data-raw", ""));
        assert_eq!(Data::inline(b"\xff").option(), text("--data-binary", "@-"));
        assert_eq!(Data::inline(b"a\0b"), Data::Piped);
        let file = |path: &str| Data::File(Path::new(path)).option().1;
        assert_eq!(file("it's here/b.bin"), "@it's here/b.bin");
        assert_eq!(file("-"), "@./-");
    }
}
