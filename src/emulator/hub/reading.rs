//! Readers of events: what there is to read, where they begin, and what they are given.

use chrono::{DateTime, Utc};

use super::command::{ListenerId, Notice, Refusal, Reply};
use super::event_log::{Found, Start};
use super::readers::Newcomer;
use super::record::{StoredRange, Threshold};
use super::{Hub, Outcome, refusal};
use crate::model::feedback::FeedbackRecord;
use crate::model::file_notification::FileNotification;
use crate::protocol::amqp::filter::Position;

impl Hub {
    pub(super) fn describe_partition(&self, partition: &str) -> Result<Reply, Refusal> {
        let state = partition_number(partition).and_then(|number| self.events.describe(number));
        state.map(Reply::Partition).ok_or_else(|| {
            let address = format!("sb://{}/{}/Partitions/{partition}", self.host, self.entity);
            refusal::entity_not_found(&address)
        })
    }

    pub(super) fn open_reader(
        &mut self,
        (id, name): (ListenerId, Option<String>),
        group: &str,
        partition: &str,
        position: &Position,
        epoch: Option<i64>,
    ) -> Outcome {
        let lower = group.to_lowercase();
        let number = partition_number(partition)
            .filter(|number| *number < self.events.partition_count())
            .filter(|_| self.groups.contains(&lower));
        let Some(partition) = number else {
            return Err(refusal::entity_not_found(&format!(
                "sb://{}/{}/ConsumerGroups/{group}/Partitions/{partition}",
                self.host, self.entity
            )));
        };
        let start = self.locate(partition, position)?;
        let notices = self.readers.open(Newcomer {
            id,
            group: Some(lower),
            partition,
            start,
            epoch,
            name,
        })?;
        Ok((Reply::Done, notices))
    }

    /// A reader that belongs to no consumer group.
    pub(super) fn look_on(
        &mut self,
        id: ListenerId,
        partition: usize,
        position: &Position,
    ) -> Result<Reply, Refusal> {
        if partition >= self.events.partition_count() {
            let address = format!("sb://{}/{}/Partitions/{partition}", self.host, self.entity);
            return Err(refusal::entity_not_found(&address));
        }
        let start = self.locate(partition, position)?;
        self.readers.open(Newcomer {
            id,
            group: None,
            partition,
            start,
            epoch: None,
            name: None,
        })?;
        Ok(Reply::Done)
    }

    /// Where to begin for a position. A sequence number beyond the end stands for the end: without a store the hub counts
    /// from 0 again after a restart, and a reader that comes back with an old number must not wait for ever.
    fn locate(&self, partition: usize, position: &Position) -> Result<Start, Refusal> {
        let head = self.events.head(partition);
        let (begin, end) = (head.begin, head.next_sequence_number);
        let exactly = |next| Start { next, behind: None };
        Ok(match position {
            Position::Earliest => exactly(begin),
            Position::Latest => exactly(end),
            Position::Offset { offset, inclusive } => {
                let number = offset.parse().map_err(|_| refusal::bad_offset(offset))?;
                let threshold = Threshold::Offset {
                    offset: number,
                    inclusive: *inclusive,
                };
                self.events.behind(partition, threshold)
            }
            Position::SequenceNumber { number, inclusive } => exactly(
                number
                    .saturating_add(i64::from(!inclusive))
                    .clamp(begin, end),
            ),
            Position::EnqueuedTime(ms) => self.events.behind(partition, Threshold::Time(*ms)),
        })
    }

    /// What reads events may read feedback or notifications of files as well: what it held of these is there for another.
    pub(super) fn close_reader(
        &mut self,
        now: DateTime<Utc>,
        reader: ListenerId,
    ) -> Vec<(ListenerId, Notice)> {
        self.readers.leave(reader);
        self.watchers.leave(reader);
        let mut notices = self.leave_servicebound::<FeedbackRecord>(now, reader);
        notices.extend(self.leave_servicebound::<FileNotification>(now, reader));
        notices
    }

    pub(super) fn read(&mut self, reader: ListenerId, max: usize) -> Reply {
        // A reader that has just been evicted may not know yet; it gets nothing more.
        let Some((partition, Start { next, behind })) = self.readers.cursor(reader) else {
            return Reply::Events(Vec::new());
        };
        match self.events.read(partition, next, max) {
            Found::Stored(from, to) => {
                self.readers.advance(reader, to, false);
                Reply::Stored(StoredRange {
                    partition,
                    from,
                    to,
                    behind,
                })
            }
            Found::Events(events) => {
                let next = events
                    .last()
                    .map_or(next, |event| event.sequence_number + 1);
                let drained = next >= self.events.head(partition).next_sequence_number;
                self.readers.advance(reader, next, drained);
                Reply::Events(events)
            }
        }
    }
}

fn partition_number(text: &str) -> Option<usize> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}
