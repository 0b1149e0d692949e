//! Devices and modules: made, changed, deleted.

use super::sessions::module;
use super::*;
use crate::model::device::{Capabilities, Status, SymmetricKey};

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
    assert_eq!(code(write(&mut hub, "d2", body("d2"), Some("*"))), 404_001);
    let changed = write(&mut hub, "d1", made.clone(), Some("MA==")).unwrap();
    assert_ne!(changed.etag, made.etag);
    assert_eq!(changed.authentication, made.authentication);
    assert!(write(&mut hub, "d1", body("d1"), Some("*")).is_ok());
    for etag in [Some("MA=="), Some(""), None] {
        assert_eq!(code(delete(&mut hub, "d1", etag)), 412_001, "{etag:?}");
    }
    assert!(delete(&mut hub, "d1", Some("*")).is_ok());
    assert_eq!(code(delete(&mut hub, "d1", Some("*"))), 404_001);
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
    let with_keys = |primary: &str, secondary: &str| Identity {
        authentication: Authentication {
            symmetric_key: Some(SymmetricKey {
                primary_key: Some(primary.to_owned()),
                secondary_key: Some(secondary.to_owned()),
            }),
            ..Authentication::default()
        },
        ..body("d1")
    };
    let with_key = |key: &str| with_keys(key, key);
    assert_eq!(
        code(write(&mut hub, "d1", with_key("c2hvcnQ="), None)),
        400_004
    );
    assert_eq!(code(write(&mut hub, "d1", with_key("?"), None)), 400_004);
    assert_eq!(code(write(&mut hub, "d1", body("d2"), None)), 400_004);
    assert_eq!(code(write(&mut hub, "a b", body("a b"), None)), 400_004);
    // Both keys or none.
    for one in [with_keys(KEY, ""), with_keys("", KEY)] {
        assert_eq!(code(write(&mut hub, "d1", one, None)), 400_004);
    }
    let nothing = Identity {
        authentication: Authentication {
            kind: Some("none".to_owned()),
            ..Authentication::default()
        },
        ..body("d1")
    };
    assert_eq!(code(write(&mut hub, "d1", nothing, None)), 400_004);
    let made = write(&mut hub, "d1", with_key(KEY), None).unwrap();
    assert_eq!(primary(&made), KEY);
}

#[test]
fn keys_that_are_not_sent_are_made_anew() {
    let mut hub = hub();
    let made = write(&mut hub, "d1", body("d1"), None).unwrap();
    let mut seen = vec![made.authentication.clone()];
    for identity in [
        body("d1"),
        Identity {
            authentication: Authentication {
                symmetric_key: Some(SymmetricKey {
                    primary_key: Some(String::new()),
                    secondary_key: Some(String::new()),
                }),
                ..Authentication::default()
            },
            ..body("d1")
        },
    ] {
        let keys = write(&mut hub, "d1", identity, Some("*")).unwrap();
        let keys = keys.authentication;
        assert!(!seen.contains(&keys));
        let both = keys.symmetric_key.clone().unwrap();
        for key in [both.primary_key, both.secondary_key] {
            assert!(key.is_some_and(|key| keys::is_well_formed(&key)));
        }
        seen.push(keys);
    }
    let kept = Identity {
        authentication: seen[2].clone(),
        status: Status::Disabled,
        ..body("d1")
    };
    let kept = write(&mut hub, "d1", kept, Some("*")).unwrap();
    assert_eq!(kept.authentication, seen[2]);
}

