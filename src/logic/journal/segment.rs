//! A segment read from its header to its end, and the judgement on how it ends.

use std::io::{self, Read};
use std::ops::RangeInclusive;

use super::frame::{self, Flaw, Frame};
use super::window::Window;
use crate::domain::ids::{HIGHEST, Position};

const MAGIC: &[u8; 8] = b"MHUBWAL1";
/// Bytes before the first frame.
pub const HEADER_BYTES: usize = 24;
/// A frame this far ahead of what is expected is taken for a coincidence of bytes.
const FARTHEST: Position = u32::MAX as Position;

/// The first bytes of a segment whose first record has position `first`.
pub fn header(first: Position) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(&first.to_le_bytes());
    let checksum = crc32c::crc32c(&header[..16]);
    header[16..20].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// Whether these are the first bytes of a segment, whichever.
fn is_header(bytes: &[u8]) -> bool {
    let first = bytes.get(8..16).and_then(|first| first.try_into().ok());
    first.is_some_and(|first| bytes == header(Position::from_le_bytes(first)))
}

/// Which positions may follow each other in a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Density {
    /// Each is one above the last.
    Dense,
    /// They rise: the segment was compacted.
    Sparse,
}

/// What stands behind the last good record of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegmentEnd {
    /// Nothing.
    Clean,
    /// Bytes that were never promised to anyone: a torn record, or space reserved ahead.
    Unfinished {
        /// Where they begin, in bytes from the start of the segment.
        offset: u64,
        /// How many there are, up to the end of the segment.
        bytes: u64,
        /// Whether all of them are zeroes.
        zeroes: bool,
        /// Why they are no record.
        flaw: Flaw,
    },
    /// An acknowledged record cannot be read.
    Damaged {
        /// Where it begins, in bytes from the start of the segment.
        offset: u64,
        /// Why it cannot be read.
        flaw: Flaw,
    },
}

/// Part of a segment that was passed over because it holds no readable record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// Where it begins, in bytes from the start of the segment.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// Why there is no record where it begins.
    pub flaw: Flaw,
}

/// Reads the records of one segment in order, with bounded memory.
#[derive(Debug)]
pub struct SegmentReader<R> {
    window: Window<R>,
    order: Density,
    first: Position,
    next_position: Position,
    header_is_read: bool,
    /// Whether a unit is shown only if it is whole.
    by_units: bool,
    /// Whether the next record belongs to the unit of the last one.
    in_unit: bool,
}

impl<R: Read> SegmentReader<R> {
    /// `input` stands at the header; the segment should begin with position `first`.
    pub fn new(input: R, first: Position, order: Density) -> Self {
        Self {
            window: Window::new(input, 0),
            order,
            first,
            next_position: first,
            header_is_read: false,
            by_units: false,
            in_unit: false,
        }
    }

    /// `input` stands at `offset`, where the record at `next_position` begins.
    pub fn resume(input: R, offset: u64, next_position: Position, order: Density) -> Self {
        Self {
            window: Window::new(input, offset),
            order,
            first: next_position,
            next_position,
            header_is_read: true,
            by_units: false,
            in_unit: false,
        }
    }

    /// Shows nothing of a unit that is not whole: it ends what can be read, from its start on.
    pub fn by_units(self) -> Self {
        Self {
            by_units: true,
            ..self
        }
    }

