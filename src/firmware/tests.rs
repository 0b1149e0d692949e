use chrono::{TimeZone as _, Utc};
use clap::ValueEnum as _;
use proptest::prelude::*;

use super::*;
use crate::model::connection_string::Host;
use crate::model::secret::Secret;
use crate::protocol::sas::{self, SigningKey};

mod quoting;

/// Every character that an id may hold, the question marks so that they would make trigraphs.
const EVERY_CHARACTER: &str = "AZaz09-:.+%_#*??!(),=@;$'??)??(";

fn flashed(subject: Subject, policy: Option<&str>, prefix: &str) -> Flashed {
    flashed_at("contoso.azure-devices.net", subject, policy, prefix)
}

fn flashed_at(host: &str, subject: Subject, policy: Option<&str>, prefix: &str) -> Flashed {
    let host = Host::parse(host).unwrap();
    let key = Secret::new("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let token = sas::mint(
        &SigningKey::decoded(&key).unwrap(),
        &subject.resource(&host),
        1_735_689_600,
        policy,
    );
    Flashed {
        host,
        subject,
        policy: policy.map(str::to_owned),
        token,
        expires: Utc.timestamp_opt(1_735_689_600, 0).unwrap(),
        made: Utc.timestamp_opt(1_735_686_000, 0).unwrap(),
        prefix: if prefix.is_empty() {
            Prefix::default()
        } else {
            prefix.parse().unwrap()
        },
        protocol: None,
        mqtt_port: 8883,
        roots: None,
        ca_file: None,
    }
}

fn with_roots() -> Flashed {
    Flashed {
        roots: Some(Roots::azure()),
        ..flashed(device("device1"), None, "")
    }
}

/// As for a hub on this machine.
fn local() -> Flashed {
    Flashed {
        mqtt_port: 18883,
        ca_file: Some("it's here/ca.pem".to_owned()),
        ..flashed_at("localhost:8443", device("device1"), None, "")
    }
}

fn device(id: &str) -> Subject {
    Subject::Device(id.parse().unwrap())
}

/// The text with the version taken out, so that a release changes no snapshot.
fn written(format: Format, flashed: &Flashed) -> String {
    format.write(flashed).unwrap().replace(
        concat!("hubctl ", env!("CARGO_PKG_VERSION")),
        "hubctl VERSION",
    )
}

macro_rules! snapshot {
    ($name:literal, $text:expr) => {
        insta::with_settings!({
            omit_expression => true,
            prepend_module_to_snapshot => false,
            snapshot_path => "../../tests/it/golden/firmware",
        }, {
            insta::assert_snapshot!($name, $text);
        });
    };
}

#[test]
fn each_format_for_a_device() {
    let flashed = flashed(device("device1"), None, "");
    snapshot!("device_token", written(Format::Token, &flashed));
    snapshot!("device_json", written(Format::Json, &flashed));
    snapshot!("device_c", written(Format::C, &flashed));
    snapshot!("device_rust", written(Format::Rust, &flashed));
    snapshot!("device_env", written(Format::Env, &flashed));
}

#[test]
fn each_further_format_for_a_device() {
    let flashed = flashed(device("device1"), None, "");
    snapshot!("device_nvs", written(Format::Nvs, &flashed));
    snapshot!("device_cmake", written(Format::Cmake, &flashed));
    snapshot!("device_arduino", written(Format::Arduino, &flashed));
    snapshot!("device_curl", written(Format::Curl, &flashed));
    snapshot!("device_mqtt", written(Format::Mqtt, &flashed));
    snapshot!(
        "device_connection_string",
        written(Format::ConnectionString, &flashed)
    );
}

#[test]
fn a_hub_on_this_machine() {
    snapshot!("local_curl", written(Format::Curl, &local()));
    snapshot!("local_mqtt", written(Format::Mqtt, &local()));
}

#[test]
fn each_format_with_what_to_trust() {
    let flashed = with_roots();
    snapshot!("roots_c", written(Format::C, &flashed));
    snapshot!("roots_arduino", written(Format::Arduino, &flashed));
    snapshot!("roots_rust", written(Format::Rust, &flashed));
    snapshot!("roots_nvs", written(Format::Nvs, &flashed));
    snapshot!("roots_cmake", written(Format::Cmake, &flashed));
    snapshot!("roots_json", written(Format::Json, &flashed));
}

