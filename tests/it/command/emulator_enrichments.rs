//! Properties that the hub puts on what readers see.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::rest::ask;
use crate::support::{Emulator, Hubctl};

const TWIN: &str = "/twins/device1";

fn properties(hub: &Emulator) -> Vec<Value> {
    let events = hub.events(&[]);
    events
        .iter()
        .map(|event| event["properties"].clone())
        .collect()
}

#[test]
fn every_message_has_what_the_hub_puts_on_it() {
    let hub = Emulator::start(&[
        "--partitions",
        "1",
        "--route",
        "twin",
        "--enrich",
        "customer=7 = 7",
        "--enrich",
        "hub=$iothubname",
        "--enrich",
        "floor=$twin.tags.at.floor",
        "--enrich",
        "mode=$twin.properties.desired.mode",
    ]);
    let send = |arguments: &[&str]| {
        let call = [&["send", "device1", "x"], arguments].concat();
        hub.owner(&call).run().success();
    };
    // Its own property of the same name gives way.
    send(&["-p", "customer=mine", "-p", "own=1"]);
    let change =
        json!({ "tags": { "at": { "floor": 3 } }, "properties": { "desired": { "mode": "eco" } } });
    ask(&hub, Method::PATCH, TWIN, &change);
    send(&[]);
    let seen = properties(&hub);
    let plain = json!({ "customer": "7 = 7", "hub": "localhost", "own": "1",
        "floor": "$twin.tags.at.floor", "mode": "$twin.properties.desired.mode" });
    assert_eq!(seen[0], plain);
    assert_eq!(seen[1]["floor"], "3");
    assert_eq!(seen[1]["opType"], "updateTwin");
    let found = json!({ "customer": "7 = 7", "hub": "localhost", "floor": "3", "mode": "eco" });
    assert_eq!(seen[2..], [found]);
}

#[test]
fn a_message_that_becomes_too_large_is_dropped_as_at_the_service() {
    let hub = Emulator::start(&["--enrich", "where=$twin.tags.where"]);
    let where_it_is = json!({ "tags": { "where": "y".repeat(2_000) } });
    ask(&hub, Method::PATCH, TWIN, &where_it_is);
    let folder = tempfile::tempdir().unwrap();
    for size in [261_000, 250_000] {
        let file = folder.path().join("body");
        std::fs::write(&file, "x".repeat(size)).unwrap();
        let body = format!("@{}", file.display());
        hub.owner(&["send", "device1", &body]).run().success();
    }
    let events = hub.events(&[]);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["body"].as_str().unwrap().len(), 250_000);
}

#[test]
fn slips_are_told_before_the_hub_starts() {
    for (arguments, words) in [
        (&["--enrich", "the floor=3"][..], "the key \"the floor\""),
        (
            &["--enrich", "floor=$twin.floor"],
            "is none of $iothubname, $twin.tags.PATH",
        ),
        (
            &["--enrich", "a=1", "--enrich", "a=2"],
            "two enrichments of the key \"a\"",
        ),
        (
            &["--enrich=k=v"; 11],
            "a hub has 10 enrichments at most, not 11",
        ),
    ] {
        let call = [&["emulator", "--https-port", "0"], arguments].concat();
        let error = Hubctl::new(&call).run().failure(2);
        assert!(error.contains(words), "{error}");
    }
}
