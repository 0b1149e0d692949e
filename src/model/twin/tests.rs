use super::*;
use proptest::prelude::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 123_456_000).unwrap()
}

fn patch(twin: &Twin, body: &Value) -> Result<(Twin, Option<Value>), TwinError> {
    twin.changed(at(1), &TwinChange::parse(body, false)?)
}

fn desired(values: &Value) -> Value {
    json!({ "properties": { "desired": values } })
}

fn section(twin: &Twin, name: &str) -> Value {
    let json = twin.to_json(&Identity::default());
    json["properties"][name].clone()
}

#[test]
fn a_new_twin_looks_as_the_service_shows_it() {
    let twin = Twin::new(at(0));
    let identity = Identity {
        device_id: "d".to_owned(),
        ..Identity::default()
    };
    let json = twin.to_json(&identity);
    let time = "2023-11-14T22:13:20.1234560Z";
    assert_eq!(json["etag"], "AAAAAAAAAAE=");
    assert_eq!((&json["version"], &json["tags"]), (&json!(2), &json!({})));
    for name in ["desired", "reported"] {
        let expected = json!({ "$metadata": { "$lastUpdated": time }, "$version": 1 });
        assert_eq!(json["properties"][name], expected);
    }
    assert!(json.get("moduleId").is_none() && json.get("capabilities").is_none());
    let own = json!({ "desired": { "$version": 1 }, "reported": { "$version": 1 } });
    assert_eq!(twin.to_own_json(), own);
}

#[test]
fn a_patch_leaves_its_marks() {
    let (twin, _) = patch(
        &Twin::new(at(0)),
        &desired(&json!({ "a": { "b": 1, "c": 2 }, "d": [1, null] })),
    )
    .unwrap();
    let change =
        TwinChange::parse(&desired(&json!({ "a": { "b": null, "e": true } })), false).unwrap();
    let (twin, told) = twin.changed(at(2), &change).unwrap();
    let expected = json!({ "a": { "b": null, "e": true }, "$version": 3 });
    assert_eq!(told, Some(expected));
    let (then, now) = (
        "2023-11-14T22:13:21.1234560Z",
        "2023-11-14T22:13:22.1234560Z",
    );
    let old = json!({ "$lastUpdated": then, "$lastUpdatedVersion": 2 });
    let new = json!({ "$lastUpdated": now, "$lastUpdatedVersion": 3 });
    let expected = json!({
        "a": { "c": 2, "e": true },
        "d": [1, null],
        "$metadata": {
            "a": { "c": old, "e": new, "$lastUpdated": now, "$lastUpdatedVersion": 3 },
            "d": old,
            "$lastUpdated": now, "$lastUpdatedVersion": 3,
        },
        "$version": 3,
    });
    assert_eq!(section(&twin, "desired"), expected);
    assert_eq!(
        (twin.etag().as_str(), twin.version, twin.desired.version),
        ("AAAAAAAAAAM=", 4, 3)
    );
}

#[test]
fn a_patch_of_nothing_changes_nothing() {
    let twin = Twin::new(at(0));
    for body in [
        json!({}),
        json!({ "properties": { "reported": { "a": 1 } } }),
    ] {
        assert_eq!(patch(&twin, &body), Ok((twin.clone(), None)), "{body}");
    }
    let (cleared, _) = patch(&twin, &json!({ "tags": null })).unwrap();
    assert_eq!((cleared.version, cleared.tags), (3, twin.tags));
}

#[test]
fn a_device_reports_and_the_etag_stays() {
    let report = |twin: &Twin, patch: Value| twin.reported(at(3), patch.as_object().unwrap());
    let twin = report(&Twin::new(at(0)), json!({ "battery": 55, "$version": 1 })).unwrap();
    assert_eq!((twin.etag().as_str(), twin.version), ("AAAAAAAAAAE=", 3));
    assert_eq!(twin.reported_version(), 2);
    let metadata = &section(&twin, "reported")["$metadata"];
    let expected = json!({ "$lastUpdated": "2023-11-14T22:13:23.1234560Z" });
    assert_eq!(metadata["battery"], expected);
    let stale = report(&twin, json!({ "battery": 54, "$version": 1 }));
    let error = TwinError::Version {
        part: "properties.reported",
        version: 2,
    };
    assert_eq!(stale, Err(error));
}

