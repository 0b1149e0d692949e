//! Why a store cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::emulator::file_error::FileError;

/// Why a store cannot be used. It is never begun anew in the place of one that is there.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another emulator has it open.
    #[error("{} is in use by another emulator", path.display())]
    InUse {
        /// Where it is.
        path: PathBuf,
    },
    /// It has another form than this version reads.
    #[error("{} has the form {found:?}, and this version of hubctl reads {}", path.display(), super::VERSION)]
    Version {
        /// Where it is.
        path: PathBuf,
        /// Its version, as it stands there.
        found: String,
    },
    /// What was written is not what is read.
    #[error("{} is damaged: {problem}", path.display())]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// It was made with another number of partitions.
    #[error("the hub in {} has {kept} partitions, not {wanted}", path.display())]
    Partitions {
        /// Where it is.
        path: PathBuf,
        /// How many it has.
        kept: usize,
        /// How many were asked for.
        wanted: usize,
    },
    /// A file or folder cannot be made, read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl StoreError {
    pub(super) fn damaged(path: &Path, problem: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    /// What the engine says, in our words.
    pub(super) fn engine(path: &Path) -> impl Fn(fjall::Error) -> Self {
        let path = path.to_owned();
        move |error| {
            if let fjall::Error::Locked = error {
                return Self::InUse { path: path.clone() };
            }
            if let fjall::Error::InvalidVersion(found) = error {
                return Self::Version {
                    path: path.clone(),
                    found: format!("{found:?}"),
                };
            }
            if let fjall::Error::Io(source) = &error
                && is_the_systems(source)
            {
                let source = io::Error::new(source.kind(), words(&error));
                return FileError::of("open", &path)(source).into();
            }
            Self::damaged(&path, words(&error))
        }
    }
}

/// Whether a failure says something of the machine, and nothing of what is in the file.
fn is_the_systems(error: &io::Error) -> bool {
    use io::ErrorKind::{
        FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    [
        PermissionDenied,
        StorageFull,
        QuotaExceeded,
        ReadOnlyFilesystem,
        FileTooLarge,
    ]
    .contains(&error.kind())
}

/// The engine's own texts are made for its authors; what the system said stands best alone.
pub(super) fn words(error: &fjall::Error) -> String {
    if let fjall::Error::Io(source) = error {
        return source.to_string();
    }
    let text = error.to_string();
    text.trim_start_matches("FjallError: ").to_owned()
}
