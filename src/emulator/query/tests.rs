use proptest::prelude::*;
use serde_json::{Value, json};

use super::aggregate::Aggregate;
use super::expression::{Comparison, Computation, Expression};
use super::syntax::{Columns, Content};
use super::*;
use crate::model::device::IdentityId;

fn fleet() -> Vec<Value> {
    vec![
        json!({ "deviceId": "a", "tags": { "plant": "43", "floor": 1 }, "properties": { "reported": { "status": "Success", "wait": 60, "$version": 2 } } }),
        json!({ "deviceId": "b", "tags": { "plant": "44", "floor": 2, "note": null }, "properties": { "reported": { "status": "Pending", "wait": 30 } } }),
        json!({ "deviceId": "c", "tags": { "plant": "43", "floor": "top" }, "properties": { "reported": { "status": "Success", "wait": 90.5 } } }),
        json!({ "deviceId": "d", "capabilities": { "iotEdge": true }, "properties": { "reported": { "ok": false } } }),
    ]
}

fn id(document: &Value) -> IdentityId {
    IdentityId {
        device: document["deviceId"].as_str().unwrap().to_owned(),
        module: None,
    }
}

fn page(documents: &[Value], text: &str, size: usize, from: Option<&str>) -> Page {
    let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let place = match from {
        None => Continuation::beginning(text),
        Some(from) => Continuation::parse(from, text).unwrap(),
    };
    let mut search = Search::new(query, size, place);
    let after = search.after().map(|(device, _)| device.to_owned());
    for document in documents {
        let id = id(document);
        if after.as_ref().is_none_or(|after| id.device > *after) {
            search.offer(&id, document);
        }
    }
    search.end();
    search.into_page()
}

fn rows(text: &str) -> Value {
    page(&fleet(), text, 100, None).rows.into()
}

/// The devices of which a condition holds.
fn holds(condition: &str) -> String {
    let rows = rows(&format!("SELECT deviceId FROM devices WHERE {condition}"));
    let ids = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["deviceId"].as_str().unwrap());
    ids.collect()
}

#[test]
fn the_documented_queries_are_answered() {
    assert_eq!(
        page(&fleet(), "SELECT * FROM devices", 100, None).rows,
        fleet()
    );
    assert_eq!(holds("tags.plant = '43'"), "ac");
    assert_eq!(
        holds("tags.plant = '43' AND properties.reported.wait >= 60"),
        "ac"
    );
    assert_eq!(
        holds("properties.reported.status IN ['Pending', \"Error\"]"),
        "b"
    );
    assert_eq!(holds("properties.reported.status NIN ['Pending']"), "ac");
    assert_eq!(holds("is_defined(tags.note)"), "b");
    assert_eq!(holds("capabilities.iotEdge = true"), "d");
    assert_eq!(holds("devices.deviceId = 'a'"), "a");
    assert_eq!(
        rows(
            "SELECT properties.reported.status AS status, COUNT() AS n FROM devices GROUP BY properties.reported.status"
        ),
        json!([{ "status": "Success", "n": 2 }, { "status": "Pending", "n": 1 }, { "n": 1 }])
    );
    assert_eq!(
        rows("SELECT COUNT() AS total FROM devices"),
        json!([{ "total": 4 }])
    );
    assert_eq!(
        rows(
            "select avg(properties.reported.wait) as a, sum(tags.floor) as s, min(tags.plant) as l, max(properties.reported.wait) as g from devices"
        ),
        json!([{ "a": 60.166_666_666_666_664, "s": 3, "l": "43", "g": 90.5 }])
    );
    assert_eq!(
        rows("SELECT COUNT() AS n, AVG(tags.none) AS a FROM devices WHERE deviceId = 'z'"),
        json!([{ "n": 0 }])
    );
    assert_eq!(
        rows("SELECT TOP 2 deviceId, tags.floor AS f, none FROM devices"),
        json!([{ "deviceId": "a", "f": 1 }, { "deviceId": "b", "f": 2 }])
    );
    assert_eq!(
        rows("SELECT * FROM devices.jobs WHERE devices.jobs.status = 'x'"),
        json!([])
    );
}

