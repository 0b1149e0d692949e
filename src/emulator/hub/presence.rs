//! Devices and modules come and go.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::command::{Credential, ListenerId, Notice, Reply};
use super::happening::Happening;
use super::sessions::Session;
use super::{Hub, Outcome, refusal};
use crate::model::device::IdentityId;

impl Hub {
    /// A device or module connects; an older connection of the same identity has to go.
    pub(super) fn open_session(
        &mut self,
        now: DateTime<Utc>,
        id: ListenerId,
        identity: IdentityId,
        credential: &Credential,
    ) -> Outcome {
        let (device, module) = (identity.device.as_str(), identity.module.as_deref());
        let path = identity.path();
        let (proven_by, expires) = self.authority.authorize_identity(
            &self.registry,
            now,
            Some(credential),
            (device, module),
            &path,
        )?;
        self.registry.note_token(device, module, expires);
        self.registry.touch(device, module, now);
        self.registry.set_connection(device, module, now, true);
        let session = Session {
            identity,
            proven_by,
            feeds: BTreeSet::new(),
        };
        let owner = session.identity.clone();
        let mut notices = self.sessions.open(id, session);
        let is_new = notices.is_empty();
        let older: Vec<ListenerId> = notices.iter().map(|(older, _)| *older).collect();
        for older in older {
            notices.extend(self.leave_messages(now, &owner, older));
        }
        if is_new {
            notices.extend(self.tell_of_connection(now, &owner, Happening::Connected));
        }
        Ok((Reply::Session { expires }, notices))
    }

    /// A connection has gone. What it stood for may be connected anew already, and stays so.
    pub(super) fn close_session(
        &mut self,
        now: DateTime<Utc>,
        id: ListenerId,
    ) -> Vec<(ListenerId, Notice)> {
        let Some(identity) = self.sessions.close(id) else {
            return Vec::new();
        };
        let (device, module) = (identity.device.as_str(), identity.module.as_deref());
        self.registry.touch(device, module, now);
        self.registry.set_connection(device, module, now, false);
        let mut notices = self.leave_messages(now, &identity, id);
        notices.extend(self.tell_of_connection(now, &identity, Happening::Disconnected));
        notices
    }

    /// Ends the sessions of a device that was deleted or disabled, of its modules, or of one of them.
    pub(super) fn dismiss(
        &mut self,
        now: DateTime<Utc>,
        device: &str,
        module: Option<&str>,
    ) -> Vec<(ListenerId, Notice)> {
        let refusal = refusal::wrong_authentication();
        let gone = self.sessions.evict(device, module);
        let mut notices = Vec::new();
        for (id, identity) in gone {
            let (device, module) = (identity.device.as_str(), identity.module.as_deref());
            self.registry.set_connection(device, module, now, false);
            notices.push((id, Notice::Dismissed(refusal.clone())));
            notices.extend(self.leave_messages(now, &identity, id));
            notices.extend(self.tell_of_connection(now, &identity, Happening::Disconnected));
        }
        notices
    }
}
