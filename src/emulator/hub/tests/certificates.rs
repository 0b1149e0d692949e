//! Who gets in with a certificate: by its hash, or by an authority that vouches for it.

use std::sync::Arc;

use super::sessions::{device, module};
use super::*;
use crate::emulator::hub::command::{Adjustment, Certificate};
use crate::model::device::{IdentityId, Status, Thumbprint};

const SHA1: &str = "0123456789abcdef0123456789ABCDEF01234567";
const SHA256: &str = "fedcba9876543210fedcba9876543210FEDCBA9876543210FEDCBA9876543210";
const SESSION: ListenerId = ListenerId(1);

/// A certificate of these hashes that nobody vouches for.
fn certificate() -> Certificate {
    Certificate {
        sha1: SHA1.to_owned(),
        sha256: SHA256.to_owned(),
        common_name: None,
        valid: NOW - 10..=NOW + 10,
        vouched: None,
    }
}

/// One that a trusted authority has made out to this name.
fn vouched(name: &str) -> Certificate {
    Certificate {
        common_name: Some(name.to_owned()),
        vouched: Some(NOW - 5..=NOW + 5),
        ..certificate()
    }
}

fn register(hub: &mut Hub, id: &IdentityId, authentication: Authentication) -> Identity {
    let identity = Identity {
        device_id: id.device.clone(),
        module_id: id.module.clone(),
        authentication,
        ..Identity::default()
    };
    write(hub, &id.device, identity, None).unwrap()
}

fn by_hash(primary: &str, secondary: &str) -> Authentication {
    let hash = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Authentication {
        kind: Some("selfSigned".to_owned()),
        x509_thumbprint: Some(Thumbprint {
            primary_thumbprint: hash(primary),
            secondary_thumbprint: hash(secondary),
        }),
        ..Authentication::default()
    }
}

fn by_authority() -> Authentication {
    Authentication {
        kind: Some("certificateAuthority".to_owned()),
        ..Authentication::default()
    }
}

fn come(hub: &mut Hub, id: &IdentityId, certificate: Certificate) -> Result<Reply, Refusal> {
    let command = Command::OpenSession {
        session: SESSION,
        identity: id.clone(),
        credential: Credential::Certificate(Arc::new(certificate)),
    };
    let answer = ask(hub, command);
    let close = Command::CloseSession { session: SESSION };
    ask(hub, close).unwrap();
    answer
}

#[test]
fn either_hash_in_any_case_stands_for_the_certificate() {
    let other = "e".repeat(40);
    for (primary, secondary) in [
        (SHA1.to_lowercase().as_str(), ""),
        (SHA1.to_uppercase().as_str(), other.as_str()),
        (SHA256, ""),
        (other.as_str(), SHA1),
        ("", SHA256.to_uppercase().as_str()),
    ] {
        let mut hub = hub();
        let device = device("d1");
        register(&mut hub, &device, by_hash(primary, secondary));
        let answer = come(&mut hub, &device, certificate());
        // No token, so nothing that ends.
        assert!(
            matches!(answer, Ok(Reply::Session { expires: None })),
            "{primary} {secondary}: {answer:?}"
        );
        let end = Adjustment::EndTokens { device: None };
        ask(&mut hub, Command::Adjust(end)).unwrap();
        come(&mut hub, &device, certificate()).unwrap();
    }
}

#[test]
fn another_certificate_is_told_what_it_should_have_been() {
    let mut hub = hub();
    let device = device("d1");
    let other = "e".repeat(40);
    register(&mut hub, &device, by_hash(&other, ""));
    // That somebody vouches for it does not help.
    let refusal = come(&mut hub, &device, vouched("d1")).unwrap_err();
    assert_eq!(refusal.code.number, 401_003);
    assert_eq!(
        refusal.message,
        format!(
            "Thumbprint does not match configuration: Thumbprint: SHA1Hash={SHA1}, SHA2Hash={SHA256}; Configuration: PrimaryThumbprint={other}, SecondaryThumbprint="
        )
    );
}

