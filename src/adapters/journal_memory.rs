//! A journal in memory that fails on command, for tests of whatever stands on a journal.
//!
//! It writes the same bytes as the one in files, in a single segment, and is never compacted.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::domain::fact::{Fact, Recorded};
use crate::domain::ids::Position;
use crate::domain::lack::Lack;
use crate::domain::timestamp::Timestamp;
use crate::logic::journal::clock_steps::ClockSteps;
use crate::logic::journal::frame::{self, Frame};
use crate::logic::journal::segment::{Density, SegmentEnd, SegmentReader, header};
use crate::logic::journal::units::Units;
use crate::ports::journal::{
    Compaction, Cut, Journal, JournalError, JournalReader, Portion, Readers, Recovery,
};

/// The disk below a [`MemoryJournal`]: it stays when the journal is dropped, as after a crash.
#[derive(Clone, Default)]
pub(crate) struct MemoryDisk(Arc<Mutex<Contents>>);

#[derive(Clone, Default)]
struct Contents {
    bytes: Vec<u8>,
    /// How much of `bytes` survives a power loss.
    synced: usize,
    /// The last synced position.
    durable: Position,
    lack: Option<Lack>,
    next_sync_fails: bool,
    syncs: u64,
    clock_steps: ClockSteps,
}

impl MemoryDisk {
    /// A journal on this disk; the one before must be gone.
    pub(crate) fn journal(&self) -> MemoryJournal {
        MemoryJournal {
            disk: self.clone(),
            clock_steps: self.contents().clock_steps.clone(),
            next_position: 1,
            batch_start: 1,
            has_failed: false,
        }
    }

    /// Another disk with the same content.
    pub(crate) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.contents().clone())))
    }

    /// A power loss: of what was not synced, only the first `kept` bytes stay.
    pub(crate) fn lose_power(&self, kept: usize) {
        let mut contents = self.contents();
        let length = contents.synced.saturating_add(kept);
        contents.bytes.truncate(length);
    }

    /// The next sync answers EIO.
    pub(crate) fn fail_next_sync(&self) {
        self.contents().next_sync_fails = true;
    }

    /// Whether appends are refused because the disk is full.
    pub(crate) fn set_full(&self, is_full: bool) {
        self.set_lack(is_full.then_some(Lack::Space));
    }

    /// What appends are refused for.
    pub(crate) fn set_lack(&self, lack: Option<Lack>) {
        self.contents().lack = lack;
    }

    /// What a power loss could take now, in bytes.
    pub(crate) fn unsynced_bytes(&self) -> usize {
        let contents = self.contents();
        contents.bytes.len() - contents.synced
    }

    /// How many syncs succeeded.
    pub(crate) fn syncs(&self) -> u64 {
        self.contents().syncs
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().expect("no holder of this lock can panic")
    }

    /// A copy of the segment, as a file read now would give it.
    fn read(&self) -> Vec<u8> {
        self.contents().bytes.clone()
    }
}

pub(crate) struct MemoryJournal {
    disk: MemoryDisk,
    clock_steps: ClockSteps,
    next_position: Position,
    batch_start: Position,
    has_failed: bool,
}

impl MemoryJournal {
    /// Leaves only the first `end` bytes, which from now on count as synced.
    fn cut(&mut self, end: usize, next_position: Position) {
        self.next_position = next_position;
        self.batch_start = next_position;
        let mut contents = self.disk.contents();
        contents.bytes.truncate(end);
        contents.synced = end;
        contents.durable = next_position - 1;
    }

    fn check_usable(&self) -> Result<(), JournalError> {
        if self.has_failed {
            return Err(failed(io::Error::other("an earlier sync failed")));
        }
        Ok(())
    }
}

