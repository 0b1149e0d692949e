//! What the tokens of a connection have opened, or its certificate.
//!
//! The hub judges tokens; what stands here is what it granted, and until when. A certificate is as good as a token for any
//! device's or module's own, as long as no token is shown: whose it is, the hub says when the first link is there.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::emulator::hub::command::{Certificate, Credential, Grant, Side};
use crate::model::secret::Secret;

/// What a link is about, for comparison with what tokens open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    side: Side,
    /// The segments behind the host, in lower case.
    path: Vec<String>,
    /// Whether it is a device's or module's own; everything else is the service's.
    is_own: bool,
}

impl Resource {
    /// A path on one of the two hosts; slashes around it make no difference.
    pub(super) fn new(side: Side, path: &str) -> Self {
        Self {
            side,
            path: segments(path).collect(),
            is_own: false,
        }
    }

    /// A path that belongs to a device or module. Whether the token is one of its own is for the hub to say.
    pub(super) fn own(path: &str) -> Self {
        Self {
            is_own: true,
            ..Self::new(Side::Hub, path)
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
    grants: Vec<Granted>,
    /// What the peer has proven itself with below, until it shows a token.
    certificate: Option<Arc<Certificate>>,
}

#[derive(Debug)]
struct Granted {
    grant: Grant,
    /// The token that was shown for it; a namespace's key is not kept.
    token: Option<Secret>,
}

impl Access {
    /// Without a grant.
    pub(super) fn new(certificate: Option<Arc<Certificate>>) -> Self {
        Self {
            grants: Vec::new(),
            certificate,
        }
    }

    /// Whether it goes by a certificate.
    pub(super) fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    /// Adds a grant; one for the same scope is replaced. False if there are `limit` others already.
    pub(super) fn add(&mut self, grant: Grant, token: Secret, limit: usize) -> bool {
        self.grants
            .retain(|old| (old.grant.side, &old.grant.scope) != (grant.side, &grant.scope));
        let room = self.grants.len() < limit;
        if room {
            let token = Some(token).filter(|_| grant.side == Side::Hub);
            self.grants.push(Granted { grant, token });
            self.certificate = None;
        }
        room
    }

    /// The host that the newest grant is for.
    pub(super) fn side(&self) -> Option<Side> {
        self.grants.last().map(|held| held.grant.side)
    }

    /// Whether a link may be there: a grant's scope opens all that begins with its segments, and a certificate what is own.
    pub(super) fn opens(&self, resource: &Resource) -> bool {
        self.certificate_for(resource).is_some() || self.covering(resource).next().is_some()
    }

    /// What opens it: the newest token, or the certificate.
    pub(super) fn credential_for(&self, resource: &Resource) -> Option<Credential> {
        if let Some(certificate) = self.certificate_for(resource) {
            return Some(Credential::Certificate(Arc::clone(certificate)));
        }
        let tokens = self.covering(resource);
        let newest = tokens.filter_map(|held| held.token.as_ref()).last();
        newest.cloned().map(Credential::Token)
    }

    fn certificate_for(&self, resource: &Resource) -> Option<&Arc<Certificate>> {
        self.certificate.as_ref().filter(|_| resource.is_own)
    }

    fn covering(&self, resource: &Resource) -> impl Iterator<Item = &Granted> {
        self.grants.iter().filter(move |held| {
            let grant = &held.grant;
            let wanted = resource.path.iter().map(Some);
            (grant.may_read_events || resource.is_own)
                && grant.side == resource.side
                && grant_path(grant)
                    .zip(wanted.chain(std::iter::repeat(None)))
                    .all(|(granted, wanted)| {
                        wanted.is_some_and(|wanted| is_same(&granted, wanted, resource.is_own))
                    })
        })
    }

    /// Lets all of them end so many seconds sooner.
    pub(super) fn shorten(&mut self, seconds: i64) {
        for held in &mut self.grants {
            if let Some(end) = &mut held.grant.expires {
                *end = end.saturating_sub(seconds);
            }
        }
    }

    /// Forgets what has ended by then, in seconds since 1970; true if anything has.
    pub(super) fn expire(&mut self, now: i64) -> bool {
        let before = self.grants.len();
        self.grants
            .retain(|held| held.grant.expires.is_none_or(|end| end > now));
        self.grants.len() < before
    }

    /// When the next one ends, in seconds since 1970.
    pub(super) fn next_end(&self) -> Option<i64> {
        let ends = self.grants.iter().filter_map(|held| held.grant.expires);
        ends.min()
    }
}

/// The scope's segments behind the host, which the hub has looked at.
fn grant_path(grant: &Grant) -> impl Iterator<Item = String> {
    segments(&grant.scope).skip(1)
}

/// Whether two segments are one. The C# SDK encodes ids once more than the rest.
fn is_same(granted: &str, wanted: &str, is_own: bool) -> bool {
    let decoded = || percent_decode_str(granted).decode_utf8_lossy();
    granted == wanted || is_own && decoded().eq_ignore_ascii_case(wanted)
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

    fn shown() -> Secret {
        Secret::new("token")
    }

    fn opens(side: Side, scope: &str, path: &str) -> bool {
        let mut access = Access::default();
        access.add(grant(side, scope, 1), shown(), 1);
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
        access.add(grant(Side::Hub, "localhost", 1), shown(), 9);
        assert!(!access.opens(&resource));
        access.add(
            Grant {
                may_read_events: false,
                ..grant(Side::Namespace, "localhost", 1)
            },
            shown(),
            9,
        );
        assert!(!access.opens(&resource));
    }

    #[test]
    fn grants_end_and_are_replaced() {
        let mut access = Access::default();
        let resource = Resource::new(Side::Namespace, "ehub");
        assert!(access.add(grant(Side::Namespace, "ns/ehub", 10), shown(), 1));
        assert!(!access.add(grant(Side::Namespace, "ns/other", 10), shown(), 1));
        assert!(access.add(grant(Side::Namespace, "ns/ehub", 20), shown(), 1));
        assert_eq!(access.next_end(), Some(20));
        assert!(!access.expire(19) && access.opens(&resource));
        assert!(access.expire(20) && access.next_end().is_none());
    }

    #[test]
    fn a_devices_own_links_need_its_token_and_no_right_of_the_services() {
        let own = |scope, path| {
            let mut access = Access::default();
            let grant = Grant {
                may_read_events: false,
                ..grant(Side::Hub, scope, 1)
            };
            access.add(grant, shown(), 1);
            let resource = Resource::own(path);
            assert_eq!(
                access.credential_for(&resource).is_some(),
                access.opens(&resource)
            );
            assert!(!access.opens(&Resource::new(Side::Hub, path)));
            access.opens(&resource)
        };
        let events = "devices/a:b/messages/events";
        for scope in ["localhost", "localhost/devices/A:b", "h/devices/a%3Ab"] {
            assert!(own(scope, events), "{scope}");
        }
        for scope in ["localhost/devices/a", "h/devices/a:b/modules/m"] {
            assert!(!own(scope, events), "{scope}");
        }
    }
}
