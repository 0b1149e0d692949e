use super::*;
use crate::protocol::rest::error_body::ServiceError;
use std::time::Duration;

fn refusal(status: u16, name: Option<&str>) -> HttpsError {
    HttpsError::Service(Box::new(Refusal {
        status,
        error: ServiceError::parse(name, b""),
        retry_after: None,
        date: "2026-01-01T00:00:00Z".parse().ok(),
    }))
}

fn explained(status: u16, name: Option<&str>, now: &str) -> Failure {
    explain(
        "cannot post",
        &refusal(status, name),
        OpenedBy::DeviceKey,
        now.parse().unwrap(),
    )
}

#[test]
fn codes_and_statuses_have_their_kinds() {
    for (status, name, kind) in [
        (400, Some("ArgumentInvalid"), Kind::Input),
        (401, Some("IotHubUnauthorizedAccess"), Kind::Refused),
        (403, Some("IotHubQuotaExceeded"), Kind::Throttled),
        (403, Some("DeviceDisabled"), Kind::Refused),
        (403, None, Kind::Refused),
        (404, Some("DeviceNotFound"), Kind::NotFound),
        (404, Some("DeviceNotOnline"), Kind::DeviceSilent),
        (404, None, Kind::NotFound),
        (408, None, Kind::DeviceSilent),
        (409, Some("DeviceAlreadyExists"), Kind::Conflict),
        (412, Some("PreconditionFailed"), Kind::Conflict),
        (413, Some("MessageTooLarge"), Kind::Input),
        (429, Some("ThrottlingException"), Kind::Throttled),
        (500, Some("ServerError"), Kind::Service),
        (503, Some("ServiceUnavailable"), Kind::Service),
        (504, None, Kind::DeviceSilent),
        (302, None, Kind::Service),
    ] {
        let failure = explained(status, name, "2026-01-01T00:00:00Z");
        assert_eq!(failure.kind, kind, "{status} {name:?}");
        assert!(failure.hint.is_some(), "{status} {name:?}");
        assert_eq!(failure.code_name.as_deref(), name);
    }
}

#[test]
fn the_commands_of_a_hint_name_the_device() {
    let missing = |id| {
        let failure = explained(404, Some("DeviceNotFound"), "2026-01-01T00:00:00Z");
        name_device(failure, id).hint.unwrap()
    };
    assert!(missing("d-1").contains("create -d d-1`"));
    assert!(missing("d-1").contains("emulator --device d-1`"));
    assert!(missing("a$'b").contains(r"create -d 'a$'\''b'`"));
}

#[test]
fn a_401_looks_at_the_clock() {
    let hint = |now| {
        explained(401, Some("IotHubUnauthorizedAccess"), now)
            .hint
            .unwrap()
    };
    assert!(hint("2026-01-01T02:00:00Z").contains("clock is 2 h ahead of the hub's"));
    assert!(hint("2025-12-31T23:30:00Z").contains("clock is 30 min behind the hub's"));
    assert!(hint("2026-01-01T00:04:00Z").contains("regenerated"));
}

fn in_words(words: &str, opened_by: OpenedBy) -> Failure {
    let body = format!(r#"{{"Message":"ErrorCode:IotHubUnauthorized;{words}"}}"#);
    let error = HttpsError::Service(Box::new(Refusal {
        status: 401,
        error: ServiceError::parse(None, body.as_bytes()),
        retry_after: None,
        date: "2026-01-01T00:00:00Z".parse().ok(),
    }));
    // The clock is off, which must not hide what the hub says.
    explain(
        "cannot post",
        &error,
        opened_by,
        "2026-01-01T02:00:00Z".parse().unwrap(),
    )
}

#[test]
fn a_401_is_told_by_the_hubs_own_words() {
    let failure = in_words(
        "IotHub 'x' does not contain the specified device 'it's gone'",
        OpenedBy::DeviceKey,
    );
    assert_eq!(failure.kind, Kind::NotFound);
    let hint = failure.hint.unwrap();
    assert!(hint.contains("create -d it's gone`"), "{hint}");

    let failure = in_words(
        "Authorization rule 'service' does not allow access for 'RegistryRead'",
        OpenedBy::PolicyKey,
    );
    assert_eq!((failure.kind, failure.code), (Kind::Refused, Some(401_003)));
    let hint = failure.hint.unwrap();
    assert!(
        hint.starts_with("The policy service lacks the right RegistryRead.")
            && hint.contains("iothubowner, registryRead and")
            && !hint.contains("key"),
        "{hint}"
    );

    let failure = in_words("The token has expired", OpenedBy::DeviceToken);
    assert_eq!(failure.kind, Kind::Refused);
    assert!(failure.hint.unwrap().contains("has expired"));
}

#[test]
fn a_wrong_key_is_told_from_a_missing_right_by_code() {
    let hint = |name| {
        explained(401, Some(name), "2026-01-01T00:00:00Z")
            .hint
            .unwrap()
    };
    assert!(hint("IotHubUnauthorizedAccess").contains("key is not the device's"));
    assert!(hint("IotHubUnauthorized").contains("not registered"));
}

#[test]
fn the_pause_asked_for_is_told() {
    let refusal = Refusal {
        status: 429,
        error: ServiceError::default(),
        retry_after: Some(Duration::from_secs(3600)),
        date: None,
    };
    assert!(throttled(&refusal).contains("wait 1 h"));
}
