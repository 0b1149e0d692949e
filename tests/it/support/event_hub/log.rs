//! What a partition holds. Every event follows from its partition and its number, so that nobody has to remember any.

use std::ops::Range;

use hubctl::protocol::amqp::management::PartitionProperties;
use hubctl::protocol::amqp::message::{MessageWriter, PropertyFields};

/// The event hub's name.
pub const ENTITY: &str = "e";

/// When the event numbered 0 was enqueued.
pub const EPOCH_MS: i64 = 1_700_000_000_000;

/// What a partition holds.
#[derive(Debug, Clone)]
pub struct Log {
    /// The oldest event that is kept.
    pub first: i64,
    /// The first number that no event has yet.
    pub end: i64,
    /// Numbers that no event has.
    pub holes: Vec<Range<i64>>,
    /// How much is in an event's body beside its numbers, in bytes.
    pub fill: fn(i64) -> usize,
}

impl Log {
    /// A log of so many small events.
    pub fn of(count: i64) -> Self {
        Self {
            first: 0,
            end: count,
            holes: Vec::new(),
            fill: |_| 20,
        }
    }

    /// The first event from this number on, if there is one.
    pub fn next(&self, number: i64) -> Option<i64> {
        let number = number.max(self.first);
        let hole = self.holes.iter().find(|hole| hole.contains(&number));
        let number = hole.map_or(number, |hole| hole.end);
        (number < self.end).then_some(number)
    }

    /// How many events it holds.
    pub fn count(&self) -> usize {
        let holds = |number: &i64| !self.holes.iter().any(|hole| hole.contains(number));
        (self.first..self.end).filter(holds).count()
    }

    /// What `$management` says of it.
    pub fn properties(&self, partition: usize) -> PartitionProperties {
        PartitionProperties {
            name: ENTITY.to_owned(),
            partition: partition.to_string(),
            begin_sequence_number: self.first,
            last_enqueued_sequence_number: self.end - 1,
            last_enqueued_offset: offset(self.end - 1),
            last_enqueued_time_ms: EPOCH_MS + self.end - 1,
            is_empty: self.first >= self.end,
        }
    }

    /// Appends an event as a message.
    pub fn write_event(&self, partition: usize, number: i64, out: &mut Vec<u8>) {
        let mut message = MessageWriter::new(out);
        let device = format!("device{partition}");
        message.message_annotations(|w| {
            w.symbol("x-opt-sequence-number");
            w.long(number);
            w.symbol("x-opt-offset");
            w.string(&offset(number));
            w.symbol("x-opt-enqueued-time");
            w.timestamp(EPOCH_MS + number);
            w.symbol("iothub-connection-device-id");
            w.string(&device);
        });
        message.properties(&PropertyFields {
            content_type: Some("application/json"),
            ..PropertyFields::default()
        });
        let mut body = String::new();
        self.write_body(partition, number, &mut body);
        message.data(body.as_bytes());
    }

    /// Appends the body that an event has.
    pub fn write_body(&self, partition: usize, number: i64, out: &mut String) {
        use std::fmt::Write as _;
        write!(
            out,
            "{{\"partition\":{partition},\"number\":{number},\"fill\":\""
        )
        .unwrap();
        let letter = char::from(b'a' + u8::try_from(number.rem_euclid(26)).unwrap());
        out.extend(std::iter::repeat_n(letter, (self.fill)(number)));
        out.push_str("\"}");
    }
}

fn offset(number: i64) -> String {
    (number * 100).to_string()
}

/// The number of the event with this offset.
pub fn number_at(offset: &str) -> i64 {
    offset.parse::<i64>().unwrap() / 100
}
