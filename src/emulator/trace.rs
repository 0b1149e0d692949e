//! What may be told of requests.
//!
//! Never holds a token, a key or a signature: what is told of a request is its line alone, and that without them.

use percent_encoding::percent_decode_str;

/// A path with its query, without the values in it that open something: signatures, tokens and keys.
pub(super) fn target(path: &str, query: Option<&str>) -> String {
    let Some(query) = query else {
        return path.to_owned();
    };
    let fields = query.split('&').map(|field| {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let value = percent_decode_str(value).decode_utf8_lossy();
        if is_secret(name) || value.to_ascii_lowercase().contains("sig=") {
            format!("{name}=***")
        } else {
            field.to_owned()
        }
    });
    format!("{path}?{}", fields.collect::<Vec<_>>().join("&"))
}

fn is_secret(name: &str) -> bool {
    let name = percent_decode_str(name).decode_utf8_lossy();
    let secrets = ["sig", "token", "authorization", "sharedaccesskey", "key"];
    secrets.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_something_is_not_told() {
        for (query, told) in [
            (
                "api-version=2021-04-12&top=3",
                "api-version=2021-04-12&top=3",
            ),
            ("sv=2018&SIG=abc%3D&se=1", "sv=2018&SIG=***&se=1"),
            ("token=abc", "token=***"),
            ("x=SharedAccessSignature%20sr%3Dh%26sig%3Dabc", "x=***"),
            ("reject", "reject"),
        ] {
            assert_eq!(target("/a", Some(query)), format!("/a?{told}"));
        }
        assert_eq!(target("/a", None), "/a");
    }
}
