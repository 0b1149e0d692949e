//! Where the hub's servers and storage meet.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use crate::emulator::hub::command::TransferRequest;
use crate::emulator::storage::{Options, Storage};
use crate::protocol::sas::KeyError;

/// A job that is to be carried out.
#[derive(Debug)]
pub(in crate::emulator) struct Order {
    /// The hub's number for it.
    pub id: String,
    pub request: TransferRequest,
}

/// Storage, and whoever carries jobs out.
#[derive(Debug)]
pub(in crate::emulator) struct Dock {
    pub storage: Storage,
    orders: UnboundedSender<Order>,
    /// The job that was cancelled last; one is under way at a time.
    cancelled: watch::Sender<String>,
}

impl Dock {
    /// Opens one; the orders are for [`super::work`].
    pub(in crate::emulator) fn open(
        options: &Options,
    ) -> Result<(Self, UnboundedReceiver<Order>), KeyError> {
        let (orders, received) = unbounded_channel();
        let storage = Storage::new(options)?;
        let (cancelled, _) = watch::channel(String::new());
        let dock = Self {
            storage,
            orders,
            cancelled,
        };
        Ok((dock, received))
    }

    /// Has a job stopped, wherever it stands.
    pub(in crate::emulator) fn cancel(&self, id: &str) {
        self.cancelled.send_replace(id.to_owned());
    }

    /// Waits until this job is cancelled.
    pub(super) async fn cancelled(&self, id: &str) {
        let mut last = self.cancelled.subscribe();
        // It fails without a sender, and that is here.
        let _ = last.wait_for(|last| last == id).await;
    }

    /// Has a job carried out. The hub lets one be under way at a time.
    pub(in crate::emulator) fn order(&self, order: Order) {
        // Who carries jobs out goes when the emulator ends.
        let _ = self.orders.send(order);
    }
}
