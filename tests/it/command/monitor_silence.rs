//! `monitor-events` when nothing comes: each cause of "I get the 204s but monitor-events doesn't output anything" is
//! named first, with what mends it.

use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::types::definitions::Fields;
use fe2o3_amqp::types::primitives::{Symbol, Value};
use fe2o3_amqp::{Connection, Receiver, Session};
use serde_json::json;

use crate::support::rest::put_identity;
use crate::support::runtime::multi_thread;
use crate::support::{Emulator, Hubctl};

/// Reads until silence is explained; the line with the cause.
fn explained(reader: Hubctl) -> String {
    let mut reader = reader.args(&["--explain-after", "1s"]).start();
    reader.wait_for_talk("nothing for ")
}

/// Holds the line to these words.
#[track_caller]
fn holds(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "{word:?} is not in {line:?}");
    }
}

fn send(hub: &Emulator, device: &str) {
    let sent = hub.owner(&["send", device, "hello"]).run();
    assert!(sent.stderr.contains("204"), "{}", sent.stderr);
    sent.success();
}

#[test]
fn a_route_takes_it_past_the_built_in_endpoint() {
    let hub = Emulator::start(&["--route", "telemetry=store"]);
    send(&hub, "device1");
    for arguments in [
        ["monitor-events", "device1"].as_slice(),
        &["monitor-events"],
        &["monitor-events", "device1", "--from", "earliest"],
    ] {
        let line = explained(hub.owner(arguments));
        holds(
            &line,
            &[
                "device1 was heard of",
                "message route",
                "az iot hub message-route create",
                "--endpoint-name events",
            ],
        );
    }
    // With a route back, as that command makes it, it comes.
    let hub = Emulator::start(&["--route", "telemetry=store", "--route", "telemetry"]);
    send(&hub, "device1");
    let read = hub.owner(&["monitor-events", "device1", "-s", "10m", "--count", "1"]);
    assert!(read.run().success().contains("hello"));
}

#[test]
fn five_others_have_the_consumer_group() {
    let hub = Emulator::start(&["--partitions", "1", "--consumer-group", "mine"]);
    let readers: Vec<_> = (0..5)
        .map(|_| {
            let mut reader = hub.owner(&["monitor-events"]).start();
            reader.wait_for_talk("attached 1/1");
            reader
        })
        .collect();
    let error = hub.owner(&["monitor-events", "device1"]).run().failure(7);
    holds(
        &error,
        &[
            "\"$Default\"",
            "-c GROUP",
            "az iot hub consumer-group create",
            "--consumer-group GROUP",
        ],
    );
    let mut own = hub.owner(&["monitor-events", "-c", "mine"]).start();
    own.wait_for_talk("attached 1/1");
    drop(readers);
}

#[test]
fn a_reader_with_an_epoch_has_the_consumer_group() {
    let hub = Emulator::start(&["--partitions", "1", "--plain-amqp-port", "0"]);
    let runtime = multi_thread(1);
    let owner = runtime.block_on(own_partition(&hub));
    let error = hub.owner(&["monitor-events"]).run().failure(6);
    holds(
        &error,
        &["epoch", "-c GROUP", "az iot hub consumer-group create"],
    );
    drop(owner);
}

/// Takes the only partition for itself, as an event processor does.
async fn own_partition(hub: &Emulator) -> impl Sized {
    let string = hub.event_hub();
    let part = |name: &str| {
        let part = string.split(';').find_map(|part| part.strip_prefix(name));
        part.unwrap().to_owned()
    };
    let mut connection = Connection::builder()
        .container_id("owner")
        .hostname("localhost")
        .sasl_profile(SaslProfile::Plain {
            username: part("SharedAccessKeyName="),
            password: part("SharedAccessKey="),
        })
        .open(format!("amqp://localhost:{}", hub.port("amqp")).as_str())
        .await
        .unwrap();
    let mut session = Session::begin(&mut connection).await.unwrap();
    let entity = part("EntityPath=");
    let address = format!("{entity}/ConsumerGroups/$Default/Partitions/0");
    let mut properties = Fields::new();
    properties.insert(Symbol::from("com.microsoft:epoch"), Value::Long(1));
    let receiver = Receiver::builder()
        .name("owner")
        .source(address.as_str())
        .properties(properties)
        .attach(&mut session)
        .await
        .unwrap();
    (receiver, session, connection)
}

#[test]
fn an_id_in_another_case() {
    let hub = Emulator::start(&["--device", "Sensor7"]);
    send(&hub, "device1");
    let line = explained(hub.owner(&["monitor-events", "Device1"]));
    holds(
        &line,
        &[
            "\"Device1\"",
            "\"device1\"",
            "case",
            "hubctl monitor-events device1",
        ],
    );
    let line = explained(hub.owner(&["monitor-events", "sensor7"]));
    holds(&line, &["hubctl monitor-events Sensor7"]);
    let line = explained(hub.owner(&["monitor-events", "devcie1"]));
    holds(
        &line,
        &["no device \"devcie1\"", "hubctl monitor-events device1"],
    );
    // An Event Hub-compatible string opens no registry; what passes by tells as well.
    let by_events = hub
        .hubctl(&["monitor-events", "Device1", "-s", "10m"])
        .env("EVENTHUB_CONNECTION_STRING", hub.event_hub());
    holds(
        &explained(by_events),
        &["case", "hubctl monitor-events device1"],
    );
}

