//! Bytes that nobody should send.

use super::*;

#[test]
fn what_cannot_be_decoded_closes_the_connection() {
    for body in [
        &[0x3f][..],
        &[0x00, 0x53, 0x12, 0x45],
        &[0x00, 0x53, 0x99, 0x45],
    ] {
        let mut bench = Bench::open();
        let mut bytes = Vec::new();
        let start = begin_frame(&mut bytes, FrameKind::Amqp, 1);
        bytes.extend_from_slice(body);
        end_frame(&mut bytes, start);
        let out = bench.feed(&bytes);
        assert_eq!(out[0].error().0, "amqp:decode-error");
        assert!(bench.machine.is_closed());
    }
    let mut bench = Bench::open();
    let out = bench.feed(&[0, 0, 0, 3, 2, 0, 0, 0]);
    assert_eq!(out[0].error().0, "amqp:connection:framing-error");
}

#[test]
fn an_error_before_open_is_told_after_one() {
    let mut bench = Bench::new();
    bench.feed(ProtocolHeader::Amqp.bytes());
    let out = bench.begin(0);
    assert_eq!(names(&out), ["open", "close"]);
}

#[test]
fn rules_that_are_broken_end_what_they_are_about() {
    let transfer = |handle| {
        Performative::Transfer(Transfer {
            handle,
            delivery_id: Some(0),
            ..Transfer::default()
        })
    };
    let mut bench = Bench::trusted();
    let out = bench.feed(&frame(FrameKind::Amqp, 1, &transfer(99), b"x"));
    assert_eq!(out[0].error().0, "amqp:session:unattached-handle");
    let mut bench = Bench::trusted();
    bench.attach_reader(5, "0", None);
    let out = bench.feed(&frame(FrameKind::Amqp, 1, &transfer(5), b"x"));
    assert_eq!(out[0].error().0, "amqp:not-allowed");
    let mut bench = Bench::trusted();
    let out = bench.feed(&frame(FrameKind::Amqp, 1, &transfer(0), b"x"));
    assert_eq!(names(&out), ["disposition", "detach"]);
    assert_eq!(out[1].error().0, "amqp:decode-error");
    let mut bench = Bench::trusted();
    let large = vec![0; 60_000];
    let part = Performative::Transfer(Transfer {
        delivery_id: Some(0),
        more: true,
        ..Transfer::default()
    });
    let bytes = frame(FrameKind::Amqp, 1, &part, &large);
    (0..4).for_each(|_| assert!(bench.feed(&bytes).is_empty()));
    assert_eq!(
        bench.feed(&bytes)[0].error().0,
        "amqp:link:message-size-exceeded"
    );
}

#[test]
fn a_filter_that_is_none_is_refused() {
    let mut bench = Bench::trusted();
    let filter = encode(|w| {
        w.map(|w| {
            w.symbol("apache.org:selector-filter:string");
            w.described(1, |w| w.string("drop table events"));
        });
    });
    let address = format!("{ENTITY}/ConsumerGroups/$Default/Partitions/0");
    let attach = Attach {
        source: Some(Source {
            address: Some(&address),
            filter: decode(&filter).unwrap().0.as_map(),
            ..Source::default()
        }),
        ..Attach::new("r", 5, Role::Receiver)
    };
    let out = bench.send(1, &Performative::Attach(attach));
    assert_eq!(out[1].error().0, "com.microsoft:argument-error");
}

fn amqp(channel: u16, performative: &Performative<'_>, payload: &[u8]) -> Vec<u8> {
    frame(FrameKind::Amqp, channel, performative, payload)
}

fn channel() -> impl Strategy<Value = u16> {
    0_u16..3
}

fn handle() -> impl Strategy<Value = u32> {
    0_u32..9
}

