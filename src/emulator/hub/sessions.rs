//! Which devices and modules are connected: one connection each, and the newer one wins.
//!
//! Source: learn.microsoft.com, "Communicate with an IoT hub using MQTT" (a new connection closes the old one, 400027);
//! "Understand the identity registry" (connection state).

use std::collections::{BTreeSet, HashMap};

use super::command::{Feed, ListenerId, Notice};
use crate::model::device::IdentityId;

/// How a connected device or module has proven who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProvenBy {
    /// A token signed with a key of its own.
    OwnKey,
    /// A token signed with a policy's key.
    PolicyKey,
    /// A certificate.
    Certificate,
}

/// A device or module that is connected.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub identity: IdentityId,
    pub proven_by: ProvenBy,
    /// What it wants to be told of.
    pub feeds: BTreeSet<Feed>,
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: HashMap<ListenerId, Session>,
    connected: HashMap<IdentityId, ListenerId>,
    /// Those that had to give way, until their connections are gone.
    superseded: HashMap<ListenerId, Session>,
}

impl Sessions {
    /// Lets a device or module in, and tells its older connection to go.
    pub(super) fn open(&mut self, id: ListenerId, session: Session) -> Vec<(ListenerId, Notice)> {
        let identity = session.identity.clone();
        self.open.insert(id, session);
        let older = self.connected.insert(identity, id);
        let older = older.filter(|older| *older != id);
        let superseded = older.and_then(|older| Some((older, self.open.remove(&older)?)));
        superseded
            .map(|(older, session)| {
                self.superseded.insert(older, session);
                (older, Notice::Superseded)
            })
            .into_iter()
            .collect()
    }

    /// Ends a session; says whose it was, unless that one is connected anew already.
    pub(super) fn close(&mut self, id: ListenerId) -> Option<IdentityId> {
        self.superseded.remove(&id);
        let session = self.open.remove(&id)?;
        self.connected.remove(&session.identity);
        Some(session.identity)
    }

    /// Ends what a device or module, or a device's modules, have open.
    pub(super) fn evict(
        &mut self,
        device: &str,
        module: Option<&str>,
    ) -> Vec<(ListenerId, IdentityId)> {
        let is_gone = |identity: &IdentityId| {
            identity.device == device && (module.is_none() || identity.module.as_deref() == module)
        };
        let mut gone: Vec<ListenerId> = self
            .connected
            .iter()
            .filter(|(identity, _)| is_gone(identity))
            .map(|(_, id)| *id)
            .collect();
        gone.sort_unstable();
        let close = |id| Some((id, self.close(id)?));
        gone.into_iter().filter_map(close).collect()
    }

    /// A session that is open.
    pub(super) fn find(&self, id: ListenerId) -> Option<&Session> {
        self.open.get(&id)
    }

    /// A session that is open, or had to give way to a newer one and whose connection is not gone yet.
    pub(super) fn find_last(&self, id: ListenerId) -> Option<&Session> {
        self.find(id).or_else(|| self.superseded.get(&id))
    }

    /// Notes whether a session wants to be told of something; `None` for one that is not open.
    pub(super) fn listen(&mut self, id: ListenerId, feed: Feed, on: bool) -> Option<&Session> {
        let session = self.open.get_mut(&id)?;
        if on {
            session.feeds.insert(feed);
        } else {
            session.feeds.remove(&feed);
        }
        Some(session)
    }

    /// The session of a device or module, if it wants to be told of something.
    pub(super) fn listener(&self, identity: &IdentityId, feed: Feed) -> Option<ListenerId> {
        let id = self.connected.get(identity)?;
        let session = self.open.get(id)?;
        session.feeds.contains(&feed).then_some(*id)
    }

    /// How many devices are connected, by themselves or by one of their modules.
    pub(super) fn count_devices(&self) -> usize {
        let devices = self.connected.keys().map(|identity| &identity.device);
        devices.collect::<std::collections::HashSet<_>>().len()
    }
}
