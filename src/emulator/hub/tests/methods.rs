//! Direct methods: called, waited for, answered, given up.

use super::sessions::{ONE, TWO, connect, device};
use super::twins::listen;
use super::*;

const CALLER: ListenerId = ListenerId(9);

fn invoke(hub: &mut Hub, id: &str, name: &str, waits: bool) -> Effects {
    invoke_as(CALLER, hub, id, name, waits)
}

fn invoke_as(caller: ListenerId, hub: &mut Hub, id: &str, name: &str, waits: bool) -> Effects {
    let operation = MethodOperation::Invoke {
        token: policy_token("service"),
        caller,
        identity: device(id),
        name: name.to_owned(),
        payload: "{\"delay\":1.0}".to_owned(),
        waits,
    };
    hub.apply(now(), Command::Method(operation))
}

fn call(effects: &Effects) -> (CallId, bool) {
    match effects.reply {
        Ok(Reply::Call { call, is_delivered }) => (call, is_delivered),
        ref other => panic!("{other:?}"),
    }
}

fn respond(
    hub: &mut Hub,
    session: ListenerId,
    call: CallId,
    payload: &[u8],
) -> Vec<(ListenerId, Notice)> {
    let operation = MethodOperation::Respond {
        session,
        call,
        status: Ok(201),
        payload: Bytes::copy_from_slice(payload),
    };
    let effects = hub.apply(now(), Command::Method(operation));
    effects.reply.unwrap();
    effects.notices
}

fn answered(call: CallId, payload: &str) -> (ListenerId, Notice) {
    let payload = Ok(payload.to_owned());
    let status = 201;
    (
        CALLER,
        Notice::Answered {
            call,
            status,
            payload,
        },
    )
}

#[test]
fn a_device_that_listens_is_called_and_answers() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    assert_eq!(code(invoke(&mut hub, "d2", "reboot", true).reply), 404_001);
    assert_eq!(code(invoke(&mut hub, "d1", "reboot", false).reply), 404_103);
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    assert_eq!(code(invoke(&mut hub, "d1", "reboot", false).reply), 404_103);
    listen(&mut hub, ONE, Feed::Methods, true).reply.unwrap();
    let effects = invoke(&mut hub, "d1", "reboot", false);
    let (first, is_delivered) = call(&effects);
    let notice = Notice::Call {
        call: first,
        name: "reboot".to_owned(),
        payload: "{\"delay\":1.0}".to_owned(),
    };
    assert_eq!((is_delivered, effects.notices), (true, vec![(ONE, notice)]));
    let (second, _) = call(&invoke(&mut hub, "d1", "reboot", false));
    assert_eq!(
        respond(&mut hub, ONE, first, b" {\"a\":1.0} "),
        [answered(first, "{\"a\":1.0}")]
    );
    // Once is enough.
    assert_eq!(respond(&mut hub, ONE, first, b"1"), []);
    assert_eq!(
        respond(&mut hub, ONE, second, b""),
        [answered(second, "null")]
    );
}

#[test]
fn a_call_waits_for_its_device() {
    let mut hub = hub();
    for id in ["d1", "d2"] {
        hub.register(now(), id).unwrap();
    }
    connect(&mut hub, TWO, device("d2")).reply.unwrap();
    let (first, is_delivered) = call(&invoke(&mut hub, "d1", "a", true));
    let other = ListenerId(10);
    call(&invoke_as(other, &mut hub, "d1", "b", true));
    assert!(!is_delivered);
    ask(
        &mut hub,
        Command::Method(MethodOperation::Cancel { caller: other }),
    )
    .unwrap();
    // Neither another device nor one that has not been asked can answer.
    assert_eq!(respond(&mut hub, TWO, first, b"1"), []);
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    assert_eq!(respond(&mut hub, ONE, first, b"1"), []);
    let notices = listen(&mut hub, ONE, Feed::Methods, true).notices;
    assert!(
        matches!(notices.as_slice(), [(ONE, Notice::Call { call, .. }), (CALLER, Notice::Delivered(told))] if *call == first && *told == first),
        "{notices:?}"
    );
    assert_eq!(listen(&mut hub, ONE, Feed::Methods, true).notices, []);
    assert_eq!(respond(&mut hub, TWO, first, b"1"), []);
    assert_eq!(respond(&mut hub, ONE, first, b"1"), [answered(first, "1")]);
}

#[test]
fn what_cannot_be_passed_on_is_refused() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    listen(&mut hub, ONE, Feed::Methods, true).reply.unwrap();
    for name in ["", "a b", "a/b", "ä", "$x"] {
        assert_eq!(
            code(invoke(&mut hub, "d1", name, false).reply),
            400_004,
            "{name}"
        );
    }
    let large = format!("\"{}\"", "x".repeat(128 * 1024));
    let operation = MethodOperation::Invoke {
        token: policy_token("service"),
        caller: CALLER,
        identity: device("d1"),
        name: "a".to_owned(),
        payload: large.clone(),
        waits: false,
    };
    assert_eq!(code(ask(&mut hub, Command::Method(operation))), 413_001);
    for answer in [large.as_bytes(), b"{", b"\xff"] {
        let (call, _) = call(&invoke(&mut hub, "d1", "a", false));
        match respond(&mut hub, ONE, call, answer).as_slice() {
            [
                (
                    CALLER,
                    Notice::Answered {
                        payload: Err(refusal),
                        ..
                    },
                ),
            ] => {
                assert_eq!(refusal.code.number, 502_000);
            }
            other => panic!("{other:?}"),
        }
    }
    let operation = MethodOperation::Invoke {
        token: policy_token("registryReadWrite"),
        caller: CALLER,
        identity: device("d1"),
        name: "a".to_owned(),
        payload: "null".to_owned(),
        waits: false,
    };
    assert_eq!(code(ask(&mut hub, Command::Method(operation))), 401_003);
}

#[test]
fn calls_have_a_bound() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    for caller in 0..1000 {
        call(&invoke_as(ListenerId(caller), &mut hub, "d1", "a", true));
    }
    assert_eq!(code(invoke(&mut hub, "d1", "a", true).reply), 403_800);
    let caller = ListenerId(500);
    ask(
        &mut hub,
        Command::Method(MethodOperation::Cancel { caller }),
    )
    .unwrap();
    assert!(invoke(&mut hub, "d1", "a", true).reply.is_ok());
}
