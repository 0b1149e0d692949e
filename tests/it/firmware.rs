//! What `sas-token` writes for firmware, judged by the compilers and the shell that will read it.

mod drawn;
mod files;
mod formats;
mod many;
mod sas_token;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The text `0123456789abcdef0123456789abcdef` in base64: the vectors' key, and nobody's.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

const HOST: &str = "contoso.azure-devices.net";

/// Every character that an id may hold, with question marks that would make trigraphs and the ends of comments.
const EVERY_CHARACTER: &str = "aZ09-:.+%_#*?!(),=@;$'??)??(??'??!%s%d$(id)*";

/// A plain id, every legal character, and the longest id there is, which is also the longest when it is encoded.
fn ids() -> [String; 3] {
    ["device1".into(), EVERY_CHARACTER.into(), "?".repeat(128)]
}

/// The binary in an empty environment, with nothing saved.
fn hubctl(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
    command
        .env_clear()
        .env("HUBCTL_CONFIG_DIR", folder.path().join("config"))
        .current_dir(folder.path())
        .stdin(Stdio::null());
    command
}

fn sas_token(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = hubctl(folder);
    command.arg("sas-token").args(arguments).output().unwrap()
}

/// With the key and the hub at hand; everything that is printed, which must be printed without a word on stderr.
fn offline(folder: &TempDir, arguments: &[&str]) -> String {
    let key = ["--key", KEY, "--hub", HOST];
    quiet(&sas_token(folder, &[&key[..], arguments].concat()))
}

fn quiet(output: &Output) -> String {
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    text(&output.stdout)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Runs a compiler; what it said, where it failed.
fn compile(program: &str, arguments: &[&str], build_time: Option<&str>) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).env_remove("SAS_TOKEN_BUILD_TIME");
    if let Some(build_time) = build_time {
        command.env("SAS_TOKEN_BUILD_TIME", build_time);
    }
    let output = command.output().unwrap();
    if output.status.success() {
        Ok(())
    } else {
        Err(text(&output.stderr))
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-pedantic", "-Werror"];

#[cfg(unix)]
#[test]
fn headers_compile_without_a_warning() {
    let folder = folder();
    for id in ids() {
        for more in [&[][..], &["-m", &id], &["--prefix", "Board_1_"]] {
            let header = offline(&folder, &[&[id.as_str(), "-f", "c"][..], more].concat());
            write(&folder, "secrets.h", &header);
            let source =
                "#include \"secrets.h\"\n#include \"secrets.h\"\nint main(void) { return 0; }\n";
            let source = write(&folder, "main.c", source);
            for (compiler, language) in [
                ("cc", &["-std=c99"][..]),
                ("c++", &["-x", "c++"]),
                ("c++", &["-x", "c++", "-std=c++11"]),
            ] {
                let arguments = [language, &WARNINGS, &["-fsyntax-only", shown(&source)]].concat();
                compile(compiler, &arguments, None).unwrap();
            }
        }
    }
}

/// The macros, how C prints each, and the member of the JSON object that says the same.
const MACROS: [(&str, &str, &str); 11] = [
    ("IOT_HUB_NAME", "%s", "iotHubName"),
    ("IOT_HUB_HOST", "%s", "iotHubHost"),
    ("DEVICE_NAME", "%s", "deviceName"),
    ("SAS_TOKEN", "%s", "sasToken"),
    ("SAS_TOKEN_EXPIRY", "%lld", "sasTokenExpiry"),
    ("SAS_TOKEN_LENGTH", "%d", "sasTokenLength"),
    ("SAS_TOKEN_MAX_LENGTH", "%d", "sasTokenMaxLength"),
    ("IOT_HUB_EVENTS_URL", "%s", "iotHubEventsUrl"),
    ("IOT_HUB_EVENTS_PATH", "%s", "iotHubEventsPath"),
    ("IOT_HUB_MQTT_USERNAME", "%s", "iotHubMqttUsername"),
    ("IOT_HUB_MQTT_TOPIC", "%s", "iotHubMqttTopic"),
];

#[cfg(unix)]
#[test]
fn a_c_program_prints_what_json_says() {
    let folder = folder();
    for id in ids() {
        // Beyond 2038, where a 32-bit long ends.
        let at = [id.as_str(), "--expires-at", "2050-01-01T00:00:00Z"];
        let header = offline(&folder, &[&at[..], &["-f", "c"]].concat());
        let json = offline(&folder, &[&at[..], &["-f", "json"]].concat());
        let json: Value = serde_json::from_str(&json).unwrap();
        write(&folder, "secrets.h", &header);
        let prints = MACROS
            .map(|(name, form, _)| format!("  printf(\"{form}\\n\", {name});\n"))
            .concat();
        let source = format!(
            "#include <stdio.h>\n#include \"secrets.h\"\n\
             typedef char length_is_right[sizeof(SAS_TOKEN) - 1 == SAS_TOKEN_LENGTH ? 1 : -1];\n\
             typedef char longest_is_longer[SAS_TOKEN_LENGTH <= SAS_TOKEN_MAX_LENGTH ? 1 : -1];\n\
             int main(void) {{\n{prints}  return 0;\n}}\n"
        );
        let source = write(&folder, "print.c", &source);
        let program = folder.path().join("print");
        let files = ["-std=c99", "-o", shown(&program), shown(&source)];
        compile("cc", &[&WARNINGS[..], &files].concat(), None).unwrap();
        let printed = text(&Command::new(program).output().unwrap().stdout);
        let printed: Vec<&str> = printed.lines().collect();
        assert_eq!(printed.len(), MACROS.len());
        for (line, (name, _, member)) in printed.iter().zip(MACROS) {
            let said = json[member]
                .as_str()
                .map_or_else(|| json[member].to_string(), str::to_owned);
            assert_eq!(*line, said, "{name}");
        }
        assert_eq!(json["deviceName"], id);
    }
}

#[cfg(unix)]
#[test]
fn a_shell_reads_what_json_says() {
    let folder = folder();
    for id in ids() {
        let at = [id.as_str(), "--expires-at", "2050-01-01T00:00:00Z"];
        write(
            &folder,
            "iothub.env",
            &offline(&folder, &[&at[..], &["-f", "env"]].concat()),
        );
        let json = offline(&folder, &[&at[..], &["-f", "json"]].concat());
        let json: Value = serde_json::from_str(&json).unwrap();
        for (name, _, member) in MACROS {
            let script = format!(". ./iothub.env; printf %s \"${name}\"");
            let output = Command::new("sh")
                .args(["-c", &script])
                .current_dir(folder.path())
                .output();
            let said = json[member]
                .as_str()
                .map_or_else(|| json[member].to_string(), str::to_owned);
            assert_eq!(text(&output.unwrap().stdout), said, "{name}");
        }
    }
}

#[test]
fn rust_compiles_without_std_and_without_a_warning() {
    let folder = folder();
    let out = folder.path().join("out");
    for id in ids() {
        for (more, prefix) in [
            (&[][..], ""),
            (&["-m", "mod1"], ""),
            (&["--prefix", "Board_1_"], "Board_1_"),
        ] {
            let secrets = offline(&folder, &[&[id.as_str(), "-f", "rust"][..], more].concat());
            write(&folder, "secrets.rs", &secrets);
            let library = format!(
                "#![no_std]\n#![deny(warnings, missing_docs, clippy::pedantic)]\n//! Firmware.\n\
                 /// As a module.\npub mod secrets;\n\
                 mod taken {{ include!(\"secrets.rs\"); }}\n\
                 /// So that the second one is used.\npub const LENGTH: usize = taken::{prefix}SAS_TOKEN_LENGTH;\n"
            );
            let library = write(&folder, "lib.rs", &library);
            let arguments = [
                "--edition=2021",
                "--crate-type=lib",
                "--emit=metadata",
                "--out-dir",
                shown(&out),
                shown(&library),
            ];
            compile(&rustc(), &arguments, None).unwrap();
            if let Some(clippy) = clippy_driver() {
                compile(&clippy, &arguments, None).unwrap();
            }
        }
    }
}

fn rustc() -> String {
    std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned())
}

