//! CBOR as JSON (RFC 8949).
//!
//! | CBOR | JSON |
//! |---|---|
//! | integers, text, booleans, null, arrays | the same; integers keep all their digits |
//! | maps | objects; a key that is no text is written as its JSON, keys that stand there twice stay |
//! | floating-point numbers | a number in the digits of its own width, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | byte strings | base64 |
//! | undefined | null |
//! | bignums (tags 2 and 3) | a number up to 128 bits, otherwise `{"tag":2,"value":BASE64}` |
//! | other tags | what they stand in front of |
//! | other simple values | `{"simple":N}` |

use std::io::Write as _;

use minicbor::data::Type;
use minicbor::decode::{Decoder, Error};

use super::json::Json;
use super::json_scan::MAX_DEPTH;

const POSITIVE_BIGNUM: u64 = 2;
const NEGATIVE_BIGNUM: u64 = 3;

/// Appends the JSON of one CBOR value on one line. Otherwise false, and nothing appended: for what is malformed, what
/// something follows, and what is nested deeper than [`MAX_DEPTH`].
pub fn write_cbor(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let mut decoder = Decoder::new(bytes);
    let written = write(&mut decoder, &mut Json::compact(out), 0);
    if written.is_ok() && decoder.position() == bytes.len() {
        return true;
    }
    out.truncate(start);
    false
}

fn write(decoder: &mut Decoder<'_>, json: &mut Json<'_>, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::message("nested too deep"));
    }
    match decoder.datatype()? {
        Type::Null => {
            decoder.null()?;
            json.word("null");
        }
        Type::Undefined => {
            decoder.undefined()?;
            json.word("null");
        }
        Type::Bool => json.word(if decoder.bool()? { "true" } else { "false" }),
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => json.integer(i128::from(decoder.int()?)),
        Type::F16 => write_float(half(decoder)?, json),
        Type::F32 => write_float(decoder.f32()?, json),
        Type::F64 => json.float(decoder.f64()?),
        Type::Simple => {
            let number = decoder.simple()?;
            json.object(|json| {
                json.key("simple");
                json.integer(number);
            });
        }
        Type::Bytes => json.base64(decoder.bytes()?),
        Type::BytesIndef => json.base64(&chunks(decoder)?),
        Type::String => json.string(decoder.str()?),
        Type::StringIndef => {
            json.raw().push(b'"');
            for part in decoder.str_iter()? {
                json.string_part(part?);
            }
            json.raw().push(b'"');
        }
        Type::Array | Type::ArrayIndef => return write_array(decoder, json, depth),
        Type::Map | Type::MapIndef => return write_object(decoder, json, depth),
        Type::Tag => return write_tagged(decoder, json, depth),
        Type::Break | Type::Unknown(_) => return Err(Error::message("no value")),
    }
    Ok(())
}

fn chunks(decoder: &mut Decoder<'_>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    for part in decoder.bytes_iter()? {
        bytes.extend_from_slice(part?);
    }
    Ok(bytes)
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

/// The two bytes of a half-precision number, after RFC 8949, appendix D.
fn half(decoder: &mut Decoder<'_>) -> Result<f32, Error> {
    let at = decoder.position();
    let bytes = decoder.input().get(at + 1..at + 3);
    let bits = match bytes {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => return Err(Error::end_of_input()),
    };
    decoder.set_position(at + 3);
    let exponent = i32::from(bits >> 10 & 0x1f);
    let mantissa = f32::from(bits & 0x3ff);
    let size = match exponent {
        0 => mantissa * 2_f32.powi(-24),
        31 if mantissa > 0.0 => f32::NAN,
        31 => f32::INFINITY,
        _ => (mantissa + 1024.0) * 2_f32.powi(exponent - 25),
    };
    Ok(if bits & 0x8000 == 0 { size } else { -size })
}

/// Whether another item of a container follows; takes the end of one of indefinite length.
fn has_more(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, Error> {
    match left {
        Some(0) => Ok(false),
        Some(count) => {
            *count -= 1;
            Ok(true)
        }
        None if decoder.datatype()? == Type::Break => {
            decoder.set_position(decoder.position() + 1);
            Ok(false)
        }
        None => Ok(true),
    }
}

fn write_array(decoder: &mut Decoder<'_>, json: &mut Json<'_>, depth: usize) -> Result<(), Error> {
    let mut left = decoder.array()?;
    let mut result = Ok(());
    json.array(|json| {
        result = (|| {
            while has_more(decoder, &mut left)? {
                json.item();
                write(decoder, json, depth + 1)?;
            }
            Ok(())
        })();
    });
    result
}

fn write_object(decoder: &mut Decoder<'_>, json: &mut Json<'_>, depth: usize) -> Result<(), Error> {
    let mut left = decoder.map()?;
    let mut result = Ok(());
    json.object(|json| {
        result = (|| {
            while has_more(decoder, &mut left)? {
                if decoder.datatype()? == Type::String {
                    json.key(decoder.str()?);
                } else {
                    let mut key = Vec::new();
                    // Each key within a key doubles the backslashes, so few are taken.
                    write_key(decoder, &mut key, (depth + 1).max(MAX_DEPTH - 1))?;
                    json.key(&String::from_utf8_lossy(&key));
                }
                write(decoder, json, depth + 1)?;
            }
            Ok(())
        })();
    });
    result
}

/// The text of a key that came in pieces, or the JSON of one that is no text.
fn write_key(decoder: &mut Decoder<'_>, key: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    if decoder.datatype()? == Type::StringIndef {
        for part in decoder.str_iter()? {
            key.extend_from_slice(part?.as_bytes());
        }
        return Ok(());
    }
    write(decoder, &mut Json::compact(key), depth)
}

