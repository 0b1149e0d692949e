//! Twins and methods of devices: what they ask, what they are told, and when nobody listens.

use super::*;
use crate::emulator::hub::command::{CallId, MethodOperation, TwinOperation};
use crate::model::device::IdentityId;
use crate::model::twin::TwinChange;
use crate::protocol::amqp::message::{MessageWriter, PropertyFields};

const TWIN: &str = "/devices/d1/twin";
const METHODS: &str = "/devices/d1/methods/devicebound";
const DESIRED: &str = "/notifications/twin/properties/desired";
const ORDERS: u32 = 7;
const TOLD: u32 = 8;
/// Who calls methods, beside the connection.
const CALLER: ListenerId = ListenerId(900);

fn owner() -> String {
    let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
    let token = mint(&key, "localhost", START + 3_600, Some("iothubowner"));
    token.expose().to_owned()
}

fn identity() -> IdentityId {
    IdentityId {
        device: "d1".to_owned(),
        module: None,
    }
}

fn attached(bench: &mut Bench, address: &str) {
    let out = bench.attach_own(ORDERS, Role::Sender, address);
    assert_eq!(names(&out), ["attach", "flow"]);
    let out = bench.attach_own(TOLD, Role::Receiver, address);
    assert_eq!(names(&out), ["attach"]);
    bench.grant(TOLD, 0, 100);
}

impl Bench {
    fn order(&mut self, message: &[u8]) -> Vec<Frame> {
        let transfer = Transfer {
            handle: ORDERS,
            delivery_id: Some(0),
            delivery_tag: Some(b"t"),
            settled: Some(true),
            ..Transfer::default()
        };
        let transfer = Performative::Transfer(transfer);
        self.feed(&frame(FrameKind::Amqp, 1, &transfer, message))
    }

