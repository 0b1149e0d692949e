//! Twins and methods.

use super::*;
use crate::emulator::hub::command::{CallId, MethodOperation, TwinOperation};

/// A client that has subscribed to everything of its twin and its methods.
fn listening() -> Connection {
    let mut machine = open(connect());
    let filters = [
        "$iothub/twin/res/#",
        "$iothub/twin/PATCH/properties/desired/#",
        "$iothub/methods/POST/#",
    ];
    let filters = filters.map(|path| SubscribeFilter::new(path.to_owned(), QoS::AtLeastOnce));
    let subscribe = Subscribe {
        pkid: 1,
        filters: filters.to_vec(),
    };
    feed(&mut machine, &[Packet::Subscribe(subscribe)]);
    listens(&mut machine, Feed::Desired, true);
    listens(&mut machine, Feed::Methods, true);
    assert!(matches!(said(&mut machine)[..], [Packet::SubAck(_)]));
    machine
}

/// The command that is put to the hub next.
fn asked(machine: &mut Connection) -> (Command, Origin) {
    match machine.next_effect() {
        Some(Effect::Ask { origin, command }) => (command, origin),
        other => panic!("nothing is asked: {other:?}"),
    }
}

/// Topic and body of the one message that the client is sent.
fn told(machine: &mut Connection) -> (String, String) {
    match &said(machine)[..] {
        [Packet::Publish(publish)] => (
            publish.topic.clone(),
            String::from_utf8(publish.payload.to_vec()).unwrap(),
        ),
        other => panic!("no message: {other:?}"),
    }
}

fn text(topic: &str, body: &str) -> (String, String) {
    (topic.to_owned(), body.to_owned())
}

#[test]
fn a_twin_is_read_and_reported_to() {
    let mut machine = listening();
    let get = publish(QoS::AtMostOnce, 0, "$iothub/twin/GET/?$rid=a%20b", "");
    feed(&mut machine, &[get]);
    let (command, origin) = asked(&mut machine);
    assert!(matches!(
        command,
        Command::Twin(TwinOperation::ReadOwn { session: SESSION })
    ));
    let twin = serde_json::json!({ "desired": {}, "reported": {} });
    machine.answer(origin, &Ok(Reply::OwnTwin(twin)));
    let expected = text(
        "$iothub/twin/res/200/?$rid=a%20b",
        r#"{"desired":{},"reported":{}}"#,
    );
    assert_eq!(told(&mut machine), expected);

    let topic = "$iothub/twin/PATCH/properties/reported/?$rid=2";
    let report = |body| publish(QoS::AtLeastOnce, 5, topic, body);
    feed(&mut machine, &[report(r#"{"a":1}"#), report("no JSON")]);
    let (command, origin) = asked(&mut machine);
    let Command::Twin(TwinOperation::Report { patch, .. }) = command else {
        panic!("nothing is reported: {command:?}")
    };
    assert_eq!(patch, serde_json::json!({ "a": 1 }));
    machine.answer(origin, &Ok(Reply::Reported { version: 8 }));
    let ack = Packet::PubAck(PubAck::new(5));
    let told_of = said(&mut machine);
    assert_eq!(told_of[0], ack);
    assert!(matches!(&told_of[1], Packet::Publish(publish)
        if publish.topic == "$iothub/twin/res/204/?$rid=2&$version=8" && publish.payload.is_empty()));
    let (command, origin) = asked(&mut machine);
    assert!(matches!(
        command,
        Command::Twin(TwinOperation::Report { patch, .. }) if patch.is_null()
    ));
    machine.answer(origin, &Err(refusal(error_code::ARGUMENT_INVALID)));
    let told_of = said(&mut machine);
    assert!(matches!(&told_of[1], Packet::Publish(publish)
        if publish.topic == "$iothub/twin/res/400/?$rid=2"));
    assert!(!machine.is_closed());
}

#[test]
fn changes_and_calls_are_told_to_who_listens() {
    let notices = || {
        let patch = serde_json::json!({ "fan": 1, "$version": 4 });
        let call = Notice::Call {
            call: CallId(17),
            name: "reboot".to_owned(),
            payload: "{}".to_owned(),
        };
        [Notice::Desired { version: 4, patch }, call]
    };
    let mut machine = listening();
    let [desired, call] = notices();
    machine.notice(desired);
    let expected = text(
        "$iothub/twin/PATCH/properties/desired/?$version=4",
        r#"{"fan":1,"$version":4}"#,
    );
    assert_eq!(told(&mut machine), expected);
    machine.notice(call);
    let expected = text("$iothub/methods/POST/reboot/?$rid=17", "{}");
    assert_eq!(told(&mut machine), expected);
    for (request, number) in [("17", 17), ("x", u64::MAX)] {
        let topic = format!("$iothub/methods/res/-1/?$rid={request}");
        feed(
            &mut machine,
            &[publish(QoS::AtMostOnce, 0, &topic, "\"done\"")],
        );
        let (command, origin) = asked(&mut machine);
        let Command::Method(MethodOperation::Respond {
            call,
            status,
            payload,
            ..
        }) = command
        else {
            panic!("no answer: {command:?}")
        };
        assert_eq!((call, status), (CallId(number), Ok(-1)));
        assert_eq!(payload, "\"done\"");
        machine.answer(origin, &Ok(Reply::Done));
    }
    // A status that is none is an answer still, which the caller hears of.
    let topic = "$iothub/methods/res/fine/?$rid=17";
    feed(&mut machine, &[publish(QoS::AtMostOnce, 0, topic, "{}")]);
    let (Command::Method(MethodOperation::Respond { call, status, .. }), _) = asked(&mut machine)
    else {
        panic!("no answer")
    };
    assert_eq!(
        (call, status),
        (CallId(17), Err("has a status that is no number"))
    );
    assert!(!machine.is_closed());

    let mut deaf = open(connect());
    for notice in notices() {
        deaf.notice(notice);
    }
    assert_eq!(said(&mut deaf), []);
}