/// Clippy's compiler, where the toolchain has it.
fn clippy_driver() -> Option<String> {
    let sysroot = Command::new(rustc())
        .args(["--print", "sysroot"])
        .output()
        .ok()?;
    let driver = Path::new(text(&sysroot.stdout).trim()).join("bin/clippy-driver");
    driver.is_file().then(|| shown(&driver).to_owned())
}

#[test]
fn an_expired_token_stops_the_build() {
    const EXPIRY: i64 = 1_735_689_600;
    let folder = folder();
    let login = format!("HostName={HOST};DeviceId=d;SharedAccessKey={KEY}");
    let at = [
        "--login",
        &login,
        "--expires-at",
        "2025-01-01T00:00:00Z",
        "-f",
    ];
    let generate = |format| text(&sas_token(&folder, &[&at[..], &[format]].concat()).stdout);
    let rust = write(&folder, "secrets.rs", &generate("rust"));
    let header = write(&folder, "secrets.h", &generate("c"));
    let out = folder.path().join("out");
    let rust_arguments = [
        "--crate-type=lib",
        "--emit=metadata",
        "--out-dir",
        shown(&out),
        shown(&rust),
    ];
    let c = |build_time: i64| {
        let define = format!("-DSAS_TOKEN_BUILD_TIME={build_time}");
        compile(
            "cc",
            &[
                "-std=c99",
                "-fsyntax-only",
                "-x",
                "c",
                &define,
                shown(&header),
            ],
            None,
        )
    };
    if cfg!(unix) {
        c(EXPIRY - 1).unwrap();
        let message = c(EXPIRY).unwrap_err();
        assert!(
            message.contains("The SAS token in this file expired at 2025-01-01T00:00:00Z."),
            "{message}"
        );
    }
    compile(&rustc(), &rust_arguments, Some(&(EXPIRY - 1).to_string())).unwrap();
    let message = compile(&rustc(), &rust_arguments, Some(&EXPIRY.to_string())).unwrap_err();
    assert!(
        message.contains("the SAS token in this file expired at 2025-01-01T00:00:00Z"),
        "{message}"
    );
    let message = compile(&rustc(), &rust_arguments, Some("yesterday")).unwrap_err();
    assert!(
        message.contains("SAS_TOKEN_BUILD_TIME is not a number"),
        "{message}"
    );
}
