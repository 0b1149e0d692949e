//! The further formats, read by what will read them: compilers, `CMake`, Python's CSV, a shell.

use std::env::consts::EXE_EXTENSION;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::Emulator;
use crate::support::installed::is_installed;

use super::{
    EVERY_CHARACTER, HOST, KEY, MACROS, WARNINGS, compile, folder, hubctl, ids, offline, rustc,
    sas_token, shown, text, write,
};

const AT: [&str; 2] = ["--expires-at", "2050-01-01T00:00:00Z"];

/// What one of the formats says, and what JSON says with the same arguments.
fn both(folder: &TempDir, id: &str, format: &str, more: &[&str]) -> (String, Value) {
    let line = |format| [&[id][..], &AT, more, &["-f", format]].concat();
    let json = offline(folder, &line("json"));
    (
        offline(folder, &line(format)),
        serde_json::from_str(&json).unwrap(),
    )
}

fn said(json: &Value, member: &str) -> String {
    let value = &json[member];
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(unix)]
#[test]
fn certificates_compile_without_a_warning() {
    let folder = folder();
    let with_ca = [EVERY_CHARACTER, "--with-ca", "-f"];
    let json = offline(&folder, &[&with_ca[..], &["json"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    for (more, prefix) in [
        (&["c"][..], ""),
        (&["arduino"], ""),
        (&["arduino", "--prefix", "Board_1_"], "Board_1_"),
    ] {
        let header = offline(&folder, &[&with_ca[..], more].concat());
        write(&folder, "secrets.h", &header);
        let source = format!(
            "#include <stdio.h>\n#include \"secrets.h\"\n#include \"secrets.h\"\n\
             int main(void) {{ printf(\"%s\", {prefix}IOT_HUB_ROOT_CA); return 0; }}\n"
        );
        let source = write(&folder, "main.c", &source);
        let program = folder.path().join("main");
        for (compiler, language) in [
            ("c++", &["-x", "c++", "-std=c++11"][..]),
            ("cc", &["-std=c99"]),
        ] {
            let files = ["-o", shown(&program), shown(&source)];
            compile(compiler, &[language, &WARNINGS, &files].concat(), None).unwrap();
            let printed = text(&Command::new(&program).output().unwrap().stdout);
            assert_eq!(printed, said(&json, "iotHubRootCa"));
        }
    }
}

#[test]
fn certificates_compile_in_rust() {
    let folder = folder();
    let (secrets, json) = both(&folder, "device1", "rust", &["--with-ca"]);
    write(&folder, "secrets.rs", &secrets);
    let source = "#![deny(warnings)]\ninclude!(\"secrets.rs\");\nfn main() { print!(\"{IOT_HUB_ROOT_CA}\"); }\n";
    let source = write(&folder, "main.rs", source);
    let program = folder.path().join("main").with_extension(EXE_EXTENSION);
    compile(&rustc(), &["-o", shown(&program), shown(&source)], None).unwrap();
    let printed = text(&Command::new(&program).output().unwrap().stdout);
    assert_eq!(printed, said(&json, "iotHubRootCa"));
}

pub fn cmake(script: &Path, more: &[&str]) -> Output {
    let mut cmake = Command::new("cmake");
    cmake.args(more).arg("-P").arg(script).output().unwrap()
}

#[test]
fn cmake_reads_what_json_says() {
    if !is_installed("cmake") {
        return;
    }
    let folder = folder();
    for id in ids() {
        let (secrets, json) = both(&folder, &id, "cmake", &["--with-ca"]);
        write(&folder, "secrets.cmake", &secrets);
        let mut names = MACROS.to_vec();
        names.push(("IOT_HUB_ROOT_CA", "", "iotHubRootCa"));
        let writes: String = names
            .iter()
            .map(|(name, _, _)| {
                format!("file(WRITE \"${{CMAKE_CURRENT_LIST_DIR}}/{name}\" \"${{{name}}}\")\n")
            })
            .collect();
        let script = "include(\"${CMAKE_CURRENT_LIST_DIR}/secrets.cmake\")\n".to_owned() + &writes;
        let output = cmake(&write(&folder, "read.cmake", &script), &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        for (name, _, member) in names {
            let read = std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert_eq!(read.replace("\r\n", "\n"), said(&json, member), "{name}");
        }
    }
}

#[test]
fn an_expired_token_stops_cmake() {
    if !is_installed("cmake") {
        return;
    }
    let folder = folder();
    // By its own clock.
    let secrets = offline(&folder, &["d", "-f", "cmake", "-d", "1h"]);
    let fresh = write(&folder, "fresh.cmake", &secrets);
    assert!(cmake(&fresh, &[]).status.success());
    let (secrets, _) = both(&folder, "d", "cmake", &[]);
    let secrets = write(&folder, "secrets.cmake", &secrets);
    let at = |time: &str| cmake(&secrets, &[&format!("-DSAS_TOKEN_BUILD_TIME={time}")]);
    assert!(at("2524607999").status.success());
    for (time, expected) in [
        ("2524608000", "expired at 2050-01-01T00:00:00Z"),
        ("soon", "is not a number of seconds"),
    ] {
        let output = at(time);
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains(expected));
    }
}

/// Reads as ESP-IDF's `nvs_partition_gen.py` does: comments taken out, then Python's reader of CSV.
const READ_NVS: &str = "
import csv, json, sys
with open(sys.argv[1], 'rt', encoding='utf8') as file:
    rows = list(csv.DictReader(filter(lambda row: row[0] != '#', file), delimiter=','))
print(json.dumps(rows))
";

#[test]
fn pythons_csv_reads_what_json_says() {
    let python = if cfg!(windows) { "python" } else { "python3" };
    if !is_installed(python) {
        return;
    }
    let folder = folder();
    for id in ids() {
        let (table, json) = both(&folder, &id, "nvs", &["--with-ca"]);
        let table = write(&folder, "nvs.csv", &table);
        let output = Command::new(python)
            .args(["-c", READ_NVS])
            .arg(table)
            .output();
        let rows: Vec<Value> = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        assert_eq!(rows[0]["key"], "iothub");
        assert_eq!(rows[0]["type"], "namespace");
        let row = |key: &str| rows.iter().find(|row| row["key"] == key).unwrap();
        for (key, encoding, member) in [
            ("device_name", "string", "deviceName"),
            ("sas_token", "string", "sasToken"),
            ("sas_expiry", "i64", "sasTokenExpiry"),
            ("sas_max_length", "u32", "sasTokenMaxLength"),
            ("mqtt_username", "string", "iotHubMqttUsername"),
            ("root_ca", "string", "iotHubRootCa"),
        ] {
            assert_eq!(row(key)["type"], "data");
            assert_eq!(row(key)["encoding"], encoding);
            assert_eq!(row(key)["value"], said(&json, member), "{key}");
        }
        assert_eq!(rows.len(), 13);
    }
}

#[cfg(unix)]
#[test]
fn a_shell_hands_on_what_mqtt_needs() {
    let folder = folder();
    for id in ["device1", "a'b$(id);!*?"] {
        let (lines, json) = both(&folder, id, "mqtt", &[]);
        write(&folder, "mqtt.env", &lines);
        let script = ". ./mqtt.env; printf '%s\\n' \"$MQTT_HOST\" \"$MQTT_PORT\" \"$MQTT_CLIENT_ID\" \
                      \"$MQTT_USERNAME\" \"$MQTT_PASSWORD\" \"$MQTT_TOPIC_EVENTS\" \"$MQTT_TOPIC_METHODS\"";
        let output = Command::new("sh")
            .args(["-c", script])
            .current_dir(folder.path())
            .output();
        let printed = text(&output.unwrap().stdout);
        let expected = [
            said(&json, "iotHubHost"),
            "8883".to_owned(),
            said(&json, "deviceName"),
            said(&json, "iotHubMqttUsername"),
            said(&json, "sasToken"),
            said(&json, "iotHubMqttTopic"),
            "$iothub/methods/POST/#".to_owned(),
        ];
        assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    }
}

/// A program that prints each of its arguments on a line stands in for curl.
#[cfg(unix)]
#[test]
fn a_shell_hands_the_post_to_curl() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let stub = write(&folder, "curl", "#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
    std::fs::set_permissions(stub, std::fs::Permissions::from_mode(0o700)).unwrap();
    let path = format!("{}:/usr/bin:/bin", shown(folder.path()));
    for id in ids() {
        let (command, json) = both(&folder, &id, "curl", &[]);
        let output = Command::new("sh")
            .args(["-c", &command])
            .env("PATH", &path)
            .output();
        let printed = text(&output.unwrap().stdout);
        let arguments: Vec<&str> = printed.lines().collect();
        assert!(arguments.contains(&said(&json, "iotHubEventsUrl").as_str()));
        let authorization = format!("Authorization: {}", said(&json, "sasToken"));
        assert!(arguments.contains(&authorization.as_str()));
        assert_eq!(arguments.len(), 13);
    }
}

/// What is flashed is enough to connect: the certificates, the address and the token, and nothing of this machine's.
#[cfg(unix)]
#[test]
fn a_hub_takes_the_post() {
    if !is_installed("curl") {
        return;
    }
    let folder = folder();
    let hub = Emulator::start(&[]);
    let post = hub.owner(&["sas-token", "device1", "-f", "curl"]).run();
    let json = ["sas-token", "device1", "--with-ca", "-f", "json"];
    let json: Value = serde_json::from_str(&hub.owner(&json).run().success()).unwrap();
    let roots = write(&folder, "roots.pem", &said(&json, "iotHubRootCa"));
    let flashed = format!(
        "curl -s --cacert '{}' -H 'Authorization: {}' -d '{{}}' -w '%{{http_code}}\\n' '{}'",
        shown(&roots),
        said(&json, "sasToken"),
        said(&json, "iotHubEventsUrl")
    );
    for command in [post.success(), flashed] {
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        assert_eq!(text(&output.stdout), "204\n", "{}", text(&output.stderr));
    }
}

#[test]
fn the_connection_string_is_understood_by_ourselves() {
    let folder = folder();
    let string = offline(
        &folder,
        &["device1", "-m", "m:1", "-f", "connection-string"],
    );
    assert!(
        string.starts_with("HostName=contoso.azure-devices.net;DeviceId=device1;ModuleId=m:1;")
    );
    let refused = sas_token(&folder, &["-l", string.trim()]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(text(&refused.stderr).contains("a token, and no key to make another with"));
    let semicolon = [
        "a;b",
        "--key",
        KEY,
        "--hub",
        HOST,
        "-f",
        "connection-string",
    ];
    assert_eq!(sas_token(&folder, &semicolon).status.code(), Some(2));
}

/// Certificate authorities of our own, PEM, with other things around them.
fn own_authority(folder: &TempDir, count: usize) -> (String, String) {
    let mut certificates = String::new();
    for _ in 0..count {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let name = rcgen::DnType::CommonName;
        parameters.distinguished_name.push(name, "Our */ own CA");
        certificates += &parameters.self_signed(&key).unwrap().pem();
    }
    let certificates = certificates.replace("\r\n", "\n");
    let noisy = format!("# our own: \u{e9}\r\n{certificates}\n");
    (
        shown(&write(folder, "ca.pem", &noisy)).to_owned(),
        certificates,
    )
}

#[test]
fn a_local_hub_is_trusted_by_its_own_authority() {
    let folder = folder();
    let (file, pem) = own_authority(&folder, 1);
    let local = [
        "d",
        "--key",
        KEY,
        "--hub",
        "localhost:8443",
        "--with-ca",
        "-f",
    ];
    let read = |line: &[&str]| {
        let output = sas_token(&folder, line);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let json = read(&[&local[..], &["json", "--ca-file", &file]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["iotHubRootCa"], pem);
    let header = read(&[&local[..], &["c", "--ca-file", &file]].concat());
    assert!(
        header.contains(" * Trusts:      Our *_ own CA (until "),
        "{header}"
    );
    assert!(header.contains("a device does not trust Azure"));
    let refused = sas_token(&folder, &[&local[..], &["c"]].concat());
    assert_eq!(refused.status.code(), Some(3));
    assert!(text(&refused.stderr).contains("localhost is no hub of Azure's"));
    // A CA file in the environment is for another hub than Azure's.
    let mut azure = hubctl(&folder);
    azure
        .args(["sas-token", "d", "--key", KEY, "--hub", HOST])
        .args(["--with-ca", "-f", "json"])
        .env("HUBCTL_CA_FILE", &file);
    let azure = text(&azure.output().unwrap().stdout);
    assert!(!azure.contains(&pem[30..60]) && azure.contains("iotHubRootCa"));
    let (file, _) = own_authority(&folder, 12);
    let many = sas_token(&folder, &[&local[..], &["c", "--ca-file", &file]].concat());
    assert_eq!(many.status.code(), Some(3));
    assert!(text(&many.stderr).contains("12 certificates come to"));
}

#[test]
fn what_is_for_another_hub_names_its_port_and_authority() {
    let folder = folder();
    let (file, _) = own_authority(&folder, 1);
    let local = ["d", "--key", KEY, "--hub", "localhost:8443", "--ca-file"];
    let mqtt = [&local[..], &[&file, "-f", "mqtt", "--mqtt-port", "18883"]].concat();
    let mqtt = text(&sas_token(&folder, &mqtt).stdout);
    assert!(mqtt.contains("MQTT_PORT=18883\n") && mqtt.contains("MQTT_HOST='localhost'\n"));
    assert!(mqtt.contains(&format!("MQTT_CA_FILE='{file}'\n")));
    let curl = text(&sas_token(&folder, &[&local[..], &[&file, "-f", "curl"]].concat()).stdout);
    assert!(curl.contains(&format!("--cacert '{file}'")));
}
