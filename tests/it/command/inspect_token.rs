//! `inspect-token`: what a token opens, each classic mistake by its name, and the signature against a key.

mod mistakes;
mod signature;
mod sources;

use hubctl::model::secret::Secret;
use hubctl::protocol::sas::{self, SigningKey, percent_encode};
use serde_json::Value;

use crate::support::Hubctl;
use crate::support::runner::Finished;

/// `+` and `/` are in it, and in many a signature of it.
const KEY: &str = "+/+/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=";
const OTHER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const HOST: &str = "contoso.azure-devices.net";
const DEVICE: &str = "contoso.azure-devices.net/devices/device1";
/// The year 2100.
const LATER: i64 = 4_102_444_800;

fn key() -> SigningKey {
    SigningKey::decoded(&Secret::new(KEY)).unwrap()
}

fn good() -> String {
    sas::mint(&key(), DEVICE, LATER, None).expose().to_owned()
}

/// A token whose fields are put together as they stand; `sig` is encoded.
fn token(sr: &str, sig: &str, rest: &str) -> String {
    format!("SharedAccessSignature sr={sr}&sig={sig}&{rest}")
}

/// A token over `sr` (as transmitted) and `se`.
fn signed(sr: &str, se: &str, more: &str) -> String {
    let sig = percent_encode(&key().sign(sr, se));
    token(sr, &sig, &format!("se={se}{more}"))
}

fn inspect(token: &str, arguments: &[&str]) -> Finished {
    Hubctl::new(&["inspect-token", token]).args(arguments).run()
}

/// The explanation as JSON, and the exit code.
fn explain(token: &str, arguments: &[&str]) -> (Value, i32) {
    let finished = inspect(token, &[&["--json"], arguments].concat());
    assert!(
        finished.stdout.ends_with("}\n"),
        "{token}\n{}",
        finished.stderr
    );
    (
        serde_json::from_str(&finished.stdout).unwrap(),
        finished.code,
    )
}

/// The findings as `field id`, worst first.
fn findings(explained: &Value) -> Vec<String> {
    let list = explained["findings"].as_array().unwrap();
    list.iter()
        .map(|finding| {
            format!(
                "{} {}",
                finding["field"].as_str().unwrap(),
                finding["id"].as_str().unwrap()
            )
        })
        .collect()
}

/// The finding of this id.
fn finding<'a>(explained: &'a Value, id: &str) -> &'a Value {
    let list = explained["findings"].as_array().unwrap();
    list.iter()
        .find(|finding| finding["id"] == id)
        .unwrap_or_else(|| panic!("no {id} in {explained}"))
}

#[test]
fn a_good_token_is_explained() {
    let finished = inspect(&good(), &["--key", KEY]);
    let sig = key().sign(&percent_encode(DEVICE), &LATER.to_string());
    let shown = finished.success();
    let (head, relative) = shown.split_once("(in ").unwrap();
    let (days, tail) = relative.split_once(")\n").unwrap();
    assert!(days.contains("days"), "{days}");
    assert_eq!(
        head,
        "found in   a bare token\n\
         opens      the device \"device1\" of the hub contoso.azure-devices.net, and its modules\n\
         policy     none: the device's own key signs\n\
         expires    2100-01-01T00:00:00Z "
    );
    assert_eq!(
        tail,
        format!(
            "signature  {}… (right: the key given made it)\n\
             signed     \"contoso.azure-devices.net%2Fdevices%2Fdevice1\\n4102444800\"\n",
            &sig[..4]
        )
    );
}

