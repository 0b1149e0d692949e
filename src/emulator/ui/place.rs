//! How far a browser has come, as the id of an event says it: `partition:sequenceNumber` of the event's own partition, and
//! behind it the same of every other.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The last sequence number that was told of each partition; -1 before the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place(pub(super) BTreeMap<usize, i64>);

impl Place {
    /// Reads an id; `None` for what is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let pair = |pair: &str| {
            let (partition, number) = pair.split_once(':')?;
            Some((partition.parse().ok()?, number.parse().ok()?))
        };
        text.split(',').map(pair).collect::<Option<_>>().map(Self)
    }

    /// The id of an event of this partition, up to and with which everything has been told.
    pub(super) fn id(&self, partition: usize) -> String {
        let is_its = |(number, _): &(&usize, &i64)| **number == partition;
        let own = self.0.iter().filter(is_its);
        let others = self.0.iter().filter(|pair| !is_its(pair));
        let mut id = String::new();
        for (partition, number) in own.chain(others) {
            let comma = if id.is_empty() { "" } else { "," };
            // Writing to a String cannot fail.
            let _ = write!(id, "{comma}{partition}:{number}");
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_own_partition_first_and_is_read_back() {
        let place = Place([(0, 7), (1, -1), (2, 3)].into());
        assert_eq!(place.id(2), "2:3,0:7,1:-1");
        assert_eq!(Place::parse("2:3,0:7,1:-1"), Some(place));
        for none in ["", "1", "1:", "1:x", "a:1", "0:1,"] {
            assert_eq!(Place::parse(none), None, "{none}");
        }
    }
}
