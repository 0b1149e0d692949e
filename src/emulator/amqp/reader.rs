//! A partition's events on their way to one reader: how many are fetched, and how they become transfers.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::emulator::amqp::backlog::{Backlog, Waiting};
use crate::emulator::amqp::effect::LinkKey;
use crate::emulator::amqp::output::Output;
use crate::emulator::amqp::windows::Windows;
use crate::emulator::hub::command::{Command, ListenerId, PartitionState, StoredEvent};
use crate::protocol::amqp::address::PartitionAddress;
use crate::protocol::amqp::filter::{Position, PositionError};
use crate::protocol::amqp::message::MessageWriter;
use crate::protocol::amqp::performative::Attach;

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
    /// Whether each event tells what was enqueued last.
    tells_last: bool,
    /// The hub's number for it, once it is open.
    id: Option<ListenerId>,
    /// The annotations that are put into each event, encoded.
    annotations: Vec<u8>,
    /// Its events.
    pub(super) backlog: Backlog<Arc<StoredEvent>>,
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
            tells_last: attach.desired_capabilities.contains(RUNTIME_METRIC),
            id: None,
            annotations: Vec::new(),
            backlog: Backlog::new(attach),
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

    /// The partition that it reads.
    pub(super) fn partition(&self) -> &str {
        &self.address.partition
    }

    /// The hub's number for it.
    pub(super) fn id(&self) -> Option<ListenerId> {
        self.id
    }

    /// What to ask the hub for, if credit is left that no fetched event will use up.
    pub(super) fn fetch(&self) -> Option<(ListenerId, usize)> {
        let max = usize::try_from(self.backlog.room().min(BATCH)).unwrap_or(0);
        self.id.filter(|_| max > 0).map(|id| (id, max))
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
        if self.backlog.has_begun() {
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

    /// As [`Backlog::transmit`].
    pub(super) fn transmit(
        &mut self,
        key: LinkKey,
        windows: &mut Windows,
        out: &mut Output,
        mark: usize,
    ) -> bool {
        let annotations = &self.annotations;
        self.backlog
            .transmit(key, windows, out, mark, annotations, |_, _| {})
    }
}

impl Waiting for Arc<StoredEvent> {
    fn encoded(&self) -> &[u8] {
        &self.as_ref().encoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::performative::link::SEND_SETTLED;
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
            assert!(reader.backlog.is_settled() && reader.tells_last);
        }
        let plain = Reader::new(address(), &Attach::new("l", 0, Role::Receiver)).unwrap();
        assert_eq!((plain.epoch, &plain.position), (None, &Position::Earliest));
        assert!(!plain.backlog.is_settled() && !plain.tells_last);
    }
}
