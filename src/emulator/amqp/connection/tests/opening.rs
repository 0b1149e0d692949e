//! Protocol headers, the security layer, `open`, `begin`, and the ways back.

use super::*;

#[test]
fn the_security_layer_offers_what_event_hubs_does() {
    let mut bench = Bench::new();
    assert_eq!(bench.machine.receive(b"AMQP"), 0);
    let out = bench.feed_raw(ProtocolHeader::Sasl.bytes());
    assert_eq!(out[..8], *ProtocolHeader::Sasl.bytes());
    // The fact file's trace of the real service, but for the order: one array of symbols.
    let out = frames(&out);
    let Performative::SaslMechanisms(offer) = out[0].performative() else {
        panic!()
    };
    let offer: Vec<_> = offer.mechanisms.iter().collect();
    assert_eq!(offer, ["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"]);
}

fn login(mechanism: &str, response: &[u8]) -> (u8, bool) {
    let mut bench = Bench::new();
    bench.feed(ProtocolHeader::Sasl.bytes());
    let init = SaslInit {
        mechanism,
        initial_response: Some(response),
        hostname: None,
    };
    let out = bench.feed(&frame(
        FrameKind::Sasl,
        0,
        &Performative::SaslInit(init),
        b"",
    ));
    let Performative::SaslOutcome(outcome) = out[0].performative() else {
        panic!()
    };
    let welcomed = outcome.additional_data == Some(b"Welcome!");
    assert_eq!(welcomed, !bench.machine.is_closed());
    (outcome.code, welcomed)
}

#[test]
fn each_mechanism_has_its_outcome() {
    assert_eq!(login("MSSBCBS", b"\0iothubowner"), (0, true));
    assert_eq!(login("ANONYMOUS", b""), (0, true));
    assert_eq!(login("EXTERNAL", b""), (1, false));
    assert_eq!(login("PLAIN", b"nobody"), (2, false));
    assert_eq!(login("PLAIN", b"\0service\0wrong"), (1, false));
    assert_eq!(
        login("PLAIN", format!("\0service\0{KEY}").as_bytes()),
        (0, true)
    );
    let token = token("localhost", false, 60);
    let plain = format!("\0service@sas.root.localhost\0{token}");
    assert_eq!(login("PLAIN", plain.as_bytes()), (0, true));
}

#[test]
fn lists_are_complete_for_those_who_read_by_position() {
    let mut bench = Bench::new();
    // Without a security layer: anonymous.
    let out = bench.feed_raw(ProtocolHeader::Amqp.bytes());
    assert_eq!(out, ProtocolHeader::Amqp.bytes());
    let fields = |frame: &Frame| {
        assert_eq!(frame.body[..2], [0x00, 0x53]);
        let (value, _) = decode(&frame.body).unwrap();
        let fields = value.undescribed().unwrap().as_list().unwrap();
        fields.iter().map(Result::unwrap).collect::<Vec<_>>().len()
    };
    let open = Open {
        container_id: "c",
        ..Open::default()
    };
    let out = bench.send(0, &Performative::Open(open));
    assert_eq!((names(&out), fields(&out[0])), (vec!["open"], 10));
    let Performative::Open(open) = out[0].performative() else {
        panic!()
    };
    assert_eq!(
        (open.max_frame_size, open.idle_time_out, open.hostname),
        (Some(65_536), Some(240_000), Some("localhost"))
    );
    let out = bench.begin(1);
    assert_eq!((out[0].channel, fields(&out[0])), (1, 8));
    let Performative::Begin(begin) = out[0].performative() else {
        panic!()
    };
    assert_eq!(
        (begin.remote_channel, begin.handle_max),
        (Some(1), Some(262_143))
    );
    let attach = Attach {
        source: Some(Source::at("$cbs")),
        ..Attach::new("r", 0, Role::Receiver)
    };
    let out = bench.send(1, &Performative::Attach(attach));
    assert_eq!(fields(&out[0]), 14);
    let (value, _) = decode(&out[0].body).unwrap();
    let list = value.undescribed().unwrap().as_list().unwrap();
    let ends = [5, 6].map(|at| list.at(at).unwrap().undescribed().unwrap());
    assert_eq!(ends.map(|end| end.as_list().unwrap().len()), [11, 7]);
    let out = bench.send(1, &Performative::End(End::default()));
    assert_eq!((names(&out), fields(&out[0])), (vec!["end"], 1));
    let out = bench.send(0, &Performative::Close(Close::default()));
    assert_eq!((names(&out), fields(&out[0])), (vec!["close"], 1));
    assert!(bench.machine.is_closed());
}

