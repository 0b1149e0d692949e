use super::*;
use crate::model::identifier::IdError;
use proptest::prelude::*;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn parse(text: &str) -> ConnectionString {
    ConnectionString::parse(text).unwrap().connection_string
}

fn error(text: &str) -> ConnectionStringError {
    ConnectionString::parse(text).unwrap_err()
}

#[test]
fn each_kind_is_recognised_and_named() {
    let kinds = [
        (format!("HostName=h.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}"), "a hub (service policy) connection string"),
        (format!("HostName=h;DeviceId=d;SharedAccessKey={KEY}"), "a device connection string"),
        (format!("HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey={KEY}"), "a module connection string"),
        ("HostName=h;DeviceId=d;x509=true".to_owned(), "a device connection string for a certificate (x509)"),
        ("HostName=h;DeviceId=d;SharedAccessSignature=SharedAccessSignature sr=h&sig=a%3D&se=1".to_owned(), "a device connection string"),
        (format!("HostName=h;DeviceId=d;SharedAccessKey={KEY};GatewayHostName=edge"), "a device connection string"),
        ("Endpoint=sb://n.servicebus.windows.net/;SharedAccessKeyName=p;SharedAccessKey=not base64!;EntityPath=e".to_owned(), "an Event Hub-compatible connection string"),
        ("Endpoint=sb://localhost;SharedAccessKeyName=p;SharedAccessKey=k;UseDevelopmentEmulator=true;".to_owned(), "an Event Hubs emulator connection string"),
    ];
    for (text, name) in kinds {
        assert_eq!(parse(&text).kind_name(), name, "{text}");
        assert_eq!(parse(&parse(&text).write()), parse(&text));
    }
}

#[test]
fn order_case_blanks_quotes_and_a_trailing_semicolon_do_not_matter() {
    let plain = parse(&format!(
        "HostName=h:8443;SharedAccessKeyName=p;SharedAccessKey={KEY}"
    ));
    for text in [
        format!("sharedaccesskey={KEY};SHAREDACCESSKEYNAME=p;hostname=h:8443"),
        format!("  \"HostName=h:8443;SharedAccessKeyName=p;SharedAccessKey={KEY};\"\r\n"),
        format!("'HostName = h:8443 ; SharedAccessKeyName= p;; SharedAccessKey={KEY}'"),
    ] {
        assert_eq!(parse(&text), plain, "{text}");
    }
}

#[test]
fn an_id_may_hold_a_semicolon_and_an_equals_sign() {
    let id = "-:.+%_#*?!(),=@;$'";
    let ConnectionString::Device(device) =
        parse(&format!("HostName=h;DeviceId={id};SharedAccessKey={KEY}"))
    else {
        panic!("no device");
    };
    assert_eq!(device.device_id.as_str(), id);
}

#[test]
fn each_error_names_its_place() {
    use ConnectionStringError as E;
    assert_eq!(error("  "), E::Empty);
    assert_eq!(error("SharedAccessSignature sr=h&sig=x&se=1"), E::SasToken);
    assert_eq!(error(KEY), E::NoPairs);
    assert_eq!(error("contoso.azure-devices.net"), E::NoPairs);
    assert_eq!(
        error("HostName=h;oops;SharedAccessKey=x"),
        E::MissingEquals {
            number: 2,
            place: Place(12)
        }
    );
    assert_eq!(
        error("HostName=h;=x"),
        E::MissingName {
            number: 2,
            place: Place(12)
        }
    );
    assert_eq!(
        error("HostName=;DeviceId=d"),
        E::EmptyValue {
            key: "HostName",
            place: Place(1)
        }
    );
    assert_eq!(
        error("HostName=h;hostname=i"),
        E::DuplicateKey {
            key: "HostName",
            place: Place(12)
        }
    );
    assert!(matches!(
        error(&format!("DeviceId=d;SharedAccessKey={KEY}")),
        E::MissingKey {
            key: "HostName",
            ..
        }
    ));
}

