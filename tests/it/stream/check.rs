//! Holds the lines that came out against what the partitions hold.

use crate::support::event_hub::Log;

/// Takes lines of NDJSON, and counts what came.
pub struct Check {
    logs: Vec<Log>,
    /// The next number of each partition.
    next: Vec<i64>,
    /// Lines that came.
    pub count: u64,
    body: String,
}

impl Check {
    /// Everything is to come that these logs hold.
    pub fn new(logs: &[Log]) -> Self {
        Self {
            next: logs.iter().map(|log| log.first).collect(),
            logs: logs.to_vec(),
            count: 0,
            body: String::new(),
        }
    }

    /// Holds the lines to be all that these logs hold.
    pub fn whole(logs: &[Log], lines: &str) {
        let mut check = Self::new(logs);
        for line in lines.lines() {
            check.line(line);
        }
        check.finish();
    }

    /// Takes the next line: the next event of its partition, and whole.
    pub fn line(&mut self, line: &str) {
        let line = line.trim_end();
        let (partition, number) = place(line).unwrap_or_else(|| panic!("no event: {line}"));
        let log = &self.logs[partition];
        let due = log.next(self.next[partition]);
        assert_eq!(Some(number), due, "partition {partition}: {line}");
        self.next[partition] = number + 1;
        self.body.clear();
        self.body.push_str("\"body\":");
        log.write_body(partition, number, &mut self.body);
        self.body.push('}');
        assert!(line.ends_with(&self.body), "not whole: {line}");
        self.count += 1;
    }

    /// Everything came.
    pub fn finish(&self) {
        for (partition, (log, next)) in self.logs.iter().zip(&self.next).enumerate() {
            assert_eq!(log.next(*next), None, "partition {partition} ended early");
        }
    }
}

fn place(line: &str) -> Option<(usize, i64)> {
    let rest = line.strip_prefix("{\"partition\":\"")?;
    let (partition, rest) = rest.split_once("\",\"sequenceNumber\":")?;
    let (number, _) = rest.split_once(',')?;
    Some((partition.parse().ok()?, number.parse().ok()?))
}
