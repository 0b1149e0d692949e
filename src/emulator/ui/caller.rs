//! What a request's headers say of who sends it: by which name it came, from which page, with which session.
//!
//! Source: fetch.spec.whatwg.org (`Origin`), w3c.github.io/webappsec-fetch-metadata (`Sec-Fetch-Site`), and
//! html.spec.whatwg.org, "Speculative loading" (`Sec-Purpose`).

use http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName};

/// Only a script can set it, and only one of the same origin may.
const MARK: HeaderName = HeaderName::from_static("x-hubctl-ui");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// Whether a request came by one of these names. Another one's page may have had its own name point at this machine.
pub(super) fn is_by_name(head: &Parts, hosts: &[String]) -> bool {
    let named = head.uri.authority().cloned();
    let named = named.or_else(|| text(&head.headers, &HOST)?.parse::<Authority>().ok());
    named.is_some_and(|named| {
        // `user@host` is no name that a browser sends.
        let is_plain = !named.as_str().contains('@');
        is_plain
            && hosts
                .iter()
                .any(|host| bare(host).eq_ignore_ascii_case(bare(named.host())))
    })
}

/// An IPv6 address stands in brackets or not.
fn bare(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

/// Whether another site's page, or one of another port, asks. Programs that are no browsers say nothing of that.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    text(headers, &FETCH_SITE).is_some_and(|site| !["same-origin", "none"].contains(&site))
}

/// Whether a browser only fetches what its user may want to see: a link that is good once is not for that.
pub(super) fn looks_ahead(headers: &HeaderMap) -> bool {
    text(headers, &PURPOSE).is_some_and(|purpose| purpose.contains("prefetch"))
}

/// Whether the page itself asks for a change: its script, with JSON, from the very address that it asks.
pub(super) fn is_own_script(headers: &HeaderMap) -> bool {
    let own = text(headers, &HOST).map(|host| format!("https://{host}"));
    let kind = text(headers, &CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let origin = text(headers, &ORIGIN);
    !is_foreign(headers)
        && headers.contains_key(MARK)
        && kind.eq_ignore_ascii_case("application/json")
        && own
            .zip(origin)
            .is_some_and(|(own, origin)| own.eq_ignore_ascii_case(origin))
}

/// The value of a cookie.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(COOKIE).into_iter();
    let pairs = all.flat_map(|value| value.to_str().unwrap_or_default().split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    named
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Request};

    fn head(pairs: &[(&'static str, &str)]) -> Parts {
        let mut request = Request::new(());
        for (name, value) in pairs {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(*name, value);
        }
        request.into_parts().0
    }

    #[test]
    fn only_names_of_the_hub_will_do() {
        let hosts = ["localhost", "127.0.0.1", "[::1]", "fe80::1"].map(str::to_owned);
        for (host, is_ours) in [
            ("localhost:8443", true),
            ("LocalHost", true),
            ("127.0.0.1:8443", true),
            ("[::1]:8443", true),
            ("[fe80::1]", true),
            ("evil.example:8443", false),
            ("localhost.evil.example", false),
            ("evil.example@localhost", false),
            ("", false),
        ] {
            assert_eq!(
                is_by_name(&head(&[("host", host)]), &hosts),
                is_ours,
                "{host}"
            );
        }
        assert!(!is_by_name(&head(&[]), &hosts));
    }

    #[test]
    fn a_change_has_to_come_from_the_page() {
        let good = [
            ("host", "localhost:8443"),
            ("origin", "https://localhost:8443"),
            ("x-hubctl-ui", "1"),
            ("content-type", "application/json; charset=utf-8"),
            ("sec-fetch-site", "same-origin"),
        ];
        assert!(is_own_script(&head(&good).headers));
        for index in 0..4 {
            let mut without = good.to_vec();
            without.remove(index);
            assert!(!is_own_script(&head(&without).headers), "{:?}", good[index]);
        }
        for bad in [
            ("origin", "https://localhost:3000"),
            ("origin", "http://localhost:8443"),
            ("origin", "null"),
            ("content-type", "text/plain"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "cross-site"),
        ] {
            let mut with = good.to_vec();
            with.push(bad);
            assert!(!is_own_script(&head(&with).headers), "{bad:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let headers = head(&[("cookie", "a=1; session=2;b; xsession=3")]).headers;
        assert_eq!(cookie(&headers, "session"), Some("2"));
        assert_eq!(cookie(&headers, "sess"), None);
        assert_eq!(cookie(&headers, "b"), None);
    }
}
