//! Where a token may stand: alone, in a file, in a header, in a string.

use std::fs;

use serde_json::Value;

use super::*;

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
