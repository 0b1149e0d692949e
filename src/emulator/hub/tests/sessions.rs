//! Devices and modules that are connected.

use super::*;
use crate::model::device::{IdentityId, Status};

pub(super) const ONE: ListenerId = ListenerId(1);
pub(super) const TWO: ListenerId = ListenerId(2);

pub(super) fn device(id: &str) -> IdentityId {
    IdentityId {
        device: id.to_owned(),
        module: None,
    }
}

pub(super) fn module(device: &str, module: &str) -> IdentityId {
    IdentityId {
        device: device.to_owned(),
        module: Some(module.to_owned()),
    }
}

pub(super) fn connect(hub: &mut Hub, session: ListenerId, identity: IdentityId) -> Effects {
    let token = policy_token("device").unwrap();
    let command = Command::OpenSession {
        session,
        identity,
        credential: Credential::token(token),
    };
    hub.apply(now(), command)
}

fn publish(hub: &mut Hub, session: ListenerId) -> Effects {
    let messages = vec![DeviceMessage::default()];
    hub.apply(now(), Command::Publish { session, messages })
}

fn state(hub: &mut Hub, device: &str) -> String {
    let device = device.to_owned();
    let module = None;
    match registry(hub, RegistryOperation::Read { device, module }) {
        Ok(Reply::Identity(identity)) => identity.connection_state,
        other => panic!("{other:?}"),
    }
}

fn connected(hub: &mut Hub) -> usize {
    match registry(hub, RegistryOperation::Statistics) {
        Ok(Reply::Statistics { connected, .. }) => connected,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_newer_connection_of_a_device_wins() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    assert_eq!(state(&mut hub, "d1"), "Disconnected");
    let first = connect(&mut hub, ONE, device("d1"));
    assert!(matches!(
        first.reply,
        Ok(Reply::Session {
            expires: Some(LATER)
        })
    ));
    assert_eq!(first.notices, []);
    assert_eq!(
        (state(&mut hub, "d1").as_str(), connected(&mut hub)),
        ("Connected", 1)
    );
    assert!(publish(&mut hub, ONE).reply.is_ok());

    let second = connect(&mut hub, TWO, device("d1"));
    assert_eq!(second.notices, [(ONE, Notice::Superseded)]);
    assert_eq!(code(publish(&mut hub, ONE).reply), 404_103);
    // The older one's end is not the device's.
    ask(&mut hub, Command::CloseSession { session: ONE }).unwrap();
    assert_eq!(state(&mut hub, "d1"), "Connected");
    assert!(publish(&mut hub, TWO).reply.is_ok());
    ask(&mut hub, Command::CloseSession { session: TWO }).unwrap();
    assert_eq!(
        (state(&mut hub, "d1").as_str(), connected(&mut hub)),
        ("Disconnected", 0)
    );
}

#[test]
fn who_is_deleted_or_disabled_is_dismissed() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    hub.register(now(), "d2").unwrap();
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    connect(&mut hub, TWO, device("d2")).reply.unwrap();
    let token = policy_token("iothubowner");
    let operation = RegistryOperation::Delete {
        device: "d1".to_owned(),
        module: None,
        if_match: Some("*".to_owned()),
    };
    let deleted = hub.apply(now(), Command::Registry { token, operation });
    assert!(matches!(
        deleted.notices.as_slice(),
        [(ONE, Notice::Dismissed(_))]
    ));
    assert_eq!(code(publish(&mut hub, ONE).reply), 404_103);

    let disabled = Identity {
        status: Status::Disabled,
        ..body("d2")
    };
    write(&mut hub, "d2", disabled, Some("*")).unwrap();
    assert_eq!(code(publish(&mut hub, TWO).reply), 404_103);
    assert_eq!(state(&mut hub, "d2"), "Disconnected");
    assert_eq!(code(connect(&mut hub, TWO, device("d2")).reply), 403_012);
}

#[test]
fn a_module_connects_beside_its_device_and_is_named_in_its_events() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    let module = module("d1", "m1");
    assert_eq!(code(connect(&mut hub, TWO, module.clone()).reply), 401_003);
    write(&mut hub, "d1", module_body("d1", "m1"), None).unwrap();
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    assert_eq!(connect(&mut hub, TWO, module).notices, []);
    assert_eq!(connected(&mut hub), 1);
    publish(&mut hub, TWO).reply.unwrap();
    let texts = events::annotation_of_all(&mut hub, "iothub-connection-module-id");
    assert_eq!(texts, ["m1"]);
}

#[test]
fn a_modules_messages_are_enriched_from_its_own_twin() {
    let enrichments = vec!["floor=$twin.tags.floor".parse().unwrap()];
    let options = HubOptions {
        enrichments,
        ..options(1)
    };
    let mut hub = Hub::new(now(), options).unwrap();
    hub.register(now(), "d1").unwrap();
    write(&mut hub, "d1", module_body("d1", "m1"), None).unwrap();
    let tags = serde_json::json!({ "tags": { "floor": 3 } });
    twins::change(&mut hub, "d1", &tags, None).reply.unwrap();
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    connect(&mut hub, TWO, module("d1", "m1")).reply.unwrap();
    for session in [ONE, TWO] {
        publish(&mut hub, session).reply.unwrap();
    }
    let texts = events::property_of_all(&mut hub, "floor");
    assert_eq!(texts, ["3", "$twin.tags.floor"]);
}

#[test]
fn a_token_for_another_device_opens_nothing() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    let key = primary(&hub.register(now(), "d2").unwrap());
    let own = token(&decoded(&key), "localhost/devices/d2", None);
    for (identity, code_wanted) in [("d1", 401_002), ("d3", 401_002)] {
        let command = Command::OpenSession {
            session: ONE,
            identity: device(identity),
            credential: Credential::token(own.clone()),
        };
        assert_eq!(code(ask(&mut hub, command)), code_wanted, "{identity}");
    }
}

#[test]
fn a_will_is_heard_though_a_newer_connection_stands() {
    let mut hub = hub();
    hub.register(now(), "d1").unwrap();
    let will = |hub: &mut Hub| {
        let message = Box::default();
        let session = ONE;
        hub.apply(now(), Command::PublishWill { session, message })
    };
    assert_eq!(code(will(&mut hub).reply), 404_103);
    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    will(&mut hub).reply.unwrap();
    connect(&mut hub, TWO, device("d1")).reply.unwrap();
    will(&mut hub).reply.unwrap();
    ask(&mut hub, Command::CloseSession { session: ONE }).unwrap();
    assert_eq!(code(will(&mut hub).reply), 404_103);
    assert_eq!(state(&mut hub, "d1"), "Connected");
}
