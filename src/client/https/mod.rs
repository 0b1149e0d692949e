//! The hub over HTTPS: the identity registry as a service sees it, and device-to-cloud messages as a board posts them.
//!
//! One client holds one pool of connections, which are kept alive. It tries everything once; [`super::retry`] decides
//! about more. `HTTPS_PROXY` and `NO_PROXY` are honoured by the HTTP library.

mod answer;
mod error;
mod event;
mod resolve;

#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, header};
use reqwest::{Method, Request, Response, Url, redirect};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

pub use error::{HttpsError, Refusal, SetupError};
pub use event::{EventPost, token_header};

use super::notice::{Notice, Notify};
use super::proxy::{Proxies, Proxy};
use crate::model::connection_string::Host;
use crate::model::device::Identity;
use crate::model::identifier::{DeviceId, ModuleId};
use crate::model::secret::Secret;
use crate::protocol::rest::path::Resource;
use crate::trust;

/// HTTPS's port.
pub const HTTPS_PORT: u16 = 443;

/// The most devices that the registry lists (learn.microsoft.com, "Devices - Get Devices": `top`).
pub const MOST_LISTED: usize = 1000;

/// No identity is larger, in bytes.
const IDENTITY_LIMIT: usize = 1 << 20;

/// No list of [`MOST_LISTED`] identities is larger, in bytes.
const LIST_LIMIT: usize = 1 << 24;

const USER_AGENT: &str = concat!("hubctl/", env!("CARGO_PKG_VERSION"));

/// Where the hub is and how long it may take.
#[derive(Clone, Copy)]
pub struct HubClientOptions<'a> {
    /// The hub's host, and the HTTPS port where it is not [`HTTPS_PORT`].
    pub host: &'a Host,
    /// Trust anchors besides the system's, PEM.
    pub ca_file: Option<&'a Path>,
    /// How long a connection may take to come up, TLS included.
    pub connect_timeout: Duration,
    /// How long an answer may take to begin, and after that to end.
    pub request_timeout: Duration,
    /// Who is told of what goes over the wire.
    pub notify: Notify<'a>,
}

/// A hub, reached over HTTPS.
pub struct HubClient<'a> {
    http: reqwest::Client,
    options: HubClientOptions<'a>,
    /// The proxy that the HTTP library goes through.
    proxy: Option<Proxy>,
}

impl std::fmt::Debug for HubClient<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubClient")
            .field("host", self.options.host)
            .finish_non_exhaustive()
    }
}

