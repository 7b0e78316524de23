//! The journal as files in a directory, owned by one process at a time.
//!
//! ```text
//! wal/lock                                               held while the hub runs
//!     identity                                           whose journal it is, and its epochs
//!     clock                                              by how much the system's clock was set
//!     00000000000000000001-00000000000000812034.base     what is still owed of compacted segments
//!     00000000000000812035.wal                           finished segments
//!     00000000000000990417.wal                           the newest, space reserved ahead
//! ```

mod active;
mod clock;
mod compaction;
pub mod directory;
mod identity;
pub mod opening;
mod reader;
pub mod replay;
mod sealed;
mod spare;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock, statvfs};
use rustix::io::Errno;

use self::active::ActiveSegment;
use self::compaction::FileCompaction;
use self::directory::{SegmentFile, SegmentListing, SyncedDirectory};
use self::opening::failed;
use self::reader::FileReader;
use self::replay::{check_follows, decode, read_newest, read_sealed};
use self::sealed::{Sealed, SealedSegment};
use self::spare::Spare;
use crate::domain::fact::{Fact, Recorded};
use crate::domain::ids::Position;
use crate::domain::timestamp::Timestamp;
use crate::logic::journal::clock_steps::ClockSteps;
use crate::logic::journal::frame;
use crate::logic::journal::known_ids::DedupLimits;
use crate::logic::journal::units::Units;
use crate::logic::writer::Author;
use crate::ports::journal::{Compaction, Cut, Journal, JournalError, Readers, Recovery};

/// When a sync has done its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyncMode {
    /// When the disk says that it has everything (`fdatasync`).
    Disk,
    /// At once: the operating system has it, a power loss may take it.
    Os,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalOptions {
    /// A segment that would grow beyond this is finished and the next one begun.
    pub segment_bytes: u64,
    pub sync: SyncMode,
    /// How many ids chosen by clients a compaction remembers at most.
    pub dedup_capacity: usize,
    /// How long a compaction remembers them.
    pub dedup_window: Duration,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 * 1024 * 1024,
            sync: SyncMode::Disk,
            dedup_capacity: 1_000_000,
            dedup_window: Duration::from_secs(24 * 60 * 60),
        }
    }
}

pub struct FileJournal {
    directory: PathBuf,
    options: JournalOptions,
    author: Author,
    /// Released when dropped.
    _lock: DirectoryLock,
    sealed: Arc<Mutex<Sealed>>,
    /// `None` until the next append: a new journal, or one whose newest segment is finished.
    active: Option<ActiveSegment>,
    /// The file of the next segment; `None` before the first is needed, or if none could be opened.
    spare: Option<Spare>,
    /// Kept open: a sync of it must not need a file descriptor.
    names: SyncedDirectory,
    next_position: Position,
    /// The first position that no sync has reached.
    batch_start: Position,
    /// The last position readers may see.
    durable: Arc<AtomicU64>,
    buffer: Vec<u8>,
    clock_steps: ClockSteps,
    /// Some of these are not in their file.
    owes_clock_steps: bool,
    /// Not before the replay, which tells where to go on; and not after an error, since nobody
    /// knows what reached the disk and no later sync may claim that all did.
    is_usable: bool,
}

impl FileJournal {
    /// Opens or creates the journal in `directory` and keeps everyone else out of it.
    ///
    /// # Errors
    /// [`JournalError::Locked`] if another process has it open, [`JournalError::Io`] otherwise.
    pub fn open(
        directory: impl Into<PathBuf>,
        options: JournalOptions,
    ) -> Result<Self, JournalError> {
        let directory = directory.into();
        let io_failed = |cause| failed(&directory, cause);
        directory::create(&directory).map_err(io_failed)?;
        let lock = lock(&directory)?;
        for leftover in SegmentListing::read(&directory)
            .map_err(io_failed)?
            .leftovers
        {
            fs::remove_file(&leftover).map_err(|cause| failed(&leftover, cause))?;
        }
        let names = SyncedDirectory::open(&directory).map_err(io_failed)?;
        names.sync().map_err(io_failed)?;
        let author = identity::read_or_make(&directory)?;
        let clock_steps = clock::read(&directory);
        Ok(Self {
            directory,
            options,
            author,
            _lock: lock,
            sealed: Arc::default(),
            active: None,
            spare: None,
            names,
            next_position: 1,
            batch_start: 1,
            durable: Arc::default(),
            buffer: Vec::new(),
            clock_steps,
            owes_clock_steps: false,
            is_usable: false,
        })
    }

