//! The ids of devices that commands have met, per profile: what Tab completes without asking a hub.
//!
//! Holds ids and never a key. That it cannot be read or written is no reason for anything to fail.

use std::path::PathBuf;

use super::environment::Environment;
use super::file;
use crate::model::identifier::DeviceId;
use crate::protocol::sas::percent_encode;

/// The most ids that are kept for a profile, the newest.
const MOST: usize = 1000;

/// No file of ids is larger, in bytes.
const LIMIT: u64 = 1 << 18;

/// The ids that are known for this profile, the newest first.
#[must_use]
pub fn known(environment: &Environment, profile: &str) -> Vec<DeviceId> {
    let Some(path) = path(environment, profile) else {
        return Vec::new();
    };
    let text = file::read_text(&path, LIMIT).unwrap_or_default();
    text.lines().filter_map(|id| id.parse().ok()).collect()
}

/// Keeps these ids for this profile. Nothing is written where all of them are known.
pub fn learn(environment: &Environment, profile: &str, ids: &[&str]) {
    let known = known(environment, profile);
    let mut all: Vec<DeviceId> = Vec::new();
    let mut seen: std::collections::HashSet<&str> = known.iter().map(DeviceId::as_str).collect();
    for id in ids.iter().take(MOST) {
        if seen.insert(id)
            && let Ok(id) = id.parse()
        {
            all.push(id);
        }
    }
    let Some(path) = path(environment, profile).filter(|_| !all.is_empty()) else {
        return;
    };
    all.extend(known.iter().cloned());
    all.truncate(MOST);
    let mut text = String::new();
    for id in &all {
        text.push_str(id.as_str());
        text.push('\n');
    }
    // A cache that cannot be written is a cache that stays as it was.
    let _ = file::replace_private(&path, text.as_bytes());
}

/// Forgets what is known for this profile.
pub fn forget(environment: &Environment, profile: &str) {
    if let Some(path) = path(environment, profile) {
        let _ = file::remove(&path);
    }
}

fn path(environment: &Environment, profile: &str) -> Option<PathBuf> {
    // Encoded, a name is a file's name whatever it holds; what stands before it keeps `..` from being one.
    let name = format!("devices-{}", percent_encode(profile));
    Some(environment.config_dir()?.join("known").join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(folder: &tempfile::TempDir) -> Environment {
        let path = folder.path().to_str().unwrap().to_owned();
        [("HUBCTL_CONFIG_DIR".to_owned(), path)]
            .into_iter()
            .collect()
    }

    fn texts(ids: &[DeviceId]) -> Vec<&str> {
        ids.iter().map(DeviceId::as_str).collect()
    }

    #[test]
    fn the_newest_stand_first_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(&folder);
        learn(&environment, "../a", &["one", "not an id"]);
        learn(&environment, "../a", &["two", "one", "two"]);
        assert_eq!(texts(&known(&environment, "../a")), ["two", "one"]);
        assert!(known(&environment, "b").is_empty());
        let many: Vec<String> = (0..MOST).map(|number| format!("d{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        learn(&environment, "../a", &many);
        let kept = known(&environment, "../a");
        assert_eq!(texts(&kept), many);
        forget(&environment, "../a");
        assert!(known(&environment, "../a").is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_it_and_nothing_is_written_for_nothing() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(&folder);
        learn(&environment, "a", &["one"]);
        let path = path(&environment, "a").unwrap();
        let first = path.metadata().unwrap();
        assert_eq!(first.mode() & 0o777, 0o600);
        learn(&environment, "a", &["one"]);
        assert_eq!(path.metadata().unwrap().ino(), first.ino());
        learn(&Environment::default(), "a", &["one"]);
    }
}
