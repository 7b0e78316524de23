//! A segment read from its header to its end, and the judgement on how it ends.

use std::io::{self, Read};

use super::frame::{self, Flaw, Frame};
use super::window::Window;
use crate::domain::ids::Position;

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

/// Which positions may follow each other in a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Each is one above the last.
    Dense,
    /// They rise: the segment was compacted.
    Sparse,
}

/// What stands behind the last good record of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Nothing.
    Clean,
    /// Bytes that were never promised to anyone: a torn record, or space reserved ahead.
    Unfinished {
        offset: u64,
        bytes: u64,
        zeroes: bool,
        flaw: Flaw,
    },
    /// An acknowledged record cannot be read.
    Damaged { offset: u64, flaw: Flaw },
}

/// Part of a segment that was passed over because it holds no readable record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    pub offset: u64,
    pub bytes: u64,
    pub flaw: Flaw,
}

/// Reads the records of one segment in order, with bounded memory.
#[derive(Debug)]
pub struct SegmentReader<R> {
    window: Window<R>,
    order: Order,
    first: Position,
    next_position: Position,
    header_is_read: bool,
}

impl<R: Read> SegmentReader<R> {
    /// `input` stands at the header; the segment should begin with position `first`.
    pub fn new(input: R, first: Position, order: Order) -> Self {
        Self {
            window: Window::new(input, 0),
            order,
            first,
            next_position: first,
            header_is_read: false,
        }
    }