#[test]
fn one_protocol_leaves_the_others_names_out() {
    let names = |protocol| {
        let flashed = Flashed {
            protocol,
            ..flashed(device("d"), None, "")
        };
        flashed
            .facts()
            .iter()
            .map(|fact| fact.name)
            .collect::<Vec<_>>()
    };
    let all = names(None);
    assert_eq!(all.len(), 11);
    let https = names(Some(Protocol::Https));
    assert!(https.contains(&"IOT_HUB_EVENTS_URL") && https.contains(&"SAS_TOKEN"));
    assert!(!https.iter().any(|name| name.contains("MQTT")));
    let mqtt = names(Some(Protocol::Mqtt));
    assert!(mqtt.contains(&"IOT_HUB_MQTT_TOPIC") && mqtt.contains(&"SAS_TOKEN"));
    assert!(!mqtt.iter().any(|name| name.contains("EVENTS")));
}

#[test]
fn what_a_format_cannot_say_is_refused() {
    let module = Subject::Module("d".parse().unwrap(), "m".parse().unwrap());
    let cases = [
        (Format::Curl, Subject::Hub, None, Unsuited::NoHttps),
        (Format::Curl, module.clone(), None, Unsuited::NoHttps),
        (Format::C, module, Some(Protocol::Https), Unsuited::NoHttps),
        (Format::Mqtt, Subject::Hub, None, Unsuited::NoMqtt),
        (
            Format::Curl,
            device("d"),
            Some(Protocol::Mqtt),
            Unsuited::OtherProtocol,
        ),
        (
            Format::Mqtt,
            device("d"),
            Some(Protocol::Https),
            Unsuited::OtherProtocol,
        ),
        (
            Format::ConnectionString,
            device("a;b"),
            None,
            Unsuited::Semicolon,
        ),
    ];
    for (format, subject, protocol, expected) in cases {
        let flashed = Flashed {
            protocol,
            ..flashed(subject, None, "")
        };
        assert_eq!(format.write(&flashed), Err(expected), "{format:?}");
    }
}

#[test]
fn every_name_has_a_key_that_nvs_takes() {
    let module = Subject::Module("d".parse().unwrap(), "m".parse().unwrap());
    let mut keys = Vec::new();
    for flashed in [with_roots(), flashed(module, None, "")] {
        for fact in flashed.facts() {
            let key = nvs::key(fact.name).unwrap();
            assert!(key.len() <= 15, "{key}");
            keys.push(key);
        }
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 13);
}

#[test]
fn an_earlier_text_gives_its_token_and_its_time_back() {
    let flashed = with_roots();
    for format in Format::value_variants() {
        let text = format.write(&flashed).unwrap();
        assert_eq!(
            earlier::token_in(&text),
            Some(flashed.token.expose()),
            "{format:?}"
        );
        let made = earlier::made_in(&text);
        match format {
            Format::Token | Format::Curl | Format::ConnectionString => assert_eq!(made, None),
            Format::Json
            | Format::C
            | Format::Arduino
            | Format::Rust
            | Format::Nvs
            | Format::Cmake
            | Format::Env
            | Format::Mqtt => assert_eq!(made, Some(flashed.made), "{format:?}"),
        }
    }
    assert_eq!(earlier::token_in("SharedAccessSignature"), None);
    assert_eq!(earlier::made_in("Made by hubctl"), None);
    assert_eq!(earlier::made_in("Made by hubctl 1 at noon."), None);
}

#[test]
fn a_module_with_a_prefix() {
    let subject = Subject::Module("device1".parse().unwrap(), "mod1".parse().unwrap());
    let flashed = flashed(subject, None, "DEV1_");
    snapshot!("module_c", written(Format::C, &flashed));
    snapshot!("module_env", written(Format::Env, &flashed));
}

#[test]
fn a_whole_hub() {
    let flashed = flashed(Subject::Hub, Some("service"), "");
    snapshot!("hub_c", written(Format::C, &flashed));
    snapshot!("hub_json", written(Format::Json, &flashed));
    snapshot!(
        "hub_connection_string",
        written(Format::ConnectionString, &flashed)
    );
}

#[test]
fn every_legal_character_in_c() {
    snapshot!(
        "every_character_c",
        written(Format::C, &flashed(device(EVERY_CHARACTER), None, ""))
    );
}

