//! What an address means here: who may attach to it in which role, and what a token must open for that.

use crate::emulator::amqp::access::Resource;
use crate::emulator::amqp::effect::RequestNode;
use crate::emulator::amqp::outlet::Supply;
use crate::emulator::amqp::refusal::Objection;
use crate::emulator::hub::command::Side;
use crate::protocol::amqp::address::{Address, MANAGEMENT, PartitionAddress};
use crate::protocol::amqp::identity_address::{IdentityAddress, IdentityNode};
use crate::protocol::amqp::performative::{Attach, Role};

/// What a link is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// `$cbs` or `$management`: the peer's end decides whether requests or replies flow.
    Requests(RequestNode),
    /// A partition, to be read.
    Partition(PartitionAddress),
    /// `messages/devicebound`: messages to devices are sent there.
    CloudToDevice,
    /// A device's or module's own.
    Own(IdentityAddress),
    /// What the service takes and settles.
    Outlet(Supply),
    /// `messages/events` on the hub's side, with what followed it: to be found elsewhere.
    Redirected(String),
}

/// A node and what a token must open for it; `$cbs` needs none.
pub(super) type Place = (Node, Option<Resource>);

/// Where the server stands, as this connection sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here<'a> {
    /// The Event Hub-compatible name.
    pub(super) entity: &'a str,
    /// The host that the peer seems to speak with, for the wording of a refusal.
    pub(super) side: Side,
    /// The host that it named.
    pub(super) host: &'a str,
}

/// Finds the node that an attach asks for.
pub(super) fn find(attach: &Attach<'_>, here: Here<'_>) -> Result<Place, Objection> {
    let entity = here.entity;
    let text = match attach.role {
        Role::Sender => attach.target.and_then(|target| target.address),
        Role::Receiver => attach.source.and_then(|source| source.address),
    };
    let text = text.unwrap_or_default();
    match Address::parse(text) {
        Address::Cbs => Ok((Node::Requests(RequestNode::Cbs), None)),
        Address::Management { entity: named } => {
            let path = format!("{}/{MANAGEMENT}", named.as_deref().unwrap_or(entity));
            if !is_own(named.as_deref(), entity) {
                return Err(not_found(here, &path));
            }
            let resource = Resource::new(Side::Namespace, &path);
            Ok((Node::Requests(RequestNode::Management), Some(resource)))
        }
        Address::HubEvents { suffix } => {
            let resource = Resource::new(Side::Hub, &format!("messages/events/{suffix}"));
            Ok((Node::Redirected(suffix), Some(resource)))
        }
        Address::Partition(address) if !is_own(Some(&address.entity), entity) => {
            Err(not_found(here, &address.entity))
        }
        Address::Partition(address) if attach.role == Role::Receiver => {
            let resource = Resource::new(Side::Namespace, &address.to_string());
            Ok((Node::Partition(address), Some(resource)))
        }
        Address::Partition(_) => Err(Objection::not_implemented(text)),
        Address::Other(_) if let Some(address) = own(text, attach.role) => {
            let resource = Resource::own(&address.path());
            Ok((Node::Own(address), Some(resource)))
        }
        Address::Other(path) if is_device_bound(&path) && attach.role == Role::Sender => {
            let resource = Resource::new(Side::Hub, &path);
            Ok((Node::CloudToDevice, Some(resource)))
        }
        Address::Other(path) if attach.role == Role::Receiver && supply(&path).is_some() => {
            let resource = Resource::new(Side::Hub, &path);
            let node = supply(&path).map(Node::Outlet);
            let node = node.ok_or_else(|| not_found(here, text))?;
            Ok((node, Some(resource)))
        }
        Address::Other(path) if is_served_elsewhere(text, &path, entity) => {
            Err(Objection::not_implemented(text))
        }
        Address::Other(_) => Err(not_found(here, text)),
    }
}

/// Whether a name, if there is one, is the entity's.
fn is_own(named: Option<&str>, entity: &str) -> bool {
    named.is_none_or(|named| named.eq_ignore_ascii_case(entity))
}

fn not_found(here: Here<'_>, address: &str) -> Objection {
    if address.contains("://") {
        return Objection::not_found(here.side, address);
    }
    let scheme = match here.side {
        Side::Hub => "amqps",
        Side::Namespace => "sb",
    };
    let address = address.trim_start_matches('/');
    Objection::not_found(here.side, &format!("{scheme}://{}/{address}", here.host))
}

