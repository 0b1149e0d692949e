//! Why a file of the emulator's cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file or folder cannot be made, read or written.
#[derive(Debug, Error)]
#[error("cannot {action} {}", path.display())]
pub struct FileError {
    /// `read`, `write`, …
    pub action: &'static str,
    /// Which.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// What could not be done with this file, once it is known why.
    pub(super) fn of(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self {
            action,
            path,
            source,
        }
    }
}
