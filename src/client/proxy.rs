//! HTTP proxies: which hosts are reached by way of one, and the tunnel through it (RFC 9110, CONNECT).
//!
//! Must never know the environment's variables, nor tell a proxy's password.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::dial::{DialError, dial_tcp, dial_tls, timed_out};

const AGENT: HeaderValue = HeaderValue::from_static(concat!("hubctl/", env!("CARGO_PKG_VERSION")));

/// A proxy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProxyUrlError {
    /// No URL with a host in it.
    #[error("{variable} does not hold the URL of a proxy: {problem}")]
    NotAUrl {
        /// Where it came from.
        variable: String,
        /// What is wrong with it, without a word of it.
        problem: &'static str,
    },
    /// A proxy of another kind.
    #[error(
        "{variable} names a proxy of the kind {scheme}, and http and https are the kinds that serve here"
    )]
    Scheme {
        /// Where it came from.
        variable: String,
        /// Its URL's scheme.
        scheme: String,
    },
}

/// Why a proxy opened no way.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// It cannot be used at all.
    #[error(transparent)]
    Url(#[from] ProxyUrlError),
    /// The proxy itself cannot be reached.
    #[error("the proxy is not there: {0}")]
    Dial(DialError),
    /// It said no, or could not.
    #[error("the proxy {proxy} does not open a way to {to}: it answered {status}")]
    Refused {
        /// The proxy's host and port.
        proxy: String,
        /// The host and port behind it.
        to: String,
        /// What it answered.
        status: StatusCode,
    },
    /// It is no HTTP that it speaks.
    #[error("what listens at {proxy} is no HTTP proxy: its answer cannot be read")]
    Unreadable {
        /// The proxy's host and port.
        proxy: String,
    },
    /// It hung up.
    #[error("the proxy {proxy} closed the connection: {source}")]
    Broken {
        /// The proxy's host and port.
        proxy: String,
        /// How.
        #[source]
        source: io::Error,
    },
}

/// Which hosts are reached by way of a proxy.
#[derive(Default)]
pub struct Proxies {
    matcher: Option<Matcher>,
    /// What is wrong with the proxy; of no consequence to hosts that are exceptions.
    fault: Option<ProxyUrlError>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's URL may hold a password.
        f.write_str("Proxies(…)")
    }
}

impl Proxies {
    /// The proxy at `url`, which came from `variable`, for all hosts but those that `exceptions` names as `NO_PROXY` does.
    #[must_use]
    pub fn new(variable: &str, url: &str, exceptions: &str) -> Self {
        let fault = fault_of(variable, url.trim());
        // Somebody must stand for the proxy, for the exceptions to be asked.
        let url = if fault.is_some() {
            "http://proxy"
        } else {
            url.trim()
        };
        let matcher = Matcher::builder().https(url).no(exceptions).build();
        Self {
            matcher: Some(matcher),
            fault,
        }
    }

    /// The proxy on the way to `host:port`, if there is one.
    ///
    /// # Errors
    /// [`ProxyUrlError`], which does not hold the URL.
    pub fn on_the_way(&self, host: &str, port: u16) -> Result<Option<Proxy>, ProxyUrlError> {
        let Some(matcher) = &self.matcher else {
            return Ok(None);
        };
        let uri = format!("https://{}/", authority(host, port)).parse();
        // What is no name is told by whoever resolves it.
        let found = uri.ok().and_then(|uri| matcher.intercept(&uri));
        match (found, &self.fault) {
            (Some(_), Some(fault)) => Err(fault.clone()),
            (found, _) => Ok(found.as_ref().and_then(Proxy::new)),
        }
    }
}

/// What is wrong with a proxy's URL.
fn fault_of(variable: &str, url: &str) -> Option<ProxyUrlError> {
    let matcher = Matcher::builder().https(url).build();
    let found = matcher.intercept(&Uri::from_static("https://host/"));
    let variable = variable.to_owned();
    match found.as_ref().and_then(|found| found.uri().scheme_str()) {
        Some("http" | "https") => {
            problem_of(url).map(|problem| ProxyUrlError::NotAUrl { variable, problem })
        }
        Some(scheme) => Some(ProxyUrlError::Scheme {
            variable,
            scheme: scheme.to_owned(),
        }),
        None => Some(match url.split_once("://") {
            Some((scheme, _)) if is_other_scheme(scheme) => ProxyUrlError::Scheme {
                variable,
                scheme: scheme.to_ascii_lowercase(),
            },
            Some(_) | None => ProxyUrlError::NotAUrl {
                variable,
                problem: problem_of(url).unwrap_or("it cannot be read as one"),
            },
        }),
    }
}