#[test]
fn what_a_token_opens_is_told() {
    for (resource, policy, expected) in [
        (HOST, Some("service"), "hub"),
        (
            "contoso.azure-devices.net/devices",
            Some("device"),
            "devices",
        ),
        (DEVICE, None, "device"),
        (
            "contoso.azure-devices.net/devices/a%c#/modules/m",
            None,
            "module",
        ),
        (
            "contoso.azure-devices.net/messages/events",
            Some("service"),
            "path",
        ),
        (
            "sb://ns.servicebus.windows.net/hub/$management",
            Some("service"),
            "eventHub",
        ),
        (
            "0ne00ABCDEF/registrations/reg-001",
            Some("registration"),
            "registration",
        ),
    ] {
        let minted = sas::mint(&key(), resource, LATER, policy);
        let (explained, code) = explain(minted.expose(), &[]);
        assert_eq!(
            (code, &explained["opens"]["kind"]),
            (0, &Value::from(expected))
        );
        assert_eq!(explained["policyName"].as_str(), policy);
        assert_eq!(explained["expiry"], LATER);
        assert_eq!(explained["signature"]["result"], "notChecked");
    }
    let minted = sas::mint(&key(), "h.x/devices/a%c#/modules/m", LATER, None);
    let (explained, _) = explain(minted.expose(), &[]);
    assert_eq!(explained["opens"]["deviceId"], "a%c#");
    assert_eq!(explained["opens"]["moduleId"], "m");
}

#[test]
fn every_vector_verifies_in_every_spelling() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../golden/sas_vectors.json")).unwrap();
    let mut checked = 0;
    for vector in vectors {
        let key = vector["key"].as_str().unwrap();
        for spelling in ["token_py_device", "token_py_hub", "token_node"] {
            let (explained, _) = explain(vector[spelling].as_str().unwrap(), &["--key", key]);
            assert_eq!(explained["signature"]["result"], "right", "{explained}");
            checked += 1;
        }
        for (sr, sig) in [("sr_csharp_device", "sig_csharp_device"), ("sr_c", "sig_c")] {
            let (Some(sr), Some(sig)) = (vector[sr].as_str(), vector[sig].as_str()) else {
                continue;
            };
            // An empty skn is what the C SDK sends.
            let text = token(
                sr,
                &percent_encode(sig),
                &format!("se={}&skn=", vector["se"]),
            );
            let (explained, _) = explain(&text, &["--key", key]);
            assert_eq!(explained["signature"]["result"], "right", "{explained}");
            assert_eq!(explained["policyName"], Value::Null);
        }
    }
    assert_eq!(checked, 48);
}

#[test]
fn the_order_of_the_fields_is_no_mistake() {
    let sig = percent_encode(&key().sign(&percent_encode(DEVICE), &LATER.to_string()));
    let text = format!(
        "SharedAccessSignature se={LATER}&sr={}&sig={sig}",
        percent_encode(DEVICE)
    );
    let (explained, code) = explain(&text, &["--key", KEY]);
    assert_eq!((findings(&explained), code), (vec![], 0));
}

/// The right values of `sr`, `sig` (both encoded) and `se`.
fn parts() -> [String; 3] {
    let sr = percent_encode(DEVICE);
    let sig = percent_encode(&key().sign(&sr, &LATER.to_string()));
    [sr, sig, format!("se={LATER}")]
}

#[test]
fn an_expiry_has_its_exit_code() {
    let past = sas::mint(&key(), DEVICE, 1_735_689_600, None);
    let finished = inspect(past.expose(), &["--key", KEY]);
    assert!(finished.stdout.contains("2025-01-01T00:00:00Z (EXPIRED "));
    assert!(
        finished
            .failure(12)
            .contains("error: the token has expired")
    );
    inspect(&good(), &["--min-left", "7d"]).success();
    let years = inspect(&good(), &["--min-left", "36500d"]).failure(12);
    assert!(years.contains("expires within --min-left"), "{years}");
    // A wrong signature comes before an expiry.
    inspect(past.expose(), &["--key", OTHER_KEY]).failure(4);
}

#[test]
fn keys_and_signatures_stay_hidden() {
    let sig = key().sign(&percent_encode(DEVICE), &LATER.to_string());
    for arguments in [
        &["--key", KEY][..],
        &["--key", OTHER_KEY],
        &["--key", KEY, "--json"],
        &["--trace", "--key", KEY],
    ] {
        let finished = inspect(&good(), arguments);
        let all = finished.stdout + &finished.stderr;
        for secret in [KEY, OTHER_KEY, &sig, &sig[5..20], &percent_encode(&sig)] {
            assert!(!all.contains(secret), "{all}");
        }
    }
}
