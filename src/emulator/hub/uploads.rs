//! Uploads that devices have begun and not ended.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How long access to a blob lasts ("Upload files with IoT Hub": the default).
const TIME_TO_LIVE: TimeDelta = TimeDelta::hours(1);

/// Whose upload, and which: the device's id and the correlation id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UploadId {
    /// The device.
    pub device: String,
    /// What the device calls it by.
    pub correlation: String,
}

/// An upload that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    /// The blob's name in the container.
    pub blob: String,
    /// When it was begun, in microseconds since 1970.
    pub began_micros: i64,
}

impl Upload {
    /// Until when it is open.
    pub(super) fn expires(&self) -> DateTime<Utc> {
        let began = DateTime::from_timestamp_micros(self.began_micros).unwrap_or_default();
        began + TIME_TO_LIVE
    }
}

#[derive(Debug, Default)]
pub(super) struct Uploads(BTreeMap<UploadId, Upload>);

impl Uploads {
    /// As a store has kept them.
    pub(super) fn restore(kept: Vec<(UploadId, Upload)>) -> Self {
        Self(kept.into_iter().collect())
    }

    pub(super) fn find(&self, id: &UploadId) -> Option<&Upload> {
        self.0.get(id)
    }

    /// Puts one in the place of what is there.
    pub(super) fn put(&mut self, id: &UploadId, upload: Option<Upload>) {
        match upload {
            Some(upload) => self.0.insert(id.clone(), upload),
            None => self.0.remove(id),
        };
    }

    /// All of a device's.
    pub(super) fn of(&self, device: &str) -> impl Iterator<Item = (&UploadId, &Upload)> {
        let first = UploadId {
            device: device.to_owned(),
            correlation: String::new(),
        };
        let device = device.to_owned();
        let all = self.0.range(first..);
        all.take_while(move |(id, _)| id.device == device)
    }
}
