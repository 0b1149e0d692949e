//! The page's files, and the headers of all that comes from below `/ui`.

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full};
use serde_json::{Value, json};

/// A whole answer, or one that goes on as long as the browser listens.
pub(in crate::emulator) type Body =
    Either<Full<Bytes>, UnsyncBoxBody<Bytes, std::convert::Infallible>>;
/// What a browser is answered.
pub(in crate::emulator) type Response = http::Response<Body>;

const INDEX: &str = include_str!("page/index.html");
const LOGIN: &str = include_str!("page/login.html");
const STYLE: &str = include_str!("page/ui.css");
const SCRIPT: &str = include_str!("page/ui.js");
const ICON: &str = include_str!("page/icon.svg");

/// Where the page that asks for a key says why.
const WHY: &str = "<!--why-->";

const HTML: &str = "text/html; charset=utf-8";

/// Nothing but the page's own files, no script or style inside of it, no text that becomes markup, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Why the page asks for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Nobody has said who they are, or the session is over.
    NoSession,
    /// The link's token is none, or not one any more.
    TokenUsed,
    /// The browser comes from another site's page, and shows no session then, even if it has one.
    FromElsewhere,
}

impl Why {
    fn words(self) -> &'static str {
        match self {
            Self::NoSession => {
                "There is no session here, or it has ended. Open the link that the emulator printed when it started, or \
                 enter a key."
            }
            Self::TokenUsed => {
                "This link has been used already, or is not of this run of the emulator: it opens the page once. Enter a \
                 key instead; there is no need to start the emulator again."
            }
            Self::FromElsewhere => {
                "You come from another site's page, and a session is not shown on the way from there. If there is one, \
                 <a href=\"/ui\">go on to the page</a>; or enter a key."
            }
        }
    }
}

/// A file that is no secret; `None` for one that there is not.
pub(super) fn file(path: &str) -> Option<Response> {
    let (text, kind) = match path {
        "/ui/ui.css" => (STYLE, "text/css; charset=utf-8"),
        "/ui/ui.js" => (SCRIPT, "text/javascript; charset=utf-8"),
        "/ui/icon.svg" => (ICON, "image/svg+xml"),
        _ => return None,
    };
    Some(whole(StatusCode::OK, kind, text))
}

/// The page itself.
pub(super) fn index() -> Response {
    whole(StatusCode::OK, HTML, INDEX)
}

/// The page that asks for a key.
pub(super) fn login(why: Why) -> Response {
    let text = LOGIN.replace(WHY, why.words());
    whole(StatusCode::UNAUTHORIZED, HTML, text)
}

/// Sends a browser on to the page.
pub(super) fn to_the_page() -> Response {
    let mut response = empty(StatusCode::SEE_OTHER);
    let place = HeaderValue::from_static("/ui");
    response.headers_mut().insert(header::LOCATION, place);
    response
}

/// JSON.
pub(super) fn json(value: &Value) -> Response {
    whole(StatusCode::OK, "application/json", value.to_string())
}

/// Why not, for the page's script.
pub(super) fn refusal(status: StatusCode, error: &str, message: &str) -> Response {
    let value = json!({ "error": error, "message": message });
    whole(status, "application/json", value.to_string())
}

/// For who reads it in a browser.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Response {
    whole(status, "text/plain; charset=utf-8", text)
}

/// Nothing to say.
pub(super) fn empty(status: StatusCode) -> Response {
    dressed(status, Either::Left(Full::default()))
}

/// Events as they come.
pub(super) fn stream(body: UnsyncBoxBody<Bytes, std::convert::Infallible>) -> Response {
    let mut response = dressed(StatusCode::OK, Either::Right(body));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn whole(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response {
    let mut response = dressed(status, Either::Left(Full::new(text.into())));
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn dressed(status: StatusCode, body: Body) -> Response {
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_but_itself() {
        for text in [INDEX, LOGIN, STYLE, SCRIPT, ICON] {
            for foreign in [
                "http://",
                "https://",
                "//cdn",
                "@import",
                "innerHTML",
                "style=\"",
                "<style",
                "eval(",
            ] {
                let text = text.replace("http://www.w3.org/2000/svg", "");
                assert!(!text.contains(foreign), "{foreign}");
            }
        }
        assert_eq!(LOGIN.matches(WHY).count(), 1);
        for page in [INDEX, LOGIN] {
            let with_source = page
                .matches("<script type=\"module\" src=\"/ui/ui.js\"></script>")
                .count();
            assert_eq!(page.matches("<script").count(), with_source);
        }
    }
}
