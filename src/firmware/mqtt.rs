//! What an MQTT client asks for, as `NAME='value'` lines: to be read by a person, or by a shell that hands them on.

use std::fmt::Write as _;

use super::env;
use super::flashed::Flashed;
use super::head;
use crate::protocol::mqtt::topic::{DeviceTopic, Filter};

/// The lines' text; nothing for a whole hub, which is no client.
pub(super) fn write(flashed: &Flashed) -> Option<String> {
    let mqtt = flashed.mqtt()?;
    let prefix = flashed.prefix.as_str();
    let mut text = String::new();
    for line in head::lines(flashed) {
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    }
    let trust = if flashed.ca_file.is_some() {
        format!("--cafile \"${prefix}MQTT_CA_FILE\"")
    } else {
        "--tls-use-os-certs".to_owned()
    };
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        text,
        "#\n# Try it, after `. ./this-file`:\n\
         # mosquitto_pub -V mqttv311 -h \"${prefix}MQTT_HOST\" -p \"${prefix}MQTT_PORT\" {trust} \\\n\
         #   -i \"${prefix}MQTT_CLIENT_ID\" -u \"${prefix}MQTT_USERNAME\" -P \"${prefix}MQTT_PASSWORD\" \\\n\
         #   -q 1 -t \"${prefix}MQTT_TOPIC_EVENTS\" -m '{{\"temperature\": 24.5}}'\n"
    );
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{prefix}MQTT_{name}={value}");
    };
    line("HOST", &env::quote(&flashed.host.name));
    line("PORT", &flashed.mqtt_port.to_string());
    line("CLIENT_ID", &env::quote(&mqtt.identity.to_string()));
    line("USERNAME", &env::quote(&mqtt.to_string()));
    line("PASSWORD", &env::quote(flashed.token.expose()));
    if let Some(file) = &flashed.ca_file {
        line("CA_FILE", &env::quote(file));
    }
    let events = DeviceTopic::events_of(&mqtt.identity).to_string();
    line("TOPIC_EVENTS", &env::quote(&events));
    // Outside of Edge nothing is sent to a module.
    for (name, filter) in [
        ("TOPIC_MESSAGES", Filter::Messages),
        ("TOPIC_METHODS", Filter::Methods),
        ("TOPIC_TWIN", Filter::TwinResults),
        ("TOPIC_DESIRED", Filter::Desired),
    ] {
        if let Some(filter) = filter.write(&mqtt.identity) {
            line(name, &env::quote(&filter));
        }
    }
    Some(text)
}
