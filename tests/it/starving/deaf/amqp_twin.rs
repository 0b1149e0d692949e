//! A device over AMQP that is told of its twin's changes and does not listen.

use hubctl::protocol::amqp::frame::{FrameKind, begin_frame, end_frame};
use hubctl::protocol::amqp::message::{MessageWriter, PropertyFields};
use hubctl::protocol::amqp::performative::{
    Attach, Flow, Performative, Role, SaslInit, Source, Target, Transfer,
};

use super::{AMQP, Deaf, frame, greeting, is_told_until_it_is_gone};
use crate::starving::all_is_well;
use crate::support::Emulator;
use crate::support::mqtt::credentials_of;

/// The message with which a device asks to be told of changes.
fn wish() -> Vec<u8> {
    let mut message = Vec::new();
    let mut writer = MessageWriter::new(&mut message);
    writer.message_annotations(|w| {
        w.symbol("operation");
        w.string("PUT");
        w.symbol("resource");
        w.string("/notifications/twin/properties/desired");
    });
    writer.properties(&PropertyFields::default());
    writer.data(b" ");
    let transfer = Transfer {
        handle: 1,
        delivery_id: Some(0),
        delivery_tag: Some(b"0"),
        message_format: Some(0),
        settled: Some(true),
        ..Transfer::default()
    };
    let mut out = Vec::new();
    let start = begin_frame(&mut out, FrameKind::Amqp, 0);
    Performative::Transfer(transfer).encode(&mut out);
    out.extend_from_slice(&message);
    end_frame(&mut out, start);
    out
}

#[test]
fn who_does_not_hear_of_its_twin_over_amqp_is_hung_up_on() {
    for door in AMQP {
        let hub = Emulator::start(&["--device", "device2"]);
        all_is_well(&hub);
        let mut deaf = Deaf::dial(&hub, door);
        let login = credentials_of(&hub, hub.device("device2"), &[]);
        let response = format!("\0device2@sas.localhost\0{}", login["PASSWORD"]);
        let plain = SaslInit {
            mechanism: "PLAIN",
            initial_response: Some(response.as_bytes()),
            hostname: None,
        };
        let address = "/devices/device2/twin";
        let told = Attach {
            source: Some(Source::at(address)),
            ..Attach::new("told twin", 0, Role::Receiver)
        };
        let asks = Attach {
            target: Some(Target::at(address)),
            ..Attach::new("asks twin", 1, Role::Sender)
        };
        let credit = Flow {
            incoming_window: 1_000_000,
            handle: Some(0),
            delivery_count: Some(0),
            link_credit: Some(1_000_000),
            ..Flow::default()
        };
        deaf.say(
            [
                greeting(plain),
                frame(FrameKind::Amqp, &Performative::Attach(told)),
                frame(FrameKind::Amqp, &Performative::Attach(asks)),
                frame(FrameKind::Amqp, &Performative::Flow(credit)),
            ]
            .concat(),
        );
        assert!(deaf.hear(b"asks twin").is_some());
        deaf.say(wish());
        is_told_until_it_is_gone(&hub, deaf);
    }
}