#[test]
fn it_was_sent_before_the_start() {
    let hub = Emulator::start(&[]);
    send(&hub, "device1");
    let by_event_hub = hub
        .hubctl(&["monitor-events", "device1"])
        .env("EVENTHUB_CONNECTION_STRING", hub.event_hub());
    for (reader, whose) in [
        (
            hub.owner(&["monitor-events", "device1"]),
            "device1 (partition",
        ),
        (hub.owner(&["monitor-events"]), "device1 (partition"),
        (by_event_hub, "of partition"),
    ] {
        let line = explained(reader);
        holds(
            &line,
            &[whose, "before the place where reading began", "-s 1"],
        );
    }
    let read = hub.owner(&["monitor-events", "device1", "-s", "10m", "--count", "1"]);
    assert!(read.run().success().contains("hello"));
}

#[test]
fn it_is_the_wrong_hub() {
    let hub = Emulator::start(&["--device", "pump"]);
    let line = explained(hub.owner(&["monitor-events", "thermometer"]));
    holds(&line, &["the hub localhost", "2 others", "wrong hub", "-l"]);
}

#[test]
fn the_device_never_sent_or_may_not() {
    let hub = Emulator::start(&[]);
    let line = explained(hub.owner(&["monitor-events", "device1"]));
    holds(
        &line,
        &["device1 was never heard of", "hubctl send device1"],
    );
    let line = explained(hub.owner(&["monitor-events"]));
    holds(&line, &["no device of this hub", "hubctl send"]);
    put_identity(
        &hub,
        "/devices/device9",
        &json!({"deviceId": "device9", "status": "disabled"}),
    );
    let line = explained(hub.owner(&["monitor-events", "device9"]));
    holds(&line, &["device9 is disabled", "status=enabled"]);
}

#[test]
fn it_goes_to_another_partition() {
    let hub = Emulator::start(&["--partitions", "2"]);
    send(&hub, "device1");
    let event = hub
        .owner(&["monitor-events", "-s", "0", "--count", "1", "-f", "ndjson"])
        .run()
        .success();
    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
    let (there, other) = match event["partition"].to_string().trim_matches('"') {
        "0" => ("0", "1"),
        _ => ("1", "0"),
    };
    let line = explained(hub.owner(&["monitor-events", "device1", "--partition", other]));
    holds(
        &line,
        &["--partition asks for", &format!("--partition {there}")],
    );
}

#[test]
fn it_begins_in_the_future() {
    let hub = Emulator::start(&[]);
    send(&hub, "device1");
    let begin = ["monitor-events", "-s", "2199-01-01T00:00:00Z"];
    holds(
        &explained(hub.owner(&begin)),
        &["2199-01-01T00:00:00Z", "still to come", "-s 10m"],
    );
}

#[test]
fn others_send() {
    let hub = Emulator::start(&["--device", "chatty"]);
    let mut reader = hub
        .owner(&["monitor-events", "device1", "--explain-after", "1s"])
        .start();
    reader.wait_for_talk("attached 4/4");
    send(&hub, "chatty");
    reader.wait_for_talk("nothing for ");
    let line = reader.wait_for_talk("passed by");
    holds(&line, &["1 event of other devices", "\"chatty\""]);
    reader.wait_for_talk("looked at: partitions attached 4/4 in consumer group $Default");
}

#[test]
fn a_pattern_that_no_device_matches() {
    let hub = Emulator::start(&["--device", "pump7"]);
    let line = explained(hub.owner(&["monitor-events", "Pump*"]));
    let other_case = [
        "\"Pump*\"",
        "case of letters",
        "hubctl monitor-events pump7",
    ];
    holds(&line, &other_case);
    let line = explained(hub.owner(&["monitor-events", "valve*"]));
    holds(
        &line,
        &["none of 2 devices", "\"valve*\"", "\"device1\", \"pump7\""],
    );
}

#[test]
fn a_pattern_is_not_all_devices() {
    let hub = Emulator::start(&["--device", "pump7", "--device", "pump8"]);
    send(&hub, "device1");
    // The others' activity is not the pattern's.
    let line = explained(hub.owner(&["monitor-events", "pump*"]));
    holds(
        &line,
        &["no device that matches \"pump*\" was ever heard of"],
    );
    send(&hub, "pump7");
    let mut reader = hub
        .owner(&["monitor-events", "pump*", "--explain-after", "1s"])
        .start();
    reader.wait_for_talk("attached 4/4");
    send(&hub, "device1");
    let line = reader.wait_for_talk("nothing for ");
    holds(&line, &["the newest event of pump7", "-s 1"]);
    let line = reader.wait_for_talk("passed by");
    holds(
        &line,
        &[
            "1 event of other devices",
            "did not match \"pump*\"",
            "\"device1\"",
        ],
    );
    reader.wait_for_talk("3 devices of which 2 match, pump7 heard of");
}

