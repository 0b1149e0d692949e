//! `$cbs`, `$management`, the redirect, and what is refused.

use super::*;

fn attach_to(bench: &mut Bench, role: Role, address: &str) -> Vec<Frame> {
    let attach = Attach {
        source: Some(Source::at(address)),
        target: Some(Target::at(address)),
        ..Attach::new("l", 7, role)
    };
    let out = bench.send(1, &Performative::Attach(attach));
    bench.send(
        1,
        &Performative::Detach(Detach {
            handle: 7,
            closed: true,
            error: None,
        }),
    );
    out
}

fn refusal(bench: &mut Bench, role: Role, address: &str) -> (String, String) {
    let out = attach_to(bench, role, address);
    assert_eq!(names(&out), ["attach", "detach"], "{address}");
    let Performative::Attach(attach) = out[0].performative() else {
        panic!()
    };
    assert_eq!((attach.source, attach.target), (None, None));
    assert_ne!(attach.role, role);
    out[1].error()
}

#[test]
fn nothing_but_cbs_is_open_without_a_token() {
    let mut bench = Bench::open();
    bench.attach_cbs();
    for address in ["messages/events/", "messages/events/$management"] {
        let (condition, description) = refusal(&mut bench, Role::Receiver, address);
        assert_eq!(condition, "amqp:unauthorized-access");
        assert!(
            description.contains("\"errorCode\":401002"),
            "{description}"
        );
    }
    let partition = format!("{ENTITY}/ConsumerGroups/$Default/Partitions/0");
    for address in ["$management", partition.as_str()] {
        let (condition, description) = refusal(&mut bench, Role::Receiver, address);
        assert_eq!(condition, "amqp:unauthorized-access", "{address}");
        assert!(description.contains("'Listen' claim(s)"), "{description}");
        assert!(!description.starts_with('{'), "{description}");
    }
}

#[test]
fn a_token_of_one_host_does_not_open_the_other() {
    let mut bench = Bench::open();
    bench.attach_cbs();
    let scope = format!("sb://localhost/{ENTITY}/$management");
    assert_eq!(bench.put_token(&token(&scope, true, 60)), 202);
    assert_eq!(
        names(&attach_to(&mut bench, Role::Receiver, "$management")),
        ["attach"]
    );
    let partition = format!("{ENTITY}/ConsumerGroups/$Default/Partitions/0");
    let (condition, description) = refusal(&mut bench, Role::Receiver, &partition);
    assert_eq!(condition, "amqp:unauthorized-access");
    assert!(
        description.contains("'Listen' claim(s) are required"),
        "{description}"
    );
    assert!(description.contains("TrackingId:"), "{description}");
    // Signed with the other spelling of the key.
    assert_eq!(bench.put_token(&token(&scope, false, 60)), 401);
}

#[test]
fn the_hub_redirects_readers_of_its_events() {
    for (role, address, suffix) in [
        (Role::Receiver, "messages/events/", ""),
        (Role::Sender, "/messages/events/$management", "$management"),
        (
            Role::Receiver,
            "amqps://localhost/messages/events/$management",
            "$management",
        ),
        (
            Role::Receiver,
            "messages/events/ConsumerGroups/$Default/Partitions/0",
            "ConsumerGroups/$Default/Partitions/0",
        ),
    ] {
        let mut bench = Bench::trusted();
        let out = attach_to(&mut bench, role, address);
        assert_eq!(names(&out), ["attach", "detach"]);
        let Performative::Attach(attach) = out[0].performative() else {
            panic!()
        };
        assert_eq!((attach.source, attach.target), (None, None));
        let Performative::Detach(detach) = out[1].performative() else {
            panic!()
        };
        let error = detach.error.unwrap();
        assert_eq!(
            (detach.closed, error.condition),
            (true, "amqp:link:redirect")
        );
        let redirect = Redirect::from_info(&error.info.unwrap()).unwrap();
        assert_eq!(redirect, Redirect::new("localhost", 5671, ENTITY, suffix));
    }
}

