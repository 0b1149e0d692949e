//! Who gets in, and how far: tokens, logins, policies, rights.

use super::*;
use crate::model::device::{Status, Thumbprint};

#[test]
fn a_device_sends_with_its_own_key_or_a_policys_and_with_nothing_else() {
    let mut hub = hub();
    let key = primary(&hub.register(now(), "d1").unwrap());
    let other = primary(&hub.register(now(), "d2").unwrap());
    let own = |scope: &str| Some(token(&decoded(&key), scope, None));
    for good in [
        own("localhost/devices/d1"),
        own("localhost:8443/devices/d1"),
        own("127.0.0.1/devices/d1"),
        policy_token("device"),
        policy_token("iothubowner"),
    ] {
        assert!(send(&mut hub, good.clone(), "d1").is_ok(), "{good:?}");
    }
    let device = "d1".to_owned();
    let module = None;
    let heard_of = registry(&mut hub, RegistryOperation::Read { device, module });
    assert!(
        matches!(heard_of, Ok(Reply::Identity(d1)) if d1.last_activity_time == "2023-11-14T22:13:20.0000000")
    );
    let missing = send(&mut hub, None, "d1").unwrap_err();
    assert_eq!(missing.code.number, 401_003);
    assert_eq!(missing.message, "Authorization header missing");
    let unauthorized = [
        own("localhost"),
        own("localhost/devices"),
        own("localhost/devices/d"),
        own("localhost/devices/d2"),
        own("contoso.azure-devices.net/devices/d1"),
        Some(token(&decoded(&other), "localhost/devices/d1", None)),
        Some(token(&decoded(&key), "localhost", Some("nobody"))),
        Some(
            mint(&decoded(&key), "localhost/devices/d1", NOW - 1, None)
                .expose()
                .to_owned(),
        ),
        Some("SharedAccessSignature".to_owned()),
        Some(String::new()),
    ];
    for bad in unauthorized {
        let refusal = send(&mut hub, bad.clone(), "d1").unwrap_err();
        assert_eq!(
            (refusal.code.number, refusal.message.as_str()),
            (401_002, "Unauthorized"),
            "{bad:?}"
        );
    }
    let denied = send(&mut hub, policy_token("service"), "d1").unwrap_err();
    assert_eq!(
        denied.message,
        "Authorization rule 'service' does not allow access for 'DeviceConnect'"
    );
    let unknown = send(&mut hub, own("localhost/devices/d9"), "d9").unwrap_err();
    assert_eq!(unknown.code.number, 401_003);
    assert_eq!(
        unknown.message,
        "IotHub 'localhost' does not contain the specified device 'd9'"
    );
}

#[test]
fn a_token_is_good_up_to_its_last_second() {
    let mut hub = hub();
    let key = primary(&hub.register(now(), "d1").unwrap());
    let last = mint(&decoded(&key), "localhost/devices/d1", NOW, None);
    assert!(send(&mut hub, Some(last.expose().to_owned()), "d1").is_ok());
}

#[test]
fn a_disabled_device_and_one_with_certificates_stay_out() {
    let mut hub = hub();
    let made = hub.register(now(), "d1").unwrap();
    let own = Some(token(
        &decoded(&primary(&made)),
        "localhost/devices/d1",
        None,
    ));
    let disabled = Identity {
        status: Status::Disabled,
        ..made.clone()
    };
    let disabled = write(&mut hub, "d1", disabled, Some(&made.etag)).unwrap();
    assert_eq!(disabled.status_updated_time, "2023-11-14T22:13:20.0000000");
    assert_eq!(code(send(&mut hub, own.clone(), "d1")), 403_012);
    assert_eq!(code(send(&mut hub, policy_token("device"), "d1")), 403_012);
    let certificates = Identity {
        authentication: Authentication {
            x509_thumbprint: Some(Thumbprint {
                primary_thumbprint: Some("a".repeat(40)),
                secondary_thumbprint: None,
            }),
            ..Authentication::default()
        },
        ..body("d1")
    };
    let certified = write(&mut hub, "d1", certificates, Some("*")).unwrap();
    assert_eq!(certified.authentication.kind.as_deref(), Some("selfSigned"));
    let refusal = send(&mut hub, own, "d1").unwrap_err();
    assert!(
        refusal
            .message
            .starts_with("Authentication failed for this device")
    );
}

