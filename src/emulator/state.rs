//! What an emulator is from one start to the next: its certificate authority and its keys, in files.
//!
//! | file | mode | what |
//! |---|---|---|
//! | `ca.pem` | 0644 | the authority's certificate, for those who are to trust it |
//! | `ca.key` | 0600 | its private key |
//! | `hub.json` | 0600 | the policies' keys, the secret that devices' keys come from, the Event Hub-compatible name |
//!
//! Devices and events are the store's, where there is one.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::certificate::{CertificateAuthority, CertificateError};
use super::device_authorities::{DeviceAuthorities, DeviceAuthorityError};
use super::file_error::FileError;
use super::hub::options::STANDARD_POLICIES;
use crate::model::secret::Secret;

const CA_CERTIFICATE: &str = "ca.pem";
const CA_KEY: &str = "ca.key";
const HUB: &str = "hub.json";
/// Held while the files are looked at and made, so that two emulators starting at once do not mix theirs.
const LOCK: &str = "lock";

/// Why what was kept cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// A file or folder cannot be made, read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The authority's files are damaged.
    #[error("{} cannot be used", path.display())]
    Authority {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: CertificateError,
    },
    /// `hub.json` is damaged. What stands in it is not repeated.
    #[error("{} cannot be used: {problem}", path.display())]
    Hub {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The system gives no random bytes.
    #[error("no random bytes could be had for new keys")]
    Random,
}

/// What an emulator is from one start to the next.
#[derive(Debug)]
pub struct State {
    /// Where the authority's certificate is.
    pub ca_file: PathBuf,
    /// The certificate authority.
    pub authority: CertificateAuthority,
    /// The standard policies' names and keys (base64), in the standard order.
    pub policies: Vec<(String, Secret)>,
    /// What devices' keys are derived from.
    pub secret: Secret,
    /// The Event Hub-compatible name.
    pub entity: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HubFile {
    event_hub: String,
    device_secret: String,
    policies: BTreeMap<String, String>,
}

impl State {
    /// Reads what `directory` holds, and makes what is missing.
    ///
    /// # Errors
    /// [`StateError`] names the file.
    pub fn load(now: DateTime<Utc>, directory: &Path) -> Result<Self, StateError> {
        make_directory(directory)?;
        let _lock = lock(&directory.join(LOCK))?;
        let authority = load_authority(now, directory)?;
        let hub = load_hub(&directory.join(HUB))?;
        let key = |(name, _): (&str, _)| Some((name.to_owned(), hub.policies.get(name)?.clone()));
        Ok(Self {
            ca_file: directory.join(CA_CERTIFICATE),
            authority,
            policies: STANDARD_POLICIES
                .into_iter()
                .filter_map(key)
                .map(|(name, key)| (name, Secret::new(key)))
                .collect(),
            secret: Secret::new(hub.device_secret),
            entity: hub.event_hub,
        })
    }
}

/// Those who vouch for devices: all certificates of these PEM files.
///
/// # Errors
/// [`DeviceAuthorityError`] names the file.
pub(super) fn device_authorities(
    paths: &[PathBuf],
) -> Result<DeviceAuthorities, DeviceAuthorityError> {
    let mut authorities = DeviceAuthorities::default();
    for path in paths {
        let pem = fs::read(path).map_err(FileError::of("read", path))?;
        authorities.add(path, &pem)?;
    }
    Ok(authorities)
}

fn load_authority(
    now: DateTime<Utc>,
    directory: &Path,
) -> Result<CertificateAuthority, StateError> {
    let (certificate_path, key_path) = (directory.join(CA_CERTIFICATE), directory.join(CA_KEY));
    let Some(certificate) = read(&certificate_path)? else {
        // A key alone is what a start leaves behind that was cut off between the two.
        let damaged = |source| StateError::Authority {
            path: certificate_path.clone(),
            source,
        };
        let authority = CertificateAuthority::generate(now).map_err(damaged)?;
        write(&key_path, authority.key_pem().as_bytes(), Access::Private)?;
        write(
            &certificate_path,
            authority.certificate_pem().as_bytes(),
            Access::Public,
        )?;
        return Ok(authority);
    };
    let key = read(&key_path)?.unwrap_or_default();
    CertificateAuthority::from_pem(now, certificate, &key).map_err(|source| StateError::Authority {
        path: match source {
            CertificateError::NoKey => key_path,
            CertificateError::NoCertificate
            | CertificateError::Mismatch
            | CertificateError::Expired
            | CertificateError::HostName { .. }
            | CertificateError::Make { .. }
            | CertificateError::Tls { .. } => certificate_path,
        },
        source,
    })
}

fn load_hub(path: &Path) -> Result<HubFile, StateError> {
    let Some(text) = read(path)? else {
        let hub = make_hub()?;
        let text = serde_json::to_vec_pretty(&hub).map_err(io::Error::from);
        let text = text.map_err(FileError::of("write", path))?;
        write(path, &text, Access::Private)?;
        return Ok(hub);
    };
    let damaged = |problem| StateError::Hub {
        path: path.to_owned(),
        problem,
    };
    let hub: HubFile =
        serde_json::from_str(&text).map_err(|_| damaged("it is not the JSON that was written"))?;
    let is_legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if hub.event_hub.is_empty() || !hub.event_hub.chars().all(is_legal) {
        return Err(damaged("its eventHub is no name"));
    }
    if hub.device_secret.len() < 32 {
        return Err(damaged("its deviceSecret is too short"));
    }
    let has_key = |(name, _): &(&str, _)| {
        let key = hub.policies.get(*name);
        key.is_some_and(|key| !key.is_empty() && STANDARD.decode(key).is_ok())
    };
    if !STANDARD_POLICIES.iter().all(has_key) {
        return Err(damaged("a policy's key is missing or not base64"));
    }
    Ok(hub)
}

fn make_hub() -> Result<HubFile, StateError> {
    let number = u64::from_be_bytes(random()?);
    let policies = STANDARD_POLICIES
        .into_iter()
        .map(|(name, _)| Ok((name.to_owned(), STANDARD.encode(random::<32>()?))))
        .collect::<Result<_, StateError>>()?;
    Ok(HubFile {
        event_hub: format!("iothub-ehub-localhost-1-{:010x}", number >> 24),
        device_secret: STANDARD.encode(random::<32>()?),
        policies,
    })
}

fn random<const N: usize>() -> Result<[u8; N], StateError> {
    super::random::random().ok_or(StateError::Random)
}

fn make_directory(path: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(FileError::of("make the folder", path))
}

fn lock(path: &Path) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    let file = options.open(path).map_err(FileError::of("open", path))?;
    file.lock().map_err(FileError::of("lock", path))?;
    Ok(file)
}