impl<'a> HubClient<'a> {
    /// A client for one hub. Nothing is connected yet.
    ///
    /// # Errors
    /// [`SetupError`] for trust anchors that cannot be used.
    pub fn new(options: &HubClientOptions<'a>) -> Result<Self, SetupError> {
        let mut tls = trust::client_config(options.ca_file)?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(resolve::SystemResolver))
            .http1_only()
            .https_only(true)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(USER_AGENT)
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(60))
            .connect_timeout(options.connect_timeout)
            .build()
            .map_err(|source| SetupError::Http { source })?;
        Ok(Self {
            http,
            options: *options,
            proxy: None,
        })
    }

    /// The same client, with a name for the proxy that the HTTP library finds in the environment by itself.
    ///
    /// # Errors
    /// [`SetupError::Proxy`] for one that cannot be used.
    pub fn behind(mut self, proxies: &Proxies) -> Result<Self, SetupError> {
        let host = self.options.host;
        self.proxy = proxies.on_the_way(&host.name, host.port.unwrap_or(HTTPS_PORT))?;
        Ok(self)
    }

    /// Looks a device or one of its modules up in the identity registry. `token` is one of a policy with
    /// `RegistryRead`. The id comes back in the case it was registered with.
    ///
    /// # Errors
    /// [`HttpsError::Service`] with 404001 or 404010 where there is none, and 401 where the token does not open it.
    pub async fn identity(
        &self,
        token: &Secret,
        device: &DeviceId,
        module: Option<&ModuleId>,
    ) -> Result<Identity, HttpsError> {
        let device = device.as_str().to_owned();
        let resource = match module {
            None => Resource::Device { device },
            Some(module) => Resource::Module {
                device,
                module: module.as_str().to_owned(),
            },
        };
        self.read(token, self.url(&resource)?, IDENTITY_LIMIT).await
    }

    /// Lists the identity registry, as far as the hub lists it: [`MOST_LISTED`] devices, in no order. `token` is one of a
    /// policy with `RegistryRead`.
    ///
    /// # Errors
    /// [`HttpsError::Service`] with 401 where the token does not open it.
    pub async fn identities(&self, token: &Secret) -> Result<Vec<Identity>, HttpsError> {
        let mut url = self.url(&Resource::Devices)?;
        url.query_pairs_mut()
            .append_pair("top", &MOST_LISTED.to_string());
        self.read(token, url, LIST_LIMIT).await
    }

    /// Lists a device's modules. `token` is one of a policy with `RegistryRead`.
    ///
    /// # Errors
    /// [`HttpsError::Service`] with 404001 where there is no such device, and 401 where the token does not open it.
    pub async fn modules(
        &self,
        token: &Secret,
        device: &DeviceId,
    ) -> Result<Vec<Identity>, HttpsError> {
        let device = device.as_str().to_owned();
        let url = self.url(&Resource::Modules { device })?;
        self.read(token, url, LIST_LIMIT).await
    }

    /// What time it is by the host's clock, if it answers at all and says so. It is sent no token.
    pub async fn date(&self) -> Option<DateTime<Utc>> {
        let url = format!("https://{}/", self.options.host.authority());
        let request = Request::new(Method::GET, Url::parse(&url).ok()?);
        match self.exchange(request).await {
            Ok(response) => answer::date(response.headers()),
            Err(HttpsError::Service(refusal)) => refusal.date,
            Err(_) => None,
        }
    }

    /// Gets what an answer of at most `limit` bytes says.
    async fn read<T: DeserializeOwned>(
        &self,
        token: &Secret,
        url: Url,
        limit: usize,
    ) -> Result<T, HttpsError> {
        let mut request = Request::new(Method::GET, url);
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, token_header(token)?);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let response = self.exchange(request).await?;
        let status = response.status().as_u16();
        let body = answer::body_within(response, limit);
        let body = timeout(self.options.request_timeout, body)
            .await
            .map_err(|_| self.timed_out())?
            .map_err(|error| self.classify(&error))?;
        serde_json::from_slice(&body).map_err(|source| HttpsError::Unreadable {
            status,
            reason: source.to_string(),
        })
    }

    /// A message for `device`, to be sent as often as wanted. `headers` are its properties' (and what else belongs to
    /// the request), `Authorization` among them.
    ///
    /// # Errors
    /// [`HttpsError::Address`] for an id that no URL can carry.
    pub fn event_post(
        &self,
        device: &DeviceId,
        mut headers: HeaderMap,
    ) -> Result<EventPost, HttpsError> {
        let device = device.as_str().to_owned();
        let url = self.url(&Resource::DeviceEvents { device })?;
        // What the HTTP library would add to each request by itself: a map that is complete is cloned and never grown.
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let authority = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        if let Ok(host) = HeaderValue::from_str(&authority) {
            headers.insert(header::HOST, host);
        }
        Ok(EventPost { url, headers })
    }

    /// Posts a device-to-cloud message (or a batch, where its content type says so), once. Returns the status: 204.
    ///
    /// # Errors
    /// [`HttpsError`]; [`HttpsError::Broken`] and [`HttpsError::TimedOut`] leave open whether the hub took it.
    pub async fn send_event(&self, post: &EventPost, body: Bytes) -> Result<u16, HttpsError> {
        let mut request = Request::new(Method::POST, post.url.clone());
        request.headers_mut().clone_from(&post.headers);
        *request.body_mut() = Some(body.into());
        let response = self.exchange(request).await?;
        let status = response.status().as_u16();
        if response.content_length() != Some(0) {
            // Read to its end, so that the connection can serve again. The hub took the message whatever comes now.
            let _ = timeout(self.options.request_timeout, answer::body_of(response)).await;
        }
        Ok(status)
    }

    fn url(&self, resource: &Resource) -> Result<Url, HttpsError> {
        let path = resource.path();
        let text = format!(
            "https://{}{}",
            self.options.host.authority(),
            resource.path_and_query()
        );
        // URLs drop segments such as `..`, encoded or not, and would then name something else.
        match Url::parse(&text) {
            Ok(url) if url.path() == path => Ok(url),
            Ok(_) | Err(_) => Err(HttpsError::Address { path }),
        }
    }

    /// One request and the head of its answer, which is a 2xx.
    async fn exchange(&self, request: Request) -> Result<Response, HttpsError> {
        (self.options.notify)(Notice::Sending {
            method: request.method(),
            url: request.url(),
            headers: request.headers(),
            length: request
                .body()
                .and_then(reqwest::Body::as_bytes)
                .map_or(0, <[u8]>::len),
        });
        // The HTTP library's own limit costs an allocation for each request and each body.
        let answer = timeout(self.options.request_timeout, self.http.execute(request)).await;
        let response = answer
            .map_err(|_| self.timed_out())?
            .map_err(|error| self.classify(&error))?;
        (self.options.notify)(Notice::Answered {
            status: response.status().as_u16(),
            headers: response.headers(),
        });
        if response.status().is_success() {
            return Ok(response);
        }
        Err(answer::refusal_of(response, self.options.request_timeout).await)
    }

    fn timed_out(&self) -> HttpsError {
        HttpsError::TimedOut {
            host: self.options.host.name.clone(),
            limit: self.options.request_timeout,
        }
    }

    fn classify(&self, error: &reqwest::Error) -> HttpsError {
        let error = error::classify(error, &self.options);
        match &self.proxy {
            Some(proxy) => error::blame_proxy(error, proxy, &self.options),
            None => error,
        }
    }
}
