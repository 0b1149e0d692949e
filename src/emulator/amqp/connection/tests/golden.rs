//! Frames that Microsoft's SDKs sent, fed to the machine as they are.

use super::*;

/// The frame of a file under `tests/it/golden/sdk`, with the names in it made ours.
macro_rules! golden {
    ($name:literal) => {
        hex(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/golden/sdk/",
            $name,
            ".json"
        )))
    };
}

fn hex(json: &str) -> Vec<u8> {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    let hex = value["frame_hex"].as_str().unwrap();
    crate::protocol::amqp::reference::bytes(hex)
}

/// The entity of the goldens.
const THEIRS: &str = "iothub-ehub-contoso-123-abcdef0123";

fn their_bench() -> Bench {
    let mut bench = Bench::with(Options {
        entity: THEIRS.to_owned(),
        ..options()
    });
    bench.greet(65_536);
    (0..9).filter(|channel| *channel != 1).for_each(|channel| {
        bench.begin(channel);
    });
    // What the hub would grant for the tokens of the goldens, had they not ended long ago.
    for (side, scope) in [(Side::Hub, "hub"), (Side::Namespace, "ns")] {
        let grant = crate::emulator::hub::command::Grant {
            side,
            scope: scope.to_owned(),
            expires: None,
            may_read_events: true,
        };
        bench.machine.access.add(grant, Secret::new("token"), 9);
    }
    bench
}

#[test]
fn every_attach_of_a_reader_is_answered_in_kind() {
    for (bytes, mode) in [
        (golden!("py_eventhub_attach_earliest"), Some(SEND_UNSETTLED)),
        (golden!("py_eventhub_attach_epoch"), Some(SEND_UNSETTLED)),
        (golden!("py_eventhub_attach_latest"), Some(SEND_UNSETTLED)),
        (
            golden!("py_eventhub_attach_runtime_metric"),
            Some(SEND_UNSETTLED),
        ),
        (
            golden!("py_eventhub_attach_sequence_inclusive"),
            Some(SEND_UNSETTLED),
        ),
        (golden!("py_eventhub_attach_time"), Some(SEND_UNSETTLED)),
        (golden!("js_event_hubs_6_0_4_attach_earliest"), None),
        (golden!("js_event_hubs_6_0_4_attach_epoch"), None),
        (golden!("js_event_hubs_6_0_4_attach_time"), None),
        (golden!("js_event_hubs_0_2_11_attach_latest"), None),
        (golden!("js_event_hubs_0_2_11_attach_epoch"), None),
        (
            golden!("js_event_hubs_0_2_11_attach_sequence_exclusive"),
            None,
        ),
    ] {
        let mut bench = their_bench();
        let out = bench.feed(&bytes);
        assert_eq!(
            names(&out),
            ["attach"],
            "{:?}",
            out.last().map(Frame::error)
        );
        let (Performative::Attach(asked), Performative::Attach(answer)) = (
            Performative::decode(&bytes[8..]).unwrap().0,
            out[0].performative(),
        ) else {
            panic!()
        };
        assert_eq!((answer.name, answer.handle), (asked.name, asked.handle));
        assert_eq!(answer.source, asked.source);
        assert_eq!(answer.snd_settle_mode, Some(mode.unwrap_or(SEND_MIXED)));
        assert_eq!(answer.initial_delivery_count, Some(0));
        assert!(answer.target.is_some());
    }
}

#[test]
fn the_links_for_requests_are_attached() {
    for bytes in [
        golden!("py_eventhub_attach_cbs_receiver"),
        golden!("py_eventhub_attach_cbs_sender"),
        golden!("py_eventhub_attach_management_receiver"),
        golden!("py_eventhub_attach_management_sender"),
        golden!("js_event_hubs_6_0_4_attach_cbs_receiver"),
        golden!("js_event_hubs_6_0_4_attach_cbs_sender"),
        golden!("js_event_hubs_6_0_4_attach_management_receiver"),
        golden!("js_event_hubs_6_0_4_attach_management_sender"),
        golden!("js_event_hubs_0_2_11_attach_management_receiver"),
        golden!("js_event_hubs_0_2_11_attach_management_sender"),
    ] {
        let out = their_bench().feed(&bytes);
        assert_eq!(out[0].name(), "attach");
        let Performative::Attach(attach) = out[0].performative() else {
            panic!()
        };
        assert!(attach.source.is_some() && attach.target.is_some());
    }
}

#[test]
fn the_old_client_is_redirected() {
    let out = their_bench().feed(&golden!("js_event_hubs_0_2_11_attach_hub_management"));
    assert_eq!(names(&out), ["attach", "detach"]);
    assert_eq!(out[1].error().0, "amqp:link:redirect");
}

#[test]
fn a_read_request_is_answered_on_the_link_that_the_client_waits_at() {
    for (receiver, sender, request) in [
        (
            golden!("py_eventhub_attach_management_receiver"),
            golden!("py_eventhub_attach_management_sender"),
            golden!("py_eventhub_read_eventhub"),
        ),
        (
            golden!("js_event_hubs_6_0_4_attach_management_receiver"),
            golden!("js_event_hubs_6_0_4_attach_management_sender"),
            golden!("js_event_hubs_6_0_4_read_eventhub"),
        ),
        (
            golden!("js_event_hubs_0_2_11_attach_management_receiver"),
            golden!("js_event_hubs_0_2_11_attach_management_sender"),
            golden!("js_event_hubs_0_2_11_read_eventhub"),
        ),
    ] {
        let mut bench = their_bench();
        bench.feed(&sender);
        let attached = bench.feed(&receiver);
        let Performative::Attach(link) = attached[0].performative() else {
            panic!()
        };
        let flow = Performative::Flow(Flow {
            handle: Some(link.handle),
            link_credit: Some(5),
            ..wide()
        });
        bench.send(attached[0].channel, &flow);
        let out = bench.feed(&request);
        let response = out.iter().find(|frame| frame.transfer().is_some()).unwrap();
        assert_eq!(response.transfer().unwrap().handle, link.handle);
        let message = Message::parse(response.payload()).unwrap();
        assert_eq!(Response::parse(&message).unwrap().status_code, 200);
        let (_, payload) = Performative::decode(&request[8..]).unwrap();
        let asked = Message::parse(payload).unwrap();
        assert_eq!(
            message.properties.correlation_id(),
            asked.properties.message_id()
        );
    }
}
