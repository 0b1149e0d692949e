//! The devices and modules that a connection speaks for: the hub's session of each, and its links.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::emulator::amqp::effect::LinkKey;
use crate::emulator::hub::command::{ListenerId, PlugAndPlay};
use crate::model::device::IdentityId;
use crate::protocol::amqp::performative::Attach;

/// The property of links with which clients name their model (Microsoft.Azure.Devices.Client, `AmqpIotSession.cs`; the Java
/// device client, `AmqpsSenderLinkHandler.java`).
const MODEL_ID: &str = "com.microsoft:model-id";

#[derive(Debug)]
struct Guest {
    identity: IdentityId,
    links: BTreeSet<LinkKey>,
    model: Option<Arc<str>>,
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
        let guest = Guest {
            identity,
            links: BTreeSet::new(),
            model: None,
        };
        self.guests.insert(session, guest);
    }

    /// One of its links may name its model.
    pub(super) fn learn_model(&mut self, session: ListenerId, attach: &Attach<'_>) {
        let named = attach.properties.and_then(|named| named.find(MODEL_ID));
        let model = named.and_then(|model| PlugAndPlay::model_of(model.as_str()?));
        if let Some(guest) = self.guests.get_mut(&session)
            && model.is_some()
        {
            guest.model = model;
        }
    }

    /// The model that it has named, if it speaks IoT Plug and Play.
    pub(super) fn model(&self, session: ListenerId) -> Option<&Arc<str>> {
        self.guests.get(&session)?.model.as_ref()
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
