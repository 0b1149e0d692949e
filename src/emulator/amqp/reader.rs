//! A partition's events on their way to one reader: how many are fetched, and how they become transfers.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::emulator::amqp::link::SendCredit;
use crate::emulator::amqp::output::{Delivery, Output, Payload};
use crate::emulator::amqp::windows::Windows;
use crate::emulator::hub::command::{Command, ListenerId, PartitionState, StoredEvent};
use crate::protocol::amqp::address::PartitionAddress;
use crate::protocol::amqp::encoding::skip;
use crate::protocol::amqp::filter::{Position, PositionError};
use crate::protocol::amqp::message::MessageWriter;
use crate::protocol::amqp::performative::Attach;
use crate::protocol::amqp::performative::link::SEND_SETTLED;

/// The most events that are fetched at once.
const BATCH: u32 = 512;

/// The link property that makes a reader the owner of its partition.
const EPOCH: &str = "com.microsoft:epoch";
/// The link property with the reader's own name.
const RECEIVER_NAME: &str = "com.microsoft:receiver-name";
/// The capability that a reader asks for to hear of what was enqueued last.
const RUNTIME_METRIC: &str = "com.microsoft:enable-receiver-runtime-metric";

/// One reader's end of a link.
#[derive(Debug)]
pub(super) struct Reader {
    address: PartitionAddress,
    position: Position,
    epoch: Option<i64>,
    name: Option<String>,
    /// Whether transfers go out settled.
    settled: bool,
    /// Whether each event tells what was enqueued last.
    tells_last: bool,
    /// The hub's number for it, once it is open.
    id: Option<ListenerId>,
    /// Whether the hub may have more.
    ready: bool,
    queue: VecDeque<Arc<StoredEvent>>,
    /// Bytes of the queue's first event, annotations included, that have gone already.
    sent: usize,
    /// The number of the delivery that began last.
    delivery: u32,
    /// The annotations that are put into each event, encoded.
    annotations: Vec<u8>,
    /// What the peer grants.
    pub(super) credit: SendCredit,
}

impl Reader {
    /// The reader that an attach asks for. Without a filter it begins with the oldest event.
    pub(super) fn new(
        address: PartitionAddress,
        attach: &Attach<'_>,
    ) -> Result<Self, PositionError> {
        let filter = attach.source.and_then(|source| source.filter);
        let position = filter.as_ref().map(Position::from_filter).transpose()?;
        let property = |name: &str| attach.properties.and_then(|map| map.find(name));
        Ok(Self {
            address,
            position: position.flatten().unwrap_or(Position::Earliest),
            epoch: property(EPOCH).and_then(|epoch| epoch.as_i64()),
            name: property(RECEIVER_NAME)
                .and_then(|name| name.as_str())
                .map(str::to_owned),
            settled: attach.snd_settle_mode == Some(SEND_SETTLED),
            tells_last: attach.desired_capabilities.contains(RUNTIME_METRIC),
            id: None,
            ready: false,
            queue: VecDeque::new(),
            sent: 0,
            delivery: 0,
            annotations: Vec::new(),
            credit: SendCredit::default(),
        })
    }

    /// Takes its number, and gives the command that opens it.
    pub(super) fn open(&mut self, reader: ListenerId) -> Command {
        self.id = Some(reader);
        Command::OpenReader {
            reader,
            group: self.address.consumer_group.clone(),
            partition: self.address.partition.clone(),
            position: self.position.clone(),
            epoch: self.epoch,
            name: self.name.clone(),
        }
    }

    /// The hub's number for it.
    pub(super) fn id(&self) -> Option<ListenerId> {
        self.id
    }

    /// The hub has, or may have, something to read.
    pub(super) fn wake(&mut self) {
        self.ready = true;
    }

    /// What to ask the hub for, if credit is left that no fetched event will use up.
    pub(super) fn fetch(&self) -> Option<(ListenerId, usize)> {
        let begun = usize::from(self.sent > 0);
        let waiting = u32::try_from(self.queue.len() - begun).unwrap_or(u32::MAX);
        let room = self.credit.left().saturating_sub(waiting).min(BATCH);
        let max = usize::try_from(room).unwrap_or(0);
        self.id
            .filter(|_| self.ready && max > 0)
            .map(|id| (id, max))
    }

    /// What to ask the hub for before the events, for a reader that wants to hear of what was enqueued last.
    pub(super) fn ask_last(&self) -> Option<Command> {
        self.tells_last.then(|| Command::DescribePartition {
            partition: self.address.partition.clone(),
        })
    }