impl Journal for MemoryJournal {
    fn replay(&mut self, visit: &mut dyn FnMut(Recorded)) -> Result<Recovery, JournalError> {
        let bytes = self.disk.read();
        let mut recovery = Recovery::default();
        if bytes.is_empty() {
            return Ok(recovery);
        }
        let mut reader = SegmentReader::new(&bytes[..], 1, Density::Dense).by_units();
        while let Some(frame) = reader.next_frame().map_err(failed)? {
            visit(decode(&frame)?);
            recovery.records += 1;
        }
        let end = reader.offset();
        recovery.segments = 1;
        recovery.last_position = reader.next_position() - 1;
        recovery.cut = match reader.ending().map_err(failed)? {
            SegmentEnd::Clean => None,
            SegmentEnd::Damaged { offset, flaw } => return Err(damaged(offset, flaw.to_string())),
            SegmentEnd::Unfinished {
                offset,
                bytes,
                zeroes,
                ..
            } => Some(Cut {
                segment: path(),
                offset,
                bytes,
                zeroes,
            }),
        };
        self.cut(end as usize, reader.next_position());
        self.clock_steps.fit(1, self.next_position);
        Ok(recovery)
    }

    fn clock_steps(&self) -> &ClockSteps {
        &self.clock_steps
    }

    fn note_clock_step(&mut self, from: Timestamp, to: Timestamp) -> Result<(), JournalError> {
        self.clock_steps.add(self.next_position, from, to);
        self.disk.contents().clock_steps = self.clock_steps.clone();
        Ok(())
    }

    fn append_units(&mut self, facts: &[Fact], units: &Units) -> Result<Position, JournalError> {
        self.check_usable()?;
        let first = self.next_position;
        let mut contents = self.disk.contents();
        if let Some(lack) = contents.lack {
            let path = path();
            return Err(JournalError::Full { path, lack });
        }
        if contents.bytes.is_empty() {
            contents.bytes.extend(header(1));
        }
        let mut continues = units.joints();
        for (place, fact) in facts.iter().enumerate() {
            let batch_index = (self.next_position - self.batch_start) as u32;
            let encode = match continues(place) {
                true => frame::encode_joined,
                false => frame::encode,
            };
            encode(&mut contents.bytes, self.next_position, batch_index, fact);
            self.next_position += 1;
        }
        Ok(first)
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        self.check_usable()?;
        let mut contents = self.disk.contents();
        if std::mem::take(&mut contents.next_sync_fails) {
            self.has_failed = true;
            return Err(failed(io::Error::from_raw_os_error(5)));
        }
        contents.synced = contents.bytes.len();
        contents.durable = self.next_position - 1;
        contents.syncs += 1;
        self.batch_start = self.next_position;
        Ok(())
    }

    fn plan_compaction(&mut self, _archived: Position) -> Option<Box<dyn Compaction>> {
        None
    }

    fn readers(&self) -> Readers {
        let disk = self.disk.clone();
        Box::new(move |from| {
            let (disk, next) = (disk.clone(), from.max(1));
            Box::new(MemoryReader { disk, next })
        })
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let is_full = self.disk.contents().lack == Some(Lack::Space);
        Ok(if is_full { 0 } else { u64::MAX })
    }

    fn size_bytes(&self) -> u64 {
        self.disk.contents().bytes.len() as u64
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.sync()
    }
}

struct MemoryReader {
    disk: MemoryDisk,
    next: Position,
}

impl JournalReader for MemoryReader {
    fn next(&mut self, most: Portion) -> Result<Vec<Recorded>, JournalError> {
        let durable = self.disk.contents().durable;
        let segment = self.disk.read();
        let mut reader = SegmentReader::new(&segment[..], 1, Density::Dense);
        let mut records = Vec::new();
        let (mut bytes, mut in_unit) = (0, false);
        while (in_unit || most.has_room(records.len(), bytes)) && self.next <= durable {
            let Some(frame) = reader.next_frame().map_err(failed)? else {
                break;
            };
            if frame.position == self.next {
                records.push(decode(&frame)?);
                bytes += frame.bytes.len();
                in_unit = frame.is_joined;
                self.next += 1;
            }
        }
        Ok(records)
    }
}

fn path() -> PathBuf {
    PathBuf::from("memory")
}

fn decode(frame: &Frame) -> Result<Recorded, JournalError> {
    let decoded = frame.decode();
    let fact = decoded.map_err(|error| damaged(frame.offset, error.to_string()))?;
    Ok(Recorded {
        position: frame.position,
        fact,
    })
}

fn damaged(offset: u64, cause: String) -> JournalError {
    let segment = path();
    JournalError::Damaged {
        segment,
        offset,
        cause,
    }
}

fn failed(cause: io::Error) -> JournalError {
    JournalError::Io {
        path: path(),
        cause,
    }
}
