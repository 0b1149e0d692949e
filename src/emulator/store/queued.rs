//! How messages to devices, feedback and notifications stand in the store: the length of a JSON head in four bytes, the head, the body.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::row;
use crate::emulator::hub::command::{Ack, CloudMessage, DeviceMessage};
use crate::emulator::hub::record::{Holder, KeptMessage, Lock, Queued};
use crate::model::device::IdentityId;
use crate::model::feedback::FeedbackRecord;
use crate::model::file_notification::FileNotification;

/// The number stands behind a `/`, which is in no id.
pub(super) fn message_key(identity: &IdentityId, number: i64) -> Vec<u8> {
    let mut key = row::identity_key(&identity.device, identity.module.as_deref()).into_bytes();
    key.push(b'/');
    key.extend(number.to_be_bytes());
    key
}

fn parse_message_key(key: &[u8]) -> Option<(IdentityId, i64)> {
    let (name, number) = key.split_last_chunk::<8>()?;
    let name = str::from_utf8(name.strip_suffix(b"/")?).ok()?;
    let (device, module) = match name.split_once('/') {
        None => (name, None),
        Some((device, module)) => (device, Some(module.to_owned())),
    };
    let device = device.to_owned();
    let number = i64::from_be_bytes(*number);
    Some((IdentityId { device, module }, number))
}

/// Times in microseconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<T> {
    enqueued: i64,
    expires: i64,
    deliveries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lock: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locked_until: Option<i64>,
    content: T,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MessageRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_encoding: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<String>,
}

pub(super) fn message(item: &Queued<CloudMessage>) -> Result<Vec<u8>, serde_json::Error> {
    let CloudMessage {
        message,
        expiry,
        ack,
    } = item.content.as_ref();
    let content = MessageRow {
        message_id: message.message_id.clone(),
        correlation_id: message.correlation_id.clone(),
        user_id: message.user_id.clone(),
        content_type: message.content_type.clone(),
        content_encoding: message.content_encoding.clone(),
        properties: message.properties.clone(),
        expiry: *expiry,
        ack: ack.said().map(str::to_owned),
    };
    write(item, content, &message.body)
}

pub(super) fn parse_message(key: &[u8], row: &[u8]) -> Option<KeptMessage> {
    let (identity, number) = parse_message_key(key)?;
    let (head, body) = read::<MessageRow>(row)?;
    let content = &head.content;
    let content = CloudMessage {
        message: DeviceMessage {
            body: Bytes::copy_from_slice(body),
            message_id: content.message_id.clone(),
            correlation_id: content.correlation_id.clone(),
            user_id: content.user_id.clone(),
            content_type: content.content_type.clone(),
            content_encoding: content.content_encoding.clone(),
            properties: content.properties.clone(),
            ..DeviceMessage::default()
        },
        expiry: content.expiry,
        ack: match &content.ack {
            Some(ack) => Ack::parse(ack)?,
            None => Ack::Unsaid,
        },
    };
    Some(KeptMessage {
        identity,
        message: item(number, &head, content)?,
    })
}

pub(super) fn feedback(item: &Queued<FeedbackRecord>) -> Result<Vec<u8>, serde_json::Error> {
    write(item, item.content.as_ref(), &[])
}

pub(super) fn parse_feedback(key: &[u8], row: &[u8]) -> Option<Queued<FeedbackRecord>> {
    let number = i64::from_be_bytes(key.try_into().ok()?);
    let (head, _) = read::<FeedbackRecord>(row)?;
    item(number, &head, head.content.clone())
}

pub(super) fn file_key(number: i64) -> Vec<u8> {
    [row::FILE.as_bytes(), &number.to_be_bytes()].concat()
}

pub(super) fn file(item: &Queued<FileNotification>) -> Result<Vec<u8>, serde_json::Error> {
    write(item, item.content.as_ref(), &[])
}

pub(super) fn parse_file(key: &[u8], row: &[u8]) -> Option<Queued<FileNotification>> {
    let number = key.strip_prefix(row::FILE.as_bytes())?.try_into().ok()?;
    let (head, _) = read::<FileNotification>(row)?;
    item(i64::from_be_bytes(number), &head, head.content.clone())
}