    /// The next record; `None` where no good one follows.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame<'_>>> {
        match self.inspect()? {
            Ok(total) => Ok(Some(self.take(total))),
            Err(_) => Ok(None),
        }
    }

    /// One above the position of the last record read.
    pub fn next_position(&self) -> Position {
        self.next_position
    }

    /// Where the last record read ends, in bytes from the start of the segment.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// Gives the input back, which may have been read beyond the last record.
    pub fn into_input(self) -> R {
        self.window.into_input()
    }

    /// Judges what stands behind the last record, by reading to the end. To be asked once, after
    /// [`SegmentReader::next_frame`] found no further record.
    ///
    /// A bad record was acknowledged if any good one behind it was written after a later sync.
    pub fn ending(&mut self) -> io::Result<SegmentEnd> {
        let offset = self.window.offset();
        if offset > 0 && self.window.peek(1)?.is_empty() {
            return Ok(SegmentEnd::Clean);
        }
        let flaw = self
            .inspect()?
            .expect_err("asked only where next_frame found no record");
        self.window.skip_zeroes()?;
        let zeroes = self.window.peek(1)?.is_empty();
        if !zeroes && self.was_acknowledged(flaw)? {
            return Ok(SegmentEnd::Damaged { offset, flaw });
        }
        Ok(SegmentEnd::Unfinished {
            offset,
            bytes: self.window.offset() - offset,
            zeroes,
            flaw,
        })
    }

    /// Passes over what cannot be read, up to the next good record or the end.
    /// `None` if nothing is there but zeroes to the end.
    pub fn skip_damage(&mut self) -> io::Result<Option<Gap>> {
        let offset = self.window.offset();
        let Err(flaw) = self.inspect()? else {
            return Ok(None);
        };
        self.window.skip_zeroes()?;
        if self.window.peek(1)?.is_empty() {
            return Ok(None);
        }
        self.header_is_read = true;
        if let Some((_, position)) = self.find_frame(near(self.next_position))? {
            self.next_position = position;
        }
        Ok(Some(Gap {
            offset,
            bytes: self.window.offset() - offset,
            flaw,
        }))
    }

    /// The length of the good record that comes next, or why there is none.
    fn inspect(&mut self) -> io::Result<Result<usize, Flaw>> {
        if !self.header_is_read {
            if self.window.peek(HEADER_BYTES)? != header(self.first) {
                return Ok(Err(Flaw::Header));
            }
            self.window.advance(HEADER_BYTES);
            self.header_is_read = true;
        }
        let (total, position) = match frame::announce(self.window.peek(frame::HEAD_BYTES)?) {
            Ok(announced) => announced,
            Err(flaw) => return Ok(Err(flaw)),
        };
        if let Err(flaw) = self.check_bytes(total)? {
            return Ok(Err(flaw));
        }
        if let Err(flaw) = self.check_position(position) {
            return Ok(Err(flaw));
        }
        if self.by_units && !self.in_unit && self.order == Density::Dense {
            return Ok(self.check_unit(total)?.map(|()| total));
        }
        Ok(Ok(total))
    }

    /// Looks whether what belongs to the good record of `total` bytes that comes next is there too.
    fn check_unit(&mut self, total: usize) -> io::Result<Result<(), Flaw>> {
        let (mut start, mut end) = (0, total);
        let mut expected = self.next_position;
        while frame::is_joined(&self.window.peek(end)?[start..]) {
            expected += 1;
            let head = self.window.peek(end + frame::HEAD_BYTES)?;
            let (length, found) = match frame::announce(&head[end..]) {
                Ok(announced) => announced,
                Err(flaw) => return Ok(Err(flaw)),
            };
            let bytes = self.window.peek(end + length)?;
            if bytes.len() < end + length {
                return Ok(Err(Flaw::CutOff));
            }
            if !frame::is_intact(&bytes[end..]) {
                return Ok(Err(Flaw::Checksum));
            }
            if found != expected {
                return Ok(Err(Flaw::Position { found, expected }));
            }
            (start, end) = (end, end + length);
        }
        Ok(Ok(()))
    }

    fn check_bytes(&mut self, total: usize) -> io::Result<Result<(), Flaw>> {
        let bytes = self.window.peek(total)?;
        if bytes.len() < total {
            return Ok(Err(Flaw::CutOff));
        }
        if !frame::is_intact(bytes) {
            return Ok(Err(Flaw::Checksum));
        }
        Ok(Ok(()))
    }

    fn check_position(&self, found: Position) -> Result<(), Flaw> {
        let expected = self.next_position;
        let fits = match self.order {
            Density::Dense => found == expected,
            Density::Sparse => found >= expected,
        };
        if fits && found <= HIGHEST {
            Ok(())
        } else {
            Err(Flaw::Position { found, expected })
        }
    }

    fn take(&mut self, total: usize) -> Frame<'_> {
        let offset = self.window.offset();
        self.window.advance(total);
        let mut frame = frame::view(self.window.passed(total), offset);
        // Of a compacted segment records are gone.
        frame.is_joined &= self.order == Density::Dense;
        self.in_unit = frame.is_joined;
        self.next_position = frame.position + 1;
        frame
    }

    /// Looks behind a bad record for one that proves that it was durable once.
    fn was_acknowledged(&mut self, flaw: Flaw) -> io::Result<bool> {
        let lost = self.next_position;
        // A header is synced before any record is written behind it, and a whole one that is not
        // the one of this segment is of another: nothing that was begun here.
        if flaw == Flaw::Header {
            let is_of_other = is_header(self.window.peek(HEADER_BYTES)?);
            return Ok(is_of_other || self.find_frame(0..=HIGHEST)?.is_some());
        }
        while let Some((total, _)) = self.find_frame(near(lost + 1))? {
            self.window.advance(total);
            let durable_before = frame::view(self.window.passed(total), 0).durable_before();
            if durable_before > lost {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Goes to the next good record with such a position, wherever it begins, and tells its length
    /// and position; else to the end.
    fn find_frame(
        &mut self,
        plausible: RangeInclusive<Position>,
    ) -> io::Result<Option<(usize, Position)>> {
        loop {
            let head = self.window.peek(frame::HEAD_BYTES)?;
            if head.is_empty() {
                return Ok(None);
            }
            match frame::announce(head) {
                Ok((total, position)) if plausible.contains(&position) => {
                    if self.check_bytes(total)?.is_ok() {
                        return Ok(Some((total, position)));
                    }
                    self.window.advance(1);
                }
                Err(Flaw::Zeroes) => self.window.skip_zeroes()?,
                _ => self.window.advance(1),
            }
        }
    }
}

/// Positions that may stand where `lowest` should, or behind it.
fn near(lowest: Position) -> RangeInclusive<Position> {
    lowest..=lowest.saturating_add(FARTHEST).min(HIGHEST)
}

#[cfg(test)]
mod tests;
