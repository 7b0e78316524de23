//! A look at the records of a journal that someone else is writing.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::directory::{SegmentFile, SegmentListing, look_again};
use super::opening::{self, failed};
use super::replay::{damaged, decode};
use crate::domain::fact::Recorded;
use crate::domain::ids::Position;
use crate::logic::journal::segment::SegmentReader;
use crate::ports::journal::{JournalError, JournalReader, Portion};

/// Reads what is durable and no further, so that nobody learns of a record that a power loss
/// could take back. Meets compactions: an open file stays readable, the next one is looked up.
pub(super) struct FileReader {
    directory: PathBuf,
    next: Position,
    /// The last durable position, set by the journal.
    durable: Arc<AtomicU64>,
    current: Option<Current>,
}

struct Current {
    segment: SegmentFile,
    reader: SegmentReader<File>,
    /// What was durable when `reader` began: beyond that its buffer may hold half-written bytes.
    through: Position,
}

impl FileReader {
    pub(super) fn new(directory: PathBuf, from: Position, durable: Arc<AtomicU64>) -> Self {
        Self {
            directory,
            next: from.max(1),
            durable,
            current: None,
        }
    }

    /// The next record, its length in bytes, and whether the one after it belongs to it. It exists
    /// because `self.next` is durable; `None` only where the rest of a compacted segment was
    /// dropped.
    fn next_record(
        &mut self,
        durable: Position,
    ) -> Result<Option<(Recorded, usize, bool)>, JournalError> {
        let mut current = match self.current.take() {
            Some(current) if self.next <= current.through => current,
            Some(current) => current.refreshed(durable)?,
            None => self.find(durable)?,
        };
        let path = &current.segment.path;
        let found = current.reader.next_frame();
        let Some(frame) = found.map_err(|cause| failed(path, cause))? else {
            return self.leave(&current).map(|()| None);
        };
        let skipped = frame.position < self.next;
        let record = if skipped {
            None
        } else {
            let (length, is_joined) = (frame.bytes.len(), frame.is_joined);
            Some((decode(path, &frame)?, length, is_joined))
        };
        if let Some((record, ..)) = &record {
            self.next = record.position + 1;
        }
        self.current = Some(current);
        Ok(record)
    }

    /// Goes on behind a segment, unless it ended before `self.next` as no good one does.
    fn leave(&mut self, ended: &Current) -> Result<(), JournalError> {
        let next_position = ended.reader.next_position();
        if next_position > self.next {
            self.next = next_position;
        }
        let listing = SegmentListing::read(&self.directory);
        let listing = listing.map_err(|cause| failed(&self.directory, cause))?;
        if listing.segment_of(self.next) == Some(&ended.segment) {
            let cause = format!("record {} is not readable", self.next);
            return Err(damaged(&ended.segment.path, ended.reader.offset(), cause));
        }
        Ok(())
    }

    fn find(&self, durable: Position) -> Result<Current, JournalError> {
        let opened = look_again(|| self.open());
        let (segment, file) = opened.map_err(|cause| failed(&self.directory, cause))?;
        let reader = SegmentReader::new(file, segment.first, segment.order());
        Ok(Current {
            segment,
            reader,
            through: durable,
        })
    }

    fn open(&self) -> io::Result<(SegmentFile, File)> {
        let listing = SegmentListing::read(&self.directory)?;
        let segment = listing.segment_of(self.next).ok_or_else(|| {
            let cause = format!("no segment holds record {}", self.next);
            io::Error::other(cause)
        })?;
        Ok((segment.clone(), opening::open(&segment.path)?))
    }
}

impl JournalReader for FileReader {
    fn next(&mut self, most: Portion) -> Result<Vec<Recorded>, JournalError> {
        let durable = self.durable.load(Ordering::Acquire);
        let mut records = Vec::new();
        let (mut bytes, mut in_unit) = (0, false);
        while (in_unit || most.has_room(records.len(), bytes)) && self.next <= durable {
            if let Some((record, length, is_joined)) = self.next_record(durable)? {
                records.push(record);
                bytes += length;
                in_unit = is_joined;
            }
        }
        Ok(records)
    }
}

impl Current {
    /// The same place in the same file, without what was buffered too early.
    fn refreshed(self, durable: Position) -> Result<Self, JournalError> {
        let offset = self.reader.offset();
        let next_position = self.reader.next_position();
        let order = self.segment.order();
        let mut file = self.reader.into_input();
        file.seek(SeekFrom::Start(offset))
            .map_err(|cause| failed(&self.segment.path, cause))?;
        Ok(Self {
            reader: SegmentReader::resume(file, offset, next_position, order),
            segment: self.segment,
            through: durable,
        })
    }
}
