//! Reading a journal from its first record to its last, and what to do about how it ends.

use std::io;
use std::path::Path;

use super::directory::SegmentFile;
use super::opening::{self, failed};
use crate::domain::fact::Recorded;
use crate::domain::ids::Position;
use crate::logic::journal::frame::{Flaw, Frame};
use crate::logic::journal::segment::{SegmentEnd, SegmentReader};
use crate::ports::journal::{Cut, JournalError};

/// What is done with each record; its first error ends the reading.
pub type VisitFrame<'a> = &'a mut dyn FnMut(&Frame) -> Result<(), JournalError>;

/// How a segment was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Read {
    /// One above the position of the last record.
    pub next_position: Position,
    /// The length of its good part, in bytes. 0: it has not even a header.
    pub end: u64,
}

/// Reads a segment that is not written to any more: all of it must be good.
pub fn read_sealed(segment: &SegmentFile, visit: VisitFrame) -> Result<Read, JournalError> {
    let (read, ending) = read(segment, visit)?;
    match ending {
        SegmentEnd::Clean => {}
        SegmentEnd::Unfinished { offset, flaw, .. } | SegmentEnd::Damaged { offset, flaw } => {
            return Err(damaged(&segment.path, offset, flaw.to_string()));
        }
    }
    match segment.compacted_through {
        Some(last) if last.saturating_add(1) != read.next_position => {
            Err(damaged(&segment.path, read.end, Flaw::CutOff.to_string()))
        }
        _ => Ok(read),
    }
}

/// Reads the newest segment, whose end may be unfinished.
pub fn read_newest(
    segment: &SegmentFile,
    visit: VisitFrame,
) -> Result<(Read, Option<Cut>), JournalError> {
    let (read, ending) = read(segment, visit)?;
    match ending {
        SegmentEnd::Clean => Ok((read, None)),
        SegmentEnd::Damaged { offset, flaw } => {
            Err(damaged(&segment.path, offset, flaw.to_string()))
        }
        SegmentEnd::Unfinished {
            offset,
            bytes,
            zeroes,
            ..
        } => {
            let cut = Cut {
                segment: segment.path.clone(),
                offset,
                bytes,
                zeroes,
            };
            Ok((read, Some(cut)))
        }
    }
}

/// What a start would find behind the last good record of a segment, which `input` is read from.
///
/// # Errors
/// If `input` cannot be read.
pub fn ending(input: impl io::Read, segment: &SegmentFile) -> io::Result<SegmentEnd> {
    let mut reader = SegmentReader::new(input, segment.first, segment.order()).by_units();
    while reader.next_frame()?.is_some() {}
    reader.ending()
}

fn read(segment: &SegmentFile, visit: VisitFrame) -> Result<(Read, SegmentEnd), JournalError> {
    let io_failed = |cause| failed(&segment.path, cause);
    let file = opening::open(&segment.path).map_err(io_failed)?;
    let mut reader = SegmentReader::new(file, segment.first, segment.order()).by_units();
    while let Some(frame) = reader.next_frame().map_err(io_failed)? {
        visit(&frame)?;
    }
    let read = Read {
        next_position: reader.next_position(),
        end: reader.offset(),
    };
    Ok((read, reader.ending().map_err(io_failed)?))
}

/// The record in `frame`, which was read from the segment at `path`.
pub fn decode(path: &Path, frame: &Frame) -> Result<Recorded, JournalError> {
    let fact = frame
        .decode()
        .map_err(|error| damaged(path, frame.offset, error.to_string()))?;
    Ok(Recorded {
        position: frame.position,
        fact,
    })
}

pub fn damaged(segment: &Path, offset: u64, cause: String) -> JournalError {
    JournalError::Damaged {
        segment: segment.to_owned(),
        offset,
        cause,
    }
}

/// Refuses a segment that does not begin where the one before it ended.
pub fn check_follows(segment: &SegmentFile, expected: Position) -> Result<(), JournalError> {
    if segment.first == expected {
        return Ok(());
    }
    let cause = format!(
        "begins with record {} where {expected} should follow,",
        segment.first
    );
    Err(damaged(&segment.path, 0, cause))
}