    /// Notes what was enqueued last, for the events that are sent from now on.
    pub(super) fn note_last(&mut self, state: &PartitionState, now: DateTime<Utc>) {
        // An event that has begun must end with the bytes it began with.
        if self.sent > 0 {
            return;
        }
        self.annotations.clear();
        MessageWriter::new(&mut self.annotations).delivery_annotations(|w| {
            w.symbol("last_enqueued_sequence_number");
            w.long(state.last_sequence_number);
            w.symbol("last_enqueued_offset");
            w.string(&state.last_offset);
            w.symbol("last_enqueued_time_utc");
            w.timestamp(state.last_enqueued.timestamp_millis());
            w.symbol("runtime_info_retrieval_time_utc");
            w.timestamp(now.timestamp_millis());
        });
    }

    /// Takes in what the hub gave. Nothing means that it will say when there is something.
    pub(super) fn accept(&mut self, events: Vec<Arc<StoredEvent>>) {
        self.ready = !events.is_empty();
        self.queue.extend(events);
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
        while let Some(event) = self.queue.front() {
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
                tag: None,
                is_settled: self.settled,
            };
            let payload = annotated(&event.encoded, &self.annotations);
            self.sent += out.transfer(channel, delivery, &payload, self.sent);
            windows.sent();
            if self.sent >= payload.len() {
                self.sent = 0;
                self.queue.pop_front();
            }
        }
        false
    }

    /// Whether a draining peer has had all there is, so that what is left of its credit is to be given back.
    pub(super) fn is_drained(&self) -> bool {
        self.credit.is_draining()
            && self.sent == 0
            && (self.credit.left() == 0 || self.queue.is_empty() && !self.ready)
    }
}

/// The message with delivery annotations in their place: behind the header, if there is one, and before all else.
fn annotated<'a>(message: &'a [u8], annotations: &'a [u8]) -> Payload<'a> {
    if annotations.is_empty() {
        return Payload::whole(message);
    }
    let rest = if message.starts_with(&[0x00, 0x53, 0x70]) {
        skip(message).unwrap_or(message)
    } else {
        message
    };
    let (header, rest) = message.split_at(message.len() - rest.len());
    Payload::with(header, annotations, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::message::Message;
    use crate::protocol::amqp::performative::{Role, Source, Symbols};
    use crate::protocol::amqp::value::decode;
    use crate::protocol::amqp::writer::{Writer, encode};

    fn address() -> PartitionAddress {
        PartitionAddress {
            entity: "ehub".to_owned(),
            consumer_group: "$Default".to_owned(),
            partition: "0".to_owned(),
        }
    }

    #[test]
    fn reads_what_the_attach_asks_for() {
        let filter = encode(|w| Position::Latest.write_filter(w));
        let epochs: [fn(&mut Writer<'_>); 4] =
            [|w| w.long(3), |w| w.int(3), |w| w.uint(3), |w| w.ushort(3)];
        for write_epoch in epochs {
            let properties = encode(|w| {
                w.map(|w| {
                    w.symbol(EPOCH);
                    write_epoch(w);
                    w.symbol(RECEIVER_NAME);
                    w.string("me");
                });
            });
            let attach = Attach {
                source: Some(Source {
                    filter: decode(&filter).unwrap().0.as_map(),
                    ..Source::default()
                }),
                snd_settle_mode: Some(SEND_SETTLED),
                desired_capabilities: Symbols::One(RUNTIME_METRIC),
                properties: decode(&properties).unwrap().0.as_map(),
                ..Attach::new("l", 0, Role::Receiver)
            };
            let reader = Reader::new(address(), &attach).unwrap();
            assert_eq!(
                (reader.epoch, reader.name.as_deref()),
                (Some(3), Some("me"))
            );
            assert_eq!(reader.position, Position::Latest);
            assert!(reader.settled && reader.tells_last);
        }
        let plain = Reader::new(address(), &Attach::new("l", 0, Role::Receiver)).unwrap();
        assert_eq!((plain.epoch, &plain.position), (None, &Position::Earliest));
        assert!(!plain.settled && !plain.tells_last);
    }

    #[test]
    fn annotations_go_behind_the_header() {
        let mut with_header = Vec::new();
        let mut writer = MessageWriter::new(&mut with_header);
        writer.header(1_000, 0);
        writer.data(b"x");
        let mut without = Vec::new();
        MessageWriter::new(&mut without).data(b"x");
        let mut annotations = Vec::new();
        MessageWriter::new(&mut annotations).delivery_annotations(|w| {
            w.symbol("a");
            w.long(1);
        });
        for message in [&with_header, &without] {
            let payload = annotated(message, &annotations);
            let mut output = Output::new();
            let delivery = Delivery {
                handle: 0,
                id: 0,
                tag: None,
                is_settled: true,
            };
            output.transfer(0, delivery, &payload, 0);
            let mut bytes = Vec::new();
            output.swap(&mut bytes);
            let (_, whole) =
                crate::protocol::amqp::performative::Performative::decode(&bytes[8..]).unwrap();
            let message = Message::parse(whole).unwrap();
            assert!(message.delivery_annotations.is_some());
            assert_eq!(whole.len(), payload.len());
        }
        assert!(annotated(&with_header, &annotations).len() > with_header.len());
    }
}
