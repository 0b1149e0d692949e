//! The store alone, over files.

mod jobs;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::*;
use crate::emulator::hub::command::{Ack, CloudMessage, DeviceMessage};
use crate::emulator::hub::record::{Change, Kept, KeptMessage, Queued, Threshold};
use crate::model::device::IdentityId;
use crate::model::feedback::{FeedbackRecord, FeedbackStatus};
use crate::model::twin::{Twin, TwinChange};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap()
}

fn wanted(partitions: Option<usize>) -> Wanted {
    Wanted {
        partitions,
        usual_partitions: 2,
        retention_bytes: 1,
    }
}

fn open(directory: &Path) -> Result<(Store, Kept), StoreError> {
    Store::open(now(), directory, wanted(None))
}

/// An event of a partition with as many bytes, and the partition's end behind it.
fn append(head: &mut PartitionHead, partition: usize, length: usize) -> [Record; 2] {
    let before = *head;
    let event = StoredEvent {
        sequence_number: head.next_sequence_number,
        offset: head.next_offset,
        enqueued: now(),
        encoded: Bytes::from(vec![b'x'; length]),
    };
    head.last_offset = head.next_offset;
    head.next_offset += i64::try_from(length).unwrap();
    head.next_sequence_number += 1;
    head.last_enqueued = now();
    let opens_span = event.sequence_number % 4 == 0;
    let event = Record::Event {
        partition,
        event: Arc::new(event),
        opens_span,
    };
    let head = Record::Partition {
        partition,
        before,
        after: *head,
    };
    [event, head]
}

fn begin_at(head: &mut PartitionHead, partition: usize, begin: i64) -> [Record; 1] {
    let before = *head;
    head.begin = begin;
    [Record::Partition {
        partition,
        before,
        after: *head,
    }]
}

fn numbers(store: &Store, partition: usize, from: i64, to: i64) -> Vec<i64> {
    let range = StoredRange {
        partition,
        from,
        to,
        behind: None,
    };
    let events = store.read(&range).unwrap();
    events.iter().map(|event| event.sequence_number).collect()
}

#[test]
fn what_is_kept_is_there_again() {
    let home = tempfile::tempdir().unwrap();
    let (store, empty) = open(home.path()).unwrap();
    assert_eq!((empty.created, empty.partitions.len()), (now(), 2));
    let mut head = PartitionHead::default();
    for _ in 0..10 {
        store.keep(&append(&mut head, 1, 20)).unwrap();
    }
    drop(store);
    let (store, kept) = open(home.path()).unwrap();
    assert_eq!(kept.partitions[0], empty.partitions[0]);
    assert_eq!(kept.partitions[1].head, head);
    let spans = kept.partitions[1].spans.iter();
    assert!(spans.map(|span| span.sequence_number).eq([0, 4, 8]));
    assert_eq!(numbers(&store, 1, 3, 8), [3, 4, 5, 6, 7]);

    let behind = StoredRange {
        partition: 1,
        from: 4,
        to: 10,
        behind: Some(Threshold::Offset {
            offset: 120,
            inclusive: true,
        }),
    };
    let events = store.read(&behind).unwrap();
    assert!(
        events
            .iter()
            .map(|event| event.offset)
            .eq([120, 140, 160, 180])
    );
}

#[test]
fn segments_are_read_as_one_and_dropped_when_all_of_them_has_passed() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path()).unwrap();
    let mut heads = [PartitionHead::default(); 2];
    // Each segment takes a megabyte, which is four of these.
    for _ in 0..10 {
        for (partition, head) in heads.iter_mut().enumerate() {
            store.keep(&append(head, partition, 256 * 1024)).unwrap();
        }
    }
    let segments = |store: &Store| {
        let engine = store.engine();
        engine.as_ref().unwrap().segments.len()
    };
    let before = segments(&store);
    assert!(before >= 4, "{before}");
    assert!(numbers(&store, 0, 0, 10).into_iter().eq(0..10));
    store.keep(&begin_at(&mut heads[0], 0, 8)).unwrap();
    assert_eq!(segments(&store), before);
    store.keep(&begin_at(&mut heads[1], 1, 8)).unwrap();
    let after = segments(&store);
    assert!(after < before, "{before} {after}");
    assert_eq!(numbers(&store, 0, 9, 10), [9]);
    drop(store);
    let (store, kept) = open(home.path()).unwrap();
    assert_eq!(segments(&store), after);
    assert!(kept.partitions.iter().all(|kept| kept.head.begin == 8));
    assert_eq!(numbers(&store, 1, 9, 10), [9]);
}

