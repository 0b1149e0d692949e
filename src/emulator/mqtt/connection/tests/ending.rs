//! How connections end, and who hears of it.

use super::*;

fn with_will() -> Connection {
    let mut connect = connect();
    let topic = format!("{EVENTS}why=power");
    connect.last_will = Some(LastWill::new(topic, "gone", QoS::AtLeastOnce, true));
    open(connect)
}

/// The will that is to be published, if one is.
fn will(machine: &mut Connection) -> Option<DeviceMessage> {
    match machine.next_effect() {
        Some(Effect::Ask {
            command: Command::PublishWill { session, message },
            ..
        }) => {
            assert_eq!(session, SESSION);
            Some(*message)
        }
        _ => None,
    }
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let mut machine = machine();
    assert_eq!(machine.deadline(), Duration::from_secs(20));
    machine.tick(moment(19));
    // Half a packet is no greeting.
    machine.hear();
    let mut half = bytes(&[Packet::Connect(connect())]).split_to(10);
    machine.receive(&mut half);
    assert_eq!(machine.deadline(), Duration::from_secs(20));
    assert!(!machine.is_closed());
    machine.tick(moment(20));
    assert!(machine.is_closed());
}

#[test]
fn silence_ends_it_after_half_as_long_again() {
    for (keep_alive, silence) in [(60, 90), (0, 1767), (1176, 1764), (65_535, 1767)] {
        let mut connect = connect();
        connect.keep_alive = keep_alive;
        let mut machine = open(connect);
        assert_eq!(machine.deadline(), Duration::from_secs(silence));
        machine.tick(moment(silence - 1));
        feed(&mut machine, &[Packet::PingReq]);
        machine.tick(moment(silence));
        assert!(!machine.is_closed(), "{keep_alive}");
        machine.tick(moment(2 * silence - 1));
        assert!(machine.is_closed(), "{keep_alive}");
    }
}

#[test]
fn a_token_that_ends_ends_it() {
    let mut machine = open(connect());
    for seconds in (30..3600).step_by(30) {
        machine.tick(moment(seconds));
        feed(&mut machine, &[Packet::PingReq]);
    }
    assert_eq!(machine.deadline(), Duration::from_secs(3601));
    machine.tick(moment(3600));
    assert!(!machine.is_closed());
    machine.tick(moment(3601));
    assert!(machine.is_closed());
}

#[test]
fn a_will_is_heard_unless_the_client_says_goodbye() {
    let mut machine = with_will();
    feed(&mut machine, &[Packet::Disconnect]);
    assert!(machine.is_closed());
    assert!(will(&mut machine).is_none());

    let ends: [fn(&mut Connection); 4] = [
        Connection::hang_up,
        |machine| machine.tick(moment(90)),
        |machine| machine.notice(Notice::Superseded),
        |machine| feed(machine, &[publish(QoS::ExactlyOnce, 1, EVENTS, "x")]),
    ];
    for end in ends {
        let mut machine = with_will();
        feed(&mut machine, &[publish(QoS::AtMostOnce, 0, EVENTS, "x")]);
        end(&mut machine);
        assert!(machine.is_closed());
        // After what was published.
        let (messages, _) = published(&mut machine);
        assert_eq!(bodies(&messages), [b"x"]);
        let will = will(&mut machine).unwrap();
        assert_eq!(will.body, "gone");
        for (name, value) in [
            ("iothub-MessageType", "Will"),
            ("mqtt-retain", "true"),
            ("why", "power"),
        ] {
            assert_eq!(will.properties.get(name).unwrap(), value);
        }
        assert!(machine.next_effect().is_none());
    }
}

#[test]
fn who_is_deleted_is_forgotten_and_has_no_will() {
    let mut machine = with_will();
    let reason = refusal(error_code::IOT_HUB_UNAUTHORIZED);
    machine.notice(Notice::Dismissed(reason));
    assert!(machine.is_closed());
    assert!(matches!(machine.next_effect(), Some(Effect::Forget(_))));
    assert!(machine.next_effect().is_none());
}
