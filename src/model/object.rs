//! JSON objects that are nothing else. A structure's derived reader takes an array as well, member by member in the order in
//! which they are declared, and no interface means that.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What is read from an object alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object<T>(pub T);

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Reads a member that has to be an object, for `deserialize_with`.
///
/// # Errors
/// The deserializer's own, for anything else.
pub fn read<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Object::deserialize(deserializer).map(|Object(read)| read)
}

/// The same for one that may be null.
///
/// # Errors
/// The deserializer's own, for anything else.
pub fn read_optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let read: Option<Object<T>> = Option::deserialize(deserializer)?;
    Ok(read.map(|Object(read)| read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Outer {
        #[serde(deserialize_with = "read")]
        one: Inner,
        #[serde(deserialize_with = "read_optional")]
        other: Option<Inner>,
        raw: Option<Box<RawValue>>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Inner {
        number: u8,
    }

    #[test]
    fn objects_are_read_and_arrays_are_not() {
        let outer = |text| serde_json::from_str(text).map(|Object(outer): Object<Outer>| outer);
        let read = outer(r#"{"one":{"number":1},"other":null,"raw":{"a": 1.0}}"#).unwrap();
        assert_eq!((read.one, read.other), (Inner { number: 1 }, None));
        assert_eq!(read.raw.unwrap().get(), r#"{"a": 1.0}"#);
        assert_eq!(
            outer(r#"{"other":{}}"#).unwrap().other,
            Some(Inner::default())
        );
        for bad in [
            "[]",
            "[{}]",
            "1",
            "null",
            r#"{"one":[1]}"#,
            r#"{"one":null}"#,
            r#"{"other":[]}"#,
        ] {
            assert!(outer(bad).is_err(), "{bad}");
        }
    }
}
