//! Azure Blob storage as the hub's servers use it: the account that devices upload to, and whatever container a job of the
//! registry is told.
//!
//! The hub itself never hears of storage's addresses or keys. Storage need not be there when the emulator starts.

mod client;
mod container;
mod error;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use percent_encoding::percent_decode_str;
use reqwest::header::{CONTENT_LENGTH, LAST_MODIFIED};
use reqwest::{Client, StatusCode, Url};

use crate::model::storage_account::{StorageAccount, is_container_name};
use crate::protocol::blob::{
    ServiceAccess, encode_path, has_dot_segments, sign_container_creation,
};
use crate::protocol::sas::{KeyError, SigningKey};
use client::Wire;
pub(in crate::emulator) use container::{BlobWriter, Container, ContainerError, Line, Lines};
pub use error::StorageError;

/// The container that devices' files are in, unless another one is named.
pub const USUAL_CONTAINER: &str = "uploads";

/// How long access lasts that the hub gives itself.
const OWN_ACCESS: TimeDelta = TimeDelta::minutes(15);

/// How long access to a container lasts, which a job may need to its end.
const JOBS_ACCESS: TimeDelta = TimeDelta::hours(24);

/// What devices may do with a blob, as the service has it.
const DEVICES: &str = "rw";

/// What storage an emulator has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The account that devices upload to.
    pub account: Option<StorageAccount>,
    /// The container in it; made where it is missing.
    pub container: String,
    /// Trust anchors besides the system's, PEM.
    pub ca_file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            account: None,
            container: USUAL_CONTAINER.to_owned(),
            ca_file: None,
        }
    }
}

#[derive(Debug)]
struct Account {
    account: StorageAccount,
    key: SigningKey,
}

/// What a device needs to upload one file.
#[derive(Debug)]
pub(in crate::emulator) struct Access {
    /// The host, and whatever path comes before the container; without a scheme. `None` where storage speaks no TLS, which
    /// devices' libraries insist on: then the hub itself takes the file and passes it on.
    pub host: Option<String>,
    /// The container.
    pub container: String,
    /// The query, with its `?`.
    pub token: String,
}

/// A blob that is there.
#[derive(Debug)]
pub(in crate::emulator) struct Blob {
    /// Where, without access to it.
    pub uri: String,
    /// In bytes.
    pub size: u64,
    /// When it was last changed.
    pub modified: DateTime<Utc>,
}

/// The way to storage.
#[derive(Debug)]
pub(in crate::emulator) struct Storage {
    account: Option<Account>,
    container: String,
    wire: Wire,
    /// Whether the container is known to be there.
    is_ready: AtomicBool,
}

impl Storage {
    /// Nothing is connected yet.
    pub(in crate::emulator) fn new(options: &Options) -> Result<Self, KeyError> {
        let with_key = |account: &StorageAccount| {
            let account = account.clone();
            SigningKey::decoded(&account.key).map(|key| Account { account, key })
        };
        Ok(Self {
            account: options.account.as_ref().map(with_key).transpose()?,
            container: options.container.clone(),
            wire: Wire::new(options.ca_file.clone()),
            is_ready: AtomicBool::new(false),
        })
    }

    /// What a device needs to write this blob; `expires` by storage's clock.
    pub(in crate::emulator) fn access(
        &self,
        blob: &str,
        expires: DateTime<Utc>,
    ) -> Result<Access, StorageError> {
        let account = self.account()?;
        let token = self.sign(account, Some(blob), DEVICES, expires);
        let endpoint = &account.account;
        let host = || endpoint.authority().to_owned();
        Ok(Access {
            host: endpoint.is_encrypted().then(host),
            container: self.container.clone(),
            token: format!("?{token}"),
        })
    }

    /// Makes the container where it is missing.
    pub(in crate::emulator) async fn prepare(
        &self,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        if self.is_ready.load(Ordering::Relaxed) {
            return Ok(());
        }
        let account = self.account()?;
        let token = sign_container_creation(&account.key, &account.account.name, now + OWN_ACCESS);
        let token = format!("restype=container&{}", token.expose());
        let made = self
            .wire
            .create_container(self.url(account, None, &token)?)
            .await;
        match made {
            Ok(()) => {}
            Err(error) if error.status() == Some(StatusCode::CONFLICT) => {}
            Err(error) => return Err(error),
        }
        self.is_ready.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// What a blob is like that a device has uploaded.
    pub(in crate::emulator) async fn inspect(
        &self,
        blob: &str,
        now: DateTime<Utc>,
    ) -> Result<Blob, StorageError> {
        let account = self.account()?;
        let token = self.sign(account, Some(blob), "r", now + OWN_ACCESS);
        let url = self.url(account, Some(blob), &token)?;
        let mut bare = url.clone();
        bare.set_query(None);
        let response = self.wire.head(url).await.inspect_err(|error| {
            // The container may have gone as well.
            if error.status() == Some(StatusCode::NOT_FOUND) {
                self.is_ready.store(false, Ordering::Relaxed);
            }
        })?;
        let header = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok()
        };
        let missing = |what| StorageError::Unreadable {
            host: client::host(&bare),
            what,
        };
        let size = header(CONTENT_LENGTH).and_then(|size| size.parse().ok());
        let modified = header(LAST_MODIFIED).map(DateTime::parse_from_rfc2822);
        Ok(Blob {
            size: size.ok_or_else(|| missing("a size"))?,
            modified: match modified {
                Some(Ok(time)) => time.to_utc(),
                Some(Err(_)) | None => return Err(missing("a time")),
            },
            uri: bare.into(),
        })
    }

