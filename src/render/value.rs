//! AMQP values as JSON.
//!
//! | AMQP | JSON |
//! |---|---|
//! | null, boolean, integers of any width | the same |
//! | float, double | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | string, symbol, char | a string |
//! | timestamp | RFC 3339, or milliseconds outside the years 0 to 9999 |
//! | uuid | its usual text |
//! | binary | base64 |
//! | decimals | their bytes in hex, `"0x…"` |
//! | list, array, map | array, array, object; a key that is no text is written as its JSON |
//! | described | `{"descriptor": …, "value": …}` |

use std::io::Write as _;

use super::json::{Json, Text};
use super::time::write_time;
use crate::protocol::amqp::value::{Described, Items, Raw, Value};

/// Nesting beyond this is written as null; real messages stay below six.
const MAX_DEPTH: usize = 32;

/// Writes a value as JSON.
pub fn write_value(value: &Value<'_>, json: &mut Json<'_>) {
    write(value, json, 0);
}

/// Writes a map as an object; null where there is none.
pub fn write_map(items: Option<&Items<'_>>, json: &mut Json<'_>) {
    json.object(|json| {
        if let Some(items) = items {
            write_entries(items, json, 0);
        }
    });
}

/// Writes a map's entries into the object that is open. What follows a malformed key is left out, and a malformed value is null.
pub fn write_entries(items: &Items<'_>, json: &mut Json<'_>, depth: usize) {
    for entry in items.raw_pairs() {
        let Ok((key, value)) = entry else { return };
        // Text is most of what there is, and needs no more than to be looked at whether it is.
        match key.text().map(Text::of) {
            Some(Some(name)) => json.key_text(name),
            Some(None) => return,
            None => match key.read() {
                Ok(key) => write_key(&key, json, depth),
                Err(_) => return,
            },
        }
        write_unread(value, json, depth + 1);
    }
}

/// Writes a value that was not read yet; a malformed one as null.
#[inline]
pub fn write_unread(value: Raw<'_>, json: &mut Json<'_>, depth: usize) {
    match value.text().map(Text::of) {
        Some(Some(text)) => json.text(text),
        Some(None) => json.word("null"),
        None => write(&value.read().unwrap_or_default(), json, depth),
    }
}

/// A key that is no text: its JSON as a string. Each key within a key doubles the backslashes, so few are taken.
fn write_key(key: &Value<'_>, json: &mut Json<'_>, depth: usize) {
    let mut text = Vec::new();
    let depth = (depth + 1).max(MAX_DEPTH - 1);
    write(key, &mut Json::compact(&mut text), depth);
    json.key(&String::from_utf8_lossy(&text));
}

fn write(value: &Value<'_>, json: &mut Json<'_>, depth: usize) {
    if depth > MAX_DEPTH {
        return json.word("null");
    }
    match *value {
        Value::Null => json.word("null"),
        Value::Bool(value) => json.word(if value { "true" } else { "false" }),
        Value::Ubyte(value) => json.integer(value),
        Value::Ushort(value) => json.integer(value),
        Value::Uint(value) => json.integer(value),
        Value::Ulong(value) => json.integer(value),
        Value::Byte(value) => json.integer(value),
        Value::Short(value) => json.integer(value),
        Value::Int(value) => json.integer(value),
        Value::Long(value) => json.integer(value),
        Value::Float(value) => write_float(value, json),
        Value::Double(value) => json.float(value),
        Value::Decimal32(bytes) => write_hex(&bytes, json),
        Value::Decimal64(bytes) => write_hex(&bytes, json),
        Value::Decimal128(bytes) => write_hex(&bytes, json),
        Value::Char(value) => json.string(value.encode_utf8(&mut [0; 4])),
        Value::Timestamp(milliseconds) => write_timestamp(milliseconds, json),
        Value::Uuid(bytes) => write_uuid(bytes, json),
        Value::Binary(bytes) => json.base64(bytes),
        Value::String(text) | Value::Symbol(text) => json.string(text),
        Value::List(items) => write_items(items.iter(), json, depth),
        Value::Array(items) => write_items(items.iter(), json, depth),
        Value::Map(items) => json.object(|json| write_entries(&items, json, depth)),
        Value::Described(described) => write_described(&described, json, depth),
    }
}

/// In the digits of its own width: 0.1 and not 0.10000000149011612.
fn write_float(value: f32, json: &mut Json<'_>) {
    if value.is_finite() {
        // Writing to a Vec cannot fail.
        let _ = write!(json.raw(), "{value:?}");
    } else {
        json.float(value.into());
    }
}

fn write_hex(bytes: &[u8], json: &mut Json<'_>) {
    let out = json.raw();
    out.extend_from_slice(b"\"0x");
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out.push(b'"');
}

fn write_uuid(bytes: [u8; 16], json: &mut Json<'_>) {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    json.string(
        uuid::Uuid::from_bytes(bytes)
            .hyphenated()
            .encode_lower(&mut text),
    );
}

