//! Readers: credit, windows, settle modes, frame sizes, drain, epochs.

use super::*;

fn transfers(frames: &[Frame]) -> usize {
    frames
        .iter()
        .filter(|frame| frame.transfer().is_some())
        .count()
}

/// A bench with these events posted and a reader attached as handle 5.
fn reading(events: &[&[u8]], mode: Option<u8>) -> Bench {
    let mut bench = Bench::trusted();
    bench.post(events);
    let partition = bench.partition();
    assert_eq!(names(&bench.attach_reader(5, partition, mode)), ["attach"]);
    bench
}

#[test]
fn events_come_as_far_as_credit_goes_and_on_as_they_are_posted() {
    let mut bench = reading(&[b"1", b"2", b"3"], None);
    let out = bench.grant(5, 0, 2);
    assert_eq!(bodies(&out), [b"1", b"2"]);
    assert!(bench.post(&[b"4"]).is_empty());
    assert_eq!(bodies(&bench.grant(5, 2, 10)), [b"3", b"4"]);
    assert_eq!(bodies(&bench.post(&[b"5"])), [b"5"]);
    assert_eq!(bodies(&bench.post(&[b"6", b"7"])), [b"6", b"7"]);
}

#[test]
fn deliveries_are_settled_as_the_reader_asks() {
    for (mode, settled) in [
        (None, false),
        (Some(SEND_UNSETTLED), false),
        (Some(SEND_MIXED), false),
        (Some(SEND_SETTLED), true),
    ] {
        let mut bench = reading(&[b"1", b"2"], mode);
        let out = bench.grant(5, 0, 9);
        assert_eq!(out.len(), 2);
        for (number, frame) in out.iter().enumerate() {
            let transfer = frame.transfer().unwrap();
            assert_eq!(transfer.settled, Some(settled), "{mode:?}");
            assert_eq!(transfer.handle, 5);
            // The two responses of `$cbs` came before on this session.
            assert_eq!(transfer.delivery_id, u32::try_from(number + 2).ok());
        }
    }
}

#[test]
fn outcomes_change_nothing_and_the_second_step_is_answered() {
    let mut bench = reading(&[b"1"], None);
    bench.grant(5, 0, 9);
    let disposition = |settled| {
        Performative::Disposition(Disposition {
            role: Role::Receiver,
            first: 2,
            last: None,
            settled,
            state: Some(DeliveryState::Accepted),
            batchable: false,
        })
    };
    assert!(bench.send(1, &disposition(true)).is_empty());
    let out = bench.send(1, &disposition(false));
    let Performative::Disposition(reply) = out[0].performative() else {
        panic!()
    };
    assert_eq!(
        (reply.role, reply.first, reply.settled),
        (Role::Sender, 2, true)
    );
}

