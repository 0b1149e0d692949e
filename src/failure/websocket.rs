//! Failures on the way to a WebSocket: proxies, and hosts that open none.

use http::StatusCode;

use super::{Failure, Kind};
use crate::client::proxy::{ProxyError, ProxyUrlError};
use crate::client::websocket::WebSocketError;

/// What to do about a proxy that asks who is there.
pub(super) const CREDENTIALS_HINT: &str = "The proxy wants a user and a password: put them into HTTPS_PROXY as \
     http://USER:PASSWORD@PROXY:PORT, with %40 for an @ and the like (Basic is what is spoken here, no NTLM or Kerberos).";

/// What to do about a proxy that says no.
pub(super) const PROXY_HINT: &str = "The proxy comes from HTTPS_PROXY, with a user and a password in it where it wants them \
     (http://USER:PASSWORD@PROXY:PORT); name hosts that need none in NO_PROXY.";

impl From<&WebSocketError> for Failure {
    fn from(error: &WebSocketError) -> Self {
        match error {
            WebSocketError::Dial(dial) => Self::from(dial),
            WebSocketError::Proxy(proxy) => by_proxy(proxy),
            WebSocketError::Refused { status, .. } => {
                let kind = match *status {
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Kind::Throttled,
                    _ => Kind::Service,
                };
                Self::new(kind, "cannot open a WebSocket").because(error).hint(
                    "Is it an IoT hub, or an event hub's namespace? A proxy's or another server's page shows like this.",
                )
            }
            WebSocketError::Broken { .. } => {
                Self::new(Kind::Unreachable, "cannot open a WebSocket")
                    .because(error)
                    .hint("Try again; a proxy or firewall that cuts connections shows like this.")
            }
            WebSocketError::Unreadable { .. } => Self::new(Kind::Service, "cannot open a WebSocket")
                .because(error)
                .hint(
                    "Does the host's port serve HTTPS? A port in HostName or Endpoint is the WebSocket's as well, and 443 \
                     where none stands.",
                ),
        }
    }
}

fn by_proxy(error: &ProxyError) -> Failure {
    let failure = Failure::new(Kind::Unreachable, "cannot get through the proxy").because(error);
    match error {
        ProxyError::Url(fault) => Failure::from(fault),
        // 401 is a server's word, and tinyproxy's for a wrong password.
        ProxyError::Refused {
            status: StatusCode::PROXY_AUTHENTICATION_REQUIRED | StatusCode::UNAUTHORIZED,
            ..
        } => failure.hint(CREDENTIALS_HINT),
        ProxyError::Dial(_) | ProxyError::Refused { .. } | ProxyError::Broken { .. } => {
            failure.hint(PROXY_HINT)
        }
        ProxyError::Unreadable { .. } => failure
            .hint("Does HTTPS_PROXY name an HTTP proxy and its port? SOCKS is not spoken here."),
    }
}

impl From<&ProxyUrlError> for Failure {
    fn from(error: &ProxyUrlError) -> Self {
        Self::new(Kind::Input, "cannot use the proxy")
            .because(error)
            .hint(url_hint(error))
    }
}

fn url_hint(fault: &ProxyUrlError) -> String {
    match fault {
        ProxyUrlError::NotAUrl { variable, .. } => format!(
            "Set {variable} to http://PROXY:3128, or http://USER:PASSWORD@PROXY:3128 with %40 for an @ in the password and \
             the like; or unset it."
        ),
        ProxyUrlError::Scheme { .. } => {
            "Name an HTTP proxy in HTTPS_PROXY, which goes before ALL_PROXY, or the host in NO_PROXY to reach it directly."
                .to_owned()
        }
    }
}
