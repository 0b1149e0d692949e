//! What Tab offers: formats, profiles and the devices that were met, out of files and never from a hub.

use std::path::Path;

use tempfile::TempDir;

use crate::support::{Emulator, Hubctl};

/// What the binary offers for the last of these words.
fn offered(config: &Path, words: &[&str]) -> Vec<String> {
    let index = words.len().to_string();
    let answer = Hubctl::new(&["--", "hubctl"])
        .args(words)
        .env("HUBCTL_CONFIG_DIR", config)
        .env("HUBCTL_COMPLETE", "bash")
        .env("_CLAP_IFS", "\n")
        .env("_CLAP_COMPLETE_INDEX", &index)
        // Whoever would ask a hub on the way hears nothing from this one.
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .run()
        .success();
    answer.lines().map(str::to_owned).collect()
}

fn with_profile(profile: &str, login: &str) -> TempDir {
    let config = tempfile::tempdir().unwrap();
    Hubctl::new(&["login", "--profile", profile, login])
        .env("HUBCTL_CONFIG_DIR", config.path())
        .run()
        .success();
    config
}

#[test]
fn formats_and_profiles_are_offered() {
    let config = with_profile(
        "work",
        "HostName=127.0.0.1:9;DeviceId=d;SharedAccessKey=MDEy",
    );
    let formats = offered(config.path(), &["sas-token", "--format", "c"]);
    assert_eq!(formats, ["c", "cmake", "curl", "connection-string"]);
    assert_eq!(offered(config.path(), &["send", "--profile", ""]), ["work"]);
    assert_eq!(offered(config.path(), &["log"]), ["login", "logout"]);
}

#[test]
fn devices_that_were_met_are_offered_with_their_profile() {
    let hub = Emulator::start(&["--device", "device2", "--device", "other"]);
    let config = with_profile("work", hub.hub());
    let work = |arguments: &[&str]| {
        let call = hub
            .hubctl(arguments)
            .env("HUBCTL_CONFIG_DIR", config.path());
        call.run()
    };
    assert!(offered(config.path(), &["send", "dev"]).is_empty());
    work(&["sas-token", "device2"]).success();
    work(&["send", "device1", "hello"]).success();
    work(&["sas-token", "missing"]).failure(5);
    let known = ["device1", "device2"];
    assert_eq!(offered(config.path(), &["send", "dev"]), known);
    assert_eq!(offered(config.path(), &["monitor-events", "dev"]), known);
    assert_eq!(offered(config.path(), &["sas-token", "m"]), [""; 0]);

    let all = work(&["sas-token", "--all"]).success();
    assert_eq!(all.lines().count(), 3);
    assert_eq!(offered(config.path(), &["send", "o"]), ["other"]);
    let elsewhere = ["send", "--profile", "home", "dev"];
    assert!(offered(config.path(), &elsewhere).is_empty());
    let kept = std::fs::read_to_string(config.path().join("known/devices-work")).unwrap();
    for secret in hub.secrets() {
        assert!(!kept.contains(&secret));
    }

    work(&["logout"]).success();
    assert!(offered(config.path(), &["send", "--profile", "work", "dev"]).is_empty());
}

#[test]
fn without_a_profile_nothing_is_kept() {
    let hub = Emulator::start(&[]);
    let config = tempfile::tempdir().unwrap();
    let call = hub.owner(&["sas-token", "device1"]);
    call.env("HUBCTL_CONFIG_DIR", config.path()).run().success();
    assert_eq!(std::fs::read_dir(config.path()).unwrap().count(), 0);
}
