//! An account of Azure Storage, as its connection string tells it.
//!
//! Must never repeat a value in a message: any of them may be the key. Source: learn.microsoft.com, "Configure Azure Storage
//! connection strings".

use std::str::FromStr;

use thiserror::Error;

use super::secret::{NotBase64, Secret};

/// The account that Azurite has from the start; its key is known to all.
const DEVELOPMENT_NAME: &str = "devstoreaccount1";
const DEVELOPMENT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const DEVELOPMENT_ENDPOINT: &str = "http://127.0.0.1:10000/devstoreaccount1";

/// Where blobs are, unless the string says otherwise.
const USUAL_SUFFIX: &str = "core.windows.net";

/// An account whose key is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageAccount {
    /// Its name.
    pub name: String,
    /// Its key, base64.
    pub key: Secret,
    /// Where its containers are: scheme, host and, at Azurite, the account's path, without a `/` at the end.
    pub blob_endpoint: String,
}

/// Why a text is no connection string of an account. Holds keys, never values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StorageAccountError {
    /// No `Name=Value` anywhere.
    #[error(
        "it holds no Name=Value pairs such as AccountName=…;AccountKey=…, nor UseDevelopmentStorage=true"
    )]
    NoPairs,
    /// Something that it cannot do without.
    #[error("{key} is missing")]
    MissingKey {
        /// Its name.
        key: &'static str,
    },
    /// Access is signed with the account's key alone.
    #[error(
        "it holds a SharedAccessSignature, and AccountKey is needed: devices' access is signed with it"
    )]
    Signature,
    /// The key is not base64.
    #[error("AccountKey is not base64: {0}")]
    NotBase64(NotBase64),
    /// The name is none.
    #[error("AccountName is no account's name")]
    Name,
    /// The endpoint is none.
    #[error("{key} is no address such as https://ACCOUNT.blob.core.windows.net")]
    Endpoint {
        /// Which element it comes from.
        key: &'static str,
    },
}

impl FromStr for StorageAccount {
    type Err = StorageAccountError;

    /// Keys in any order and case, a `;` at the end and elements for other services allowed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pairs: Vec<(&str, &str)> = text
            .trim()
            .split(';')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.trim(), value.trim()))
            .collect();
        let find = |key: &str| {
            let found = pairs
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(key));
            found.map(|(_, value)| *value).filter(|v| !v.is_empty())
        };
        if pairs.is_empty() {
            return Err(StorageAccountError::NoPairs);
        }
        if find("UseDevelopmentStorage").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(Self {
                name: DEVELOPMENT_NAME.to_owned(),
                key: Secret::new(DEVELOPMENT_KEY),
                blob_endpoint: DEVELOPMENT_ENDPOINT.to_owned(),
            });
        }
        if find("AccountKey").is_none() && find("SharedAccessSignature").is_some() {
            return Err(StorageAccountError::Signature);
        }
        let need = |key: &'static str| find(key).ok_or(StorageAccountError::MissingKey { key });
        let name = need("AccountName")?;
        let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !name.chars().all(is_legal) {
            return Err(StorageAccountError::Name);
        }
        let key = Secret::new(need("AccountKey")?);
        key.decode_base64()
            .map_err(StorageAccountError::NotBase64)?;
        let scheme = find("DefaultEndpointsProtocol").unwrap_or("https");
        let suffix = find("EndpointSuffix").unwrap_or(USUAL_SUFFIX);
        let usual = || format!("{}://{name}.blob.{suffix}", scheme.to_ascii_lowercase());
        let named = find("BlobEndpoint").map(|named| named.trim_end_matches('/').to_owned());
        let source = if named.is_some() {
            "BlobEndpoint"
        } else {
            "EndpointSuffix"
        };
        let blob_endpoint = named.unwrap_or_else(usual);
        if !is_endpoint(&blob_endpoint) {
            return Err(StorageAccountError::Endpoint { key: source });
        }
        Ok(Self {
            name: name.to_owned(),
            key,
            blob_endpoint,
        })
    }
}

/// Scheme, host and path alone.
fn is_endpoint(text: &str) -> bool {
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let start = text.get(..scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme)
            .then(|| &text[scheme.len()..])
    });
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#', '@', ' ', '\\'])
    })
}

impl StorageAccount {
    /// The endpoint without its scheme, which is how a device is told of it.
    #[must_use]
    pub fn authority(&self) -> &str {
        let rest = self.blob_endpoint.split_once("://");
        rest.map_or(self.blob_endpoint.as_str(), |(_, rest)| rest)
    }

    /// Whether it is spoken to over TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        let scheme = self.blob_endpoint.get(.."https:".len());
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }
}

/// Whether a container can be called that (learn.microsoft.com, "Naming and referencing containers, blobs, and
/// metadata").
#[must_use]
pub fn is_container_name(name: &str) -> bool {
    let is_legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (3..=63).contains(&name.len())
        && name.chars().all(is_legal)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portals_string_and_azurites_are_read() {
        let account: StorageAccount =
            "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=a2V5;EndpointSuffix=core.windows.net"
                .parse()
                .unwrap();
        assert_eq!(account.blob_endpoint, "https://acct.blob.core.windows.net");
        assert_eq!(
            (account.authority(), account.is_encrypted()),
            ("acct.blob.core.windows.net", true)
        );
        let azurite: StorageAccount = "UseDevelopmentStorage=true".parse().unwrap();
        let spelt_out: StorageAccount = format!(
            "accountname=devstoreaccount1; AccountKey={DEVELOPMENT_KEY};BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1/;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
        )
        .parse()
        .unwrap();
        assert_eq!(azurite, spelt_out);
        assert_eq!(
            (azurite.authority(), azurite.is_encrypted()),
            ("127.0.0.1:10000/devstoreaccount1", false)
        );
    }

    #[test]
    fn what_is_wrong_is_told_without_a_value() {
        for (text, told) in [
            ("hunter2", "Name=Value"),
            ("UseDevelopmentStorage=false", "AccountName is missing"),
            ("AccountName=acct", "AccountKey is missing"),
            ("AccountKey=a2V5", "AccountName is missing"),
            ("AccountName=acct;AccountKey=hunter2!", "not base64"),
            ("AccountName=a/b;AccountKey=a2V5", "no account's name"),
            (
                "AccountName=acct;SharedAccessSignature=sig=hunter2",
                "AccountKey is needed",
            ),
            (
                "AccountName=acct;AccountKey=a2V5;BlobEndpoint=hunter2",
                "BlobEndpoint",
            ),
            (
                "AccountName=acct;AccountKey=a2V5;BlobEndpoint=https://h?sig=hunter2",
                "BlobEndpoint",
            ),
            (
                "AccountName=acct;AccountKey=a2V5;DefaultEndpointsProtocol=ftp",
                "EndpointSuffix",
            ),
        ] {
            let error = text.parse::<StorageAccount>().unwrap_err().to_string();
            assert!(
                error.contains(told) && !error.contains("hunter2"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn containers_have_names_that_storage_takes() {
        for good in ["abc", "a-b", "1-2-3", &"x".repeat(63)] {
            assert!(is_container_name(good), "{good}");
        }
        for bad in ["ab", "Abc", "-abc", "abc-", "a--b", "a_b", &"x".repeat(64)] {
            assert!(!is_container_name(bad), "{bad}");
        }
    }
}