fn write_tagged(decoder: &mut Decoder<'_>, json: &mut Json<'_>, depth: usize) -> Result<(), Error> {
    let tag = decoder.tag()?.as_u64();
    let is_bignum = matches!(tag, POSITIVE_BIGNUM | NEGATIVE_BIGNUM);
    if !is_bignum || decoder.datatype()? != Type::Bytes {
        return write(decoder, json, depth + 1);
    }
    let bytes = decoder.bytes()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = &bytes[zeros..];
    let number = (digits.len() <= 16).then(|| {
        digits
            .iter()
            .fold(0, |n: u128, byte| n << 8 | u128::from(*byte))
    });
    // A negative one of N stands for -1 - N.
    match (number, tag) {
        (Some(number), POSITIVE_BIGNUM) => json.integer(number),
        (Some(number), _) if number < u128::MAX => {
            json.raw().push(b'-');
            json.integer(number + 1);
        }
        (Some(_) | None, tag) => json.object(|json| {
            json.key("tag");
            json.integer(tag);
            json.key("value");
            json.base64(bytes);
        }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The JSON of CBOR that is written in hex.
    fn json(hex: &str) -> Option<String> {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap())
            .collect();
        let mut out = b"before".to_vec();
        let is_cbor = write_cbor(&bytes, &mut out);
        let text = String::from_utf8(out.split_off(6)).unwrap();
        assert!(is_cbor || text.is_empty());
        is_cbor.then_some(text)
    }

    #[test]
    fn keys_within_keys_do_not_grow_without_end() {
        assert_eq!(json("a1a10102f6").as_deref(), Some(r#"{"{\"1\":2}":null}"#));
        assert_eq!(json(&format!("{}f6", "a1".repeat(60))), None);
        let mut nested = "01".to_owned();
        for _ in 0..60 {
            nested = format!("a1{nested}f6");
        }
        assert_eq!(json(&nested), None);
    }

    /// RFC 8949, appendix A.
    #[test]
    fn the_examples_of_the_standard_are_read() {
        for (hex, expected) in [
            ("00", "0"),
            ("1bffffffffffffffff", "18446744073709551615"),
            ("3bffffffffffffffff", "-18446744073709551616"),
            ("c249010000000000000000", "18446744073709551616"),
            ("c349010000000000000000", "-18446744073709551617"),
            ("f90000", "0.0"),
            ("f98000", "-0.0"),
            ("f93e00", "1.5"),
            ("f97bff", "65504.0"),
            ("f90001", "5.9604645e-8"),
            ("f90400", "6.103_515_6e-5"),
            ("f9c400", "-4.0"),
            ("fa47c35000", "100000.0"),
            ("fb3ff199999999999a", "1.1"),
            ("f97c00", "\"Infinity\""),
            ("f97e00", "\"NaN\""),
            ("fbfff0000000000000", "\"-Infinity\""),
            ("f4", "false"),
            ("f6", "null"),
            ("f7", "null"),
            ("f0", "{\"simple\":16}"),
            ("f8ff", "{\"simple\":255}"),
            (
                "c074323031332d30332d32315432303a30343a30305a",
                "\"2013-03-21T20:04:00Z\"",
            ),
            ("c11a514b67b0", "1363896240"),
            ("4401020304", "\"AQIDBA==\""),
            ("62225c", "\"\\\"\\\\\""),
            ("83010203", "[1,2,3]"),
            ("a201020304", "{\"1\":2,\"3\":4}"),
            ("a26161016162820203", "{\"a\":1,\"b\":[2,3]}"),
            ("5f42010243030405ff", "\"AQIDBAU=\""),
            ("7f657374726561646d696e67ff", "\"streaming\""),
            ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
            ("bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}"),
            ("d9d9f7a10102", "{\"1\":2}"),
        ] {
            let expected = expected.replace('_', "");
            assert_eq!(json(hex), Some(expected), "{hex}");
        }
    }

    #[test]
    fn bignums_beyond_128_bits_are_shown_as_they_came() {
        let hex = format!("c251{}", "ff".repeat(17));
        assert!(json(&hex).unwrap().starts_with("{\"tag\":2,\"value\":\"//"));
        let hex = format!("c350{}", "ff".repeat(16));
        assert!(json(&hex).unwrap().starts_with("{\"tag\":3,"));
    }

    #[test]
    fn what_is_malformed_is_no_cbor() {
        for hex in [
            "",
            "18",
            "62c328",
            "82 01",
            "a1 01",
            "ff",
            "1c",
            "0101",
            "5f 01 ff",
            "9bffffffffffffffff",
            "bf01ff",
            "f8",
            "f900",
            "c2",
        ] {
            assert_eq!(json(hex), None, "{hex}");
        }
        assert!(json(&format!("{}00", "81".repeat(MAX_DEPTH))).is_some());
        assert_eq!(json(&format!("{}00", "81".repeat(100_000))), None);
        assert_eq!(json(&format!("{}00", "c6".repeat(100_000))), None);
    }

    proptest! {
        #[test]
        fn whatever_is_cbor_is_json(bytes in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![0x81_u8, 0xa1, 0x9f, 0xbf, 0xff, 0x61, 0x41, 0xc2, 0xf9, 0xf6, 0x00, 0x7f, 0x5f]),
                any::<u8>(),
            ],
            0..24,
        )) {
            let mut out = Vec::new();
            if write_cbor(&bytes, &mut out) {
                let parsed = serde_json::from_slice::<serde_json::Value>(&out);
                prop_assert!(parsed.is_ok(), "{:?}", String::from_utf8_lossy(&out));
                prop_assert!(!out.contains(&b'\n'));
            } else {
                prop_assert!(out.is_empty());
            }
        }
    }
}
