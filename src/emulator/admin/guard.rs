//! Who may ask: programs on this machine, and no page in its browser.
//!
//! A page of any site may send requests to loopback. Its name there is not ours unless it has been rebound, which `Host`
//! tells; and a request that changes something needs a header that no page may send without asking first, which is
//! answered no. Source: the Fetch standard, "CORS-safelisted request-header" and "CORS-preflight request".

use http::request::Parts;
use http::{HeaderMap, Method, header};

use super::AdminError;

/// What a request that changes something has to carry, with whatever value.
pub(super) const HEADER: &str = "Hubctl-Admin";

/// The names that the port may be called by.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Lets a request in or not.
pub(super) fn admit(head: &Parts) -> Result<(), AdminError> {
    let host = text(&head.headers, header::HOST.as_str()).unwrap_or_default();
    let is_one = head.headers.get_all(header::HOST).iter().count() == 1;
    if !is_one || !NAMES.iter().any(|name| is_called(host, name)) {
        return Err(AdminError::Host {
            host: host.to_owned(),
        });
    }
    if head.headers.contains_key(header::ORIGIN) {
        return Err(AdminError::Page);
    }
    let is_harmless = head.method == Method::GET || head.method == Method::HEAD;
    if !is_harmless && !head.headers.contains_key(HEADER) {
        return Err(AdminError::Unmarked);
    }
    Ok(())
}

/// Whether a host is this name, alone or with a port.
fn is_called(host: &str, name: &str) -> bool {
    let Some((found, rest)) = host.split_at_checked(name.len()) else {
        return false;
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_end = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
    found.eq_ignore_ascii_case(name) && is_end
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(method: &str, headers: &[(&str, &str)]) -> Result<(), AdminError> {
        let mut request = http::Request::builder().method(method).uri("/faults");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        admit(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_port_is_called_by_its_own_names() {
        for host in ["localhost", "LOCALHOST:1234", "127.0.0.1:9", "[::1]:80"] {
            assert_eq!(admitted("GET", &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "localhost:evil.example",
            "localhost:",
            "127.0.0.1.nip.io:9",
            "evil.example:80@localhost",
        ] {
            let refused = admitted("GET", &[("host", host)]);
            assert!(matches!(refused, Err(AdminError::Host { .. })), "{host}");
        }
        let twice = [("host", "localhost"), ("host", "evil.example")];
        assert!(admitted("GET", &twice).is_err());
        assert!(admitted("GET", &[]).is_err());
    }

    #[test]
    fn what_a_page_can_send_is_refused() {
        let host = ("host", "localhost:9");
        for method in ["POST", "DELETE", "PUT", "OPTIONS"] {
            let form = ("content-type", "application/x-www-form-urlencoded");
            let refused = admitted(method, &[host, form]);
            assert_eq!(refused, Err(AdminError::Unmarked), "{method}");
            assert_eq!(admitted(method, &[host, (HEADER, "1")]), Ok(()));
        }
        for origin in ["https://evil.example", "null", "http://localhost:9"] {
            let refused = admitted("GET", &[host, ("origin", origin), (HEADER, "1")]);
            assert_eq!(refused, Err(AdminError::Page));
        }
    }
}