    /// Whose journal it is, in an epoch that began with opening it and is noted once the journal is
    /// replayed.
    pub fn author(&self) -> &Author {
        &self.author
    }

    fn replay_sealed(
        &mut self,
        segment: SegmentFile,
        visit: replay::VisitFrame,
    ) -> Result<(), JournalError> {
        let read = read_sealed(&segment, visit)?;
        self.next_position = read.next_position;
        Sealed::lock(&self.sealed).push(SealedSegment {
            file: segment,
            last: read.next_position - 1,
            bytes: read.end,
        });
        Ok(())
    }

    /// Cuts off an unfinished tail and makes what is left durable: it is about to be acted upon.
    fn replay_newest(
        &mut self,
        segment: SegmentFile,
        visit: replay::VisitFrame,
    ) -> Result<Option<Cut>, JournalError> {
        let (read, cut) = read_newest(&segment, visit)?;
        self.next_position = read.next_position;
        if read.end == 0 {
            fs::remove_file(&segment.path)
                .and_then(|()| directory::sync(&self.directory))
                .map_err(|cause| failed(&segment.path, cause))?;
        } else {
            let reopened = ActiveSegment::reopen(segment.path, segment.first, read.end)?;
            self.active = Some(reopened);
        }
        Ok(cut)
    }

    /// Writes what is in the buffer to the newest segment, or to a new one if it does not fit.
    fn write_buffer(&mut self) -> Result<(), JournalError> {
        let segment_bytes = self.options.segment_bytes;
        let buffered = self.buffer.len() as u64;
        let is_too_full = |active: &ActiveSegment| {
            active.first() < self.next_position && active.end() + buffered > segment_bytes
        };
        if self.active.as_ref().is_some_and(is_too_full) {
            self.seal_active()?;
        }
        if self.active.is_none() {
            let spare = match self.spare.take() {
                Some(spare) => spare,
                None => Spare::open(&self.directory)?,
            };
            let path = SegmentFile::plain(&self.directory, self.next_position).path;
            let first = self.next_position;
            let created = ActiveSegment::create(spare, path, first, segment_bytes, &self.names)?;
            self.active = Some(created);
        }
        if self.spare.is_none() {
            // Tried again with every write, and last when it is needed.
            self.spare = Spare::open(&self.directory).ok();
        }
        let active = self.active.as_mut().expect("created just above");
        active.write(&self.buffer, segment_bytes)
    }

    /// Finishes the newest segment, durably.
    fn seal_active(&mut self) -> Result<(), JournalError> {
        let Some(mut active) = self.active.take() else {
            return Ok(());
        };
        active.seal()?;
        self.batch_start = self.next_position;
        Sealed::lock(&self.sealed).push(SealedSegment {
            file: SegmentFile::plain(&self.directory, active.first()),
            last: self.next_position - 1,
            bytes: active.end(),
        });
        Ok(())
    }

    /// Without the file records look older or younger than they are, and nothing is lost.
    fn write_clock_steps(&mut self) -> Result<(), JournalError> {
        self.owes_clock_steps = true;
        clock::write(&self.directory, &self.clock_steps)?;
        self.owes_clock_steps = false;
        Ok(())
    }

    fn write_owed_clock_steps(&mut self) {
        if self.owes_clock_steps {
            self.write_clock_steps().ok();
        }
    }

    fn show_readers(&self) {
        self.durable
            .store(self.next_position - 1, Ordering::Release);
    }

    fn check_usable(&self) -> Result<(), JournalError> {
        if self.is_usable {
            return Ok(());
        }
        let cause = io::Error::other("not replayed, or an earlier write or sync failed");
        Err(failed(&self.directory, cause))
    }

    fn note_failure<T>(&mut self, result: Result<T, JournalError>) -> Result<T, JournalError> {
        if let Err(error) = &result {
            self.is_usable &= matches!(error, JournalError::Full { .. });
        }
        result
    }
}

