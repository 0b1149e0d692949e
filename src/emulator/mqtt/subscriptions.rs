//! What a client has subscribed to, and what is remembered of it from one connection to the next.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::model::device::IdentityId;
use crate::protocol::mqtt::packet::QoS;
use crate::protocol::mqtt::topic::Filter;

/// What one client has subscribed to, and whether each message is to be acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Subscriptions([Option<bool>; Filter::ALL.len()]);

impl Subscriptions {
    /// Subscribes, anew where it has already; says what is granted.
    pub(super) fn add(&mut self, filter: Filter, wanted: QoS) -> QoS {
        // QoS 2 is granted as 1.
        let is_acknowledged = wanted != QoS::AtMostOnce;
        if let Some(place) = self.0.get_mut(place(filter)) {
            *place = Some(is_acknowledged);
        }
        self.granted(filter).unwrap_or(QoS::AtMostOnce)
    }

    /// Whether it has subscribed.
    pub(super) fn has(self, filter: Filter) -> bool {
        self.0.get(place(filter)).is_some_and(Option::is_some)
    }

    /// What was granted, where it has subscribed.
    pub(super) fn granted(self, filter: Filter) -> Option<QoS> {
        let is_acknowledged = self.0.get(place(filter)).copied().flatten()?;
        Some(if is_acknowledged {
            QoS::AtLeastOnce
        } else {
            QoS::AtMostOnce
        })
    }

    /// Subscribes no longer.
    pub(super) fn remove(&mut self, filter: Filter) {
        if let Some(place) = self.0.get_mut(place(filter)) {
            *place = None;
        }
    }
}

fn place(filter: Filter) -> usize {
    let found = Filter::ALL.iter().position(|known| *known == filter);
    found.unwrap_or(Filter::ALL.len())
}

/// What is remembered of the clients that do not start anew each time (clean session 0).
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<HashMap<IdentityId, Subscriptions>>);

impl Remembered {
    /// What is known of a client that connects. One that starts anew is forgotten.
    pub(super) fn recall(&self, identity: &IdentityId, starts_anew: bool) -> Option<Subscriptions> {
        let mut all = self.all();
        if starts_anew {
            all.remove(identity);
        }
        all.get(identity).copied()
    }

    /// Remembers a client.
    pub(super) fn keep(&self, identity: IdentityId, subscriptions: Subscriptions) {
        self.all().insert(identity, subscriptions);
    }

    /// Forgets a client that is no more.
    pub(super) fn forget(&self, identity: &IdentityId) {
        self.all().remove(identity);
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<IdentityId, Subscriptions>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
