//! What an MQTT client asks for, as `NAME='value'` lines: to be read by a person, or by a shell that hands them on.

use std::fmt::Write as _;

use super::env;
use super::flashed::Flashed;
use super::head;

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
    line("CLIENT_ID", &env::quote(&mqtt.client_id));
    line("USERNAME", &env::quote(&mqtt.user_name));
    line("PASSWORD", &env::quote(flashed.token.expose()));
    if let Some(file) = &flashed.ca_file {
        line("CA_FILE", &env::quote(file));
    }
    let own = |rest: &str| env::quote(&format!("{}/{rest}", mqtt.topic));
    line("TOPIC_EVENTS", &own("messages/events/"));
    // Outside of Edge nothing is sent to a module.
    if flashed.subject.module().is_none() {
        line("TOPIC_MESSAGES", &own("messages/devicebound/#"));
    }
    line("TOPIC_METHODS", "'$iothub/methods/POST/#'");
    line("TOPIC_TWIN", "'$iothub/twin/res/#'");
    line("TOPIC_DESIRED", "'$iothub/twin/PATCH/properties/desired/#'");
    Some(text)
}
