//! Files that are read whole, and files that are replaced whole.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a file could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is larger than anything that belongs here.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that are taken.
        limit: u64,
    },
    /// It is not UTF-8.
    #[error("{} is not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// It is a link to another file, which might be anybody's.
    #[error("cannot write {}: it is a link", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The folder that it would stand in is not there.
    #[error("cannot write {}: there is no folder {}", path.display(), folder.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// It cannot be written; what stood there before still does.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Opens a file that is read piece by piece.
///
/// # Errors
/// [`FileError::Read`], for a folder as well.
pub fn open(path: &Path) -> Result<std::fs::File, FileError> {
    let fault = |source| FileError::Read {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(fault)?;
    if file.metadata().map_err(fault)?.is_dir() {
        return Err(fault(io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// [`FileError::Read`] and [`FileError::TooLarge`].
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let fault = |source| FileError::Read {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(fault)?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(bytes)
}

/// The text of UTF-16 with its mark in front, as Windows PowerShell writes what goes through its `>`.
fn of_utf16(bytes: &[u8]) -> Option<String> {
    let (rest, unit): (_, fn([u8; 2]) -> u16) = match bytes {
        [0xff, 0xfe, rest @ ..] => (rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => (rest, u16::from_be_bytes),
        _ => return None,
    };
    let units = rest.as_chunks().0.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).collect::<Result<_, _>>().ok()
}

/// Reads a text file of at most `limit` bytes.
///
/// # Errors
/// [`FileError`].
pub fn read_text(path: &Path, limit: u64) -> Result<String, FileError> {
    let bytes = read(path, limit)?;
    if let Some(text) = of_utf16(&bytes) {
        return Ok(text);
    }
    String::from_utf8(bytes).map_err(|_| FileError::NotText {
        path: path.to_owned(),
    })
}

/// Puts `bytes` in the place of `path`, readable by its owner alone (0600): wholly or not at all. Missing folders are
/// made. Something that is no regular file (a terminal, `/dev/stdout`) is written to as it is.
///
/// # Errors
/// [`FileError::Write`]; the old file then stands untouched.
pub fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let fault = |source| FileError::Write {
        path: path.to_owned(),
        source,
    };
    // What a link points to counts: `/dev/stdout` is a link to a terminal or a pipe.
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            return Err(fault(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        Ok(metadata) if !metadata.is_file() => {
            return std::fs::OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut device| device.write_all(bytes).and_then(|()| device.flush()))
                .map_err(fault);
        }
        Ok(metadata) if metadata.permissions().readonly() => {
            return Err(fault(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the file is read-only",
            )));
        }
        Err(_) if std::fs::symlink_metadata(path).is_ok() => {
            return Err(fault(io::Error::new(
                io::ErrorKind::NotFound,
                "it is a link to something that is not there",
            )));
        }
        Ok(_) | Err(_) => {}
    }
    // A link's target is what the user means; replacing the link itself would leave the target as it was.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    replace(&target, bytes).map_err(fault)
}

/// The folder that [`replace_private`] will have to make for this file, if there is none yet.
#[must_use]
pub fn missing_folder(path: &Path) -> Option<&Path> {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
}

/// Holds a file to a folder that is there.
///
/// # Errors
/// [`FileError::NoFolder`].
pub fn require_folder(path: &Path) -> Result<(), FileError> {
    match missing_folder(path) {
        Some(folder) => Err(FileError::NoFolder {
            path: path.to_owned(),
            folder: folder.to_owned(),
        }),
        None => Ok(()),
    }
}

/// What stands where a file will be generated, if that is a regular file of at most `limit` bytes that can be read. A
/// pipe is not read, for that would wait for its writer.
///
/// # Errors
/// [`FileError::Link`] for a link to a file or to nothing: a secret goes where the user said, and nowhere else. A link
/// to a terminal or a pipe (`/dev/stdout`) is none of that.
pub fn standing(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    let followed = std::fs::metadata(path);
    let is_file = followed.as_ref().is_ok_and(std::fs::Metadata::is_file);
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if is_link && (is_file || followed.is_err()) {
        return Err(FileError::Link {
            path: path.to_owned(),
        });
    }
    Ok(if is_file {
        read(path, limit).ok()
    } else {
        None
    })
}

/// Deletes a file; one that is not there is deleted already.
///
/// # Errors
/// [`FileError::Write`].
pub fn remove(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(FileError::Write {
            path: path.to_owned(),
            source,
        }),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A file that is written piece by piece, readable by its owner alone (0600), and takes its place when it is whole. Where
/// it is dropped before that, what stood there still does.
#[derive(Debug)]
pub struct Replacement {
    path: PathBuf,
    file: tempfile::NamedTempFile,
}

/// Whether both paths lead to the same file.
#[must_use]
pub fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    real(one).is_some_and(|one| real(other) == Some(one))
}

impl Replacement {
    /// Begins a file that will stand at `path`. Missing folders are made.
    ///
    /// # Errors
    /// [`FileError::Write`] where something else than a file that can be written stands there, [`FileError::Link`] for a
    /// link.
    pub fn begin(path: &Path) -> Result<Self, FileError> {
        standing(path, 0)?;
        let fault = |source| FileError::Write {
            path: path.to_owned(),
            source,
        };
        if let Ok(metadata) = std::fs::metadata(path) {
            if !metadata.is_file() {
                return Err(fault(io::Error::other("it is no regular file")));
            }
            if metadata.permissions().readonly() {
                return Err(fault(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the file is read-only",
                )));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            file: beside(path).map_err(fault)?,
        })
    }

    /// Writes the next piece.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file
            .write_all(bytes)
            .map_err(|source| FileError::Write {
                path: self.path.clone(),
                source,
            })
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// [`FileError::Write`]; the old file then stands untouched.
    pub fn finish(self) -> Result<(), FileError> {
        let path = self.path;
        let synced = self.file.as_file().sync_all();
        synced
            .and_then(|()| self.file.persist(&path).map_err(|error| error.error))
            .map(|_| ())
            .map_err(|source| FileError::Write { path, source })
    }
}

/// Keeps a file to one process at a time. The lock stands on a file of its own beside it, for the file itself is replaced;
/// the system lifts it when the process ends, however it ends. That file stays: taking it away would let two in.
#[derive(Debug)]
pub struct FileLock {
    _file: std::fs::File,
}

impl FileLock {
    /// Locks `path`, which need not be there yet; none where another process has it.
    ///
    /// # Errors
    /// [`FileError::NoFolder`] and [`FileError::Write`].
    pub fn take(path: &Path) -> Result<Option<Self>, FileError> {
        require_folder(path)?;
        // Two names of one file have one lock.
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut name = real.into_os_string();
        name.push(".lock");
        let beside = PathBuf::from(name);
        let fault = |source| FileError::Write {
            path: beside.clone(),
            source,
        };
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).truncate(false).write(true);
        let file = file.open(&beside).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(source)) => Err(fault(source)),
        }
    }
}