fn read(path: &Path) -> Result<Option<String>, FileError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::of("read", path)(error)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Private,
    Public,
}

/// All of it or nothing: to a file beside it, and from there in its place.
fn write(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    let failed = || FileError::of("write", path);
    let directory = path.parent().unwrap_or(Path::new("."));
    // A temporary file is its owner's alone from the start.
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed())?;
    file.write_all(bytes).map_err(failed())?;
    #[cfg(unix)]
    if access == Access::Public {
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = fs::Permissions::from_mode(0o644);
        file.as_file()
            .set_permissions(permissions)
            .map_err(failed())?;
    }
    #[cfg(not(unix))]
    let _ = access;
    file.as_file().sync_all().map_err(failed())?;
    file.persist(path).map_err(|error| failed()(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000, 0).unwrap()
    }

    fn load(directory: &Path) -> Result<State, StateError> {
        State::load(now(), directory)
    }

    #[test]
    fn a_second_start_finds_what_the_first_made() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("a/b");
        let first = load(&directory).unwrap();
        let second = load(&directory).unwrap();
        assert_eq!(first.policies, second.policies);
        assert_eq!(first.secret, second.secret);
        assert_eq!(first.entity, second.entity);
        assert_eq!(
            first.authority.certificate_pem(),
            second.authority.certificate_pem()
        );
        assert_eq!(first.policies.len(), 5);
        let other = load(home.path()).unwrap();
        assert_ne!(first.secret, other.secret);
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("data");
        load(&directory).unwrap();
        let mode = |name: &str| {
            let metadata = fs::metadata(directory.join(name)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(mode(CA_CERTIFICATE), 0o644);
        assert_eq!(mode(CA_KEY), 0o600);
        assert_eq!(mode(HUB), 0o600);
        assert_eq!(mode("."), 0o700);
    }

    #[test]
    fn damage_is_named_with_its_file_and_without_its_content() {
        let home = tempfile::tempdir().unwrap();
        load(home.path()).unwrap();
        for (name, content) in [
            (HUB, "{\"deviceSecret\": \"hunter2\"}"),
            (CA_KEY, "hunter2"),
            (CA_CERTIFICATE, "hunter2"),
        ] {
            let path = home.path().join(name);
            let good = fs::read(&path).unwrap();
            fs::write(&path, content).unwrap();
            let error = load(home.path()).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(name) && !text.contains("hunter2"), "{text}");
            fs::write(&path, good).unwrap();
        }
        fs::remove_file(home.path().join(CA_KEY)).unwrap();
        assert!(load(home.path()).unwrap_err().to_string().contains(CA_KEY));
        assert!(load(&home.path().join(HUB)).is_err());
    }
}