/// What is wrong with the place that a URL names; whoever reads the whole URL may let that pass.
fn problem_of(url: &str) -> Option<&'static str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    // What is in brackets is an address with colons of its own.
    let host_end = place.rfind(']').map_or(0, |end| end + 1);
    let host_end = place[host_end..]
        .find(':')
        .map_or(place.len(), |colon| host_end + colon);
    let (host, port) = place.split_at(host_end);
    let port = port.strip_prefix(':').filter(|port| !port.is_empty());
    if host.is_empty() {
        return Some("it names no host");
    }
    let is_port = |port: &str| port.parse().is_ok_and(|port: u16| port > 0);
    port.filter(|port| !is_port(port))
        .map(|_| "its port is no number from 1 to 65535")
}

/// A word for a scheme that is not ours; anything else may well be a part of a password.
fn is_other_scheme(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    !matches!(text.as_str(), "http" | "https")
        && text.len() <= 10
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// A proxy on the way to a host.
#[derive(Clone)]
pub struct Proxy {
    host: String,
    port: u16,
    is_encrypted: bool,
    /// User and password as the header wants them.
    authorization: Option<HeaderValue>,
}

impl fmt::Display for Proxy {
    /// Host and port alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&authority(&self.host, self.port))
    }
}

impl Proxy {
    fn new(found: &Intercept) -> Option<Self> {
        let uri = found.uri();
        let is_encrypted = uri.scheme_str() == Some("https");
        let host = uri.host()?;
        Some(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri
                .port_u16()
                .unwrap_or(if is_encrypted { 443 } else { 80 }),
            is_encrypted,
            authorization: found.basic_auth().cloned(),
        })
    }

    /// Opens a way through it to `host:port`; each step within `limit`. `tls` is for a proxy that is spoken to over TLS.
    ///
    /// # Errors
    /// [`ProxyError`] tells how far it came.
    pub async fn tunnel(
        &self,
        host: &str,
        port: u16,
        tls: Arc<ClientConfig>,
        limit: Duration,
    ) -> Result<TokioIo<Upgraded>, ProxyError> {
        let opened = async {
            let opened = if self.is_encrypted {
                let stream = dial_tls(&self.host, self.port, tls, limit).await;
                let stream = stream.map_err(ProxyError::Dial)?;
                timeout(limit, self.connect(stream, host, port)).await
            } else {
                let stream = dial_tcp(&self.host, self.port, limit).await;
                let stream = stream.map_err(ProxyError::Dial)?;
                timeout(limit, self.connect(stream, host, port)).await
            };
            opened.unwrap_or_else(|_| {
                let late = timed_out(&self.host, self.port, "proxy's answer", limit);
                Err(ProxyError::Dial(late))
            })
        };
        Ok(TokioIo::new(opened.await?))
    }

    async fn connect<S>(&self, stream: S, host: &str, port: u16) -> Result<Upgraded, ProxyError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let to = authority(host, port);
        let response = self.ask(stream, &to).await.map_err(|e| self.broken(&e))?;
        if !response.status().is_success() {
            return Err(ProxyError::Refused {
                proxy: self.to_string(),
                to,
                status: response.status(),
            });
        }
        let upgraded = hyper::upgrade::on(response).await;
        upgraded.map_err(|error| self.broken(&error))
    }

    async fn ask<S>(&self, stream: S, to: &str) -> Result<Response<Incoming>, hyper::Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the tunnel, or when `sender` is dropped. What breaks it comes up in the answer.
        tokio::spawn(connection.with_upgrades());
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = to.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, AGENT);
        if let Ok(to) = HeaderValue::from_str(to) {
            headers.insert(HOST, to);
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        sender.send_request(request).await
    }

    fn broken(&self, error: &hyper::Error) -> ProxyError {
        let proxy = self.to_string();
        if error.is_parse() {
            return ProxyError::Unreadable { proxy };
        }
        ProxyError::Broken {
            proxy,
            source: io::Error::other(error.to_string()),
        }
    }
}