/// Takes everyone's rights but the owner's from a file that is kept as it is; its time stays.
///
/// # Errors
/// [`FileError::Write`].
pub fn keep_private(path: &Path) -> Result<(), FileError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let fault = |source| FileError::Write {
            path: path.to_owned(),
            source,
        };
        let mut permissions = std::fs::metadata(path).map_err(fault)?.permissions();
        if permissions.mode() & 0o077 != 0 {
            permissions.set_mode(permissions.mode() & 0o700);
            std::fs::set_permissions(path, permissions).map_err(fault)?;
        }
    }
    // Elsewhere there is nothing to take away.
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// A new file in the folder of `target`, which is made where it is missing.
fn beside(target: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // tempfile makes its files 0600.
    tempfile::Builder::new()
        .prefix(".hubctl-")
        .tempfile_in(folder)
}

fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = beside(target)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/deep/file");
        assert_eq!(missing_folder(&path), path.parent());
        replace_private(&path, b"one").unwrap();
        assert_eq!(missing_folder(&path), None);
        assert_eq!(missing_folder(Path::new("file")), None);
        replace_private(&path, b"two").unwrap();
        assert_eq!(read(&path, 10).unwrap(), b"two");
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        assert!(matches!(read(&path, 2), Err(FileError::TooLarge { .. })));
    }

    #[test]
    fn a_lock_is_held_once_and_lifted_when_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let held = FileLock::take(&path).unwrap();
        assert!(held.is_some());
        assert!(FileLock::take(&path).unwrap().is_none());
        drop(held);
        assert!(FileLock::take(&path).unwrap().is_some());
        assert!(
            FileLock::take(&folder.path().join("other"))
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn no_lock_makes_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/file");
        let refused = FileLock::take(&path);
        assert!(matches!(refused, Err(FileError::NoFolder { .. })));
        assert_eq!(missing_folder(&path), path.parent());
    }

    #[cfg(unix)]
    #[test]
    fn what_stands_is_read_and_links_to_files_are_refused() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        assert!(standing(&file, 9).unwrap().is_none());
        symlink(&file, &link).unwrap();
        assert!(matches!(standing(&link, 9), Err(FileError::Link { .. })));
        std::fs::write(&file, "old").unwrap();
        assert!(matches!(standing(&link, 9), Err(FileError::Link { .. })));
        assert_eq!(standing(&file, 9).unwrap().unwrap(), b"old");
        assert!(standing(&file, 2).unwrap().is_none());
        assert!(standing(folder.path(), 9).unwrap().is_none());
        std::fs::remove_file(&link).unwrap();
        symlink("/dev/null", &link).unwrap();
        assert!(standing(&link, 9).unwrap().is_none());
        let modified = || std::fs::metadata(&file).unwrap().modified().unwrap();
        let before = modified();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o664)).unwrap();
        keep_private(&file).unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!((mode & 0o777, modified()), (0o600, before));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_never_replaced() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        symlink(&target, &link).unwrap();
        assert!(matches!(
            replace_private(&link, b"x"),
            Err(FileError::Write { .. })
        ));
        std::fs::write(&target, "old").unwrap();
        replace_private(&link, b"new").unwrap();
        assert_eq!(read(&target, 10).unwrap(), b"new");
        let device = folder.path().join("device");
        symlink("/dev/null", &device).unwrap();
        replace_private(&device, b"x").unwrap();
        assert!(std::fs::symlink_metadata(&device).unwrap().is_symlink());
    }

    #[test]
    fn text_of_windows_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let units = "\u{feff}HostName=h".encode_utf16();
        std::fs::write(&path, units.flat_map(u16::to_le_bytes).collect::<Vec<_>>()).unwrap();
        assert_eq!(read_text(&path, 100).unwrap(), "HostName=h");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told() {
        assert!(matches!(
            replace_private(Path::new("/dev/full"), b"x"),
            Err(FileError::Write { .. })
        ));
    }
}
