//! `monitor-events`: how events are shown.

use crate::support::{Emulator, Hubctl};

/// A hub with one event of each body, in this order.
fn hub_with(bodies: &[&[u8]]) -> Emulator {
    let hub = Emulator::start(&["--partitions", "1"]);
    for body in bodies {
        hub.owner(&["send", "device1", "-", "-p", "alert=true"])
            .stdin(*body)
            .run()
            .success();
    }
    hub
}

fn shown(hub: &Emulator, arguments: &[&str]) -> String {
    hub.owner(&["monitor-events", "-s", "0", "--exit-at-end"])
        .args(arguments)
        .run()
        .success()
}

#[test]
fn csv_is_what_spreadsheets_read() {
    let hub = hub_with(&[
        b"{\"a\": 1}",
        b"=1+1",
        b"line\nbreak, \"quoted\"",
        b"\xff\x00",
        b"-5",
    ]);
    let csv = shown(&hub, &["-f", "csv"]);
    let records: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(
        records[0],
        "partition,sequenceNumber,enqueuedTime,deviceId,moduleId,source,contentType,messageId,correlationId,properties,body,bodyBase64"
    );
    let ends = [
        "\"{\"\"a\"\": 1}\",",
        "\"'=1+1\",",
        "\"line\nbreak, \"\"quoted\"\"\",",
        ",/wA=",
        "-5,",
    ];
    assert_eq!(records.len(), 1 + ends.len(), "{csv}");
    for (number, (record, end)) in records[1..].iter().zip(ends).enumerate() {
        assert!(record.starts_with(&format!("0,{number},2")), "{record}");
        assert!(record.contains(",device1,,Telemetry,"), "{record}");
        let end = format!(",\"{{\"\"alert\"\":\"\"true\"\"}}\",{end}");
        assert!(record.ends_with(&end), "{record}");
    }
}

#[test]
fn raw_is_bodies_alone() {
    let hub = hub_with(&[b"{\"a\": 1}", b"x"]);
    assert_eq!(shown(&hub, &["-f", "raw"]), "{\"a\": 1}\nx\n");
    // The old tool's switch has the properties as well.
    assert_eq!(
        shown(&hub, &["-r"]),
        "{\"a\": 1}\n{\"alert\":\"true\"}\nx\n{\"alert\":\"true\"}\n"
    );
}

#[test]
fn templates_are_filled_in() {
    let hub = hub_with(&[
        b"{\"t\": 24.5, \"name\": \"a\\tb\", \"list\": [1, 2]}",
        b"x",
    ]);
    assert_eq!(
        shown(
            &hub,
            &["-f", "{deviceId} {body.t} {body.name} {body.list}\\n"]
        ),
        "device1 24.5 a\tb [1,2]\ndevice1   \n"
    );
    assert_eq!(
        shown(
            &hub,
            &[
                "-f",
                "{{{sequenceNumber}}} {body.t|none} {properties.alert}|"
            ]
        ),
        "{0} 24.5 true|{1} none true|"
    );
    assert_eq!(shown(&hub, &["-f", "{body}\\n"]).lines().nth(1), Some("x"));
}

#[test]
fn a_format_that_is_none_is_told_what_there_is() {
    for (format, expected) in [
        ("yaml", "text, json, ndjson, csv, raw"),
        ("{temperature}", "systemProperties.NAME"),
        ("{body", "} is expected"),
    ] {
        let error = Hubctl::new(&["monitor-events", "-f", format])
            .run()
            .failure(2);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn bodies_are_read_as_asked() {
    // {"t": 21.5, "raw": h'0102'} and what is no CBOR.
    let cbor = b"\xa2\x61t\xf9\x4d\x60\x63raw\x42\x01\x02";
    let hub = hub_with(&[cbor, b"\xff\xff", b"{\"a\":1}"]);
    let bodies = |body: &str| {
        let lines = shown(&hub, &["-f", "ndjson", "--body", body]);
        let ends: Vec<String> = lines
            .lines()
            .map(|line| line[line.find("\"body").unwrap()..].to_owned())
            .collect();
        ends
    };
    assert_eq!(
        bodies("cbor"),
        [
            "\"body\":{\"t\":21.5,\"raw\":\"AQI=\"}}",
            "\"bodyBase64\":\"//8=\"}",
            "\"bodyBase64\":\"eyJhIjoxfQ==\"}"
        ]
    );
    assert_eq!(
        bodies("hex")[1..],
        ["\"body\":\"ffff\"}", "\"body\":\"7b2261223a317d\"}"]
    );
    assert_eq!(bodies("base64")[2], "\"bodyBase64\":\"eyJhIjoxfQ==\"}");
    assert_eq!(
        bodies("text")[1..],
        ["\"bodyBase64\":\"//8=\"}", "\"body\":\"{\\\"a\\\":1}\"}"]
    );
    assert_eq!(
        bodies("json")[1..],
        ["\"bodyBase64\":\"//8=\"}", "\"body\":{\"a\":1}}"]
    );
    assert_eq!(bodies("auto"), bodies("json"));
    assert_eq!(
        shown(
            &hub,
            &[
                "-f",
                "{body.t|-} ",
                "--body",
                "cbor",
                "--where",
                "body.t > 20"
            ]
        ),
        "21.5 "
    );
    let told = hub
        .owner(&[
            "monitor-events",
            "-s",
            "0",
            "--exit-at-end",
            "--body",
            "cbor",
        ])
        .run();
    assert_eq!(
        told.stderr.matches("note: the body of event 1").count(),
        1,
        "{}",
        told.stderr
    );
    assert!(told.success().contains("\n{\"t\":21.5,\"raw\":\"AQI=\"}\n"));
}
