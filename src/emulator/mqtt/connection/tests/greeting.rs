//! Who is let in, and what the others are told.

use super::*;

/// What a client is told that never comes as far as the hub.
fn turned_away(connect: Connect) -> Vec<Packet> {
    let mut machine = machine();
    feed(&mut machine, &[Packet::Connect(connect)]);
    assert!(machine.next_effect().is_none());
    assert!(machine.is_closed());
    said(&mut machine)
}

fn code(code: ConnectReturnCode) -> Vec<Packet> {
    vec![Packet::ConnAck(ConnAck::new(code, false))]
}

fn with(client_id: &str, user: &str, password: &str) -> Connect {
    let mut connect = Connect::new(client_id);
    connect.set_login(user, password);
    connect
}

#[test]
fn the_hub_is_asked_with_what_the_client_showed() {
    for user in [
        USER,
        "LOCALHOST:8883/d1/api-version=2016-11-14&DeviceClientType=x",
    ] {
        let mut machine = machine();
        feed(
            &mut machine,
            &[Packet::Connect(with("d1", user, "the token"))],
        );
        let Some(Effect::Open(Opening {
            identity,
            credential: Credential::Token(token),
            starts_anew,
        })) = machine.next_effect()
        else {
            panic!("{user} is not let in")
        };
        assert_eq!(identity.to_string(), "d1");
        assert_eq!((token.expose(), starts_anew), ("the token", true));
        // Nothing is said or read before the hub has answered.
        feed(&mut machine, &[Packet::PingReq]);
        assert_eq!(said(&mut machine), []);
    }
}

#[test]
fn a_certificate_speaks_for_who_has_no_token() {
    let held = Arc::new(Certificate {
        sha1: "0".repeat(40),
        sha256: "0".repeat(64),
        common_name: None,
        valid: 0..=1,
        vouched: None,
    });
    let credential = |connect: Connect| {
        let options = Options::new(vec!["localhost".to_owned()], Clock::new(clock));
        let mut machine = Connection::new(Arc::new(options), Some(Arc::clone(&held)), 7, moment(0));
        feed(&mut machine, &[Packet::Connect(connect)]);
        match machine.next_effect() {
            Some(Effect::Open(opening)) => (machine, opening.credential),
            other => panic!("{other:?}"),
        }
    };
    let patient = Connect {
        keep_alive: 0,
        ..with("d1", USER, "")
    };
    let (mut machine, found) = credential(patient);
    assert!(matches!(found, Credential::Certificate(found) if Arc::ptr_eq(&found, &held)));
    let session = Reply::Session { expires: None };
    machine.opened(Ok((SESSION, session)), None);
    assert_eq!(said(&mut machine), code(ConnectReturnCode::Success));
    // Nothing ends it but silence, not even the end of all tokens.
    machine.shorten_token(i64::MAX);
    machine.tick(moment(1));
    assert_eq!(machine.deadline(), Duration::from_secs(1767));
    // Who shows a token goes by it.
    let (_, found) = credential(with("d1", USER, "the token"));
    assert!(matches!(found, Credential::Token(token) if token.expose() == "the token"));
}

#[test]
fn who_says_nothing_of_use_is_turned_away() {
    use ConnectReturnCode::{BadClientId, BadUserNamePassword, NotAuthorized};
    assert_eq!(turned_away(with("", USER, "x")), code(BadClientId));
    assert_eq!(turned_away(with("d2", USER, "x")), code(BadClientId));
    assert_eq!(turned_away(with("d1/m", USER, "x")), code(BadClientId));
    assert_eq!(turned_away(with("d+", USER, "x")), code(BadClientId));
    for user in [
        "d1",
        "elsewhere/d1/?api-version=2021-04-12",
        "localhost/d1/",
        "localhost:x/d1/?api-version=2021-04-12",
    ] {
        assert_eq!(
            turned_away(with("d1", user, "x")),
            code(BadUserNamePassword),
            "{user}"
        );
    }
    assert_eq!(turned_away(Connect::new("d1")), code(BadUserNamePassword));
    assert_eq!(turned_away(with("d1", USER, "")), code(NotAuthorized));
}

#[test]
fn the_hubs_no_is_told() {
    for (reason, told) in [
        (
            error_code::IOT_HUB_UNAUTHORIZED_ACCESS,
            ConnectReturnCode::NotAuthorized,
        ),
        (
            error_code::SERVICE_UNAVAILABLE,
            ConnectReturnCode::ServiceUnavailable,
        ),
    ] {
        let mut machine = machine();
        feed(&mut machine, &[Packet::Connect(connect())]);
        machine.next_effect();
        machine.opened(Err(refusal(reason)), None);
        assert_eq!(said(&mut machine), code(told));
        assert!(machine.is_closed());
        assert!(machine.next_effect().is_none());
    }
}

#[test]
fn another_version_is_told_so_and_no_mqtt_is_told_nothing() {
    let mut newer = bytes(&[Packet::Connect(connect())]);
    let level = newer.iter().position(|byte| *byte == 4).unwrap() + 5;
    assert_eq!(newer[level], 4);
    newer[level] = 5;
    let mut machine = machine();
    machine.receive(&mut newer);
    assert_eq!(
        said(&mut machine),
        code(ConnectReturnCode::RefusedProtocolVersion)
    );
    for noise in [
        BytesMut::from(&b"GET / HTTP/1.1\r\n"[..]),
        bytes(&[Packet::PingReq]),
        bytes(&[publish(QoS::AtMostOnce, 0, EVENTS, "x")]),
    ] {
        let mut machine = super::machine();
        machine.receive(&mut noise.clone());
        assert!(machine.is_closed(), "{noise:?}");
        assert_eq!(said(&mut machine), []);
    }
}

#[test]
fn a_will_that_is_no_event_of_ones_own_is_not_taken() {
    for (topic, qos) in [
        ("devices/d2/messages/events/", QoS::AtMostOnce),
        ("will", QoS::AtMostOnce),
        (EVENTS, QoS::ExactlyOnce),
    ] {
        let mut connect = connect();
        connect.last_will = Some(LastWill::new(topic, "gone", qos, false));
        assert_eq!(turned_away(connect), []);
    }
}

#[test]
fn who_comes_back_finds_its_subscriptions() {
    let comes_back = || Connect {
        clean_session: false,
        ..connect()
    };
    let mut machine = open(comes_back());
    let Some(Effect::Remember(identity, first)) = machine.next_effect() else {
        panic!("nothing to remember")
    };
    assert_eq!(identity.to_string(), "d1");
    let filter = SubscribeFilter::new("$iothub/methods/POST/#".to_owned(), QoS::AtLeastOnce);
    let subscribe = Subscribe {
        pkid: 1,
        filters: vec![filter],
    };
    feed(&mut machine, &[Packet::Subscribe(subscribe)]);
    let Some(Effect::Remember(_, known)) = machine.next_effect() else {
        panic!("nothing to remember")
    };
    assert_ne!(first, known);
    listens(&mut machine, Feed::Methods, true);

    let mut again = super::machine();
    feed(&mut again, &[Packet::Connect(comes_back())]);
    let Some(Effect::Open(opening)) = again.next_effect() else {
        panic!("not let in")
    };
    assert!(!opening.starts_anew);
    again.opened(Ok((SESSION, session())), Some(known));
    let welcome = ConnAck::new(ConnectReturnCode::Success, true);
    assert_eq!(said(&mut again), [Packet::ConnAck(welcome)]);
    listens(&mut again, Feed::Methods, true);
    assert!(again.next_effect().is_none());
}
