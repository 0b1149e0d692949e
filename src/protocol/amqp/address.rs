//! Addresses of nodes on the hub and on its event hub, in every form that clients attach to.
//!
//! A full URL, a leading or trailing slash, the letter case of the fixed segments, and percent-encoding make no
//! difference. What the segments name (which entity exists, which partition) is not known here.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What would change the meaning of an address if it stood in a segment as it is.
const SEGMENT: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'/').add(b'?').add(b'#');

/// The node at which tokens are put.
pub const CBS: &str = "$cbs";
/// The last segment of management nodes.
pub const MANAGEMENT: &str = "$management";

/// One partition of an event hub, as seen by a consumer group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartitionAddress {
    /// The event hub's name.
    pub entity: String,
    /// `$Default`, or one that was made; letter case does not count.
    pub consumer_group: String,
    /// `0`, `1` and so on.
    pub partition: String,
}

/// The path without host, the fixed segments as the JavaScript and Python clients spell them.
impl fmt::Display for PartitionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            entity,
            consumer_group,
            partition,
        } = self;
        let [entity, consumer_group, partition] = [entity, consumer_group, partition]
            .map(|segment| utf8_percent_encode(segment, SEGMENT));
        write!(
            f,
            "{entity}/ConsumerGroups/{consumer_group}/Partitions/{partition}"
        )
    }
}

/// The node a link is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `$cbs`.
    Cbs,
    /// `$management`, or `{entity}/$management`.
    Management {
        /// The event hub, if the address names it.
        entity: Option<String>,
    },
    /// `{entity}/ConsumerGroups/{group}/Partitions/{n}`.
    Partition(PartitionAddress),
    /// The hub's `messages/events`, which redirects.
    HubEvents {
        /// What follows it, without slashes around: nothing, `$management`, or a partition's path. A redirect repeats it.
        suffix: String,
    },
    /// Anything else: the path without host and slashes around it, percent-encoding undone.
    Other(String),
}

impl Address {
    /// Reads an address; every text is one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (_, path) = split_url(text);
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(decoded)
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments[..] {
            [cbs] if cbs.eq_ignore_ascii_case(CBS) => Self::Cbs,
            [messages, events, ref suffix @ ..]
                if messages.eq_ignore_ascii_case("messages")
                    && events.eq_ignore_ascii_case("events") =>
            {
                Self::HubEvents {
                    suffix: suffix.join("/"),
                }
            }
            [management] if management.eq_ignore_ascii_case(MANAGEMENT) => {
                Self::Management { entity: None }
            }
            [ref entity @ .., management] if management.eq_ignore_ascii_case(MANAGEMENT) => {
                Self::Management {
                    entity: Some(entity.join("/")),
                }
            }
            [entity, groups, consumer_group, partitions, partition]
                if groups.eq_ignore_ascii_case("ConsumerGroups")
                    && partitions.eq_ignore_ascii_case("Partitions") =>
            {
                let [entity, consumer_group, partition] =
                    [entity, consumer_group, partition].map(str::to_owned);
                Self::Partition(PartitionAddress {
                    entity,
                    consumer_group,
                    partition,
                })
            }
            _ => Self::Other(segments.join("/")),
        }
    }
}

/// Host and port of a URL, or nothing, and the path without query. A text without a scheme is all path.
#[must_use]
pub fn split_url(text: &str) -> (Option<&str>, &str) {
    let Some((scheme, rest)) = text.split_once("://") else {
        return (None, text);
    };
    if scheme.is_empty() || scheme.contains('/') {
        return (None, text);
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    (
        Some(authority).filter(|authority| !authority.is_empty()),
        path,
    )
}

/// A segment with percent-encoding undone, unless that leaves no text.
pub(super) fn decoded(segment: &str) -> String {
    percent_decode_str(segment)
        .decode_utf8()
        .map_or_else(|_| segment.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn partition(entity: &str, group: &str, partition: &str) -> PartitionAddress {
        let [entity, consumer_group, partition] = [entity, group, partition].map(str::to_owned);
        PartitionAddress {
            entity,
            consumer_group,
            partition,
        }
    }

    #[test]
    fn reads_what_clients_attach_to() {
        let events = |suffix: &str| Address::HubEvents {
            suffix: suffix.to_owned(),
        };
        let management = |entity: Option<&str>| Address::Management {
            entity: entity.map(str::to_owned),
        };
        let own = Address::Partition(partition("hub", "$Default", "3"));
        for (text, address) in [
            ("$cbs", Address::Cbs),
            ("/$CBS/", Address::Cbs),
            ("$management", management(None)),
            ("hub/$management", management(Some("hub"))),
            (
                "amqps://ns.servicebus.windows.net:5671/hub/$management",
                management(Some("hub")),
            ),
            ("hub/ConsumerGroups/$Default/Partitions/3", own.clone()),
            (
                "amqps://ns.servicebus.windows.net/hub/ConsumerGroups/$Default/Partitions/3",
                own.clone(),
            ),
            (
                "sb://127.0.0.1:40123/hub/consumergroups/%24Default/partitions/3/",
                own,
            ),
            ("messages/events/", events("")),
            ("/messages/events", events("")),
            ("/messages/events/$management", events("$management")),
            (
                "amqps://h.azure-devices.net/messages/events/$management",
                events("$management"),
            ),
            (
                "messages/Events/ConsumerGroups/$Default/Partitions/0",
                events("ConsumerGroups/$Default/Partitions/0"),
            ),
            (
                "/devices/a%20b/messages/events",
                Address::Other("devices/a b/messages/events".to_owned()),
            ),
            ("", Address::Other(String::new())),
        ] {
            assert_eq!(Address::parse(text), address, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            entity in "[^/]{1,12}".prop_filter("hub's own", |entity| !entity.eq_ignore_ascii_case("messages")),
            group in "[^/]{1,12}",
            number in 0_u8..32,
            host in prop::option::of("[a-z.]{1,20}(:[0-9]{1,5})?"),
        ) {
            let own = partition(&entity, &group, &number.to_string());
            let path = own.to_string();
            let text = host.map_or_else(|| path.clone(), |host| format!("amqps://{host}/{path}"));
            prop_assert_eq!(Address::parse(&text), Address::Partition(own));
        }

        #[test]
        fn any_text_is_safe_to_read(text in ".*") {
            let _ = Address::parse(&text);
            let _ = split_url(&text);
        }
    }
}
