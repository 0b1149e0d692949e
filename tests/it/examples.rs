//! The examples, compiled as far as this machine can: with the cross compilers where they are installed, and against stubs
//! of the boards' own libraries.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::installed::is_installed;

/// The text `0123456789abcdef0123456789abcdef` in base64, and nobody's key.
const LOGIN: &str = "HostName=contoso.azure-devices.net;DeviceId=device1;\
                     SharedAccessKey=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-pedantic", "-Werror"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn example(path: &str) -> PathBuf {
    root().join("examples").join(path)
}

fn stub(path: &str) -> PathBuf {
    root().join("tests/it/examples/stub").join(path)
}

/// A program in this process's own environment, but for what hubctl reads there.
fn program(name: &str, folder: &TempDir) -> Command {
    let mut command = Command::new(name);
    for variable in [
        "IOTHUB_CONNECTION_STRING",
        "HUBCTL_PROFILE",
        "HUBCTL_CA_FILE",
        "HUBCTL_MQTT_PORT",
        "SAS_TOKEN_BUILD_TIME",
    ] {
        command.env_remove(variable);
    }
    command
        .env("HUBCTL", env!("CARGO_BIN_EXE_hubctl"))
        .env("HUBCTL_CONFIG_DIR", folder.path().join("config"))
        .env("IOTHUB_DEVICE_CONNECTION_STRING", LOGIN)
        .stdin(Stdio::null());
    command
}

fn held(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out
}

fn run(command: &mut Command) -> String {
    held(&command.output().unwrap())
}

fn secrets(folder: &TempDir, format: &str, name: &str) {
    let mut hubctl = program(env!("CARGO_BIN_EXE_hubctl"), folder);
    let file = folder.path().join(name);
    run(hubctl
        .args(["sas-token", "--format", format, "--with-ca", "--output"])
        .arg(file));
}

#[test]
fn headers_compile_for_the_boards_processors() {
    let folder = tempfile::tempdir().unwrap();
    secrets(&folder, "c", "c.h");
    secrets(&folder, "arduino", "arduino.h");
    let main = folder.path().join("main.c");
    let processors = [
        (
            "riscv64-unknown-elf-gcc",
            &["-march=rv32imc", "-mabi=ilp32"][..],
        ),
        ("xtensa-lx106-elf-gcc", &[]),
    ];
    for (compiler, processor) in processors {
        if !is_installed(compiler) {
            continue;
        }
        for header in ["c.h", "arduino.h"] {
            let source = format!(
                "#include \"{header}\"\n\
                 typedef char length_is_right[sizeof(SAS_TOKEN) - 1 == SAS_TOKEN_LENGTH ? 1 : -1];\n\
                 char buffer[SAS_TOKEN_MAX_LENGTH + 1];\n\
                 const char *token(void) {{ return SAS_TOKEN; }}\n\
                 const char *root(void) {{ return IOT_HUB_ROOT_CA; }}\n\
                 long long expiry(void) {{ return SAS_TOKEN_EXPIRY; }}\n"
            );
            std::fs::write(&main, source).unwrap();
            let mut gcc = program(compiler, &folder);
            gcc.args(processor)
                .args(WARNINGS)
                .args(["-std=c99", "-ffreestanding", "-c", "-o"])
                .arg(folder.path().join("main.o"))
                .arg(&main);
            run(&mut gcc);
        }
    }
}

#[cfg(unix)]
#[test]
fn the_sketches_compile_against_stubs() {
    let folder = tempfile::tempdir().unwrap();
    secrets(&folder, "arduino", "iothub_secrets.h");
    let wifi = example("arduino/IotHubPost/wifi_secrets.example.h");
    std::fs::copy(wifi, folder.path().join("wifi_secrets.h")).unwrap();
    for sketch in [
        "arduino/IotHubPost/IotHubPost.ino",
        "platformio/src/main.cpp",
    ] {
        let mut compiler = program("c++", &folder);
        compiler
            .args(WARNINGS)
            .args(["-std=c++17", "-fsyntax-only", "-DARDUINO=10812"])
            .args(["-x", "c++", "-I"])
            .arg(stub("arduino"))
            .arg("-I")
            .arg(folder.path());
        if sketch.starts_with("platformio") {
            compiler.args(["-DWIFI_SSID=\"ssid\"", "-DWIFI_PASSWORD=\"password\""]);
        }
        run(compiler.arg(example(sketch)));
    }
}

