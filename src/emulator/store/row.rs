//! How records stand in the store: keys that sort as they are read, and values of a fixed shape.
//!
//! | keyspace | key | value |
//! |---|---|---|
//! | `hub` | `created` | milliseconds since 1970 |
//! | `hub` | `partitions` | their count |
//! | `hub` | `changes` | how many changes the registry has seen |
//! | `hub` | `queued` | how many items the hub's queues have ever taken in |
//! | `hub` | `head/` and a partition | a partition's beginning and end |
//! | `hub` | `segment/` and a number | each partition's first sequence number in that segment |
//! | `hub` | `deleted/` and a path | how often that id was deleted |
//! | `hub` | `twin/` and device, or device, `/`, module | JSON |
//! | `hub` | `configuration/` and an id | JSON |
//! | `hub` | `job/` and an id | JSON |
//! | `hub` | `work/` and a job's id; `\0`, device, or device, `/`, module | JSON |
//! | `hub` | `upload/`, device, `/`, correlation id | JSON |
//! | `hub` | `file/` and a number | what [`super::queued`] makes of it |
//! | `identities` | device, or device, `/`, module | JSON |
//! | `messages` | device, or device, `/`, module; `/`, number | what [`super::queued`] makes of them |
//! | `feedback` | number | the same |
//! | `spans` | partition, sequence number | offset, enqueued time |
//! | `events-` and a number | partition, sequence number | offset, enqueued time, the encoded message |
//!
//! Numbers have eight bytes, partitions two, both big-endian; ids hold no `/`.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::emulator::hub::command::StoredEvent;
use crate::emulator::hub::record::{KeptIdentity, PartitionHead, Span, Upload, UploadId};
use crate::model::configuration::Configuration;
use crate::model::device::{Identity, IdentityId};
use crate::model::twin::Twin;

/// The keys of single rows in `hub`.
pub(super) const CREATED: &str = "created";
pub(super) const PARTITIONS: &str = "partitions";
pub(super) const CHANGES: &str = "changes";
pub(super) const QUEUED: &str = "queued";
/// The beginnings of keys of many rows in `hub`.
pub(super) const SEGMENT: &str = "segment/";
pub(super) const DELETED: &str = "deleted/";
pub(super) const TWIN: &str = "twin/";
pub(super) const CONFIGURATION: &str = "configuration/";
pub(super) const UPLOAD: &str = "upload/";
pub(super) const FILE: &str = "file/";

/// How many bytes stand before an event's message.
const EVENT_HEAD: usize = 16;

/// Numbers, one behind the other.
pub(super) fn numbers(numbers: &[i64]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
}

/// The numbers again; `None` where the bytes are no whole number of them.
pub(super) fn parse_numbers(bytes: &[u8]) -> Option<Vec<i64>> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    rest.is_empty()
        .then(|| numbers.iter().map(|n| i64::from_be_bytes(*n)).collect())
}

fn parse_exactly<const N: usize>(bytes: &[u8]) -> Option<[i64; N]> {
    parse_numbers(bytes)?.try_into().ok()
}

pub(super) fn parse_number(bytes: &[u8]) -> Option<i64> {
    parse_exactly(bytes).map(|[number]| number)
}

fn time(milliseconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(milliseconds)
}

/// The key of an event or a span.
pub(super) fn place(partition: usize, sequence_number: i64) -> [u8; 10] {
    let mut key = [0; 10];
    let partition = u16::try_from(partition).unwrap_or(u16::MAX);
    key[..2].copy_from_slice(&partition.to_be_bytes());
    key[2..].copy_from_slice(&sequence_number.to_be_bytes());
    key
}

fn parse_sequence_number(key: &[u8]) -> Option<i64> {
    let number = key.get(2..)?.try_into().ok()?;
    Some(i64::from_be_bytes(number))
}

pub(super) fn event(event: &StoredEvent) -> Vec<u8> {
    let mut row = Vec::with_capacity(EVENT_HEAD + event.encoded.len());
    row.extend(event.offset.to_be_bytes());
    row.extend(event.enqueued.timestamp_millis().to_be_bytes());
    row.extend_from_slice(&event.encoded);
    row
}

pub(super) fn parse_event(key: &[u8], row: &Bytes) -> Option<StoredEvent> {
    let [offset, enqueued] = parse_exactly(row.get(..EVENT_HEAD)?)?;
    Some(StoredEvent {
        sequence_number: parse_sequence_number(key)?,
        offset,
        enqueued: time(enqueued)?,
        encoded: row.slice(EVENT_HEAD..),
    })
}

pub(super) fn span(event: &StoredEvent) -> Vec<u8> {
    numbers(&[event.offset, event.enqueued.timestamp_millis()])
}

pub(super) fn parse_span(key: &[u8], row: &[u8]) -> Option<Span> {
    let [offset, enqueued] = parse_exactly(row)?;
    Some(Span {
        sequence_number: parse_sequence_number(key)?,
        offset,
        enqueued: time(enqueued)?,
    })
}

pub(super) fn head_key(partition: usize) -> String {
    format!("head/{partition}")
}

