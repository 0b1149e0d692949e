//! A hub of the test's own: the real emulator on ports of its choice.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::runner::{Hubctl, Running};

/// A running emulator; ends with the test.
pub struct Emulator {
    running: Running,
    keeps: bool,
    /// Its ready line.
    pub ready: Value,
    data: TempDir,
}

/// One that was killed; what it kept is left.
pub struct Stopped {
    /// Its folder.
    pub data: TempDir,
    keeps: bool,
    ports: [String; 3],
}

impl Stopped {
    /// Starts it again on the same ports.
    pub fn restart(self, arguments: &[&str]) -> Emulator {
        let [https, amqps, mqtts] = &self.ports;
        Emulator::start_in(self.data, self.keeps, [https, amqps, mqtts], arguments)
    }
}

impl Emulator {
    /// Starts one with `device1` and these further arguments.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), false, ["0"; 3], arguments)
    }

    /// The same with registry and events kept in a folder.
    pub fn start_kept(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), true, ["0"; 3], arguments)
    }

    fn start_in(
        data: TempDir,
        keeps: bool,
        [https, amqps, mqtts]: [&str; 3],
        arguments: &[&str],
    ) -> Self {
        let folder = data.path().to_str().unwrap();
        let kept: &[&str] = if keeps { &["--data-dir", folder] } else { &[] };
        let mut running = Hubctl::new(&["emulator", "--device", "device1"])
            .env("HUBCTL_DATA_DIR", data.path())
            .args(&["--https-port", https, "--amqps-port", amqps])
            .args(&["--mqtts-port", mqtts])
            .args(kept)
            .args(arguments)
            .start();
        let ready = serde_json::from_str(&running.wait_for("\"ready\"")).unwrap();
        Self {
            running,
            keeps,
            ready,
            data,
        }
    }

    /// Ends it without warning and starts it again on the same ports, with the same keys.
    pub fn kill_and_restart(self, arguments: &[&str]) -> Self {
        self.stop().restart(arguments)
    }

    /// Ends it without warning.
    pub fn stop(self) -> Stopped {
        let ports = ["https", "amqps", "mqtts"].map(|name| self.ready["ports"][name].to_string());
        self.running.kill();
        Stopped {
            data: self.data,
            keeps: self.keeps,
            ports,
        }
    }

    /// Its folder.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Waits for a line on its stderr that holds `text`; gives all that it has told there by then.
    pub fn wait_for_talk(&mut self, text: &str) -> &str {
        self.running.wait_for_talk(text);
        self.running.talk()
    }

    /// Its process's number.
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// The most memory that it had so far, in kilobytes; `None` where the system does not tell that.
    pub fn peak_memory(&self) -> Option<u64> {
        self.running.peak_memory()
    }

    /// A text of the ready line.
    pub fn text(&self, pointer: &str) -> &str {
        self.ready
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.ready))
    }

    /// The connection string of `iothubowner`.
    pub fn hub(&self) -> &str {
        self.text("/hubConnectionString")
    }

    /// The connection string of another policy.
    pub fn policy(&self, name: &str) -> &str {
        self.ready["policies"][name].as_str().unwrap()
    }

    /// A device's connection string.
    pub fn device(&self, id: &str) -> &str {
        self.ready["devices"][id].as_str().unwrap()
    }

    /// The Event Hub-compatible connection string.
    pub fn event_hub(&self) -> &str {
        self.text("/eventHubConnectionString")
    }

    /// A port by its name in the ready line.
    pub fn port(&self, name: &str) -> u16 {
        u16::try_from(self.ready["ports"][name].as_u64().unwrap()).unwrap()
    }

    /// A call of the binary that trusts this hub and reaches its ports, with no credential.
    pub fn hubctl(&self, arguments: &[&str]) -> Hubctl {
        Hubctl::new(arguments)
            .env("HUBCTL_CA_FILE", self.text("/caFile"))
            .env("HUBCTL_AMQP_PORT", self.port("amqps").to_string())
            .env("HUBCTL_MQTT_PORT", self.port("mqtts").to_string())
    }

    /// The same, with the hub's own connection string in the environment.
    pub fn owner(&self, arguments: &[&str]) -> Hubctl {
        self.hubctl(arguments)
            .env("IOTHUB_CONNECTION_STRING", self.hub())
    }

    /// Every event that it has, in the order of each partition; further arguments of `monitor-events` may follow.
    pub fn events(&self, arguments: &[&str]) -> Vec<Value> {
        let all = ["monitor-events", "--from", "earliest", "--exit-at-end"];
        let call = self.owner(&all).args(&["-f", "ndjson"]).args(arguments);
        let read = call.run().success();
        let lines = read.lines().map(serde_json::from_str);
        lines.map(Result::unwrap).collect()
    }

    /// Every secret that this hub knows: keys of its policies and devices.
    pub fn secrets(&self) -> Vec<String> {
        let strings = ["policies", "devices"].into_iter().flat_map(|group| {
            self.ready[group]
                .as_object()
                .unwrap()
                .values()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
        });
        strings
            .filter_map(|text| text.split("SharedAccessKey=").nth(1).map(str::to_owned))
            .collect()
    }
}