#[cfg(unix)]
#[test]
fn the_esp_idf_program_compiles_against_stubs() {
    let folder = tempfile::tempdir().unwrap();
    let mut compiler = program("cc", &folder);
    compiler
        .args(WARNINGS)
        .args(["-std=gnu17", "-fsyntax-only", "-I"])
        .arg(stub("esp-idf"))
        .arg("-I")
        .arg(example("esp-idf/components/iothub_secrets/include"))
        .arg(example("esp-idf/main/main.c"));
    run(&mut compiler);
}

#[cfg(unix)]
#[test]
fn the_esp_idf_component_calls_hubctl_and_compiles_once() {
    if !is_installed("cmake") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let build = folder.path().join("build");
    let mut configure = program("cmake", &folder);
    let define = |name: &str, value: &Path| format!("-D{name}={}", value.display());
    configure
        .arg("-S")
        .arg(stub("esp-idf"))
        .arg("-B")
        .arg(&build)
        .arg(define(
            "COMPONENT",
            &example("esp-idf/components/iothub_secrets"),
        ))
        .arg(define("HUBCTL", Path::new(env!("CARGO_BIN_EXE_hubctl"))));
    run(&mut configure);
    let make = || {
        run(program("cmake", &folder).arg("--build").arg(&build));
        let modified = |path: &str| {
            let file = build.join("component").join(path);
            std::fs::metadata(file).unwrap().modified().unwrap()
        };
        (
            modified("iothub_secrets.h"),
            modified("CMakeFiles/iothub_secrets.dir/iothub_secrets.c.o"),
        )
    };
    let first = make();
    assert_eq!(make(), first, "nothing was to be made anew");
}

#[test]
fn the_platformio_script_writes_the_header() {
    let python = if cfg!(windows) { "python" } else { "python3" };
    if !is_installed(python) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = || {
        let mut python = program(python, &folder);
        python
            .arg(stub("run_platformio_script.py"))
            .arg(example("platformio/iothub_secrets.py"))
            .arg(folder.path())
            .arg(example("platformio/platformio.ini"));
        python
    };
    let added = run(&mut script());
    let header = Path::new(added.trim()).join("iothub_secrets.h");
    let modified = || std::fs::metadata(&header).unwrap().modified().unwrap();
    let first = modified();
    assert!(
        std::fs::read_to_string(&header)
            .unwrap()
            .contains("IOT_HUB_ROOT_CA[] PROGMEM")
    );
    run(&mut script());
    assert_eq!(modified(), first);
    let refused = script()
        .env("IOTHUB_DEVICE_CONNECTION_STRING", "HostName=h")
        .output();
    assert_eq!(refused.unwrap().status.code(), Some(3));
    let missing = script().env("HUBCTL", "/nowhere/hubctl").output().unwrap();
    assert!(String::from_utf8_lossy(&missing.stderr).contains("hubctl was not found"));
}

#[test]
fn the_crate_without_std_builds() {
    let folder = tempfile::tempdir().unwrap();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    // A copy, for Cargo writes a lock file beside the manifest.
    let copy = folder.path().join("crate");
    std::fs::create_dir_all(copy.join("src")).unwrap();
    for file in ["Cargo.toml", "build.rs", "src/lib.rs"] {
        std::fs::copy(example("rust-no-std").join(file), copy.join(file)).unwrap();
    }
    let build = || {
        let mut build = program(&cargo, &folder);
        build
            .args(["build", "--offline", "--target-dir"])
            .arg(folder.path().join("target"))
            .env_remove("CARGO_BUILD_TARGET")
            .current_dir(&copy);
        build
    };
    run(&mut build());
    let expired = build().env("IOTHUB_DEVICE", "other").output().unwrap();
    let said = String::from_utf8_lossy(&expired.stderr).into_owned();
    assert!(!expired.status.success());
    assert!(said.contains("is for the device"), "{said}");
}

/// Whoever flashes follows these: no key may stand in an example, and every secret is kept out of version control.
#[test]
fn secrets_stay_out_of_the_examples() {
    for (folder, kept_out) in [
        ("arduino", "iothub_secrets.h"),
        ("esp-idf", "build/"),
        ("platformio", ".pio/"),
        ("rust-no-std", "/target"),
    ] {
        let ignored = std::fs::read_to_string(example(folder).join(".gitignore")).unwrap();
        assert!(ignored.lines().any(|line| line == kept_out), "{folder}");
    }
}
