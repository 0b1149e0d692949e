//! The devices and modules that a connection speaks for: the hub's session of each, and its links.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::emulator::amqp::effect::LinkKey;
use crate::emulator::hub::command::ListenerId;
use crate::model::device::IdentityId;

#[derive(Debug)]
struct Guest {
    identity: IdentityId,
    links: BTreeSet<LinkKey>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Guests {
    guests: BTreeMap<ListenerId, Guest>,
    sessions: HashMap<IdentityId, ListenerId>,
}

impl Guests {
    /// The session of a device or module that is in.
    pub(super) fn find(&self, identity: &IdentityId) -> Option<ListenerId> {
        self.sessions.get(identity).copied()
    }

    /// The device that a session belongs to, by itself or by one of its modules.
    pub(super) fn device(&self, session: ListenerId) -> Option<&str> {
        let guest = self.guests.get(&session)?;
        Some(&guest.identity.device)
    }

    /// The hub has let a device or module in.
    pub(super) fn enter(&mut self, session: ListenerId, identity: IdentityId) {
        self.sessions.insert(identity.clone(), session);
        let links = BTreeSet::new();
        self.guests.insert(session, Guest { identity, links });
    }

    /// It has one link more.
    pub(super) fn add(&mut self, session: ListenerId, link: LinkKey) {
        if let Some(guest) = self.guests.get_mut(&session) {
            guest.links.insert(link);
        }
    }

    /// It has one link less; with its last one it goes. True if that was it.
    pub(super) fn remove(&mut self, session: ListenerId, link: LinkKey) -> bool {
        let Some(guest) = self.guests.get_mut(&session) else {
            return false;
        };
        guest.links.remove(&link);
        if !guest.links.is_empty() {
            return false;
        }
        self.sessions.remove(&guest.identity);
        self.guests.remove(&session);
        true
    }

    /// Whether it is a session of one of them.
    pub(super) fn has(&self, session: ListenerId) -> bool {
        self.guests.contains_key(&session)
    }

    /// The links of one of them.
    pub(super) fn links(&self, session: ListenerId) -> Vec<LinkKey> {
        let guest = self.guests.get(&session);
        guest.map_or_else(Vec::new, |guest| guest.links.iter().copied().collect())
    }
}