#[test]
fn what_failed_halfway_is_taken_back_before_anything_else() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path()).unwrap();
    let mut head = PartitionHead::default();
    for _ in 0..6 {
        store.keep(&append(&mut head, 0, 20)).unwrap();
    }
    // As a disk that says no leaves it: all of the batch is there, and nobody knows.
    let mut lost = head;
    let mut failed = begin_at(&mut lost, 0, 4).to_vec();
    failed.extend((0..4).flat_map(|_| append(&mut lost, 0, 30)));
    head.begin = 4;
    store.write().as_mut().unwrap().keep(&failed).unwrap();
    store.failed.lock().unwrap().extend(failed);

    store.keep(&append(&mut head, 0, 40)).unwrap();
    assert_eq!(numbers(&store, 0, 4, 7), [4, 5, 6]);
    drop(store);
    let (store, kept) = open(home.path()).unwrap();
    assert_eq!(kept.partitions[0].head, head);
    assert_eq!(kept.partitions[0].spans.len(), 1);
    assert_eq!(numbers(&store, 0, 4, 7), [4, 5, 6]);
}

#[test]
fn twins_are_kept_and_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path()).unwrap();
    let identity = |module: Option<&str>| IdentityId {
        device: "a+b".to_owned(),
        module: module.map(str::to_owned),
    };
    let new = Twin::new(now());
    let body =
        serde_json::json!({ "tags": { "a": 1.0 }, "properties": { "desired": { "b": [null] } } });
    let change = TwinChange::parse(&body, false).unwrap();
    let (written, _) = new.changed(now(), &change).unwrap();
    let record = |module, before: Option<&Twin>, after: Option<&Twin>| Record::Twin {
        identity: identity(module),
        before: before.cloned().map(Arc::new),
        after: after.cloned().map(Arc::new),
    };
    let begin = [
        record(None, None, Some(&written)),
        record(Some("m"), None, Some(&new)),
        record(Some("n"), None, Some(&new)),
    ];
    store.keep(&begin).unwrap();
    // As a disk that says no leaves it.
    let failed = vec![
        record(None, Some(&written), Some(&new)),
        record(None, Some(&new), None),
    ];
    store.write().as_mut().unwrap().keep(&failed).unwrap();
    store.failed.lock().unwrap().extend(failed);
    store.keep(&[record(Some("m"), Some(&new), None)]).unwrap();
    drop(store);
    let (_, kept) = open(home.path()).unwrap();
    let expected = [(identity(None), written), (identity(Some("n")), new)];
    assert_eq!(kept.twins, expected);
}

#[test]
fn a_store_is_used_by_one_and_as_it_was_made() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path()).unwrap();
    assert!(matches!(open(home.path()), Err(StoreError::InUse { .. })));
    drop(store);
    let other = Store::open(now(), home.path(), wanted(Some(3)));
    let Err(StoreError::Partitions {
        kept: 2, wanted: 3, ..
    }) = other
    else {
        panic!("{other:?}")
    };
    drop(Store::open(now(), home.path(), wanted(Some(2))).unwrap());
    fs::write(home.path().join("store/version"), "2").unwrap();
    let Err(StoreError::Version { found, .. }) = open(home.path()) else {
        panic!("another form was read")
    };
    assert_eq!(found, "2");
}

#[test]
fn a_start_that_was_cut_off_is_begun_again() {
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path()).unwrap());
    fs::rename(home.path().join("store"), home.path().join("store.new")).unwrap();
    fs::remove_file(home.path().join("store.new/version")).unwrap();
    drop(open(home.path()).unwrap());
    assert!(!home.path().join("store.new").exists());
}

/// Every file below a folder, as paths relative to it.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        fs::create_dir_all(to.join(&file).parent().unwrap()).unwrap();
        fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
}

fn with_ten_events(directory: &Path) {
    let (store, _) = open(directory).unwrap();
    let mut head = PartitionHead::default();
    for _ in 0..10 {
        store.keep(&append(&mut head, 0, 20)).unwrap();
    }
}

#[test]
fn a_file_that_is_missing_is_an_error_and_nothing_is_begun_anew() {
    let home = tempfile::tempdir().unwrap();
    with_ten_events(home.path());
    for file in files(&home.path().join("store")) {
        if file.ends_with("lock") {
            continue;
        }
        let damaged = tempfile::tempdir().unwrap();
        copy(home.path(), damaged.path());
        fs::remove_file(damaged.path().join("store").join(&file)).unwrap();
        let outcome = open(damaged.path());
        assert!(
            matches!(outcome, Err(StoreError::Damaged { .. })),
            "without {}: {outcome:?}",
            file.display()
        );
    }
}

