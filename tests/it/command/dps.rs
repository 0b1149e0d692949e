//! `dps`: keys and tokens for the Device Provisioning Service, without any network.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::Hubctl;

const KEY: &str = "+/+/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=";
/// The group key, registration id and derived key of Microsoft's own page on group enrollments.
const GROUP: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
const REGISTERED: &str = "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6";
const DERIVED: &str = "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=";

const TOKEN: [&str; 6] = [
    "dps",
    "token",
    "--scope",
    "0ne00ABCDEF",
    "--registration-id",
    "reg-001",
];

fn token(arguments: &[&str]) -> Hubctl {
    Hubctl::new(&TOKEN).args(arguments)
}

#[test]
fn a_key_is_derived_as_microsoft_derives_it() {
    let derive = |key: &str| Hubctl::new(&["dps", "derive-key", "--group-key", key, REGISTERED]);
    assert_eq!(derive(GROUP).run().success(), format!("{DERIVED}\n"));
    let piped = derive("-").stdin(format!("{GROUP}\n")).run();
    assert_eq!(piped.success(), format!("{DERIVED}\n"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("group");
    fs::write(&path, GROUP).unwrap();
    let from_file = derive(&format!("@{}", path.display()))
        .args(&["--json"])
        .run();
    let json: Value = serde_json::from_str(&from_file.success()).unwrap();
    assert_eq!(
        (&json["registrationId"], &json["key"]),
        (&REGISTERED.into(), &DERIVED.into())
    );
}

#[test]
fn the_vector_comes_out() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../golden/sas_vectors.json")).unwrap();
    let vector = vectors.iter().find(|vector| vector["id"] == "V15").unwrap();
    let at = ["--key", KEY, "--expires-at", "2025-01-01T00:00:00Z"];
    let finished = token(&at).run();
    assert!(
        finished
            .stderr
            .starts_with("warning: the token has expired already")
    );
    let expected = vector["token_py_device"].as_str().unwrap();
    assert_eq!(finished.success(), format!("{expected}\n"));
}

#[test]
fn a_group_key_signs_by_way_of_the_devices_own() {
    let at = ["--expires-at", "2100-01-01T00:00:00Z"];
    let line = [
        "dps",
        "token",
        "--scope",
        "0ne0",
        "--registration-id",
        REGISTERED,
    ];
    let made = |key: &[&str]| Hubctl::new(&line).args(&at).args(key).run().success();
    let by_group = made(&["--group-key", GROUP]);
    assert_eq!(by_group, made(&["--key", DERIVED]));
    let explained = Hubctl::new(&["inspect-token", by_group.trim_end(), "--key", DERIVED]).run();
    let explained = explained.success();
    assert!(
        explained.contains("right: the key given made it"),
        "{explained}"
    );
    assert!(explained.contains("in the ID scope 0ne0"), "{explained}");
}

#[test]
fn what_is_flashed_holds_what_registering_needs() {
    let at = ["--key", KEY, "--expires-at", "2100-01-01T00:00:00Z"];
    let json = token(&at).args(&["-f", "json"]).run().success();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["dpsHost"], "global.azure-devices-provisioning.net");
    assert_eq!(json["dpsIdScope"], "0ne00ABCDEF");
    assert_eq!(json["dpsRegistrationId"], "reg-001");
    assert_eq!(json["policyName"], "registration");
    assert_eq!(
        json["dpsMqttUsername"],
        "0ne00ABCDEF/registrations/reg-001/api-version=2019-03-31"
    );
    assert_eq!(
        json["dpsRegisterUrl"],
        "https://global.azure-devices-provisioning.net/0ne00ABCDEF/registrations/reg-001/register?api-version=2019-03-31"
    );
    assert_eq!(json["iotHubHost"], Value::Null);
    let sas_token = json["sasToken"].as_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let header = folder.path().join("dps.h");
    let written = token(&at)
        .args(&["-f", "c", "--prefix", "A_", "-o", header.to_str().unwrap()])
        .run();
    assert_eq!(written.success(), "");
    let main = folder.path().join("main.c");
    fs::write(&main, "#include <stdio.h>\n#include \"dps.h\"\nint main(void) { puts(A_SAS_TOKEN); return !A_DPS_ID_SCOPE[0]; }\n").unwrap();
    let program = folder.path().join("program");
    let built = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"])
        .arg(&main)
        .arg("-o")
        .arg(&program)
        .status();
    assert!(built.unwrap().success());
    let printed = String::from_utf8(Command::new(&program).output().unwrap().stdout).unwrap();
    assert_eq!(printed, format!("{sas_token}\n"));
    let env = token(&at).args(&["-f", "env"]).run().success();
    assert!(
        env.contains("# ID scope:    0ne00ABCDEF\n")
            && env.contains(&format!("SAS_TOKEN='{sas_token}'\n"))
    );
    assert!(
        token(&at)
            .args(&["-f", "rust"])
            .run()
            .success()
            .contains("pub const DPS_REGISTRATION_ID: &str = \"reg-001\";")
    );
}

/// A call, its exit code, and what is said.
type Case<'a> = (&'a [&'a str], i32, &'a str);

fn hold(before: &[&str], cases: &[Case<'_>]) {
    for (arguments, code, expected) in cases {
        let finished = Hubctl::new(before).args(arguments).run();
        assert_eq!(finished.stdout, "", "{arguments:?}");
        let said = finished.failure(*code);
        assert!(said.contains(expected), "{said}");
        assert!(
            !said.contains(&KEY[..12]) && !said.contains(&GROUP[..12]),
            "{said}"
        );
    }
}

#[test]
fn what_no_key_can_be_derived_from_is_refused() {
    let cut = &GROUP[..30];
    hold(
        &["dps", "derive-key"],
        &[
            (&["--group-key", GROUP, "Sn-1"], 2, "in lower case"),
            (&["--group-key", GROUP, "a/b"], 2, "character 2"),
            (&["--group-key", GROUP, "a_"], 2, "it ends with"),
            (&["--group-key", GROUP, ""], 2, "empty"),
            (&["a"], 2, "--group-key"),
            (&["--group-key", cut, "a"], 3, "cannot use the group's key"),
            (&["--group-key", "@missing", "a"], 3, "cannot read missing"),
        ],
    );
}

#[test]
fn what_no_token_can_be_made_of_is_refused() {
    let cut = &GROUP[..30];
    hold(
        &TOKEN,
        &[
            (&[], 2, "--key"),
            (
                &["--key", KEY, "--group-key", KEY],
                2,
                "cannot be used with",
            ),
            (&["--key", cut], 3, "cannot use the key"),
            (&["--key", KEY, "-d", "9999999d"], 2, "after 9999"),
            (
                &["--key", KEY, "--expires-at", "soon"],
                2,
                "--expires-at cannot be read",
            ),
            (&["--key", KEY, "-f", "mqtt"], 2, "not for a registration's"),
            (
                &["--key", KEY, "--prefix", "A_"],
                2,
                "no name to stand before",
            ),
            (&["--key", KEY, "--with-ca"], 2, "no place in this format"),
            (&["--key", KEY, "-o", "/"], 3, "cannot write"),
        ],
    );
    let scope = ["dps", "token", "--registration-id", "a", "--key", KEY];
    hold(&scope, &[(&["--scope", "a/b"], 2, "letters and digits")]);
}