fn write<T>(
    item: &Queued<T>,
    content: impl Serialize,
    body: &[u8],
) -> Result<Vec<u8>, serde_json::Error> {
    // Who was connected is not any more when this is read.
    let lock = item.lock.and_then(|lock| match lock.holder {
        Holder::Until(end) => Some((lock.token, end)),
        Holder::Listener(_) => None,
    });
    let head = serde_json::to_vec(&Head {
        enqueued: item.enqueued.timestamp_micros(),
        expires: item.expires.timestamp_micros(),
        deliveries: item.deliveries,
        lock: lock.map(|(token, _)| token.to_string()),
        locked_until: lock.map(|(_, end)| end.timestamp_micros()),
        content,
    })?;
    let length = u32::try_from(head.len()).unwrap_or(u32::MAX);
    Ok([&length.to_be_bytes(), head.as_slice(), body].concat())
}

fn read<'r, T: Deserialize<'r>>(row: &'r [u8]) -> Option<(Head<T>, &'r [u8])> {
    let (length, rest) = row.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (head, body) = rest.split_at_checked(length)?;
    Some((serde_json::from_slice(head).ok()?, body))
}

fn item<T, H>(number: i64, head: &Head<H>, content: T) -> Option<Queued<T>> {
    let token = head.lock.as_deref().map(Uuid::parse_str);
    let end = head.locked_until.map(DateTime::from_timestamp_micros);
    let lock = match (token, end) {
        (Some(token), Some(end)) => Some(Lock {
            token: token.ok()?,
            holder: Holder::Until(end?),
        }),
        _ => None,
    };
    Some(Queued {
        number,
        enqueued: DateTime::from_timestamp_micros(head.enqueued)?,
        expires: DateTime::from_timestamp_micros(head.expires)?,
        deliveries: head.deliveries,
        lock,
        content: Arc::new(content),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Option<String>> {
        prop::option::of(".{0,12}")
    }

    prop_compose! {
        fn content()(
            [message_id, correlation_id, user_id, content_type, content_encoding] in [text(), text(), text(), text(), text()],
            properties in prop::collection::btree_map(".{0,9}", ".{0,9}", 0..4),
            body: Vec<u8>,
            expiry: Option<i64>,
            ack in prop_oneof![Just(Ack::Unsaid), Just(Ack::None), Just(Ack::Positive), Just(Ack::Negative), Just(Ack::Full)],
        ) -> CloudMessage {
            let message = DeviceMessage {
                body: body.into(),
                message_id,
                correlation_id,
                user_id,
                content_type,
                content_encoding,
                properties,
                ..DeviceMessage::default()
            };
            CloudMessage { message, expiry, ack }
        }
    }

    proptest! {
        #[test]
        fn a_message_comes_back_as_it_went(
            content in content(),
            number: i64,
            times in [0_i64..4_000_000_000_000_000, 0_i64..4_000_000_000_000_000],
            deliveries: u32,
            lock in prop::option::of((any::<u128>(), 0_i64..4_000_000_000_000_000)),
            module in prop::option::of("[a-z]{1,9}"),
        ) {
            let time = |micros| DateTime::from_timestamp_micros(micros).unwrap();
            let identity = IdentityId { device: "d#1".to_owned(), module };
            let message_there = Queued {
                number,
                enqueued: time(times[0]),
                expires: time(times[1]),
                deliveries,
                lock: lock.map(|(token, end)| Lock {
                    token: Uuid::from_u128(token),
                    holder: Holder::Until(time(end)),
                }),
                content: Arc::new(content),
            };
            let key = message_key(&identity, number);
            let row = message(&message_there).unwrap();
            let back = parse_message(&key, &row).unwrap();
            prop_assert_eq!(back, KeptMessage { identity, message: message_there });
        }

        #[test]
        fn strange_rows_are_no_rows(key: Vec<u8>, row: Vec<u8>) {
            let _ = (parse_message(&key, &row), parse_feedback(&key, &row), parse_file(&key, &row));
        }
    }
}
