//! `login` and `logout`.

use crate::support::Hubctl;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn hub(host: &str) -> String {
    format!("HostName={host};SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}")
}

/// A call that keeps its profiles in `folder`.
fn hubctl(folder: &tempfile::TempDir, arguments: &[&str]) -> Hubctl {
    Hubctl::new(arguments).env("HUBCTL_CONFIG_DIR", folder.path())
}

#[test]
fn a_saved_hub_is_listed_switched_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let saved = hubctl(&folder, &["login", &hub("one.azure-devices.net")]).run();
    assert_eq!(
        saved.stderr,
        "saved a hub (service policy) connection string, for one.azure-devices.net as the profile \"default\", which is the current one now\n"
    );
    assert_eq!(saved.success(), "");
    hubctl(&folder, &["login", "-", "--profile", "work"])
        .stdin(hub("two.azure-devices.net"))
        .run()
        .success();
    let listed = hubctl(&folder, &["login"]).run().success();
    assert_eq!(
        listed,
        "  default\tone.azure-devices.net\ta hub (service policy) connection string\n\
         * work\ttwo.azure-devices.net\ta hub (service policy) connection string\n"
    );
    hubctl(&folder, &["login", "--profile", "default"])
        .run()
        .success();
    assert!(
        hubctl(&folder, &["login"])
            .run()
            .success()
            .contains("* default")
    );
    hubctl(&folder, &["logout"]).run().success();
    assert!(
        !hubctl(&folder, &["login"])
            .run()
            .success()
            .contains("default")
    );
    hubctl(&folder, &["logout", "--all"]).run().success();
    assert_eq!(hubctl(&folder, &["login"]).run().success(), "");
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    hubctl(&folder, &["login", &hub("h")]).run().success();
    let mode = std::fs::metadata(folder.path().join("profiles.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn with_token_the_key_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    hubctl(&folder, &["login", &hub("h"), "--token", "-d", "2h"])
        .run()
        .success();
    let text = std::fs::read_to_string(folder.path().join("profiles.json")).unwrap();
    assert!(
        text.contains("SharedAccessSignature sr=h&sig=") && !text.contains(KEY),
        "{text}"
    );
}

#[test]
fn what_cannot_be_used_is_refused_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    hubctl(&folder, &["login", &hub("h")]).run().success();
    let before = std::fs::read(folder.path().join("profiles.json")).unwrap();
    let error = hubctl(
        &folder,
        &[
            "login",
            "HostName=h;SharedAccessKeyName=p;SharedAccesKey=secret",
        ],
    )
    .run()
    .failure(3);
    assert_eq!(
        error,
        "error: the connection string from --login cannot be used\n  \
         because: SharedAccessKey is missing; is \"SharedAccesKey\" (at character 34) a slip of the pen?\n  \
         hint: Write SharedAccessKey.\n"
    );
    assert_eq!(
        std::fs::read(folder.path().join("profiles.json")).unwrap(),
        before
    );
    let error = hubctl(&folder, &["logout", "--profile", "nowhere"])
        .run()
        .failure(3);
    assert!(
        error.contains("there is no profile \"nowhere\"") && error.contains("There are: default."),
        "{error}"
    );
}

#[test]
fn errors_are_one_json_object_when_asked() {
    let error = Hubctl::new(&["login", "HostName=h", "--json"]).run();
    assert_eq!(error.code, 3);
    let error: serde_json::Value = serde_json::from_str(&error.stderr).unwrap();
    assert_eq!(error["error"]["kind"], "input");
    assert_eq!(error["error"]["exitCode"], 3);
    assert!(
        error["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("Shared access policies")
    );
}

#[test]
fn a_damaged_file_is_told_by_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("profiles.json"),
        "{\"profiles\": {\n  oops",
    )
    .unwrap();
    let error = hubctl(&folder, &["login"]).run().failure(3);
    assert!(error.contains("damaged at line 2, column 3"), "{error}");
}

#[test]
fn names_of_profiles_are_plain() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "..", "a/b", "../a", "a\nb", "a=b"] {
        let error = hubctl(&folder, &["login", &hub("h"), "--profile", name])
            .run()
            .failure(2);
        assert!(error.contains("is no name for a profile"), "{error}");
    }
    let secret = hub("h");
    for call in [
        Hubctl::new(&["send", "d", "x", "--profile", &secret]),
        Hubctl::new(&["send", "d", "x"]).env("HUBCTL_PROFILE", &secret),
    ] {
        let error = call.run().failure(3);
        assert!(
            !error.contains(KEY) && !error.contains("HostName="),
            "{error}"
        );
    }
}

#[test]
fn nothing_saved_and_nothing_current_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let empty = hubctl(&folder, &["login"]).run();
    assert!(
        empty.stderr.contains("no profile is saved"),
        "{}",
        empty.stderr
    );
    assert_eq!(empty.success(), "");
    for name in ["one", "two"] {
        hubctl(&folder, &["login", &hub(name), "--profile", name])
            .run()
            .success();
    }
    let forgot = hubctl(&folder, &["logout"]).run();
    assert!(
        forgot.stderr.contains("saved are: one"),
        "{}",
        forgot.stderr
    );
    let error = hubctl(&folder, &["sas-token", "d"]).run().failure(3);
    assert!(error.contains("saved are: one"), "{error}");
    assert!(error.contains("hubctl login --profile NAME"), "{error}");
    let forgot = hubctl(&folder, &["logout", "--all"]).run();
    assert_eq!(forgot.stderr, "forgot 1 profile\n");
}

#[test]
fn a_kept_token_is_told_with_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let device = format!("HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey={KEY}");
    for (name, string) in [("hub", hub("h")), ("device", device)] {
        let saved = hubctl(&folder, &["login", &string, "--token", "--profile", name]).run();
        assert!(
            saved.stderr.starts_with("saved a token, valid until 20"),
            "{}",
            saved.stderr
        );
        saved.success();
    }
    let text = std::fs::read_to_string(folder.path().join("profiles.json")).unwrap();
    assert!(
        text.contains("sr=h%2Fdevices%2Fd%2Fmodules%2Fm&sig="),
        "{text}"
    );
    assert!(!text.contains(KEY), "{text}");
    let listed = hubctl(&folder, &["login"]).run().success();
    assert_eq!(
        listed.matches("token, valid until 20").count(),
        2,
        "{listed}"
    );
    hubctl(
        &folder,
        &["login", &hub("h"), "--token", "-d", "0", "--profile", "old"],
    )
    .run()
    .success();
    let listed = hubctl(&folder, &["login"]).run().success();
    assert!(
        listed.contains("* old\th\ttoken, expired at 20"),
        "{listed}"
    );
    let error = hubctl(
        &folder,
        &["login", "HostName=h;DeviceId=d;x509=true", "--token"],
    )
    .run()
    .failure(2);
    assert!(error.contains("because: --login holds a device"), "{error}");
}