    /// `input` stands at `offset`, where the record at `next_position` begins.
    pub fn resume(input: R, offset: u64, next_position: Position, order: Order) -> Self {
        Self {
            window: Window::new(input, offset),
            order,
            first: next_position,
            next_position,
            header_is_read: true,
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

    pub fn into_input(self) -> R {
        self.window.into_input()
    }

    /// Judges what stands behind the last record, by reading to the end. To be asked once, after
    /// [`SegmentReader::next_frame`] found no further record.
    ///
    /// A bad record was acknowledged if any good one behind it was written after a later sync.
    pub fn ending(&mut self) -> io::Result<Ending> {
        let offset = self.window.offset();
        if offset > 0 && self.window.peek(1)?.is_empty() {
            return Ok(Ending::Clean);
        }
        let flaw = self
            .inspect()?
            .expect_err("asked only where next_frame found no record");
        self.window.skip_zeroes()?;
        let zeroes = self.window.peek(1)?.is_empty();
        if !zeroes && self.was_acknowledged(flaw)? {
            return Ok(Ending::Damaged { offset, flaw });
        }
        Ok(Ending::Unfinished {
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
        if let Some((_, position)) = self.find_frame(self.next_position)? {
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
        Ok(self.check_position(position).map(|()| total))
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
            Order::Dense => found == expected,
            Order::Sparse => found >= expected,
        };
        if fits {
            Ok(())
        } else {
            Err(Flaw::Position { found, expected })
        }
    }

    fn take(&mut self, total: usize) -> Frame<'_> {
        let offset = self.window.offset();
        self.window.advance(total);
        let frame = frame::view(self.window.passed(total), offset);
        self.next_position = frame.position + 1;
        frame
    }

    /// Looks behind a bad record for one that proves that it was durable once.
    fn was_acknowledged(&mut self, flaw: Flaw) -> io::Result<bool> {
        let lost = self.next_position;
        // A header is synced before any record is written behind it.
        if flaw == Flaw::Header {
            return Ok(self.find_frame(lost)?.is_some());
        }
        while let Some((total, _)) = self.find_frame(lost + 1)? {
            self.window.advance(total);
            let durable_before = frame::view(self.window.passed(total), 0).durable_before();
            if durable_before > lost {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Goes to the next good record with a position from `lowest` on, wherever it begins, and
    /// tells its length and position; else to the end.
    fn find_frame(&mut self, lowest: Position) -> io::Result<Option<(usize, Position)>> {
        let plausible = lowest..lowest.saturating_add(FARTHEST);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::wal::samples;
    use proptest::prelude::*;

    /// A segment of three synced batches: records 5, 6 | 7, 8 | 9; and where each frame begins.
    fn written() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = header(5).to_vec();
        let mut starts = Vec::new();
        for (position, batch_index) in [(5, 0), (6, 1), (7, 0), (8, 1), (9, 0)] {
            starts.push(bytes.len());
            frame::encode(
                &mut bytes,
                position,
                batch_index,
                &samples::delivered(position as u128),
            );
        }
        (bytes, starts)
    }

    fn read(bytes: &[u8]) -> (Vec<Position>, Ending) {
        let mut reader = SegmentReader::new(bytes, 5, Order::Dense);
        let mut positions = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            positions.push(frame.position);
        }
        (positions, reader.ending().unwrap())
    }

    #[test]
    fn a_whole_segment_ends_clean() {
        let (bytes, _) = written();
        assert_eq!(read(&bytes), (vec![5, 6, 7, 8, 9], Ending::Clean));
        assert_eq!(read(&header(5)), (vec![], Ending::Clean));
    }

    #[test]
    fn space_reserved_ahead_is_told_from_a_torn_record() {
        let (mut bytes, starts) = written();
        let end = bytes.len();
        bytes.resize(end + 10_000, 0);
        let unused = Ending::Unfinished {
            offset: end as u64,
            bytes: 10_000,
            zeroes: true,
            flaw: Flaw::Zeroes,
        };
        assert_eq!(read(&bytes), (vec![5, 6, 7, 8, 9], unused));
        let torn = Ending::Unfinished {
            offset: starts[4] as u64,
            bytes: 40,
            zeroes: false,
            flaw: Flaw::CutOff,
        };
        assert_eq!(read(&bytes[..starts[4] + 40]), (vec![5, 6, 7, 8], torn));
    }

    #[test]
    fn a_bad_record_before_a_later_batch_is_damage() {
        let (mut bytes, starts) = written();
        bytes[starts[3] + 30] ^= 1;
        let damaged = Ending::Damaged {
            offset: starts[3] as u64,
            flaw: Flaw::Checksum,
        };
        assert_eq!(read(&bytes), (vec![5, 6, 7], damaged));
    }

    #[test]
    fn a_bad_record_before_one_of_its_own_batch_was_never_acknowledged() {
        let (mut bytes, starts) = written();
        bytes[starts[2] + 30] ^= 1;
        let (positions, ending) = read(&bytes[..starts[4]]);
        assert_eq!(positions, [5, 6]);
        assert!(matches!(ending, Ending::Unfinished { zeroes: false, .. }));
    }

    #[test]
    fn a_hole_of_zeroes_before_a_later_batch_is_damage() {
        let (mut bytes, starts) = written();
        bytes[starts[1]..starts[2]].fill(0);
        let damaged = Ending::Damaged {
            offset: starts[1] as u64,
            flaw: Flaw::Zeroes,
        };
        assert_eq!(read(&bytes), (vec![5], damaged));
    }

    #[test]
    fn a_torn_header_is_damage_only_before_records() {
        let (mut bytes, _) = written();
        bytes[9] ^= 1;
        let (positions, ending) = read(&bytes);
        assert!(positions.is_empty());
        assert!(matches!(ending, Ending::Damaged { offset: 0, .. }));
        for alone in [&bytes[..24], &bytes[..7], &[], &[0; 5000]] {
            let (_, ending) = read(alone);
            assert!(matches!(ending, Ending::Unfinished { offset: 0, .. }));
        }
    }

    #[test]
    fn a_record_of_another_place_is_not_taken() {
        let mut bytes = header(5).to_vec();
        frame::encode(&mut bytes, 4, 0, &samples::delivered(4));
        let stale = Flaw::Position {
            found: 4,
            expected: 5,
        };
        let (_, ending) = read(&bytes);
        assert!(matches!(ending, Ending::Unfinished { flaw, .. } if flaw == stale));
    }

    #[test]
    fn compacted_segments_may_have_gaps_in_positions() {
        let mut bytes = header(1).to_vec();
        for position in [3, 9] {
            frame::encode(&mut bytes, position, 0, &samples::delivered(1));
        }
        let mut reader = SegmentReader::new(&bytes[..], 1, Order::Sparse);
        assert_eq!(reader.next_frame().unwrap().unwrap().position, 3);
        assert_eq!(reader.next_frame().unwrap().unwrap().position, 9);
        assert_eq!(reader.ending().unwrap(), Ending::Clean);
    }

    #[test]
    fn reading_goes_on_behind_damage() {
        let (mut bytes, starts) = written();
        bytes[starts[1]] ^= 1;
        bytes[starts[2] + 9] ^= 1;
        let mut reader = SegmentReader::new(&bytes[..], 5, Order::Dense);
        assert_eq!(reader.next_frame().unwrap().unwrap().position, 5);
        assert!(reader.next_frame().unwrap().is_none());
        let gap = reader.skip_damage().unwrap().unwrap();
        assert_eq!(gap.offset, starts[1] as u64);
        assert_eq!(gap.bytes, (starts[3] - starts[1]) as u64);
        assert_eq!(reader.next_frame().unwrap().unwrap().position, 8);
        assert_eq!(reader.next_frame().unwrap().unwrap().position, 9);
        assert!(reader.next_frame().unwrap().is_none());
        assert_eq!(reader.skip_damage().unwrap(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let mut segment = header(5).to_vec();
            segment.extend(&bytes);
            let (positions, _) = read(&segment);
            prop_assert_eq!(positions, Vec::<Position>::new());
            read(&bytes);
        }

        #[test]
        fn a_cut_segment_keeps_exactly_its_whole_records(cut in HEADER_BYTES..written().0.len()) {
            let (bytes, starts) = written();
            let (positions, ending) = read(&bytes[..cut]);
            let whole = starts[1..].iter().filter(|start| **start <= cut).count();
            prop_assert_eq!(positions.len(), whole);
            prop_assert_eq!(ending == Ending::Clean, starts.contains(&cut));
        }
    }
}
