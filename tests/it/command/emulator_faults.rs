//! An emulator that misbehaves on purpose, and what its clients make of it.

use std::time::{Duration, Instant};

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::Packet;

use crate::support::mqtt::{Device, connect, event};
use crate::support::{Emulator, Hubctl};

fn arrived(hub: &Emulator) -> usize {
    hub.events(&[]).len()
}

#[test]
fn a_throttled_request_is_told_when_to_come_again() {
    let hub = Emulator::start(&["--fault", "throttle:1s,device=device1,count=2"]);
    let began = Instant::now();
    // One is for the device's key, the other for the message.
    let sent = hub.owner(&["send", "device1", "x"]).run();
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert!(sent.stderr.contains("429"), "{}", sent.stderr);
    sent.success();
    assert_eq!(arrived(&hub), 1);
}

#[test]
fn a_service_that_is_not_there_for_a_device_is_for_others() {
    let hub = Emulator::start(&[
        "--device",
        "device2",
        "--fault",
        "unavailable,device=device2",
    ]);
    hub.owner(&["send", "device1", "x"]).run().success();
    let error = hub.owner(&["send", "device2", "x"]).run().failure(10);
    assert!(
        error.contains("503001") || error.contains("ServiceUnavailable"),
        "{error}"
    );
    assert_eq!(arrived(&hub), 1);
}

#[test]
fn what_is_cut_off_was_done_all_the_same() {
    let hub = Emulator::start(&["--fault", "drop,on=https,device=device1,after=1,count=1"]);
    let sent = hub.owner(&["send", "device1", "x"]).run();
    assert!(sent.stderr.contains("may arrive twice"), "{}", sent.stderr);
    sent.success();
    assert_eq!(arrived(&hub), 2);
}

/// Publishes three messages over MQTT, each after the answer to the one before; how many were acknowledged.
fn published(hub: &Emulator) -> usize {
    let mut device = Device::connect(hub, connect(hub));
    let mut count = 0;
    for id in 1..=3 {
        device.send(&[Packet::Publish(event(QoS::AtLeastOnce, id, "", "x"))]);
        match device.next() {
            Some(Packet::PubAck(ack)) => assert_eq!(ack.pkid, id),
            Some(other) => panic!("no PUBACK: {other:?}"),
            None => break,
        }
        count += 1;
    }
    count
}

#[test]
fn over_mqtt_the_connection_ends() {
    let hub = Emulator::start(&["--fault", "drop,on=mqtt,every=2"]);
    assert_eq!(published(&hub), 1);
    assert_eq!(
        arrived(&hub),
        2,
        "the second was taken, and its answer lost"
    );
    let hub = Emulator::start(&["--fault", "throttle,on=mqtt,device=device1,every=3"]);
    assert_eq!(published(&hub), 2);
    assert_eq!(arrived(&hub), 2);
    let hub = Emulator::start(&["--fault", "delay:1s,on=mqtt,count=1"]);
    let began = Instant::now();
    assert_eq!(published(&hub), 3);
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[test]
fn an_answer_comes_late() {
    let hub = Emulator::start(&["--fault", "delay:1s,after=1,count=1"]);
    let began = Instant::now();
    hub.owner(&["send", "device1", "x"]).run().success();
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[test]
fn connections_are_refused_while_the_fault_lasts() {
    let hub = Emulator::start(&["--fault", "refuse,on=https,count=1"]);
    let call = ["sas-token", "device1"];
    let first = hub.owner(&call).run();
    let second = hub.owner(&call).run();
    // The first is refused at least once, and tries again or says so.
    assert!(
        first.code == 9 || first.stderr.contains("again"),
        "{} {}",
        first.code,
        first.stderr
    );
    second.success();
}

#[test]
fn a_fault_that_is_none_is_told_what_there_is() {
    let error = Hubctl::new(&["emulator", "--fault", "explode"])
        .run()
        .failure(2);
    assert!(error.contains("refuse, throttle, unavailable"), "{error}");
    let error = Hubctl::new(&["emulator", "--fault", "drop,every=0"])
        .run()
        .failure(2);
    assert!(error.contains("no number from 1 on"), "{error}");
}

#[test]
fn a_clock_that_is_off_is_told_where_it_refuses_tokens() {
    // The hub is two hours ahead: a token of one hour has ended by its clock.
    let hub = Emulator::start(&["--fault", "skew:2h"]);
    let error = hub.owner(&["send", "device1", "x"]).run().failure(4);
    assert!(error.contains("clock"), "{error}");
    let behind = Emulator::start(&["--fault", "skew:-10m"]);
    behind.owner(&["send", "device1", "x"]).run().success();
    assert_eq!(arrived(&behind), 1);
}

#[test]
fn tokens_end_before_their_time() {
    let hub = Emulator::start(&["--fault", "expire:50m"]);
    let send = |lifetime: &str| {
        let call = [
            "sas-token",
            "device1",
            "-d",
            lifetime,
            "-f",
            "connection-string",
        ];
        let with_token = hub.owner(&call).run().success();
        hub.hubctl(&["send", "device1", "x", "-l", with_token.trim()])
            .run()
    };
    send("2h").success();
    send("49m").failure(4);
}

#[test]
fn the_quota_of_a_day_is_used_up() {
    let hub = Emulator::start(&["--fault", "quota:2"]);
    let big = "x".repeat(4097);
    hub.owner(&["send", "device1", &big]).run().success();
    let error = hub.owner(&["send", "device1", "x"]).run().failure(7);
    assert!(
        error.contains("403002") || error.contains("IotHubQuotaExceeded"),
        "{error}"
    );
    assert_eq!(arrived(&hub), 1);
}
