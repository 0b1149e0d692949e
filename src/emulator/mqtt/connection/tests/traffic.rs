//! What is published and subscribed to.

use super::*;

#[test]
fn what_is_published_together_goes_to_the_hub_together_and_is_acknowledged_then() {
    let mut machine = open(connect());
    feed(
        &mut machine,
        &[
            publish(QoS::AtLeastOnce, 3, EVENTS, "a"),
            publish(QoS::AtMostOnce, 0, EVENTS, "b"),
            publish(QoS::AtLeastOnce, 1, EVENTS, "c"),
        ],
    );
    let (messages, origin) = published(&mut machine);
    assert_eq!(bodies(&messages), [b"a", b"b", b"c"]);
    // What comes while the hub is busy goes with the next.
    feed(&mut machine, &[publish(QoS::AtLeastOnce, 9, EVENTS, "d")]);
    assert_eq!(said(&mut machine), []);
    machine.answer(origin, &Ok(Reply::Done));
    let ack = |id| Packet::PubAck(PubAck::new(id));
    assert_eq!(said(&mut machine), [ack(3), ack(1)]);
    let (messages, origin) = published(&mut machine);
    assert_eq!(bodies(&messages), [b"d"]);
    machine.answer(origin, &Ok(Reply::Done));
    assert_eq!(said(&mut machine), [ack(9)]);
    assert!(machine.next_effect().is_none());
}

#[test]
fn what_the_hub_does_not_store_is_not_acknowledged() {
    let mut machine = open(connect());
    feed(&mut machine, &[publish(QoS::AtLeastOnce, 1, EVENTS, "a")]);
    let (_, origin) = published(&mut machine);
    machine.answer(origin, &Err(refusal(error_code::SERVICE_UNAVAILABLE)));
    assert_eq!(said(&mut machine), []);
    assert!(machine.is_closed());
}

#[test]
fn what_is_no_event_ends_it_and_what_came_before_is_stored() {
    let large = "x".repeat(MAX_MESSAGE_BYTES + 1);
    let bad = [
        publish(QoS::ExactlyOnce, 2, EVENTS, "x"),
        publish(QoS::AtLeastOnce, 2, "telemetry", "x"),
        publish(QoS::AtLeastOnce, 2, "devices/d2/messages/events/", "x"),
        publish(
            QoS::AtLeastOnce,
            2,
            "devices/d1/modules/m/messages/events/",
            "x",
        ),
        publish(QoS::AtLeastOnce, 2, EVENTS, &large),
        publish(
            QoS::AtLeastOnce,
            2,
            &format!("{EVENTS}a=b"),
            &large[..MAX_MESSAGE_BYTES],
        ),
        Packet::Connect(connect()),
        Packet::PingResp,
    ];
    for bad in bad {
        let mut machine = open(connect());
        feed(
            &mut machine,
            &[
                publish(QoS::AtLeastOnce, 1, EVENTS, "before"),
                bad.clone(),
                publish(QoS::AtLeastOnce, 3, EVENTS, "after"),
            ],
        );
        assert!(machine.is_closed(), "{bad:?}");
        let (messages, origin) = published(&mut machine);
        assert_eq!(bodies(&messages), [b"before"]);
        machine.answer(origin, &Ok(Reply::Done));
        assert_eq!(said(&mut machine), [Packet::PubAck(PubAck::new(1))]);
        assert!(machine.next_effect().is_none());
    }
    let mut machine = open(connect());
    let most = &large[..MAX_MESSAGE_BYTES];
    feed(&mut machine, &[publish(QoS::AtLeastOnce, 1, EVENTS, most)]);
    assert!(!machine.is_closed());
}

