//! What is asked of many identities at once.

use super::Refusal;
use crate::model::device::{Identity, IdentityId};
use crate::model::twin::TwinChange;

/// What is to be done with one of many identities. Source: azure-iot-sdk-csharp, `ImportMode.cs`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ImportMode {
    /// It is made, or replaced.
    #[default]
    CreateOrUpdate,
    /// The same, but it is replaced only if its `ETag` is the one that is given.
    CreateOrUpdateIfMatchETag,
    /// It is made.
    Create,
    /// It is replaced.
    Update,
    /// It is replaced if its `ETag` is the one that is given.
    UpdateIfMatchETag,
    /// It is deleted.
    Delete,
    /// It is deleted if its `ETag` is the one that is given.
    DeleteIfMatchETag,
    /// Its twin is patched.
    UpdateTwin,
    /// Its twin is patched if its `ETag` is the one that is given.
    UpdateTwinIfMatchETag,
}

impl ImportMode {
    /// By its name in JSON; the Node SDK writes some with a capital.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(name))
    }

    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateOrUpdate => "createOrUpdate",
            Self::CreateOrUpdateIfMatchETag => "createOrUpdateIfMatchETag",
            Self::Create => "create",
            Self::Update => "update",
            Self::UpdateIfMatchETag => "updateIfMatchETag",
            Self::Delete => "delete",
            Self::DeleteIfMatchETag => "deleteIfMatchETag",
            Self::UpdateTwin => "updateTwin",
            Self::UpdateTwinIfMatchETag => "updateTwinIfMatchETag",
        }
    }

    /// Whether an identity that is there may be replaced, whatever its `ETag`.
    pub(in crate::emulator) fn may_update(self) -> bool {
        matches!(self, Self::CreateOrUpdate | Self::Update)
    }

    const ALL: [Self; 9] = [
        Self::CreateOrUpdate,
        Self::CreateOrUpdateIfMatchETag,
        Self::Create,
        Self::Update,
        Self::UpdateIfMatchETag,
        Self::Delete,
        Self::DeleteIfMatchETag,
        Self::UpdateTwin,
        Self::UpdateTwinIfMatchETag,
    ];
}

/// One of many changes.
#[derive(Debug, Clone)]
pub struct BulkChange {
    /// What is to be done.
    pub mode: ImportMode,
    /// The device or module, with its ids.
    pub identity: Identity,
    /// The identity's `ETag`, for the modes that look at it.
    pub etag: Option<String>,
    /// What is to become of its twin.
    pub twin: TwinChange,
    /// The twin's `ETag`, for the mode that looks at it.
    pub twin_etag: Option<String>,
}

impl BulkChange {
    /// Whom it is about.
    #[must_use]
    pub fn id(&self) -> IdentityId {
        IdentityId {
            device: self.identity.device_id.clone(),
            module: self.identity.module_id.clone(),
        }
    }
}

/// One of many changes that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkError {
    /// Whom it was about.
    pub identity: IdentityId,
    /// What was to be done.
    pub mode: ImportMode,
    /// Why it was not.
    pub refusal: Refusal,
}
