use serde_json::Value;

use super::*;
use crate::emulator::calling::Leaving;
use crate::emulator::driver;
use crate::emulator::hub::Hub;
use crate::emulator::hub::command::{
    Command, Credential, Feed, ListenerId, MethodOperation, Notice,
};
use crate::emulator::test_hub::{KEY, options};
use crate::model::secret::Secret;
use crate::protocol::sas::{SigningKey, mint};
use chrono::{DateTime, Utc};
use tokio::sync::mpsc::UnboundedReceiver;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap()
}

fn token(policy: &str) -> String {
    let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
    let token = mint(&key, "localhost", now().timestamp() + 60, Some(policy));
    token.expose().to_owned()
}

fn device() -> IdentityId {
    IdentityId {
        device: "d".to_owned(),
        module: None,
    }
}

fn hub() -> HubHandle {
    let mut hub = Hub::new(now(), options(1)).unwrap();
    hub.register(now(), "d").unwrap();
    driver::start(hub, driver::Clock::new(now))
}

fn wanted(connect: u64, response: u64) -> Call {
    Call {
        token: Some(token("service")),
        identity: device(),
        name: "reboot".to_owned(),
        payload: "[1.0]".to_owned(),
        connect: Duration::from_millis(connect),
        response: Duration::from_millis(response),
    }
}

async fn call(hub: &HubHandle, wanted: Call) -> Result<MethodAnswer, Rejection> {
    carry_out(hub, wanted).await
}

/// A device that is connected and listens.
async fn listening(hub: &HubHandle) -> (ListenerId, UnboundedReceiver<Notice>) {
    let (session, notices) = hub.register_listener().await.unwrap();
    let open = Command::OpenSession {
        session,
        identity: device(),
        credential: Credential::token(token("device")),
    };
    hub.ask(open).await.unwrap();
    let listen = Command::Listen {
        session,
        feed: Feed::Methods,
        on: true,
    };
    hub.ask(listen).await.unwrap();
    (session, notices)
}

async fn answer_one(hub: &HubHandle, session: ListenerId, notices: &mut UnboundedReceiver<Notice>) {
    let Some(Notice::Call {
        call,
        name,
        payload,
    }) = notices.recv().await
    else {
        panic!("no call came")
    };
    assert_eq!((name.as_str(), payload.as_str()), ("reboot", "[1.0]"));
    let respond = MethodOperation::Respond {
        session,
        call,
        status: Ok(-1),
        payload: payload.into(),
    };
    hub.ask(Command::Method(respond)).await.unwrap();
}

fn refused(outcome: Result<MethodAnswer, Rejection>) -> (u32, Value) {
    match outcome {
        Err(Rejection::Call { refusal, info }) => (refusal.code.number, info),
        Err(Rejection::Refused(refusal)) => (refusal.code.number, Value::Null),
        other => panic!("{other:?}"),
    }
}

const LONG: u64 = 60_000;

#[tokio::test]
async fn a_device_that_listens_answers() {
    let hub = hub();
    let (session, mut notices) = listening(&hub).await;
    let (answer, ()) = tokio::join!(
        call(&hub, wanted(0, LONG)),
        answer_one(&hub, session, &mut notices)
    );
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.payload.as_str()), (-1, "[1.0]"));
}

#[tokio::test]
async fn a_device_that_comes_in_time_answers() {
    let hub = hub();
    let late = async {
        // The call is with the hub before the device is.
        let (session, mut notices) = listening(&hub).await;
        answer_one(&hub, session, &mut notices).await;
    };
    let (answer, ()) = tokio::join!(biased; call(&hub, wanted(LONG, LONG)), late);
    assert_eq!(answer.unwrap().status, -1);
}

#[tokio::test]
async fn a_device_that_does_not_come_is_not_called_later() {
    let hub = hub();
    assert_eq!(
        refused(call(&hub, wanted(0, LONG)).await),
        (404_103, Value::Null)
    );
    let waited = call(&hub, wanted(1, LONG)).await;
    assert_eq!(refused(waited), (404_103, json!({ "timeout": "00:00:00" })));
    let (_, mut notices) = listening(&hub).await;
    assert!(notices.try_recv().is_err());
    let stranger = Call {
        token: Some(token("device")),
        ..wanted(0, LONG)
    };
    assert_eq!(refused(call(&hub, stranger).await), (401_003, Value::Null));
}

#[tokio::test]
async fn an_answer_that_comes_late_is_dropped() {
    let hub = hub();
    let (session, mut notices) = listening(&hub).await;
    assert_eq!(
        refused(call(&hub, wanted(0, 1)).await),
        (504_101, json!({}))
    );
    answer_one(&hub, session, &mut notices).await;
}

#[tokio::test]
async fn a_caller_that_goes_is_forgotten() {
    let hub = hub();
    let (caller, mut notices) = hub.register_listener().await.unwrap();
    let leaving = Leaving::new(&hub, caller);
    let invoke = MethodOperation::Invoke {
        token: Some(token("service")),
        caller,
        identity: device(),
        name: "reboot".to_owned(),
        payload: "1".to_owned(),
        waits: true,
    };
    hub.ask(Command::Method(invoke)).await.unwrap();
    drop(leaving);
    assert_eq!(notices.recv().await, None);
    let (_, mut notices) = listening(&hub).await;
    assert!(notices.try_recv().is_err());
}

#[test]
fn a_body_is_read_within_its_limits() {
    let read = |body: &str| read(device(), &HeaderMap::new(), body.as_bytes());
    let call = read(r#"{"methodName":"m"}"#).unwrap();
    assert_eq!(
        (
            call.payload.as_str(),
            call.connect.as_secs(),
            call.response.as_secs()
        ),
        ("null", 0, 30)
    );
    let call = read(r#"{"methodName":"m","payload":{"a": 1.0},"responseTimeoutInSeconds":300,"connectTimeoutInSeconds":300}"#).unwrap();
    assert_eq!(
        (
            call.payload.as_str(),
            call.connect.as_secs(),
            call.response.as_secs()
        ),
        (r#"{"a": 1.0}"#, 300, 300)
    );
    for (body, word) in [
        ("", "no method call"),
        ("[]", "no method call"),
        (
            r#"{"responseTimeoutInSeconds":4}"#,
            "responseTimeoutInSeconds must be within [5; 300].",
        ),
        (r#"{"responseTimeoutInSeconds":301}"#, "[5; 300]"),
        (
            r#"{"connectTimeoutInSeconds":301}"#,
            "connectTimeoutInSeconds must be within [0; 300].",
        ),
        (r#"{"connectTimeoutInSeconds":-1}"#, "no method call"),
    ] {
        match read(body) {
            Err(Rejection::Call { refusal, .. }) => {
                assert_eq!(refusal.code.number, 400_004);
                assert!(refusal.message.contains(word), "{}", refusal.message);
            }
            other => panic!("{other:?}"),
        }
    }
}
