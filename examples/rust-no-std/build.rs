//! Has hubctl write the constants before the crate is compiled.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    let hubctl = env::var("HUBCTL").unwrap_or_else(|_| "hubctl".to_owned());
    let device = env::var("IOTHUB_DEVICE").unwrap_or_else(|_| "device1".to_owned());
    let file = PathBuf::from(env::var_os("OUT_DIR").unwrap()).join("iothub_secrets.rs");
    let status = Command::new(&hubctl)
        .args(["sas-token", &device, "--format=rust", "--with-ca"])
        .args(["--duration=30d", "--min-left=7d", "--output"])
        .arg(&file)
        .status()
        .unwrap_or_else(|error| panic!("cannot run {hubctl}: {error}"));
    // hubctl has said why.
    assert!(status.success(), "{hubctl} ended with {status}");

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    println!("cargo::rustc-env=SAS_TOKEN_BUILD_TIME={}", now.as_secs());
    // A file that is never there has this script run in every build, for time alone can make a token old.
    println!("cargo::rerun-if-changed=always");
}
