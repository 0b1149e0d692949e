use super::*;
use bytes::Bytes;
use proptest::prelude::*;

const SENDER: Sender<'_> = Sender {
    device: "d",
    module: None,
    origin: message::Origin::Hub {
        source: "Telemetry",
    },
};

fn retention(bytes: usize) -> Retention {
    let age = TimeDelta::days(1);
    Retention { bytes, age }
}

fn read(log: &EventLog, from: i64, max: usize) -> Vec<Arc<StoredEvent>> {
    match log.read(0, from, max) {
        Found::Events(events) => events,
        Found::Stored(from, to) => panic!("{from} to {to} are in no store"),
    }
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap()
}

fn body(length: usize) -> DeviceMessage {
    DeviceMessage {
        body: Bytes::from(vec![b'x'; length]),
        ..DeviceMessage::default()
    }
}

#[test]
fn an_empty_partition_describes_itself_as_the_service_does() {
    let state = EventLog::new(2, retention(1000)).describe(1).unwrap();
    assert_eq!(state.begin_sequence_number, 0);
    assert_eq!(state.last_sequence_number, -1);
    assert_eq!(state.last_offset, "-1");
    assert!(state.is_empty);
    assert_eq!(EventLog::new(2, retention(1000)).describe(2), None);
}

#[test]
fn devices_spread_over_the_partitions() {
    let log = EventLog::new(4, retention(0));
    let mut counts = [0; 4];
    for number in 0..400 {
        counts[log.partition_of(&format!("device{number}"))] += 1;
    }
    assert!(
        counts.iter().all(|count| (60..140).contains(count)),
        "{counts:?}"
    );
}

/// However large its events are, little of a store is in memory at once.
#[test]
fn what_is_stored_is_read_in_small_pieces() {
    let kept = vec![KeptPartition {
        head: PartitionHead::default(),
        spans: Vec::new(),
    }];
    let retention = retention(2 * 1024 * 1024 * 1024);
    let mut log = EventLog::restore(kept, retention);
    let (small, large) = (100, 200_000);
    let lengths = [
        vec![small; 3_000],
        vec![large; 200],
        vec![small; 3_000],
        vec![large; 200],
    ]
    .concat();
    for length in &lengths {
        log.append(0, at(0), SENDER, &body(*length));
    }
    let (mut from, mut pieces) = (0, Vec::new());
    while let Found::Stored(begin, end) = log.read(0, from, 512) {
        assert!(begin == from && end > begin, "{begin} {end}");
        let piece = usize::try_from(begin).unwrap()..usize::try_from(end).unwrap();
        pieces.push(lengths[piece].iter().sum::<usize>());
        from = end;
    }
    let most = usize::try_from(READ_BYTES).unwrap() * 2 + large;
    assert!(pieces.iter().all(|bytes| *bytes <= most), "{pieces:?}");
    assert!(pieces.len() < 40, "{pieces:?}");
    let Found::Events(rest) = log.read(0, from, usize::MAX) else {
        panic!("not in memory")
    };
    assert_eq!(usize::try_from(from).unwrap() + rest.len(), lengths.len());
}

proptest! {
    /// Whatever is stored and dropped: what a position finds is what a search from the front would have found.
    #[test]
    fn positions_agree_with_a_plain_search(
        events in proptest::collection::vec((-50_i64..200, 0_usize..600), 1..60),
        bytes in 800_usize..20_000,
        wanted in -2_i64..70,
        inclusive: bool,
    ) {
        let mut log = EventLog::new(1, retention(bytes));
        let mut now = 1_700_000_000_000;
        for (step, length) in &events {
            now += step;
            log.append(0, at(now), SENDER, &body(*length));
        }
        let all = read(&log, 0, usize::MAX);
        prop_assert_eq!(log.head(0).next_sequence_number, i64::try_from(events.len()).unwrap());
        prop_assert_eq!(i64::try_from(all.len()).unwrap(), log.head(0).next_sequence_number - log.head(0).begin);
        prop_assert!(all.windows(2).all(|pair| pair[0].enqueued <= pair[1].enqueued
            && pair[0].offset < pair[1].offset
            && pair[0].sequence_number + 1 == pair[1].sequence_number));
        prop_assert!(all.iter().map(|e| e.encoded.len() + EVENT_OVERHEAD).sum::<usize>() <= bytes);

        let probe = all.iter().find(|e| e.sequence_number == wanted);
        let (offset, time) = probe.map_or((wanted, wanted), |e| (e.offset, e.enqueued.timestamp_millis()));
        let first = |is: &dyn Fn(&StoredEvent) -> bool| {
            all.iter().find(|e| is(e)).map_or(log.head(0).next_sequence_number, |e| e.sequence_number)
        };
        prop_assert_eq!(
            log.behind(0, Threshold::Offset { offset, inclusive }).next,
            first(&|e| e.offset > offset || inclusive && e.offset == offset)
        );
        prop_assert_eq!(
            log.behind(0, Threshold::Time(time)).next,
            first(&|e| e.enqueued.timestamp_millis() > time)
        );
        let some = read(&log, wanted, 3);
        prop_assert!(some.len() <= 3);
        prop_assert!(some.first().is_none_or(|e| e.sequence_number == wanted.max(log.head(0).begin)));
    }
}
