use super::*;
use crate::config::options::SecretText;

const HUB: &str = "HostName=h;SharedAccessKeyName=p;SharedAccessKey=MDEy";
const DEVICE: &str = "HostName=h;DeviceId=d;SharedAccessKey=MDEy";

fn resolve(
    login: Option<&str>,
    serves: Serves,
    variables: &[(&str, &str)],
    stdin: &str,
) -> Result<Settings, CredentialError> {
    let options = ConnectionOptions {
        login: login.map(|text| SecretText(text.to_owned())),
        ..ConnectionOptions::default()
    };
    let environment = variables
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    Settings::resolve(&options, serves, &environment, &mut stdin.as_bytes())
}

#[test]
fn the_first_source_wins() {
    let variables = [
        ("IOTHUB_CONNECTION_STRING", HUB),
        ("IOTHUB_DEVICE_CONNECTION_STRING", DEVICE),
    ];
    assert_eq!(
        resolve(Some(DEVICE), Serves::HubOrDevice, &variables, "")
            .unwrap()
            .origin,
        Origin::Argument
    );
    assert_eq!(
        resolve(Some("-"), Serves::HubOrDevice, &variables, HUB)
            .unwrap()
            .origin,
        Origin::Stdin
    );
    let from_environment = resolve(None, Serves::HubOrDevice, &variables[1..], "")
        .unwrap()
        .origin;
    assert_eq!(
        from_environment,
        Origin::Variable("IOTHUB_DEVICE_CONNECTION_STRING")
    );
    assert!(matches!(
        resolve(None, Serves::Hub, &[], ""),
        Err(CredentialError::Missing { .. })
    ));
}

#[test]
fn a_string_that_cannot_serve_is_named() {
    let error = resolve(Some(DEVICE), Serves::Hub, &[], "")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "--login holds a device connection string, and a hub connection string is needed here"
    );
}

#[test]
fn a_variable_that_cannot_serve_is_named() {
    let error = resolve(
        None,
        Serves::HubOrEventHub,
        &[("IOTHUB_DEVICE_CONNECTION_STRING", DEVICE)],
        "",
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "the environment variable IOTHUB_DEVICE_CONNECTION_STRING holds a device connection string, and a hub or \
         Event Hub-compatible connection string is needed here"
    );
}

#[test]
fn ports_come_from_the_environment() {
    let settings = resolve(Some(HUB), Serves::Hub, &[("HUBCTL_AMQP_PORT", "5999")], "").unwrap();
    assert_eq!(settings.amqp_port, 5999);
    assert!(matches!(
        resolve(Some(HUB), Serves::Hub, &[("HUBCTL_AMQP_PORT", "x")], ""),
        Err(CredentialError::Port { .. })
    ));
}

#[test]
fn the_transport_comes_from_the_environment() {
    let transport = |value: &str| {
        let settings = resolve(Some(HUB), Serves::Hub, &[("HUBCTL_TRANSPORT", value)], "");
        settings.map(|settings| settings.transport)
    };
    assert_eq!(transport("").unwrap(), Transport::Amqp);
    assert_eq!(transport("amqp-ws").unwrap(), Transport::AmqpWs);
    assert!(matches!(
        transport("mqtt").unwrap_err(),
        CredentialError::Transport
    ));
}
