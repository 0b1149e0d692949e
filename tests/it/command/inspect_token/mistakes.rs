//! The classic mistakes, each by its name.

use hubctl::protocol::sas::percent_encode;

use super::*;

/// A token, its one finding, the exit code, and what is said that it should be.
type Case<'a> = (String, &'a str, i32, &'a str);

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
