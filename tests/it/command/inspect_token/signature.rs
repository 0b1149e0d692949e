//! The signature against a key: what was signed instead, and with which key.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hubctl::model::secret::Secret;
use hubctl::protocol::sas::{self, SigningKey, percent_encode};
use serde_json::Value;

use super::*;
use crate::support::Emulator;

#[test]
fn a_wrong_signature_points_at_the_field() {
    let sr = percent_encode(DEVICE);
    let se = LATER.to_string();
    let with = |signer: &SigningKey, sr_signed: &str, se_signed: &str| {
        let sig = percent_encode(&signer.sign(sr_signed, se_signed));
        token(&sr, &sig, &format!("se={LATER}"))
    };
    let raw = SigningKey::raw(&Secret::new(KEY)).unwrap();
    let raw_broken = SigningKey::raw(&Secret::new(format!("{KEY}\n"))).unwrap();
    let joined = |text: &str| {
        let sig = percent_encode(&STANDARD.encode(key().digest(text)));
        token(&sr, &sig, &format!("se={LATER}"))
    };
    for (text, expected, said) in [
        (with(&raw, &sr, &se), "key rawKey", "Event Hubs"),
        (
            with(&raw_broken, &sr, &se),
            "key keyLineBreak",
            "line break",
        ),
        (
            with(&key(), DEVICE, &se),
            "sr signedOtherResource",
            "not percent-encoded",
        ),
        (
            with(&key(), &percent_encode(&sr), &se),
            "sr signedOtherResource",
            "twice",
        ),
        (
            with(&key(), &sr.to_lowercase(), &se),
            "sr signedOtherResource",
            "lower case",
        ),
        (
            with(&key(), HOST, &se),
            "sr signedOtherResource",
            "the host alone",
        ),
        (
            with(&key(), &sr, &format!("{LATER}000")),
            "se signedOtherExpiry",
            "milliseconds",
        ),
        (
            joined(&format!("{sr}\r\n{se}")),
            "sig signedOtherJoin",
            "carriage return",
        ),
        (
            joined(&format!("{sr}\n{se}\n")),
            "sig signedOtherJoin",
            "behind se",
        ),
        (
            joined(&format!("{sr}{se}")),
            "sig signedOtherJoin",
            "nothing stood between",
        ),
        (
            with(
                &SigningKey::decoded(&Secret::new(OTHER_KEY)).unwrap(),
                &sr,
                &se,
            ),
            "key wrongKey",
            "another key",
        ),
    ] {
        let (explained, code) = explain(&text, &["--key", KEY]);
        assert_eq!(findings(&explained), [expected], "{explained}");
        assert!(explained.to_string().contains(said), "{explained}");
        assert_eq!(
            (code, &explained["signature"]["result"]),
            (4, &Value::from("wrong"))
        );
    }
}

#[test]
fn a_signature_that_lost_its_case_is_known_again() {
    let [sr, _, se] = parts();
    let lower = percent_encode(&key().sign(&sr, &LATER.to_string()).to_lowercase());
    let (explained, code) = explain(&token(&sr, &lower, &se), &["--key", KEY]);
    assert_eq!(
        (findings(&explained), code),
        (vec!["sig lowerCaseSignature".to_owned()], 4)
    );
    assert_eq!(explained["signature"]["result"], "rightOnceMended");
    let raw = SigningKey::raw(&Secret::new(KEY)).unwrap();
    let raw = sas::mint(&raw, DEVICE, LATER, None);
    let failure = inspect(raw.expose(), &["--key", KEY]).failure(4);
    assert!(
        failure.starts_with("error: the signature is wrong\n  because: key: "),
        "{failure}"
    );
}