#[test]
fn a_replacement_tells_what_is_gone() {
    let twin = Twin::new(at(0));
    let body = json!({ "tags": { "a": 1 }, "properties": { "desired": { "a": { "b": 1, "c": 1 }, "d": 1 } } });
    let (twin, _) = patch(&twin, &body).unwrap();
    let whole = twin.to_json(&Identity::default());
    // A whole twin, with metadata and what cannot be written, is what SDKs send back.
    let same = TwinChange::parse(&whole, true).unwrap();
    let (again, _) = twin.changed(at(2), &same).unwrap();
    assert_eq!(
        (again.tags, again.desired.values),
        (twin.tags.clone(), twin.desired.values.clone())
    );
    let change = TwinChange::parse(&desired(&json!({ "a": { "c": 2 } })), true).unwrap();
    let (twin, told) = twin.changed(at(2), &change).unwrap();
    assert!(twin.tags.is_empty());
    assert_eq!(
        Value::Object(twin.desired.values),
        json!({ "a": { "c": 2 } })
    );
    let expected = json!({ "a": { "c": 2, "b": null }, "d": null, "$version": 3 });
    assert_eq!(told, Some(expected));
}

#[test]
fn what_no_twin_holds_is_refused() {
    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!({ "k": inner }));
    let refused = [
        (json!({ "a.b": 1 }), "a.b"),
        (json!({ "a#b": 1 }), "a#b"),
        (json!({ "a": { "$b": 1 } }), "$b"),
        (json!({ "a b": null }), "a b"),
        (json!({ "": 1 }), "\"\""),
        (json!({ "a\u{85}": 1 }), "control"),
        (json!({ "k".repeat(1025): 1 }), "1024"),
        (json!({ "a": "x".repeat(4097) }), "4097"),
        (json!({ "a": 4_503_599_627_370_496_i64 }), "52 bits"),
        (json!({ "a": [u64::MAX] }), "52 bits"),
        (nested(12), "deep"),
        (json!({ "a": nested(10), "b": [nested(11)] }), "deep"),
    ];
    let twin = Twin::new(at(0));
    for (values, word) in refused {
        for body in [desired(&values), json!({ "tags": values })] {
            let error = patch(&twin, &body).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
    let taken = json!({ "a": -4_503_599_627_370_496_i64, "k".repeat(1024): "x".repeat(4096), "é-_": 1.5e300 });
    patch(&twin, &desired(&taken)).unwrap();
    patch(&twin, &desired(&nested(11))).unwrap();
    for body in [json!([]), json!({ "tags": 1 }), desired(&json!("x"))] {
        assert!(
            matches!(patch(&twin, &body), Err(TwinError::Form { .. })),
            "{body}"
        );
    }
}

#[test]
fn the_size_is_counted_as_documented() {
    let twin = Twin::new(at(0));
    // Two keys of a byte, 4096 bytes each, less what makes it fit.
    let tags = |last: usize| json!({ "tags": { "a": "x".repeat(4096), "b": "\u{7}".repeat(9), "c": "x".repeat(last) } });
    let (full, _) = patch(&twin, &tags(4093)).unwrap();
    let error = TwinError::Size {
        part: "tags",
        size: 8193,
        limit: 8192,
    };
    assert_eq!(patch(&twin, &tags(4094)), Err(error.clone()));
    let (_, _) = patch(&full, &json!({ "tags": { "c": null } })).unwrap();
    let more = patch(&full, &json!({ "tags": { "d": "" } }));
    assert_eq!(more, Err(error));
    let eight: Vec<Value> = (0..4).map(|_| json!("x".repeat(4096))).collect();
    let body = desired(&json!({ "a": eight, "b": eight }));
    assert!(matches!(
        patch(&twin, &body),
        Err(TwinError::Size { limit: 32768, .. })
    ));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from),
        Just(json!([1, { "k": null }])),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        proptest::collection::btree_map("[a-d]", inner, 0..4)
            .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::btree_map("[a-d]", value(), 0..5)
        .prop_map(|members| members.into_iter().collect())
}