/// Host and port as they stand in a URL.
fn authority(host: &str, port: u16) -> String {
    if host.contains(':') {
        return format!("[{host}]:{port}");
    }
    format!("{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_the_way(url: &str, exceptions: &str, host: &str) -> Option<String> {
        let proxies = Proxies::new("HTTPS_PROXY", url, exceptions);
        let proxy = proxies.on_the_way(host, 443).unwrap()?;
        Some(proxy.to_string())
    }

    #[test]
    fn every_host_but_the_exceptions_goes_by_way_of_the_proxy() {
        let hub = "contoso.azure-devices.net";
        for (exceptions, host, is_proxied) in [
            ("", hub, true),
            // As reqwest does, and curl: this machine is no exception by itself.
            ("", "localhost", true),
            ("", "127.0.0.1", true),
            ("*", hub, false),
            (hub, hub, false),
            ("azure-devices.net", hub, false),
            (".azure-devices.net", hub, false),
            ("AZURE-devices.net", hub, false),
            ("devices.net", hub, true),
            ("localhost, 10.0.0.0/8", "10.1.2.3", false),
            ("localhost, 10.0.0.0/8", "11.1.2.3", true),
            ("::1", "::1", false),
            ("127.0.0.1", "localhost", true),
        ] {
            let found = on_the_way("http://proxy:3128", exceptions, host);
            assert_eq!(found.is_some(), is_proxied, "{host} with {exceptions:?}");
        }
    }

    #[test]
    fn urls_of_proxies_are_taken_as_curl_takes_them() {
        for (url, proxy) in [
            ("http://proxy:3128", "proxy:3128"),
            ("proxy:3128", "proxy:3128"),
            (" http://proxy/ ", "proxy:80"),
            ("https://user@proxy", "proxy:443"),
            ("http://[::1]:3128", "[::1]:3128"),
        ] {
            assert_eq!(on_the_way(url, "", "h").as_deref(), Some(proxy), "{url}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let url = "http://us%40er:p%3Aw%20d@proxy:3128";
        let proxies = Proxies::new("HTTPS_PROXY", url, "");
        let proxy = proxies.on_the_way("h", 443).unwrap().unwrap();
        // printf 'us@er:p:w d' | base64
        assert_eq!(
            proxy.authorization.as_ref().unwrap(),
            "Basic dXNAZXI6cDp3IGQ="
        );
        assert_eq!(proxy.to_string(), "proxy:3128");
        assert!(!format!("{proxies:?} {:?}", proxy.authorization).contains("dXNA"));
    }

    #[test]
    fn what_is_no_proxy_of_ours_is_said_without_the_url() {
        for (url, scheme) in [
            ("socks5://user:secret@proxy:1080", Some("socks5")),
            ("socks5h://proxy", Some("socks5h")),
            ("ftp://user:secret@proxy", Some("ftp")),
            ("http://", None),
            ("http://:99999", None),
            ("http://user:secret@:3128", None),
            ("http://proxy:99999", None),
            ("http://user:secret@proxy:0x50", None),
            ("http://[::1]:99999", None),
            ("http://user:se cret@proxy:3128", None),
            ("secret://", Some("secret")),
            ("user:sec#ret@proxy://x", None),
        ] {
            let proxies = Proxies::new("ALL_PROXY", url, "other");
            assert!(proxies.on_the_way("other", 443).unwrap().is_none());
            let error = proxies.on_the_way("h", 443).map(|_| ()).unwrap_err();
            assert!(error.to_string().starts_with("ALL_PROXY "), "{error}");
            match (&error, scheme) {
                (ProxyUrlError::Scheme { scheme: found, .. }, Some(wanted)) => {
                    assert_eq!(found, wanted);
                }
                (ProxyUrlError::NotAUrl { .. }, None) => {}
                _ => panic!("{url}: {error:?}"),
            }
        }
    }
}
