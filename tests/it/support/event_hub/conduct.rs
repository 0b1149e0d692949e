//! What the client did, and whether it was allowed to.

use hubctl::protocol::amqp::filter::Position;

/// Where the next link to a partition has to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Anywhere.
    Anywhere,
    /// Behind this event: all up to it have arrived.
    Behind(i64),
    /// Behind this event or one before it: what was under way may be lost.
    NotBeyond(i64),
}

/// What the client did with a partition.
#[derive(Debug, Clone)]
struct Partition {
    is_attached: bool,
    due: Due,
}

/// What the client did.
#[derive(Debug)]
pub struct Conduct {
    partitions: Vec<Partition>,
    /// Every link to a partition, in the order of their coming.
    pub attaches: Vec<(usize, Option<Position>)>,
    /// Connections that were opened.
    pub connections: usize,
    /// Tokens that were put.
    pub tokens: usize,
    /// Deliveries that were settled by a disposition.
    pub settled: u64,
    /// Flows that came.
    pub flows: usize,
    /// Connections that ended.
    pub ended: usize,
    /// Closes of this side that were answered.
    pub farewells: usize,
    /// Requests to `$management`.
    pub requests: usize,
    /// What it was not allowed to do.
    pub violations: Vec<String>,
}

impl Conduct {
    /// Nothing yet, with so many partitions.
    pub fn new(partitions: usize) -> Self {
        let partition = Partition {
            is_attached: false,
            due: Due::Anywhere,
        };
        Self {
            partitions: vec![partition; partitions],
            attaches: Vec::new(),
            connections: 0,
            tokens: 0,
            settled: 0,
            flows: 0,
            ended: 0,
            farewells: 0,
            requests: 0,
            violations: Vec::new(),
        }
    }

    /// A link to a partition comes.
    pub fn attach(&mut self, partition: usize, position: Option<Position>) {
        let known = &mut self.partitions[partition];
        if std::mem::replace(&mut known.is_attached, true) {
            let violation = format!("a second link to partition {partition}");
            self.violations.push(violation);
        }
        let number = match &position {
            Some(Position::SequenceNumber {
                number,
                inclusive: false,
            }) => *number,
            _ => -1,
        };
        let is_due = match known.due {
            Due::Anywhere => true,
            Due::Behind(last) => number == last,
            Due::NotBeyond(last) => number <= last,
        };
        if !is_due {
            let due = known.due;
            let violation = format!("partition {partition} at {position:?} instead of {due:?}");
            self.violations.push(violation);
        }
        self.attaches.push((partition, position));
    }

    /// A connection was cut off: whatever was under way on it may be lost, word of the end of links too.
    pub fn cut_off(&mut self) {
        for known in &mut self.partitions {
            if let Due::Behind(last) = known.due {
                known.due = Due::NotBeyond(last);
            }
        }
    }

    /// A link to a partition is over: `last` was sent last, and all of it arrives.
    pub fn over(&mut self, partition: usize, last: Option<i64>) {
        let known = &mut self.partitions[partition];
        known.is_attached = false;
        known.due = last.map_or(known.due, Due::Behind);
    }
}
