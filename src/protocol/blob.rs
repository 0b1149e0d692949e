//! Azure Blob storage, as far as a hub has to do with it: addresses of blobs, and access that is signed with an account's key.
//!
//! Source: learn.microsoft.com, "Create a service SAS" and "Create an account SAS" (versions from 2015-04-05 to 2018-03-28,
//! which is the one that IoT Hub signs for), "Put Block List"; @azure/storage-blob 12.8.0.

use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::fmt::Write as _;

use super::sas::{SigningKey, percent_encode};
use crate::model::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The version of the access that is signed.
const SIGNED_VERSION: &str = "2018-03-28";

/// The version of the interface that is spoken, in the header [`VERSION_HEADER`].
pub const VERSION: &str = "2018-11-09";

/// The header that every request carries.
pub const VERSION_HEADER: &str = "x-ms-version";

/// Whatever is no part of a path; `/` stands for itself.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The path of a blob below its container, encoded.
#[must_use]
pub fn encode_path(blob: &str) -> String {
    utf8_percent_encode(blob, PATH).to_string()
}

/// Whether a path has segments `.` or `..`, which whoever reads an address resolves: what follows would lead out of the
/// container. A `\` parts segments there as `/` does.
#[must_use]
pub fn has_dot_segments(path: &str) -> bool {
    let mut segments = path.split(['/', '\\']);
    segments.any(|segment| matches!(segment, "." | ".."))
}

/// Access to one container, or to one blob in it.
#[derive(Debug, Clone, Copy)]
pub struct ServiceAccess<'a> {
    /// The account's name.
    pub account: &'a str,
    /// The container.
    pub container: &'a str,
    /// The blob, not encoded; `None` for all that is in the container.
    pub blob: Option<&'a str>,
    /// Letters in the order `racwd`.
    pub permissions: &'a str,
    /// Until when.
    pub expires: DateTime<Utc>,
}

impl ServiceAccess<'_> {
    /// What is signed.
    fn string_to_sign(&self) -> String {
        let expiry = time(self.expires);
        let mut resource = format!("/blob/{}/{}", self.account, self.container);
        if let Some(blob) = self.blob {
            let _ = write!(resource, "/{blob}");
        }
        // Permissions, start, expiry, resource, identifier, addresses, protocols, version, five headers of answers.
        let permissions = self.permissions;
        format!("{permissions}\n\n{expiry}\n{resource}\n\n\n\n{SIGNED_VERSION}\n\n\n\n\n")
    }

    /// The query that gives this access, without `?`.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Secret {
        let kind = if self.blob.is_some() { "b" } else { "c" };
        let signature = signature(key, &self.string_to_sign());
        let expiry = percent_encode(&time(self.expires));
        let permissions = self.permissions;
        Secret::new(format!(
            "sv={SIGNED_VERSION}&sr={kind}&sig={signature}&se={expiry}&sp={permissions}"
        ))
    }
}

/// The query, without `?`, that lets containers of an account be made until then, which no access to a container does.
#[must_use]
pub fn sign_container_creation(key: &SigningKey, account: &str, expires: DateTime<Utc>) -> Secret {
    let expiry = time(expires);
    // Account, permissions, services, resource types, start, expiry, addresses, protocols, version.
    let text = format!("{account}\nc\nb\nc\n\n{expiry}\n\n\n{SIGNED_VERSION}\n");
    let signature = signature(key, &text);
    let expiry = percent_encode(&expiry);
    Secret::new(format!(
        "sv={SIGNED_VERSION}&ss=b&srt=c&sig={signature}&se={expiry}&sp=c"
    ))
}

fn signature(key: &SigningKey, text: &str) -> String {
    percent_encode(&STANDARD.encode(key.digest(text)))
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The id of a block by its number; all of a blob's have one length.
#[must_use]
pub fn block_id(number: u32) -> String {
    STANDARD.encode(format!("block-{number:06}"))
}

/// The body that makes a blob of so many blocks.
#[must_use]
pub fn block_list(count: u32) -> String {
    let mut list = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>".to_owned();
    for number in 0..count {
        let _ = write!(list, "<Latest>{}</Latest>", block_id(number));
    }
    list.push_str("</BlockList>");
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::storage_account::StorageAccount;

    fn azurite() -> (StorageAccount, SigningKey) {
        let account: StorageAccount = "UseDevelopmentStorage=true".parse().unwrap();
        let key = SigningKey::decoded(&account.key).unwrap();
        (account, key)
    }

    fn expires() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_683_600, 0).unwrap()
    }

    fn signature_of(query: &Secret) -> String {
        let mut fields = query.expose().split('&');
        fields
            .find_map(|field| field.strip_prefix("sig="))
            .unwrap()
            .to_owned()
    }

    /// The signatures that `generateBlobSASQueryParameters` and `generateAccountSASQueryParameters` of @azure/storage-blob
    /// 12.8.0 make of the same with version 2018-03-28.
    #[test]
    fn access_is_signed_as_microsofts_library_signs_it() {
        let (account, key) = azurite();
        let access = |blob, permissions| ServiceAccess {
            account: &account.name,
            container: "uploads",
            blob,
            permissions,
            expires: expires(),
        };
        let blob = access(Some("device1/a b/ä.txt"), "rw").sign(&key);
        assert_eq!(
            blob.expose(),
            "sv=2018-03-28&sr=b&sig=FPGwuVFL4zMVX791juxJ8dlC99e17GmPGi3AsiH7LSE%3D&se=2026-11-26T09%3A00%3A00Z&sp=rw"
        );
        let container = access(None, "rwd").sign(&key);
        assert_eq!(
            signature_of(&container),
            "6z2kZEcFp9CiptZLmVxiym0eWVV%2FJHhd7Q0zLHv0u9Y%3D"
        );
        let creation = sign_container_creation(&key, &account.name, expires());
        assert_eq!(
            signature_of(&creation),
            "6evjPp6uP3qIKSlbHMBwCwiq7724AKWKhSXdPMG0Ndw%3D"
        );
    }

    #[test]
    fn blocks_have_ids_of_one_length() {
        assert_eq!(block_id(0).len(), block_id(49_999).len());
        assert_eq!(block_list(2).matches("<Latest>").count(), 2);
    }

    #[test]
    fn a_path_keeps_its_slashes() {
        assert_eq!(encode_path("d1/a b/ä?.txt"), "d1/a%20b/%C3%A4%3F.txt");
    }
}