/// What of a device's or module's own it is, if this end of the link may be there.
fn own(text: &str, role: Role) -> Option<IdentityAddress> {
    let address = IdentityAddress::parse(text)?;
    let is_fit = match address.node {
        IdentityNode::Events => role == Role::Sender,
        IdentityNode::DeviceBound => role == Role::Receiver,
        IdentityNode::Twin | IdentityNode::Methods => true,
    };
    is_fit.then_some(address)
}

/// Whether it is where a service sends to devices.
fn is_device_bound(path: &str) -> bool {
    path.eq_ignore_ascii_case("messages/devicebound")
}

/// What the service takes from this path.
fn supply(path: &str) -> Option<Supply> {
    [
        ("messages/servicebound/feedback", Supply::Feedback),
        ("messages/servicebound/filenotifications", Supply::Files),
    ]
    .into_iter()
    .find_map(|(known, supply)| path.eq_ignore_ascii_case(known).then_some(supply))
}

/// Whether the services have a node of this path, though the emulator does not.
fn is_served_elsewhere(text: &str, path: &str, entity: &str) -> bool {
    let is_stream = path
        .rsplit_once('/')
        .is_some_and(|(_, last)| last.eq_ignore_ascii_case("streams"));
    let mut segments = path.split('/');
    let first = segments.next().unwrap_or_default();
    let second = segments.next();
    // One of a device's own that is asked for from the wrong end is no other than it is.
    first.eq_ignore_ascii_case("devices") && (is_stream || IdentityAddress::parse(text).is_some())
        || first.eq_ignore_ascii_case("messages")
            && second.is_some_and(|second| {
                ["devicebound", "servicebound"]
                    .iter()
                    .any(|known| second.eq_ignore_ascii_case(known))
            })
        || first.eq_ignore_ascii_case(entity) && second.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::performative::{Source, Target};

    fn find_as(role: Role, address: &str) -> Result<Place, Objection> {
        let attach = Attach {
            source: Some(Source::at(address)),
            target: Some(Target::at(address)),
            ..Attach::new("l", 0, role)
        };
        let here = Here {
            entity: "ehub",
            side: Side::Hub,
            host: "hub",
        };
        find(&attach, here)
    }

    #[test]
    fn names_what_a_token_must_open() {
        let path = |role, address: &str| {
            let (_, resource) = find_as(role, address).unwrap();
            resource.map(|resource| (resource.side(), resource.path()))
        };
        assert_eq!(path(Role::Sender, "$cbs"), None);
        for address in [
            "$management",
            "ehub/$management",
            "amqps://ns/ehub/$management",
        ] {
            assert_eq!(
                path(Role::Sender, address),
                Some((Side::Namespace, "ehub/$management".to_owned()))
            );
        }
        let hub = |path: &str| Some((Side::Hub, path.to_owned()));
        for address in ["/messages/deviceBound", "amqps://hub/messages/devicebound"] {
            assert_eq!(path(Role::Sender, address), hub("messages/devicebound"));
        }
        assert_eq!(
            path(Role::Receiver, "/messages/serviceBound/feedback"),
            hub("messages/servicebound/feedback")
        );
        for (role, address, own) in [
            (
                Role::Sender,
                "/devices/a%20b/messages/events",
                "devices/a b/messages/events",
            ),
            (
                Role::Receiver,
                "amqps://hub/devices/d/modules/M/messages/deviceBound",
                "devices/d/modules/m/messages/devicebound",
            ),
        ] {
            assert_eq!(path(role, address), hub(own));
        }
        assert_eq!(
            path(Role::Receiver, "messages/events/"),
            Some((Side::Hub, "messages/events".to_owned()))
        );
        assert_eq!(
            path(Role::Receiver, "ehub/ConsumerGroups/$Default/Partitions/1"),
            Some((
                Side::Namespace,
                "ehub/consumergroups/$default/partitions/1".to_owned()
            ))
        );
    }

    #[test]
    fn tells_what_is_missing_from_what_is_unknown() {
        for address in [
            "/devices/a%20b/streams",
            "/devices/a%20b/messages/devicebound",
            "/messages/serviceBound/feedback",
            "ehub",
        ] {
            assert_eq!(
                find_as(Role::Sender, address),
                Err(Objection::not_implemented(address))
            );
        }
        for address in [
            "",
            "other",
            "messages",
            "devices",
            "messages/x",
            "other/$management",
            "devices/d1",
            "devices/d1/foo",
            "devices/d1/modules/m/foo",
        ] {
            assert_eq!(
                find_as(Role::Receiver, address),
                Err(Objection::not_found(
                    Side::Hub,
                    &format!("amqps://hub/{address}")
                ))
            );
        }
    }
}