    /// A request on the twin; gives the status and body of its response.
    fn ask_twin(&mut self, operation: &str, resource: &str, body: &[u8]) -> (i64, String) {
        let mut message = Vec::new();
        let mut writer = MessageWriter::new(&mut message);
        writer.message_annotations(|w| {
            w.symbol("operation");
            w.string(operation);
            if !resource.is_empty() {
                w.symbol("resource");
                w.string(resource);
            }
        });
        writer.properties(&PropertyFields {
            correlation_id: Some(Value::String("r1")),
            ..PropertyFields::default()
        });
        writer.data(body);
        let out = self.order(&message);
        assert_eq!(names(&out), ["transfer"], "{out:?}");
        let response = Message::parse(out[0].payload()).unwrap();
        let id = response.properties.correlation_id();
        assert_eq!(id, Some(Value::String("r1")));
        let status = response.annotation("status").unwrap().as_i64().unwrap();
        let body = bodies(&out).pop().unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    fn desire(&mut self, level: i64) -> Vec<Frame> {
        let properties = serde_json::json!({ "properties": { "desired": { "level": level } } });
        let change = TwinChange::parse(&properties, false).unwrap();
        let operation = TwinOperation::Change {
            token: Some(owner()),
            identity: identity(),
            change: Box::new(change),
            if_match: None,
        };
        self.command(Command::Twin(operation))
    }

    fn call(&mut self) -> Result<CallId, Refusal> {
        let operation = MethodOperation::Invoke {
            token: Some(owner()),
            caller: CALLER,
            identity: identity(),
            name: "blink".to_owned(),
            payload: "[1]".to_owned(),
            waits: false,
        };
        let effects = self.hub.apply(self.now.utc, Command::Method(operation));
        for (listener, notice) in effects.notices {
            self.machine.notice(listener, notice);
        }
        let reply = effects.reply?;
        let Reply::Call { call, .. } = reply else {
            panic!("{reply:?}")
        };
        Ok(call)
    }

    fn detach_own(&mut self, handle: u32) {
        let detach = Detach {
            handle,
            closed: true,
            error: None,
        };
        self.send(1, &Performative::Detach(detach));
    }
}

#[test]
fn a_twin_is_read_reported_and_told_of() {
    let mut bench = Bench::device();
    attached(&mut bench, TWIN);
    let (status, body) = bench.ask_twin("GET", "", b" ");
    assert_eq!(status, 200);
    let empty = r#"{"desired":{"$version":1},"reported":{"$version":1}}"#;
    assert_eq!(body, empty);
    // Not told of what it has not asked for.
    assert_eq!(names(&bench.desire(1)), [""; 0]);
    assert_eq!(bench.ask_twin("PUT", DESIRED, b" ").0, 200);
    let out = bench.desire(2);
    assert_eq!(bodies(&out), [br#"{"level":2,"$version":3}"#]);
    let told = Message::parse(out[0].payload()).unwrap();
    assert_eq!(told.properties.correlation_id(), None);
    let reported = "/properties/reported";
    assert_eq!(
        bench.ask_twin("PATCH", reported, br#"{"led":true}"#),
        (204, String::new())
    );
    let (status, body) = bench.ask_twin("PATCH", reported, b"[1]");
    assert_eq!(status, 400);
    assert!(body.contains("\"errorCode\":400"), "{body}");
    let (_, body) = bench.ask_twin("GET", "", b"");
    assert!(body.contains(r#""led":true"#), "{body}");
    for (operation, resource) in [("POST", ""), ("GET", "/x"), ("PATCH", ""), ("PUT", "")] {
        let (status, _) = bench.ask_twin(operation, resource, b"{}");
        assert_eq!(status, 400, "{operation} {resource}");
    }
    assert_eq!(bench.ask_twin("DELETE", DESIRED, b" ").0, 200);
    assert_eq!(names(&bench.desire(3)), [""; 0]);
}

/// Calls once more; the call, and the id that the answer has to bear.
fn called_again(bench: &mut Bench) -> (CallId, [u8; 16]) {
    let call = bench.call().unwrap();
    let out = frames(&bench.drain());
    let called = Message::parse(out[0].payload()).unwrap();
    let Some(Value::Uuid(id)) = called.properties.correlation_id() else {
        panic!("{out:?}")
    };
    (call, id)
}

#[test]
fn a_method_is_called_while_its_link_is_there_and_its_answer_finds_the_caller() {
    let mut bench = Bench::device();
    assert!(bench.call().is_err());
    attached(&mut bench, METHODS);
    let call = bench.call().unwrap();
    let out = frames(&bench.drain());
    assert_eq!(bodies(&out), [b"[1]"]);
    let called = Message::parse(out[0].payload()).unwrap();
    let name = called.application_property("IoThub-methodname");
    assert_eq!(name, Some(Value::String("blink")));
    let id = called.properties.correlation_id();
    let answer = |bench: &mut Bench, status: Option<(&str, Value<'_>)>, id| {
        let mut message = Vec::new();
        let mut writer = MessageWriter::new(&mut message);
        writer.properties(&PropertyFields {
            correlation_id: id,
            ..PropertyFields::default()
        });
        writer.application_properties(|w| {
            if let Some((name, status)) = status {
                w.string(name);
                w.value(&status);
            }
        });
        writer.data(b"{}");
        bench.strays.clear();
        assert_eq!(names(&bench.order(&message)), [""; 0]);
        let strays = std::mem::take(&mut bench.strays);
        strays.into_iter().find(|(to, _)| *to == CALLER)
    };
    // Another call: the caller waits on.
    let status = Some(("IoThub-status", Value::Int(202)));
    assert_eq!(answer(&mut bench, status, Some(Value::String("x"))), None);
    let answered = |call| Notice::Answered {
        call,
        status: 202,
        payload: Ok("{}".to_owned()),
    };
    assert_eq!(
        answer(&mut bench, status, id),
        Some((CALLER, answered(call)))
    );
    for (name, status) in [
        ("iothub-status", Value::Long(202)),
        ("IoThub-status", Value::String("202")),
    ] {
        let (call, id) = called_again(&mut bench);
        let heard = answer(&mut bench, Some((name, status)), Some(Value::Uuid(id)));
        assert_eq!(heard, Some((CALLER, answered(call))), "{name}");
    }
    // What cannot be passed on is told at once.
    for status in [
        None,
        Some(("IoThub-status", Value::String("fine"))),
        Some(("IoThub-status", Value::Long(1 << 40))),
    ] {
        let (_, id) = called_again(&mut bench);
        let heard = answer(&mut bench, status, Some(Value::Uuid(id)));
        let Some((
            CALLER,
            Notice::Answered {
                payload: Err(refusal),
                ..
            },
        )) = heard
        else {
            panic!("{heard:?}")
        };
        assert_eq!(refusal.code.number, 502_000);
        assert!(
            refusal.message.contains("IoThub-status"),
            "{}",
            refusal.message
        );
    }
    // Nobody to call once the link has gone, though the device is connected.
    bench.detach_own(TOLD);
    assert!(bench.call().is_err());
}

#[test]
fn who_grants_nothing_for_what_it_wants_to_hear_is_hung_up_on() {
    let mut bench = Bench::device();
    attached(&mut bench, TWIN);
    assert_eq!(bench.ask_twin("PUT", DESIRED, b" ").0, 200);
    let credit = 99;
    for level in 0..credit {
        assert_eq!(names(&bench.desire(level)), ["transfer"]);
    }
    for level in 0..256 {
        assert_eq!(names(&bench.desire(credit + level)), [""; 0]);
    }
    assert_eq!(names(&bench.desire(-1)), ["close"]);
}

#[test]
fn there_is_one_link_of_a_kind() {
    let mut bench = Bench::device();
    attached(&mut bench, TWIN);
    for role in [Role::Sender, Role::Receiver] {
        let out = bench.attach_own(20, role, TWIN);
        assert_eq!(names(&out), ["attach", "detach"]);
        assert_eq!(out[1].error().0, "amqp:internal-error");
        bench.detach_own(20);
    }
    bench.detach_own(TOLD);
    let out = bench.attach_own(TOLD, Role::Receiver, TWIN);
    assert_eq!(names(&out), ["attach"]);
}