#[test]
fn rights_bound_what_a_policy_may_do_to_the_registry() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    let mut try_as = |policy: &str, operation: RegistryOperation| {
        let token = policy_token(policy);
        ask(&mut hub, Command::Registry { token, operation })
    };
    let list = || RegistryOperation::List { top: 10 };
    let delete = || RegistryOperation::Delete {
        device: "d1".to_owned(),
        module: None,
        if_match: Some("*".to_owned()),
    };
    assert!(matches!(try_as("registryRead", list()), Ok(Reply::Identities(all)) if all.len() == 1));
    assert_eq!(code(try_as("service", list())), 401_003);
    assert_eq!(code(try_as("registryRead", delete())), 401_003);
    assert!(matches!(
        try_as("registryRead", RegistryOperation::Statistics),
        Ok(Reply::Statistics {
            total: 1,
            enabled: 1,
            connected: 0
        })
    ));
    assert!(try_as("registryReadWrite", delete()).is_ok());
}

fn put(hub: &mut Hub, token: String) -> Result<Grant, Refusal> {
    ask(hub, Command::PutToken { token }).map(|reply| match reply {
        Reply::Granted(grant) => grant,
        other => panic!("{other:?}"),
    })
}

#[test]
fn the_path_of_a_token_tells_how_the_key_is_spelled() {
    let mut hub = hub();
    let raw = SigningKey::raw(&Secret::new(KEY)).unwrap();
    let cooked = decoded(KEY);
    let entity = "sb://localhost:5671/iothub-ehub-localhost";
    for (scope, side) in [
        ("localhost", Side::Hub),
        ("sb://localhost/messages/events/$management", Side::Hub),
        (entity, Side::Namespace),
        (
            "amqps://localhost/IOTHUB-ehub-localhost/ConsumerGroups/$Default",
            Side::Namespace,
        ),
    ] {
        let (right, wrong) = match side {
            Side::Hub => (&cooked, &raw),
            Side::Namespace => (&raw, &cooked),
        };
        let grant = put(&mut hub, token(right, scope, Some("service"))).unwrap();
        assert_eq!(grant.side, side, "{scope}");
        assert_eq!(grant.expires, Some(LATER));
        assert!(grant.may_read_events && !grant.scope.contains("://"));
        assert_eq!(
            code(put(&mut hub, token(wrong, scope, Some("service")))),
            401_002
        );
    }
    let whole = put(&mut hub, token(&raw, "sb://localhost/", Some("service"))).unwrap();
    assert_eq!(
        (whole.side, whole.scope.as_str()),
        (Side::Namespace, "localhost")
    );
    let device = put(&mut hub, token(&raw, entity, Some("device"))).unwrap();
    assert!(!device.may_read_events);
}

#[test]
fn sasl_plain_takes_its_three_users() {
    let mut hub = hub();
    let key = primary(&hub.register(now(), "d@1").unwrap());
    let own = token(&decoded(&key), "localhost/devices/d@1", None);
    let policy = policy_token("service").unwrap();
    let mut login = |user: &str, password: &str| {
        let (user, password) = (user.to_owned(), password.to_owned());
        ask(&mut hub, Command::PlainLogin { user, password }).map(|reply| match reply {
            Reply::Granted(grant) => (grant.side, grant.may_read_events),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(
        login("service@sas.root.localhost", &policy),
        Ok((Side::Hub, true))
    );
    assert_eq!(login("d@1@sas.localhost", &own), Ok((Side::Hub, false)));
    assert_eq!(login("service", KEY), Ok((Side::Namespace, true)));
    for (user, password) in [
        ("service@sas.root.elsewhere", policy.as_str()),
        ("iothubowner@sas.root.localhost", &policy),
        ("d2@sas.localhost", &own),
        ("service", "wrong"),
        ("nobody", KEY),
        ("", ""),
    ] {
        assert_eq!(code(login(user, password)), 401_002, "{user}");
    }
}

proptest! {
    /// Whatever a client shows as a token, a login or an id: an answer, never a panic, and never a door open.
    #[test]
    fn nothing_strange_gets_in(text in "(SharedAccessSignature )?\\PC{0,80}", user in "\\PC{0,40}", device in "\\PC{0,30}") {
        let mut hub = hub();
        prop_assert!(put(&mut hub, text.clone()).is_err());
        prop_assert!(send(&mut hub, Some(text.clone()), &device).is_err());
        let login = Command::PlainLogin { user, password: text };
        prop_assert!(ask(&mut hub, login).is_err());
    }
}
