//! `inspect-token`: what a token opens, each classic mistake by its name, and the signature against a key.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hubctl::model::secret::Secret;
use hubctl::protocol::sas::{self, SigningKey, percent_encode};
use serde_json::Value;

use crate::support::runner::Finished;
use crate::support::{Emulator, Hubctl};

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

/// A token, its one finding, the exit code, and what is said that it should be.
type Case<'a> = (String, &'a str, i32, &'a str);

/// The right values of `sr`, `sig` (both encoded) and `se`.
fn parts() -> [String; 3] {
    let sr = percent_encode(DEVICE);
    let sig = percent_encode(&key().sign(&sr, &LATER.to_string()));
    [sr, sig, format!("se={LATER}")]
}

fn hold(cases: &[Case<'_>]) {
    let secret = key().sign(&percent_encode(DEVICE), &LATER.to_string());
    for (text, expected, code, should_be) in cases {
        let (explained, ended) = explain(text, &[]);
        assert_eq!(findings(&explained)[..], [*expected], "{text}");
        assert_eq!(ended, *code, "{expected}");
        let said = explained["findings"][0]["shouldBe"].as_str().unwrap();
        assert!(said.contains(should_be), "{expected}: {said}");
        assert!(!explained.to_string().contains(&secret[..12]), "{expected}");
    }
}

#[test]
fn mistakes_of_the_resource_are_named() {
    let [sr, sig, se] = parts();
    let over = |sr: &str| token(sr, &sig, &se);
    let scheme = percent_encode("https://contoso.azure-devices.net/devices/d");
    hold(&[
        (
            over(&percent_encode(&sr)),
            "sr resourceDoubleEncoded",
            4,
            &sr,
        ),
        (over(&scheme), "sr scheme", 4, "sr=contoso.azure"),
        (
            over("contoso%2Fdevices%2Fd"),
            "sr hostShort",
            4,
            "contoso.azure-devices.net",
        ),
        (
            over("contoso.x%3A443%2Fdevices%2Fd"),
            "sr hostPort",
            0,
            "sr=contoso.x%2F",
        ),
        (
            over("contoso.x%2Fdevices%2Fa%20b"),
            "sr illegalId",
            4,
            "as it was registered",
        ),
        (
            over("contoso.x%2Fdevices%2Fa+b"),
            "sr rawPlusInResource",
            0,
            "%2B",
        ),
        (
            over("contoso.x%2Fdevices%2Fd%2F"),
            "sr trailingSlash",
            0,
            "sr=contoso.x%2Fdevices%2Fd",
        ),
        (
            over("contoso.x%2Fdevices%2Fd%20"),
            "sr resourceBlanks",
            4,
            "sr=contoso.x%2Fdevices%2Fd",
        ),
    ]);
}

#[test]
fn mistakes_of_the_signature_are_named() {
    let [sr, sig, se] = parts();
    let plain = key().sign(&sr, &LATER.to_string());
    let with = |sig: &str| token(&sr, sig, &se);
    // A signature with a plus and a slash in it, whatever the key.
    let slashed = percent_encode("0CdF+xZ9aZj/m+8prmB/Z6iSmRt5RNHbdw7TFao8TpI=");
    let safe = slashed.replace("%2B", "-").replace("%2F", "_");
    let lower = percent_encode(&plain.to_lowercase());
    let upper = percent_encode(&plain.to_uppercase());
    hold(&[
        (
            with(&percent_encode(&slashed)),
            "sig signatureDoubleEncoded",
            4,
            "not %252B",
        ),
        (with(&slashed.replace("%2B", "+")), "sig rawPlus", 4, "%2B"),
        (with(&slashed.replace("%2F", "/")), "sig rawSlash", 0, "%2F"),
        (
            with(&slashed.replace("%2B", "%20")),
            "sig blankInSignature",
            4,
            "%2B",
        ),
        (with(&lower), "sig lowerCaseSignature", 4, "its own case"),
        (with(&upper), "sig upperCaseSignature", 4, "its own case"),
        (with(&safe), "sig signatureUrlSafe", 4, "plain base64"),
        (
            with(sig.trim_end_matches("%3D")),
            "sig signaturePadding",
            4,
            "%3D",
        ),
        (with(&"0a".repeat(32)), "sig signatureHex", 4, "base64"),
        (with(&sig[8..]), "sig signatureLength", 4, "44"),
        (
            with(&format!("{sig}%0A")),
            "sig signatureWhitespace",
            4,
            "without a line break",
        ),
    ]);
}

#[test]
fn mistakes_of_the_expiry_and_the_policy_are_named() {
    let [sr, sig, se] = parts();
    let until = |se: &str| token(&sr, &sig, &format!("se={se}"));
    hold(&[
        (
            until(&format!("{LATER}000")),
            "se milliseconds",
            4,
            "se=4102444800",
        ),
        (
            until("2100-01-01T00%3A00%3A00Z"),
            "se expiryText",
            4,
            "se=4102444800",
        ),
        (until("tomorrow"), "se expiryText", 4, "seconds since 1970"),
        (
            until("4102444800.5"),
            "se expiryFraction",
            4,
            "se=4102444800",
        ),
        (until("3600"), "se expiryDuration", 12, "3600 s from now"),
        (
            token(&sr, &sig, &format!("{se}&skn=iothubowner")),
            "skn policyOnDevice",
            0,
            "no skn",
        ),
        (
            token(&sr, &sig, &format!("{se}&skn=registration")),
            "skn policyOnDevice",
            4,
            "no skn",
        ),
        (
            token(HOST, &sig, &se),
            "skn policyMissing",
            4,
            "skn=iothubowner",
        ),
        (
            token("0ne0%2Fregistrations%2Fr", &sig, &se),
            "skn policyMissing",
            4,
            "skn=registration",
        ),
        (
            token("sb%3A%2F%2Fns.servicebus.windows.net%2Fe", &sig, &se),
            "skn policyMissing",
            4,
            "skn={policy}",
        ),
    ]);
}

#[test]
fn mistakes_around_the_token_are_named() {
    let good = good();
    let bare = &good["SharedAccessSignature ".len()..];
    hold(&[
        (
            format!("Bearer {good}"),
            "token bearerPrefix",
            4,
            "nothing before",
        ),
        (
            format!("SharedAccessSignature {good}"),
            "token doubledPrefix",
            4,
            "once",
        ),
        (
            bare.to_owned(),
            "token missingPrefix",
            4,
            "SharedAccessSignature sr=",
        ),
        (
            format!("sharedaccesssignature {bare}"),
            "token prefixCase",
            0,
            "SharedAccessSignature",
        ),
        (
            percent_encode(&good),
            "token wholeTokenEncoded",
            4,
            "only the values",
        ),
        (
            format!("{good}\n"),
            "token surroundingWhitespace",
            4,
            "line break",
        ),
        (
            format!(" {good}"),
            "token surroundingWhitespace",
            4,
            "without them",
        ),
        (format!("\"{good}\""), "token quotes", 4, "without quotes"),
        (
            good.replace("&se", "&\nse"),
            "token lineBreak",
            4,
            "one line",
        ),
        (
            good.replace('&', "&amp;"),
            "token htmlAmpersand",
            4,
            "& alone",
        ),
    ]);
}

#[test]
fn missing_and_doubled_fields_are_named() {
    for (text, expected) in [
        (
            "SharedAccessSignature sr=h.x%2Fdevices%2Fd&se=4102444800",
            "sig missingField",
        ),
        (
            "SharedAccessSignature sig=0CdFlxZ9aZj%2Fm%2B8prmB%2FZ6iSmRt5RNHbdw7TFao8TpI%3D&se=4102444800",
            "sr missingField",
        ),
    ] {
        let (explained, code) = explain(text, &[]);
        assert_eq!((findings(&explained)[0].as_str(), code), (expected, 4));
    }
    let (explained, code) = explain(&format!("{}&se=1", good()), &[]);
    assert!(findings(&explained).contains(&"se duplicateField".to_owned()));
    assert_eq!(code, 12, "the last one counts");
    let (explained, _) = explain(&format!("{}&foo=1", good()), &[]);
    assert_eq!(findings(&explained), ["token unknownField"]);
}

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
fn every_file_that_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let help = Hubctl::new(&["sas-token", "--help"]).run().success();
    let mut tried = 0;
    for (format, place) in [
        ("token", "a bare token"),
        ("json", "sasToken, line 1"),
        ("c", "SAS_TOKEN, line"),
        ("arduino", "SAS_TOKEN, line"),
        ("rust", "SAS_TOKEN, line"),
        ("nvs", "sas_token, line"),
        ("cmake", "SAS_TOKEN, line"),
        ("env", "SAS_TOKEN, line"),
        ("curl", "line"),
        ("mqtt", "line"),
        ("connection-string", "a connection string"),
    ] {
        if !help.contains(&format!("- {format}:")) {
            continue;
        }
        let path = folder.path().join(format);
        // Nothing in a connection string can stand for a semicolon.
        let device = match format {
            "connection-string" => "-:.+%_#*?!(),=@$'",
            _ => "-:.+%_#*?!(),=@;$'",
        };
        Hubctl::new(&["sas-token", "-f", format, "--key", KEY, "--hub", HOST])
            .args(&[
                "--expires-at",
                "2100-01-01T00:00:00Z",
                "-o",
                path.to_str().unwrap(),
            ])
            .args(&["--", device])
            .run()
            .success();
        let from_file = format!("@{}", path.display());
        let (explained, code) = explain(&from_file, &["--key", KEY]);
        assert_eq!(code, 0, "{format}: {explained}");
        assert_eq!(explained["signature"]["result"], "right");
        assert_eq!(explained["opens"]["deviceId"], device);
        let found = explained["foundIn"].as_str().unwrap();
        assert!(found.contains(place), "{format}: {found}");
        let piped = Hubctl::new(&["inspect-token", "-"])
            .stdin(fs::read(&path).unwrap())
            .run();
        piped.success();
        tried += 1;
    }
    assert_eq!(tried, 11);
}

