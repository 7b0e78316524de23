//! The write-ahead log, the only truth.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::domain::fact::{Fact, Recorded};
use crate::domain::ids::Position;
use crate::domain::lack::Lack;
use crate::domain::timestamp::Timestamp;
use crate::logic::journal::clock_steps::ClockSteps;
use crate::logic::journal::units::Units;

/// An append-only log of facts with group commit: append a batch, sync once, then answer.
///
/// One owner, one thread; calls may block. After an error from [`Journal::append`] other than
/// [`JournalError::Full`], or any error from [`Journal::sync`], the journal must not be used again:
/// what reached the disk is unknown until it is opened and replayed anew.
pub trait Journal: Send {
    /// Reads every record kept, oldest first. Called once, before the first append. The first
    /// error of `visit` ends it. An unfinished tail is cut off and reported.
    fn replay(&mut self, visit: &mut dyn FnMut(Recorded)) -> Result<Recovery, JournalError>;

    /// By how much the system's clock was set since records were stamped. Known before the replay.
    fn clock_steps(&self) -> &ClockSteps;

    /// The system's clock shows `to` instead of `from`, which records from now on are stamped with.
    /// Durable, unless it fails; then it is tried again with every sync. No error of it keeps
    /// anybody from using the journal.
    fn note_clock_step(&mut self, from: Timestamp, to: Timestamp) -> Result<(), JournalError>;

    /// Writes `facts` as one batch and returns the position of the first. Not durable until
    /// [`Journal::sync`]. On [`JournalError::Full`] nothing was written and the call may be repeated.
    /// What `units` joins is found whole or not at all, however the journal ends.
    fn append_units(&mut self, facts: &[Fact], units: &Units) -> Result<Position, JournalError>;

    /// As [`Journal::append_units`], of facts that are each on their own.
    fn append(&mut self, facts: &[Fact]) -> Result<Position, JournalError> {
        self.append_units(facts, &Units::default())
    }

    /// Makes everything appended durable.
    fn sync(&mut self) -> Result<(), JournalError>;

    /// A compaction worth doing, if the sealed segments whose records are all at or before
    /// `archived` hold enough that is no longer owed. The work runs on any thread.
    fn plan_compaction(&mut self, archived: Position) -> Option<Box<dyn Compaction>>;

    /// Makes independent readers of what is durable, for whoever fell behind.
    fn readers(&self) -> Readers;

    /// Where it lies, for those who have to make room there.
    fn place(&self) -> String;

    /// Bytes free on the disk the journal lies on.
    fn free_bytes(&self) -> io::Result<u64>;

    /// Bytes the journal occupies.
    fn size_bytes(&self) -> u64;

    /// Syncs and gives back space reserved ahead; nothing may be appended afterwards.
    fn close(&mut self) -> Result<(), JournalError>;
}

/// Rewrites old segments into one that holds only what is still owed. Crash-safe at every step.
pub trait Compaction: Send {
    /// Takes as long as reading and writing the segments does; what is appended meanwhile is not
    /// its concern.
    fn run(self: Box<Self>) -> Result<CompactionReport, JournalError>;
}

/// Opens a reader that begins at the given position.
pub type Readers = Box<dyn Fn(Position) -> Box<dyn JournalReader> + Send>;

/// Reads records in order, a bounded part at a time.
pub trait JournalReader: Send {
    /// The next records; empty at the end of what is written. Never a part of a unit: its last
    /// records come beyond `most`.
    fn next(&mut self, most: Portion) -> Result<Vec<Recorded>, JournalError>;
}

/// How much is read at once: no record more once there are so many, or so many bytes of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Portion {
    /// How many records.
    pub records: usize,
    /// As the records are written.
    pub bytes: usize,
}

impl Portion {
    /// So many records, however large.
    pub const fn records(records: usize) -> Self {
        Self {
            records,
            bytes: usize::MAX,
        }
    }

    /// Whether one more may follow after so many records of so many bytes together.
    pub fn has_room(self, records: usize, bytes: usize) -> bool {
        records < self.records && bytes < self.bytes
    }
}

/// What a compaction came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CompactionReport {
    /// Segments that one compacted segment took the place of.
    pub segments_removed: usize,
    /// Records in that one, those among them that say what the dropped ones counted.
    pub records_kept: u64,
    /// Records that were left out.
    pub records_dropped: u64,
    /// Of the segments that were removed.
    pub bytes_before: u64,
    /// Of the one that took their place.
    pub bytes_after: u64,
}

/// What opening the journal found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovery {
    /// How many records were read.
    pub records: u64,
    /// In how many segments they are.
    pub segments: usize,
    /// The position of the newest record; 0 for an empty journal.
    pub last_position: Position,
    /// What was unfinished at the end, if anything was.
    pub cut: Option<Cut>,
}

/// An unfinished tail that was cut off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    /// The file it was at the end of.
    pub segment: PathBuf,
    /// Where the good part ends, in bytes from the start of the segment.
    pub offset: u64,
    /// How many were cut off.
    pub bytes: u64,
    /// Only zeroes: space reserved ahead, not a torn record.
    pub zeroes: bool,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (segment, bytes, offset) = (self.segment.display(), self.bytes, self.offset);
        if self.zeroes {
            write!(
                f,
                "{segment} ends at {offset}; {bytes} bytes reserved behind it were unused"
            )
        } else {
            write!(
                f,
                "{segment}: cut an unfinished record of {bytes} bytes at {offset}"
            )
        }
    }
}

/// Why the journal did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A record that was acknowledged cannot be read, or is missing. No start goes on from here by
    /// itself.
    #[error("{segment}: {cause} at {offset}; `message-hub wal export` rescues what can be read", segment = segment.display())]
    Damaged {
        /// The file it is in.
        segment: PathBuf,
        /// Where it begins, in bytes from the start of the file.
        offset: u64,
        /// What is wrong with it, in words.
        cause: String,
    },
    /// The system refused, for whatever reason does not pass by itself.
    #[error("{path}: {cause}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Something is short for a while; nothing was written.
    #[error("{path}: no {lack} left", path = path.display())]
    Full {
        /// The file or directory.
        path: PathBuf,
        /// What is short.
        lack: Lack,
    },
    /// Another process has the journal open.
    #[error("{path}: in use by another message-hub; stop it or choose another data_dir", path = path.display())]
    Locked {
        /// The directory it is in.
        path: PathBuf,
    },
}
