//! What is asked of uploads. The hub never speaks to storage: whoever asks does, and says what was found there.

use chrono::{DateTime, Utc};

use super::Credential;

/// What a device can do about its uploads.
#[derive(Debug, Clone)]
pub enum UploadOperation {
    /// It is about to upload a file. The reply is [`super::Reply::Upload`].
    Begin {
        /// What the device proves itself with, if it does.
        credential: Option<Credential>,
        /// The device's id from the path, decoded.
        device: String,
        /// What the file is to be called.
        blob: String,
    },
    /// It speaks of an upload that is open. The reply is [`super::Reply::Upload`].
    Find {
        /// What the device proves itself with, if it does.
        credential: Option<Credential>,
        /// The device's id from the path, decoded.
        device: String,
        /// Which upload.
        correlation: String,
    },
    /// It is over; of a file that is there the service is told. The reply is [`super::Reply::Done`].
    End {
        /// What the device proves itself with, if it does.
        credential: Option<Credential>,
        /// The device's id from the path, decoded.
        device: String,
        /// Which upload.
        correlation: String,
        /// What is in storage now; `None` for an upload that has failed.
        found: Option<FoundBlob>,
    },
}

/// A blob as storage shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBlob {
    /// Where it is, without access to it.
    pub uri: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed.
    pub modified: DateTime<Utc>,
}
