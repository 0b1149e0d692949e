use super::*;
use http::Request;
use proptest::prelude::*;

fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn wanted(method: &str, path: &str) -> Result<Wanted, Rejection> {
    Wanted::of(&head(method, path, &[]))
}

fn id(device: &str) -> Id {
    Id {
        device: device.to_owned(),
        module: None,
    }
}

#[test]
fn the_sdks_spellings_are_understood() {
    let version = "api-version=2021-04-12";
    let read = |method, path: &str| wanted(method, path).unwrap();
    assert_eq!(
        read("GET", &format!("/devices/bench%201%2Ba?{version}")),
        Wanted::Read(id("bench 1+a"))
    );
    assert_eq!(
        read("GET", &format!("/devices/?{version}")),
        Wanted::List { top: None }
    );
    assert_eq!(
        read("GET", &format!("/devices?top=7&{version}")),
        Wanted::List {
            top: Some("7".to_owned())
        }
    );
    assert_eq!(
        read("POST", &format!("/Devices/a+b/messages/Events?{version}")),
        Wanted::Event {
            device: "a+b".to_owned()
        }
    );
    let batch = head(
        "POST",
        &format!("/devices/d/messages/events?{version}"),
        &[(
            "content-type",
            "application/vnd.microsoft.iothub.JSON; charset=utf-8",
        )],
    );
    assert_eq!(
        Wanted::of(&batch).unwrap(),
        Wanted::Batch {
            device: "d".to_owned()
        }
    );
}

#[test]
fn what_is_not_there_is_told_apart() {
    let path = "/devices/d?api-version=2021-04-12";
    assert!(matches!(
        wanted("PATCH", path),
        Err(Rejection::Method {
            allowed: "GET, PUT, DELETE"
        })
    ));
    assert!(matches!(
        wanted("GET", "/nothing"),
        Err(Rejection::NoResource)
    ));
    for bad in [
        "",
        "?api-version=",
        "?api-version=1999-01-01",
        "?api-version=latest",
        "?x=2021-04-12",
    ] {
        let result = wanted("GET", &format!("/devices/d{bad}"));
        assert!(matches!(result, Err(Rejection::Version)), "{bad}");
    }
    for good in [
        "2016-11-14",
        "2020-09-30",
        "2021-04-12",
        "2030-01-01",
        "2025-08-01-preview",
    ] {
        assert!(is_known_version(good), "{good}");
    }
}

#[test]
fn headers_become_properties() {
    let head = head(
        "POST",
        "/",
        &[
            ("IoTHub-App-Level", "high"),
            ("IoTHub-MessageId", "m"),
            ("iothub-contenttype", "application/json"),
            ("iothub-creationtimeutc", "2026-01-01T00:00:00Z"),
            ("iothub-to", "anything"),
            ("if-match", "\"*\""),
        ],
    );
    let message = events::message(&head.headers, Bytes::from_static(b"x"));
    assert_eq!(message.message_id.as_deref(), Some("m"));
    assert_eq!(message.content_type.as_deref(), Some("application/json"));
    let properties: Vec<_> = message
        .properties
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        properties,
        [
            ("iothub-creation-time-utc", "2026-01-01T00:00:00Z"),
            ("level", "high")
        ]
    );
    assert_eq!(if_match(&head.headers).as_deref(), Some("*"));
}

#[test]
fn an_identity_is_read_leniently_and_a_batch_has_its_limit() {
    let identity = read_identity(br#"{"deviceId":"d","etag":null,"authentication":{"symmetricKey":{"primaryKey":null}},"new":1}"#).unwrap();
    assert_eq!(identity.device_id, "d");
    assert!(matches!(
        read_identity(b"{"),
        Err(Rejection::Argument { .. })
    ));
    assert!(matches!(
        read_identity(br#"{"status":"asleep"}"#),
        Err(Rejection::Argument { .. })
    ));
    let entries = |count| format!("[{}]", vec![r#"{"body":"eA=="}"#; count].join(","));
    assert_eq!(
        events::read_batch(entries(500).as_bytes()).unwrap().len(),
        500
    );
    assert!(events::read_batch(entries(501).as_bytes()).is_err());
}

proptest! {
    #[test]
    fn no_request_panics(path in "/[!-~]{0,60}", body in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(request) = Request::builder().method("PUT").uri(path).body(()) {
            let (head, ()) = request.into_parts();
            if let Ok(wanted) = Wanted::of(&head) {
                let _ = wanted.into_work(&head.headers, body.into(), None);
            }
        }
    }
}

#[test]
fn messages_to_devices_are_taken_and_settled_as_the_sdks_do_it() {
    use crate::emulator::hub::command::{CloudToDeviceOperation, FeedbackOperation, Outcome};
    const LOCK: &str = "00000000-0000-0000-0000-000000000007";
    let ask = |method: &str, path: &str| {
        let wanted = wanted(method, path)?;
        match wanted.into_work(&HeaderMap::new(), Bytes::new(), None)? {
            Work::Command(command) => Ok(command),
            other @ (Work::Invoke(_) | Work::Query(_) | Work::Files(_) | Work::Transfer(_)) => {
                panic!("{other:?}")
            }
        }
    };
    let settled = |method: &str, rest: &str| {
        let path = format!("/devices/a%3ab/messages/deviceBound/{LOCK}{rest}");
        match ask(method, &path) {
            Ok(Command::CloudToDevice(CloudToDeviceOperation::Settle {
                device,
                lock,
                outcome,
                ..
            })) => {
                assert_eq!(device, "a:b");
                assert_eq!(lock.map(|lock| lock.to_string()).as_deref(), Some(LOCK));
                outcome
            }
            other => panic!("{other:?}"),
        }
    };
    let version = "?api-version=2021-04-12";
    assert_eq!(settled("DELETE", version), Outcome::Complete);
    for reject in ["&reject", "&reject=true", "&Reject="] {
        assert_eq!(
            settled("DELETE", &format!("{version}{reject}")),
            Outcome::Reject
        );
    }
    assert_eq!(
        settled("POST", &format!("/abandon{version}")),
        Outcome::Abandon
    );
    let path = format!("/devices/d/messages/devicebound{version}&iothub-messagelocktimeout=60");
    assert!(matches!(
        ask("GET", &path),
        Ok(Command::CloudToDevice(CloudToDeviceOperation::Receive { device, .. })) if device == "d"
    ));
    assert!(matches!(
        ask("PUT", &path),
        Err(Rejection::Method { allowed: "GET" })
    ));
    let path = format!("/messages/serviceBound/feedback/nonsense{version}");
    assert!(matches!(
        ask("DELETE", &path),
        Ok(Command::Feedback(FeedbackOperation::Settle {
            lock: None,
            ..
        }))
    ));
}
