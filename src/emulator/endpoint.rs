//! Where an emulator is reached, and the connection strings that lead there.

use std::path::PathBuf;

use crate::model::secret::Secret;

/// The port that a `HostName` without one means.
const HTTPS: u16 = 443;
/// The port that an `Endpoint` without one means.
pub(super) const AMQPS: u16 = 5671;
/// The same with `UseDevelopmentEmulator=true`.
const AMQP: u16 = 5672;

/// The ports that an emulator listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// REST over TLS.
    pub https: u16,
    /// AMQP over TLS.
    pub amqps: u16,
    /// AMQP without TLS, where that was asked for.
    pub amqp: Option<u16>,
    /// MQTT over TLS.
    pub mqtts: u16,
    /// Where the hub is made to misbehave, where that was asked for: plain HTTP, on loopback alone.
    pub admin: Option<u16>,
}

/// Where an emulator is reached, and with which keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The name to connect to, such as `localhost`; also the hub's own.
    pub host: String,
    /// The ports.
    pub ports: Ports,
    /// The authority to trust.
    pub ca_file: PathBuf,
    /// The Event Hub-compatible name.
    pub entity: String,
    /// Policies by name, with their keys.
    pub policies: Vec<(String, Secret)>,
    /// Devices by id, with their primary keys.
    pub devices: Vec<(String, Secret)>,
    /// What opens the page once.
    pub ui_token: Secret,
}

impl Endpoints {
    /// The hub's connection string for each policy, by the policy's name.
    #[must_use]
    pub fn hub_strings(&self) -> Vec<(&str, Secret)> {
        let host = with_port(&self.host, self.ports.https, HTTPS);
        let string = |(policy, key): &(String, Secret)| {
            Secret::new(format!(
                "HostName={host};SharedAccessKeyName={policy};SharedAccessKey={}",
                key.expose()
            ))
        };
        self.policies
            .iter()
            .map(|policy| (policy.0.as_str(), string(policy)))
            .collect()
    }

    /// Each device's connection string, by its id.
    #[must_use]
    pub fn device_strings(&self) -> Vec<(&str, Secret)> {
        let host = with_port(&self.host, self.ports.https, HTTPS);
        let string = |(device, key): &(String, Secret)| {
            Secret::new(format!(
                "HostName={host};DeviceId={device};SharedAccessKey={}",
                key.expose()
            ))
        };
        self.devices
            .iter()
            .map(|device| (device.0.as_str(), string(device)))
            .collect()
    }

    /// The first policy's string, which is `iothubowner`'s.
    #[must_use]
    pub fn owner_string(&self) -> Secret {
        let first = self.hub_strings().into_iter().next();
        first.map_or_else(|| Secret::new(""), |(_, string)| string)
    }

    /// The link that opens the page once.
    #[must_use]
    pub fn ui_link(&self) -> Secret {
        let host = with_port(&self.host, self.ports.https, HTTPS);
        let token = self.ui_token.expose();
        Secret::new(format!("https://{host}/ui?token={token}"))
    }

    /// The Event Hub-compatible string, for the first policy.
    #[must_use]
    pub fn event_hub_string(&self) -> Secret {
        let host = with_port(&self.host, self.ports.amqps, AMQPS);
        self.endpoint_string(&format!("sb://{host}/"), "")
    }

    /// The string for Event Hubs clients that come without TLS; `None` unless there is a port for them.
    #[must_use]
    pub fn development_string(&self) -> Option<Secret> {
        let host = with_port(&self.host, self.ports.amqp?, AMQP);
        let flag = "UseDevelopmentEmulator=true;";
        Some(self.endpoint_string(&format!("sb://{host}"), flag))
    }

    /// Where the hub is made to misbehave; `None` unless there is a port for that.
    #[must_use]
    pub fn admin_url(&self) -> Option<String> {
        let port = self.ports.admin?;
        Some(format!("http://localhost:{port}"))
    }

    fn endpoint_string(&self, endpoint: &str, flag: &str) -> Secret {
        let (policy, key) = self
            .policies
            .first()
            .map_or(("", ""), |(policy, key)| (policy, key.expose()));
        Secret::new(format!(
            "Endpoint={endpoint};SharedAccessKeyName={policy};SharedAccessKey={key};{flag}EntityPath={}",
            self.entity
        ))
    }
}

fn with_port(host: &str, port: u16, default: u16) -> String {
    if port == default {
        return host.to_owned();
    }
    format!("{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::connection_string::ConnectionString;

    fn endpoints(ports: Ports) -> Endpoints {
        let key = || Secret::new("MDEyMzQ1Njc4OWFiY2RlZg==");
        Endpoints {
            host: "localhost".to_owned(),
            ports,
            ca_file: PathBuf::from("/ca.pem"),
            entity: "eh".to_owned(),
            policies: vec![("iothubowner".to_owned(), key())],
            devices: vec![("d'1".to_owned(), key())],
            ui_token: Secret::new("once"),
        }
    }

    #[test]
    fn usual_ports_are_left_out_and_others_stand() {
        let usual = endpoints(Ports {
            https: 443,
            amqps: 5671,
            amqp: Some(5672),
            mqtts: 8883,
            admin: None,
        });
        let key = "MDEyMzQ1Njc4OWFiY2RlZg==";
        assert_eq!(
            usual.owner_string().expose(),
            format!("HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey={key}")
        );
        assert_eq!(
            usual.device_strings()[0].1.expose(),
            format!("HostName=localhost;DeviceId=d'1;SharedAccessKey={key}")
        );
        assert_eq!(
            usual.event_hub_string().expose(),
            format!(
                "Endpoint=sb://localhost/;SharedAccessKeyName=iothubowner;SharedAccessKey={key};EntityPath=eh"
            )
        );
        assert_eq!(
            usual.development_string().unwrap().expose(),
            format!(
                "Endpoint=sb://localhost;SharedAccessKeyName=iothubowner;SharedAccessKey={key};UseDevelopmentEmulator=true;EntityPath=eh"
            )
        );
        let other = endpoints(Ports {
            https: 8443,
            amqps: 5000,
            amqp: None,
            mqtts: 8884,
            admin: None,
        });
        assert!(
            other
                .owner_string()
                .expose()
                .starts_with("HostName=localhost:8443;")
        );
        assert!(
            other
                .event_hub_string()
                .expose()
                .starts_with("Endpoint=sb://localhost:5000/;")
        );
        assert_eq!(other.development_string(), None);
        assert_eq!(usual.ui_link().expose(), "https://localhost/ui?token=once");
        let link = "https://localhost:8443/ui?token=once";
        assert_eq!(other.ui_link().expose(), link);
    }

    #[test]
    fn every_string_is_one_that_we_read_ourselves() {
        let endpoints = endpoints(Ports {
            https: 1,
            amqps: 2,
            amqp: Some(3),
            mqtts: 4,
            admin: None,
        });
        let all = [
            endpoints.owner_string(),
            endpoints.event_hub_string(),
            endpoints.development_string().unwrap(),
            endpoints.device_strings()[0].1.clone(),
        ];
        for string in all {
            let parsed = ConnectionString::parse(string.expose()).unwrap();
            assert_eq!(parsed.warnings, []);
        }
    }
}