#[test]
fn a_module_that_is_not_there_or_did_not_send() {
    let hub = Emulator::start(&[]);
    send(&hub, "device1");
    let reader = |module| hub.owner(&["monitor-events", "device1", "-s", "10m", "-m", module]);
    let line = explained(reader("camera"));
    holds(&line, &["device1 has no modules", "Leave -m out"]);
    put_identity(
        &hub,
        "/devices/device1/modules/camera",
        &json!({"deviceId": "device1", "moduleId": "camera"}),
    );
    let line = explained(reader("camra"));
    holds(&line, &["no module \"camra\"", "\"camera\"", "-m camera"]);
    for module in ["camera", "cam*"] {
        let line = explained(reader(module));
        holds(
            &line,
            &[
                "1 event of device1 was read and not shown",
                &format!("1 by -m {module}, the last of the device itself"),
            ],
        );
    }
}

#[test]
fn a_condition_that_nothing_meets() {
    let hub = Emulator::start(&[]);
    for body in ["{\"humidity\":40}", "{\"humidity\":50}"] {
        hub.owner(&["send", "device1", body]).run().success();
    }
    let reader = |condition| {
        hub.owner(&["monitor-events", "device1", "-s", "10m"])
            .args(&["--where", condition])
    };
    let line = explained(reader("body.temperature > 30"));
    holds(
        &line,
        &[
            "2 events of device1 were read and not shown",
            "2 by --where \"body.temperature > 30\"",
            "none of them has body.temperature",
        ],
    );
    let line = explained(reader("body.humidity > 90"));
    holds(&line, &["2 by --where \"body.humidity > 90\""]);
    assert!(!line.contains("none of them"), "{line}");
}

#[test]
fn a_source_that_no_route_brings() {
    let hub = Emulator::start(&[]);
    send(&hub, "device1");
    let from = |start| {
        let mut reader = hub
            .owner(&["monitor-events", "device1", "--source", "twin"])
            .args(&["-s", start, "--explain-after", "1s"])
            .start();
        (reader.wait_for_talk("nothing for "), reader)
    };
    let route = [
        "--source twin",
        "az iot hub message-route create",
        "--source-type TwinChangeEvents",
    ];
    let (line, _reader) = from("0s");
    holds(&line, &route);
    let (line, mut reader) = from("10m");
    holds(&line, &["1 by --source twin, the last from Telemetry"]);
    holds(&reader.wait_for_talk("or: "), &route);
}

#[test]
fn too_few_events_are_explained_by_what_was_seen() {
    let hub = Emulator::start(&["--device", "pump7"]);
    let short = |arguments: &[&str]| {
        hub.owner(&["monitor-events", "--count", "2"])
            .args(arguments)
            .run()
            .failure(12)
    };
    holds(&short(&["-d", "2s"]), &["never had an event"]);
    hub.owner(&["send", "device1", "{\"humidity\":40}"])
        .run()
        .success();
    let all = ["-s", "10m", "--exit-at-end"];
    for (arguments, words) in [
        (
            ["device1", "--where", "body.temperature > 30"].as_slice(),
            [
                "1 event of device1 was read and not shown",
                "none of them has body.temperature",
            ],
        ),
        (
            &["pump*"],
            ["1 event of other devices", "did not match \"pump*\""],
        ),
        (&["device1"], ["only 1 of 2", "Is the device sending"]),
    ] {
        holds(&short(&[arguments, &all].concat()), &words);
    }
    let words = ["newest event of partition", "before the place", "-s 1"];
    holds(&short(&["-d", "2s"]), &words);
}

#[test]
fn nobody_is_told_who_does_not_want_to_be() {
    let hub = Emulator::start(&[]);
    let quiet = ["monitor-events", "-q", "--explain-after", "1s", "-d", "2s"];
    assert_eq!(hub.owner(&quiet).run().stderr, "");
    let never = ["monitor-events", "--explain-after", "0", "-d", "2s"];
    let told = hub.owner(&never).run().stderr;
    assert!(!told.contains("nothing for"), "{told}");
    // What was told is not told again as long as it stays so; the second look is due after 1 s and 3 s more.
    let again = ["monitor-events", "--explain-after", "1s", "-d", "6s"];
    let told = hub.owner(&again).run().stderr;
    assert_eq!(told.matches("nothing for").count(), 1, "{told}");
}

#[test]
fn a_policy_that_may_not_read_the_registry_is_told() {
    let hub = Emulator::start(&[]);
    let mut reader = hub
        .hubctl(&["monitor-events", "device1", "-l", hub.policy("service")])
        .args(&["--explain-after", "1s"])
        .start();
    let line = reader.wait_for_talk("nothing for ");
    holds(&line, &["never had an event"]);
    let looked = reader.wait_for_talk("looked at");
    holds(
        &looked,
        &["not looked at: the device registry", "RegistryRead"],
    );
}
