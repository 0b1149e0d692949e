//! Messages that the peer takes one by one and settles: how many are fetched, how they go out, and which are not settled.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::emulator::amqp::backlog::{Backlog, Waiting};
use crate::emulator::amqp::effect::LinkKey;
use crate::emulator::amqp::output::Output;
use crate::emulator::amqp::windows::Windows;
use crate::emulator::hub::command::{
    CloudToDeviceOperation, Command, FeedbackOperation, ListenerId, Outcome,
};
use crate::protocol::amqp::performative::{Attach, Disposition};

/// Where the messages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supply {
    /// What became of messages to devices.
    Feedback,
    /// The queue of a device or module; the listener is its session.
    Messages,
    /// Files that devices have uploaded.
    Files,
}

/// A message that waits to be sent.
#[derive(Debug)]
pub(super) struct Parcel {
    /// What it is settled with.
    pub(super) lock: Uuid,
    /// All its sections.
    pub(super) encoded: Vec<u8>,
}

impl Waiting for Parcel {
    fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    fn tag(&self) -> Option<[u8; 16]> {
        Some(self.lock.into_bytes())
    }
}

/// One link's end.
#[derive(Debug)]
pub(super) struct Outlet {
    supply: Supply,
    /// Who hears of more.
    listener: Option<ListenerId>,
    unsettled: BTreeMap<u32, Uuid>,
    /// What was sent settled, and the hub has yet to hear of.
    done: Vec<Uuid>,
    /// Its messages.
    pub(super) backlog: Backlog<Parcel>,
}

impl Outlet {
    /// An end without credit yet.
    pub(super) fn new(supply: Supply, attach: &Attach<'_>) -> Self {
        Self {
            supply,
            listener: None,
            unsettled: BTreeMap::new(),
            done: Vec::new(),
            backlog: Backlog::new(attach),
        }
    }

    /// Takes its listener's number.
    pub(super) fn open(&mut self, listener: ListenerId) {
        self.listener = Some(listener);
        self.backlog.wake();
    }

    /// Its listener's number, once it has one.
    pub(super) fn listener(&self) -> Option<ListenerId> {
        self.listener
    }

    /// What to ask the hub for, if credit is left that no message will use up.
    pub(super) fn fetch(&self) -> Option<Command> {
        let listener = self.listener?;
        let room = self.backlog.room();
        if room == 0 {
            return None;
        }
        let take = FeedbackOperation::Take { listener };
        Some(match self.supply {
            Supply::Feedback => Command::Feedback(take),
            Supply::Files => Command::FileNotifications(take),
            Supply::Messages => Command::CloudToDevice(CloudToDeviceOperation::Take {
                session: listener,
                max: usize::try_from(room).unwrap_or(usize::MAX),
            }),
        })
    }

    /// As [`Backlog::transmit`]; notes what is then to be settled, or is done.
    pub(super) fn transmit(
        &mut self,
        key: LinkKey,
        windows: &mut Windows,
        out: &mut Output,
        mark: usize,
    ) -> bool {
        let is_settled = self.backlog.is_settled();
        let gone = |delivery, parcel: &Parcel| {
            if is_settled {
                self.done.push(parcel.lock);
            } else {
                self.unsettled.insert(delivery, parcel.lock);
            }
        };
        self.backlog.transmit(key, windows, out, mark, &[], gone)
    }

    /// Commands for what was sent settled since this was last called.
    pub(super) fn take_done(&mut self) -> Vec<Command> {
        let done = std::mem::take(&mut self.done);
        let complete = |lock| self.settle(lock, Outcome::Complete);
        done.into_iter().filter_map(complete).collect()
    }

    /// The deliveries of this link that the peer says something of, which are then settled.
    pub(super) fn take_unsettled(&mut self, disposition: &Disposition<'_>) -> Vec<(u32, Uuid)> {
        let last = disposition.last.unwrap_or(disposition.first);
        let meant: Vec<u32> = self
            .unsettled
            .keys()
            .copied()
            // Numbers wrap around.
            .filter(|id| id.wrapping_sub(disposition.first) <= last.wrapping_sub(disposition.first))
            .collect();
        let take = |id| Some((id, self.unsettled.remove(&id)?));
        meant.into_iter().filter_map(take).collect()
    }

    /// Commands that give back what a device has not settled, and the listener for whom it was taken.
    pub(super) fn give_back(&self) -> Vec<Command> {
        let waiting = self.backlog.iter().map(|parcel| parcel.lock);
        let locks = self.unsettled.values().copied().chain(waiting);
        let abandon = |lock| self.settle(lock, Outcome::Abandon);
        locks.filter_map(abandon).collect()
    }

    /// Where its messages come from.
    pub(super) fn supply(&self) -> Supply {
        self.supply
    }

    /// The command that says what has become of a message.
    pub(super) fn settle(&self, lock: Uuid, outcome: Outcome) -> Option<Command> {
        let listener = self.listener?;
        let settle = FeedbackOperation::SettleTaken {
            listener,
            lock,
            outcome,
        };
        Some(match self.supply {
            Supply::Feedback => Command::Feedback(settle),
            Supply::Files => Command::FileNotifications(settle),
            Supply::Messages => Command::CloudToDevice(CloudToDeviceOperation::SettleTaken {
                session: listener,
                lock,
                outcome,
            }),
        })
    }
}