#[test]
fn a_journal_that_has_changed_is_an_error_or_its_beginning() {
    let home = tempfile::tempdir().unwrap();
    with_ten_events(home.path());
    let journal = files(home.path())
        .into_iter()
        .find(|file| file.extension().is_some_and(|end| end == "jnl"))
        .unwrap();
    let good = fs::read(home.path().join(&journal)).unwrap();
    let end = good.iter().rposition(|byte| *byte != 0).unwrap();
    let mut errors = 0;
    for place in (0..end).step_by(37) {
        let damaged = tempfile::tempdir().unwrap();
        copy(home.path(), damaged.path());
        let mut bad = good.clone();
        bad[place] ^= 0x55;
        fs::write(damaged.path().join(&journal), bad).unwrap();
        // Where the engine takes it for a write that was cut off, it forgets what follows; what it gives is whole.
        match open(damaged.path()) {
            Err(StoreError::Damaged { .. }) => errors += 1,
            Ok((store, kept)) => {
                let to = kept.partitions[0].head.next_sequence_number;
                let range = StoredRange {
                    partition: 0,
                    from: 0,
                    to,
                    behind: None,
                };
                match store.read(&range) {
                    Ok(events) => {
                        let numbers = events.iter().map(|event| event.sequence_number);
                        assert!(numbers.eq(0..to));
                    }
                    Err(why) => assert!(why.contains("damaged"), "{why}"),
                }
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(errors > 0);
}

/// A message and a record of feedback, and that they were taken in.
fn queued() -> [Record; 3] {
    let message = CloudMessage {
        message: DeviceMessage {
            body: Bytes::from_static(b"{}"),
            message_id: Some("m1".to_owned()),
            ..DeviceMessage::default()
        },
        expiry: None,
        ack: Ack::Full,
    };
    let record = FeedbackRecord {
        original_message_id: None,
        description: "Success".to_owned(),
        device_id: "d".to_owned(),
        device_generation_id: "1".to_owned(),
        enqueued_time_utc: String::new(),
        status_code: FeedbackStatus::Success,
    };
    let identity = IdentityId {
        device: "d".to_owned(),
        module: Some("m".to_owned()),
    };
    [
        Record::Queued {
            before: 0,
            after: 2,
        },
        Record::CloudMessage {
            identity,
            change: Change {
                before: None,
                after: Some(item(1, message)),
            },
        },
        Record::Feedback {
            change: Change {
                before: None,
                after: Some(item(2, record)),
            },
        },
    ]
}

fn item<T>(number: i64, content: T) -> Queued<T> {
    Queued {
        number,
        enqueued: now(),
        expires: now(),
        deliveries: 3,
        lock: None,
        content: Arc::new(content),
    }
}

#[test]
fn what_is_queued_is_there_again_until_it_has_left() {
    let home = tempfile::tempdir().unwrap();
    let (store, empty) = open(home.path()).unwrap();
    store.keep(&queued()).unwrap();
    drop(store);
    let (store, kept) = open(home.path()).unwrap();
    assert_eq!(kept.queued, 2);
    let [
        _,
        Record::CloudMessage { identity, change },
        Record::Feedback { change: told },
    ] = queued()
    else {
        panic!()
    };
    let message = change.after.clone().unwrap();
    assert_eq!(
        kept.messages,
        [KeptMessage {
            identity: identity.clone(),
            message
        }]
    );
    assert_eq!(kept.feedback, [told.after.clone().unwrap()]);
    let change = change.undone();
    let gone = [
        Record::CloudMessage { identity, change },
        Record::Feedback {
            change: told.undone(),
        },
    ];
    store.keep(&gone).unwrap();
    drop(store);
    let (_store, kept) = open(home.path()).unwrap();
    assert_eq!(Kept { queued: 0, ..kept }, empty);
}

#[test]
fn a_store_that_does_not_count_yet_begins_to() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path()).unwrap();
    {
        let engine = store.engine();
        engine.as_ref().unwrap().hub.remove(row::QUEUED).unwrap();
    }
    drop(store);
    let (store, kept) = open(home.path()).unwrap();
    assert_eq!((kept.queued, kept.messages.len()), (0, 0));
    store.keep(&queued()).unwrap();
    drop(store);
    let (_store, kept) = open(home.path()).unwrap();
    assert_eq!((kept.queued, kept.messages.len()), (2, 1));
}
