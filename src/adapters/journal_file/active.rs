//! The newest segment, the only one that is written to.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::{Errno, retry_on_intr};

use super::directory::SyncedDirectory;
use super::opening::{self, failed, full_or_failed};
use super::spare::Spare;
use crate::domain::ids::Position;
use crate::domain::lack::Lack;
use crate::logic::journal::segment;
use crate::ports::journal::JournalError;

/// A file whose space is reserved ahead: a sync then need not record a new length, which halves
/// its time. Everything from `end` on is zero.
#[derive(Debug)]
pub(super) struct ActiveSegment {
    file: File,
    path: PathBuf,
    first: Position,
    end: u64,
    /// The length of the file, in bytes.
    reserved: u64,
}

impl ActiveSegment {
    /// Makes `spare` the segment at `path` that begins with `first`, durably. On
    /// [`JournalError::Full`] there is no new segment.
    pub(super) fn create(
        spare: Spare,
        path: PathBuf,
        first: Position,
        segment_bytes: u64,
        names: &SyncedDirectory,
    ) -> Result<Self, JournalError> {
        let mut segment = Self {
            file: spare.become_segment(&path)?,
            path,
            first,
            end: 0,
            reserved: 0,
        };
        match segment.begin(names, segment_bytes) {
            Ok(()) => Ok(segment),
            Err(error) => {
                let removed = fs::remove_file(&segment.path);
                removed.map_err(|cause| failed(&segment.path, cause))?;
                Err(error)
            }
        }
    }

    /// Opens the segment at `path` again, cut to its first `end` bytes, durably.
    pub(super) fn reopen(path: PathBuf, first: Position, end: u64) -> Result<Self, JournalError> {
        let open = || {
            let file = OpenOptions::new().read(true).write(true).open(&path)?;
            file.set_len(end)?;
            file.sync_all()?;
            Ok(file)
        };
        let file = open().map_err(|cause| failed(&path, cause))?;
        Ok(Self {
            file,
            path,
            first,
            end,
            reserved: end,
        })
    }

    pub(super) fn first(&self) -> Position {
        self.first
    }

    /// Bytes written.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Bytes the file occupies.
    pub(super) fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Writes `bytes` behind what is there, with space reserved up to `segment_bytes` if the
    /// disk has it. On [`JournalError::Full`] the segment is as before.
    pub(super) fn write(&mut self, bytes: &[u8], segment_bytes: u64) -> Result<(), JournalError> {
        let needed = self.end + bytes.len() as u64;
        self.reserve(needed, segment_bytes)?;
        if let Err(cause) = self.file.write_all_at(bytes, self.end) {
            return Err(self.undo(self.end, cause));
        }
        self.end = needed;
        self.reserved = self.reserved.max(needed);
        Ok(())
    }

    /// Makes everything written durable.
    pub(super) fn sync(&self) -> Result<(), JournalError> {
        self.file
            .sync_data()
            .map_err(|cause| failed(&self.path, cause))
    }

    /// Gives back what was reserved ahead and makes the rest durable.
    pub(super) fn seal(&mut self) -> Result<(), JournalError> {
        self.shorten(self.end)
            .and_then(|()| self.file.sync_all())
            .map_err(|cause| failed(&self.path, cause))
    }

    fn begin(&mut self, names: &SyncedDirectory, segment_bytes: u64) -> Result<(), JournalError> {
        self.write(&segment::header(self.first), segment_bytes)?;
        self.file
            .sync_all()
            .and_then(|()| names.sync())
            .map_err(|cause| full_or_failed(&self.path, cause))
    }

    /// On a nearly full disk, no more than what is needed now.
    fn reserve(&mut self, needed: u64, segment_bytes: u64) -> Result<(), JournalError> {
        if needed <= self.reserved {
            return Ok(());
        }
        let before = self.reserved;
        let mut lack = Lack::Space;
        for length in [segment_bytes.max(needed), needed] {
            match retry_on_intr(|| {
                fallocate(&self.file, FallocateFlags::empty(), before, length - before)
            }) {
                Ok(()) => {
                    self.reserved = length;
                    return Ok(());
                }
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
                Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => {
                    lack = opening::lack(&errno.into()).unwrap_or(lack);
                    self.shorten(before)
                        .map_err(|cause| failed(&self.path, cause))?;
                }
                Err(errno) => return Err(failed(&self.path, errno.into())),
            }
        }
        Err(JournalError::Full {
            path: self.path.clone(),
            lack,
        })
    }

    /// Takes back a write that failed half-way with `cause`.
    fn undo(&mut self, end: u64, cause: io::Error) -> JournalError {
        match self.shorten(end) {
            Ok(()) => full_or_failed(&self.path, cause),
            Err(worse) => failed(&self.path, worse),
        }
    }

    fn shorten(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.reserved = length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::journal_file::directory::SegmentFile;
    use std::path::Path;

    fn create(
        directory: &Path,
        first: Position,
        bytes: u64,
    ) -> Result<ActiveSegment, JournalError> {
        let path = SegmentFile::plain(directory, first).path;
        let names = SyncedDirectory::open(directory).unwrap();
        ActiveSegment::create(Spare::open(directory)?, path, first, bytes, &names)
    }

    fn length(segment: &ActiveSegment) -> u64 {
        fs::metadata(&segment.path).unwrap().len()
    }

    #[test]
    fn reserves_space_ahead_and_gives_it_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut segment = create(directory.path(), 7, 100_000).unwrap();
        assert_eq!(length(&segment), 100_000);
        segment.write(b"record", 100_000).unwrap();
        assert_eq!(length(&segment), 100_000);
        segment.seal().unwrap();
        let content = fs::read(&segment.path).unwrap();
        assert_eq!(content, [&segment::header(7)[..], b"record"].concat());
    }

    #[test]
    fn grows_beyond_its_size_for_one_large_write() {
        let directory = tempfile::tempdir().unwrap();
        let mut segment = create(directory.path(), 1, 1000).unwrap();
        segment.write(&[1; 5000], 1000).unwrap();
        assert_eq!(segment.end(), 5024);
        assert_eq!(segment.reserved(), length(&segment));
    }

    #[test]
    fn a_reopened_segment_is_cut_and_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let mut segment = create(directory.path(), 1, 1000).unwrap();
        segment.write(b"keep, cut", 1000).unwrap();
        let mut segment = ActiveSegment::reopen(segment.path, 1, 24 + 4).unwrap();
        segment.write(b" on", 1000).unwrap();
        assert_eq!(length(&segment), 1000);
        segment.seal().unwrap();
        assert!(fs::read(&segment.path).unwrap().ends_with(b"keep on"));
    }

    #[test]
    fn never_overwrites_a_segment() {
        let directory = tempfile::tempdir().unwrap();
        create(directory.path(), 1, 1000).unwrap();
        let again = create(directory.path(), 1, 1000);
        assert!(matches!(again, Err(JournalError::Io { .. })));
    }
}
