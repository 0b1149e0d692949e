//! Devices and modules: made, changed, deleted.

use super::*;
use crate::model::device::SymmetricKey;

#[test]
fn etags_guard_changes() {
    let mut hub = hub();
    let made = write(&mut hub, "d1", body("d1"), None).unwrap();
    assert_eq!(made.etag, "MA==");
    assert_eq!(made.generation_id, "638355968000000000");
    assert_eq!(code(write(&mut hub, "d1", body("d1"), None)), 409_001);
    assert_eq!(
        code(write(&mut hub, "d1", body("d1"), Some("MQ=="))),
        412_001
    );
    assert_eq!(code(write(&mut hub, "d2", body("d2"), Some("*"))), 412_001);
    let changed = write(&mut hub, "d1", body("d1"), Some("MA==")).unwrap();
    assert_ne!(changed.etag, made.etag);
    assert_eq!(primary(&changed), primary(&made));
    assert!(write(&mut hub, "d1", body("d1"), Some("*")).is_ok());
    assert_eq!(code(delete(&mut hub, "d1", Some("MA=="))), 412_001);
    assert!(delete(&mut hub, "d1", None).is_ok());
    assert_eq!(code(delete(&mut hub, "d1", None)), 404_001);
    let again = write(&mut hub, "d1", body("d1"), Some("")).unwrap();
    assert_ne!(
        primary(&again),
        primary(&made),
        "a device made anew has new keys"
    );
}

#[test]
fn what_no_hub_stores_is_refused() {
    let mut hub = hub();
    let with_key = |key: &str| Identity {
        authentication: Authentication {
            symmetric_key: Some(SymmetricKey {
                primary_key: Some(key.to_owned()),
                secondary_key: Some(String::new()),
            }),
            ..Authentication::default()
        },
        ..body("d1")
    };
    assert_eq!(
        code(write(&mut hub, "d1", with_key("c2hvcnQ="), None)),
        400_004
    );
    assert_eq!(code(write(&mut hub, "d1", with_key("?"), None)), 400_004);
    assert_eq!(code(write(&mut hub, "d1", body("d2"), None)), 400_004);
    assert_eq!(code(write(&mut hub, "a b", body("a b"), None)), 400_004);
    let made = write(&mut hub, "d1", with_key(KEY), None).unwrap();
    assert_eq!(primary(&made), KEY);
    let keys = made.authentication.symmetric_key.unwrap();
    assert!(
        keys.secondary_key
            .is_some_and(|key| keys::is_well_formed(&key))
    );
}

#[test]
fn modules_live_and_go_with_their_device() {
    let mut hub = hub();
    let module = |if_match: Option<&str>| RegistryOperation::Write {
        device: "d1".to_owned(),
        module: Some("m1".to_owned()),
        identity: Box::new(Identity {
            module_id: Some("m1".to_owned()),
            managed_by: Some("me".to_owned()),
            ..body("d1")
        }),
        if_match: if_match.map(str::to_owned),
    };
    assert_eq!(code(registry(&mut hub, module(None))), 404_001);
    hub.register(now(), "d1").unwrap();
    let Ok(Reply::Identity(made)) = registry(&mut hub, module(None)) else {
        panic!("no module")
    };
    assert_eq!(made.managed_by.as_deref(), Some("me"));
    assert_eq!(code(registry(&mut hub, module(None))), 409_301);
    assert!(registry(&mut hub, module(Some("*"))).is_ok());
    let own = token(
        &decoded(&primary(&made)),
        "localhost/devices/d1/modules/m1",
        None,
    );
    let audience = String::new();
    let grant = ask(
        &mut hub,
        Command::PutToken {
            token: own,
            audience,
        },
    );
    assert!(
        matches!(
            grant,
            Ok(Reply::Granted(Grant {
                side: Side::Hub,
                ..
            }))
        ),
        "{grant:?}"
    );
    delete(&mut hub, "d1", None).unwrap();
    let device = "d1".to_owned();
    let module = Some("m1".to_owned());
    assert_eq!(
        code(registry(
            &mut hub,
            RegistryOperation::Read { device, module }
        )),
        404_001
    );
}
