//! The hub driven through `apply`, with the time passed in.

use bytes::Bytes;
use chrono::DateTime;
use proptest::prelude::*;

use super::command::{Grant, Side, StoredEvent};
use super::options::{DEFAULT_RETENTION_BYTES, Policy, STANDARD_POLICIES};
use super::*;
use crate::model::device::{Authentication, Status, SymmetricKey, Thumbprint};
use crate::model::secret::Secret;
use crate::protocol::sas::{SigningKey, mint};
use std::sync::Arc;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const NOW: i64 = 1_700_000_000;
const LATER: i64 = NOW + 3600;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn hub() -> Hub {
    let policy = |(name, rights): (&str, &[Right])| Policy {
        name: name.to_owned(),
        key: Secret::new(KEY),
        rights: rights.to_vec(),
    };
    let options = HubOptions {
        name: "localhost".to_owned(),
        hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        entity: "iothub-ehub-localhost".to_owned(),
        policies: STANDARD_POLICIES.into_iter().map(policy).collect(),
        partitions: 4,
        consumer_groups: vec!["Audit".to_owned()],
        routes: Vec::new(),
        retention_bytes: DEFAULT_RETENTION_BYTES,
        retention: crate::emulator::hub::options::DEFAULT_RETENTION,
        secret: Secret::new("secret"),
    };
    Hub::new(now(), options).unwrap()
}

fn decoded(key: &str) -> SigningKey {
    SigningKey::decoded(&Secret::new(key)).unwrap()
}

fn token(key: &SigningKey, scope: &str, policy: Option<&str>) -> String {
    mint(key, scope, LATER, policy).expose().to_owned()
}

fn policy_token(policy: &str) -> Option<String> {
    Some(token(&decoded(KEY), "localhost", Some(policy)))
}

fn ask(hub: &mut Hub, command: Command) -> Result<Reply, Refusal> {
    hub.apply(now(), command).reply
}

fn primary(identity: &Identity) -> String {
    let keys = identity.authentication.symmetric_key.as_ref().unwrap();
    keys.primary_key.clone().unwrap()
}

fn send(hub: &mut Hub, token: Option<String>, device: &str) -> Result<Reply, Refusal> {
    let messages = vec![DeviceMessage {
        body: Bytes::from_static(b"x"),
        ..DeviceMessage::default()
    }];
    let device = device.to_owned();
    ask(
        hub,
        Command::SendEvents {
            token,
            device,
            messages,
        },
    )
}

fn registry(hub: &mut Hub, operation: RegistryOperation) -> Result<Reply, Refusal> {
    let token = policy_token("iothubowner");
    ask(hub, Command::Registry { token, operation })
}

fn body(device: &str) -> Identity {
    Identity {
        device_id: device.to_owned(),
        ..Identity::default()
    }
}

fn write(
    hub: &mut Hub,
    device: &str,
    identity: Identity,
    if_match: Option<&str>,
) -> Result<Identity, Refusal> {
    let operation = RegistryOperation::Write {
        device: device.to_owned(),
        module: None,
        identity: Box::new(identity),
        if_match: if_match.map(str::to_owned),
    };
    registry(hub, operation).map(|reply| match reply {
        Reply::Identity(identity) => *identity,
        other => panic!("{other:?}"),
    })
}

fn delete(hub: &mut Hub, device: &str, if_match: Option<&str>) -> Result<Reply, Refusal> {
    let operation = RegistryOperation::Delete {
        device: device.to_owned(),
        module: None,
        if_match: if_match.map(str::to_owned),
    };
    registry(hub, operation)
}

fn code(refusal: Result<impl std::fmt::Debug, Refusal>) -> u32 {
    refusal.unwrap_err().code.number
}

fn open(
    hub: &mut Hub,
    reader: u64,
    partition: usize,
    position: Position,
) -> Result<Reply, Refusal> {
    let command = Command::OpenReader {
        reader: ReaderId(reader),
        group: "$default".to_owned(),
        partition: partition.to_string(),
        position,
        epoch: None,
        name: None,
    };
    ask(hub, command)
}

fn read(hub: &mut Hub, reader: u64, max: usize) -> Vec<Arc<StoredEvent>> {
    let reader = ReaderId(reader);
    match ask(hub, Command::Read { reader, max }) {
        Ok(Reply::Events(events)) => events,
        other => panic!("{other:?}"),
    }
}

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
        if_match: None,
    };
    assert!(matches!(try_as("registryRead", list()), Ok(Reply::Identities(all)) if all.len() == 1));
    assert_eq!(code(try_as("service", list())), 401_003);
    assert_eq!(code(try_as("registryRead", delete())), 401_003);
    assert!(matches!(
        try_as("registryRead", RegistryOperation::Statistics),
        Ok(Reply::Statistics {
            total: 1,
            enabled: 1
        })
    ));
    assert!(try_as("registryReadWrite", delete()).is_ok());
}

