//! The properties at the end of a topic: `name=value&name=value`, both percent-encoded.
//!
//! A name without `=` stands for a property without a value, one with nothing behind it for an empty value; `+` is a plus.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

use crate::protocol::sas::percent_encode;

/// A property as it stands in a bag, decoded: its name, and its value if it has one.
pub type Property<'a> = (Cow<'a, str>, Option<Cow<'a, str>>);

/// Writes properties in their order.
///
/// # Errors
/// Those of what is written to.
pub fn write<N: AsRef<str>, V: AsRef<str>>(
    out: &mut impl fmt::Write,
    properties: impl IntoIterator<Item = (N, Option<V>)>,
) -> fmt::Result {
    for (index, (name, value)) in properties.into_iter().enumerate() {
        if index > 0 {
            out.write_char('&')?;
        }
        out.write_str(&percent_encode(name.as_ref()))?;
        if let Some(value) = value {
            write!(out, "={}", percent_encode(value.as_ref()))?;
        }
    }
    Ok(())
}

/// Reads a bag. What has no name is passed over; what cannot be decoded stands as it is.
pub fn read(bag: &str) -> impl Iterator<Item = Property<'_>> {
    let parts = bag.split('&').map(|part| match part.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (part, None),
    });
    parts
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (decode(name), value.map(decode)))
}

/// The value of the first property of that name.
#[must_use]
pub fn find<'a>(bag: &'a str, name: &str) -> Option<Cow<'a, str>> {
    read(bag)
        .find(|(found, _)| found == name)
        .and_then(|(_, value)| value)
}

/// The same as it stands there, encoded or not.
#[must_use]
pub fn find_raw<'a>(bag: &'a str, name: &str) -> Option<&'a str> {
    let mut parts = bag.split('&').filter_map(|part| part.split_once('='));
    let found = parts.find(|(found, _)| decode(found) == name);
    found.map(|(_, value)| value)
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text)
        .decode_utf8()
        .unwrap_or(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            properties in prop::collection::vec(("\\PC{1,12}", prop::option::of("\\PC{0,12}")), 0..6)
        ) {
            let mut bag = String::new();
            write(&mut bag, properties.iter().map(|(name, value)| (name, value.as_ref()))).unwrap();
            prop_assert!(!bag.contains(['/', '+', '#', ' ', '$']));
            let found: Vec<_> = read(&bag)
                .map(|(name, value)| (name.into_owned(), value.map(Cow::into_owned)))
                .collect();
            prop_assert_eq!(found, properties);
        }

        #[test]
        fn no_bag_panics(bag in "[a&=%0-9$]*") {
            let _ = read(&bag).count();
        }
    }

    #[test]
    fn bags_are_read_as_the_sdks_write_them() {
        let read = |bag| {
            read(bag)
                .map(|(name, value)| (name.into_owned(), value.map(Cow::into_owned)))
                .collect::<Vec<_>>()
        };
        let property =
            |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        // The documentation's own example.
        assert_eq!(
            read("prop1&prop2=&prop3=a%20string"),
            [
                property("prop1", None),
                property("prop2", Some("")),
                property("prop3", Some("a string")),
            ]
        );
        assert_eq!(
            read("%24.ct=application%2Fjson&$.ce=utf-8&level=a+b=c"),
            [
                property("$.ct", Some("application/json")),
                property("$.ce", Some("utf-8")),
                property("level", Some("a+b=c")),
            ]
        );
        assert_eq!(read(""), []);
        assert_eq!(read("&&=x&"), []);
        assert_eq!(read("bad=%FF%2"), [property("bad", Some("%FF%2"))]);
        assert_eq!(find("a=1&b=2&b=3", "b").as_deref(), Some("2"));
        assert_eq!(find("a&b=2", "a"), None);
        assert_eq!(find_raw("a&%24rid=%2f:b&c=1", "$rid"), Some("%2f:b"));
        assert_eq!(find_raw("a&b=2", "a"), None);
    }
}