impl Journal for FileJournal {
    fn replay(&mut self, visit: &mut dyn FnMut(Recorded)) -> Result<Recovery, JournalError> {
        let listing = SegmentListing::read(&self.directory);
        let listing = listing.map_err(|cause| failed(&self.directory, cause))?;
        let mut recovery = Recovery::default();
        let count = listing.segments.len();
        let mut first = None;
        for (index, segment) in listing.segments.into_iter().enumerate() {
            let is_base = segment.compacted_through.is_some();
            check_follows(&segment, self.next_position)?;
            let path = segment.path.clone();
            let mut visit_frame = |frame: &frame::Frame| {
                first.get_or_insert(frame.position);
                visit(decode(&path, frame)?);
                recovery.records += 1;
                Ok(())
            };
            if is_base || index + 1 < count {
                self.replay_sealed(segment, &mut visit_frame)?;
            } else {
                recovery.cut = self.replay_newest(segment, &mut visit_frame)?;
            }
        }
        identity::note(&self.directory, &self.author)?;
        let next = self.next_position;
        if self.clock_steps.fit(first.unwrap_or(next), next) {
            self.write_clock_steps().ok();
        }
        self.batch_start = self.next_position;
        self.is_usable = true;
        self.show_readers();
        recovery.segments = count;
        recovery.last_position = self.next_position - 1;
        Ok(recovery)
    }

    fn clock_steps(&self) -> &ClockSteps {
        &self.clock_steps
    }

    fn note_clock_step(&mut self, from: Timestamp, to: Timestamp) -> Result<(), JournalError> {
        self.clock_steps.add(self.next_position, from, to);
        self.write_clock_steps()
    }

    fn append_units(&mut self, facts: &[Fact], units: &Units) -> Result<Position, JournalError> {
        self.check_usable()?;
        let first = self.next_position;
        if facts.is_empty() {
            return Ok(first);
        }
        self.buffer.clear();
        let mut position = first;
        let mut continues = units.joints();
        for (place, fact) in facts.iter().enumerate() {
            let batch_index = (position - self.batch_start) as u32;
            let encode = match continues(place) {
                true => frame::encode_joined,
                false => frame::encode,
            };
            encode(&mut self.buffer, position, batch_index, fact);
            position += 1;
        }
        let written = self.write_buffer();
        self.note_failure(written)?;
        self.next_position = position;
        Ok(first)
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        self.check_usable()?;
        self.write_owed_clock_steps();
        if self.options.sync == SyncMode::Disk {
            let synced = self.active.as_ref().map_or(Ok(()), ActiveSegment::sync);
            self.note_failure(synced)?;
            self.batch_start = self.next_position;
        }
        self.show_readers();
        Ok(())
    }

    fn plan_compaction(&mut self, archived: Position) -> Option<Box<dyn Compaction>> {
        let mut sealed = Sealed::lock(&self.sealed);
        let sources = sealed.plan(archived, self.options.segment_bytes)?;
        sealed.is_compacting = true;
        Some(Box::new(FileCompaction {
            directory: self.directory.clone(),
            sources,
            limits: DedupLimits {
                capacity: self.options.dedup_capacity,
                age: self.options.dedup_window,
            },
            sealed: self.sealed.clone(),
        }))
    }

    fn readers(&self) -> Readers {
        let (directory, durable) = (self.directory.clone(), self.durable.clone());
        Box::new(move |from| Box::new(FileReader::new(directory.clone(), from, durable.clone())))
    }

    fn place(&self) -> String {
        self.directory.display().to_string()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let disk = statvfs(&self.directory)?;
        Ok(disk.f_bavail * disk.f_frsize)
    }

    fn size_bytes(&self) -> u64 {
        let active = self.active.as_ref().map_or(0, ActiveSegment::reserved);
        Sealed::lock(&self.sealed).bytes() + active
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.check_usable()?;
        self.write_owed_clock_steps();
        let sealed = self.active.as_mut().map_or(Ok(()), ActiveSegment::seal);
        self.note_failure(sealed)?;
        self.show_readers();
        Ok(())
    }
}

/// An exclusive lock on a directory. It ends with the process, however that ends.
struct DirectoryLock(File);

impl Drop for DirectoryLock {
    /// Not left to the closing of the file: a process just forked may still have it open.
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

fn lock(directory: &Path) -> Result<DirectoryLock, JournalError> {
    let path = directory.join("lock");
    let options = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .clone();
    let file = options.open(&path).map_err(|cause| failed(&path, cause))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(DirectoryLock(file)),
        Err(Errno::WOULDBLOCK) => Err(JournalError::Locked {
            path: directory.to_owned(),
        }),
        Err(errno) => Err(failed(&path, errno.into())),
    }
}

#[cfg(test)]
mod tests;