/// A patch: an object some of whose members are null.
fn with_nulls() -> impl Strategy<Value = Map<String, Value>> {
    (object(), proptest::collection::vec("[a-d]", 0..3)).prop_map(|(mut patch, gone)| {
        for (index, key) in gone.into_iter().enumerate() {
            let inner = patch.get_mut("a").and_then(Value::as_object_mut);
            match inner {
                Some(inner) if index == 1 => inner.insert(key, Value::Null),
                Some(_) | None => patch.insert(key, Value::Null),
            };
        }
        patch
    })
}

/// RFC 7396, as its text has it.
fn rfc(target: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut target = target.as_object().cloned().unwrap_or_default();
    for (key, value) in patch {
        if value.is_null() {
            target.shift_remove(key);
        } else {
            let present = target.get(key).cloned().unwrap_or_default();
            target.insert(key.clone(), rfc(&present, value));
        }
    }
    target.into()
}

/// Whether metadata speaks of the values that are there, and of no others.
fn mirrors(values: &Map<String, Value>, metadata: &Map<String, Value>) -> bool {
    let names = metadata.keys().filter(|key| !key.starts_with('$'));
    metadata.contains_key("$lastUpdated")
        && names
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .eq(values.keys().collect::<std::collections::BTreeSet<_>>())
        && values.iter().all(|(key, value)| {
            let below = metadata[key].as_object().unwrap();
            match value.as_object() {
                Some(value) => mirrors(value, below),
                None => below.keys().all(|key| key.starts_with('$')),
            }
        })
}

proptest! {
    #[test]
    fn patches_are_those_of_the_rfc(first in object(), patches in proptest::collection::vec(with_nulls(), 0..4), last in object()) {
        let mut twin = Twin::new(at(0));
        let mut expected = json!({});
        for (index, patch) in std::iter::once(&first).chain(&patches).enumerate() {
            let change = TwinChange { tags: None, desired: Some(Change::Merge(patch.clone())) };
            let (next, told) = twin.changed(at(1), &change).unwrap();
            let mut with_version = patch.clone();
            with_version.insert("$version".to_owned(), (index + 2).into());
            prop_assert_eq!(told, Some(with_version.into()));
            twin = next.reported(at(1), patch).unwrap();
            expected = rfc(&expected, &patch.clone().into());
            prop_assert_eq!(&Value::from(twin.desired.values.clone()), &expected);
            prop_assert_eq!(&twin.reported.values, &twin.desired.values);
            prop_assert!(mirrors(&twin.desired.values, &twin.desired.metadata), "{:?}", twin.desired);
        }
        // What a device is told of a replacement is a patch that leads there.
        let change = TwinChange { tags: None, desired: Some(Change::Replace(last.clone())) };
        let (twin, told) = twin.changed(at(2), &change).unwrap();
        prop_assert_eq!(&twin.desired.values, &last);
        let mut told = told.unwrap();
        told.as_object_mut().unwrap().shift_remove("$version");
        prop_assert_eq!(rfc(&expected, &told), Value::from(last));
        let row = serde_json::to_string(&twin).unwrap();
        prop_assert_eq!(serde_json::from_str::<Twin>(&row).unwrap(), twin);
    }

    #[test]
    fn no_body_panics(body in value(), replaces: bool) {
        if let Ok(change) = TwinChange::parse(&json!({ "tags": body, "properties": { "desired": body } }), replaces) {
            let _ = Twin::new(at(0)).changed(at(1), &change);
        }
    }
}