#[test]
fn the_port_stands_in_the_address_alone() {
    let mut flashed = flashed(device("d"), None, "");
    flashed.host = Host::parse("localhost:8443").unwrap();
    let value = |name: &str| {
        let facts = flashed.facts();
        let fact = facts.iter().find(|fact| fact.name == name).unwrap().clone();
        match fact.value {
            Value::Text(text) => text,
            Value::Seconds(_) | Value::Length(_) | Value::Pem(_) => panic!("{name} is a number"),
        }
    };
    assert_eq!(value("IOT_HUB_HOST"), "localhost");
    assert_eq!(
        value("IOT_HUB_EVENTS_URL"),
        "https://localhost:8443/devices/d/messages/events?api-version=2021-04-12"
    );
    assert_eq!(
        value("IOT_HUB_MQTT_USERNAME"),
        "localhost/d/?api-version=2021-04-12"
    );
}

#[test]
fn prefixes_that_no_name_begins_with_are_refused() {
    assert_eq!("_A".parse::<Prefix>(), Err(PrefixError::Start));
    assert_eq!("1A".parse::<Prefix>(), Err(PrefixError::Start));
    assert_eq!("".parse::<Prefix>(), Err(PrefixError::Start));
    assert_eq!(
        "A-B".parse::<Prefix>(),
        Err(PrefixError::Character { character: '-' })
    );
    assert_eq!("A".repeat(41).parse::<Prefix>(), Err(PrefixError::TooLong));
}

#[test]
fn nothing_of_the_token_is_in_debug() {
    let text = format!("{:?}", flashed(device("d"), None, "").facts());
    assert!(!text.contains("sig="), "{text}");
}

/// The token for any key, host, id, policy and expiry, and the lengths that are written beside it.
fn lengths_of(
    key: &[u8; 32],
    host: &str,
    subject: Subject,
    policy: Option<&str>,
    expiry: i64,
) -> (usize, usize, usize) {
    use base64::Engine as _;
    let mut flashed = flashed(subject, policy, "");
    flashed.host = Host::parse(host).unwrap();
    flashed.expires = Utc.timestamp_opt(expiry, 0).unwrap();
    let key = Secret::new(base64::engine::general_purpose::STANDARD.encode(key));
    flashed.token = sas::mint(
        &SigningKey::decoded(&key).unwrap(),
        &flashed.subject.resource(&flashed.host),
        expiry,
        policy,
    );
    let mut lengths = flashed
        .facts()
        .into_iter()
        .filter_map(|fact| match fact.value {
            Value::Length(length) => Some(length),
            Value::Text(_) | Value::Seconds(_) | Value::Pem(_) => None,
        });
    let length = lengths.next().unwrap();
    (
        flashed.token.expose().len(),
        length,
        lengths.next().unwrap(),
    )
}

proptest! {
    #[test]
    fn an_earlier_token_is_found_whatever_the_id(id in "[A-Za-z0-9:.+%_#*?!(),=@$'-]{1,128}", policy in prop::option::of("[A-Za-z0-9 &=_-]{1,20}")) {
        let flashed = flashed(device(&id), policy.as_deref(), "");
        for format in Format::value_variants() {
            let text = format.write(&flashed).unwrap();
            prop_assert_eq!(earlier::token_in(&text), Some(flashed.token.expose()));
        }
    }

    #[test]
    fn lengths_hold_for_every_key(
        key in any::<[u8; 32]>(),
        host in "[a-z0-9][a-z0-9._-]{0,60}(:[1-9][0-9]{0,3})?",
        id in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,128}",
        module in prop::option::of("[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,128}"),
        policy in prop::option::of("[A-Za-z0-9 &=_-]{1,64}"),
        expiry in 0_i64..=9_999_999_999,
    ) {
        let module = module.map(|module| module.parse().unwrap());
        let subject = Subject::of(id.parse().unwrap(), module);
        let (token, length, longest) = lengths_of(&key, &host, subject, policy.as_deref(), expiry);
        prop_assert_eq!(token, length);
        // What may be missing: digits of the expiry, and two bytes for each of the 42 characters that might be encoded.
        let digits = 10 - expiry.to_string().len();
        prop_assert!(length + digits <= longest && longest <= length + digits + 84);
        prop_assert_eq!((longest - length - digits) % 2, 0);
    }

    #[test]
    fn every_token_fits_the_longest(id in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,128}", expiry in 0_i64..9_999_999_999) {
        let mut flashed = flashed(device(&id), None, "");
        flashed.expires = Utc.timestamp_opt(expiry, 0).unwrap();
        let lengths: Vec<usize> = flashed.facts().into_iter().filter_map(|fact| match fact.value {
            Value::Length(length) => Some(length),
            Value::Text(_) | Value::Seconds(_) | Value::Pem(_) => None,
        }).collect();
        prop_assert!(lengths[0] <= lengths[1]);
    }
}
