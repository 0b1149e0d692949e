//! Messages that the peer takes one by one and settles: how many are fetched, how they go out, and which are not settled.

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

use crate::emulator::amqp::link::SendCredit;
use crate::emulator::amqp::output::{Delivery, Output, Payload};
use crate::emulator::amqp::windows::Windows;
use crate::emulator::hub::command::{
    CloudToDeviceOperation, Command, FeedbackOperation, ListenerId, Outcome,
};
use crate::protocol::amqp::performative::link::SEND_SETTLED;
use crate::protocol::amqp::performative::{Attach, Disposition};

/// Where the messages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supply {
    /// What became of messages to devices.
    Feedback,
    /// The queue of a device or module; the listener is its session.
    Messages,
    /// What became of uploads: nothing ever, as there are none.
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

/// One link's end.
#[derive(Debug)]
pub(super) struct Outlet {
    supply: Supply,
    /// Whether transfers go out settled: then what is sent is done.
    settled: bool,
    /// Who hears of more.
    listener: Option<ListenerId>,
    /// Whether the hub may have more.
    ready: bool,
    queue: VecDeque<Parcel>,
    /// Bytes of the queue's first message that have gone already.
    sent: usize,
    /// The number of the delivery that began last.
    delivery: u32,
    unsettled: BTreeMap<u32, Uuid>,
    /// What was sent settled, and the hub has yet to hear of.
    done: Vec<Uuid>,
    /// What the peer grants.
    pub(super) credit: SendCredit,
}

impl Outlet {
    /// An end without credit yet.
    pub(super) fn new(supply: Supply, attach: &Attach<'_>) -> Self {
        Self {
            supply,
            settled: attach.snd_settle_mode == Some(SEND_SETTLED),
            listener: None,
            ready: false,
            queue: VecDeque::new(),
            sent: 0,
            delivery: 0,
            unsettled: BTreeMap::new(),
            done: Vec::new(),
            credit: SendCredit::default(),
        }
    }

    /// Takes its listener's number.
    pub(super) fn open(&mut self, listener: ListenerId) {
        self.listener = Some(listener);
        self.ready = true;
    }

    /// Its listener's number, once it has one.
    pub(super) fn listener(&self) -> Option<ListenerId> {
        self.listener
    }

    /// The hub has, or may have, something to take.
    pub(super) fn wake(&mut self) {
        self.ready = true;
    }

    /// What to ask the hub for, if credit is left that no message will use up.
    pub(super) fn fetch(&self) -> Option<Command> {
        let listener = self.listener.filter(|_| self.ready)?;
        let begun = usize::from(self.sent > 0);
        let waiting = u32::try_from(self.queue.len() - begun).unwrap_or(u32::MAX);
        if self.credit.left() <= waiting {
            return None;
        }
        match self.supply {
            Supply::Feedback => Some(Command::Feedback(FeedbackOperation::Take { listener })),
            Supply::Messages => {
                let room = self.credit.left() - waiting;
                let take = CloudToDeviceOperation::Take {
                    session: listener,
                    max: usize::try_from(room).unwrap_or(usize::MAX),
                };
                Some(Command::CloudToDevice(take))
            }
            Supply::Files => None,
        }
    }

    /// Takes in what the hub gave. Nothing means that it will say when there is something.
    pub(super) fn accept(&mut self, given: Vec<Parcel>) {
        self.ready = !given.is_empty();
        self.queue.extend(given);
    }

    /// Sends what credit, the session's window and the output's mark allow; true if that mark held it back.
    pub(super) fn transmit(
        &mut self,
        channel: u16,
        handle: u32,
        windows: &mut Windows,
        out: &mut Output,
        mark: usize,
    ) -> bool {
        while let Some(parcel) = self.queue.front() {
            if out.len() >= mark {
                return true;
            }
            if !windows.may_send() || self.sent == 0 && self.credit.left() == 0 {
                return false;
            }
            if self.sent == 0 {
                self.credit.spend();
                self.delivery = windows.begin_delivery();
            }
            let delivery = Delivery {
                handle,
                id: self.delivery,
                tag: Some(parcel.lock.into_bytes()),
                is_settled: self.settled,
            };
            let payload = Payload::whole(&parcel.encoded);
            self.sent += out.transfer(channel, delivery, &payload, self.sent);
            windows.sent();
            if self.sent >= payload.len() {
                self.sent = 0;
                if self.settled {
                    self.done.push(parcel.lock);
                } else {
                    self.unsettled.insert(self.delivery, parcel.lock);
                }
                self.queue.pop_front();
            }
        }
        false
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
        let waiting = self.queue.iter().map(|parcel| parcel.lock);
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
        match self.supply {
            Supply::Feedback => Some(Command::Feedback(FeedbackOperation::SettleTaken {
                listener,
                lock,
                outcome,
            })),
            Supply::Messages => {
                let settle = CloudToDeviceOperation::SettleTaken {
                    session: listener,
                    lock,
                    outcome,
                };
                Some(Command::CloudToDevice(settle))
            }
            Supply::Files => None,
        }
    }

    /// Whether a draining peer has had all there is, so that what is left of its credit is to be given back.
    pub(super) fn is_drained(&self) -> bool {
        self.credit.is_draining()
            && self.sent == 0
            && (self.credit.left() == 0 || self.queue.is_empty() && !self.ready)
    }
}