#[test]
fn nothing_more_is_read_than_the_hub_can_take_in_time() {
    let mut machine = open(connect());
    let message = "x".repeat(100_000);
    let mut input = bytes(&vec![publish(QoS::AtLeastOnce, 1, EVENTS, &message); 10]);
    machine.receive(&mut input);
    assert!(!machine.may_read());
    assert!(input.len() > 3 * message.len());
    // A hub that is slow is no client that is silent.
    machine.tick(moment(80));
    machine.tick(moment(160));
    assert!(!machine.is_closed());
    let (messages, origin) = published(&mut machine);
    assert!(messages.len() < 7);
    machine.answer(origin, &Ok(Reply::Done));
    machine.receive(&mut input);
    assert!(input.is_empty());
}

#[test]
fn a_client_that_does_not_listen_is_not_read_on() {
    let mut machine = open(connect());
    let mut input = bytes(&vec![Packet::PingReq; 200_000]);
    machine.receive(&mut input);
    assert!(!machine.may_read());
    assert!(!input.is_empty());
    assert!(machine.output().len() < 300_000);
    machine.tick(moment(91));
    assert!(machine.is_closed());
}

#[test]
fn own_filters_are_granted_and_others_are_not() {
    let mut machine = open(connect());
    let wanted = [
        ("devices/d1/messages/devicebound/#", QoS::AtMostOnce),
        ("$iothub/twin/res/#", QoS::ExactlyOnce),
        ("devices/d2/messages/devicebound/#", QoS::AtLeastOnce),
        ("#", QoS::AtMostOnce),
        ("$iothub/methods/POST/#", QoS::AtLeastOnce),
    ];
    let filters = wanted.map(|(path, qos)| SubscribeFilter::new(path.to_owned(), qos));
    let subscribe = Subscribe {
        pkid: 8,
        filters: filters.to_vec(),
    };
    let topics = vec![wanted[0].0.to_owned(), "#".to_owned()];
    let unsubscribe = Unsubscribe { pkid: 9, topics };
    feed(
        &mut machine,
        &[
            Packet::Subscribe(subscribe),
            Packet::Unsubscribe(unsubscribe),
            Packet::PingReq,
        ],
    );
    let granted = vec![
        SubscribeReasonCode::Success(QoS::AtMostOnce),
        SubscribeReasonCode::Success(QoS::AtLeastOnce),
        SubscribeReasonCode::Failure,
        SubscribeReasonCode::Failure,
        SubscribeReasonCode::Success(QoS::AtLeastOnce),
    ];
    let unsubscribed = Packet::UnsubAck(UnsubAck::new(9));
    assert_eq!(said(&mut machine), [unsubscribed, Packet::PingResp]);
    // Who has been told that it is subscribed misses nothing.
    listens(&mut machine, Feed::Methods, true);
    assert_eq!(
        said(&mut machine),
        [Packet::SubAck(SubAck::new(8, granted))]
    );
    // While it was subscribed, messages from the cloud were asked for.
    assert!(matches!(
        machine.next_effect(),
        Some(Effect::Ask {
            command: Command::CloudToDevice(_),
            ..
        })
    ));
    // It starts anew each time, so there is nothing to remember.
    assert!(machine.next_effect().is_none());
}

#[test]
fn a_client_that_subscribes_on_and_on_takes_up_no_more() {
    let mut machine = open(Connect {
        clean_session: false,
        ..connect()
    });
    let filter = SubscribeFilter::new("$iothub/twin/res/#".to_owned(), QoS::AtMostOnce);
    let subscribe = Packet::Subscribe(Subscribe {
        pkid: 1,
        filters: vec![filter],
    });
    feed(&mut machine, &vec![subscribe; 1000]);
    assert!(matches!(machine.next_effect(), Some(Effect::Remember(..))));
    assert!(machine.next_effect().is_none());
    let filter = SubscribeFilter::new("$iothub/methods/POST/#".to_owned(), QoS::AtMostOnce);
    let subscribe = Packet::Subscribe(Subscribe {
        pkid: 1,
        filters: vec![filter],
    });
    feed(&mut machine, &vec![subscribe; 10_000]);
    assert!(!machine.may_read());
}