/// A point in time as a string, or as milliseconds where RFC 3339 has no year for it.
pub fn write_timestamp(milliseconds: i64, json: &mut Json<'_>) {
    let out = json.raw();
    out.push(b'"');
    if write_time(milliseconds, out) {
        out.push(b'"');
    } else {
        out.pop();
        json.integer(milliseconds);
    }
}

fn write_items<'a, E>(
    items: impl Iterator<Item = Result<Value<'a>, E>>,
    json: &mut Json<'_>,
    depth: usize,
) {
    json.array(|json| {
        for item in items.map_while(Result::ok) {
            json.item();
            write(&item, json, depth + 1);
        }
    });
}

/// Writes lists as one array, one list's items after the other's.
pub fn write_lists<'a>(lists: impl Iterator<Item = Items<'a>>, json: &mut Json<'_>) {
    let items = lists.flat_map(|list| list.iter());
    write_items(items, json, 0);
}

fn write_described(described: &Described<'_>, json: &mut Json<'_>, depth: usize) {
    json.object(|json| {
        for (name, part) in [
            ("descriptor", described.descriptor()),
            ("value", described.value()),
        ] {
            json.key(name);
            write(&part.unwrap_or_default(), json, depth + 1);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::value::decode;
    use crate::protocol::amqp::writer::{Writer, encode};
    use proptest::prelude::*;

    fn json(write: impl FnOnce(&mut Writer<'_>)) -> String {
        let bytes = encode(write);
        let (value, _) = decode(&bytes).unwrap();
        let mut out = Vec::new();
        write_value(&value, &mut Json::compact(&mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_type_has_its_json() {
        assert_eq!(json(|w| w.value(&Value::Null)), "null");
        assert_eq!(json(|w| w.bool(true)), "true");
        assert_eq!(json(|w| w.ulong(u64::MAX)), "18446744073709551615");
        assert_eq!(json(|w| w.long(i64::MIN)), "-9223372036854775808");
        assert_eq!(json(|w| w.float(0.1)), "0.1");
        assert_eq!(json(|w| w.float(f32::NAN)), r#""NaN""#);
        assert_eq!(json(|w| w.double(f64::NEG_INFINITY)), r#""-Infinity""#);
        assert_eq!(json(|w| w.double(1e300)), "1e300");
        assert_eq!(json(|w| w.char('"')), r#""\"""#);
        assert_eq!(
            json(|w| w.timestamp(1_525_338_803_008)),
            r#""2018-05-03T09:13:23.008Z""#
        );
        assert_eq!(json(|w| w.timestamp(i64::MAX)), "9223372036854775807");
        assert_eq!(
            json(|w| w.uuid([0x11; 16])),
            r#""11111111-1111-1111-1111-111111111111""#
        );
        assert_eq!(json(|w| w.binary(&[0, 255])), r#""AP8=""#);
        assert_eq!(
            json(|w| w.value(&Value::Decimal32([1, 2, 3, 4]))),
            r#""0x01020304""#
        );
        assert_eq!(json(|w| w.symbols(["a", "b"].into_iter())), r#"["a","b"]"#);
        assert_eq!(
            json(|w| w.described(7, |w| w.list(|w| w.string("x")))),
            r#"{"descriptor":7,"value":["x"]}"#
        );
        assert_eq!(
            json(|w| w.map(|w| {
                w.symbol("a");
                w.int(-1);
                w.ulong(5);
                w.null();
            })),
            r#"{"a":-1,"5":null}"#
        );
    }

    proptest! {
        #[test]
        fn any_value_is_json(bytes in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![0x00, 0x40, 0x45, 0x53, 0xa0, 0xa1, 0xa3, 0xc0, 0xc1, 0xe0, 0x72, 0x82, 0x83]),
                0_u8..12,
                any::<u8>(),
            ],
            0..80,
        )) {
            if let Ok((value, _)) = decode(&bytes) {
                for pretty in [false, true] {
                    let mut out = Vec::new();
                    let mut json = if pretty { Json::pretty(&mut out) } else { Json::compact(&mut out) };
                    write_value(&value, &mut json);
                    prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok(), "{:?}", String::from_utf8_lossy(&out));
                }
            }
        }
    }

    #[test]
    fn deep_nesting_ends() {
        let mut bytes = vec![0x45];
        for _ in 0..1000 {
            let size = u32::try_from(bytes.len() + 4).unwrap().to_be_bytes();
            bytes = [&[0xd0][..], &size, &[0, 0, 0, 1], &bytes].concat();
        }
        let (value, _) = decode(&bytes).unwrap();
        let mut out = Vec::new();
        write_value(&value, &mut Json::compact(&mut out));
        assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
    }

    #[test]
    fn keys_within_keys_do_not_grow_without_end() {
        let mut bytes = vec![0x54, 1];
        for _ in 0..30 {
            let size = u8::try_from(bytes.len() + 2).unwrap();
            bytes = [&[0xc1, size, 2][..], &bytes, &[0x40]].concat();
        }
        let (value, _) = decode(&bytes).unwrap();
        let mut out = Vec::new();
        write_value(&value, &mut Json::compact(&mut out));
        assert!(out.len() < 200, "{}", out.len());
        assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
    }
}
