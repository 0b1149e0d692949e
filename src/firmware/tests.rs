use chrono::{TimeZone as _, Utc};
use proptest::prelude::*;

use super::*;
use crate::model::connection_string::Host;
use crate::model::secret::Secret;
use crate::protocol::sas::{self, SigningKey};

/// Every character that an id may hold, the question marks so that they would make trigraphs.
const EVERY_CHARACTER: &str = "AZaz09-:.+%_#*??!(),=@;$'??)??(";

fn flashed(subject: Subject, policy: Option<&str>, prefix: &str) -> Flashed {
    let host = Host::parse("contoso.azure-devices.net").unwrap();
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
    }
}

fn device(id: &str) -> Subject {
    Subject::Device(id.parse().unwrap())
}

/// The text with the version taken out, so that a release changes no snapshot.
fn written(format: Format, flashed: &Flashed) -> String {
    format.write(flashed).replace(
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
            Value::Seconds(_) | Value::Length(_) => panic!("{name} is a number"),
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

/// What a C compiler makes of a literal: phase 1 replaces trigraphs, then escapes are read (C99 §5.1.1.2).
fn read_c(literal: &str) -> Vec<u8> {
    const TRIGRAPHS: [(&str, &str); 9] = [
        ("??=", "#"),
        ("??(", "["),
        ("??/", "\\"),
        ("??)", "]"),
        ("??'", "^"),
        ("??<", "{"),
        ("??!", "|"),
        ("??>", "}"),
        ("??-", "~"),
    ];
    let mut text = literal.to_owned();
    for (trigraph, character) in TRIGRAPHS {
        text = text.replace(trigraph, character);
    }
    let inner = text.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
    let mut bytes = inner.bytes().peekable();
    let mut read = Vec::new();
    while let Some(byte) = bytes.next() {
        assert_ne!(byte, b'"', "the literal ends early");
        if byte != b'\\' {
            read.push(byte);
            continue;
        }
        let escaped = bytes.next().unwrap();
        if !escaped.is_ascii_digit() {
            read.push(escaped);
            continue;
        }
        let mut value = u32::from(escaped - b'0');
        for _ in 0..2 {
            value = value * 8 + u32::from(bytes.next().unwrap() - b'0');
        }
        read.push(u8::try_from(value).unwrap());
    }
    read
}

/// What a shell makes of a word of single-quoted pieces and escaped quotes; nothing else may stand there.
fn read_shell(word: &str) -> String {
    let mut read = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(r"\'") {
            read.push('\'');
            rest = after;
            continue;
        }
        let (piece, after) = rest.strip_prefix('\'').unwrap().split_once('\'').unwrap();
        read.push_str(piece);
        rest = after;
    }
    read
}

proptest! {
    #[test]
    fn c_reads_back_what_was_quoted(text in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{0,128}|[?/!'<>=()-]{0,20}|\\PC{0,20}|[\"\\\\?\n\u{0}0-9]{0,20}") {
        let quoted = c::quote(&text);
        prop_assert!(quoted.is_ascii());
        prop_assert_eq!(read_c(&quoted), text.as_bytes());
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted(text in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{0,128}|\\PC{0,20}") {
        prop_assert_eq!(read_shell(&env::quote(&text)), text);
    }

    #[test]
    fn rust_keeps_legal_ids_as_they_are(text in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{0,128}") {
        prop_assert_eq!(rust::quote(&text), format!("\"{text}\""));
    }

    #[test]
    fn every_token_fits_the_longest(id in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,128}", expiry in 0_i64..9_999_999_999) {
        let mut flashed = flashed(device(&id), None, "");
        flashed.expires = Utc.timestamp_opt(expiry, 0).unwrap();
        let lengths: Vec<usize> = flashed.facts().into_iter().filter_map(|fact| match fact.value {
            Value::Length(length) => Some(length),
            Value::Text(_) | Value::Seconds(_) => None,
        }).collect();
        prop_assert!(lengths[0] <= lengths[1]);
    }
}