#[test]
fn each_wrong_value_names_its_place() {
    use ConnectionStringError as E;
    assert_eq!(
        error("HostName=h;SharedAccessKeyName=p;SharedAccesKey=x"),
        E::MisspeltKey {
            key: "SharedAccessKey",
            found: "SharedAccesKey".into(),
            place: Place(34)
        }
    );
    assert_eq!(
        error("HostName=h;SharedAccessKeyName=p;SharedAccessKey=ab*d"),
        E::NotBase64 {
            key: "SharedAccessKey",
            what: "a character that base64 does not have",
            place: Place(52)
        }
    );
    assert!(matches!(
        error("HostName=h;DeviceId=d;SharedAccessKey=MDEy\nMzQ1"),
        E::NotBase64 {
            place: Place(43),
            ..
        }
    ));
    assert!(matches!(
        error("HostName=h;DeviceId=d;SharedAccessKey=MDEyM"),
        E::NotBase64 { .. }
    ));
    assert_eq!(
        error(&format!(
            "HostName=h;DeviceId=d;x509=true;SharedAccessKey={KEY}"
        )),
        E::TwoCredentials {
            first: "x509",
            second: "SharedAccessKey"
        }
    );
    assert!(matches!(
        error(&format!(
            "HostName=https://h;DeviceId=d;SharedAccessKey={KEY}"
        )),
        E::Host {
            place: Place(15),
            ..
        }
    ));
    assert_eq!(
        error(&format!("HostName=h;DeviceId=a b;SharedAccessKey={KEY}")),
        E::Id {
            key: "DeviceId",
            place: Place(21),
            source: IdError::IllegalCharacter {
                character: ' ',
                position: 2
            }
        }
    );
    assert_eq!(
        error("Endpoint=https://x;SharedAccessKeyName=p;SharedAccessKey=k"),
        E::Endpoint { place: Place(10) }
    );
    assert_eq!(
        error("HostName=h;DeviceId=d;SharedAccessSignature=abc"),
        E::Token { place: Place(45) }
    );
    assert_eq!(
        error("HostName=h;ModuleId=m;SharedAccessKeyName=p;SharedAccessKey=MDEy"),
        E::ModuleWithoutDevice { place: Place(12) }
    );
}

#[test]
fn a_policy_and_a_device_do_not_go_together() {
    let error = error(&format!(
        "HostName=h;DeviceId=d;SharedAccessKeyName=p;SharedAccessKey={KEY}"
    ));
    assert_eq!(
        error.to_string(),
        "DeviceId and SharedAccessKeyName (at character 23) are both given: a device's own string has no \
         SharedAccessKeyName"
    );
}

#[test]
fn a_key_that_lost_its_name_is_found() {
    let bare = KEY.trim_end_matches('=');
    for (text, said) in [
        (
            format!("HostName=h;DeviceId=d;SharedAccessKey:{KEY}"),
            "SharedAccessKey (at character 23) is followed by ':' where '=' belongs",
        ),
        (
            format!("HostName=h;DeviceId=d;SharedAccessKey:{bare}"),
            "SharedAccessKey (at character 23) is followed by ':' where '=' belongs",
        ),
        (
            format!("HostName=h;DeviceId=d;{bare}/+"),
            "SharedAccessKey is missing; the piece at character 23 has no '=' and was read as the rest of DeviceId: is it \
             the key?",
        ),
        (
            format!("HostName=h;DeviceId=d;{KEY}"),
            "SharedAccessKey is missing; is the element at character 23 the key without its name?",
        ),
        (
            format!("HostName=h,DeviceId=d,SharedAccessKey={KEY}"),
            "the ',' at character 11, before DeviceId, stands where ';' belongs",
        ),
        (
            format!("HostName=h;DeviceId=d, SharedAccessKey={KEY}"),
            "the ',' at character 22, before SharedAccessKey, stands where ';' belongs",
        ),
    ] {
        assert_eq!(error(&text).to_string(), said);
    }
}

#[test]
fn strings_of_other_services_are_named() {
    for (text, service) in [
        (
            format!(
                "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY};EndpointSuffix=core.windows.net"
            ),
            "an Azure Storage",
        ),
        (
            format!("AccountEndpoint=https://a.documents.azure.com:443/;AccountKey={KEY}"),
            "an Azure Cosmos DB",
        ),
    ] {
        assert_eq!(
            error(&text),
            ConnectionStringError::OtherService { service }
        );
    }
    let namespace = format!(
        "Endpoint=sb://n.servicebus.windows.net/;SharedAccessKeyName=p;SharedAccessKey={KEY}"
    );
    assert_eq!(
        parse(&namespace).kind_name(),
        "a Service Bus or Event Hubs namespace's connection string"
    );
}

#[test]
fn unknown_keys_are_warned_of_and_secrets_in_them_are_not_repeated() {
    let parsed = ConnectionString::parse(&format!(
        "HostName=h;Colour=blue;DeviceId=d;{KEY};SharedAccessKey={KEY}"
    ));
    let warnings: Vec<String> = parsed
        .unwrap()
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].contains("Colour") && warnings[0].contains("character 12"));
    assert!(!warnings[1].contains(&KEY[..20]));
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = ConnectionString::parse(&text);
    }

    #[test]
    fn nothing_of_a_value_shows_in_an_error(value in "[A-Za-z0-9+/*]{12,40}", cut in 0_usize..6) {
        let templates = [
            format!("HostName=h;SharedAccessKeyName=p;SharedAccessKey={value}"),
            format!("HostName=h;DeviceId=d;SharedAccessKey={value}"),
            format!("HostName=h;{value}"),
            format!("{value}=;HostName=h"),
            format!("HostName=h;DeviceId=d;SharedAccessSignature={value}"),
            value.clone(),
        ];
        if let Err(error) = ConnectionString::parse(&templates[cut]) {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(&value));
        }
    }
}