pub(super) fn head(head: &PartitionHead) -> Vec<u8> {
    numbers(&[
        head.begin,
        head.next_sequence_number,
        head.next_offset,
        head.last_offset,
        head.last_enqueued.timestamp_millis(),
    ])
}

pub(super) fn parse_head(row: &[u8]) -> Option<PartitionHead> {
    let [
        begin,
        next_sequence_number,
        next_offset,
        last_offset,
        last_enqueued,
    ] = parse_exactly(row)?;
    Some(PartitionHead {
        begin,
        next_sequence_number,
        next_offset,
        last_offset,
        last_enqueued: time(last_enqueued)?,
    })
}

pub(super) fn segment_key(number: u32) -> String {
    format!("{SEGMENT}{number:010}")
}

pub(super) fn deleted_key(path: &str) -> String {
    format!("{DELETED}{path}")
}

pub(super) fn identity_key(device: &str, module: Option<&str>) -> String {
    match module {
        None => device.to_owned(),
        Some(module) => format!("{device}/{module}"),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdentityRow {
    identity: Identity,
    #[serde(default)]
    last_activity_micros: Option<i64>,
}

pub(super) fn identity(kept: &KeptIdentity) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&IdentityRow {
        identity: kept.identity.clone(),
        last_activity_micros: kept.last_activity.map(|time| time.timestamp_micros()),
    })
}

pub(super) fn parse_identity(
    key: &[u8],
    row: &[u8],
) -> Option<(String, Option<String>, KeptIdentity)> {
    let key = str::from_utf8(key).ok()?;
    let (device, module) = match key.split_once('/') {
        None => (key, None),
        Some((device, module)) => (device, Some(module.to_owned())),
    };
    let row: IdentityRow = serde_json::from_slice(row).ok()?;
    let last_activity = row.last_activity_micros;
    let kept = KeptIdentity {
        identity: row.identity,
        last_activity: last_activity.and_then(DateTime::from_timestamp_micros),
    };
    Some((device.to_owned(), module, kept))
}

pub(super) fn twin_key(identity: &IdentityId) -> String {
    format!("{TWIN}{identity}")
}

pub(super) fn parse_twin(key: &[u8], row: &[u8]) -> Option<(IdentityId, Twin)> {
    let key = str::from_utf8(key).ok()?.strip_prefix(TWIN)?;
    Some((identity_of(key), serde_json::from_slice(row).ok()?))
}

/// Whom a text of this form means: a device, or a device, `/`, and a module.
pub(super) fn identity_of(text: &str) -> IdentityId {
    let (device, module) = match text.split_once('/') {
        None => (text, None),
        Some((device, module)) => (device, Some(module)),
    };
    IdentityId {
        device: device.to_owned(),
        module: module.map(str::to_owned),
    }
}

pub(super) fn configuration_key(id: &str) -> String {
    format!("{CONFIGURATION}{id}")
}

pub(super) fn parse_configuration(key: &[u8], row: &[u8]) -> Option<Configuration> {
    let id = str::from_utf8(key).ok()?.strip_prefix(CONFIGURATION)?;
    let configuration: Configuration = serde_json::from_slice(row).ok()?;
    (configuration.id == id).then_some(configuration)
}

pub(super) fn upload_key(id: &UploadId) -> String {
    format!("{UPLOAD}{}/{}", id.device, id.correlation)
}

pub(super) fn parse_upload(key: &[u8], row: &[u8]) -> Option<(UploadId, Upload)> {
    let key = str::from_utf8(key).ok()?.strip_prefix(UPLOAD)?;
    let (device, correlation) = key.split_once('/')?;
    let id = UploadId {
        device: device.to_owned(),
        correlation: correlation.to_owned(),
    };
    Some((id, serde_json::from_slice(row).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn events_and_spans_come_back_as_they_went(
            sequence_number in 0..i64::MAX,
            offset: i64,
            ms in -8_000_000_000_000_i64..8_000_000_000_000,
            encoded: Vec<u8>,
        ) {
            let there = StoredEvent {
                sequence_number,
                offset,
                enqueued: time(ms).unwrap(),
                encoded: encoded.into(),
            };
            let key = place(7, sequence_number);
            let row = Bytes::from(event(&there));
            let back = parse_event(&key, &row).unwrap();
            prop_assert_eq!(&back, &there);
            let back = parse_span(&key, &span(&there)).unwrap();
            prop_assert_eq!((back.sequence_number, back.offset, back.enqueued), (sequence_number, offset, there.enqueued));
            prop_assert!(place(7, sequence_number) < place(8, 0));
            prop_assert!(sequence_number == 0 || place(7, sequence_number - 1) < key);
        }

        #[test]
        fn strange_rows_are_no_rows(key: Vec<u8>, row: Vec<u8>) {
            let _ = (parse_numbers(&row), parse_head(&row), parse_span(&key, &row));
            let _ = (parse_twin(&key, &row), parse_configuration(&key, &row));
            let _ = parse_upload(&key, &row);
            let _ = (parse_identity(&key, &row), parse_event(&key, &Bytes::from(row)));
        }
    }
}
