//! Those who want to know when something changes. What it is they find out themselves.

use super::command::{ListenerId, Notice};

/// Those who have not been told since they last asked.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    waiting: Vec<ListenerId>,
}

impl Watchers {
    /// Notes that someone wants to hear of the next change.
    pub(super) fn watch(&mut self, id: ListenerId) {
        if !self.waiting.contains(&id) {
            self.waiting.push(id);
        }
    }

    /// Whom to tell of a change.
    pub(super) fn wake(&mut self) -> Vec<(ListenerId, Notice)> {
        let told = self.waiting.drain(..);
        told.map(|id| (id, Notice::Available)).collect()
    }

    /// Forgets one; without effect for one that is not known.
    pub(super) fn leave(&mut self, id: ListenerId) {
        self.waiting.retain(|waiter| *waiter != id);
    }
}
