//! What the tokens of a connection have opened.
//!
//! The hub judges tokens; what stands here is what it granted, and until when.

use crate::emulator::hub::command::{Grant, Side};

/// What a link is about, for comparison with what tokens open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    side: Side,
    /// The segments behind the host, in lower case.
    path: Vec<String>,
}

impl Resource {
    /// A path on one of the two hosts; slashes around it make no difference.
    pub(super) fn new(side: Side, path: &str) -> Self {
        Self {
            side,
            path: segments(path).collect(),
        }
    }

    /// The host that it belongs to.
    pub(super) fn side(&self) -> Side {
        self.side
    }

    /// As the service writes it when it refuses, without the host.
    pub(super) fn path(&self) -> String {
        self.path.join("/")
    }
}

fn segments(path: &str) -> impl Iterator<Item = String> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(str::to_ascii_lowercase)
}

/// The grants of one connection.
#[derive(Debug, Default)]
pub(super) struct Access {
    grants: Vec<Grant>,
}

impl Access {
    /// Adds a grant; one for the same scope is replaced. False if there are `limit` others already.
    pub(super) fn add(&mut self, grant: Grant, limit: usize) -> bool {
        self.grants
            .retain(|old| (old.side, &old.scope) != (grant.side, &grant.scope));
        let room = self.grants.len() < limit;
        if room {
            self.grants.push(grant);
        }
        room
    }

    /// The host that the newest grant is for.
    pub(super) fn side(&self) -> Option<Side> {
        self.grants.last().map(|grant| grant.side)
    }

    /// Whether events may be read there: a grant's scope opens all that begins with its segments.
    pub(super) fn opens(&self, resource: &Resource) -> bool {
        self.grants.iter().any(|grant| {
            grant.may_read_events
                && grant.side == resource.side
                && grant_path(grant)
                    .zip(
                        resource
                            .path
                            .iter()
                            .map(Some)
                            .chain(std::iter::repeat(None)),
                    )
                    .all(|(granted, wanted)| Some(&granted) == wanted)
        })
    }

    /// Forgets what has ended by then, in seconds since 1970; true if anything has.
    pub(super) fn expire(&mut self, now: i64) -> bool {
        let before = self.grants.len();
        self.grants
            .retain(|grant| grant.expires.is_none_or(|end| end > now));
        self.grants.len() < before
    }

    /// When the next one ends, in seconds since 1970.
    pub(super) fn next_end(&self) -> Option<i64> {
        self.grants.iter().filter_map(|grant| grant.expires).min()
    }
}

/// The scope's segments behind the host, which the hub has looked at.
fn grant_path(grant: &Grant) -> impl Iterator<Item = String> {
    segments(&grant.scope).skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(side: Side, scope: &str, expires: i64) -> Grant {
        Grant {
            side,
            scope: scope.to_owned(),
            expires: Some(expires),
            may_read_events: true,
        }
    }

    fn opens(side: Side, scope: &str, path: &str) -> bool {
        let mut access = Access::default();
        access.add(grant(side, scope, 1), 1);
        access.opens(&Resource::new(side, path))
    }

    #[test]
    fn a_scope_opens_what_begins_with_its_segments() {
        let partition = "Ehub/ConsumerGroups/$Default/Partitions/0";
        for scope in [
            "localhost",
            "localhost:5671/ehub/",
            "ns/ehub/consumergroups/$default",
            "ns/EHUB/ConsumerGroups/$Default/Partitions/0",
        ] {
            assert!(opens(Side::Namespace, scope, partition), "{scope}");
        }
        for scope in [
            "ns/eh",
            "ns/ehub/$management",
            "ns/ehub/ConsumerGroups/$Default/Partitions/0/x",
        ] {
            assert!(!opens(Side::Namespace, scope, partition), "{scope}");
        }
        assert!(opens(
            Side::Namespace,
            "ns/ehub/$management",
            "/ehub/$management"
        ));
        assert!(opens(
            Side::Hub,
            "hub/messages/events",
            "messages/events/$management"
        ));
    }

    #[test]
    fn the_other_host_and_other_rights_open_nothing() {
        let mut access = Access::default();
        let resource = Resource::new(Side::Namespace, "ehub");
        access.add(grant(Side::Hub, "localhost", 1), 9);
        assert!(!access.opens(&resource));
        access.add(
            Grant {
                may_read_events: false,
                ..grant(Side::Namespace, "localhost", 1)
            },
            9,
        );
        assert!(!access.opens(&resource));
    }

    #[test]
    fn grants_end_and_are_replaced() {
        let mut access = Access::default();
        let resource = Resource::new(Side::Namespace, "ehub");
        assert!(access.add(grant(Side::Namespace, "ns/ehub", 10), 1));
        assert!(!access.add(grant(Side::Namespace, "ns/other", 10), 1));
        assert!(access.add(grant(Side::Namespace, "ns/ehub", 20), 1));
        assert_eq!(access.next_end(), Some(20));
        assert!(!access.expire(19) && access.opens(&resource));
        assert!(access.expire(20) && access.next_end().is_none());
    }
}
