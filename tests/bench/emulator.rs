//! A hub of the benchmark's own: the real emulator on ports of its choice.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running emulator; ends with the benchmark.
pub struct Emulator {
    /// Its process.
    pub child: Child,
    ready: serde_json::Value,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // SIGKILL: nothing is put in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Emulator {
    /// Starts one that has its CA and its keys in this folder, and waits until it is ready.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hubctl"))
            .args(["emulator", "--quiet", "--https-port", "0"])
            .args(["--amqps-port", "0", "--mqtts-port", "0"])
            .args(arguments)
            .env("HUBCTL_DATA_DIR", folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Self { child, ready }
    }

    /// The same with `device1`, and with registry and events kept in the folder.
    pub fn start_kept(folder: &Path) -> Self {
        let kept = ["--data-dir", folder.to_str().unwrap()];
        Self::start(folder, &[&["--device", "device1"], &kept[..]].concat())
    }

    /// A text of the ready line.
    pub fn text(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).unwrap().as_str().unwrap()
    }

    /// A port by its name in the ready line.
    pub fn port(&self, name: &str) -> u16 {
        u16::try_from(self.ready["ports"][name].as_u64().unwrap()).unwrap()
    }

    /// A call of the binary with the hub's own connection string.
    pub fn hubctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
        command
            .args(arguments)
            .env(
                "IOTHUB_CONNECTION_STRING",
                self.text("/hubConnectionString"),
            )
            .env("HUBCTL_CA_FILE", self.text("/caFile"))
            .env("HUBCTL_AMQP_PORT", self.port("amqps").to_string());
        command
    }
}
