//! What is asked of jobs that carry the registry to storage and back. The hub never speaks to storage: whoever carries a
//! job out asks for identities page by page, or brings them.

use serde_json::Value;

use super::BulkChange;
use crate::model::configuration::Draft;
use crate::model::device::IdentityId;

/// What can be done about such jobs.
#[derive(Debug, Clone)]
pub enum TransferOperation {
    /// Makes one, of which there is one at a time. The reply is [`super::Reply::Json`].
    Create {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// The body.
        request: Box<TransferRequest>,
    },
    /// One that has been made and cannot begin is forgotten. The reply is [`super::Reply::Done`].
    Withdraw {
        /// Which.
        id: String,
    },
    /// Lists all. The reply is [`super::Reply::Json`].
    List {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
    },
    /// Reads one. The reply is [`super::Reply::Json`].
    Read {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// Which.
        id: String,
    },
    /// Ends one; what it has done stays. The reply is [`super::Reply::Done`].
    Cancel {
        /// The token from the `Authorization` header, if there was one.
        token: Option<String>,
        /// Which.
        id: String,
    },
    /// One begins. The reply is [`super::Reply::Done`].
    Begin {
        /// Which.
        id: String,
    },
    /// The next identities of an export: devices, and behind the last of them modules. The reply is
    /// [`super::Reply::Exported`].
    Export {
        /// Which job.
        id: String,
        /// The last one that was given, a module where modules have begun.
        after: Option<ExportPlace>,
    },
    /// Carries out the next changes of an import. The reply is [`super::Reply::Bulk`].
    Import {
        /// Which job.
        id: String,
        /// The changes, in order.
        changes: Vec<BulkChange>,
        /// How far it has come, in percent.
        progress: u8,
    },
    /// All configurations, for an export. The reply is [`super::Reply::Json`], an array.
    ExportConfigurations {
        /// Which job.
        id: String,
    },
    /// Makes a configuration, or replaces the one that is there, for an import. The reply is [`super::Reply::Done`].
    ImportConfiguration {
        /// Which job.
        id: String,
        /// The configuration's id.
        configuration: String,
        /// The line.
        draft: Box<Draft>,
        /// The `ETag` that one that is there has to have.
        etag: Option<String>,
    },
    /// One is over. The reply is [`super::Reply::Done`].
    End {
        /// Which.
        id: String,
        /// Why it has failed, if it has.
        failure: Option<String>,
    },
}

/// How far an export has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportPlace {
    /// Behind this device.
    Device(IdentityId),
    /// All devices were given, and no module.
    Modules,
    /// Behind this module.
    Module(IdentityId),
}

/// A page of an export.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The identities, as the lines of a file have them.
    pub rows: Vec<Value>,
    /// Where the next page begins; `None` behind the last.
    pub next: Option<ExportPlace>,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `import`
    Import,
    /// `export`
    Export,
}

impl Direction {
    /// The type's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Export => "export",
        }
    }
}

/// A job to be. Addresses give access and are not shown again.
#[derive(Clone, PartialEq, Eq)]
pub struct TransferRequest {
    /// Which way.
    pub direction: Direction,
    /// The container that is read from, for an import.
    pub input: Option<String>,
    /// The blob in it.
    pub input_blob: String,
    /// The container that is written to.
    pub output: String,
    /// The blob in it: the identities, or what was refused of them.
    pub output_blob: String,
    /// The blob with configurations, where these are to go along.
    pub configurations_blob: Option<String>,
    /// Whether keys stay out of the file.
    pub excludes_keys: bool,
    /// Whether the hub opens the containers by who it is, and not with what the addresses bring.
    pub by_identity: bool,
}

impl std::fmt::Debug for TransferRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransferRequest")
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}
