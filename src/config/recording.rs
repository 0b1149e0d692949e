//! The file of a recording: begun anew or carried on, and never with half a line in its midst.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;

use super::file::{self, FileError};

/// How every line of a recording begins.
const BEGINNING: &[u8] = b"{\"partition\":";

/// The longest that a line may be, in bytes.
pub const LONGEST_LINE: usize = 8 << 20;

/// What to do with a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is an error.
    Refuse,
    /// It is carried on.
    Append,
    /// It is emptied.
    Replace,
}

/// Why a recording cannot be begun.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// There is a file already.
    #[error("{} is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It ends in something that no recording ends in.
    #[error("{} is no recording: its last line is not one of an event", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file system.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What went wrong in writing a recording, for whoever began it.
#[derive(Debug, Clone, Default)]
pub struct Fault(Arc<Mutex<Option<io::Error>>>);

impl Fault {
    /// Takes it out, if there is one.
    #[must_use]
    pub fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The file of a recording, as it is written to.
#[derive(Debug)]
pub struct Tape {
    file: File,
    /// How many bytes of half a line were cut off.
    pub torn: u64,
    fault: Fault,
}

impl Tape {
    /// Where it is told what goes wrong.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault.clone()
    }
}

impl io::Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                let told = io::Error::new(error.kind(), error.to_string());
                let mut fault = self.fault.0.lock().unwrap_or_else(PoisonError::into_inner);
                *fault = Some(told);
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Opens the file of a recording. Half a line at the end of one that is carried on, which a process that was killed left
/// there, is cut off.
///
/// # Errors
/// [`RecordingError`].
pub fn open(path: &Path, standing: Standing) -> Result<Tape, RecordingError> {
    let (file, torn) = open_file(path, standing)?;
    Ok(Tape {
        file,
        torn,
        fault: Fault::default(),
    })
}

fn open_file(path: &Path, standing: Standing) -> Result<(File, u64), RecordingError> {
    let fault = |source| FileError::Write {
        path: path.to_owned(),
        source,
    };
    file::require_folder(path)?;
    let mut options = OpenOptions::new();
    let opened = match standing {
        Standing::Refuse => options.write(true).create_new(true).open(path),
        Standing::Append => options.read(true).append(true).create(true).open(path),
        Standing::Replace => options.write(true).create(true).truncate(true).open(path),
    };
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(RecordingError::Exists {
                path: path.to_owned(),
            });
        }
        opened => opened.map_err(fault)?,
    };
    if standing != Standing::Append {
        return Ok((file, 0));
    }
    let rest = last_line(&mut file).map_err(fault)?;
    if rest.is_empty() {
        return Ok((file, 0));
    }
    if !BEGINNING.starts_with(&rest[..rest.len().min(BEGINNING.len())]) {
        return Err(RecordingError::Foreign {
            path: path.to_owned(),
        });
    }
    if serde_json::from_slice::<serde::de::IgnoredAny>(&rest).is_ok() {
        // Whole but for its end.
        file.write_all(b"\n").map_err(fault)?;
        return Ok((file, 0));
    }
    let torn = rest.len() as u64;
    let length = file.metadata().map_err(fault)?.len();
    file.set_len(length.saturating_sub(torn)).map_err(fault)?;
    Ok((file, torn))
}

/// What stands behind the last end of a line.
fn last_line(file: &mut File) -> io::Result<Vec<u8>> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(LONGEST_LINE as u64);
    file.seek(SeekFrom::Start(start))?;
    let mut end = Vec::new();
    file.take(LONGEST_LINE as u64).read_to_end(&mut end)?;
    let line = end.iter().rposition(|byte| *byte == b'\n');
    Ok(end.split_off(line.map_or(0, |line| line + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried_on(before: &str) -> Result<(String, u64), RecordingError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        std::fs::write(&path, before).unwrap();
        let mut tape = open(&path, Standing::Append)?;
        tape.write_all(b"new\n").unwrap();
        Ok((std::fs::read_to_string(&path).unwrap(), tape.torn))
    }

    #[test]
    fn half_a_line_is_cut_off_and_a_whole_one_ended() {
        let whole = "{\"partition\":\"0\"}";
        for (before, after, torn) in [
            (String::new(), "new\n".to_owned(), 0),
            (format!("{whole}\n"), format!("{whole}\nnew\n"), 0),
            (whole.to_owned(), format!("{whole}\nnew\n"), 0),
            (format!("{whole}\n{{\"par"), format!("{whole}\nnew\n"), 5),
            ("{\"partition\":\"0".to_owned(), "new\n".to_owned(), 15),
        ] {
            assert_eq!(carried_on(&before).unwrap(), (after, torn), "{before}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_goes_wrong_is_kept() {
        let mut tape = open(Path::new("/dev/full"), Standing::Replace).unwrap();
        let fault = tape.fault();
        assert!(fault.take().is_none());
        tape.write_all(b"new\n").unwrap_err();
        assert_eq!(fault.take().unwrap().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn what_is_no_recording_is_left_alone() {
        let refused = carried_on("dear diary").unwrap_err();
        assert!(matches!(refused, RecordingError::Foreign { .. }));
    }

    #[test]
    fn what_stands_is_not_overwritten_by_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        std::fs::write(&path, "old").unwrap();
        let refused = open(&path, Standing::Refuse).unwrap_err();
        assert!(matches!(refused, RecordingError::Exists { .. }));
        open(&path, Standing::Replace).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }
}
