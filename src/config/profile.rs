//! Profiles: hubs that `hubctl login` has saved by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::environment::Environment;
use super::file::{self, FileError};
use super::transport::Transport;

/// The profile that is meant where none is named.
pub const DEFAULT_PROFILE: &str = "default";

/// No name of a profile is longer, in characters.
const LONGEST_NAME: usize = 64;

/// No file of profiles is larger.
const LIMIT: u64 = 1 << 20;

/// What one profile holds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The whole connection string, with a key or a token.
    pub connection_string: String,
    /// Further trust anchors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The hub's AMQP port, where it is not 5671.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amqp_port: Option<u16>,
    /// How AMQP goes, where it is not to its own port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Profile(…)")
    }
}

/// Every saved profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profiles {
    /// The one that is used where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// By name.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
}

/// Why profiles could not be read or saved.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// There is no home folder to keep them in.
    #[error("there is no folder for settings: neither HUBCTL_CONFIG_DIR nor HOME is set")]
    NoFolder,
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not what it should be.
    #[error("{} is damaged at line {line}, column {column}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// No profile of this name.
    #[error("there is no profile {}", shown(name))]
    Unknown {
        /// The name; a connection string, maybe, that was given in the wrong place.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Not a name to save under.
    #[error("{} is no name for a profile", shown(name))]
    Name {
        /// The name; a connection string, maybe, that was given in the wrong place.
        name: String,
    },
}

/// The name as it can be repeated: what may be a connection string is not.
fn shown(name: &str) -> String {
    if name.contains(['=', ';']) || name.chars().count() > LONGEST_NAME {
        return "of the name given (it is not repeated here, for it may be a connection string)"
            .to_owned();
    }
    format!("{name:?}")
}

/// Whether a profile can be saved under this name: 1 to 64 ASCII letters, digits, `-`, `_` and `.`, not all of them dots.
///
/// # Errors
/// [`ProfileError::Name`].
pub fn check_name(name: &str) -> Result<(), ProfileError> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name =
        name.len() <= LONGEST_NAME && name.chars().all(is_legal) && name.chars().any(|c| c != '.');
    if is_name {
        return Ok(());
    }
    Err(ProfileError::Name {
        name: name.to_owned(),
    })
}

impl Profiles {
    /// Where profiles are kept.
    ///
    /// # Errors
    /// [`ProfileError::NoFolder`].
    pub fn path(environment: &Environment) -> Result<PathBuf, ProfileError> {
        Ok(environment
            .config_dir()
            .ok_or(ProfileError::NoFolder)?
            .join("profiles.json"))
    }

    /// Reads the saved profiles; a missing file holds none.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn load(path: &Path) -> Result<Self, ProfileError> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = file::read_text(path, LIMIT)?;
        // Of the parser's error only the place is told: its text may quote the secret.
        serde_json::from_str(&text).map_err(|error| ProfileError::Damaged {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
        })
    }

    /// Saves the profiles, readable by their owner alone.
    ///
    /// # Errors
    /// [`ProfileError::File`].
    pub fn save(&self, path: &Path) -> Result<(), ProfileError> {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        file::replace_private(path, text.as_bytes())?;
        Ok(())
    }

    /// The profile of this name, or the current one, and its name; `None` where none is named and none is current.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`] for a name that is not there.
    pub fn find(&self, name: Option<&str>) -> Result<Option<(&str, &Profile)>, ProfileError> {
        let Some(name) = name.or(self.current.as_deref()) else {
            return Ok(None);
        };
        let found = self
            .profiles
            .get_key_value(name)
            .map(|(name, profile)| (name.as_str(), profile));
        found.map(Some).ok_or_else(|| ProfileError::Unknown {
            name: name.to_owned(),
            known: self.profiles.keys().cloned().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_saved_and_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profiles.json");
        let mut profiles = Profiles::load(&path).unwrap();
        assert_eq!(profiles.find(None).unwrap(), None);
        let profile = Profile {
            connection_string: "HostName=h".into(),
            ca_file: None,
            amqp_port: Some(1),
            transport: Some(Transport::AmqpWs),
        };
        profiles.profiles.insert("work".into(), profile.clone());
        profiles.current = Some("work".into());
        profiles.save(&path).unwrap();
        let profiles = Profiles::load(&path).unwrap();
        assert_eq!(profiles.find(None).unwrap(), Some(("work", &profile)));
        assert!(matches!(
            profiles.find(Some("home")),
            Err(ProfileError::Unknown { .. })
        ));
    }

    #[test]
    fn names_are_plain_and_what_may_be_a_secret_is_not_repeated() {
        for name in ["default", "a", "work-2.eu_west", &"x".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let long = "x".repeat(65);
        for name in ["", ".", "..", "a/b", "../a", "a b", "a\n", "ä", &long] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for secret in ["HostName=h;SharedAccessKey=MDEy", "MDEyMzQ1Njc=", &long] {
            let unknown = Profiles::default().find(Some(secret)).unwrap_err();
            for error in [check_name(secret).unwrap_err(), unknown] {
                assert!(!error.to_string().contains(secret), "{error}");
            }
        }
    }

    #[test]
    fn damage_is_told_by_place_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profiles.json");
        std::fs::write(
            &path,
            "{\"profiles\":{\"a\":{\"connectionString\":\"secret\"",
        )
        .unwrap();
        let error = Profiles::load(&path).unwrap_err().to_string();
        assert!(
            error.contains("line 1") && !error.contains("secret"),
            "{error}"
        );
    }
}