#[test]
fn a_login_tells_what_was_meant() {
    let login = format!("HostName={HOST};DeviceId=device1;SharedAccessKey={KEY}");
    let device = |sr: &str| signed(&percent_encode(sr), &LATER.to_string(), "");
    for (text, expected, should_be) in [
        (
            device("fabrikam.azure-devices.net/devices/device1"),
            "wrongHost",
            "sr=contoso.azure-devices.net%2Fdevices%2Fdevice1",
        ),
        (
            device("contoso.azure-devices.net/devices/Device1"),
            "idCase",
            "sr=contoso.azure-devices.net%2Fdevices%2Fdevice1",
        ),
        (
            device("contoso.azure-devices.net/devices/two"),
            "wrongId",
            "sr=contoso.azure-devices.net%2Fdevices%2Fdevice1",
        ),
        (
            signed(&percent_encode(DEVICE), &LATER.to_string(), "&skn=device"),
            "policyOnDevice",
            "no skn at all",
        ),
    ] {
        let (explained, code) = explain(&text, &["-l", &login]);
        assert_eq!(code, 4, "{explained}");
        assert_eq!(
            explained["findings"].as_array().unwrap().len(),
            1,
            "{explained}"
        );
        assert_eq!(finding(&explained, expected)["shouldBe"], should_be);
    }
    inspect(&device(DEVICE), &["-l", &login]).success();

    let hub = format!("HostName={HOST};SharedAccessKeyName=service;SharedAccessKey={KEY}");
    let owner = sas::mint(&key(), HOST, LATER, Some("iothubowner"));
    let (explained, _) = explain(owner.expose(), &["-l", &hub]);
    assert_eq!(
        finding(&explained, "wrongPolicy")["shouldBe"],
        "skn=service"
    );
    let unnamed = sas::mint(&key(), HOST, LATER, None);
    let (explained, _) = explain(unnamed.expose(), &["-l", &hub]);
    assert_eq!(
        finding(&explained, "policyMissing")["shouldBe"],
        "skn=service"
    );
    let for_device = sas::mint(&key(), DEVICE, LATER, Some("service"));
    let (explained, code) = explain(for_device.expose(), &["-l", &hub]);
    assert_eq!(
        (
            finding(&explained, "policyOnDevice")["severity"].as_str(),
            code
        ),
        (Some("note"), 0)
    );
}

#[test]
fn an_event_hubs_key_signs_as_text() {
    let login = format!(
        "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=service;SharedAccessKey={KEY};EntityPath=e"
    );
    let resource = "sb://ns.servicebus.windows.net/e";
    let raw = SigningKey::raw(&Secret::new(KEY)).unwrap();
    let right = sas::mint(&raw, resource, LATER, Some("service"));
    inspect(right.expose(), &["-l", &login]).success();
    let decoded = sas::mint(&key(), resource, LATER, Some("service"));
    let (explained, code) = explain(decoded.expose(), &["-l", &login]);
    assert_eq!(
        (findings(&explained), code),
        (vec!["key decodedKey".to_owned()], 4)
    );
}

#[test]
fn a_key_with_a_line_break_is_told() {
    let broken = format!("{}\n{}", &KEY[..20], &KEY[20..]);
    let (explained, code) = explain(&good(), &["--key", &broken]);
    assert_eq!(
        (findings(&explained), code),
        (vec!["key keyLineBreak".to_owned()], 4)
    );
    assert_eq!(explained["signature"]["result"], "right");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, format!("{KEY}\n")).unwrap();
    let from_file = format!("@{}", path.display());
    let (explained, code) = explain(&good(), &["--key", &from_file]);
    assert_eq!((findings(&explained), code), (vec![], 0));
}

#[test]
fn a_hubs_login_looks_the_devices_keys_up() {
    let emulator = Emulator::start(&[]);
    let part = |text: &str, name: &str| {
        let parts = text.split(';');
        let mut values = parts.filter_map(|part| part.strip_prefix(name));
        values.next().unwrap().to_owned()
    };
    let device_key = part(emulator.device("device1"), "SharedAccessKey=");
    let device_key = SigningKey::decoded(&Secret::new(device_key)).unwrap();
    let policy_key = part(emulator.hub(), "SharedAccessKey=");
    let policy_key = SigningKey::decoded(&Secret::new(policy_key)).unwrap();
    let host = part(emulator.hub(), "HostName=");
    let host = host.split(':').next().unwrap();
    let explain = |token: &Secret| {
        let login = [
            "inspect-token",
            token.expose(),
            "--json",
            "-l",
            emulator.hub(),
        ];
        let finished = emulator.hubctl(&login).run();
        let shown: Value = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|_| panic!("{}", finished.stderr));
        (shown, finished.code)
    };
    let device = format!("{host}/devices/device1");
    let right = sas::mint(&device_key, &device, LATER, None);
    let (explained, code) = explain(&right);
    assert_eq!((findings(&explained), code), (vec![], 0));
    assert_eq!(explained["signature"]["key"], "the device's primary key");

    let (explained, code) = explain(&sas::mint(&device_key, &device, LATER, Some("iothubowner")));
    assert_eq!(
        (findings(&explained), code),
        (vec!["skn policyOnDevice".to_owned()], 4)
    );
    let (explained, code) = explain(&sas::mint(&policy_key, &device, LATER, None));
    assert_eq!(
        (findings(&explained), code),
        (vec!["skn policyMissing".to_owned()], 4)
    );
    let (explained, code) = explain(&sas::mint(&key(), &device, LATER, None));
    assert_eq!(
        (findings(&explained), code),
        (vec!["key wrongKey".to_owned()], 4)
    );
    // Without the device there is nothing to check with; what is known without it is told all the same.
    let nobody = format!("{host}/devices/nobody");
    let (explained, code) = explain(&sas::mint(&device_key, &nobody, LATER, None));
    assert_eq!(
        (&explained["signature"]["result"], code),
        (&Value::from("notChecked"), 5)
    );
}
