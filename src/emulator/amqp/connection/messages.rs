//! Messages to devices on their way in, and what the peer takes and settles on its way out.

use super::{Connection, Output};
use crate::emulator::amqp::effect::{Effect, LinkKey, Origin};
use crate::emulator::amqp::link::{Delivery, ReceiveCredit};
use crate::emulator::amqp::outlet::{Outlet, Parcel, Supply};
use crate::emulator::amqp::refusal::Objection;
use crate::emulator::amqp::session::{Session, Use};
use crate::emulator::amqp::{cloud_message, device_message};
use crate::emulator::hub::command::{
    CloudToDeviceOperation, Command, ListenerId, Outcome, Refusal, Reply, Side,
};
use crate::protocol::amqp::message::Message;
use crate::protocol::amqp::performative::error::condition;
use crate::protocol::amqp::performative::{
    AmqpError, Attach, DeliveryState, Disposition, Performative, Role,
};

impl Connection {
    /// The link on which a service sends to devices.
    pub(super) fn attach_messages(&mut self, key: LinkKey, attach: &Attach<'_>) -> Use {
        self.accept_link(key, attach);
        Use::Messages(self.first_credit(key, attach))
    }

    /// A link on which the peer takes messages and settles them.
    pub(super) fn attach_outlet(
        &mut self,
        key: LinkKey,
        supply: Supply,
        attach: &Attach<'_>,
    ) -> Use {
        self.accept_link(key, attach);
        self.effects.push_back(Effect::Register(key));
        Use::Outlet(Box::new(Outlet::new(supply, attach)))
    }

    /// Grants a sender its first credit.
    pub(super) fn first_credit(&mut self, key: LinkKey, attach: &Attach<'_>) -> ReceiveCredit {
        let mut credit = ReceiveCredit::new(attach.initial_delivery_count.unwrap_or(0));
        credit.renew();
        if let Some(session) = self.sessions.get(&key.channel) {
            let flow = credit.report(key.handle, session.windows.report());
            self.out.send(key.channel, &Performative::Flow(flow));
        }
        credit
    }

    /// An outlet has its listener.
    pub(super) fn outlet_registered(&mut self, key: LinkKey, listener: ListenerId) {
        if let Some(Use::Outlet(outlet)) = self.usage(key) {
            outlet.open(listener);
            self.readers.insert(listener, key);
        }
    }

    /// A message for a device has come.
    pub(super) fn take_message(&mut self, key: LinkKey, delivery: &Delivery) {
        self.renew_credit(key);
        let message = match Message::parse(&delivery.message) {
            Ok(message) => message,
            Err(error) => return self.detach_for(key, condition::DECODE_ERROR, &error.to_string()),
        };
        let origin = Origin::Sent {
            key,
            delivery: delivery.id,
            is_settled: delivery.settled,
        };
        match cloud_message::read(&message) {
            Ok((to, message)) => {
                let message = Box::new(message);
                let send = CloudToDeviceOperation::Send { to, message };
                self.ask(origin, Command::CloudToDevice(send));
            }
            Err(_) if delivery.settled => {}
            Err(reason) => self.reject(
                (Role::Receiver, key.channel, delivery.id),
                Objection::argument(reason),
            ),
        }
    }

    /// The hub has taken a message in, or not.
    pub(super) fn sent(
        &mut self,
        (channel, delivery): (u16, u32),
        is_settled: bool,
        answer: Result<Reply, Refusal>,
    ) {
        let place = (Role::Receiver, channel, delivery);
        match answer {
            _ if is_settled => {}
            Ok(_) => self.dispose(place, DeliveryState::Accepted),
            Err(refusal) => self.reject(place, refusal.into()),
        }
    }

    /// The hub has given something out, or nothing.
    pub(super) fn taken(&mut self, key: LinkKey, answer: Result<Reply, Refusal>) {
        let parcels = match answer {
            Ok(Reply::Feedback(given)) => given
                .iter()
                .map(|given| Parcel {
                    lock: given.lock,
                    encoded: cloud_message::write_feedback(given),
                })
                .collect(),
            Ok(Reply::FileNotification(given)) => given
                .iter()
                .map(|given| Parcel {
                    lock: given.lock,
                    encoded: cloud_message::write_file_notification(given),
                })
                .collect(),
            Ok(Reply::Messages(given)) => given
                .iter()
                .map(|given| Parcel {
                    lock: given.lock,
                    encoded: device_message::write(given),
                })
                .collect(),
            Ok(_) => Vec::new(),
            Err(refusal) => {
                let fault = self.word(refusal.into(), Side::Hub);
                return self.detach_with(key, &fault);
            }
        };
        if let Some(Use::Outlet(outlet)) = self.usage(key) {
            outlet.backlog.accept(parcels);
        }
    }