#[test]
fn modules_live_and_go_with_their_device() {
    let mut hub = hub();
    let module = Identity {
        managed_by: Some("me".to_owned()),
        // As no module that is made by others than the service.
        authentication: Authentication {
            kind: Some("none".to_owned()),
            ..Authentication::default()
        },
        ..module_body("d1", "m1")
    };
    assert_eq!(code(write(&mut hub, "d1", module.clone(), None)), 404_001);
    hub.register(now(), "d1").unwrap();
    let made = write(&mut hub, "d1", module.clone(), None).unwrap();
    assert_eq!(made.managed_by.as_deref(), Some("me"));
    assert_eq!(code(write(&mut hub, "d1", module, None)), 409_301);
    assert!(write(&mut hub, "d1", made.clone(), Some("*")).is_ok());
    let own = token(
        &decoded(&primary(&made)),
        "localhost/devices/d1/modules/m1",
        None,
    );
    let grant = ask(&mut hub, Command::PutToken { token: own });
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
    delete(&mut hub, "d1", Some("*")).unwrap();
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

fn edge(id: &str, parents: &[&str]) -> Identity {
    Identity {
        capabilities: Some(Capabilities { iot_edge: true }),
        parent_scopes: parents.iter().map(|&scope| scope.to_owned()).collect(),
        ..body(id)
    }
}

#[test]
fn an_edge_device_has_a_scope_and_others_stand_behind_it() {
    let mut hub = hub();
    let root = write(&mut hub, "root", edge("root", &[]), None).unwrap();
    let scope = format!("ms-azure-iot-edge://root-{}", root.generation_id);
    assert_eq!(root.device_scope.as_ref(), Some(&scope));
    assert_eq!(root.parent_scopes, [""; 0]);
    let child = write(&mut hub, "child", edge("child", &[&scope]), None).unwrap();
    let behind_child = child.device_scope.clone().unwrap();
    assert_eq!(child.parent_scopes, vec![scope.clone()]);
    assert_ne!(behind_child, scope);

    // Either way of naming the parent says both.
    let by_scope = Identity {
        device_scope: Some(behind_child.clone()),
        ..body("leaf1")
    };
    let by_parent = Identity {
        parent_scopes: vec![behind_child.clone()],
        ..body("leaf2")
    };
    for leaf in [by_scope, by_parent] {
        let id = leaf.device_id.clone();
        let made = write(&mut hub, &id, leaf, None).unwrap();
        assert_eq!(made.device_scope.as_ref(), Some(&behind_child));
        assert_eq!(made.parent_scopes, vec![behind_child.clone()]);
    }

    // What an edge device's scope is cannot be chosen, and what it was before is no parent.
    let renamed = Identity {
        device_scope: Some("mine".to_owned()),
        ..root.clone()
    };
    let renamed = write(&mut hub, "root", renamed, Some("*")).unwrap();
    assert_eq!(renamed.device_scope, Some(scope));
    let plain = Identity {
        capabilities: Some(Capabilities { iot_edge: false }),
        ..renamed
    };
    let plain = write(&mut hub, "root", plain, Some("*")).unwrap();
    assert_eq!((plain.device_scope, plain.parent_scopes.len()), (None, 0));
}

#[test]
fn a_parent_is_one_edge_device_that_is_there() {
    let mut hub = hub();
    let root = write(&mut hub, "root", edge("root", &[]), None).unwrap();
    let other = write(&mut hub, "other", edge("other", &[]), None).unwrap();
    let plain = write(&mut hub, "plain", body("plain"), None).unwrap();
    let scope = root.device_scope.clone().unwrap();
    let other_scope = other.device_scope.unwrap();
    let no_edge = format!("ms-azure-iot-edge://plain-{}", plain.generation_id);
    let earlier = "ms-azure-iot-edge://root-1";
    for parents in [
        vec!["root"],
        vec![earlier],
        vec![&no_edge],
        vec![&scope, &other_scope],
    ] {
        let refused = write(&mut hub, "d1", edge("d1", &parents), None);
        assert_eq!(code(refused), 400_004, "{parents:?}");
    }
    let own = edge("root", &[&scope]);
    assert_eq!(code(write(&mut hub, "root", own, Some("*"))), 400_004);
    // Nor does anybody stand behind who stands behind him.
    let child = write(&mut hub, "child", edge("child", &[&scope]), None).unwrap();
    let low = edge("low", &[child.device_scope.as_deref().unwrap()]);
    let low = write(&mut hub, "low", low, None).unwrap();
    let circle = edge("root", &[low.device_scope.as_deref().unwrap()]);
    assert_eq!(code(write(&mut hub, "root", circle, Some("*"))), 400_004);
    let leaf = |device_scope: &str, parent: &str| Identity {
        device_scope: Some(device_scope.to_owned()),
        parent_scopes: vec![parent.to_owned()],
        ..body("leaf")
    };
    let two = leaf(&scope, &other_scope);
    assert_eq!(code(write(&mut hub, "leaf", two, None)), 400_004);
    let made = write(&mut hub, "leaf", leaf(&scope, &scope), None).unwrap();
    let astray = Identity {
        device_scope: Some("astray".to_owned()),
        ..made.clone()
    };
    assert_eq!(code(write(&mut hub, "leaf", astray, Some("*"))), 400_004);

    // A parent that has gone leaves what stood behind it as it is.
    delete(&mut hub, "root", Some("*")).unwrap();
    let disabled = Identity {
        status: Status::Disabled,
        ..made
    };
    let disabled = write(&mut hub, "leaf", disabled, Some("*")).unwrap();
    assert_eq!(disabled.device_scope, Some(scope));
}

#[test]
fn an_edge_device_has_two_modules_of_its_own() {
    let mut hub = hub();
    write(&mut hub, "plain", body("plain"), None).unwrap();
    let list = |hub: &mut Hub, device: &str| {
        let operation = RegistryOperation::ListModules {
            device: device.to_owned(),
        };
        match registry(hub, operation) {
            Ok(Reply::Identities(modules)) => modules,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(list(&mut hub, "plain"), []);
    // Whether it was an edge device from its beginning, or became one.
    write(&mut hub, "root", edge("root", &[]), None).unwrap();
    write(&mut hub, "plain", edge("plain", &[]), Some("*")).unwrap();
    for device in ["root", "plain"] {
        let modules = list(&mut hub, device);
        let ids: Vec<_> = modules.iter().map(|m| m.module_id.as_deref()).collect();
        assert_eq!(ids, [Some("$edgeAgent"), Some("$edgeHub")]);
        for module in modules {
            let authentication = module.authentication;
            assert_eq!(authentication.kind.as_deref(), Some("none"));
            let keys = authentication.symmetric_key.unwrap_or_default();
            assert_eq!((keys.primary_key, keys.secondary_key), (None, None));
            assert_eq!(module.managed_by.as_deref(), Some("iotEdge"));
        }
    }
    // They are there once, and for nobody else to make, to change or to delete.
    write(&mut hub, "root", edge("root", &[]), Some("*")).unwrap();
    assert_eq!(list(&mut hub, "root").len(), 2);
    for id in ["$edgeAgent", "$mine"] {
        let made = module_body("root", id);
        assert_eq!(code(write(&mut hub, "root", made, None)), 400_004, "{id}");
    }
    let deleted = RegistryOperation::Delete {
        device: "root".to_owned(),
        module: Some("$edgeHub".to_owned()),
        if_match: Some("*".to_owned()),
    };
    assert_eq!(code(registry(&mut hub, deleted)), 401_100);
    let patched = TwinOperation::Change {
        token: policy_token("service"),
        identity: module("root", "$edgeAgent"),
        change: Box::default(),
        if_match: None,
    };
    assert_eq!(code(ask(&mut hub, Command::Twin(patched))), 401_100);
    delete(&mut hub, "root", Some("*")).unwrap();
}
