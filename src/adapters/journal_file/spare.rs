//! The file of the next segment, opened before it is needed.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use super::directory::SPARE;
use super::opening::{self, failed, full_or_failed};
use crate::ports::journal::JournalError;

/// Empty, and under a name of its own. Removed when dropped; what a crash leaves, the next start
/// removes.
#[derive(Debug)]
pub(super) struct Spare {
    /// `None` once it is a segment.
    file: Option<File>,
    path: PathBuf,
}

impl Spare {
    /// Nothing need be durable yet.
    pub(super) fn open(directory: &Path) -> Result<Self, JournalError> {
        let path = directory.join(SPARE);
        let options = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .clone();
        let file = opening::open_with(&options, &path);
        let file = file.map_err(|cause| full_or_failed(&path, cause))?;
        Ok(Self {
            file: Some(file),
            path,
        })
    }

    /// Gives it the name of a segment, which nothing may have yet. Whoever has the lock of the
    /// journal is the only one to name files here.
    pub(super) fn become_segment(mut self, path: &Path) -> Result<File, JournalError> {
        if path.exists() {
            let cause = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(failed(path, cause));
        }
        fs::rename(&self.path, path).map_err(|cause| full_or_failed(path, cause))?;
        Ok(self.file.take().expect("it is taken once"))
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}