#[test]
fn a_large_event_is_cut_to_the_peers_frames_and_stays_within_its_window() {
    let mut bench = Bench::new();
    bench.greet(1_000);
    bench.attach_cbs();
    bench.put_token(&token(&format!("sb://localhost/{ENTITY}"), true, 3_600));
    let large: Vec<u8> = (0..5_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    bench.post(&[&large, b"small"]);
    let partition = bench.partition();
    bench.attach_reader(5, partition, None);
    // One response has gone on this session: its transfer was number 1.
    let window = |incoming_window| Flow {
        handle: Some(5),
        delivery_count: Some(0),
        link_credit: Some(9),
        next_incoming_id: Some(2),
        incoming_window,
        ..wide()
    };
    let mut all = bench.flow(window(3));
    assert_eq!(transfers(&all), 3);
    assert!(all.iter().all(|frame| frame.body.len() + 8 <= 1_000));
    all.extend(bench.flow(window(100)));
    assert_eq!(bodies(&all), [large, b"small".to_vec()]);
    let ids: Vec<_> = all
        .iter()
        .map(|frame| frame.transfer().unwrap().delivery_id)
        .collect();
    assert!(ids[..ids.len() - 1].iter().all(|id| *id == ids[0]));
    assert_ne!(ids.last(), ids.first());
}

#[test]
fn a_drain_ends_with_a_flow_and_no_credit() {
    let mut bench = reading(&[b"1"], None);
    let drain = Flow {
        handle: Some(5),
        delivery_count: Some(0),
        link_credit: Some(10),
        drain: true,
        ..wide()
    };
    let out = bench.flow(drain);
    assert_eq!(names(&out), ["transfer", "flow"]);
    let Performative::Flow(flow) = out[1].performative() else {
        panic!()
    };
    assert_eq!(
        (flow.delivery_count, flow.link_credit, flow.drain),
        (Some(10), Some(0), true)
    );
    assert!(bench.post(&[b"2"]).is_empty());
    assert_eq!(bodies(&bench.grant(5, 10, 1)), [b"2"]);
}

#[test]
fn an_echo_is_answered() {
    let mut bench = reading(&[b"1"], None);
    let out = bench.flow(Flow {
        handle: Some(5),
        delivery_count: Some(0),
        link_credit: Some(4),
        echo: true,
        ..wide()
    });
    let Performative::Flow(flow) = out[0].performative() else {
        panic!()
    };
    assert_eq!((flow.handle, flow.link_credit), (Some(5), Some(4)));
    let out = bench.flow(Flow {
        echo: true,
        ..wide()
    });
    let Performative::Flow(flow) = out[0].performative() else {
        panic!()
    };
    assert_eq!(flow.handle, None);
}

#[test]
fn a_higher_epoch_takes_the_partition() {
    let mut bench = Bench::trusted();
    assert_eq!(
        names(&bench.attach_reader_as(5, "0", None, Some(1))),
        ["attach"]
    );
    let out = bench.attach_reader(6, "0", None);
    assert_eq!(names(&out), ["attach", "detach"]);
    assert!(
        out[1]
            .error()
            .1
            .contains("non-epoch receiver is not allowed")
    );
    let out = bench.attach_reader_as(7, "0", None, Some(2));
    assert_eq!(names(&out), ["attach", "detach"]);
    let Performative::Detach(detach) = out[1].performative() else {
        panic!()
    };
    assert_eq!((detach.handle, detach.closed), (5, true));
    assert_eq!(out[1].error().0, "amqp:link:stolen");
    assert_eq!(bench.machine.readers.len(), 1);
}

#[test]
fn a_sixth_reader_is_one_too_many_until_another_goes() {
    let mut bench = Bench::trusted();
    for handle in 5..10 {
        assert_eq!(names(&bench.attach_reader(handle, "1", None)), ["attach"]);
    }
    let out = bench.attach_reader(10, "1", None);
    assert_eq!(out[1].error().0, "amqp:resource-limit-exceeded");
    let detach = Detach {
        handle: 7,
        closed: true,
        error: None,
    };
    let reply = bench.send(1, &Performative::Detach(detach));
    assert_eq!(names(&reply), ["detach"]);
    // The peer confirms the refusal, and tries the same handle again.
    let confirm = Detach {
        handle: 10,
        ..detach
    };
    assert!(bench.send(1, &Performative::Detach(confirm)).is_empty());
    assert_eq!(names(&bench.attach_reader(10, "1", None)), ["attach"]);
}

#[test]
fn readers_are_closed_with_their_session_and_connection() {
    for end in [
        Performative::End(End::default()),
        Performative::Close(Close::default()),
    ] {
        let mut bench = Bench::trusted();
        for handle in 5..10 {
            bench.attach_reader(handle, "1", None);
        }
        bench.send(1, &end);
        assert!(bench.machine.readers.is_empty());
        let open = Command::OpenReader {
            reader: ListenerId(99),
            group: "$Default".to_owned(),
            partition: "1".to_owned(),
            position: Position::Latest,
            epoch: None,
            name: None,
        };
        assert!(bench.hub.apply(utc(0), open).reply.is_ok());
    }
}

#[test]
fn a_reader_may_hear_of_what_was_enqueued_last() {
    let mut bench = Bench::trusted();
    bench.post(&[b"1", b"2"]);
    let address = format!(
        "{ENTITY}/ConsumerGroups/$Default/Partitions/{}",
        bench.partition()
    );
    let attach = Attach {
        source: Some(Source::at(&address)),
        desired_capabilities: Symbols::One("com.microsoft:enable-receiver-runtime-metric"),
        ..Attach::new("r", 5, Role::Receiver)
    };
    bench.send(1, &Performative::Attach(attach));
    let out = bench.grant(5, 0, 1);
    let message = Message::parse(out[0].payload()).unwrap();
    let annotations = message.delivery_annotations.unwrap();
    let last = annotations.find("last_enqueued_sequence_number");
    assert_eq!(last, Some(Value::Long(1)));
    let time = annotations.find("last_enqueued_time_utc");
    assert_eq!(time, Some(Value::Timestamp(START * 1_000)));
    assert!(
        annotations
            .find("last_enqueued_offset")
            .unwrap()
            .as_str()
            .is_some()
    );
}

#[test]
fn readers_take_turns_when_the_output_is_full() {
    let mut bench = Bench::trusted();
    let body = vec![b'x'; 20_000];
    bench.post(&[&body[..]; 8]);
    let partition = bench.partition();
    for handle in [5, 6] {
        bench.attach_reader(handle, partition, None);
    }
    for handle in [5, 6] {
        let grant = Flow {
            handle: Some(handle),
            delivery_count: Some(0),
            link_credit: Some(8),
            ..wide()
        };
        let bytes = frame(FrameKind::Amqp, 1, &Performative::Flow(grant), b"");
        bench.machine.receive(&bytes);
    }
    let mut order = Vec::new();
    for _ in 0..4 {
        for _ in 0..3 {
            bench.machine.pump(MARK);
            bench.carry_out();
        }
        let mut out = Vec::new();
        bench.machine.swap_output(&mut out);
        assert!(out.len() < MARK + 21_000);
        let handles = frames(&out);
        order.extend(handles.iter().map(|frame| frame.transfer().unwrap().handle));
    }
    assert!(
        order[..8].contains(&5) && order[..8].contains(&6),
        "{order:?}"
    );
}

proptest! {
    #[test]
    fn credit_is_never_exceeded(
        steps in proptest::collection::vec((0_u32..6, 0_usize..5, 1_u32..20), 1..40),
        mode in proptest::option::of(0_u8..3),
    ) {
        let mut bench = reading(&[b"first"], mode);
        let (mut seen, mut limit, mut posted) = (0_u32, 0_u32, 1_usize);
        let mut all = Vec::new();
        // Two responses of `$cbs` have used the transfers 1 and 2.
        for (credit, count, window) in steps {
            let mut out = bench.flow(Flow {
                handle: Some(5),
                delivery_count: Some(seen),
                link_credit: Some(credit),
                next_incoming_id: Some(3 + seen),
                incoming_window: window,
                ..wide()
            });
            limit = limit.max(seen + credit);
            let window_limit = seen + window;
            out.extend(bench.post(&vec![&b"x"[..]; count]));
            posted += count;
            seen += u32::try_from(transfers(&out)).unwrap();
            prop_assert!(seen <= limit);
            prop_assert!(seen <= window_limit);
            for frame in &out {
                let transfer = frame.transfer().unwrap();
                prop_assert_eq!(transfer.settled, Some(mode == Some(SEND_SETTLED)));
            }
            all.extend(out);
        }
        all.extend(bench.grant(5, seen, 1_000));
        prop_assert_eq!(bodies(&all).len(), posted);
    }
}