    /// The container at an address. One that brings no access is opened with the account's key if it is the account's and
    /// `by_identity` says so: that is who the hub is.
    pub(in crate::emulator) fn container(
        &self,
        uri: &str,
        by_identity: bool,
        now: DateTime<Utc>,
    ) -> Result<Container, ContainerError> {
        let container = Container::parse(uri).ok_or(ContainerError::NoAddress)?;
        if !by_identity {
            return Ok(container);
        }
        let account = self.account.as_ref().ok_or(ContainerError::Stranger)?;
        let own = Url::parse(&account.account.blob_endpoint).ok();
        let mut url = container.0;
        let below = own
            .filter(|own| own.origin() == url.origin())
            .and_then(|own| {
                let below = url.path().strip_prefix(own.path().trim_end_matches('/'))?;
                Some(below.trim_matches('/').to_owned())
            });
        let name = below.filter(|name| is_container_name(name));
        let name = name.ok_or(ContainerError::Stranger)?;
        let access = ServiceAccess {
            account: &account.account.name,
            container: &name,
            blob: None,
            permissions: "rw",
            expires: now + JOBS_ACCESS,
        };
        url.set_query(Some(access.sign(&account.key).expose()));
        Ok(Container(url))
    }

    /// Where a request of a device's goes that is meant for storage and came here, since storage speaks no TLS.
    pub(in crate::emulator) fn passes_on(&self, path: &str, query: Option<&str>) -> Option<Url> {
        let account = &self.account.as_ref()?.account;
        let (query, below) = (query?, path.strip_prefix('/')?);
        let blob = below.strip_prefix(&self.container)?.strip_prefix('/')?;
        let is_signed = query.split('&').any(|field| field.starts_with("sig="));
        if account.is_encrypted() || blob.is_empty() || !is_signed {
            return None;
        }
        // Dots are resolved encoded as well: it is no path of the container's.
        let decoded = percent_decode_str(blob).decode_utf8_lossy();
        if has_dot_segments(&decoded) {
            return None;
        }
        let mut url = Url::parse(&account.blob_endpoint).ok()?;
        let own = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{own}{path}"));
        url.set_query(Some(query));
        Some(url)
    }

    /// For whoever passes something on.
    pub(in crate::emulator) async fn client(&self, url: &Url) -> Result<&Client, StorageError> {
        self.wire.client(url).await
    }

    fn account(&self) -> Result<&Account, StorageError> {
        self.account.as_ref().ok_or(StorageError::Missing)
    }

    fn sign(
        &self,
        account: &Account,
        blob: Option<&str>,
        permissions: &str,
        expires: DateTime<Utc>,
    ) -> String {
        let access = ServiceAccess {
            account: &account.account.name,
            container: &self.container,
            blob,
            permissions,
            expires,
        };
        access.sign(&account.key).expose().to_owned()
    }

    fn url(&self, account: &Account, blob: Option<&str>, query: &str) -> Result<Url, StorageError> {
        let endpoint = &account.account.blob_endpoint;
        let blob = blob.map_or_else(String::new, |blob| format!("/{}", encode_path(blob)));
        let text = format!("{endpoint}/{}{blob}?{query}", self.container);
        Url::parse(&text).map_err(|error| StorageError::Unreachable {
            host: account.account.authority().to_owned(),
            why: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(account: &str) -> Storage {
        let options = Options {
            account: Some(account.parse().unwrap()),
            ..Options::default()
        };
        Storage::new(&options).unwrap()
    }

    #[test]
    fn devices_go_to_storage_themselves_where_it_speaks_tls() {
        let azure = storage("AccountName=acct;AccountKey=a2V5");
        let access = azure.access("d/f", DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(access.host.as_deref(), Some("acct.blob.core.windows.net"));
        assert!(access.token.starts_with("?sv="), "{}", access.token);
        assert_eq!(azure.passes_on("/uploads/d/f", Some("sig=x")), None);
    }

    #[test]
    fn what_is_passed_on_is_the_containers_and_signed() {
        let azurite = storage("UseDevelopmentStorage=true");
        let access = azurite.access("d/f", DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(access.host, None);
        let to = |path: &str, query| {
            let url = azurite.passes_on(path, query);
            url.map(String::from)
        };
        assert_eq!(
            to("/uploads/d/a%20b%2Fc", Some("comp=block&sig=x%2B")).as_deref(),
            Some("http://127.0.0.1:10000/devstoreaccount1/uploads/d/a%20b%2Fc?comp=block&sig=x%2B")
        );
        for (path, query) in [
            ("/uploads/d/f", None),
            ("/uploads/d/f", Some("api-version=2021-04-12")),
            ("/uploads/", Some("sig=x")),
            ("/other/d/f", Some("sig=x")),
            ("/devices/d/files", Some("sig=x")),
            ("/uploads/d/../../other/f", Some("sig=x")),
            ("/uploads/d/%2e%2E/%2e./x", Some("sig=x")),
            ("/uploads/d/./x", Some("sig=x")),
            ("/uploads/d%2F..%2Fx", Some("sig=x")),
            ("/uploads/d/..%5c..%5cx", Some("sig=x")),
            ("/uploads/..", Some("sig=x")),
        ] {
            assert_eq!(to(path, query), None, "{path}");
        }
    }
}
