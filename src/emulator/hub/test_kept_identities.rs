//! Identities and twins whose changes could not be kept, and that are taken from a store again.

use super::command::{RegistryOperation, TwinOperation};
use super::test_kept::{at, begun, token};
use super::*;
use crate::model::device::IdentityId;
use crate::model::twin::TwinChange;

#[test]
fn what_the_registry_could_not_keep_never_was() {
    let (mut hub, mut store) = begun(1 << 20);
    let write = |hub: &mut Hub, device: &str, module: Option<&str>, status_reason: &str| {
        let command = Command::Registry {
            token: Some(token()),
            operation: RegistryOperation::Write {
                device: device.to_owned(),
                module: module.map(str::to_owned),
                identity: Box::new(Identity {
                    device_id: device.to_owned(),
                    module_id: module.map(str::to_owned),
                    status_reason: Some(status_reason.to_owned()),
                    ..Identity::default()
                }),
                if_match: hub.registry.find(device, module).map(|_| "*".to_owned()),
            },
        };
        let effects = hub.apply(at(5), command);
        effects.reply.unwrap();
        effects.records
    };
    let delete = |hub: &mut Hub, device: &str| {
        let operation = RegistryOperation::Delete {
            device: device.to_owned(),
            module: None,
            if_match: Some("*".to_owned()),
        };
        let token = Some(token());
        let effects = hub.apply(at(6), Command::Registry { token, operation });
        effects.reply.unwrap();
        effects.records
    };
    store.keep(write(&mut hub, "e", None, "first"));
    store.keep(write(&mut hub, "e", Some("m"), "first"));
    let all = |hub: &Hub| {
        let identity = |module| hub.registry.read("e", module);
        (identity(None), identity(Some("m")), hub.registry.count())
    };
    let before = all(&hub);
    let mut failed = write(&mut hub, "e", None, "second");
    failed.extend(write(&mut hub, "f", None, "new"));
    failed.extend(delete(&mut hub, "e"));
    failed.extend(write(&mut hub, "e", None, "third"));
    assert_ne!(all(&hub), before);
    hub.take_back(failed);
    assert_eq!(all(&hub), before);
    let restarted = store.hub(1 << 20);
    assert_eq!(all(&restarted), before);

    // Deleted and made anew, before and after a restart: other keys each time, and no ETag twice.
    let mut seen = vec![before.0.unwrap()];
    for _ in 0..3 {
        store.keep(delete(&mut hub, "e"));
        store.keep(write(&mut hub, "e", None, "again"));
        let identity = hub.registry.read("e", None).unwrap();
        let is_new = |old: &Identity| {
            old.etag != identity.etag && old.authentication != identity.authentication
        };
        assert!(seen.iter().all(is_new));
        seen.push(identity);
        hub = store.hub(1 << 20);
    }
}

#[test]
fn what_twins_could_not_keep_never_was() {
    let (mut hub, mut store) = begun(1 << 20);
    hub.register(at(0), "e").unwrap();
    store.keep(hub.take_records());
    let identity = IdentityId {
        device: "e".to_owned(),
        module: None,
    };
    let tag = |hub: &mut Hub, value: u32| {
        let body = serde_json::json!({ "tags": { "a": value } });
        let operation = TwinOperation::Change {
            token: Some(token()),
            identity: identity.clone(),
            change: Box::new(TwinChange::parse(&body, false).unwrap()),
            if_match: None,
        };
        let effects = hub.apply(at(5), Command::Twin(operation));
        effects.reply.unwrap();
        effects.records
    };
    let twin = |hub: &Hub| hub.twins.find(&identity, hub.entry(&identity).unwrap());
    // One that was never written to follows from its identity, before and after a restart.
    let new = twin(&hub);
    assert!(store.twins.is_empty());
    assert_eq!(twin(&store.hub(1 << 20)), new);
    let failed = tag(&mut hub, 1);
    hub.take_back(failed);
    assert_eq!(twin(&hub), new);

    store.keep(tag(&mut hub, 2));
    let kept = twin(&hub);
    let delete = |hub: &mut Hub| {
        let operation = RegistryOperation::Delete {
            device: "e".to_owned(),
            module: None,
            if_match: Some("*".to_owned()),
        };
        let token = Some(token());
        hub.apply(at(6), Command::Registry { token, operation })
            .records
    };
    let mut failed = tag(&mut hub, 3);
    failed.extend(delete(&mut hub));
    hub.take_back(failed);
    assert_eq!(twin(&hub), kept);
    assert_eq!(twin(&store.hub(1 << 20)), kept);
    store.keep(delete(&mut hub));
    assert!(store.twins.is_empty());
}