#[test]
fn unknown_and_unserved_addresses_are_told_apart() {
    let mut bench = Bench::open();
    bench.attach_cbs();
    bench.put_token(&token("localhost", false, 3_600));
    let (condition, description) = refusal(&mut bench, Role::Receiver, "/nowhere");
    assert_eq!(condition, "amqp:not-found");
    assert!(
        description.contains("\"errorCode\":404006"),
        "{description}"
    );
    let (condition, _) = refusal(&mut bench, Role::Sender, "/devices/d1/streams");
    assert_eq!(condition, "amqp:not-implemented");
    let mut bench = Bench::trusted();
    let (condition, description) = refusal(&mut bench, Role::Receiver, "nowhere");
    assert_eq!(condition, "amqp:not-found");
    let start = "The messaging entity 'sb://localhost/nowhere' could not be found.";
    assert!(description.starts_with(start), "{description}");
    let group = format!("{ENTITY}/ConsumerGroups/missing/Partitions/0");
    let (condition, description) = refusal(&mut bench, Role::Receiver, &group);
    assert_eq!(condition, "amqp:not-found");
    assert!(description.contains("could not be found"), "{description}");
}

fn read(bench: &mut Bench, entity: &str, partition: Option<&str>) -> (u16, Vec<u8>) {
    let mut message = Vec::new();
    ReadRequest {
        message_id: Some(Value::String("m")),
        reply_to: Some("me"),
        entity,
        partition,
        security_token: None,
    }
    .write(&mut message);
    let out = bench.request(3, &message);
    let payload = out[1].payload();
    let reply = Message::parse(payload).unwrap();
    let response = Response::parse(&reply).unwrap();
    assert_eq!(response.correlation_id, Some(Value::String("m")));
    (response.status_code, payload.to_vec())
}

#[test]
fn management_describes_the_event_hub_and_its_partitions() {
    let mut bench = Bench::trusted();
    bench.attach_requests("$management", 3);
    bench.post(&[b"a", b"b"]);
    let body = |payload: &[u8], read: &dyn Fn(&Value<'_>)| {
        let Body::Value(value) = Message::parse(payload).unwrap().body else {
            panic!()
        };
        read(&value);
    };
    let (status, payload) = read(&mut bench, ENTITY, None);
    assert_eq!(status, 200);
    body(&payload, &|value| {
        let properties = EventHubProperties::from_body(value).unwrap();
        assert_eq!(properties.partition_ids, ["0", "1"]);
        assert_eq!(properties.created_at_ms, START * 1_000);
    });
    let partition = bench.partition();
    let (status, payload) = read(&mut bench, ENTITY, Some(partition));
    assert_eq!(status, 200);
    body(&payload, &|value| {
        let properties = PartitionProperties::from_body(value).unwrap();
        assert_eq!(properties.last_enqueued_sequence_number, 1);
        assert!(!properties.is_empty);
    });
    assert_eq!(read(&mut bench, ENTITY, Some("99")).0, 404);
    assert_eq!(read(&mut bench, "other", None).0, 404);
}

#[test]
fn requests_wait_for_credit_and_come_in_parts() {
    let mut bench = Bench::open();
    bench.attach_cbs();
    // The peer takes its credit back.
    bench.grant(1, 0, 0);
    let mut message = Vec::new();
    let text = token("localhost", false, 60);
    PutToken {
        message_id: None,
        reply_to: None,
        token_type: SAS_TOKEN_TYPE,
        audience: "a",
        token: &text,
    }
    .write(&mut message);
    let transfer = |delivery_id, more| {
        Performative::Transfer(Transfer {
            delivery_id,
            more,
            settled: Some(true),
            ..Transfer::default()
        })
    };
    let (first, second) = message.split_at(40);
    let first = frame(FrameKind::Amqp, 1, &transfer(Some(0), true), first);
    assert!(bench.feed(&first).is_empty());
    let second = frame(FrameKind::Amqp, 1, &transfer(None, false), second);
    assert!(bench.feed(&second).is_empty());
    let out = bench.grant(1, 0, 1);
    assert_eq!(names(&out), ["transfer"]);
    let reply = Message::parse(out[0].payload()).unwrap();
    assert_eq!(Response::parse(&reply).unwrap().status_code, 200);
    assert_eq!(reply.properties.correlation_id(), None);
}

#[test]
fn a_token_that_ends_takes_its_links_with_it() {
    let mut bench = Bench::open();
    bench.attach_cbs();
    let scope = format!("sb://localhost/{ENTITY}");
    bench.put_token(&token(&scope, true, 100));
    assert_eq!(names(&bench.attach_reader(5, "0", None)), ["attach"]);
    bench.wait(90);
    // A new one in time keeps them.
    bench.put_token(&token(&scope, true, 200));
    assert!(bench.wait(20).is_empty());
    let out = bench.wait(90);
    assert_eq!(names(&out), ["detach"]);
    assert_eq!(out[0].error().0, "amqp:unauthorized-access");
    assert!(bench.machine.readers.is_empty());
    assert!(!bench.machine.is_closed());
}