#[test]
fn an_authority_vouches_for_the_name_and_for_a_time() {
    let mut hub = hub();
    let device = device("d1");
    let made = register(&mut hub, &device, by_authority());
    let keys = made.authentication.symmetric_key.unwrap();
    assert_eq!((keys.primary_key, keys.secondary_key), (None, None));
    assert!(come(&mut hub, &device, vouched("d1")).is_ok());
    let refused = [
        certificate(),
        vouched("D1"),
        vouched("d2"),
        vouched("d1/m"),
        Certificate {
            common_name: Some("d1".to_owned()),
            ..certificate()
        },
        Certificate {
            vouched: Some(NOW + 1..=NOW + 5),
            ..vouched("d1")
        },
        Certificate {
            vouched: Some(NOW - 5..=NOW - 1),
            ..vouched("d1")
        },
    ];
    for bad in refused {
        let shown = format!("{bad:?}");
        let refusal = come(&mut hub, &device, bad).unwrap_err();
        assert_eq!(refusal.code.number, 401_003, "{shown}");
        assert!(refusal.message.starts_with("Authentication failed"));
    }
}

#[test]
fn a_certificate_that_is_known_by_its_hash_has_its_time_as_well() {
    let mut hub = hub();
    let device = device("d1");
    register(&mut hub, &device, by_hash(SHA1, ""));
    for (valid, is_good) in [
        (NOW..=NOW, true),
        (NOW + 1..=NOW + 9, false),
        (NOW - 9..=NOW - 1, false),
    ] {
        let certificate = Certificate {
            valid,
            ..certificate()
        };
        let shown = format!("{certificate:?}");
        let answer = come(&mut hub, &device, certificate);
        assert_eq!(answer.is_ok(), is_good, "{shown}");
    }
}

#[test]
fn a_module_has_its_own_certificate_or_its_own_name() {
    let mut hub = hub();
    let device = device("d1");
    register(&mut hub, &device, by_hash(SHA1, ""));
    let certified = module("d1", "m1");
    register(&mut hub, &certified, by_authority());
    let known = module("d1", "m2");
    register(&mut hub, &known, by_hash(SHA256, ""));
    let answer = come(&mut hub, &certified, vouched("d1/m1"));
    assert!(answer.is_ok(), "{answer:?}");
    for name in ["d1", "m1", "d1/m2", "d1/m1/", "d1/m1/x"] {
        assert!(come(&mut hub, &certified, vouched(name)).is_err(), "{name}");
    }
    assert!(come(&mut hub, &known, certificate()).is_ok());
    // A device that is disabled takes its modules with it.
    let disabled = Identity {
        status: Status::Disabled,
        authentication: by_hash(SHA1, ""),
        ..body("d1")
    };
    write(&mut hub, "d1", disabled, Some("*")).unwrap();
    assert_eq!(code(come(&mut hub, &device, certificate())), 403_012);
    assert_eq!(code(come(&mut hub, &known, certificate())), 403_012);
}

#[test]
fn each_kind_of_device_keeps_to_its_own_kind_of_proof() {
    let mut hub = hub();
    let signing = hub.register(now(), "signing").unwrap();
    let answer = come(&mut hub, &device("signing"), vouched("signing"));
    assert!(
        answer
            .unwrap_err()
            .message
            .starts_with("Authentication failed")
    );
    let nobody = come(&mut hub, &device("nobody"), vouched("nobody"));
    assert_eq!(
        nobody.unwrap_err().message,
        "IotHub 'localhost' does not contain the specified device 'nobody'"
    );
    // A token that its former key has signed is of no use to it either.
    let former = token(
        &decoded(&primary(&signing)),
        "localhost/devices/signing",
        None,
    );
    for authentication in [by_hash(SHA1, ""), by_authority()] {
        let certified = Identity {
            authentication,
            ..body("signing")
        };
        write(&mut hub, "signing", certified, Some("*")).unwrap();
        let refusal = send(&mut hub, Some(former.clone()), "signing").unwrap_err();
        assert!(refusal.message.starts_with("Authentication failed"));
    }
}

