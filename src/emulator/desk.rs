//! What all servers of a hub have in common.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::clock::Clock;
use super::connections::Connections;
use super::driver::HubHandle;
use super::fault::Mischief;
use super::transfer::Dock;

/// What requests are answered from, and all that can be made to misbehave.
#[derive(Debug)]
pub(super) struct Desk {
    /// The hub's clock.
    pub clock: Clock,
    /// What goes wrong.
    pub mischief: Mischief,
    /// Who is connected.
    pub connections: Connections,
    /// The hub.
    pub hub: HubHandle,
    /// The way to storage.
    pub dock: Arc<Dock>,
    /// Held while what goes wrong is changed, one change after another: each looks at what was before.
    pub turn: Mutex<()>,
}

impl Desk {
    /// One for this hub.
    pub(super) fn new(
        clock: Clock,
        mischief: Mischief,
        connections: Connections,
        hub: HubHandle,
        dock: Arc<Dock>,
    ) -> Self {
        Self {
            clock,
            mischief,
            connections,
            hub,
            dock,
            turn: Mutex::new(()),
        }
    }
}