#[test]
fn tokens_are_found_in_headers_and_strings() {
    let (explained, code) = explain(&format!("Authorization: {}", good()), &["--key", KEY]);
    assert_eq!((findings(&explained), code), (vec![], 0));
    assert_eq!(explained["foundIn"], "an Authorization header");
    for before in [
        "HostName=contoso.azure-devices.net;DeviceId=device1;SharedAccessSignature=",
        "Endpoint=sb://ns.servicebus.windows.net/;EntityPath=e;SharedAccessSignature=",
    ] {
        let (explained, code) = explain(
            &format!("{before}{};GatewayHostName=x", good()),
            &["--key", KEY],
        );
        assert_eq!((findings(&explained), code), (vec![], 0));
        assert_eq!(explained["foundIn"], "a connection string");
    }
    let json = format!("{{\"t\": \"{}\"}}", good().replace('&', "\\u0026"));
    assert_eq!(explain(&json, &["--key", KEY]).1, 0);
    let two = format!(
        "#define A1_TOKEN \"{}\"\n#define B \"{}\"\n",
        good(),
        good()
    );
    let (explained, code) = explain(&two, &["--key", KEY]);
    assert_eq!(
        (findings(&explained), code),
        (vec!["token moreTokens".to_owned()], 0)
    );
    assert_eq!(explained["foundIn"], "A1_TOKEN, line 1");
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
fn what_is_no_token_is_said_so() {
    let string = format!("HostName={HOST};DeviceId=device1;SharedAccessKey={KEY}");
    for text in [
        "",
        "nonsense",
        "SharedAccessSignature",
        "SharedAccessSignature x",
        &string,
        "SharedAccessSignature=",
    ] {
        let finished = inspect(text, &[]);
        assert_eq!(finished.stdout, "", "{text}");
        let said = finished.failure(3);
        assert!(
            said.contains("there is no SAS token in it"),
            "{text}: {said}"
        );
        assert!(!said.contains(KEY));
    }
    inspect("@missing", &[]).failure(3);
    inspect(&good(), &["--key", ""]).failure(3);
    inspect(&good(), &["-l", "nonsense"]).failure(3);
    let both = inspect("-", &["--key", "-"]).failure(2);
    assert!(both.contains("standard input"), "{both}");
    let json = inspect("x", &["-f", "json"]);
    let error: Value = serde_json::from_str(&json.stderr).unwrap();
    assert_eq!(
        (json.code, &error["error"]["kind"]),
        (3, &Value::from("input"))
    );
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
