//! Many identities at once.

use serde_json::{Value, json};

use super::sessions::{ONE, connect, device};
use super::twins::{listen, read};
use super::*;
use crate::model::device::Status;
use crate::model::twin::TwinChange;

fn entry(mode: &str, id: &str) -> BulkChange {
    BulkChange {
        mode: ImportMode::named(mode).unwrap(),
        identity: body(id),
        etag: None,
        twin: TwinChange::default(),
        twin_etag: None,
    }
}

fn with_twin(mode: &str, id: &str, twin: &Value) -> BulkChange {
    BulkChange {
        twin: TwinChange::parse(twin, false).unwrap(),
        ..entry(mode, id)
    }
}

fn bulk(hub: &mut Hub, changes: Vec<BulkChange>) -> Effects {
    let token = policy_token("iothubowner");
    let operation = RegistryOperation::Bulk { changes };
    hub.apply(now(), Command::Registry { token, operation })
}

/// Who was refused, and why.
fn errors(reply: Result<Reply, Refusal>) -> Vec<(String, u32)> {
    match reply {
        Ok(Reply::Bulk(errors)) => errors
            .into_iter()
            .map(|error| (error.identity.to_string(), error.refusal.code.number))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn etag(hub: &Hub, id: &str) -> String {
    hub.identity(id).unwrap().etag
}

#[test]
fn each_change_stands_for_itself() {
    let mut hub = hub();
    for id in ["a", "b", "c", "d", "e"] {
        hub.register(now(), id).unwrap();
    }
    let stale = Some("bm8=".to_owned());
    let good = Some(etag(&hub, "d"));
    let changes = vec![
        entry("create", "a"),
        entry("create", "new"),
        entry("update", "nobody"),
        entry("Update", "b"),
        BulkChange {
            etag: stale.clone(),
            ..entry("updateIfMatchETag", "c")
        },
        BulkChange {
            etag: good,
            ..entry("UpdateIfMatchETag", "d")
        },
        BulkChange {
            etag: stale,
            ..entry("deleteIfMatchETag", "e")
        },
        entry("delete", "gone"),
        entry("createOrUpdate", "either"),
        entry("create", "b a d"),
    ];
    let refused = errors(bulk(&mut hub, changes).reply);
    let expected = [
        ("a", 409_001),
        ("nobody", 404_001),
        ("c", 412_001),
        ("e", 412_001),
        ("gone", 404_001),
        ("b a d", 400_004),
    ];
    assert_eq!(refused, expected.map(|(id, code)| (id.to_owned(), code)));
    let listed = match registry(&mut hub, RegistryOperation::List { top: 100 }) {
        Ok(Reply::Identities(all)) => all.into_iter().map(|one| one.device_id).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(listed, ["a", "b", "c", "d", "e", "either", "new"]);
    let gone = vec![entry("Delete", "a"), entry("createOrUpdate", "b")];
    assert_eq!(errors(bulk(&mut hub, gone).reply), []);
    assert!(hub.identity("a").is_none());
}

#[test]
fn twins_change_along_or_not_at_all() {
    let mut hub = hub();
    let twin = json!({ "tags": { "a": 1 }, "properties": { "desired": { "b": 2 } } });
    let bad = json!({ "tags": { "a.b": 1 } });
    let changes = vec![
        with_twin("create", "d1", &twin),
        with_twin("create", "d2", &bad),
    ];
    assert_eq!(
        errors(bulk(&mut hub, changes).reply),
        [("d2".to_owned(), 400_004)]
    );
    assert!(hub.identity("d2").is_none());
    let (_, made) = read(&mut hub, device("d1")).unwrap();
    assert_eq!(
        (&made["tags"]["a"], &made["properties"]["desired"]["b"]),
        (&json!(1), &json!(2))
    );

    connect(&mut hub, ONE, device("d1")).reply.unwrap();
    listen(&mut hub, ONE, Feed::Desired, true).reply.unwrap();
    let stale = BulkChange {
        twin_etag: Some("AAAAAAAAAAE=".to_owned()),
        ..with_twin("updateTwinIfMatchETag", "d1", &twin)
    };
    assert_eq!(
        errors(bulk(&mut hub, vec![stale]).reply),
        [("d1".to_owned(), 412_001)]
    );
    let effects = bulk(&mut hub, vec![with_twin("updateTwin", "d1", &twin)]);
    assert_eq!(errors(effects.reply), []);
    assert!(matches!(
        effects.notices.as_slice(),
        [(ONE, Notice::Desired { version: 3, .. })]
    ));
    let mut disabled = entry("update", "d1");
    disabled.identity.status = Status::Disabled;
    let notices = bulk(&mut hub, vec![disabled]).notices;
    assert!(matches!(notices.as_slice(), [(ONE, Notice::Dismissed(_))]));
}

#[test]
fn a_request_has_its_bounds() {
    let mut hub = hub();
    let many = |count: usize| {
        (0..count)
            .map(|index| entry("create", &format!("d{index}")))
            .collect()
    };
    assert_eq!(code(bulk(&mut hub, many(101)).reply), 400_004);
    assert_eq!(code(bulk(&mut hub, Vec::new()).reply), 400_004);
    let twice = vec![entry("create", "x"), entry("delete", "x")];
    assert_eq!(code(bulk(&mut hub, twice).reply), 400_011);
    assert_eq!(errors(bulk(&mut hub, many(100)).reply), []);
    let token = policy_token("registryRead");
    let operation = RegistryOperation::Bulk { changes: many(1) };
    assert_eq!(
        code(ask(&mut hub, Command::Registry { token, operation })),
        401_003
    );
}