fn attaches() -> impl Strategy<Value = Vec<u8>> {
    let address = proptest::sample::select(vec![
        "$cbs",
        "$management",
        "messages/events",
        "iothub-ehub-test/ConsumerGroups/$Default/Partitions/0",
        "x",
        "",
    ]);
    let parts = (
        channel(),
        handle(),
        address,
        any::<bool>(),
        any::<Option<u8>>(),
    );
    parts.prop_map(|(channel, handle, address, sends, mode)| {
        let role = if sends { Role::Sender } else { Role::Receiver };
        let source = Some(Source::at(address));
        let target = Some(Target::at(address));
        let attach = Attach {
            source,
            target,
            snd_settle_mode: mode,
            ..Attach::new("l", handle, role)
        };
        amqp(channel, &Performative::Attach(attach), b"")
    })
}

fn flows() -> impl Strategy<Value = Vec<u8>> {
    let parts = (channel(), any::<[u32; 4]>(), any::<[bool; 2]>(), handle());
    parts.prop_map(
        |(channel, [next, window, count, credit], [drain, echo], handle)| {
            let flow = Flow {
                next_incoming_id: Some(next),
                incoming_window: window,
                handle: Some(handle),
                delivery_count: Some(count),
                link_credit: Some(credit % 64),
                drain,
                echo,
                ..Flow::default()
            };
            amqp(channel, &Performative::Flow(flow), b"")
        },
    )
}

fn transfers() -> impl Strategy<Value = Vec<u8>> {
    let payload = proptest::collection::vec(any::<u8>(), 0..40);
    let parts = (channel(), handle(), any::<[bool; 3]>(), payload);
    parts.prop_map(|(channel, handle, [more, settled, aborted], payload)| {
        let transfer = Transfer {
            handle,
            delivery_id: Some(0),
            more,
            aborted,
            settled: Some(settled),
            ..Transfer::default()
        };
        amqp(channel, &Performative::Transfer(transfer), &payload)
    })
}

/// Frames that make sense one by one, in any order.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let begins = (channel(), any::<u32>()).prop_map(|(channel, incoming_window)| {
        let begin = Begin {
            incoming_window,
            ..Begin::default()
        };
        amqp(channel, &Performative::Begin(begin), b"")
    });
    let detaches = (channel(), handle()).prop_map(|(channel, handle)| {
        let detach = Detach {
            handle,
            ..Detach::default()
        };
        amqp(channel, &Performative::Detach(detach), b"")
    });
    let ends = channel().prop_map(|channel| amqp(channel, &Performative::End(End::default()), b""));
    prop_oneof![
        1 => begins,
        4 => attaches(),
        4 => flows(),
        2 => transfers(),
        2 => detaches,
        1 => ends
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_borne(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        Bench::new().feed_raw(&bytes);
        let mut bench = Bench::open();
        bench.feed_raw(&bytes);
        // The same as the body of a frame of the right length.
        let mut framed = Vec::new();
        let start = begin_frame(&mut framed, FrameKind::Amqp, 1);
        framed.extend_from_slice(&bytes);
        end_frame(&mut framed, start);
        Bench::trusted().feed_raw(&framed);
    }

    #[test]
    fn changed_frames_are_borne(
        frames in proptest::collection::vec(plausible(), 1..12),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut bench = Bench::trusted();
        bench.post(&[b"1", b"2", b"3"]);
        let mut bytes = frames.concat();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bench.feed_raw(&bytes);
    }

    #[test]
    fn frames_in_any_order_leave_no_reader_behind(frames in proptest::collection::vec(plausible(), 1..30)) {
        let mut bench = Bench::trusted();
        bench.post(&[b"1", b"2", b"3"]);
        bench.feed_raw(&frames.concat());
        bench.send(0, &Performative::Close(Close::default()));
        prop_assert!(bench.machine.is_closed());
        prop_assert!(bench.machine.readers.is_empty());
        // All five places of the partition are free.
        for number in 0..5 {
            let open = Command::OpenReader {
                reader: ListenerId(1_000 + number),
                group: "$Default".to_owned(),
                partition: "0".to_owned(),
                position: Position::Earliest,
                epoch: None,
                name: None,
            };
            prop_assert!(bench.hub.apply(utc(0), open).reply.is_ok());
        }
    }
}