#[test]
fn it_sends_and_takes_without_being_connected() {
    let mut hub = hub();
    let device = device("d1");
    register(&mut hub, &device, by_hash(SHA1, ""));
    let credential = || Some(Credential::Certificate(Arc::new(certificate())));
    let partition = hub.events.partition_of("d1");
    let send = Command::SendEvents {
        credential: credential(),
        device: "d1".to_owned(),
        messages: vec![DeviceMessage::default()],
    };
    ask(&mut hub, send).unwrap();
    assert_eq!(hub.events.head(partition).next_sequence_number, 1);
    let receive = command::CloudToDeviceOperation::Receive {
        credential: credential(),
        device: "d1".to_owned(),
    };
    let answer = ask(&mut hub, Command::CloudToDevice(receive));
    assert!(matches!(answer, Ok(Reply::Messages(given)) if given.is_empty()));
}

#[test]
fn a_new_hash_lets_the_connected_stay_and_a_disabled_device_goes() {
    let mut hub = hub();
    let device = device("d1");
    register(&mut hub, &device, by_hash(SHA1, ""));
    let open = Command::OpenSession {
        session: SESSION,
        identity: device,
        credential: Credential::Certificate(Arc::new(certificate())),
    };
    ask(&mut hub, open).unwrap();
    let mut change = |status| {
        let changed = Identity {
            status,
            authentication: by_hash(&"e".repeat(40), ""),
            ..body("d1")
        };
        let operation = RegistryOperation::Write {
            device: "d1".to_owned(),
            module: None,
            identity: Box::new(changed),
            if_match: Some("*".to_owned()),
        };
        let token = policy_token("iothubowner");
        let effects = hub.apply(now(), Command::Registry { token, operation });
        effects.reply.unwrap();
        effects.notices
    };
    // As with keys.
    assert_eq!(change(Status::Enabled), []);
    assert!(matches!(
        change(Status::Disabled).as_slice(),
        [(SESSION, command::Notice::Dismissed(_))]
    ));
}

#[test]
fn only_hashes_are_registered_as_such() {
    let mut hub = hub();
    let mut wrong = vec![by_hash("", "")];
    for hash in [
        "0",
        &SHA1[1..],
        &format!("{SHA1}0"),
        "not hex ",
        &format!("{}:", &SHA1[1..]),
    ] {
        wrong.push(by_hash(hash, ""));
        wrong.push(by_hash(SHA1, hash));
    }
    wrong.push(Authentication {
        kind: Some("x509".to_owned()),
        ..by_hash(SHA1, "")
    });
    for authentication in wrong {
        let shown = format!("{authentication:?}");
        let identity = Identity {
            authentication,
            ..body("d1")
        };
        let refused = write(&mut hub, "d1", identity, None).unwrap_err();
        assert_eq!(refused.code.number, 400_004, "{shown}");
    }
    // What was a device with keys has none with a certificate, and new ones afterwards.
    let signing = hub.register(now(), "d1").unwrap();
    let change = |hub: &mut Hub, authentication| {
        let identity = Identity {
            authentication,
            ..body("d1")
        };
        let written = write(hub, "d1", identity, Some("*")).unwrap();
        written.authentication.symmetric_key.unwrap().primary_key
    };
    assert_eq!(change(&mut hub, by_hash(SHA1, SHA256)), None);
    assert_eq!(change(&mut hub, by_authority()), None);
    let keys = Authentication {
        kind: Some("sas".to_owned()),
        ..by_hash(SHA1, "")
    };
    let renewed = change(&mut hub, keys).unwrap();
    assert_ne!(renewed, primary(&signing));
}