    /// Asks the hub to settle what the peer settles; false if that is nothing of an outlet's.
    pub(super) fn settle(&mut self, channel: u16, disposition: &Disposition<'_>) -> bool {
        let Some(outcome) = outcome(disposition) else {
            return false;
        };
        let Some(session) = self.sessions.get_mut(&channel) else {
            return false;
        };
        let mut is_meant = false;
        for link in session.links.values_mut() {
            let Use::Outlet(outlet) = &mut link.usage else {
                continue;
            };
            for (delivery, lock) in outlet.take_unsettled(disposition) {
                is_meant = true;
                let origin = Origin::Settled {
                    channel,
                    delivery,
                    outcome,
                    is_settled: disposition.settled,
                };
                let command = outlet.settle(lock, outcome);
                let ask = |command| Effect::Ask { origin, command };
                self.effects.extend(command.map(ask));
            }
        }
        is_meant
    }

    /// The hub has settled it, or not.
    pub(super) fn settled(
        &mut self,
        (channel, delivery): (u16, u32),
        outcome: Outcome,
        answer: Result<Reply, Refusal>,
    ) {
        let place = (Role::Sender, channel, delivery);
        let state = match outcome {
            Outcome::Complete => DeliveryState::Accepted,
            Outcome::Reject => DeliveryState::Rejected(None),
            Outcome::Abandon => DeliveryState::Released,
        };
        match answer {
            Ok(_) => self.dispose(place, state),
            Err(refusal) => self.reject(place, refusal.into()),
        }
    }

    pub(super) fn reject(&mut self, place: (Role, u16, u32), objection: Objection) {
        let fault = self.word(objection, Side::Hub);
        let error = AmqpError::new(&fault.condition, &fault.description);
        self.dispose(place, DeliveryState::Rejected(Some(error)));
    }

    pub(super) fn dispose(
        &mut self,
        (role, channel, delivery): (Role, u16, u32),
        state: DeliveryState<'_>,
    ) {
        let disposition = Disposition {
            role,
            first: delivery,
            last: Some(delivery),
            settled: true,
            state: Some(state),
            batchable: false,
        };
        if self.sessions.contains_key(&channel) {
            self.out
                .send(channel, &Performative::Disposition(disposition));
        }
    }
}

/// What the peer says of deliveries. Settled without a word they are as good as released.
fn outcome(disposition: &Disposition<'_>) -> Option<Outcome> {
    match disposition.state {
        Some(DeliveryState::Accepted) => Some(Outcome::Complete),
        Some(DeliveryState::Rejected(_)) => Some(Outcome::Reject),
        Some(DeliveryState::Released | DeliveryState::Modified { .. }) => Some(Outcome::Abandon),
        Some(DeliveryState::Received { .. } | DeliveryState::Other(_)) | None => {
            disposition.settled.then_some(Outcome::Abandon)
        }
    }
}

/// Brings one outlet forward; true if the output's mark held it back.
pub(super) fn advance(
    key: LinkKey,
    session: &mut Session,
    out: &mut Output,
    effects: &mut std::collections::VecDeque<Effect>,
    mark: usize,
) -> bool {
    let Session { windows, links } = session;
    let Some(Use::Outlet(outlet)) = links.get_mut(&key.handle).map(|link| &mut link.usage) else {
        return false;
    };
    let is_held_back = outlet.transmit(key, windows, out, mark);
    let ask = |origin, command| Effect::Ask { origin, command };
    let done = outlet.take_done().into_iter();
    effects.extend(done.map(|command| ask(Origin::Nobody, command)));
    if is_held_back {
        return true;
    }
    if outlet.backlog.is_drained() {
        let credit = &mut outlet.backlog.credit;
        let flow = credit.give_back(key.handle, windows.report());
        out.send(key.channel, &Performative::Flow(flow));
    }
    let fetch = outlet.fetch();
    effects.extend(fetch.map(|command| ask(Origin::Taken(key), command)));
    false
}