#[test]
fn another_protocol_or_version_is_told_ours() {
    for (bytes, ours) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], ProtocolHeader::Sasl),
        (b"AMQP\x00\x00\x09\x01", ProtocolHeader::Sasl),
        (b"AMQP\x02\x01\x00\x00", ProtocolHeader::Sasl),
    ] {
        let mut bench = Bench::new();
        assert_eq!(bench.feed_raw(bytes), ours.bytes());
        assert!(bench.machine.is_closed());
    }
}

#[test]
fn frames_on_a_channel_that_has_ended_are_stepped_over() {
    let mut bench = Bench::open();
    bench.send(1, &Performative::End(End::default()));
    let detach = Detach {
        handle: 3,
        ..Detach::default()
    };
    assert!(bench.send(1, &Performative::Detach(detach)).is_empty());
    assert!(!bench.machine.is_closed());
    // The channel can be used again.
    assert_eq!(names(&bench.begin(1)), ["begin"]);
    let out = bench.send(9, &Performative::Detach(detach));
    assert_eq!(out[0].error().0, "amqp:connection:framing-error");
    assert!(bench.machine.is_closed());
}

#[test]
fn limits_hold() {
    let mut bench = Bench::open();
    let out = bench.begin(1);
    assert_eq!(out[0].error().0, "amqp:connection:framing-error");
    let mut bench = Bench::open();
    assert_eq!(bench.begin(8192)[0].name(), "close");
    let mut bench = Bench::open();
    let attach = Attach::new("l", 262_144, Role::Sender);
    let out = bench.send(1, &Performative::Attach(attach));
    assert_eq!(out[0].error().0, "amqp:connection:framing-error");
    let mut bench = Bench::open();
    bench.attach_cbs();
    let again = Attach::new("l", 0, Role::Sender);
    let out = bench.send(1, &Performative::Attach(again));
    assert_eq!(out[0].error().0, "amqp:session:handle-in-use");
    let mut bench = Bench::open();
    let out = bench.feed(&[0, 1, 0, 1, 2, 0, 0, 0]);
    assert_eq!(out[0].error().0, "amqp:connection:framing-error");
}

#[test]
fn silence_is_broken_by_half_of_the_peers_patience_and_borne_for_ours() {
    let mut bench = Bench::trusted();
    let keep_alive = |bench: &mut Bench, seconds| {
        bench.now.elapsed += Duration::from_secs(seconds);
        bench.machine.tick(bench.now);
        let mut out = Vec::new();
        bench.machine.swap_output(&mut out);
        out
    };
    assert_eq!(bench.machine.deadline(), Duration::from_secs(30));
    assert!(keep_alive(&mut bench, 29).is_empty());
    assert_eq!(keep_alive(&mut bench, 1), [0, 0, 0, 8, 2, 0, 0, 0]);
    assert!(keep_alive(&mut bench, 1).is_empty());
    // A keep-alive of the peer's counts as a word.
    bench.feed(&[0, 0, 0, 8, 2, 0, 0, 0]);
    keep_alive(&mut bench, 239);
    assert!(!bench.machine.is_closed());
    let out = frames(&keep_alive(&mut bench, 1));
    assert_eq!(out.last().unwrap().error().0, "amqp:connection:forced");
    assert!(bench.machine.is_closed());
}

#[test]
fn who_shows_no_token_in_time_is_let_go() {
    let mut bench = Bench::open();
    bench.attach_cbs();
    assert_eq!(
        bench.put_token("SharedAccessSignature sr=localhost&sig=x&se=1"),
        401
    );
    assert!(bench.wait(19).is_empty());
    let out = bench.wait(1);
    assert_eq!(out[0].error().0, "amqp:unauthorized-access");
    assert!(bench.machine.is_closed());
    let mut bench = Bench::trusted();
    bench.wait(21);
    assert!(!bench.machine.is_closed());
}

#[test]
fn what_one_connection_takes_has_a_bound() {
    let mut options = options();
    options.limits.links = 4;
    options.limits.tokens = 2;
    let mut bench = Bench::with(options);
    bench.greet(65_536);
    bench.attach_cbs();
    for (scope, wanted) in [
        ("localhost/devices/a", 200),
        ("localhost/devices/b", 200),
        ("localhost/devices/a", 200),
        ("localhost/devices/c", 500),
    ] {
        assert_eq!(bench.put_token(&token(scope, false, 60)), wanted, "{scope}");
    }
    let mut attach = |handle| {
        let attach = Attach::new("cbs", handle, Role::Sender);
        let target = Some(Target::at("$cbs"));
        let attach = Attach { target, ..attach };
        names(&bench.send(1, &Performative::Attach(attach)))
    };
    assert_eq!([7, 8].map(|handle| attach(handle)[0]), ["attach"; 2]);
    assert_eq!(attach(9), ["close"]);
}