fn put(hub: &mut Hub, token: String) -> Result<Grant, Refusal> {
    let audience = String::new();
    ask(hub, Command::PutToken { token, audience }).map(|reply| match reply {
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

#[test]
fn readers_get_what_lies_behind_their_position_and_hear_of_more() {
    let mut hub = hub();
    let key = primary(&hub.register(now(), "d1").unwrap());
    let own = Some(token(&decoded(&key), "localhost/devices/d1", None));
    let partition = hub.events.partition_of("d1");
    for _ in 0..3 {
        send(&mut hub, own.clone(), "d1").unwrap();
    }
    let number = |number, inclusive| Position::SequenceNumber { number, inclusive };
    for (reader, (position, expected)) in [
        (Position::Earliest, vec![0, 1, 2]),
        (number(1, true), vec![1, 2]),
        (number(1, false), vec![2]),
        (number(900, false), vec![]),
        (Position::Latest, vec![]),
    ]
    .into_iter()
    .enumerate()
    {
        let reader = reader as u64;
        open(&mut hub, reader, partition, position).unwrap();
        let got: Vec<i64> = read(&mut hub, reader, 10)
            .iter()
            .map(|e| e.sequence_number)
            .collect();
        assert_eq!(got, expected);
    }
    let command = Command::SendEvents {
        token: own,
        device: "d1".to_owned(),
        messages: vec![DeviceMessage::default(); 2],
    };
    let mut woken = hub.apply(now(), command).notices;
    woken.sort_by_key(|(reader, _)| *reader);
    let everyone: Vec<_> = (0..5).map(|id| (ReaderId(id), Notice::Available)).collect();
    assert_eq!(woken, everyone);
    assert_eq!(read(&mut hub, 4, 1).len(), 1);
    assert_eq!(read(&mut hub, 4, 10).len(), 1);
    assert!(matches!(
        ask(&mut hub, Command::DescribePartition { partition: partition.to_string() }),
        Ok(Reply::Partition(state)) if state.last_sequence_number == 4 && !state.is_empty
    ));
}

#[test]
fn unknown_groups_and_partitions_are_not_found() {
    let mut hub = hub();
    for (group, partition, found) in [
        ("$DEFAULT", "0", true),
        ("audit", "3", true),
        ("nobody", "0", false),
        ("$Default", "4", false),
        ("$Default", "+1", false),
        ("$Default", "", false),
    ] {
        let command = Command::OpenReader {
            reader: ReaderId(1),
            group: group.to_owned(),
            partition: partition.to_owned(),
            position: Position::Latest,
            epoch: None,
            name: None,
        };
        match ask(&mut hub, command) {
            Ok(_) => assert!(found, "{group} {partition}"),
            Err(refusal) => {
                assert!(!found, "{group} {partition}");
                assert_eq!(refusal.condition, "amqp:not-found");
                assert!(refusal.message.contains("could not be found"));
            }
        }
    }
}

#[test]
fn a_message_has_its_limit() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    let mut of = |length: usize| {
        let command = Command::SendEvents {
            token: policy_token("device"),
            device: "d1".to_owned(),
            messages: vec![DeviceMessage {
                body: Bytes::from(vec![0; length]),
                ..DeviceMessage::default()
            }],
        };
        ask(&mut hub, command)
    };
    assert!(of(MAX_MESSAGE_BYTES).is_ok());
    assert_eq!(code(of(MAX_MESSAGE_BYTES + 1)), 413_001);
}

proptest! {
    /// Whatever is sent and read in whatever order: a reader from the start sees each event of its partition once, in
    /// order, and is woken exactly when it had read everything and something comes.
    #[test]
    fn no_event_is_lost_or_seen_twice(steps in proptest::collection::vec((any::<bool>(), 0_usize..4), 1..60)) {
        let mut hub = hub();
        hub.register(now(), "d1").unwrap();
        let partition = hub.events.partition_of("d1");
        open(&mut hub, 0, partition, Position::Earliest).unwrap();
        let (mut sent, mut seen, mut drained) = (0, Vec::new(), false);
        for (is_send, count) in steps {
            if is_send {
                let command = Command::SendEvents {
                    token: policy_token("device"),
                    device: "d1".to_owned(),
                    messages: vec![DeviceMessage::default(); count],
                };
                let woken = !hub.apply(now(), command).notices.is_empty();
                prop_assert_eq!(woken, drained && count > 0);
                drained &= count == 0;
                sent += count;
            } else {
                let events = read(&mut hub, 0, count);
                prop_assert!(events.len() <= count);
                seen.extend(events.iter().map(|event| event.sequence_number));
                drained = seen.len() == sent;
            }
        }
        let expected: Vec<i64> = (0..).take(seen.len()).collect();
        prop_assert_eq!(seen, expected);
    }

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