#[test]
fn a_condition_is_true_or_it_is_not() {
    for (condition, expected) in [
        ("tags.floor > 1", "b"),
        ("tags.floor <> 1", "b"),
        ("tags.floor != 'top'", ""),
        ("NOT tags.floor = 1", "b"),
        ("tags.note = null", "b"),
        ("tags.note = undefined", ""),
        ("tags = tags", ""),
        ("tags.plant", ""),
        ("properties.reported.ok", ""),
        ("NOT properties.reported.ok", "d"),
        ("capabilities.iotEdge", "d"),
        ("tags.none = 1 OR tags.plant = '44'", "b"),
        ("NOT (tags.none = 1 AND tags.plant = '44')", "ac"),
        ("properties.reported.wait / 2 - -1 = 31", "a"),
        ("properties.reported.wait % 60 = 30", "b"),
        ("properties.reported.wait * 0x2 >= 6e1 + 1.0", "ac"),
        ("properties.reported.wait / 0 > 1", ""),
        ("tags.floor + 'x' = 'x'", ""),
        ("properties.reported.$version = 2", "a"),
        (r"deviceId = '\u0062'", "b"),
        (r#"deviceId IN ["\u0061", '\'', "\"", '\\'] AND true"#, "a"),
    ] {
        assert_eq!(holds(condition), expected, "{condition}");
    }
}

#[test]
fn a_target_is_what_stands_behind_where() {
    let meant = |text: &str, document: &Value| Target::parse(text).unwrap().holds(document);
    let document =
        json!({ "tags": { "a": 1 }, "configurations": { "my own's": { "status": "Applied" } } });
    for text in [
        "*",
        "tags.a = 1",
        "devices.tags.a = 1",
        "from devices where tags.a = 1",
        "configurations.[[my own's]].status = 'Applied'",
    ] {
        assert!(meant(text, &document), "{text}");
        assert_eq!(Target::parse(text).unwrap().source(), Source::Devices);
    }
    assert!(!meant("tags.a = 2", &document));
    assert!(!meant(
        "configurations.[[other]].status = 'Applied'",
        &document
    ));
    let modules = Target::parse("FROM devices.modules WHERE tags.a = 1").unwrap();
    assert_eq!(
        (modules.source(), modules.holds(&document)),
        (Source::Modules, true)
    );
    for bad in [
        "",
        "tags.a = 1 GROUP BY tags.a",
        "* AND tags.a = 1",
        "FROM devices.jobs WHERE status = 'x'",
        "FROM devices.modules tags.a = 1",
        "configurations.[[open.status = 'Applied'",
    ] {
        assert!(Target::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, word) in [
        ("", "SELECT is missing at position 0"),
        ("SELECT", "a property is missing at position 6"),
        ("SELECT * FROM twins", "no collection \"twins\""),
        (
            "SELECT * FROM devices x",
            "the end is missing at position 22",
        ),
        (
            "SELECT * FROM devices WHERE",
            "a property is missing at position 27",
        ),
        ("SELECT * FROM devices WHERE a = 'b", "text at position 32"),
        (
            r"SELECT * FROM devices WHERE a = '\n'",
            "text at position 32",
        ),
        (
            r"SELECT * FROM devices WHERE a = '\ud800'",
            "text at position 32",
        ),
        (
            "SELECT * FROM devices WHERE a = 1x",
            "number at position 32",
        ),
        (
            "SELECT * FROM devices WHERE a = 1e999",
            "number at position 32",
        ),
        ("SELECT * FROM devices WHERE a ~ 1", "'~' at position 30"),
        ("SELECT * FROM devices WHERE (a = 1", "')' is missing"),
        ("SELECT * FROM devices WHERE a IN [1 2]", "',' or ']'"),
        (
            "SELECT * FROM devices WHERE starts_with(a, 'b')",
            "starts_with is no function",
        ),
        ("SELECT COUNT() FROM devices", "AS and a name"),
        ("SELECT TOP x * FROM devices", "a whole number"),
        ("SELECT TOP 1.5 * FROM devices", "a whole number"),
        ("SELECT a, b.a FROM devices", "two columns are called \"a\""),
        ("SELECT * FROM devices GROUP BY a", "in the place of *"),
        ("SELECT a, COUNT() AS n FROM devices", "GROUP BY names"),
        ("SELECT deviceId FROM devices.jobs", "devices.jobs"),
    ] {
        let error = Query::parse(text).unwrap_err().to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
    for part in ["NOT ", "(", "-", "["] {
        let text = format!("SELECT * FROM devices WHERE {}1", part.repeat(3000));
        assert_eq!(Query::parse(&text), Err(QueryError::Depth));
    }
    let text = format!("SELECT * FROM devices WHERE 1{}", "+1".repeat(3000));
    assert_eq!(Query::parse(&text), Err(QueryError::Depth));
}

#[test]
fn a_continuation_is_for_its_own_query() {
    let text = "SELECT * FROM devices";
    let first = page(&fleet(), text, 3, None);
    assert_eq!((first.rows.len(), first.item_type.name()), (3, "Twin"));
    let next = first.continuation.unwrap().write();
    let last = page(&fleet(), text, 3, Some(&next));
    assert_eq!((last.rows.len(), last.continuation), (1, None));
    for other in ["select * from devices", ""] {
        assert_eq!(Continuation::parse(&next, other), None);
    }
    assert_eq!(Continuation::parse("bm8=", text), None);
}

fn written(expression: &Expression) -> String {
    let joined = |parts: &[Expression], between: &str| {
        let parts: Vec<String> = parts.iter().map(written).collect();
        parts.join(between)
    };
    match expression {
        Expression::Constant(None) => "undefined".to_owned(),
        Expression::Constant(Some(value)) => value.to_string(),
        Expression::Path(path) => path.0.join("."),
        Expression::IsDefined(path) => format!("IS_DEFINED({})", path.0.join(".")),
        Expression::Array(parts) => format!("[{}]", joined(parts, ", ")),
        Expression::Not(inner) => format!("(not {})", written(inner)),
        Expression::All(parts) => format!("({})", joined(parts, " And ")),
        Expression::Any(parts) => format!("({})", joined(parts, " or ")),
        Expression::Compare(comparison, left, right) => {
            let sign = match comparison {
                Comparison::Equal => "=",
                Comparison::Unequal => "!=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("({}{sign}{})", written(left), written(right))
        }
        Expression::Compute(computation, left, right) => {
            let sign = match computation {
                Computation::Add => '+',
                Computation::Subtract => '-',
                Computation::Multiply => '*',
                Computation::Divide => '/',
                Computation::Remainder => '%',
            };
            format!("({}{sign}{})", written(left), written(right))
        }
        Expression::Among {
            is_in,
            value,
            array,
        } => {
            let word = if *is_in { "IN" } else { "nin" };
            format!("({} {word} {})", written(value), written(array))
        }
    }
}

fn path() -> impl Strategy<Value = Path> {
    proptest::collection::vec("[a-z_][a-z0-9_$]{0,3}x", 1..4).prop_map(Path)
}

fn expression() -> impl Strategy<Value = Expression> {
    let constant = prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        any::<bool>().prop_map(|truth| Some(truth.into())),
        (0..1000_u32).prop_map(|number| Some(number.into())),
        (0.001..1e9_f64).prop_map(super::expression::number),
        "[a-z'ä ]{0,4}".prop_map(|text| Some(text.into())),
    ];
    let leaf = prop_oneof![
        constant.prop_map(Expression::Constant),
        path().prop_map(Expression::Path),
        path().prop_map(Expression::IsDefined),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let several = || proptest::collection::vec(inner.clone(), 2..4);
        let comparison = prop_oneof![
            Just(Comparison::Equal),
            Just(Comparison::Unequal),
            Just(Comparison::Less),
            Just(Comparison::LessOrEqual),
            Just(Comparison::Greater),
            Just(Comparison::GreaterOrEqual),
        ];
        let computation = prop_oneof![
            Just(Computation::Add),
            Just(Computation::Subtract),
            Just(Computation::Multiply),
            Just(Computation::Divide),
            Just(Computation::Remainder),
        ];
        prop_oneof![
            boxed().prop_map(Expression::Not),
            several().prop_map(Expression::All),
            several().prop_map(Expression::Any),
            several().prop_map(Expression::Array),
            (comparison, boxed(), boxed()).prop_map(|(c, l, r)| Expression::Compare(c, l, r)),
            (computation, boxed(), boxed()).prop_map(|(c, l, r)| Expression::Compute(c, l, r)),
            (any::<bool>(), boxed(), boxed()).prop_map(|(is_in, value, array)| {
                Expression::Among {
                    is_in,
                    value,
                    array,
                }
            }),
        ]
    })
}

proptest! {
    #[test]
    fn a_condition_is_read_as_it_was_written(expression in expression()) {
        let text = format!("SELECT * FROM devices WHERE {}", written(&expression));
        let query = Query::parse(&text);
        prop_assert_eq!(query.map(|query| query.condition), Ok(Some(expression.clone())), "{}", text);
        // Whatever it says, it says it of every document.
        for document in fleet() {
            let _ = Target::parse(&text);
            let _ = expression.holds(&document);
        }
    }

    #[test]
    fn pages_are_the_whole_cut_into_pieces(
        size in 1_usize..6,
        top in proptest::option::of(0_usize..9),
        threshold in 0_u32..8,
        is_grouped: bool,
        floors in proptest::collection::vec(0_u32..8, 0..20),
    ) {
        let documents: Vec<Value> = floors
            .iter()
            .enumerate()
            .map(|(index, floor)| json!({ "deviceId": format!("d{index:02}"), "tags": { "floor": floor } }))
            .collect();
        let top = top.map_or(String::new(), |top| format!("TOP {top}"));
        let text = if is_grouped {
            format!("SELECT {top} tags.floor, COUNT() AS n FROM devices WHERE tags.floor >= {threshold} GROUP BY tags.floor")
        } else {
            format!("SELECT {top} * FROM devices WHERE tags.floor >= {threshold}")
        };
        let whole = page(&documents, &text, 1000, None);
        prop_assert_eq!(whole.continuation, None);
        let mut pieces = Vec::new();
        let mut from = None;
        loop {
            let piece = page(&documents, &text, size, from.as_deref());
            prop_assert!(piece.rows.len() <= size);
            prop_assert!(piece.continuation.is_none() || piece.rows.len() == size);
            pieces.extend(piece.rows);
            from = piece.continuation.map(|next| next.write());
            if from.is_none() {
                break;
            }
        }
        prop_assert_eq!(&pieces, &whole.rows);
        if is_grouped && top.is_empty() {
            let total: u64 = pieces.iter().map(|row| row["n"].as_u64().unwrap()).sum();
            prop_assert_eq!(total, floors.iter().filter(|floor| **floor >= threshold).count() as u64);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}", tail in "[ -~]{0,60}", token in "\\PC*") {
        for text in [&text, &format!("SELECT {tail}"), &format!("SELECT * FROM devices WHERE {tail}")] {
            let _ = Target::parse(text);
            if let Ok(query) = Query::parse(text) {
                let mut search = Search::new(query, 10, Continuation::beginning(text));
                for document in fleet() {
                    search.offer(&id(&document), &document);
                }
                search.end();
                let _ = search.into_page();
            }
        }
        let _ = Continuation::parse(&token, &text);
    }
}

#[test]
fn names_are_those_of_the_columns() {
    let query = Query::parse("SELECT tags.a, MAX(b) AS c FROM devices GROUP BY tags.a").unwrap();
    let Columns::Some(columns) = &query.columns else {
        panic!("{query:?}")
    };
    assert_eq!(columns[0].name, "a");
    let maximum = Content::Aggregate(Aggregate::Maximum, Some(Path(vec!["b".to_owned()])));
    assert_eq!(
        (columns[1].name.as_str(), &columns[1].content),
        ("c", &maximum)
    );
}
